"""Writes an answer out of sentences of the passages, in the register of the reader, with a mark [n] after each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from service.chat.brief import Brief
from service.chat.evidence import Evidence, sentences
from service.chat.language import Language

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


def compose(brief: Brief) -> Iterator[str]:
    """The pieces of an answer in order; joined they are the answer. Without evidence there is nothing to compose."""
    register = brief.register.spoken(brief.language)
    yield f"{_restate(brief)}{register.opening}{_REMARK[brief.language]}"
    compared = set(brief.comparison)
    parts = [
        (register.statutes, _of_kind(brief.evidence, "statute", set())),
        (register.guides, _of_kind(brief.evidence, "guide", set())),
    ]
    # The kind that the best passage belongs to comes first: a "how do I" begins with the guide, not with an article.
    parts.sort(key=lambda part: max((item.score for item in part[1]), default=-1.0), reverse=True)
    # Decisions illustrate the law and never stand before it.
    parts.append((register.decisions, _of_kind(brief.evidence, "decision", compared)))
    for heading, items in parts:
        yield from _section(heading, items, brief)
    yield from _comparison(brief)
    yield f"\n\n{register.closing}"


def day(document_day: object, language: Language = "id") -> str:
    """A date as it is written in a language: 17 Mei 2023, 17 May 2023."""
    year, month, number = str(document_day).split("-")
    return f"{int(number)} {_MONTHS[language].split()[int(month) - 1]} {year}"


def _restate(brief: Brief) -> str:
    if not brief.carried:
        return ""
    return _CARRIED[brief.language].format(brief.carried)


def _of_kind(evidence: Sequence[Evidence], kind: str, without: set[int]) -> list[Evidence]:
    return [item for item in evidence if item.document.kind == kind and item.number not in without]


def _section(heading: str, items: Sequence[Evidence], brief: Brief) -> Iterator[str]:
    if not items:
        return
    yield f"\n\n{heading}:"
    line = 0
    for item in items:
        if brief.register.numbered:
            # A decision says whose it is: without its name an invented one would read like the law.
            lead = f"{_name(item, brief.language)}: " if item.document.kind == "decision" else ""
            for sentence in sentences(item.quote):
                line += 1
                yield f"\n{line}. {lead}{sentence} [{item.number}]"
                lead = ""
        else:
            yield f"\n- {_name(item, brief.language)}: {item.quote} [{item.number}]"


def _name(item: Evidence, language: Language) -> str:
    document = item.document
    if document.kind == "decision":
        decided = f", {day(document.decided_on, language)}" if document.decided_on else ""
        return f"{document.title} ({document.label}{decided})"
    if document.kind == "guide" or not document.article:
        return document.title
    return f"{document.label}, {document.title}"


def _comparison(brief: Brief) -> Iterator[str]:
    by_number = {item.number: item for item in brief.evidence}
    items = [by_number[place] for place in brief.comparison if place in by_number]
    if not items:
        return
    yield f"\n\n{brief.register.spoken(brief.language).comparison}:"
    if brief.remark:
        yield f"\n{brief.remark}"
    for item in items:
        language = brief.language
        decided = day(item.document.decided_on, language) if item.document.decided_on else _UNDATED[language]
        yield f"\n- {decided} — {item.document.title} ({item.document.label}): {item.quote} [{item.number}]"
