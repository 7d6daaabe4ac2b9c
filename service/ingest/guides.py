"""Cuts a text that is no regulation at its headings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.ingest.manuscript import Line
from service.ingest.paragraphs import paragraphs

LONGEST_CHARACTERS = 6000


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a guide: the headings that lead to it, outermost first, and its text."""

    headings: tuple[str, ...]
    text: str


def sections(lines: Sequence[Line], *, wrapped: bool) -> tuple[Section, ...]:
    """The sections that hold text; a long one is cut at paragraphs, so that an entry stays readable."""
    found: list[Section] = []
    for headings, body in _under_headings(lines):
        found.extend(Section(headings, part) for part in pieces(paragraphs(body, wrapped=wrapped)))
    return tuple(found)


def pieces(text: str) -> Iterator[str]:
    """A text in pieces of at most `LONGEST_CHARACTERS`, cut between paragraphs, else between words."""
    piece = ""
    for paragraph in text.split("\n"):
        if piece and len(piece) + len(paragraph) >= LONGEST_CHARACTERS:
            yield piece
            piece = ""
        rest = paragraph
        while len(rest) > LONGEST_CHARACTERS:
            at = rest.rfind(" ", 1, LONGEST_CHARACTERS)
            at = at if at > 0 else LONGEST_CHARACTERS
            yield rest[:at].strip()
            rest = rest[at:].strip()
        piece = f"{piece}\n{rest}" if piece else rest
    if piece.strip():
        yield piece


def _under_headings(lines: Sequence[Line]) -> Iterator[tuple[tuple[str, ...], list[Line]]]:
    path: list[tuple[int, str]] = []
    body: list[Line] = []
    for line in lines:
        if not line.level:
            body.append(line)
            continue
        if body:
            yield tuple(text for _, text in path), body
            body = []
        path = [(level, text) for level, text in path if level < line.level]
        path.append((line.level, line.text))
    if body:
        yield tuple(text for _, text in path), body
