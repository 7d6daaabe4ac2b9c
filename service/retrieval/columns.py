"""What an embedded index knows of its passages and documents beside Tantivy: columns of numbers, and texts by their row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from service.remembering import Remembered
from service.retrieval.building import title_code
from service.retrieval.document import KINDS, Document, Kind, Passage
from service.retrieval.duplicates import SKETCH_SIZE
from service.retrieval.places import Place
from service.retrieval.retriever import Holdings
from service.retrieval.shelving import Blobs, load_document, load_passage, read_column

_REMEMBERED = 2_000
"""Documents, passages and sketches that stay read: some ten megabytes."""
_LONGEST_REMEMBERED = 16_000
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
        documents, sketches = self._documents, self._sketches
        self.document: Callable[[int], Document] = Remembered[int, Document](
            lambda row: load_document(documents[row]), _REMEMBERED, _is_short
        ).__getitem__
        """A document by its row, read from its bytes."""
        self.document_of: Callable[[int], int] = self._document_of.__getitem__
        """The row of a passage's document."""
        self._read_passages: dict[int, Passage] = {}
        codes, starts, weights = self._title_codes, self._title_starts, self._title_weights
        self.title: Callable[[int], tuple[Collection[int], float]] = Remembered[int, tuple[Collection[int], float]](
            lambda row: (tuple(codes[starts[row] : starts[row + 1]]), weights[row]), _REMEMBERED
        ).__getitem__
        """The codes of a title's terms in their order, and the sum of their idf, by the document's row."""
        self.sketch: Callable[[int], frozenset[int]] = Remembered[int, frozenset[int]](
            lambda row: frozenset(sketches[row * SKETCH_SIZE : (row + 1) * SKETCH_SIZE]), _REMEMBERED
        ).__getitem__
        """What passages in almost the same words share, by the passage's row."""

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

    def passages_of(self, document: int) -> range:
        """The rows of a document's passages."""
        return range(self._first_passage[document], self._first_passage[document + 1])

    def title_code(self, term: str) -> int:
        """The number under which `title` knows a term."""
        return title_code(term)

    def repealed(self, document: int) -> bool:
        """Whether a document lost its force."""
        return bool(self._repealed[document])

    def of_kinds(self, found: Iterable[tuple[float, int]], kinds: Collection[Kind]) -> list[tuple[float, int]]:
        """Those of some passages, as score and row, whose documents are of these kinds."""
        column, wanted = self._kinds, frozenset(map(KINDS.index, kinds))
        return [one for one in found if column[one[1]] in wanted]

    def passage(self, row: int, document: Document) -> Passage:
        """A passage of that document, read from its bytes."""
        found = self._read_passages.get(row)
        if found is None:
            found = load_passage(self._passages[row], document)
            if len(self._read_passages) >= _REMEMBERED:
                self._read_passages.clear()
            if len(found.text) <= _LONGEST_REMEMBERED:
                self._read_passages[row] = found
        return found


def _is_short(document: Document) -> bool:
    return len(document.text) <= _LONGEST_REMEMBERED
