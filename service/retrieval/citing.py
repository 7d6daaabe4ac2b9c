"""Reads citations as people write them: "ps. 378 jo 372 KUHP", "UU No. 8 Thn 1999 psl 4", "Pasal 55 ayat (1) ke-1 KUHP".

A text is first brought into one spelling (kinds of instruments short, roman page clutter gone, numbers in words as digits), so that
the patterns stay few. They are bounded everywhere: no text makes them slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from service.remembering import remembered
from service.retrieval.laws import KINDS, NAMED_LAWS, SHORT_KINDS
from service.retrieval.numerals import digits_for_words
from service.text import beginnings, fold, found_from, shows_digits, unclipped, words

_SPACES = re.compile(r"\s+")
_KIND = re.compile(
    r"\b(?:"
    + "|".join(re.escape(kind).replace(r"\-", "[- ]?") for kind in sorted(KINDS, key=len, reverse=True))
    + r")(?=[\s,.:;)?!'\"]|\Z)"
)
_KINDS = {re.sub("[- ]", "", kind): short for kind, short in KINDS.items()}
_BEGINNINGS = tuple(sorted({kind[:4] for kind in KINDS}))
"""How the kinds begin that may be written out; none has a hyphen so early."""
_TYPE = "|".join(sorted((re.escape(kind) for kind in SHORT_KINDS if kind != "uud"), key=len, reverse=True))
_OF_UU = "|".join(re.escape(name[3:]) for name in sorted(NAMED_LAWS, key=len, reverse=True) if name.startswith("uu "))
_OTHER_NAMES = "|".join(
    re.escape(name) for name in sorted(NAMED_LAWS, key=len, reverse=True) if not name.startswith("uu ")
)
_NO = r"(?: ?(?:nomor|nomer|nmr|no)\b ?[.:]?)?"
_COURTS = r"(?:puu|phpu|skln|pdt|pid|ag|tun|mil|hum|jn|pk|ms)\b"
"""What stands for a kind of case where a regulation's number names its issuer: "46/PUU-VIII/2010" is a decision."""
_OWN_YEAR = (
    r"\d{{1,4}}(?:/\d{{1,3}})?/(?!"
    + _COURTS
    + r")(?P<issuer{n}>[a-z]{{2,12}})[a-z0-9.\-]{{0,12}}(?:/[a-z0-9.\-]{{1,12}})?/\d{{4}}"
)
_YEAR = (
    r"(?: ?(?:tahun|taun|thn|th)\b\.? ?'?| ?/ ?|(?: ?- ?| )(?=(?:19|20)\d\d\b))(?P<year{n}>\d{{4}}|\d{{2}}(?![\d/]))"
)
_LAW = (
    r"(?:(?P<type{n}>" + _TYPE + r"|permen[a-z]{{0,12}}(?: (?:esdm|bumn|pupr|atr))?)"
    # The name of a law between its kind and its number: "UU Perlindungan Konsumen No. 8 Tahun 1999".
    r"(?:(?: (?!pasal|psl|ps\b|nomor|no\b|tahun)[a-z]{{2,20}}){{0,6}} ?(?:nomor|no)\b ?[.:]?|" + _NO + r") ?"
    r"(?:(?P<own{n}>" + _OWN_YEAR + r")(?: tahun \d{{4}})?|(?P<number{n}>\d{{1,4}}[a-z]?)" + _YEAR + r")"
    r"|(?:nomor |no\.? ?)(?P<bare{n}>" + _OWN_YEAR.replace("issuer{n}", "bareissuer{n}") + r")"
    r"|(?P<name{n}>uu (?:" + _OF_UU + r")|" + _OTHER_NAMES + r")\b(?: (?:baru|lama|nasional))?)"
)
_AYAT = r"(?: ?,? ?ayat ?\(? ?(?P<ayat{n}>\d{{1,2}}[a-z]?) ?\)?| ?\((?P<paragraph{n}>\d{{1,2}}[a-z]?)\))?"
_MORE_AYAT = r"(?:(?:,| dan| atau|,? serta) ?(?:(?:ayat )?\(\d{{1,2}}[a-z]?\)|ayat \d{{1,2}}[a-z]?\b)){{0,4}}"
_LETTER = (
    r"(?: ?,? ?(?:huruf|hrf|butir) \"?[a-z]\"?\b)?(?: ?,? ?angka \(?\d{{1,2}}\)?)?"
    # The items of the old KUHP: "Pasal 363 ayat (1) ke-4".
    r"(?: ?,? ?ke[- ]?\d{{1,2}}e?\b)?"
)
_RANGE = r"(?: ?[-–] ?| (?:s/d|sd|sampai(?: dengan)?|hingga) )"
_JOINT = (
    r"(?: ?,(?: dan/atau| dan| atau| serta)? ?| (?:jo\.?|juncto|dan/atau|dan|atau|serta|(?:lebih )?(?:subsidair|subsider|subs?\.?)) ?| ?[/&] ?|"
    + _RANGE
    + ")"
)
"""What stands between articles of one law: they go together, or one is charged in the other's place, or all between them are meant."""
_NUMBER = r"(?:\d{{1,4}} ?[a-z]{{1,2}}(?=[\s,.?;:()]|\Z)(?<! [a-z]{{2}})|\d{{1,6}}|[ivxl]{{1,6}}(?=[\s,.?;:]|\Z))"
_ARTICLE = (
    r"\b(?:ayat \(?(?P<before{n}>\d{{1,2}}[a-z]?)\)? )?(?:pasal|pasa1|psl\.?|ps\.?|article|art\.) ?(?P<article{n}>"
    + _NUMBER
    + r")"
    + _AYAT
    + _MORE_AYAT
    + _LETTER
    + r"(?![a-z\d])"
    r"(?P<more{n}>(?:"
    + _JOINT
    + r"(?:pasal |psl\.? ?|ps\.? ?)?\d{{1,4}}[a-z]?\b(?: ayat \(?\d{{1,2}}[a-z]?\)?)?"
    + _LETTER
    + r"){{0,5}})"
)
_OF = r"[ ,?:;()]{{0,3}}(?:dari |jo\.? |dalam |pada |di |menurut |of |dlm )?(?:the |ketentuan )?"
_ABOUT = r"(?: \([^()]{{1,80}}\))?(?: (?:tentang|ttg|mengenai) [^.?;\n]{{1,150}}?)?"
_BEHIND_ITS_LAW = _OF.replace(r"jo\.? |", "")
"""In "UU 31/1999 jo. Pasal 55 KUHP" the article is that of the law behind it."""
_OF_ANOTHER = (
    r"(?!(?: ayat \(?\d{{1,2}}[a-z]?\)?)?"
    + _LETTER
    + r" (?:dari |dalam |pada |menurut )?(?:"
    + _TYPE
    + "|"
    + _OTHER_NAMES
    + r")\b)"
)
_CITATION = re.compile(
    ("(?:" + _ARTICLE.format(n=1) + _OF.format() + _LAW.format(n=1) + r"\b)")
    + "|(?:"
    + (_LAW.format(n=2) + _ABOUT.format() + _BEHIND_ITS_LAW.format() + _ARTICLE.format(n=2) + _OF_ANOTHER.format())
    + ")"
)
_ONE_MORE = re.compile(
    r"(?P<joint>"
    + _JOINT.format()
    + r")(?:pasal |psl\.? ?|ps\.? ?)?(?P<article>\d{1,4}[a-z]?)\b(?: ayat \(?\d{1,2}[a-z]?\)?)?"
    + _LETTER.format()
)
_ALL_BETWEEN = re.compile(_RANGE.format())
_LONGEST_RANGE = 10
"""Nobody reads more articles than these in one answer: of a longer range the ends are looked up."""
_ANY_LAW = re.compile(r"\b" + _LAW.format(n=1) + r"\b")
_ANY_ARTICLE = re.compile(r"\b" + _ARTICLE.format(n=1))
_ARTICLE_BEGINS = ("ayat", "pasal", "psl", "ps", "art")
_LAW_BEGINS = (*SHORT_KINDS, "permen", "nomor", "no", *NAMED_LAWS)
_LAWS_BEGIN, _ARTICLES_BEGIN = beginnings(_LAW_BEGINS), beginnings(_ARTICLE_BEGINS)
_CITATIONS_BEGIN = beginnings((*_LAW_BEGINS, *_ARTICLE_BEGINS))
_AYAT_IN_TEXT = re.compile(r"ayat \(?\d{1,2}[a-z]?\)?")
_ARTICLE_NUMBER = re.compile(r"\d{1,4}[A-Za-z]{0,2}")
_ROMAN = re.compile(r"[IVXLivxl]{1,6}")
_DECISION = re.compile(r"\b(?P<number>\d{1,5}) ?/? ?(?P<rest>[a-z][a-z.\-]{0,20}(?:/[a-z.\-]{1,20}){0,3}/\d{4})\b")
"""A decision's number as courts write it: "112 K/Ag/2021", "45/Pdt.G/2020", "69/PUU-XIII/2015"."""
_DECISION_ENDS = re.compile(r"/(?<=[a-z.\-]/)\d{4}")
"""Ends every decision's number, and no "8/1999"."""
_FIRST_WORDS = frozenset(words(name)[0] for name in NAMED_LAWS)
_FIRST_PIECES = tuple(
    sorted(word for word in _FIRST_WORDS if not any(other in word for other in _FIRST_WORDS - {word}))
)
"""The first words that hold no other one: a text without any of these pieces has none of the words."""
_ISSUERS = frozenset({"pojk", "seojk", "pbi", "pmk", "perma", "sema", "permen", "uu", "pp"})
"""A number with its year that one of these issued is no decision."""
_MISREAD = str.maketrans({"o": "0", "l": "1"})
_CENTURY = 45
"""A year of two digits above this lies in the last century: the republic's laws begin in 1945."""


