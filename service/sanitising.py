"""Takes out of what people write what no reader can see and no honest text needs; everything else stays as it was written.

Taken out: control characters except tab and line breaks (NUL ends a text in PostgreSQL and C; ESC drives a terminal), marks that turn the direction of
what follows (text that reads otherwise than it is stored: Trojan Source, CVE-2021-42574), spaces without width and word joiners that split a word
for a filter and not for the eye, tag characters (a hidden alphabet that models read), and halves of surrogate pairs. Kept: joiners and direction marks of single
letters (U+061C, U+200C to U+200F), which Arabic, Persian and emoji need, and soft hyphens.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_JOINERS = re.compile("[\\s\xad\u061c\u200c-\u200f]*")
_BREAKS = re.compile("[\t\n\r\x85\u2028\u2029]+")


def cleaned(text: str) -> str:
    """A text of several lines without what cannot be seen."""
    if text.isprintable():
        # Nothing that cannot be seen is printable; most messages end here.
        return text
    return _alone(_UNSEEN.sub("", text))


def _alone(text: str) -> str:
    """Joiners join nothing where there is nothing else: a name or a question of them alone would look empty and not be it."""
    return "" if _JOINERS.fullmatch(text) else text


def cleaned_line(text: str) -> str:
    """A text of one line (a title, a name): line breaks become spaces."""
    return (text if text.isprintable() else _BREAKS.sub(" ", cleaned(text))).strip()
