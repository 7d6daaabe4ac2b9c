"""Percents and durations as people write them, kept exact.

Everything is Decimal: 99.9 % is 0.999 and its budget 0.001, never 0.0009999999999999432.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

UNITS: dict[str, Decimal] = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def parse_ratio(text: str) -> Decimal:
    """Read `99.9%` as 0.999.

    Raises:
        ValueError: The text is no percent, or lies outside 0 to 100 %.
    """
    stripped = text.strip()
    if not stripped.endswith("%"):
        raise ValueError(f"{text!r} is no percent: write it like 99.9%")
    try:
        value = Decimal(stripped[:-1].strip()) / 100
    except InvalidOperation:
        raise ValueError(f"{text!r} is no percent: write it like 99.9%") from None
    if not value.is_finite() or not 0 <= value <= 1:
        raise ValueError(f"{text!r} lies outside 0% to 100%")
    return value.normalize() if value else Decimal(0)


def parse_duration(text: str) -> Decimal:
    """Read `500ms`, `4s`, `1m30s`, `30d` as seconds.

    Raises:
        ValueError: The text is no duration, or is zero.
    """
    stripped = text.strip()
    matches = list(_DURATION.finditer(stripped))
    if not matches or "".join(match.group(0) for match in matches) != stripped:
        raise ValueError(f"{text!r} is no duration: write it like 500ms, 4s, 1m30s or 30d")
    seconds = sum((Decimal(match.group(1)) * UNITS[match.group(2)] for match in matches), Decimal(0))
    if seconds <= 0:
        raise ValueError(f"{text!r} must be longer than nothing")
    return seconds


def format_duration(seconds: Decimal) -> str:
    """Write seconds as Prometheus does: the largest unit that divides evenly (`300` is `5m`, `0.5` is `500ms`).

    Raises:
        ValueError: The duration is not a positive whole number of milliseconds.
    """
    milliseconds = seconds * 1000
    if seconds <= 0 or milliseconds != milliseconds.to_integral_value():
        raise ValueError(f"{seconds} s cannot be written as a Prometheus duration")
    for unit in ("d", "h", "m", "s"):
        if seconds % UNITS[unit] == 0:
            return f"{int(seconds / UNITS[unit])}{unit}"
    return f"{int(milliseconds)}ms"


def format_number(value: Decimal) -> str:
    """Write a Decimal plainly, without exponent or trailing zeros: `14.4`, `0.001`, `60`."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_ratio(value: Decimal) -> str:
    """Write 0.999 as `99.9%`."""
    return f"{format_number(value * 100)}%"
