"""BibTeX and biblatex: one entry for each source. Classic styles print types that they do not know as `misc`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from service.chat.citations import Citation
from service.chat.citing.reference import Kind, Reference, reference_of

_TYPES: Mapping[Kind, str] = {"legislation": "legislation", "case": "jurisdiction", "guide": "misc"}
_TEX = str.maketrans(
    {
        # BibTeX counts braces even behind a backslash, so that none may stand alone.
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "$": r"\$",
        "&": r"\&",
        "%": r"\%",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        # \textquotedbl is an error in the encoding that LaTeX begins with (OT1); these two are set as a quotation mark in each.
        '"': "''",
        "`": r"\textasciigrave{}",
        # Some readers take an @ for the beginning of the next entry wherever it stands.
        "@": r"\char64{}",
    }
)
_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9-]+")


def bibtex(citations: Iterable[Citation]) -> Iterator[str]:
    """A file of entries, each a piece; every key is there once."""
    taken: set[str] = set()
    for place, citation in enumerate(citations):
        entry = _entry(reference_of(citation), taken)
        yield f"\n{entry}" if place else entry


def _entry(named: Reference, taken: set[str]) -> str:
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in _fields(named) if value)
    return f"@{_TYPES[named.kind]}{{{_key(named.id, taken)},\n{lines}}}\n"


def _fields(named: Reference) -> list[tuple[str, str | None]]:
    """Every field with its value in TeX; an address is free of what TeX would read, and stays as it is."""
    note = "; ".join(part for part in (named.status, named.remark) if part)
    return [
        # Twice in braces: BibTeX would put capitals in lower case.
        ("title", f"{{{_tex(named.title)}}}"),
        ("number", _tex(named.number)),
        ("pages", _tex(named.pinpoint)),
        ("institution", f"{{{_tex(named.authority)}}}" if named.authority else None),
        ("location", "Indonesia" if named.kind != "guide" else None),
        ("date", "{:04d}-{:02d}-{:02d}".format(*named.issued) if named.issued else None),
        ("year", str(named.year) if named.year else None),
        ("howpublished", _tex(named.source) if named.source != named.address else None),
        ("note", _tex(note)),
        ("url", named.address),
        ("langid", "indonesian"),
    ]


def _tex(text: str | None) -> str | None:
    return text.translate(_TEX) if text else None


def _key(text: str, taken: set[str]) -> str:
    base = _NOT_IN_A_KEY.sub("-", text).strip("-") or "sumber"
    key, number = base, 2
    while key.lower() in taken:
        key, number = f"{base}-{number}", number + 1
    taken.add(key.lower())
    return key
