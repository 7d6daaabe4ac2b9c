"""Writes an answer out of sentences of the passages, in the register of the reader, with a mark [n] after each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

from service.chat.arranging import Part
from service.chat.brief import Brief
from service.chat.evidence import Evidence, sentences, units_of
from service.chat.facets import states
from service.chat.language import Language
from service.chat.phrases import orders
from service.chat.registers import Register
from service.remembering import remembered
from service.text import word_count

_MONTHS: Mapping[Language, str] = {
    "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
    "en": "January February March April May June July August September October November December",
}
_REMARK: Mapping[Language, str] = {
    "id": "",
    "en": " Quotations are given in Indonesian, the language of the law.",
}
_CARRIED: Mapping[Language, str] = {
    "id": "Pertanyaan ini dibaca sebagai lanjutan dari pembicaraan tentang {}. ",
    "en": "This question is read as a follow-up on {}. ",
}
_UNDATED: Mapping[Language, str] = {"id": "tanpa tanggal", "en": "undated"}
_ITSELF: Mapping[Language, str] = {
    "id": "Disusun oleh mesin ekstraktif, tanpa model bahasa: setiap kalimat bertanda berasal dari sumbernya.",
    "en": "Composed by the extractive engine, without a language model: each marked sentence is that of its source.",
}
_UNANSWERED: Mapping[Language, str] = {
    "id": "(Sumber yang ditemukan tidak memuat jawaban khusus untuk bagian ini.)",
    "en": "(The sources that were found hold no answer to this part in particular.)",
}
_SHARED: Mapping[Language, str] = {"id": "Tentang keduanya", "en": "On both"}
_STATUS: Mapping[Language, Mapping[str, str]] = {
    "id": {"dicabut": "sudah dicabut", "diubah": "telah diubah", "berlaku sebagian": "berlaku sebagian"},
    "en": {"dicabut": "repealed", "diubah": "as amended", "berlaku sebagian": "partly in force"},
}
_AS_OF: Mapping[Language, tuple[str, str, str]] = {
    "id": ("berlaku", "keadaan per {}", "sebelumnya {}"),
    "en": ("in force", "as of {}", "formerly {}"),
}


_NUMBER = attrgetter("number")
_Run = tuple[Evidence, Sequence[str]]
"""A passage, and the statements of it that stand one after the other."""


class Composed(list[str]):
    """The pieces of an answer in order; joined they are the answer. `words` are those between its white space."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        super().__init__()
        self.words = 0

    def add(self, piece: str) -> None:
        """Add a piece that is no statement of a passage. Each piece but the first begins with white space."""
        self.append(piece)
        self.words += word_count(piece)

    def state(self, bullet: str, name: str, number: int, texts: Iterable[str]) -> None:
        """Add statements of a passage in one line, the first behind its bullet, a word, and its name, which end with white space.

        Each sentence gets the passage's mark.
        """
        mark = f" [{number}]"
        between = f"{mark} "
        opening = f"{bullet}{name}"
        # Name and texts come again with other bullets and marks: they are counted apart.
        words = 1 + (word_count(name) if name else 0)
        for text in texts:
            said, count = _stated(text)
            self.append(f"{opening}{between.join(said)}{mark}")
            opening = " "
            words += count
        self.words += words


@remembered(most=4_000, longest=8_000)
def _stated(text: str) -> tuple[tuple[str, ...], int]:
    """The sentences of a statement, and how many words it has with a mark behind each of them."""
    said = sentences(text)
    return said, word_count(text) + len(said)


def compose(brief: Brief) -> Composed:
    """The pieces of an answer. Without evidence there is nothing to compose."""
    register = brief.register.spoken(brief.language)
    into = Composed()
    into.add(f"{_restate(brief)}{register.opening}{_REMARK[brief.language]}")
    if brief.parts:
        _parts(into, brief)
    else:
        _kinds(into, brief, register)
    # Decisions illustrate the law and never stand before it.
    decisions = [item for item in brief.evidence if item.document.kind == "decision"]
    if decisions:
        _decisions(into, [item for item in decisions if item.number not in brief.comparison], brief, register)
    if brief.comparison:
        _comparison(into, brief, register)
    into.add(f"\n\n{_ITSELF[brief.language]}\n{register.closing}")
    return into


@lru_cache(maxsize=2_000)
def day(document_day: Hashable, language: Language = "id") -> str:
    """A date as it is written in a language: 17 Mei 2023, 17 May 2023."""
    year, month, number = str(document_day).split("-")
    return f"{int(number)} {_MONTHS[language].split()[int(month) - 1]} {year}"


def _restate(brief: Brief) -> str:
    if not brief.carried:
        return ""
    return _CARRIED[brief.language].format(brief.carried)


