"""The forms in which the citations of a conversation can be taken along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from service.chat.citations import Citation, ma_indonesia
from service.chat.citing.apa import apa
from service.chat.citing.bibtex import bibtex
from service.chat.citing.csl import csl_json
from service.chat.citing.reference import inert_line
from service.chat.citing.ris import ris


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its media type, the name of a file of it, and what writes the file.

    `line` is there where the form is a list of lines, one for each source; such a form can also be had as JSON.
    """

    media_type: str
    filename: str
    line: Callable[[Citation], str] | None
    write: Callable[[Sequence[Citation]], str]


def _as_text(line: Callable[[Citation], str]) -> Callable[[Sequence[Citation]], str]:
    """A file of lines, each once."""

    def write(citations: Sequence[Citation]) -> str:
        return "".join(f"{inert_line(text)}\n" for text in dict.fromkeys(map(line, citations)))

    return write


FORMS: Mapping[str, Form] = {
    "ma_indonesia": Form("text/plain", "kutipan.txt", ma_indonesia, _as_text(ma_indonesia)),
    "apa": Form("text/plain", "kutipan-apa.txt", apa, _as_text(apa)),
    "bibtex": Form("application/x-bibtex", "kutipan.bib", None, bibtex),
    "csl-json": Form("application/vnd.citationstyles.csl+json", "kutipan.json", None, csl_json),
    "ris": Form("application/x-research-info-systems", "kutipan.ris", None, ris),
}


def each_once(citations: Sequence[Citation]) -> list[Citation]:
    """The citations of a conversation, each source once, as it was cited first."""
    first: dict[str, Citation] = {}
    for citation in citations:
        first.setdefault(citation.id, citation)
    return list(first.values())
