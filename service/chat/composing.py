"""Writes an answer out of sentences of the passages, in the register of the reader, with a mark [n] after each."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import lru_cache

from service.chat.arranging import Part, Point
from service.chat.brief import Brief
from service.chat.evidence import Evidence, sentences, units_of
from service.chat.facets import states
from service.chat.language import Language
from service.chat.phrases import orders

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


def compose(brief: Brief) -> Iterator[str]:
    """The pieces of an answer in order; joined they are the answer. Without evidence there is nothing to compose."""
    register = brief.register.spoken(brief.language)
    yield f"{_restate(brief)}{register.opening}{_REMARK[brief.language]}"
    if brief.parts:
        yield from _parts(brief)
    else:
        yield from _kinds(brief)
    # Decisions illustrate the law and never stand before it.
    yield from _decisions(brief)
    yield from _comparison(brief)
    yield f"\n\n{_ITSELF[brief.language]}\n{register.closing}"


@lru_cache(maxsize=2_000)
def day(document_day: Hashable, language: Language = "id") -> str:
    """A date as it is written in a language: 17 Mei 2023, 17 May 2023."""
    year, month, number = str(document_day).split("-")
    return f"{int(number)} {_MONTHS[language].split()[int(month) - 1]} {year}"


def _restate(brief: Brief) -> str:
    if not brief.carried:
        return ""
    return _CARRIED[brief.language].format(brief.carried)


def _kinds(brief: Brief) -> Iterator[str]:
    """The law and the guides under a heading each, then the sides of a rule that the register sets apart."""
    register = brief.register.spoken(brief.language)
    apart = _apart(brief)
    taken = {point for _, points in apart for point in points}
    parts = [
        (register.statutes, [item for item in brief.evidence if item.document.kind == "statute"]),
        (register.guides, [item for item in brief.evidence if item.document.kind == "guide"]),
    ]
    # The kind that the best passage belongs to comes first: a "how do I" begins with the guide, not with an article.
    parts.sort(key=lambda part: max((item.score for item in part[1]), default=-1.0), reverse=True)
    for heading, items in parts:
        points = [point for item in items for point in _points(item) if point not in taken]
        yield from _section(heading, points, brief)
    for heading, points in apart:
        yield from _section(heading, points, brief)


def _apart(brief: Brief) -> list[tuple[str, list[Point]]]:
    """Passages on a side of a rule that this reader looks for, by heading. The best passage stays where the law or the guides are."""
    if brief.complexity == "simple":
        return []
    items = [item for item in brief.evidence if item.document.kind != "decision"]
    later = sorted(items, key=lambda item: -item.score)[1:]
    found: list[tuple[str, list[Point]]] = []
    for facet, heading in brief.register.spoken(brief.language).facets:
        meant = [item for item in later if states(item.document.title, facet)]
        later = [item for item in later if item not in meant]
        if meant:
            found.append((heading, [point for item in meant for point in _points(item)]))
    return found


def _parts(brief: Brief) -> Iterator[str]:
    """What answers each part of the question, in its order; a part without an answer says so."""
    for part in brief.parts:
        heading = _heading(part, brief.language)
        yield from _section(heading, part.points, brief)
        if not part.points:
            yield f"\n\n{heading}:\n{_UNANSWERED[brief.language]}"


def _heading(part: Part, language: Language) -> str:
    label = part.label or _SHARED[language]
    return f"{label[:1].upper()}{label[1:]}"


def _points(item: Evidence) -> list[Point]:
    return [Point(item.number, text) for text in units_of(item.quote)]


def _section(heading: str, points: Sequence[Point], brief: Brief) -> Iterator[str]:
    """Statements under a heading: numbered one by one, or those of a passage in one line that names it."""
    if not points:
        return
    yield f"\n\n{heading}:"
    by_number = {item.number: item for item in brief.evidence}
    before = 0
    for line, point in enumerate(points, start=1):
        item = by_number[point.number]
        new = point.number != before
        before = point.number
        said = _marked(point)
        if brief.register.numbered:
            lead = f"{_short_name(item, brief.language)}: " if new and item.document.kind == "statute" else ""
            yield f"\n{line}. {lead}{said}"
        else:
            yield f"\n- {_name(item, brief)}: {said}" if new else f" {said}"


def _marked(point: Point) -> str:
    return " ".join([f"{sentence} [{point.number}]" for sentence in sentences(point.text)])


def _decisions(brief: Brief) -> Iterator[str]:
    """Decisions that are not compared, each by its name: without it an invented one would read like the law."""
    compared = set(brief.comparison)
    items = [item for item in brief.evidence if item.document.kind == "decision" and item.number not in compared]
    if not items:
        return
    yield f"\n\n{brief.register.spoken(brief.language).decisions}:"
    for line, item in enumerate(items, start=1):
        bullet = f"{line}." if brief.register.numbered else "-"
        yield f"\n{bullet} {_name(item, brief)}: {_marked(Point(item.number, item.quote))}"


def _short_name(item: Evidence, language: Language) -> str:
    """How plain readers meet a source: its label, and that it does not hold as it did."""
    status = _STATUS[language].get(item.document.status)
    return f"{_label(item)} ({status})" if status else _label(item)


def _label(item: Evidence) -> str:
    return (item.document.law or item.document.id) if orders(item.document.label) else item.document.label


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


def _comparison(brief: Brief) -> Iterator[str]:
    by_number = {item.number: item for item in brief.evidence}
    items = [by_number[place] for place in brief.comparison if place in by_number]
    if not items:
        return
    language = brief.language
    yield f"\n\n{brief.register.spoken(language).comparison}:"
    if brief.remark:
        yield f"\n{brief.remark}"
    for item in items:
        decided = day(item.document.decided_on, language) if item.document.decided_on else _UNDATED[language]
        title = _label(item) if orders(item.document.title) else item.document.title
        yield f"\n- {decided} — {title} ({_label(item)}): {_marked(Point(item.number, item.quote))}"
