"""The numbers in a text that mean something: articles, paragraphs, laws, decisions, amounts with their unit and bound.

Indonesian and English are read alike: "lima tahun", "5 (lima) tahun" and "five years" are the same amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.chat.numerals import BOUNDS, JOINED_UNITS, MAGNITUDES, UNITS, number_words
from service.chat.phrases import PAST
from service.retrieval.citing import find_decisions
from service.retrieval.laws import NAMED_LAWS
from service.text import fold

Law = tuple[str, ...]
"""The keys under which a law may be known: "uu 1/2023", "kuhp"."""

_SPACES = re.compile(r"\s+")
_MARKS = re.compile(r"\[[^\[\]]*\]")
_UNIT_AHEAD = r"(?!\s*(?:\([^)]{1,20}\)\s*)?(?:tahun|bulan|hari|minggu|jam|persen|%|orang|ribu|juta|miliar|kali|years?|months?|days?|percent|million))"
_JOIN = r"(?:\s*,?\s*(?:dan|atau|serta|s\.?d\.?|sampai(?: dengan)?|hingga|jo\.?|juncto|and|or|to|through|-)\s*|\s*,\s*)"
_ARTICLE = re.compile(
    r"\b(?:pasal|psl\.?|ps\.?|articles?|art\.)\s*(?P<number>\d{1,4}[a-z]{0,2})\b"
    r"(?P<paragraph>\s*\(\d{1,2}\))?"
    r"(?P<more>(?:" + _JOIN + r"(?:pasal\s*|article\s*)?\d{1,4}[a-z]?\b(?!\s*[/.]\s*\d)" + _UNIT_AHEAD + r"){0,8})"
)
_AYAT = re.compile(
    r"\b(?:ayat|paragraphs?|verse)\s*\(?(?P<number>\d{1,2}[a-z]?)\)?(?P<more>(?:"
    + _JOIN
    + r"(?:ayat\s*)?\(\d{1,2}\)){0,6})"
)
_LETTER = re.compile(r"\b(?:huruf|letter|point)\s+\(?([a-z])\)?(?![a-z])")
_RANGE = re.compile(r"s\.?d\.?|sampai|hingga|to|through|-")
_NUMBER = re.compile(r"\d{1,4}[a-z]{0,2}")
_KINDS = {
    "undang-undang": "uu",
    "undang undang": "uu",
    "law": "uu",
    "act": "uu",
    "peraturan pemerintah": "pp",
    "government regulation": "pp",
    "peraturan mahkamah agung": "perma",
    "supreme court regulation": "perma",
    "peraturan presiden": "perpres",
    "presidential regulation": "perpres",
    "perpu": "perppu",
}
_LAW = re.compile(
    r"\b(?:(?P<kind>undang[- ]undang|uu|peraturan pemerintah|pp|perppu|perpu|peraturan mahkamah agung|perma|peraturan presiden|perpres"
    r"|government regulation|supreme court regulation|presidential regulation|law|act)\s*)?"
    r"(?:republik indonesia\s*|ri\s*)?(?:(?P<word>nomor|no\.?|number)\s*)?"
    r"(?P<number>\d{1,3})(?:\s*/\s*|\s*(?P<between>tahun|of|th\.?)\s*)(?P<year>(?:19|20)\d{2})\b"
)
_SHORT_LAW = re.compile(
    r"\b(?P<kind>uu|pp|perma|perpres|undang-undang)\s*(?:nomor|no\.?)?\s*(?P<number>\d{1,3})\b(?!\s*(?:/|tahun|\d))"
)
_OTHER_NAMES = {
    "civil code": ("kuhperdata",),
    "criminal code": ("uu 1/2023", "kuhp"),
    "penal code": ("uu 1/2023", "kuhp"),
    "kuhd": ("kuhd",),
    "constitution": ("uud 1945",),
}
_NAMES = {**NAMED_LAWS, **_OTHER_NAMES}
_NAME = re.compile(r"\b(?:" + "|".join(re.escape(n) for n in sorted(_NAMES, key=len, reverse=True)) + r")\b")
_CATEGORY = re.compile(r"\b(kategori|category|golongan|class)\s+(viii|vii|vi|iv|v|iii|ii|i)\b")
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8}
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[a-z%]+(?:-[a-z]+)*|[()]|[^\s\w]")
_NOT_COUNTED = re.compile(r"\buud 1945\b|(?:^|(?<=[.;:] ))\(\d{1,2}[a-z]?\)(?= )")
"""A year that is part of a name, and the number of a paragraph before its text."""
_DECISION = re.compile(r"\b\d{1,5} ?/? ?[a-z][a-z.\-]{0,20}(?:/[a-z.\-]{1,20}){0,3}/\d{4}\b")


@dataclass(frozen=True, slots=True)
class Article:
    """An article that a text names, and the law named right beside it, or ()."""

    number: str
    law: Law = ()


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit (or the noun that it counts, or "") and whether it is a most ("max"), a least ("min") or neither.

    `canonical` says that the unit is one of measure, so that it must agree; `past` that its clause speaks of former law.
    """

    value: float
    unit: str = ""
    bound: str = ""
    canonical: bool = False
    past: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """All numbers of a text that mean something."""

    articles: tuple[Article, ...] = ()
    paragraphs: frozenset[str] = frozenset()
    letters: frozenset[str] = frozenset()
    laws: tuple[Law, ...] = ()
    decisions: frozenset[str] = frozenset()
    amounts: tuple[Amount, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.articles or self.paragraphs or self.letters or self.laws or self.decisions or self.amounts)


