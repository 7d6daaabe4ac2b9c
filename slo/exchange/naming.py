"""Names, lengths and shares between the formats."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from decimal import ROUND_CEILING, Decimal
from typing import Any

from slo.names import alert_stem
from slo.quantities import UNITS, format_number

PREFIX = "slo.courtsight/"
"""Of the annotations that hold what OpenSLO has no place for."""
SLO_NOTES = f"{PREFIX}entry"
SPEC_NOTES = f"{PREFIX}spec"
TARGET_NOTES = f"{PREFIX}target"
SHORT_WINDOW = f"{PREFIX}short-window"
LONGEST_NAME = 60
LONGEST_TITLE = 63
"""Characters of a display name; the Go SDK of OpenSLO takes no more."""
_SHORTHAND = re.compile(r"([1-9][0-9]{0,8})([mhdwMQY])")
_DAYS = {"M": 30, "Q": 90, "Y": 365}
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_PERCENT_DIGITS = Decimal("1e-15")


def slug(text: str, taken: Container[str] = (), fallback: str = "slo") -> str:
    """A name in lower-case words joined by hyphens, unlike all that are taken, be it a name or how its alerts are called."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    while words and not words[0][0].isalpha():
        words[0] = words[0].lstrip("0123456789")
        if not words[0]:
            words.pop(0)
    name = "-".join(words)[:LONGEST_NAME].rstrip("-") or fallback
    number, found = 2, name
    while found in taken or alert_stem(found) in taken:
        found = f"{name[: LONGEST_NAME - 5].rstrip('-')}-{number}"
        number += 1
    return found


def percent(share: Decimal) -> str:
    """0.999 as `99.9%`; digits past the fifteenth are rounded."""
    return f"{format_number((share * 100).quantize(_PERCENT_DIGITS))}%"


def from_shorthand(text: str) -> Decimal | None:
    """`12h`, `4w`, `1M` as seconds; months of 30, quarters of 90, years of 365 days. None for anything else."""
    found = _SHORTHAND.fullmatch(text)
    if found is None:
        return None
    unit = UNITS[found[2]] if found[2] in UNITS else UNITS["d"] * _DAYS[found[2]]
    return int(found[1]) * unit


def to_shorthand(seconds: Decimal) -> str:
    """Seconds in the largest unit that divides them, minutes at least: what lies between is rounded up."""
    minutes = max(1, int((seconds / UNITS["m"]).to_integral_value(ROUND_CEILING)))
    for unit, length in (("d", 1440), ("h", 60)):
        if minutes % length == 0:
            return f"{minutes // length}{unit}"
    return f"{minutes}m"


def length_text(seconds: Decimal) -> str:
    """A length as our specs write it: whole seconds in the largest unit that divides them."""
    for unit in ("d", "h", "m"):
        if seconds % UNITS[unit] == 0:
            return f"{format_number(seconds / UNITS[unit])}{unit}"
    return f"{format_number(seconds)}s"


def one_line(text: str) -> str:
    """The text on one line, without what Prometheus would run."""
    return re.sub(r"[\x00-\x20\x7f]+", " ", text.replace("{{", "{").replace("}}", "}")).strip()


def plain_yaml(value: Any) -> bytes:  # noqa: ANN401 - any plain document
    """A plain document as YAML for a reader, not for people: JSON whose every sign YAML takes."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text).encode()
