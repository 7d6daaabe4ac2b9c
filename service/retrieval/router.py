"""Finds the articles that a question names: "pasal 1320 KUHPerdata", "UU 27/2022 pasal 65"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from service.retrieval.document import Document
from service.text import fold

NAMED_LAWS: Mapping[str, tuple[str, ...]] = {
    "kuhperdata": ("kuhperdata",),
    "kuh perdata": ("kuhperdata",),
    "kuhper": ("kuhperdata",),
    "bw": ("kuhperdata",),
    "kitab undang-undang hukum perdata": ("kuhperdata",),
    "kuhp": ("uu 1/2023", "kuhp"),
    "kitab undang-undang hukum pidana": ("uu 1/2023", "kuhp"),
    "hir": ("hir",),
    "rbg": ("rbg",),
    "khi": ("khi",),
    "kompilasi hukum islam": ("khi",),
    "uud 1945": ("uud 1945",),
    "uud": ("uud 1945",),
    "uu tpks": ("uu 12/2022",),
    "uu pdp": ("uu 27/2022",),
    "uu ite": ("uu 1/2024", "uu 19/2016", "uu 11/2008"),
    "uu kdrt": ("uu 23/2004",),
    "uu pkdrt": ("uu 23/2004",),
    "uu perkawinan": ("uu 16/2019", "uu 1/1974"),
    "uu tipikor": ("uu 20/2001", "uu 31/1999"),
    "uu ketenagakerjaan": ("uu 13/2003",),
    "uu perlindungan konsumen": ("uu 8/1999",),
    "uu lalu lintas": ("uu 22/2009",),
    "uu llaj": ("uu 22/2009",),
    "uu kepailitan": ("uu 37/2004",),
    "uu arbitrase": ("uu 30/1999",),
    "uu fidusia": ("uu 42/1999",),
    "uu advokat": ("uu 18/2003",),
    "uu bantuan hukum": ("uu 16/2011",),
    "uu peradilan agama": ("uu 7/1989",),
    "uu pokok agraria": ("uu 5/1960",),
    "uupa": ("uu 5/1960",),
    "uu pt": ("uu 40/2007",),
    "uu penyesuaian pidana": ("uu 1/2026",),
    "kuhap": ("uu 20/2025",),
    "kitab undang-undang hukum acara pidana": ("uu 20/2025",),
}
"""What people call a law, and the keys under which the corpus may hold it, today's first."""

_NAMES = "|".join(re.escape(name) for name in sorted(NAMED_LAWS, key=len, reverse=True))
_LAW = (
    r"(?:(?P<type{n}>undang-undang|uu|peraturan pemerintah|pp|peraturan mahkamah agung|perma|perpres)"
    r"(?: nomor| no\.?)? ?(?P<number{n}>\d{{1,3}})(?: tahun | ?/ ?)(?P<year{n}>\d{{4}})"
    r"|(?P<name{n}>" + _NAMES + r")(?: baru| lama| nasional)?)"
)
_ARTICLE = (
    r"\b(?:pasal|psl\.?|ps\.?) ?(?P<article{n}>\d{{1,4}}[a-z]?)\b"
    r"(?: ayat \(?(?P<ayat{n}>\d{{1,2}}[a-z]?)\)?)?(?: huruf [a-z]\b)?"
    r"(?P<more{n}>(?:(?: ?,(?: dan| atau)?| jo\.?| juncto| dan| atau) (?:pasal |ps\.? )?\d{{1,4}}[a-z]?\b(?: ayat \(?\d{{1,2}}\)?)?){{0,5}})"
)
_JOINER = r"[ ,?]{{0,3}}(?:dari |jo\.? |dalam )?"
_CITATION = re.compile(
    ("(?:" + _ARTICLE.format(n=1) + _JOINER.format() + _LAW.format(n=1) + r"\b)")
    + "|(?:"
    + (_LAW.format(n=2) + _JOINER.format() + _ARTICLE.format(n=2))
    + ")"
)
_ANY_LAW = re.compile(r"\b" + _LAW.format(n=1) + r"\b")
_ANY_ARTICLE = re.compile(r"\b" + _ARTICLE.format(n=1))
_AYAT = re.compile(r"ayat \(?\d{1,2}\)?")
_ARTICLE_NUMBER = re.compile(r"\d{1,4}[A-Za-z]?")
_DECISION = re.compile(r"\b(?P<number>\d{1,5}) ?/? ?(?P<rest>[a-z][a-z.\-]{0,20}(?:/[a-z.\-]{1,20}){0,3}/\d{4})\b")
"""A decision's number as courts write it: "112 K/Ag/2021", "45/Pdt.G/2020", "69/PUU-XIII/2015"."""
_SPACES = re.compile(r"\s+")
_TYPES = {
    "undang-undang": "uu",
    "peraturan pemerintah": "pp",
    "peraturan mahkamah agung": "perma",
}


