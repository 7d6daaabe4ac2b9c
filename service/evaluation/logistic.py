"""Weighted logistic regression with a ridge, by Newton's method: a dozen features and some thousand rows need no library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.chat.confidence import probability

_ROUNDS = 40
_ENOUGH = 1e-9


@dataclass(frozen=True, slots=True)
class Row:
    """One observation: its features in a fixed order, how it came out, and how much it counts."""

    values: tuple[float, ...]
    outcome: bool
    weight: float


def fit(rows: Sequence[Row], ridge: float) -> tuple[float, ...]:
    """The intercept and a weight for each feature that make the outcomes most likely.

    Args:
        rows: the observations; at least one.
        ridge: half of it times the square of each weight is paid, so that no weight grows without end; the intercept is free.
    """
    size = len(rows[0].values) + 1
    found = [0.0] * size
    table = [(1.0, *row.values) for row in rows]
    for _ in range(_ROUNDS):
        slope = [0.0] * size
        bend = [[0.0] * size for _ in range(size)]
        for values, row in zip(table, rows, strict=True):
            chance = probability(sum(map(float.__mul__, found, values)))
            error, spread = row.weight * (chance - row.outcome), row.weight * chance * (1 - chance)
            for at, value in enumerate(values):
                slope[at] += error * value
                line, scaled = bend[at], spread * value
                for other in range(at + 1):
                    line[other] += scaled * values[other]
        for at in range(size):
            slope[at] += ridge * found[at] if at else 0.0
            bend[at][at] += ridge if at else _ENOUGH
            for other in range(at):
                bend[other][at] = bend[at][other]
        step = solve(bend, slope)
        found = [weight - change for weight, change in zip(found, step, strict=True)]
        if max(map(abs, step)) < _ENOUGH:
            break
    return tuple(found)


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a system of linear equations whose matrix is regular, by elimination with pivots."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for at in range(size):
        best = max(range(at, size), key=lambda row: abs(rows[row][at]))
        rows[at], rows[best] = rows[best], rows[at]
        for below in range(at + 1, size):
            share = rows[below][at] / rows[at][at]
            for column in range(at, size + 1):
                rows[below][column] -= share * rows[at][column]
    found = [0.0] * size
    for at in reversed(range(size)):
        known = sum(rows[at][column] * found[column] for column in range(at + 1, size))
        found[at] = (rows[at][size] - known) / rows[at][at]
    return found
