"""RIS: lines of a tag, two spaces, a hyphen and a value, ended by CR LF; a value is always one line, so that none looks like a tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from service.chat.citations import Citation
from service.chat.citing.reference import Kind, Reference, reference_of

_TYPES: Mapping[Kind, str] = {"legislation": "STAT", "case": "CASE", "guide": "GEN"}


def ris(citations: Iterable[Citation]) -> Iterator[str]:
    """A file of records, each a piece."""
    for citation in citations:
        yield _record(reference_of(citation))


def _record(named: Reference) -> str:
    lines = [("TY", _TYPES[named.kind]), *((tag, value) for tag, value in _values(named) if value)]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in lines) + "ER  - \r\n"


def _values(named: Reference) -> list[tuple[str, str | None]]:
    return [
        ("ID", named.id),
        ("TI", named.title),
        # "Public law number" of a statute, "reporter" of a case: the number by which Indonesian sources are found.
        ("M1", named.number),
        ("SE", named.pinpoint),
        ("PB", named.authority),
        ("CY", "Indonesia" if named.kind != "guide" else None),
        ("PY", str(named.year) if named.year else None),
        ("DA", "{:04d}/{:02d}/{:02d}".format(*named.issued) if named.issued else None),
        ("DB", named.source),
        ("N1", "; ".join(part for part in (named.status, named.remark) if part)),
        ("UR", named.address),
        ("LA", "id"),
    ]
