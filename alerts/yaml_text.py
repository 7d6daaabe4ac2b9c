"""Plain documents as block YAML, written by hand: PyYAML's dumper takes 3 s for a thousand SLOs, this a fiftieth of it.

Strings are plain where no YAML reader could take them for anything else, literal blocks where they have several lines, else quoted.
Values that stand twice are written twice: our own reader refuses aliases.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

Plain = Mapping[str, "Plain"] | Sequence["Plain"] | str | int | float | bool | None
"""A document of dicts, lists and scalars."""

_SHOWN = "\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff"
_LINE = re.compile(f"[{_SHOWN}]*")
_BLANK = re.compile(r"\n *(?:\n|\Z)")
_SAFE = re.compile(r"[A-Za-z_/](?:[\w ./()+*=<>,%$&;|~^!?@\[\]{}'\"\\-]|:(?=[^ ]))*", re.ASCII)
_DURATION = re.compile(r"[0-9]+(?:ms|[smhdw])", re.ASCII)
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
"""What YAML 1.1 takes for a truth value or nothing."""


def document(value: Plain) -> str:
    """The document, ending with a newline."""
    if isinstance(value, (Mapping, list, tuple)) and value:
        return "\n".join(_lines(value, "")) + "\n"
    return inline(value) + "\n"


def inline(value: Plain) -> str:
    """A scalar or an empty collection on one line; text of several lines is escaped."""
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    return "{}" if isinstance(value, Mapping) else "[]"


@lru_cache(maxsize=65536)
def quoted(text: str) -> str:
    """Text on one line: plain where that is safe, else in quotes."""
    if _SAFE.fullmatch(text) and not text.endswith(" ") and text.lower() not in _WORDS:
        return text
    if _DURATION.fullmatch(text):
        return text
    if _LINE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def block(text: str, indent: str) -> str:
    """Text as the value of a key: of several lines as a literal block whose lines stand at `indent`."""
    if "\n" not in text or text[0] in " \n" or _BLANK.search(text):
        return quoted(text)
    flat = text.replace("\n", "")
    if not (flat.isascii() and flat.isprintable()) and not _LINE.fullmatch(flat):
        return quoted(text)
    return f"|-\n{indent}" + text.replace("\n", "\n" + indent)


def _lines(value: Plain, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{indent}{quoted(key)}:", inner, indent + "  ")
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _item(inner, indent)


def _entry(start: str, value: Plain, indent: str) -> Iterator[str]:
    if isinstance(value, (Mapping, list, tuple)) and value:
        yield start
        yield from _lines(value, indent)
    else:
        yield f"{start} {block(value, indent) if isinstance(value, str) else inline(value)}"


def _item(value: Plain, indent: str) -> Iterator[str]:
    if isinstance(value, (Mapping, list, tuple)) and value:
        lines = _lines(value, indent + "  ")
        yield f"{indent}- {next(lines)[len(indent) + 2 :]}"
        yield from lines
    else:
        yield f"{indent}- {block(value, indent + '  ') if isinstance(value, str) else inline(value)}"


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 takes 1e-06 for text.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _escaped(sign: str) -> str:
    code = ord(sign)
    if sign in '"\\':
        return "\\" + sign
    if 0x20 <= code < 0x7F:
        return sign
    if sign == "\n":
        return "\\n"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
