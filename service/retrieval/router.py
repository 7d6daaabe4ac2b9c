"""Looks up what a question cites: "pasal 1320 KUHPerdata", "UU 27/2022 pasal 65" (how citations are read: `citing.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from service.remembering import Remembered
from service.retrieval.citing import (
    Citation,
    article_numbers,
    find_articles,
    find_citations,
    find_decisions,
    find_laws,
    law_keys,
    plain,
)
from service.retrieval.document import Document
from service.retrieval.naming import NamedLaw, find_named, name_words
from service.text import fold

__all__ = [
    "Citation",
    "CitationRouter",
    "Unresolved",
    "article_numbers",
    "citation_keys",
    "find_articles",
    "find_citations",
    "find_decisions",
    "find_laws",
    "law_term",
    "router_of",
]

Reason = Literal["article_not_in_law", "law_not_in_corpus"]

_LAW_KEY = "law:"
_REMEMBERED = 2_000
_DECISION_KEY = "decision:"
_NAME_KEY = "name:"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A citation or a law that leads nowhere: how the text named it, its keys, and whether the law or only the article is missing."""

    label: str
    laws: tuple[str, ...]
    reason: Reason


class CitationRouter:
    """Looks citations up by today's article and by the earlier one that it replaced."""

    def __init__(self, rows_of: Callable[[str], Sequence[int]]) -> None:
        """Look keys up by `rows_of`: the rows of the documents that have a key (`citation_keys`), in order."""
        self._rows_of = Remembered[str, Sequence[int]](rows_of, _REMEMBERED).__getitem__

    def rows(self, citation: Citation) -> tuple[int, ...]:
        """The places of the documents that state the cited article, or nothing; those on the very paragraph come first."""
        exact = [self._rows_of(_key(law, citation.article, citation.ayat)) for law in citation.laws if citation.ayat]
        whole = next((found for law in citation.laws if (found := self._rows_of(_key(law, citation.article)))), ())
        return tuple(dict.fromkeys(chain(*exact, whole)))

    def holds(self, law: tuple[str, ...]) -> bool:
        """Whether any document states something of the law, under any of its keys."""
        return any(self._rows_of(_LAW_KEY + key) for key in law)

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
        for law in self.unknown_names(text):
            found[Unresolved(law.label, (), "law_not_in_corpus")] = None
        return tuple(found)

    def unknown_names(self, text: str) -> tuple[NamedLaw, ...]:
        """The laws that a text names by topic, and of whose name less than the greater half stands in titles of that kind."""
        named = find_named(text)
        return tuple(
            law for law in named if 2 * sum(self._titled(law.kind, word) for word in law.words) <= len(law.words)
        )

    def _titled(self, kind: str, word: str) -> bool:
        return bool(self._rows_of(_name_key(kind, word)))

    def knows(self, decision: str) -> bool:
        """Whether any document is the decision or speaks of it by its number."""
        return bool(self._rows_of(_DECISION_KEY + decision))

    def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them the sources state.

        An article with its law must stand in the corpus; a law without an article must be known to it; an article without a law
        must be one of the cited documents' own, and only counts when no article is named in full. A decision must be known by its number.
        """
        citations = find_citations(text)
        of_citations = {citation.laws for citation in citations}
        found = [bool(self.rows(citation)) for citation in citations]
        found += [self.holds(law) for law in find_laws(text) if law not in of_citations]
        found += [False for _ in self.unknown_names(text)]
        found += [self.knows(decision) for decision in find_decisions(text)]
        if not citations and (articles := find_articles(text)):
            known = {number for document in cited for number in article_numbers(document.article)}
            found += [number in known for number in articles]
        return len(found), sum(found)


def router_of(documents: Iterable[Document]) -> CitationRouter:
    """A router over documents in memory."""
    table: dict[str, list[int]] = {}
    for row, document in enumerate(documents):
        for key in citation_keys(document):
            table.setdefault(key, []).append(row)
    return CitationRouter(lambda key: table.get(key, ()))


def citation_keys(document: Document) -> list[str]:
    """The keys under which a document is found: its law, its articles, those they replaced, and the decisions that it names."""
    # Every decision's number has a slash: most texts need not be searched for one.
    text = document.text if "/" in document.text else ""
    told = f"{document.decision_number or ''} {text}".strip()
    keys = [_DECISION_KEY + number for number in find_decisions(told)] if told else []
    if document.kind == "decision":
        return keys
    if document.law:
        numbers = article_numbers(document.article)
        for law in law_keys(document.law):
            keys += [_LAW_KEY + law, *(_key(law, number) for number in numbers)]
        kind = plain(document.law).partition(" ")[0]
        keys += [_name_key(kind, word) for word in name_words(document.law_title or "")]
    for found in find_citations(document.earlier) if document.earlier else ():
        for law in found.laws:
            keys.append(_key(law, found.article))
            if found.ayat:
                keys.append(_key(law, found.article, found.ayat))
    return list(dict.fromkeys(keys))


def law_term(law: str) -> str:
    """A law as one search term: "UU 12/2022" and "uu 12/2022" become "uu_12/2022"."""
    return "_".join(fold(law).split())


def _name_key(kind: str, word: str) -> str:
    return f"{_NAME_KEY}{kind} {word}"


def _key(law: str, article: str, ayat: str = "") -> str:
    return f"{law}|{article} {ayat}" if ayat else f"{law}|{article}"