def find_figures(text: str) -> Figures:
    """The figures of a text; citation marks such as [1] are none."""
    plain = _SPACES.sub(" ", fold(_MARKS.sub(" ", text).replace("–", "-").replace("—", " - ")))
    plain = re.sub(r"undang[- ]undang", "uu", plain)
    laws = [(match.start(), match.end(), law) for match, law in _laws(plain)]
    articles = tuple(_articles(plain, laws))
    rest = plain
    paragraphs = frozenset(number for match in _AYAT.finditer(plain) for number in _listed(match))
    paragraphs |= {match["paragraph"].strip(" ()") for match in _ARTICLE.finditer(plain) if match["paragraph"]}
    for pattern in (_DECISION, _LAW, _SHORT_LAW, _ARTICLE, _AYAT):
        rest = pattern.sub(_blank, rest)
    rest = _NOT_COUNTED.sub(" ; ", rest)
    return Figures(
        articles,
        paragraphs,
        frozenset(_LETTER.findall(plain)),
        tuple(dict.fromkeys(law for _, _, law in laws)),
        frozenset(find_decisions(plain)),
        tuple(dict.fromkeys(_amounts(rest))),
    )


def _blank(match: re.Match[str]) -> str:
    # A law without kind, number word or slash is "3 tahun 2020": numbers, which are read as such.
    if match.re is _LAW and not (match["kind"] or match["word"] or "/" in match[0]):
        return match[0]
    return " ; "


def _laws(plain: str) -> Iterator[tuple[re.Match[str], Law]]:
    for match in _LAW.finditer(plain):
        if match["kind"] or match["word"] or "/" in match[0]:
            kind = _KINDS.get(match["kind"] or "", match["kind"] or "")
            yield match, (f"{kind} {match['number']}/{match['year']}".strip(),)
    for match in _SHORT_LAW.finditer(plain):
        yield match, (f"{_KINDS.get(match['kind'], match['kind'])} {match['number']}",)
    for match in _NAME.finditer(plain):
        yield match, _NAMES[match[0]]


def _articles(plain: str, laws: list[tuple[int, int, Law]]) -> Iterator[Article]:
    for match in _ARTICLE.finditer(plain):
        law = _law_beside(plain, match, laws)
        for number in _listed(match):
            yield Article(number, law)


def _law_beside(plain: str, match: re.Match[str], laws: list[tuple[int, int, Law]]) -> Law:
    """The law that follows an article ("Pasal 5 ayat (1) UU 1/2023") or stands right before it."""
    for start, _, law in laws:
        between = plain[match.end() : start]
        if start >= match.end() and len(between) <= 40 and _BESIDE.fullmatch(between):
            return law
    for _, end, law in laws:
        if end <= match.start() and re.fullmatch(r"[ ,:]{1,3}", plain[end : match.start()]):
            return law
    return ()


