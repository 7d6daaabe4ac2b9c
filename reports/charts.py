"""Line charts as coordinates; the template draws them as inline SVG. Hand-made: a few hundred bytes, the same on every run.

Coordinates are rounded to a tenth of a pixel, so that the page stays byte-stable and small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 150
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 10, 24


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled line: at `at` pixels, saying `label`."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """One series; `points` is what an SVG polyline takes, one text for each unbroken stretch."""

    name: str
    style: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart over time, with words for those who cannot see it.

    Attributes:
        id: Prefix of the ids of title and description, unique on the page.
    """

    id: str
    title: str
    description: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT


@dataclass(frozen=True, slots=True)
class Series:
    """A named series of y values over the same x values; None where nothing was measured."""

    name: str
    style: str
    values: Sequence[float | None]


def line_chart(
    chart_id: str, title: str, description: str, *, across: Sequence[float], series: Sequence[Series], unit: str = ""
) -> Chart:
    """A chart of several series over seconds; the y axis begins at zero."""
    known = [value for one in series for value in one.values if value is not None]
    top = nice_ceiling(max(known, default=0.0))
    first, last = (min(across), max(across)) if across else (0.0, 0.0)
    span = (last - first) or 1.0

    def x(value: float) -> float:
        return LEFT + (value - first) / span * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)

    lines = tuple(
        Line(
            one.name,
            one.style,
            tuple(" ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in part) for part in _parts(across, one)),
        )
        for one in series
    )
    ups = tuple(Tick(f"{y(value):.1f}", f"{_plain(value)}{unit}") for value in (0.0, top / 2, top))
    ticks = tuple(Tick(f"{x(value):.1f}", f"{value:g} s") for value in _across(first, last))
    return Chart(chart_id, title, description, lines, ticks, ups)


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 4, 5, 6, 8 times a power of ten, so that axis labels are short; 1 for nothing."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9)))


def _parts(across: Sequence[float], series: Series) -> list[list[tuple[float, float]]]:
    """Unbroken stretches: a second without a value is a gap, never a zero."""
    parts: list[list[tuple[float, float]]] = [[]]
    for place, value in zip(across, series.values, strict=True):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((place, value))
    return [part for part in parts if part]


def _across(first: float, last: float) -> list[float]:
    if last <= first:
        return [first]
    raw = (last - first) / 6
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= raw * (1 - 1e-9))
    start = math.ceil(first / step)
    return [place * step for place in range(start, math.floor(last / step) + 1)]


def _plain(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
