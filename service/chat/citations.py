"""What an answer cites: the check that every mark stands on a passage, and the forms in which citations are given out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from service.chat.composing import day
from service.chat.evidence import Evidence
from service.values import value

_MARK = re.compile(r"\[(\d{1,3})\]")
_LONG_FORMS = {
    "UU": "Undang-Undang",
    "PP": "Peraturan Pemerintah",
    "Perma": "Peraturan Mahkamah Agung",
    "Perpres": "Peraturan Presiden",
}
_LAW = re.compile(r"^(UU|PP|Perma|Perpres) (\d+)/(\d{4})$", re.IGNORECASE)


@value
class Citation:
    """One source of an answer, under the number by which the answer marks it. Days are ISO dates."""

    number: int
    id: str
    title: str
    law: str | None
    law_title: str | None
    article: str | None
    year: int | None
    status: str
    as_of: str
    source: str
    kind: str
    quote: str
    demo: bool
    verified: bool
    court: str | None = None
    decided_on: str | None = None


@value
class CitationCheck:
    """Which numbers the answer marks: those that stand on a passage, and those that stand on nothing."""

    used: tuple[int, ...]
    dangling: tuple[int, ...]


def cite(evidence: Evidence) -> Citation:
    """The citation of a passage."""
    document = evidence.document
    # In the order of the fields: told by their names they would cost four times as much.
    return Citation(
        evidence.number,
        document.id,
        document.title,
        document.law,
        document.law_title,
        document.article,
        document.year,
        document.status,
        document.as_of.isoformat(),
        document.source,
        document.kind,
        evidence.quote,
        document.demo,
        document.verified,
        document.court,
        document.decided_on.isoformat() if document.decided_on else None,
    )


def check_marks(answer: str, evidence: Sequence[Evidence]) -> CitationCheck:
    """Compare the marks of an answer with the passages it was given."""
    known = {item.number for item in evidence}
    marks = set(map(int, set(_MARK.findall(answer))))
    return CitationCheck(tuple(sorted(marks & known)), tuple(sorted(marks - known)))


def ma_indonesia(citation: Citation) -> str:
    """A citation as Indonesian courts write it: article, long name and year of the law, or number and day of a decision."""
    if citation.kind == "decision":
        decided = f", tanggal {day(citation.decided_on)}" if citation.decided_on else ""
        text = f"Putusan {citation.court or 'Mahkamah Agung'} Nomor {citation.law or citation.title}{decided}"
    else:
        article = f"Pasal {citation.article} " if citation.article else ""
        name = f" tentang {citation.law_title}" if citation.law_title and is_regulation(citation.law) else ""
        text = f"{article}{long_name(citation.law) or citation.title}{name}"
    if citation.demo:
        return f"{text} [DEMO: rekaan untuk demonstrasi]."
    return f"{text}." if citation.verified else f"{text} (belum diverifikasi)."


def is_regulation(law: str | None) -> bool:
    """Whether a law is named by kind, number and year, as in "UU 1/2023"."""
    return bool(_LAW.match(law or ""))


def long_name(law: str | None) -> str | None:
    """The name of a law in full: "Undang-Undang Nomor 1 Tahun 2023"; one that is not named by number stays as it is."""
    found = _LAW.match(law) if law else None
    if not found:
        return law
    kind = next(long for short, long in _LONG_FORMS.items() if short.lower() == found[1].lower())
    return f"{kind} Nomor {found[2]} Tahun {found[3]}"


def dump_citations(citations: list[Citation] | tuple[Citation, ...]) -> str:
    """Citations as JSON text, whole: more than the API shows, because the export needs court, day and long title."""
    # Written out: orjson takes three times as long over values with slots.
    return orjson.dumps(
        [
            {
                "number": one.number,
                "id": one.id,
                "title": one.title,
                "law": one.law,
                "law_title": one.law_title,
                "article": one.article,
                "year": one.year,
                "status": one.status,
                "as_of": one.as_of,
                "source": one.source,
                "kind": one.kind,
                "quote": one.quote,
                "demo": one.demo,
                "verified": one.verified,
                "court": one.court,
                "decided_on": one.decided_on,
            }
            for one in citations
        ]
    ).decode()


def load_citations(stored: str | None) -> list[Citation]:
    """Citations from the JSON text that `dump_citations` made; nothing gives nothing."""
    return [Citation(**fields) for fields in orjson.loads(stored)] if stored else []
