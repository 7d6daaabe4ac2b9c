"""How one state of the corpus reads the passages that were found: each once for as long as it is among the latest ones."""

from __future__ import annotations

from typing import TypeVar

from service.chat.evidence import Evidence, sentences
from service.chat.facets import SIDE_WORDS
from service.chat.relevance import PassageTerms, passage_terms
from service.remembering import Remembered
from service.retrieval.hits import Hit
from service.retrieval.retriever import Retriever

_REMEMBERED = 1_500
"""Passages that stay read: some twenty megabytes."""
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
        self._sequences: dict[_Key, tuple[str, ...]] = {}
        self._titles = Remembered[str, tuple[str, ...]](self._title, _REMEMBERED)

    def are_of(self, retriever: Retriever) -> bool:
        """Whether these are of the retriever's state of the corpus."""
        return self._analyser is retriever.analyser and self._corpus == retriever.holdings.hash

    def passage(self, hit: Hit) -> PassageTerms:
        """The terms of a passage by its sentences."""
        key = _key(hit)
        found = self._passages.get(key)
        if found is None:
            found = passage_terms(hit.document, hit.text, self._analyser.terms_of, sentences)
            _keep(self._passages, key, found)
        return found

    def sequence(self, item: Evidence) -> tuple[str, ...]:
        """The terms of a passage in their order, behind those of its title."""
        key = _key(item)
        found = self._sequences.get(key)
        if found is None:
            found = self._analyser.terms_of(f"{item.document.title} . {item.text[:_READ_CHARACTERS]}")
            _keep(self._sequences, key, found)
        return found

    def title(self, title: str) -> tuple[str, ...]:
        """The distinct terms of a title, as those of a question are read."""
        return self._titles[title]

    def _title(self, title: str) -> tuple[str, ...]:
        read = self._analyser.query_terms(title)
        return tuple(dict.fromkeys((*read.topic, *read.side, *read.source)))


def _key(found: Hit | Evidence) -> _Key:
    return found.document.id, found.text


def _keep(known: dict[_Key, V], key: _Key, value: V) -> None:
    if len(key[1]) <= _LONGEST_REMEMBERED:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = value
