"""The forms in which the citations of a conversation can be taken along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from service.chat.citations import Citation, ma_indonesia
from service.chat.citing.apa import apa
from service.chat.citing.bibtex import bibtex
from service.chat.citing.csl import csl_json
from service.chat.citing.reference import inert_line
from service.chat.citing.ris import ris


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its media type, the name of a file of it, and what writes the file.

    `write` gives the file in pieces, one for each source: a conversation may cite thousands, and whoever puts them together lets others have
    their turn between. `line` is there where the form is a list of lines, one for each source; such a form can also be had as JSON.
    """

    media_type: str
    filename: str
    line: Callable[[Citation], str] | None
    write: Callable[[Sequence[Citation]], Iterator[str]]


def _as_text(line: Callable[[Citation], str]) -> Callable[[Sequence[Citation]], Iterator[str]]:
    """A file of lines, each once."""

    def write(citations: Sequence[Citation]) -> Iterator[str]:
        written: set[str] = set()
        for citation in citations:
            text = line(citation)
            # A line that is there already is an empty piece: to find the next new one may take long.
            yield "" if text in written else f"{inert_line(text)}\n"
            written.add(text)

    return write


FORMS: Mapping[str, Form] = {
    "ma_indonesia": Form("text/plain", "kutipan.txt", ma_indonesia, _as_text(ma_indonesia)),
    "apa": Form("text/plain", "kutipan-apa.txt", apa, _as_text(apa)),
    "bibtex": Form("application/x-bibtex", "kutipan.bib", None, bibtex),
    "csl-json": Form("application/vnd.citationstyles.csl+json", "kutipan.json", None, csl_json),
    "ris": Form("application/x-research-info-systems", "kutipan.ris", None, ris),
}


def add_sources(first: dict[str, Citation], stored: str) -> None:
    """Add what a message cites, out of the JSON text that `dump_citations` made, to the sources by id: each once, as it was cited first."""
    for fields in orjson.loads(stored):
        if fields["id"] not in first:
            first[fields["id"]] = Citation(**fields)
