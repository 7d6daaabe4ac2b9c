"""How one state of the corpus reads the passages that were found: each once for as long as it is among the latest ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from service.chat.confidence import Idf, Places, Title, places_of, title_of
from service.chat.evidence import Evidence, sentences
from service.chat.facets import SIDE_WORDS
from service.chat.relevance import PassageTerms, passage_terms
from service.retrieval.hits import Hit
from service.retrieval.retriever import Retriever

_REMEMBERED = 1_500
"""Passages that stay read: some twenty megabytes, twice as much where all are long."""
_LONGEST_REMEMBERED = 8_000
_READ_CHARACTERS = 2_000
"""So much of a passage is read for neighbouring words; an article that is cited whole may have 75,000."""

V = TypeVar("V")
_Key = tuple[str, str]
"""The id of a document and a passage's text."""


class Readings:
    """Passages and titles as terms. It knows no retriever, so that a corpus which was replaced can go."""

    def __init__(self, retriever: Retriever) -> None:
        self._analyser = retriever.analyser
        self._corpus = retriever.holdings.hash
        self.sides = frozenset(self._analyser.terms_of(SIDE_WORDS))
        """The terms of words that ask for a side of a topic."""
        self._passages: dict[_Key, PassageTerms] = {}
        self._places: dict[_Key, Places] = {}
        self._titles: dict[str, Title] = {}

    def are_of(self, retriever: Retriever) -> bool:
        """Whether these are of the retriever's state of the corpus."""
        return self._analyser is retriever.analyser and self._corpus == retriever.holdings.hash

    def passage(self, hit: Hit) -> PassageTerms:
        """The terms of a passage by its sentences."""
        key = hit.document.id, hit.text
        found = self._passages.get(key)
        if found is None:
            found = passage_terms(hit.document, hit.text, self._analyser.terms_of, sentences)
            _keep(self._passages, key, found)
        return found

    def passages(self, hits: Iterable[Hit]) -> Callable[[Hit], PassageTerms]:
        """The terms of each of these very hits, read once for all who ask: how a long passage was read is not remembered."""
        read = {id(hit): self.passage(hit) for hit in hits}
        return lambda hit: read[id(hit)]

    def places(self, item: Evidence) -> Places:
        """Where the terms of a passage stand, behind those of its title."""
        key = item.document.id, item.text
        found = self._places.get(key)
        if found is None:
            found = places_of(self._analyser.terms_of(f"{item.document.title} . {item.text[:_READ_CHARACTERS]}"))
            _keep(self._places, key, found)
        return found

    def title(self, title: str, idf: Idf) -> Title:
        """A title with its distinct terms, as those of a question are read; `idf` is the retriever's weight of a term."""
        found = self._titles.get(title)
        if found is None:
            read = self._analyser.query_terms(title)
            found = title_of(dict.fromkeys((*read.topic, *read.side, *read.source)), idf)
            if len(self._titles) >= _REMEMBERED:
                self._titles.clear()
            self._titles[title] = found
        return found


def _keep(known: dict[_Key, V], key: _Key, value: V) -> None:
    if len(key[1]) <= _LONGEST_REMEMBERED:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = value
