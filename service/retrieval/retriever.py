"""The Protocol between those who look passages up and whatever holds them, and the embedded implementation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from service.retrieval.analysis import Analyser
from service.retrieval.document import Document, Kind, Passage
from service.retrieval.hits import Search
from service.retrieval.router import Citation, Unresolved


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents a search may give; an empty field leaves all of them.

    `types` are instruments ("UU", "PP", "POJK") in any case, the years are inclusive and leave out what has none. `in_force_on`
    leaves out what is known not to hold on that day; without it, what was repealed stands behind what is in force.
    """

    kinds: tuple[Kind, ...] = ()
    types: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    in_force_on: date | None = None


NO_FILTERS = Filters()
STATUTES = Filters(kinds=("statute",))
DECISIONS = Filters(kinds=("decision",))


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is searched: a hash of the corpus and how many documents it has, those invented and those compared by nobody among them."""

    hash: str
    documents: int
    passages: int
    demo: int
    unverified: int


class Found(Protocol):
    """A passage and its document: a hit, or what became of one."""

    @property
    def document(self) -> Document:
        """The document."""

    @property
    def passage(self) -> Passage | None:
        """The passage of it; None: all of it."""


class Retriever(Protocol):
    """One state of the corpus. It does not change while somebody holds it, so a question sees the same corpus from end to end."""

    @property
    def holdings(self) -> Holdings:
        """What is searched."""

    @property
    def waits(self) -> bool:
        """Whether a look-up may wait for another process; then several of them had better run at the same time."""

    @property
    def analyser(self) -> Analyser:
        """How this corpus reads words; questions and sentences must be read the same way."""

    async def search(
        self, text: str, *, filters: Filters = NO_FILTERS, limit: int = 10, passages_per_document: int = 1
    ) -> Search:
        """The passages that fit a text best, best first; of one document the best `passages_per_document`."""

    async def lookup(self, citations: Iterable[Citation]) -> Search:
        """The documents that state the cited articles: exact, so each scores 1."""

    async def resolves(self, citation: Citation) -> bool:
        """Whether the corpus states the cited article."""

    async def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them the corpus states."""

    async def unresolved(self, text: str) -> tuple[Unresolved, ...]:
        """The citations and laws of a text that the corpus does not state, in order, and whether law or article is missing."""

    async def check(self) -> None:
        """Nothing, when questions can be answered from it now.

        Raises:
            StorageUnavailable: they cannot.
        """

    def let_go(self, text: str) -> None:
        """Forget what the searches for a text were kept for: whoever asked looks for nothing more. Searched for again, it is found again."""

    def idf(self, term: str) -> float:
        """The weight of a term; one that no passage holds weighs most."""

    def terms(self, found: Found) -> frozenset[str]:
        """The distinct terms under which a passage is found."""
