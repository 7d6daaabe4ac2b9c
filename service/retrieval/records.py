"""The second wire form of a corpus: records of public compilations (articles of statutes, glossary terms, passages of text).

A record states less than an entry of ours: nobody compared it with the law, its status is prose, its law is type, number and
year. What it does not say is not made up: a record is unverified, and stated as of the end of the year of its law.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.retrieval.document import OPENING_MARK, Document

INSTRUMENTS: Mapping[str, str] = {
    "uud": "UUD",
    "tap mpr": "TAP MPR",
    "uu": "UU",
    "perppu": "Perppu",
    "perpu": "Perppu",
    "pp": "PP",
    "perpres": "Perpres",
    "keppres": "Keppres",
    "inpres": "Inpres",
    "permen": "Permen",
    "perma": "Perma",
    "sema": "SEMA",
    "pmk": "PMK",
    "pojk": "POJK",
    "seojk": "SEOJK",
    "pbi": "PBI",
    "perpol": "Perpol",
    "perkap": "Perkap",
    "perda": "Perda",
    "pergub": "Pergub",
    "perbup": "Perbup",
    "perwali": "Perwali",
}
"""Types of instruments as records name them, and as people cite them; other types are those of guides."""

_MEMBERS = frozenset({"doc_id", "number", "about", "chapter", "license", "question"})
_WHOLE_NUMBER = re.compile(r"[0-9]{1,4}(?:[./][0-9A-Za-z./-]+)?|[0-9A-Za-z./-]+")
_ARTICLE = re.compile(r"(?:pasal?\w?\s+)?(?P<number>\d{1,4}\s?[a-z]{0,2}|[ivxlc]{1,7})\b", re.IGNORECASE)
_TITLE_WORDS = 10
"""A record without a title is called by so many of its first words."""

RecordText = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Record(BaseModel):
    """The wire form of one line; other members are allowed and not read."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^\S{1,200}$")]
    text: RecordText
    title: str = ""
    source: RecordText
    type: str | None = None
    year: int | None = Field(default=None, ge=1, le=9999)
    number: str | None = None
    article: str | None = None
    about: str | None = None
    chapter: str | None = None
    status: str | None = None


def is_record(raw: Mapping[str, Any]) -> bool:
    """Whether a line is a record: it does not say a `kind`, and says what only records say."""
    return "kind" not in raw and (not _MEMBERS.isdisjoint(raw) or {"id", "text", "source", "type"} <= raw.keys())


def document_of(record: Record) -> Document:
    """The document that a record states."""
    instrument = INSTRUMENTS.get((record.type or "").lower())
    law = _law(instrument, record) if instrument else None
    return Document(
        id=record.id,
        kind="statute" if law else "guide",
        title=record.title.strip() or " ".join(record.text.split()[:_TITLE_WORDS]) + OPENING_MARK,
        text=record.text,
        law=law,
        law_title=(record.about or "").strip() or None,
        article=_article(record.article),
        year=record.year,
        status=_status(record.status),
        earlier=None,
        source=record.source,
        as_of=date(record.year or date.min.year, 12, 31),
        verified_against="unverified",
        demo=False,
        topics=(record.chapter.strip(),) if record.chapter and record.chapter.strip() else (),
        type=instrument or record.type,
    )


def _law(instrument: str, record: Record) -> str | None:
    """The key under which people cite the law: "UU 1/2023", "POJK 13/POJK.05/2014", "UUD 1945"."""
    number = (record.number or "").strip()
    if instrument == "UUD":
        return f"UUD {number or record.year or 1945}"
    if not number or not _WHOLE_NUMBER.fullmatch(number):
        return None
    # A regulator's number holds its year already: "13/POJK.05/2014".
    return f"{instrument} {number}" if "/" in number or record.year is None else f"{instrument} {number}/{record.year}"


def _article(article: str | None) -> str | None:
    """The number alone: a compilation may say "Pasal 5", or "Pasa1 5" where a scan misread it."""
    match = _ARTICLE.fullmatch((article or "").strip())
    return match["number"].replace(" ", "") if match else (article or "").strip() or None


def _status(status: str | None) -> str:
    """The nearest of our words; what a record only suspects ("probably superseded") counts as changed, never as repealed."""
    said = (status or "").lower()
    if "not yet" in said or "in force" in said:
        return "berlaku"
    if any(word in said for word in ("partly", "sebagian")):
        return "berlaku sebagian"
    if "probably" not in said and any(word in said for word in ("repealed", "revoked", "dicabut", "superseded")):
        return "dicabut"
    if any(word in said for word in ("amended", "diubah", "superseded", "revoked", "repealed")):
        return "diubah"
    return "berlaku"