_BESIDE = re.compile(
    r"[ ,]*(?:(?:ayat|paragraph) \(?\d{1,2}\)?[ ,]*)?(?:huruf [a-z][ ,]*)?(?:(?:dari|dalam|of(?: the)?|pada|indonesian?) ?){0,3}(?:ayat \(\d+\) )?"
)


def _listed(match: re.Match[str]) -> list[str]:
    """The first number and those that follow; a range gives all between."""
    numbers = [match["number"]]
    since = 0
    more = match["more"] or ""
    for found in _NUMBER.finditer(more):
        joined = more[since : found.start()]
        number = found[0]
        low, high = numbers[-1], number
        if _RANGE.search(joined) and low.isdigit() and high.isdigit() and 0 < int(high) - int(low) <= 100:
            numbers += [str(between) for between in range(int(low) + 1, int(high))]
        numbers.append(number)
        since = found.end()
    return numbers


def _amounts(plain: str) -> Iterator[Amount]:
    for match in _CATEGORY.finditer(plain):
        yield Amount(
            _ROMAN[match[2]], "kategori" if match[1] in {"kategori", "category"} else "golongan", "", canonical=True
        )
    tokens = _TOKEN.findall(plain)
    at = 0
    while at < len(tokens):
        joined = JOINED_UNITS.get(tokens[at])
        if joined:
            yield Amount(1.0, joined, _bound_before(tokens, at), canonical=True)
        value, after = _number_at(tokens, at)
        if value is None:
            at += 1
            continue
        rupiah = (at > 0 and tokens[at - 1] in {"rp", "idr"}) or (
            at > 1 and tokens[at - 1] == "." and tokens[at - 2] == "rp"
        )
        begin = at - (1 if rupiah else 0) - (1 if rupiah and tokens[at - 1] == "." else 0)
        bound = _bound_before(tokens, begin)
        unit, canonical = ("rupiah", True) if rupiah else _unit_at(tokens, after)
        # "salah satu", "satu sama lain": no number is meant.
        if not (value == 1.0 and not canonical):
            yield Amount(value, unit, bound, canonical, _of_the_past(tokens, begin))
        at = after


def _number_at(tokens: list[str], at: int) -> tuple[float | None, int]:
    token = tokens[at]
    if token[0].isdigit():
        value, at = _digits(token), at + 1
        while at < len(tokens) and tokens[at] in MAGNITUDES:
            value, at = value * MAGNITUDES[tokens[at]], at + 1
        return value, at
    return number_words(tokens, at)


def _digits(token: str) -> float:
    """A number as Indonesians or Britons write it: 1.000.000, 1,000,000, 3,5 and 3.5."""
    token = token.rstrip(".,")
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?", token):
        return float(token.replace(".", "").replace(",", "."))
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", token):
        return float(token.replace(",", ""))
    plain = token.replace(",", ".")
    return float(plain) if plain.count(".") <= 1 else float(plain.replace(".", ""))


def _unit_at(tokens: list[str], at: int) -> tuple[str, bool]:
    """The unit after a number, past a repetition of it in brackets: "5 (lima) tahun"."""
    if at < len(tokens) and tokens[at] == "(":
        close = next((place for place in range(at, min(at + 6, len(tokens))) if tokens[place] == ")"), None)
        if close is not None:
            at = close + 1
    elif at < len(tokens) and tokens[at] == ")":
        at += 1
    if at < len(tokens) and tokens[at] in {"x", "-"}:
        at += 1
    if at >= len(tokens) or not (tokens[at][0].isalpha() or tokens[at] == "%"):
        return "", False
    unit = UNITS.get(tokens[at])
    return (unit, True) if unit else (tokens[at], False)


def _of_the_past(tokens: list[str], at: int) -> bool:
    """Whether a word of the past stands before a number in its clause; "paling lama" is none."""
    for place in range(at - 1, max(-1, at - 12), -1):
        word = tokens[place]
        if word in {".", ";", ",", ":"}:
            return False
        if word in PAST and not (word == "lama" and tokens[max(0, place - 1)] in {"paling", "selama"}):
            return True
    return False


def _bound_before(tokens: list[str], at: int) -> str:
    before = " ".join(tokens[max(0, at - 5) : at])
    for words, bound in BOUNDS:
        if before.endswith((words, words + " (")) or re.search(
            words + r" (?:selama|sebesar|pidana|penjara|kategori|of|rp|idr)$", before
        ):
            return bound
    return ""
