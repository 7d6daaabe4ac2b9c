"""Reads values of style declarations, as tinycss2's tokens: lengths, shares, colours, shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

import tinycss2
from tinycss2.ast import FunctionBlock, Node
from tinycss2.color4 import Color, parse_color

Colour = tuple[float, float, float, float]
"""Red, green and blue of 255, and how much of it covers, of 1."""
BLACK: Colour = (0.0, 0.0, 0.0, 1.0)


class Odd(Enum):
    """What stands where a colour could: nothing that is one, or "as the letters"."""

    NO_COLOUR = "no colour"
    AS_LETTERS = "as the letters"


TAKEN_OVER = frozenset({"inherit", "unset"})
_WIDE = TAKEN_OVER | {"initial", "revert", "revert-layer"}
_BOXES = frozenset(
    {"block", "inline", "inline-block", "flex", "inline-flex", "grid", "inline-grid", "flow-root", "list-item", "contents", "ruby", "math"}
)  # fmt: skip
_WORDS = {
    "visibility": _WIDE | {"visible", "hidden", "collapse"},
    "content-visibility": _WIDE | {"visible", "hidden", "auto"},
    "position": _WIDE | {"static", "relative", "absolute", "fixed", "sticky"},
}
_OVERFLOWS = _WIDE | {"visible", "hidden", "clip", "scroll", "auto", "overlay"}
_SEVERAL_WORDS = {
    "display": _WIDE | _BOXES | {"none", "flow", "run-in", "-webkit-box", "-webkit-flex", "-ms-flexbox"},
    "overflow": _OVERFLOWS,
    "overflow-x": _OVERFLOWS,
    "overflow-y": _OVERFLOWS,
}
_TABLES = ("table", "inline-table", "ruby")
_NO_LENGTH = _WIDE | {"auto", "none", "min-content", "max-content", "fit-content", "stretch"}
_SIZES = {
    "xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0, "xx-large": 32.0, "xxx-large": 48.0,
}  # fmt: skip
_PIXELS = {
    "px": 1.0, "pt": 4.0 / 3.0, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "q": 0.945, "rem": 16.0, "vw": 12.8, "vh": 8.0, "vmin": 8.0,
    "vmax": 12.8, "svh": 8.0, "dvh": 8.0, "lvh": 8.0,
}  # fmt: skip
_BY_LETTER = {"em": 1.0, "ex": 0.5, "ch": 0.5, "ic": 1.0, "cap": 0.7, "lh": 1.2}
_MATHS = frozenset({"calc", "min", "max", "clamp"})
_MOVES = frozenset({"translate", "translatex", "translatey", "translate3d"})
_SCALES = frozenset({"scale", "scalex", "scaley", "scale3d"})
_FUNCTIONS = {
    "clip": frozenset({"rect"}),
    "clip-path": frozenset({"inset", "circle", "ellipse", "polygon", "path", "rect", "xywh", "shape"}),
    "filter": frozenset({"opacity", "blur", "brightness", "contrast", "drop-shadow", "grayscale", "hue-rotate", "invert", "saturate", "sepia"}),
    "transform": _MOVES | _SCALES | {"matrix", "matrix3d", "rotate", "rotatex", "rotatey", "rotatez", "skew", "skewx", "skewy", "perspective"},
}  # fmt: skip
_COLOURS = frozenset({"rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color", "color-mix", "light-dark"})  # fmt: skip
_BARE_HEX = re.compile(r"[0-9A-Fa-f]{6}")
_CLOSE = 5.0
"""Of 255: colours that are no further apart look the same."""
_FAINTEST = 0.05
_SCALED_AWAY = 0.1
_MOVED_AWAY_PIXELS = -500.0
_MOST_TOKENS = 500
_DEEPEST = 20


def word(tokens: Sequence[Node]) -> str:
    """The only word of a value, or nothing."""
    return tokens[0].lower_value if len(tokens) == 1 and tokens[0].type == "ident" else ""


def is_valid(name: str, tokens: Sequence[Node]) -> bool:
    """Whether a browser takes the value; one that it does not take leaves the value before it in force."""
    only = word(tokens)
    if name in _WORDS:
        return only in _WORDS[name]
    if name in _SEVERAL_WORDS:
        words = [word([token]) for token in tokens]
        return bool(words) and all(one in _SEVERAL_WORDS[name] or one.startswith(_TABLES) for one in words)
    if only in _NO_LENGTH:
        return True
    if name in _FUNCTIONS:
        named = [token.lower_name if token.type == "function" else "" for token in tokens]
        return bool(named) and set(named) <= _FUNCTIONS[name]
    if name == "background-color":
        return colour_of(tokens, None) is not Odd.NO_COLOUR
    return any(token.type == "url" or _is_picture(token) for token in tokens) or any(
        True for _ in pixels_in(tokens, 1.0)
    )


def with_custom(tokens: Sequence[Node], custom: Mapping[str, Sequence[Node]]) -> Sequence[Node]:
    """A value with each `var(…)` written out; nothing where that has no end."""
    if not any(token.type == "function" for token in tokens):
        return tokens
    room = iter(range(_MOST_TOKENS))
    made = list(_written_out(tokens, custom, room, 0))
    return made if next(room, None) is not None else ()


def _written_out(
    tokens: Sequence[Node], custom: Mapping[str, Sequence[Node]], room: Iterator[int], depth: int
) -> Iterator[Node]:
    for token in tokens:
        if next(room, None) is None:
            return
        if token.type != "function" or depth >= _DEEPEST:
            yield token
        elif token.lower_name == "var":
            inner = [one for one in token.arguments if one.type not in {"whitespace", "comment"}]
            name = inner[0].value if inner and inner[0].type == "ident" else ""
            yield from _written_out(custom.get(name, inner[2:]), custom, room, depth + 1)
        else:
            arguments = list(_written_out(token.arguments, custom, room, depth + 1))
            yield FunctionBlock(token.source_line, token.source_column, token.name, arguments)


def pixels_in(tokens: Sequence[Node], letter: float, percent: float = 0.0) -> Iterator[float]:
    """Each length of a value in pixels, those in functions of arithmetic too; `letter` is one em, `percent` one per cent."""
    for token in tokens:
        if token.type == "dimension":
            unit = token.lower_unit
            if unit in _PIXELS or unit in _BY_LETTER:
                yield token.value * (_PIXELS[unit] if unit in _PIXELS else _BY_LETTER[unit] * letter)
        elif token.type == "percentage":
            yield token.value * percent
        elif token.type == "number":
            yield token.value
        elif token.type == "function" and token.lower_name in _MATHS:
            # A bare number there multiplies a length.
            measured = [one for one in token.arguments if one.type != "number"]
            yield from pixels_in(measured, letter, percent)


def share(tokens: Sequence[Node], otherwise: float) -> float:
    """A number or a percentage, from 0 to 1."""
    if len(tokens) != 1 or tokens[0].type not in {"number", "percentage"}:
        return otherwise
    value = float(tokens[0].value) / (100.0 if tokens[0].type == "percentage" else 1.0)
    return min(1.0, max(0.0, value))


def font_pixels(name: str, tokens: Sequence[Node], around: float) -> float | None:
    """The size of letters that `font` or `font-size` sets, in pixels; None where it is no size."""
    if (only := word(tokens)) in _WIDE:
        return around if only in TAKEN_OVER else _SIZES["medium"]
    for token in tokens:
        if token.type == "ident" and token.lower_value in _SIZES:
            return _SIZES[token.lower_value]
        if token.type == "ident" and token.lower_value in {"smaller", "larger"}:
            return around * (1.2 if token.lower_value == "larger" else 0.83)
        # `font: 400 12px/1.5 serif`: a bare number is a weight there.
        if token.type == "number" and name == "font" and token.value != 0:
            continue
        if found := list(pixels_in([token], around, around / 100.0)):
            return max(found)
    return None


def old_colour(text: str) -> tuple[Node, ...]:
    """The value of an attribute of old (`color`, `bgcolor`), which may lack its `#`."""
    stripped = text.strip()
    written = f"#{stripped}" if _BARE_HEX.fullmatch(stripped) else stripped
    return tuple(tinycss2.parse_component_value_list(written))


def colour_of(tokens: Sequence[Node], around: Colour | Odd | None) -> Colour | Odd | None:
    """The colour that a value names, None for one that only a browser reckons."""
    only = word(tokens)
    if only == "currentcolor" or only in TAKEN_OVER:
        return around
    if only in _WIDE:
        return BLACK
    if len(tokens) != 1:
        return Odd.NO_COLOUR
    token = tokens[0]
    try:
        found = parse_color(token)
        return _of_255(found) if found else None if _is_colour_function(token) else Odd.NO_COLOUR
    except (ValueError, TypeError, NotImplementedError):
        return None if _is_colour_function(token) else Odd.NO_COLOUR


def _is_colour_function(token: Node) -> bool:
    return bool(token.type == "function" and token.lower_name in _COLOURS)


def _of_255(found: Color) -> Colour | None:
    if found.space in {"srgb", "hsl", "hwb"}:
        red, green, blue = (max(0.0, min(1.0, part)) * 255.0 for part in found.to("srgb").coordinates)
        return red, green, blue, found.alpha
    # Of other spaces white is known by its lightness, which is enough to see nothing on white.
    lightness = (found.coordinates[0] or 0.0) / (100.0 if found.space in {"lab", "lch"} else 1.0)
    if found.alpha <= _FAINTEST or (found.space in {"lab", "lch", "oklab", "oklch"} and lightness >= 0.98):
        return 255.0, 255.0, 255.0, found.alpha
    return None


def grounds_in(tokens: Sequence[Node]) -> tuple[Sequence[Node], Sequence[Node]]:
    """The colour and the picture that a `background` sets; "transparent" and "none" where it names none."""
    pictures = [token for token in tokens if token.type == "url" or _is_picture(token)]
    colours = [token for token in tokens if colour_of([token], None) is not Odd.NO_COLOUR]
    return colours[-1:] or _TRANSPARENT, pictures[:1] or _NONE


def _is_picture(token: Node) -> bool:
    return bool(token.type == "function" and token.lower_name.endswith(("url", "gradient", "image", "image-set")))


def ground_of(colour: Sequence[Node], picture: Sequence[Node], around: Colour | None) -> Colour | None:
    """What is behind the letters: a colour that covers, what is around, or None for a picture or a mixture."""
    if any(token.type == "url" or _is_picture(token) for token in picture):
        return None
    found = colour_of(colour, around) if colour else Odd.NO_COLOUR
    if isinstance(found, Odd) or (found is not None and found[3] <= _FAINTEST):
        return around
    return found if found is not None and found[3] >= 1.0 - _FAINTEST else None


def blends_in(letters: Colour | None, ground: Colour | None) -> bool:
    """Whether letters cannot be told from what is behind them."""
    if letters is None:
        return False
    if letters[3] <= _FAINTEST:
        return True
    return ground is not None and all(abs(one - other) <= _CLOSE for one, other in zip(letters[:3], ground[:3], strict=True))  # fmt: skip


def is_no_room(tokens: Sequence[Node]) -> bool:
    """Whether a width or a height is a pixel at most."""
    found = list(pixels_in(tokens, 16.0, 16.0))
    return bool(found) and max(found) <= 1.0


def is_cut_to_nothing(tokens: Sequence[Node]) -> bool:
    """Whether `clip`, `clip-path` or `filter` leaves nothing."""
    for token in tokens:
        name = token.lower_name if token.type == "function" else ""
        sizes = list(pixels_in(token.arguments, 16.0, 1.0)) if name else []
        if name == "rect" and len(sizes) == 4:
            top, right, bottom, left = sizes
            if right - left <= 1.0 or bottom - top <= 1.0:
                return True
        inside = [one for one in sizes if one >= 50.0]
        if (name == "inset" and sizes and inside and sizes[0] >= 50.0) or (name in {"circle", "ellipse"} and sizes and sizes[0] <= 0.0):  # fmt: skip
            return True
        if name == "polygon" and sizes and not any(sizes):
            return True
        if name == "opacity" and share([one for one in token.arguments if one.type != "whitespace"], 1.0) <= _FAINTEST:
            return True
    return False


def is_moved_away(name: str, tokens: Sequence[Node]) -> bool:
    """Whether `transform`, `translate` or `scale` takes a box out of sight."""
    if name == "scale":
        return any(abs(share([token], 1.0)) < _SCALED_AWAY for token in tokens)
    if name == "translate":
        return min(pixels_in(tokens, 16.0, 1.0), default=0.0) <= _MOVED_AWAY_PIXELS
    for token in tokens:
        function = token.lower_name if token.type == "function" else ""
        sizes = list(pixels_in(token.arguments, 16.0, 1.0)) if function else []
        if function in _MOVES and min(sizes, default=0.0) <= _MOVED_AWAY_PIXELS:
            return True
        if function in _SCALES and sizes and min(abs(size) for size in sizes) < _SCALED_AWAY:
            return True
        if function == "matrix" and len(sizes) == 6 and not any(sizes[:4]):
            return True
    return False


_TRANSPARENT = tuple(tinycss2.parse_component_value_list("transparent"))
_NONE = tuple(tinycss2.parse_component_value_list("none"))
VISIBILITIES = _WORDS["visibility"]
