"""A small writer of SVG: escaped text, a title and a description for those who listen, light and dark by the reader's own setting, no script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from slo.simulation.history import Floats

STYLE = """
svg{--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#ffffff;--c0:#c62828;--c1:#b35900;--c2:#0b62c4;--c3:#6f42c1;--good:#1a7f37;--bad:#f3c6c0}
@media (prefers-color-scheme:dark){svg{--ink:#e6edf3;--soft:#9aa5b1;--line:#3a424c;--back:#0d1117;--c0:#ff7b72;--c1:#f0a04b;--c2:#6cb6ff;--c3:#c297ff;--good:#56d364;--bad:#5c2b2b}}
text{font:12px system-ui,sans-serif;fill:var(--ink)}
.soft{fill:var(--soft)}.head{font-weight:600;font-size:14px}.end{text-anchor:end}.mid{text-anchor:middle}
.back{fill:var(--back)}.grid{stroke:var(--line);stroke-width:1;fill:none}.limit{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:5 4;fill:none}
.course{fill:none;stroke-width:1.8;stroke-linejoin:round}.thin{stroke-width:1;stroke-dasharray:2 2}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.good{stroke:var(--good)}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.event{fill:var(--bad)}
"""
COLOURS = 4


def colour(number: int) -> str:
    """One of the colours, by number; more lines than colours begin anew."""
    return str(number % COLOURS)


def document(name: str, title: str, description: str, size: tuple[int, int], parts: Iterable[str]) -> str:
    """A whole picture; `name` makes its ids unique where several stand on one page."""
    width, height = size
    ids = f"{name}-title", f"{name}-desc"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="{ids[0]} {ids[1]}">'
    )
    body = [
        head,
        f'<title id="{ids[0]}">{clean(title)}</title>',
        f'<desc id="{ids[1]}">{clean(description)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{width}" height="{height}"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(body) + "\n"


def clean(text: str) -> str:
    """Text as XML may hold it: escaped, without control characters."""
    return escape("".join(letter for letter in text if letter.isprintable()))


def label(x: float, y: float, text: str, classes: str = "") -> str:
    """Some words; `x` is their begin, or their end or middle with the classes `end` and `mid`."""
    return f"<text{_classes(classes)} x={_n(x)} y={_n(y)}>{clean(text)}</text>"


def rule(x1: float, y1: float, x2: float, y2: float, classes: str = "grid") -> str:
    """A straight line."""
    return f"<path{_classes(classes)} d={quoteattr(f'M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}')}/>"


def box(x: float, y: float, width: float, height: float, classes: str, tip: str = "") -> str:
    """A filled box, with words that show when it is pointed at."""
    inside = f"<title>{clean(tip)}</title>" if tip else ""
    return f"<rect{_classes(classes)} x={_n(x)} y={_n(y)} width={_n(width)} height={_n(height)}>{inside}</rect>"


def course(xs: Sequence[float] | Floats, ys: Sequence[float] | Floats, classes: str) -> str:
    """A line through points; NaN interrupts it. What lies on a straight line with its neighbours is left out."""
    path, pieces = [], _pieces(np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64))
    for piece in pieces:
        points = [f"{number(x)} {number(y)}" for x, y in _corners(piece)]
        path.append("M" + "L".join(points if len(points) > 1 else points * 2))
    return f"<path{_classes('course ' + classes)} d={quoteattr(''.join(path))}/>" if path else ""


def number(value: float) -> str:
    """A coordinate to a tenth."""
    text = f"{value:.1f}"
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")


def legend(x: float, y: float, entries: Mapping[str, str], width: float) -> list[str]:
    """Lines and what they are, side by side: text -> classes of its line."""
    parts = []
    for place, (text, classes) in enumerate(entries.items()):
        left = x + place * width
        parts += [rule(left, y - 4, left + 22, y - 4, f"course {classes}"), label(left + 28, y, text)]
    return parts


def _pieces(xs: Floats, ys: Floats) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        if not math.isnan(y):
            pieces[-1].append((round(x, 1), round(y, 1)))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _corners(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points without those of a level stretch between its ends."""
    kept = [
        point
        for place, point in enumerate(points)
        if place in (0, len(points) - 1) or not points[place - 1][1] == point[1] == points[place + 1][1]
    ]
    return [kept[0], *(after for before, after in pairwise(kept) if after != before)]


def _classes(classes: str) -> str:
    return f" class={quoteattr(classes)}" if classes else ""


def _n(value: float) -> str:
    return quoteattr(number(value))