@dataclass(frozen=True, slots=True)
class Citation:
    """An article that a text names; `laws` are the keys it may stand under, `label` is how the text named it.

    `ayat` is the paragraph that was named, or empty.
    """

    laws: tuple[str, ...]
    article: str
    label: str
    ayat: str = ""


@remembered(most=500)
def plain(text: str) -> str:
    """One spelling: folded, single spaces, kinds of instruments short, article numbers in words as digits."""
    spaced = unclipped(_single_spaced(fold(text)))
    # Few texts write a kind out, and to look for all of them at each word costs more than the rest.
    return digits_for_words(_KIND.sub(_short, spaced) if any(map(spaced.__contains__, _BEGINNINGS)) else spaced)


def _single_spaced(text: str) -> str:
    """Any white space as one space; all but the space itself counts as not printable."""
    return text if text.isprintable() and "  " not in text else _SPACES.sub(" ", text)


def _short(match: re.Match[str]) -> str:
    return _KINDS[re.sub("[- ]", "", match[0])]


def _may_name_a_law(read: str) -> bool:
    """Whether a text in one spelling shows a number or how a well-known name begins: without either it names no law."""
    if shows_digits(read):
        return True
    return any(map(read.__contains__, _FIRST_PIECES)) and not _FIRST_WORDS.isdisjoint(words(read))


