"""APA style, seventh edition: statutes and cases as its chapter 11 writes legal references, guides as works without an author."""

from __future__ import annotations

from service.chat.citations import Citation
from service.chat.citing.reference import Reference, inert_line, reference_of

_UNDATED = "t.t."


def apa(citation: Citation) -> str:
    """One entry of a reference list, without italics: the list is plain text."""
    named = reference_of(citation)
    remark = f" [{named.remark}]" if named.remark else ""
    return inert_line(f"{_body(named)}{remark}.{f' {named.address}' if named.address else ''}")


def _body(named: Reference) -> str:
    year = str(named.year) if named.year else _UNDATED
    match named.kind:
        case "case":
            return f"{named.title} ({named.authority} {named.issued_text or year})"
        case "legislation":
            place = f", {named.pinpoint}" if named.pinpoint else ""
            return f"{named.title}{place} ({year}) (Indonesia)"
        case _:
            # A title that is a question ends with its own mark.
            title = named.title if named.title.endswith(("?", "!", ".")) else f"{named.title}."
            return f"{title} ({year}). {named.source}" if named.source else f"{title} ({year})"
