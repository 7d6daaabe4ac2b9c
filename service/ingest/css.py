"""What style sheets say that hides a text from whoever looks at a page."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{1,6})\s?")
_AWAY = re.compile(
    r"(?:left|top|text-indent|margin-left):-\d{3,}|(?:left|top|text-indent|margin-left):-\d{2,}r?em|clip:rect\(0|clip-path:inset\((?:100|[5-9]\d)%"
    r"|transform:scale\(0(?:\.0\d*)?[,)]|^(?:max-)?(?:width|height):0(?:px)?$"
)
_NUMBER = re.compile(r"(\d{0,9}(?:\.\d{0,9})?)(%|[a-z]{0,4})")
_HEX = re.compile(r"#([0-9a-f]{3,8})")
_PARTS = re.compile(r"[\d.]{1,12}%?")
_WHITE = 250
"""Of 255, in each of red, green and blue; as of a PDF."""
_HIDDEN = {"display": {"none"}, "visibility": {"hidden", "collapse"}, "content-visibility": {"hidden"}}
_FAINTEST = 0.05
_SMALLEST = {"px": 2.0, "pt": 1.5, "em": 0.1, "rem": 0.1, "%": 10.0, "": 2.0}
"""Letters below that are seen by nobody, by the unit in which they are measured."""


def plain_css(text: str) -> str:
    """A sheet or an attribute as browsers take it: without comments, and with escapes of letters written out."""
    if "/*" in text:
        first, *others = text.split("/*")
        text = first + "".join(other.partition("*/")[2] for other in others)
    return _ESCAPE.sub(_written_out, text.replace("<!--", " ").replace("-->", " "))


def hides(rules: str) -> bool:
    """Whether declarations hide what they are about, as `plain_css` gives them.

    Any of several with one name may: browsers pass over a later one that they do not understand.
    """
    said = list(_declarations(rules)) if rules else []
    ground = None
    for name, value in said:
        if (
            value in _HIDDEN.get(name, ())
            or _AWAY.search(f"{name}:{value}")
            or (name == "opacity" and _is_faint(value))
            or (name in {"font", "font-size"} and _is_tiny(value))
        ):
            return True
        if name in {"background", "background-color"}:
            ground = value
    return any(_blends_in(value, ground) for name, value in said if name in {"color", "-webkit-text-fill-color"})


def is_unseen_colour(text: str) -> bool:
    """Whether letters of a colour are not seen on a white page."""
    return _shown(text) in {"white", "transparent"}


def _written_out(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0xD800 else ""


def _declarations(rules: str) -> Iterator[tuple[str, str]]:
    for declaration in rules.lower().split(";"):
        name, _, value = declaration.partition(":")
        shown = value.replace("!important", "").strip()
        # Names of fonts aside, spaces mean nothing here but between numbers.
        yield name.strip(), shown if name.strip() in _WITH_SPACES else "".join(shown.split())


_WITH_SPACES = frozenset({"color", "background", "background-color", "font", "-webkit-text-fill-color"})


def _is_faint(value: str) -> bool:
    number = _NUMBER.fullmatch(value)
    if number is None or not number[1].strip("."):
        return False
    return float(number[1]) / (100.0 if number[2] == "%" else 1.0) <= _FAINTEST


def _is_tiny(value: str) -> bool:
    # Of the short form the size is what stands before the slash, or before the family.
    for word in value.split():
        number = _NUMBER.fullmatch(word.partition("/")[0])
        if number and number[1].strip(".") and (number[2] or float(number[1]) == 0):
            return float(number[1]) < _SMALLEST.get(number[2], 0.0)
    return False


def _blends_in(colour: str, ground: str | None) -> bool:
    letters, behind = _shown(colour), "transparent" if ground in {None, "none"} else _shown(ground or "")
    return letters in {behind, "transparent"} or (letters == "white" and behind == "transparent")


def _shown(colour: str) -> str:
    """A colour so that equal ones are equal: `white`, `transparent`, red, green and blue of 255, or the word that it is."""
    text = colour.strip().lower()
    if digits := _HEX.fullmatch(text):
        return _by_channels(_channels_of_hex(digits[1]))
    name, bracket, inside = text.partition("(")
    if bracket and name in {"rgb", "rgba"}:
        parts = _PARTS.findall(inside)
        scales = (255.0, 255.0, 255.0, 1.0)
        return _by_channels(
            [
                _of(part, scale) * (255.0 if place == 3 else 1.0)
                for place, (part, scale) in enumerate(zip(parts, scales, strict=False))
            ]
        )
    if bracket and name in {"hsl", "hsla"}:
        parts = _PARTS.findall(inside)
        light = len(parts) > 2 and _of(parts[2], 1.0) >= _WHITE / 255
        clear = len(parts) > 3 and _of(parts[3], 1.0) <= _FAINTEST
        return "transparent" if clear else "white" if light else text
    return text


def _of(part: str, whole: float) -> float:
    try:
        return float(part.rstrip("%")) * (whole / 100.0 if part.endswith("%") else 1.0)
    except ValueError:
        return 0.0


def _channels_of_hex(digits: str) -> list[float]:
    pairs = (
        [digit * 2 for digit in digits] if len(digits) < 6 else [digits[at : at + 2] for at in range(0, len(digits), 2)]
    )
    return [float(int(pair, 16)) for pair in pairs]


def _by_channels(channels: list[float]) -> str:
    if len(channels) < 3:
        return "unknown"
    if len(channels) > 3 and channels[3] <= _FAINTEST * 255:
        return "transparent"
    return "white" if min(channels[:3]) >= _WHITE else " ".join(f"{channel:.0f}" for channel in channels[:3])
