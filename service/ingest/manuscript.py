"""What every reader makes of a file: its lines in reading order, and what was noticed on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

# Zero-width, direction and tag characters carry no letters; they hide orders in text that looks harmless.
INVISIBLE = re.compile(
    "[\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile(r"[^\S\n]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its text, its heading level (0 for none, 1 the highest), and its page (0 where there are none)."""

    text: str
    level: int = 0
    page: int = 0


@dataclass(frozen=True, slots=True)
class Manuscript:
    """A file as text.

    `title`, `as_of` and `source` are what the file states about itself; `findings` are sentences for the report. In a
    `wrapped` manuscript a line ends where the page did, so lines are joined into paragraphs.
    """

    lines: tuple[Line, ...]
    title: str | None = None
    as_of: date | None = None
    source: str | None = None
    wrapped: bool = False
    findings: tuple[str, ...] = ()


def clean(text: str) -> tuple[str, int]:
    """Text without invisible and control characters, runs of space made one; and how many invisible ones there were."""
    visible, removed = INVISIBLE.subn("", text)
    return _SPACES.sub(" ", _CONTROL.sub("", visible)).strip(), removed


def invisible_finding(count: int) -> tuple[str, ...]:
    """The sentence for the report, when there is something to say."""
    return (f"{count} invisible characters removed",) if count else ()