def _may_name_an_article(read: str) -> bool:
    """Whether a text in one spelling shows a piece of any word for an article: without one it names none."""
    return "pasa" in read or "ps" in read or "art" in read


@remembered(most=500)
def find_citations(text: str) -> tuple[Citation, ...]:
    """The articles that the text names together with their law, in order and each once."""
    found: dict[Citation, None] = {}
    read = plain(text)
    for match in _citations_in(read) if _may_name_an_article(read) and _may_name_a_law(read) else ():
        group = "1" if match["article1"] else "2"
        article = match[f"article{group}"].replace(" ", "")
        ayat = match[f"ayat{group}"] or match[f"paragraph{group}"] or match[f"before{group}"] or ""
        laws, label = _laws_of(match, group), match[0].strip()
        others = _others(article, match[f"more{group}"])
        # Of several each is called by itself: that one of them is not found says nothing of the rest.
        law = match[f"name{group}"] or laws[0]
        found[Citation(laws, article, f"pasal {article} {law}" if others else label, ayat)] = None
        for other in others:
            found[Citation(laws, other, f"pasal {other} {law}")] = None
    return tuple(found)


def _citations_in(read: str) -> Iterable[re.Match[str]]:
    return found_from(_CITATIONS_BEGIN, _CITATION, read)


def _laws_in(read: str) -> Iterable[re.Match[str]]:
    return found_from(_LAWS_BEGIN, _ANY_LAW, read)