@dataclass(frozen=True, slots=True)
class Citation:
    """An article that a text names; `laws` are the keys it may stand under, `label` is how the text named it.

    `ayat` is the paragraph that was named, or empty.
    """

    laws: tuple[str, ...]
    article: str
    label: str
    ayat: str = ""


def _laws_of(match: re.Match[str], group: str) -> tuple[str, ...]:
    name = match[f"name{group}"]
    if name:
        return NAMED_LAWS[name]
    kind = match[f"type{group}"]
    return (f"{_TYPES.get(kind, kind)} {match[f'number{group}']}/{match[f'year{group}']}",)


def _plain(text: str) -> str:
    return _SPACES.sub(" ", fold(text))


def find_citations(text: str) -> tuple[Citation, ...]:
    """The articles that the text names together with their law, in order and each once."""
    found: dict[Citation, None] = {}
    for match in _CITATION.finditer(_plain(text)):
        group = "1" if match["article1"] else "2"
        article, ayat = match[f"article{group}"], match[f"ayat{group}"] or ""
        laws, label = _laws_of(match, group), match[0].strip()
        found[Citation(laws, article, label, ayat)] = None
        for other in article_numbers(match[f"more{group}"]):
            found[Citation(laws, other, label)] = None
    return tuple(found)


def find_laws(text: str) -> tuple[tuple[str, ...], ...]:
    """The laws that the text names, with or without an article; each as the keys it may stand under."""
    return tuple(dict.fromkeys(_laws_of(match, "1") for match in _ANY_LAW.finditer(_plain(text))))


def find_articles(text: str) -> tuple[str, ...]:
    """The article numbers that the text names, with or without their law."""
    return tuple(dict.fromkeys(match["article1"] for match in _ANY_ARTICLE.finditer(_plain(text))))


def find_decisions(text: str) -> tuple[str, ...]:
    """The numbers of court decisions that the text names, in one spelling."""
    return tuple(dict.fromkeys(f"{found['number']}/{found['rest']}" for found in _DECISION.finditer(_plain(text))))


def article_numbers(article: str | None) -> tuple[str, ...]:
    """The numbers in an entry's article: "27 ayat (3)" names 27 and not 3."""
    if not article:
        return ()
    return tuple(number.lower() for number in _ARTICLE_NUMBER.findall(_AYAT.sub("", article)))


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
                self._laws.add(_plain(document.law))
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

    def knows(self, decision: str) -> bool:
        """Whether any document is the decision or speaks of it by its number."""
        return decision in self._decisions


def _keys(document: Document) -> list[tuple[str, str]]:
    keys: list[tuple[str, str]] = []
    if document.law and document.article:
        law = _plain(document.law)
        keys += [(law, number) for number in article_numbers(document.article)]
    for found in find_citations(document.earlier or ""):
        for law in found.laws:
            keys.append((law, found.article))
            if found.ayat:
                keys.append((law, f"{found.article} {found.ayat}"))
    return keys
