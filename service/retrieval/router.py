"""Looks up what a question cites: "pasal 1320 KUHPerdata", "UU 27/2022 pasal 65" (how citations are read: `citing.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from service.retrieval.citing import (
    Citation,
    article_numbers,
    find_articles,
    find_citations,
    find_decisions,
    find_laws,
    law_keys,
)
from service.retrieval.document import Document

__all__ = [
    "Citation",
    "CitationRouter",
    "Unresolved",
    "article_numbers",
    "find_articles",
    "find_citations",
    "find_decisions",
    "find_laws",
]

Reason = Literal["article_not_in_law", "law_not_in_corpus"]


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A citation or a law that leads nowhere: how the text named it, its keys, and whether the law or only the article is missing."""

    label: str
    laws: tuple[str, ...]
    reason: Reason


class CitationRouter:
    """Looks citations up among the documents, by today's article and by the earlier one that it replaced."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._rows: dict[tuple[str, str], list[int]] = {}
        self._laws: set[str] = set()
        self._decisions: set[str] = set()
        for row, document in enumerate(documents):
            self._decisions.update(find_decisions(f"{document.decision_number or ''} {document.text}"))
            if document.kind == "decision":
                continue
            if document.law:
                self._laws.update(law_keys(document.law))
            for key in _keys(document):
                rows = self._rows.setdefault(key, [])
                if row not in rows:
                    rows.append(row)

    def rows(self, citation: Citation) -> tuple[int, ...]:
        """The places of the documents that state the cited article, or nothing; those on the very paragraph come first."""
        exact = [self._rows.get((law, f"{citation.article} {citation.ayat}"), ()) for law in citation.laws]
        whole = next((found for law in citation.laws if (found := self._rows.get((law, citation.article)))), ())
        return tuple(dict.fromkeys(chain(*exact, whole)))

    def holds(self, law: tuple[str, ...]) -> bool:
        """Whether any document states something of the law, under any of its keys."""
        return not self._laws.isdisjoint(law)

    def unresolved(self, text: str) -> tuple[Unresolved, ...]:
        """The citations and laws of a text that the corpus does not state, in order: what a refusal may name.

        It says what was not found here, never that a law or an article does not exist.
        """
        citations = find_citations(text)
        found: dict[Unresolved, None] = {}
        for citation in citations:
            if not self.rows(citation):
                reason: Reason = "article_not_in_law" if self.holds(citation.laws) else "law_not_in_corpus"
                found[Unresolved(citation.label, citation.laws, reason)] = None
        named = {citation.laws for citation in citations}
        for laws in find_laws(text):
            if laws not in named and not self.holds(laws):
                found[Unresolved(laws[0], laws, "law_not_in_corpus")] = None
        return tuple(found)

    def knows(self, decision: str) -> bool:
        """Whether any document is the decision or speaks of it by its number."""
        return decision in self._decisions


def _keys(document: Document) -> list[tuple[str, str]]:
    keys: list[tuple[str, str]] = []
    if document.law and document.article:
        numbers = article_numbers(document.article)
        keys += [(law, number) for law in law_keys(document.law) for number in numbers]
    for found in find_citations(document.earlier or ""):
        for law in found.laws:
            keys.append((law, found.article))
            if found.ayat:
                keys.append((law, f"{found.article} {found.ayat}"))
    return keys
