"""Texts of PromQL: what stands between quotes, and which patterns Prometheus can read.

Prometheus reads patterns by RE2, which knows neither look-around, nor references, nor possessive repetition; Python knows them all. So what
Python alone takes is refused, what RE2 alone takes is rewritten, and Python's reading finds the rest.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL
)
_MEANT = dict(zip("abfnrtv\\", "\a\b\f\n\r\t\v\\", strict=True))
_PIECE = re.compile(
    r"\\Q.*?(?:\\E|$)|\\[pP](?:\{\^?\w+\}|\w)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\(\?[^:)]*[:)]?|[*+?]\+|\{\d+(?:,\d*)?\}\+?|.",
    re.DOTALL,
)
_CLASS = re.compile(r"\[:\^?\w+:\]")
_FLAGS = re.compile(r"\(\?[imsU]*(?:-[imsU]+)?[:)]")
_NAMED = re.compile(r"\(\?P<\w+>")
_KNOWN = frozenset("dDwWsSbBAzafnrtvx0")
MOST_REPEATS = 1000


class TextError(ValueError):
    """A text that Prometheus cannot read, and what would mend it."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


def unquoted(literal: str) -> str:
    r"""What a text in quotes means: escapes are read between `"` and `'`, and stand for themselves between backquotes.

    Raises:
        TextError: An escape that Prometheus does not know, such as `\d` of a pattern.
    """
    quote, inside = literal[0], literal[1:-1]
    if quote == "`" or "\\" not in inside:
        return inside

    def meant(found: re.Match[str]) -> str:
        plain, byte, octal, short, long, other = found.groups()
        if plain:
            return _MEANT[plain]
        if other == quote:
            return quote
        code = int(octal, 8) if octal else int(byte or short or long or "110000", 16)
        if code > 0x10FFFF or (octal and code > 0xFF) or other is not None:
            said = found.group()
            raise TextError(
                f"{said!r} is no escape that a text may hold".replace("\\\\", "\\"),
                f"write \\{said}, or the text between backquotes",
            )
        return chr(code)

    return _ESCAPE.sub(meant, inside)


@lru_cache(maxsize=1024)
def check_pattern(pattern: str) -> None:
    """Whether RE2 reads the pattern.

    Raises:
        TextError: It does not.
    """
    try:
        _compiled(pattern)
    except (re.error, OverflowError, RecursionError):
        raise TextError("is no regular expression", "close its brackets") from None


def takes_nothing(pattern: str) -> bool:
    """Whether a pattern that `check_pattern` let through takes the empty text, as `.*` does; one with groups is believed not to.

    Groups can be made to try more ways than there is time for.
    """
    return "(" not in pattern and _compiled(pattern).fullmatch("") is not None


def _compiled(pattern: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python announces sets within sets; RE2 has none
        return re.compile("".join(_for_python(piece.group()) for piece in _PIECE.finditer(pattern)))


def _for_python(piece: str) -> str:
    if piece.startswith("\\Q"):
        return re.escape(piece[2:].removesuffix("\\E"))
    if piece[:2] in ("\\p", "\\P") and len(piece) > 2:
        return "\\w"
    if piece.startswith("\\") and len(piece) == 2 and piece[1].isalnum() and piece[1] not in _KNOWN:
        raise TextError(
            f"holds {piece}, which looks around or back, or is no escape of RE2", "RE2 cannot: write it without"
        )
    if piece == "\\z":
        return "\\Z"
    if piece.startswith("["):
        return _CLASS.sub("a", piece)
    if piece.startswith("(?"):
        return _group(piece)
    if piece.startswith("{") and any(int(count) > MOST_REPEATS for count in re.findall(r"\d+", piece)):
        raise TextError(f"repeats more than {MOST_REPEATS} times", "RE2 cannot: write + or *")
    if len(piece) > 1 and piece.endswith("+"):
        raise TextError("repeats a repetition", "RE2 cannot: keep one of both signs")
    return piece


def _group(piece: str) -> str:
    if _NAMED.match(piece) or piece == "(?:":
        return piece
    if not _FLAGS.fullmatch(piece):
        raise TextError(
            "looks around or back, or begins a group that RE2 does not know", "RE2 cannot: write it without"
        )
    return "" if piece.endswith(")") else "(?:"
