"""Percents and durations as people write them, kept exact.

Everything is Decimal: 99.9 % is 0.999 and its budget 0.001, never 0.0009999999999999432.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

UNITS: dict[str, Decimal] = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
UNIT_WORDS = {
    "ms": r"milliseconds?|ms",
    "s": r"seconds?|secs?|s",
    "m": r"minutes?|mins?|m",
    "h": r"hours?|hrs?|h",
    "d": r"days?|d",
    "w": r"weeks?|w",
}
"""By unit: how people write it, as a pattern."""
ANY_UNIT = "|".join(UNIT_WORDS.values())
_DURATION = re.compile(rf"([0-9]{{1,15}}(?:\.[0-9]{{1,9}})?) ?({ANY_UNIT})(?![A-Za-z])")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,15})?")
_COMMA = re.compile(r"([0-9]),([0-9])")
_FALLING = ("w", "d", "h", "m", "s", "ms")
LONGEST_TEXT = 64
"""Characters of a percent or duration; nobody writes a longer one."""
LONGEST_DURATION = Decimal(3660 * 86400)
"""Seconds, ten years: beyond lies a slip of the unit."""


class QuantityError(ValueError):
    """A percent or duration that cannot be read, and how to write it instead."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


def parse_ratio(text: str) -> Decimal:
    """Read `99.9%` or `99.9 %` as 0.999.

    Raises:
        QuantityError: The text is no percent, is ambiguous (`99,9%`), or lies outside 0 to 100 %.
    """
    stripped = text.strip()
    if len(stripped) > LONGEST_TEXT:
        raise QuantityError("is no percent: far too long", "write it like 99.9%")
    if _COMMA.search(stripped):
        raise QuantityError(f"{text!r} is no percent: a comma is ambiguous", f"write {_COMMA.sub(_POINT, stripped)}")
    if not stripped.endswith("%"):
        raise QuantityError(f"{text!r} is no percent: it lacks its unit", _percent_meant(stripped))
    number = stripped[:-1].strip()
    if number.startswith("-"):
        raise QuantityError(f"{text!r} lies outside 0% to 100%", "give a percent between them")
    if not _PERCENT.fullmatch(number):
        raise QuantityError(f"{text!r} is no percent", "write it like 99.9%")
    value = Decimal(number) / 100
    if not 0 <= value <= 1:
        raise QuantityError(f"{text!r} lies outside 0% to 100%", "give a percent between them")
    return value.normalize() if value else Decimal(0)


_POINT = r"\1.\2"


def _percent_meant(text: str) -> str:
    """The mend for a number without `%`: a share is shown as the percent that it is."""
    if not _PERCENT.fullmatch(text):
        return "write it like 99.9%"
    value = Decimal(text)
    return f"write {format_ratio(value)} or {format_number(value)}%" if value <= 1 else f"write {text}%"


def parse_duration(text: str) -> Decimal:
    """Read `500ms`, `4s`, `1.5s`, `1m30s`, `1h 30m`, `30d`, `2 weeks`, `90 seconds` as seconds.

    Raises:
        QuantityError: The text is no duration, is ambiguous (`1,5s`), is zero or longer than ten years.
    """
    stripped = text.strip()
    advice = "write it like 500ms, 4s, 1m30s or 30d"
    if len(stripped) > LONGEST_TEXT:
        raise QuantityError("is no duration: far too long", advice)
    if _COMMA.search(stripped):
        raise QuantityError(f"{text!r} is no duration: a comma is ambiguous", f"write {_COMMA.sub(_POINT, stripped)}")
    matches = list(_DURATION.finditer(stripped))
    if not matches or re.sub(r"\s", "", stripped) != "".join(match.group(1) + match.group(2) for match in matches):
        lowered = stripped.lower()  # `1M` may be a month: nobody can say
        again = lowered != stripped and "M" not in stripped and _DURATION.fullmatch(lowered)
        raise QuantityError(f"{text!r} is no duration", f"write {lowered}" if again else advice)
    units = [_unit(match.group(2)) for match in matches]
    order = [_FALLING.index(unit) for unit in units]
    if order != sorted(set(order)):
        raise QuantityError(f"{text!r} is no duration: units must fall, each once", "write it like 1h30m")
    seconds = sum((Decimal(match[1]) * UNITS[unit] for match, unit in zip(matches, units, strict=True)), Decimal(0))
    if seconds <= 0:
        raise QuantityError(f"{text!r} must be longer than nothing", advice)
    if seconds > LONGEST_DURATION:
        raise QuantityError(f"{text!r} is longer than ten years", "look at its unit")
    return seconds


@lru_cache(maxsize=64)
def _unit(written: str) -> str:
    return next(unit for unit, words in UNIT_WORDS.items() if re.fullmatch(words, written))


def plain_number(text: str) -> Decimal | None:
    """A finite number under 10^15, or None."""
    try:
        value = Decimal(text) if len(text) <= LONGEST_TEXT else Decimal("NaN")
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < Decimal("1e15") else None


@lru_cache(maxsize=4096)
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


@lru_cache(maxsize=4096)
def format_number(value: Decimal) -> str:
    """Write a Decimal plainly, without exponent or trailing zeros: `14.4`, `0.001`, `60`."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_ratio(value: Decimal) -> str:
    """Write 0.999 as `99.9%`."""
    return f"{format_number(value * 100)}%"


def how_many(count: int, noun: str) -> str:
    """A count and its noun: `1 file`, `2 files`, `0 files`, `2 boxes`, `2 matches`, `2 queries`."""
    if count == 1:
        return f"1 {noun}"
    if re.search(r"(s|x|ch|sh)$", noun):
        return f"{count} {noun}es"
    return f"{count} {noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{count} {noun}s"
