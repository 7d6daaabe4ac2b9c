"""What a search gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from service.retrieval.document import Document, Passage
from service.values import value

LOW_SCORE = 0.12
"""A best score below this means: words met by chance. Normalised scores lie in [0, 1)."""


@value
class Hit:
    """A passage found, its document, and how well it fits: BM25 over its greatest possible value for the question, in [0, 1].

    Without a passage the document is meant as a whole. `repeated_in` are the ids of documents that say the same in almost the same words, and were left out for this one. `row` is the
    passage's place in its generation, by which its vector is found.
    """

    document: Document
    score: float
    passage: Passage | None = None
    repeated_in: tuple[str, ...] = ()
    row: int | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """What was found, verbatim."""
        return self.passage.text if self.passage else self.document.text


@value
class Search:
    """One search: the hits, best first, and the seconds each stage took (analyse, search, rank, total)."""

    hits: tuple[Hit, ...]
    seconds: Mapping[str, float]

    @property
    def outcome(self) -> str:
        """`hit`, `low_score` when the best hit is weak, or `empty`."""
        if not self.hits:
            return "empty"
        return "hit" if self.hits[0].score >= LOW_SCORE else "low_score"
