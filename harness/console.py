"""Results in a terminal: one line per measured thing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from slo.evidence import Item
from slo.spec import Unit
from slo.verdict import Verdict, shown

WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASS)


def say(line: str) -> None:
    """One line for the user beside the result: on standard error, so that JSON on standard output stays JSON."""
    print(line, file=sys.stderr, flush=True)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of many: FAIL before ERROR before INCONCLUSIVE; of none it is ERROR, because nothing was measured."""
    found = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in found), Verdict.ERROR)


def table(items: Sequence[Item]) -> str:
    """Gate, cell, value, n, verdict and reason, in columns."""
    rows = [("gate", "cell", "value", "n", "verdict", "reason"), *(_row(item) for item in items)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row[:5], widths, strict=True)), row[5]]).rstrip()
        for row in rows
    )


def _row(item: Item) -> tuple[str, str, str, str, str, str]:
    value = item.measurement.value
    return (
        item.gate,
        " ".join(value for _, value in item.labels) or "all",
        "none" if value is None else shown(value, Unit(item.unit)),
        str(item.measurement.n),
        str(item.verdict),
        "" if item.verdict is Verdict.PASS else item.reason,
    )
