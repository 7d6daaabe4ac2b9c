"""What reference lists say of a source, whichever form they have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from service.chat.citations import Citation, is_regulation, long_name
from service.chat.composing import day

Kind = Literal["legislation", "case", "guide"]
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]+"
)
"""What has no picture: it would break lines, or show a text in another order than it is stored."""
_FORMULA = "=+-@"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9/?=&._~+,;:@!()-]*)?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A source as a reference list names it; every text is one line without invisible characters.

    `title` is the work (the law, the decision, the guide), `pinpoint` the place in it, `issued` the day where it is known. `remark` says
    what must not get lost: that nobody compared it with the original, or that it was made up.
    """

    id: str
    kind: Kind
    title: str
    number: str | None
    pinpoint: str | None
    authority: str | None
    year: int | None
    issued: tuple[int, int, int] | None
    issued_text: str | None
    source: str
    address: str | None
    status: str
    remark: str | None


def reference_of(citation: Citation) -> Reference:
    """What a list says of a citation."""
    days = _days(citation.decided_on)
    # Article and year of a guide are those of the law that it explains (its source names them): nobody wrote it in 1847.
    explains = citation.kind == "guide" and citation.law is not None
    return Reference(
        id=one_line(citation.id) or "sumber",
        kind=_kind(citation),
        title=_title(citation),
        number=one_line(citation.law) if citation.law and citation.kind != "guide" else None,
        pinpoint=f"Pasal {one_line(citation.article)}" if citation.article and not explains else None,
        authority=one_line(citation.court or "Mahkamah Agung") if citation.kind == "decision" else None,
        year=days[0] if days else (None if explains else citation.year),
        issued=days,
        issued_text=day(citation.decided_on) if days else None,
        source=one_line(citation.source),
        address=_address(citation.source),
        status=one_line(citation.status),
        remark=_remark(citation),
    )


def one_line(text: str) -> str:
    """A text on one line, without what cannot be seen."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def inert_line(text: str) -> str:
    """A line of a text file that no spreadsheet takes for a formula."""
    return one_line(text).lstrip(_FORMULA + " ")


def _kind(citation: Citation) -> Kind:
    if citation.kind == "decision":
        return "case"
    return "legislation" if citation.kind == "statute" else "guide"


def _title(citation: Citation) -> str:
    if citation.kind == "decision":
        return one_line(f"Putusan Nomor {citation.law or citation.title}")
    if citation.kind == "guide":
        return one_line(citation.title)
    name = f" tentang {citation.law_title}" if citation.law_title and is_regulation(citation.law) else ""
    return one_line(f"{long_name(citation.law) or citation.title}{name}")


def _days(text: str | None) -> tuple[int, int, int] | None:
    if not text:
        return None
    year, month, number = (int(part) for part in text.split("-"))
    return year, month, number


def _address(source: str) -> str | None:
    found = _ADDRESS.search(source)
    return found[0].rstrip(".,;:!)") if found else None


def _remark(citation: Citation) -> str | None:
    if citation.demo:
        return "DEMO: rekaan untuk demonstrasi"
    return None if citation.verified else "belum diverifikasi"