def _kinds(into: Composed, brief: Brief, register: Register) -> None:
    """The law and the guides under a heading each, then the sides of a rule that the register sets apart."""
    statutes = [item for item in brief.evidence if item.document.kind == "statute"]
    guides = [item for item in brief.evidence if item.document.kind == "guide"]
    parts = [(register.statutes, statutes), (register.guides, guides)]
    # The kind that the best passage belongs to comes first: a "how do I" begins with the guide, not with an article.
    if guides and max([item.score for item in guides]) > max([item.score for item in statutes], default=-1.0):
        parts.reverse()
    apart = _apart(brief, register)
    if apart:
        taken = {item.number for _, items in apart for item in items}
        parts = [(heading, [item for item in items if item.number not in taken]) for heading, items in parts]
    for heading, items in (*parts, *apart):
        _section(into, heading, [(item, units_of(item.quote)) for item in items], brief)


def _apart(brief: Brief, register: Register) -> list[tuple[str, list[Evidence]]]:
    """Passages on a side of a rule that this reader looks for, by heading. The best passage stays where the law or the guides are."""
    if brief.complexity == "simple" or not register.facets:
        return []
    items = [item for item in brief.evidence if item.document.kind != "decision"]
    later = sorted(items, key=lambda item: -item.score)[1:]
    found: list[tuple[str, list[Evidence]]] = []
    for facet, heading in register.facets:
        meant = [item for item in later if states(item.document.title, facet)]
        if meant:
            later = [item for item in later if item not in meant]
            found.append((heading, meant))
    return found


def _parts(into: Composed, brief: Brief) -> None:
    """What answers each part of the question, in its order; a part without an answer says so."""
    by_number = {item.number: item for item in brief.evidence}
    for part in brief.parts:
        heading = _heading(part, brief.language)
        runs = [
            (by_number[number], [point.text for point in points])
            for number, points in groupby(part.points, key=_NUMBER)
        ]
        _section(into, heading, runs, brief)
        if not runs:
            into.add(f"\n\n{heading}:\n{_UNANSWERED[brief.language]}")


def _heading(part: Part, language: Language) -> str:
    label = part.label or _SHARED[language]
    return f"{label[:1].upper()}{label[1:]}"


def _section(into: Composed, heading: str, runs: Sequence[_Run], brief: Brief) -> None:
    """Statements under a heading: numbered one by one, or those of a passage in one line that names it."""
    if not runs:
        return
    into.add(f"\n\n{heading}:")
    line = 0
    for item, texts in runs:
        if not brief.register.numbered:
            into.state("\n- ", f"{_lead(item, brief)} ", item.number, texts)
            continue
        named = f"{_short_name(item, brief.language)}: " if item.document.kind == "statute" else ""
        for text in texts:
            line += 1
            into.state(f"\n{line}. ", named, item.number, (text,))
            named = ""


def _decisions(into: Composed, items: Sequence[Evidence], brief: Brief, register: Register) -> None:
    """Decisions that are not compared, each by its name: without it an invented one would read like the law."""
    if not items:
        return
    into.add(f"\n\n{register.decisions}:")
    for line, item in enumerate(items, start=1):
        bullet = f"{line}." if brief.register.numbered else "-"
        into.state(f"\n{bullet} ", f"{_lead(item, brief)} ", item.number, (item.quote,))


def _short_name(item: Evidence, language: Language) -> str:
    """How plain readers meet a source: its label, and that it does not hold as it did."""
    status = _STATUS[language].get(item.document.status)
    return f"{_label(item)} ({status})" if status else _label(item)


def _label(item: Evidence) -> str:
    label = item.document.label
    return (item.document.law or item.document.id) if orders(label) else label


def _lead(item: Evidence, brief: Brief) -> str:
    """A passage's name before its sentences: a title that asks keeps no question mark, for a colon follows."""
    return f"{_name(item, brief).rstrip('?')}:"


def _name(item: Evidence, brief: Brief) -> str:
    """What a passage is: label and title; a decision's day; a rule's status, and for those who ask for it the day and what it replaced."""
    document, language = item.document, brief.language
    title = _label(item) if orders(document.title) else document.title
    if document.kind == "decision":
        decided = f", {day(document.decided_on, language)}" if document.decided_on else ""
        return f"{title} ({_label(item)}{decided})"
    noted = [_STATUS[language][document.status]] if document.status in _STATUS[language] else []
    if document.kind == "statute" and brief.register.dated:
        in_force, as_of, formerly = _AS_OF[language]
        noted = noted or [in_force]
        noted.append(as_of.format(day(document.as_of, language)))
        noted += [formerly.format(document.earlier)] if document.earlier else []
    status = f" ({'; '.join(noted)})" if noted else ""
    if document.kind == "guide" or not document.article:
        return f"{title}{status}"
    return f"{_label(item)}{status}, {title}"


def _comparison(into: Composed, brief: Brief, register: Register) -> None:
    by_number = {item.number: item for item in brief.evidence}
    items = [by_number[place] for place in brief.comparison if place in by_number]
    if not items:
        return
    language = brief.language
    into.add(f"\n\n{register.comparison}:")
    if brief.remark:
        into.add(f"\n{brief.remark}")
    for item in items:
        decided = day(item.document.decided_on, language) if item.document.decided_on else _UNDATED[language]
        title = _label(item) if orders(item.document.title) else item.document.title
        into.state("\n- ", f"{decided} — {title} ({_label(item)}): ", item.number, (item.quote,))
