"""How values look to a reader: units, times in UTC and WIB, hashes, lengths of time. Pure text from numbers; None is "not recorded"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from reports.decision import Row, cell_text
from slo.spec import Direction, Unit
from slo.verdict import Verdict, shown

WIB = timezone(timedelta(hours=7), "WIB")
"""Waktu Indonesia Barat, the time of Jakarta; it has no summer time."""

NOTHING = "not recorded"
DASH = "–"


def verdict_word(verdict: Verdict | None) -> str:
    """The verdict's word; no verdict at all is MISSING."""
    return "MISSING" if verdict is None else str(verdict)


def amount(value: float | None, unit: Unit) -> str:
    """A measured value with its unit; a dash when nothing was measured."""
    return DASH if value is None else shown(value, unit)


def objective(row: Row) -> str:
    """The contract with its side: `≥ 99.9 %`, `≤ 4 s`."""
    side = "≥" if row.direction is Direction.AT_LEAST else "≤"
    return f"{side} {limit(row.objective, row.unit)}"


def limit(value: float, unit: Unit) -> str:
    """A contract as people write it: `500 ms`, `4 s`, never `4.0e+00`."""
    if unit is Unit.SECONDS:
        return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"
    return shown(value, unit)


def margin(row: Row) -> str:
    """The distance to the contract, with a sign: `+3.6 s` is on the good side. Ratios in percentage points."""
    if row.margin is None:
        return DASH
    sign = "+" if row.margin >= 0 else "−"
    size = abs(row.margin)
    if row.unit is Unit.RATIO:
        return f"{sign}{size * 100:.3g} pp"
    return sign + shown(size, row.unit)


def interval(row: Row) -> str:
    """Both bounds of the interval; a side that the samples cannot bound is open (`…`)."""
    own = row.interval
    if own is None or (own.lower is None and own.upper is None):
        return DASH
    lower = "…" if own.lower is None else shown(own.lower, row.unit)
    upper = "…" if own.upper is None else shown(own.upper, row.unit)
    return lower if lower == upper else f"{lower} to {upper}"


def used(row: Row) -> float | None:
    """Share of what the contract allows that is used up: 0.3 of the time limit, or of the error budget; above 1 it is broken.

    None when nothing was measured, or when the contract allows nothing that could be divided (100 %).
    """
    if row.value is None:
        return None
    if row.direction is Direction.AT_MOST:
        return row.value / row.objective if row.objective else None
    if row.unit is Unit.RATIO:
        return (1 - row.value) / (1 - row.objective) if row.objective < 1 else None
    return row.objective / row.value if row.value > 0 else None


def percent(share: float | None) -> str:
    """A share as whole percent; small ones with a digit more."""
    if share is None:
        return DASH
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{share * 100:.1f} %" if 0 < share < 0.1 else f"{share * 100:.0f} %"


def seconds(value: float | None) -> str:
    """A length of time for people."""
    if value is None:
        return NOTHING
    if value >= 2 * 86400:
        return f"{value / 86400:.3g} days"
    if value >= 7200:
        return f"{value / 3600:.3g} h"
    if value >= 120:
        return f"{value / 60:.3g} min"
    return shown(value, Unit.SECONDS) if value < 0.1 else f"{value:.3g} s"


def count(value: float | None) -> str:
    """A count with thousands separated; of a fraction three digits, or all that stand before the point."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"


def size(value: float | None) -> str:
    """Bytes as GiB."""
    return NOTHING if value is None else f"{value / 2**30:.1f} GiB"


def utc(at: datetime | None) -> str:
    """`2026-11-20 21:30:00 UTC`."""
    return NOTHING if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def wib(at: datetime | None) -> str:
    """The same moment in Jakarta: `2026-11-21 04:30:00 WIB`; a dash for the last seven hours of the calendar, which Jakarta has not."""
    if at is None:
        return NOTHING
    try:
        return f"{at.astimezone(WIB):%Y-%m-%d %H:%M:%S} WIB"
    except OverflowError:
        return DASH


def digest(value: str) -> str:
    """The first twelve digits of a hash, enough to compare by eye."""
    return value.removeprefix("sha256:")[:12] or NOTHING


def cell(labels: Mapping[str, str]) -> str:
    """A cell for people; the whole of a gate is `all`."""
    return cell_text(labels) or "all"
