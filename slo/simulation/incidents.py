"""Incidents as people say them: `2h at 5% from day 3 14:00`, `20m outage from 2026-01-06 09:30 every 7d of availability`.

    <how long> at <percent> | outage | idle | gap   from <when>   [every <duration>]   [of <SLO>, <SLO> …]

An outage fails everything, in idle time nobody asks, and a gap is time in which nobody scraped. Day 1 is the first day.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np

from slo.quantities import QuantityError, parse_duration, parse_ratio
from slo.simulation.history import Floats

LONGEST_TEXT = 300
MOST_REPEATS = 20_000
ADVICE = 'write it like "2h at 5% from day 3 14:00", "20m outage from day 9", or "10m at 2% from day 1 09:00 every 1d of availability"'
_DAY = 86400.0
_INCIDENT = re.compile(
    r"(?P<length>[0-9][0-9.a-z ]*?) +(?:at +(?P<percent>[0-9.,]+ ?%?)|(?P<word>[a-z]+)) +from +"
    r"(?:day +(?P<day>[0-9]{1,5})(?: +(?P<clock>[0-9]{1,2}:[0-9]{2}))?|(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:]+Z?)?))"
    r"(?: +every +(?P<every>[0-9a-z. ]+?))?(?: +of +(?P<of>[a-zA-Z0-9_, -]+))?"
)


class What(StrEnum):
    """What an incident does."""

    ERRORS = "errors"
    OUTAGE = "outage"
    IDLE = "idle"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong for a while.

    Attributes:
        length: Seconds.
        ratio: Share of the events that go wrong beside those that would in any case.
        offset: Begin in seconds after the start of the simulated time; None where `at` says it.
        at: Begin in seconds since the epoch.
        every: Seconds after which it comes again; None for once.
        of: Ids or family names of the SLOs that it hits; empty for all.
        text: As it was written.
    """

    length: float
    what: What
    ratio: float
    offset: float | None
    at: float | None
    every: float | None
    of: tuple[str, ...]
    text: str

    def hits(self, slo_id: str, family: str) -> bool:
        """Whether it is one of this SLO."""
        return not self.of or slo_id in self.of or family in self.of

    def begins(self, start: float, end: float) -> tuple[float, ...]:
        """When it begins, each time that it reaches into the simulated time.

        Raises:
            QuantityError: It comes too often.
        """
        first = start + self.offset if self.offset is not None else self.at or 0.0
        if self.every is None:
            return (first,) if first < end and first + self.length > start else ()
        earliest = max(0, math.floor((start - self.length - first) / self.every) + 1)
        count = max(0, math.ceil((end - first) / self.every)) - earliest
        if count > MOST_REPEATS:
            said = f"{self.text!r} comes {count} times"
            raise QuantityError(said, f"{MOST_REPEATS} are the most: raise the time after 'every'")
        return tuple(first + self.every * number for number in range(earliest, earliest + count))


@dataclass(frozen=True, slots=True, eq=False)
class Fate:
    """What happens to the events of each step: which share goes bad, which share never comes, which step nobody sees."""

    bad: Floats
    missing: Floats
    unseen: Floats


def parse_incident(text: str) -> Incident:
    """Read an incident.

    Raises:
        QuantityError: It cannot be read; the advice says how to write it.
    """
    if len(text) > LONGEST_TEXT:
        raise QuantityError("is no incident: far too long", ADVICE)
    found = _INCIDENT.fullmatch(" ".join(text.split()))
    if found is None:
        raise QuantityError(f"{text!r} is no incident", ADVICE)
    word = found["word"]
    if word is not None and word not in (What.OUTAGE, What.IDLE, What.GAP):
        raise QuantityError(f"{text!r}: {word!r} is none of outage, idle, gap", ADVICE)
    every = None if found["every"] is None else float(parse_duration(found["every"]))
    length = float(parse_duration(found["length"]))
    if every is not None and every <= length:
        raise QuantityError(f"{text!r} comes again before it ends", "give a longer time after 'every'")
    return Incident(
        length=length,
        what=What.ERRORS if word is None else What(word),
        ratio=float(parse_ratio(found["percent"])) if word is None else 1.0,
        offset=None if found["day"] is None else _offset(text, int(found["day"]), found["clock"]),
        at=None if found["date"] is None else instant(found["date"]),
        every=every,
        of=tuple(part.strip() for part in found["of"].split(",") if part.strip()) if found["of"] else (),
        text=text,
    )


def instant(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 date or time; without a zone it is UTC.

    Raises:
        QuantityError: It is none.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise QuantityError(f"{text[:60]!r} is no time", "write it like 2026-01-06 or 2026-01-06T14:00Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def fate(incidents: Iterable[Incident], start: float, end: float, edges: Floats) -> Fate:
    """What the incidents do to steps between these edges; two at once hit independently of each other.

    Raises:
        QuantityError: One comes too often.
    """
    count = len(edges) - 1
    good, there, seen = np.ones(count), np.ones(count), np.ones(count)
    for incident in incidents:
        for begin in incident.begins(start, end):
            steps, share = _covered(begin, min(begin + incident.length, end), edges)
            if incident.what is What.GAP:
                seen[steps] *= share < 0.5
            elif incident.what is What.IDLE:
                there[steps] *= 1 - share
            else:
                good[steps] *= 1 - incident.ratio * share
    return Fate(1 - good, 1 - there, 1 - seen)


def _covered(begin: float, end: float, edges: Floats) -> tuple[slice, Floats]:
    """The steps that a stretch touches, and which share of each it covers."""
    first = max(0, int(np.searchsorted(edges, begin, side="right")) - 1)
    last = min(len(edges) - 1, int(np.searchsorted(edges, end, side="left")))
    lower, upper = edges[first:last], edges[first + 1 : last + 1]
    inside = np.minimum(upper, end) - np.maximum(lower, begin)
    return slice(first, last), np.clip(inside / (upper - lower), 0.0, 1.0)


def _offset(text: str, day: int, clock: str | None) -> float:
    if not day:
        raise QuantityError(f"{text!r}: there is no day 0", "the first day is day 1")
    hours, minutes = (int(part) for part in (clock or "0:0").split(":"))
    if hours > 23 or minutes > 59:
        raise QuantityError(f"{text!r}: {clock} is no time of the day", "write it like 14:00")
    return (day - 1) * _DAY + hours * 3600.0 + minutes * 60.0
