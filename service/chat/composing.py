"""Writes an answer out of sentences of the passages, in the register of the reader, with a mark [n] after each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import shorten

from service.chat.brief import Brief
from service.chat.evidence import Evidence, sentences
from service.chat.registers import Register

_LONGEST_ECHO = 160
_MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip


def compose(brief: Brief) -> Iterator[str]:
    """The pieces of an answer in order; joined they are the answer. Without evidence there is nothing to compose."""
    register = brief.register
    yield f"{_restate(brief)}{register.opening}"
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
        yield from _section(heading, items, register)
    yield from _comparison(brief)
    yield f"\n\n{register.closing}"


def abstain(question: str, nearest: Sequence[str]) -> str:
    """An honest answer when the sources do not carry one; it never says that something does not exist."""
    asked = shorten(" ".join(question.split()), _LONGEST_ECHO, placeholder=" …")
    text = (
        f"Sumber yang tersedia di layanan ini tidak cukup untuk menjawab pertanyaan “{asked}” secara bertanggung jawab."
        " Itu tidak berarti aturannya tidak ada: mungkin aturan itu hanya belum termasuk dalam korpus kami, atau pertanyaannya"
        " perlu dirumuskan dengan cara lain."
    )
    if nearest:
        listed = "; ".join(nearest)
        text += f" Yang paling dekat di korpus adalah: {listed}. Sumber itu tidak dipakai sebagai jawaban."
    return (
        text + " Cobalah menyebut peraturan, pasal, atau istilah hukumnya, atau bertanyalah kepada pos bantuan hukum."
    )


def day(document_day: object) -> str:
    """A date as it is written in Indonesian: 17 Mei 2023."""
    year, month, number = str(document_day).split("-")
    return f"{int(number)} {_MONTHS[int(month) - 1]} {year}"


def _restate(brief: Brief) -> str:
    if not brief.carried:
        return ""
    return f"Pertanyaan ini dibaca sebagai lanjutan dari pembicaraan tentang {brief.carried}. "


def _of_kind(evidence: Sequence[Evidence], kind: str, without: set[int]) -> list[Evidence]:
    return [item for item in evidence if item.document.kind == kind and item.number not in without]


def _section(heading: str, items: Sequence[Evidence], register: Register) -> Iterator[str]:
    if not items:
        return
    yield f"\n\n{heading}:"
    line = 0
    for item in items:
        if register.numbered:
            # A decision says whose it is: without its name an invented one would read like the law.
            lead = f"{_name(item)}: " if item.document.kind == "decision" else ""
            for sentence in sentences(item.quote):
                line += 1
                yield f"\n{line}. {lead}{sentence} [{item.number}]"
                lead = ""
        else:
            yield f"\n- {_name(item)}: {item.quote} [{item.number}]"


def _name(item: Evidence) -> str:
    document = item.document
    if document.kind == "decision":
        decided = f", {day(document.decided_on)}" if document.decided_on else ""
        return f"{document.title} ({document.label}{decided})"
    if document.kind == "guide" or not document.article:
        return document.title
    return f"{document.label}, {document.title}"


def _comparison(brief: Brief) -> Iterator[str]:
    by_number = {item.number: item for item in brief.evidence}
    items = [by_number[place] for place in brief.comparison if place in by_number]
    if not items:
        return
    yield f"\n\n{brief.register.comparison}:"
    if brief.remark:
        yield f"\n{brief.remark}"
    for item in items:
        decided = day(item.document.decided_on) if item.document.decided_on else "tanpa tanggal"
        yield f"\n- {decided} — {item.document.title} ({item.document.label}): {item.quote} [{item.number}]"
