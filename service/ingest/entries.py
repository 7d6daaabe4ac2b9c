"""Makes entries of the corpus out of a manuscript: articles, explanatory notes and annexes of a regulation, or sections of a guide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.ingest.articles import Article, Regulation, cut, has_articles
from service.ingest.guides import Section, pieces, sections
from service.ingest.identity import Identity, identify, promulgated
from service.ingest.manuscript import Line, Manuscript
from service.ingest.noise import without_noise

_LONGEST_SLUG = 80
_TOPICS = 8


@dataclass(frozen=True, slots=True)
class Cut:
    """The entries of one file in the corpus's own form, and what the report says of how they were cut."""

    entries: tuple[Mapping[str, Any], ...]
    form: str
    articles: int
    notes: int
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file came from: its path inside what was ingested, with "/" between parts, and the day it was taken in."""

    path: str
    day: date

    @property
    def name(self) -> str:
        """The file's own name, which the entries give as their source."""
        return self.path.rsplit("/", 1)[-1]


def entries_of(manuscript: Manuscript, origin: Origin) -> Cut:
    """Cut a manuscript: at articles when it is a regulation, else at headings."""
    lines = without_noise(manuscript.lines)
    identity = identify(lines)
    if identity and has_articles(lines):
        return _regulation(manuscript, lines, identity, origin)
    findings = list(manuscript.findings)
    if identity is None and has_articles(lines):
        findings.append("it has articles, and no title block that says which regulation it is; cut at headings instead")
    return _guide(manuscript, lines, origin, tuple(findings))


def slug(text: str) -> str:
    """Text as a part of an id: small letters, digits and hyphens."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_LONGEST_SLUG].strip("-")


def _regulation(manuscript: Manuscript, lines: tuple[Line, ...], identity: Identity, origin: Origin) -> Cut:
    regulation = cut(lines, wrapped=manuscript.wrapped, amends=identity.amends)
    as_of = manuscript.as_of or promulgated("\n".join(line.text for line in lines)) or origin.day
    made = _unique(_of_regulation(regulation, identity, as_of, manuscript.source or origin.name))
    return Cut(
        tuple(made),
        "amending regulation" if identity.amends else "regulation",
        len(regulation.articles),
        len(regulation.notes),
        (*manuscript.findings, *regulation.findings),
    )


def _of_regulation(regulation: Regulation, identity: Identity, as_of: date, source: str) -> Iterator[dict[str, Any]]:
    base = {
        **_EMPTY,
        "law": identity.law,
        "law_title": identity.about,
        "year": identity.year,
        "as_of": as_of.isoformat(),
    }
    full = f"{identity.citation} tentang {identity.about}"
    for article in regulation.articles:
        yield {
            **base,
            "id": f"{identity.doc_id}#pasal-{article.number.lower()}",
            "kind": "statute",
            "title": f"Pasal {article.number} {full}",
            "text": article.text,
            "article": article.number,
            "source": f"{identity.citation}, Pasal {article.number} ({source})",
            "topics": [article.chapter or identity.about],
        }
    for note in (Article("", None, regulation.general), *regulation.notes):
        yield from _note(note, base, identity, full, source)
    for place, annex in enumerate(regulation.annexes, start=1):
        for part, text in enumerate(pieces(annex), start=1):
            yield {
                **base,
                "id": f"{identity.doc_id}#lampiran-{place}-{part}",
                "kind": "guide",
                "title": f"Lampiran {place} {full}" + (f" (bagian {part})" if part > 1 else ""),
                "text": text,
                "source": f"Lampiran {place} {identity.citation} ({source})",
                "topics": ["lampiran", identity.about],
            }


def _note(
    note: Article, base: Mapping[str, Any], identity: Identity, full: str, source: str
) -> Iterator[dict[str, Any]]:
    """A note explains an article and is none: it has no article number, and names the article in `applies`."""
    on = f"Pasal {note.number}" if note.number else "Umum"
    key = f"pasal-{note.number.lower()}" if note.number else "umum"
    for part, text in enumerate(pieces(note.text), start=1):
        yield {
            **base,
            "id": f"{identity.doc_id}#penjelasan-{key}" + (f"-{part}" if part > 1 else ""),
            "kind": "guide",
            "title": f"Penjelasan {on} {full}" + (f" (bagian {part})" if part > 1 else ""),
            "text": text,
            "source": f"Penjelasan {identity.citation}, {on} ({source})",
            "topics": ["penjelasan", identity.about],
            "applies": [f"{on} {identity.law}"] if note.number else [],
        }


_EMPTY: Mapping[str, Any] = {
    "law": None,
    "law_title": None,
    "article": None,
    "year": None,
    "status": "berlaku",
    "earlier": None,
    "verified_against": "unverified",
    "demo": False,
}


def _guide(manuscript: Manuscript, lines: tuple[Line, ...], origin: Origin, findings: tuple[str, ...]) -> Cut:
    found = sections(lines, wrapped=manuscript.wrapped)
    title = manuscript.title or _first_heading(lines) or origin.name.rsplit(".", 1)[0]
    made = _unique(_section(section, title, manuscript, origin) for section in found)
    return Cut(tuple(made), "guide", 0, 0, findings)


def _first_heading(lines: tuple[Line, ...]) -> str | None:
    return next((line.text for line in lines if line.level), None)


def _section(section: Section, title: str, manuscript: Manuscript, origin: Origin) -> dict[str, Any]:
    path = [heading for heading in section.headings if heading != title]
    name = f"{title}: {' – '.join(path)}" if path else title
    key = slug(" ".join(path)) or "isi"
    return {
        **_EMPTY,
        "id": f"{slug(origin.path) or 'dokumen'}#{key}",
        "kind": "guide",
        "title": name[:500],
        "text": section.text,
        "source": manuscript.source or origin.name,
        "as_of": (manuscript.as_of or origin.day).isoformat(),
        "topics": [heading[:200] for heading in (title, *path)][:_TOPICS],
    }


def _unique(entries: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A second entry of the same id in one file gets "-2": sections may share a heading, and nothing is lost for it."""
    seen: dict[str, int] = {}
    for entry in entries:
        count = seen[entry["id"]] = seen.get(entry["id"], 0) + 1
        yield entry if count == 1 else {**entry, "id": f"{entry['id']}-v{count}"}
