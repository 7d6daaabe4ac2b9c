"""What an embedded index knows of its passages and documents beside Tantivy: columns of numbers, and texts by their row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from service.remembering import Remembered
from service.retrieval.building import title_code
from service.retrieval.document import KINDS, Document, Kind, Passage
from service.retrieval.duplicates import SKETCH_SIZE, Sketch
from service.retrieval.places import Place
from service.retrieval.ranking import Standing, repeats, title_bits
from service.retrieval.retriever import Holdings
from service.retrieval.shelving import Blobs, load_document, load_passage, read_column

_REMEMBERED = 2_000
"""Documents, passages, and what is known of them, that stay read: some ten megabytes."""
_REMEMBERED_TERMS = 10_000
"""Terms whose number stays known: a megabyte."""
LONGEST_REMEMBERED = 16_000
"""Documents with more characters are read anew: a law in one piece may have millions."""


class Columns:
    """The stock of an embedded index; it does not change."""

    def __init__(self, place: Place) -> None:
        self._documents = Blobs(place, "documents")
        self._passages = Blobs(place, "passages")
        self._document_of = read_column(place, "document_of", "I")
        self._first_passage = read_column(place, "first_passage", "I")
        self._repealed = read_column(place, "repealed", "B")
        self._kinds = read_column(place, "kinds", "B")
        self._sketches = read_column(place, "sketches", "I")
        self._title_codes = read_column(place, "title_codes", "I")
        self._title_starts = read_column(place, "title_starts", "I")
        self._title_weights = read_column(place, "title_weights", "f")
        # Made of the columns and not of `self`: a cycle would keep the files mapped until the collector comes.
        documents, passages, sketches, document_of = self._documents, self._passages, self._sketches, self._document_of
        codes, starts, weights, repealed = self._title_codes, self._title_starts, self._title_weights, self._repealed
        read = Remembered[int, Document](lambda row: load_document(documents[row]), _REMEMBERED, _is_short)

        def standing(row: int) -> Standing:
            document = document_of[row]
            title = tuple(codes[starts[document] : starts[document + 1]])
            return Standing(document, title, title_bits(title), weights[document], bool(repealed[document]))

        def held(row: int) -> tuple[Document, Passage]:
            document = read[document_of[row]]
            return document, load_passage(passages[row], document)

        def sketch(row: int) -> Sketch:
            return Sketch.of(sketches[row * SKETCH_SIZE : (row + 1) * SKETCH_SIZE])

        standings = Remembered[int, Standing](standing, _REMEMBERED)
        passages_held = Remembered[int, tuple[Document, Passage]](held, _REMEMBERED, _are_short)
        repeating = Remembered[tuple[int, int], bool](
            lambda rows: repeats(passages_held[rows[0]], passages_held[rows[1]]), _REMEMBERED
        )
        # What is remembered must not outlive the columns: whoever looks at what was closed has to hear of it.
        self._remembered: tuple[dict[Any, Any], ...] = (read, standings, passages_held, repeating)
        self.document: Callable[[int], Document] = read.__getitem__
        """A document by its row, read from its bytes."""
        self.standing: Callable[[int], Standing] = standings.__getitem__
        """What places a passage, by its row."""
        self.held: Callable[[int], tuple[Document, Passage]] = passages_held.__getitem__
        """A passage with its document, by its row, read from its bytes."""
        self.sketch: Callable[[int], Sketch] = sketch
        """What passages in almost the same words share, by the passage's row; it is kept with what places the passage."""
        self.repeats: Callable[[tuple[int, int]], bool] = repeating.__getitem__
        """Whether two passages, by their rows, say the same."""
        self.title_code: Callable[[str], int] = Remembered[str, int](title_code, _REMEMBERED_TERMS).__getitem__
        """The number under which titles know a term."""

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._documents)

    def whole(self, holdings: Holdings) -> bool:
        """Whether all columns agree on how many documents and passages there are."""
        documents = (
            len(self._documents),
            len(self._first_passage) - 1,
            len(self._title_weights),
            len(self._repealed),
        )
        passages = (len(self._passages), len(self._document_of), len(self._kinds))
        agree = set(documents) == {holdings.documents} and set(passages) == {holdings.passages}
        return agree and self._documents.whole() and self._passages.whole()

    def close(self) -> None:
        """Give the columns back; nobody may look at them afterwards."""
        columns = (self._document_of, self._first_passage, self._repealed, self._kinds, self._sketches)
        for column in (*columns, self._title_codes, self._title_starts, self._title_weights):
            column.release()
        self._documents.close()
        self._passages.close()
        for remembered in self._remembered:
            remembered.clear()

    def passages_of(self, document: int) -> range:
        """The rows of a document's passages."""
        return range(self._first_passage[document], self._first_passage[document + 1])

    def document_of(self, row: int) -> int:
        """The row of a passage's document."""
        return int(self._document_of[row])

    def passage(self, row: int, document: Document) -> Passage:
        """A passage of that document, read from its bytes."""
        return load_passage(self._passages[row], document)

    def of_kinds(
        self, found: Iterable[tuple[float, int]], kinds: Collection[Kind], most: int
    ) -> list[tuple[float, int]]:
        """The first of some passages, as score and row, whose documents are of these kinds: so many at most."""
        column, wanted = self._kinds, frozenset(map(KINDS.index, kinds))
        picked: list[tuple[float, int]] = []
        for one in found:
            if column[one[1]] in wanted:
                picked.append(one)
                if len(picked) == most:
                    break
        return picked


def _is_short(document: Document) -> bool:
    return len(document.text) <= LONGEST_REMEMBERED


def _are_short(held: tuple[Document, Passage]) -> bool:
    return _is_short(held[0]) and len(held[1].text) <= LONGEST_REMEMBERED