def _others(first: str, more: str) -> list[str]:
    """The articles that a text joins to its first one, in order, those between the ends of a range among them."""
    others: list[str] = []
    before = first
    for match in _ONE_MORE.finditer(more):
        article = match["article"]
        if _ALL_BETWEEN.fullmatch(match["joint"]) and before.isdigit() and article.isdigit():
            between = range(int(before) + 1, int(article))
            others += map(str, between if len(between) <= _LONGEST_RANGE else ())
        others.append(article)
        before = article
    return others


@remembered(most=500)
def find_laws(text: str) -> tuple[tuple[str, ...], ...]:
    """The laws that the text names, with or without an article; each as the keys it may stand under."""
    read = plain(text)
    if not _may_name_a_law(read):
        return ()
    return tuple(dict.fromkeys([_laws_of(match, "1") for match in _laws_in(read)]))


@remembered(most=500)
def find_articles(text: str) -> tuple[str, ...]:
    """The article numbers that the text names, with or without their law."""
    return tuple(dict.fromkeys(match["article1"].replace(" ", "") for match in _articles_in(plain(text))))


@remembered(most=500)
def written_articles(text: str) -> tuple[str, ...]:
    """The articles that the text names, as it names them and in one spelling: "pasal 604 ayat (1)"."""
    return tuple(dict.fromkeys(match[0].strip() for match in _articles_in(plain(text))))


def _articles_in(read: str) -> Iterable[re.Match[str]]:
    return found_from(_ARTICLES_BEGIN, _ANY_ARTICLE, read) if _may_name_an_article(read) else ()


def last_law(text: str) -> str:
    """The law of the last article that the text cites, else the law that it names last, in one spelling; empty without any."""
    read = plain(text)
    cited = [match[0] for match in _citations_in(read)]
    named = [match[0] for match in _laws_in(cited[-1] if cited else read)]
    return named[-1] if named else ""


@remembered(most=500)
def find_decisions(text: str) -> tuple[str, ...]:
    """The numbers of court decisions that the text names, in one spelling."""
    if "/" not in (folded := fold(text)) or not _DECISION_ENDS.search(folded):
        return ()
    found = (match for match in _DECISION.finditer(_single_spaced(folded)))
    return tuple(
        dict.fromkeys(
            f"{match['number']}/{match['rest']}"
            for match in found
            if re.split(r"[./]", match["rest"])[0] not in _ISSUERS
        )
    )


def article_numbers(article: str | None) -> tuple[str, ...]:
    """The numbers in an entry's article: "27 ayat (3)" names 27 and not 3, "I" names the roman one, "1O" a misread 10."""
    if not article:
        return ()
    if _ROMAN.fullmatch(article.strip()):
        return (article.strip().lower(),)
    numbers = [number.lower() for number in _ARTICLE_NUMBER.findall(_AYAT_IN_TEXT.sub("", article))]
    # A scan reads 0 as O and 1 as l; no article of one law has fifteen insertions beside it, so both readings may stand.
    read = [number.translate(_MISREAD) for number in numbers if number[-1] in "ol"]
    return tuple(dict.fromkeys([*numbers, *read]))


def law_keys(law: str) -> tuple[str, ...]:
    """The keys of a law in the corpus: a regulator's "POJK 13/POJK.05/2014" is also cited as "POJK 13/2014"."""
    key = plain(law)
    kind, _, number = key.partition(" ")
    parts = number.split("/")
    return (key, f"{kind} {parts[0]}/{parts[-1]}") if len(parts) > 2 else (key,)


def _laws_of(match: re.Match[str], group: str) -> tuple[str, ...]:
    name = match[f"name{group}"]
    if name:
        return NAMED_LAWS[name]
    if match[f"bare{group}"]:
        return (f"{match[f'bareissuer{group}']} {match[f'bare{group}']}",)
    kind, own = match[f"type{group}"], match[f"own{group}"]
    return (f"{kind} {own}" if own else f"{kind} {match[f'number{group}']}/{_year(match[f'year{group}'])}",)


def _year(written: str) -> str:
    if len(written) == 4:
        return written
    return f"{19 if int(written) > _CENTURY - 1 else 20}{written}"
