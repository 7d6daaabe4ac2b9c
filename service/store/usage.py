"""What was asked and what it cost, by hour and by day.

Hours and days that are over are summed up once (`usage_hours`, `usage_days`), so that everybody's statistics neither grow with the answers
nor go with them when a user's data is deleted. What is not summed up yet is counted out of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.store.work import Row, Work, one, rows, run

HOUR_SECONDS = 3_600
HOURS_OF_A_DAY = 24
SETTLED_SECONDS = 300.0
"""An hour is summed up so long after its end: no write waits longer than that to be kept."""
_MOST_HOURS = 24 * 7
"""Summed up in one transaction, which holds up the others meanwhile."""

_SUMS = (
    "count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd), sum(answered_at - asked_at)"
    " FROM answers WHERE answered_at >= $1 AND answered_at < $2"
)
_COUNTS = (
    "count(DISTINCT conversation_id), count(DISTINCT account_id), 2 * count(*)"
    " FROM answers WHERE answered_at >= $1 AND answered_at < $2"
)
_FOLD_HOURS = (
    "INSERT INTO usage_hours (hour, role, model, requests, input_tokens, output_tokens, cost_usd, seconds)"
    f" SELECT hour, role, model, {_SUMS} GROUP BY hour, role, model ON CONFLICT (hour, role, model) DO NOTHING"
)
_FOLD_DAYS = (
    "INSERT INTO usage_days (day, conversations, users, messages)"
    f" SELECT hour / 24, {_COUNTS} GROUP BY hour / 24 ON CONFLICT (day) DO NOTHING"
)
_FOLDED_HOURS = (
    "SELECT hour, role, model, requests, input_tokens, output_tokens, cost_usd, seconds"
    " FROM usage_hours WHERE hour >= $1 AND hour < $2"
)
_LIVE_HOURS = f"SELECT hour, role, model, {_SUMS} GROUP BY hour, role, model"
_OWN_HOURS = f"SELECT hour, role, model, {_SUMS} AND account_id = $3 GROUP BY hour, role, model"
_LIVE_DAYS = f"SELECT hour / 24, {_COUNTS} GROUP BY hour / 24"
_OWN_DAYS = f"SELECT hour / 24, {_COUNTS} AND account_id = $3 GROUP BY hour / 24"
_SCORES = "SELECT day, count(*), sum(score) FROM feedback WHERE day >= $1 AND day < $2 GROUP BY day"
_OWN_SCORES = (
    "SELECT f.day, count(*), sum(f.score) FROM answers a JOIN feedback f ON f.message_id = a.message_id"
    " WHERE a.account_id = $3 AND f.day >= $1 AND f.day < $2 GROUP BY f.day"
)


@dataclass(frozen=True, slots=True)
class Used:
    """The answers of one hour (counted since the epoch, in UTC), role and model; `seconds` is the sum of their durations."""

    hour: int
    role: str
    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Talked:
    """The conversations of one day (counted since the epoch, in UTC); scores are by the day on which they were given."""

    day: int
    conversations: int = 0
    users: int = 0
    messages: int = 0
    scores: int = 0
    points: int = 0


def own_usage(account_id: str, begin: int, end: int) -> Work[Sequence[Used]]:
    """What one account used from one hour to before another."""
    return _used((yield from rows(_OWN_HOURS, *_moments(begin, end, 1), account_id)))


def all_usage(begin: int, end: int) -> Work[Sequence[Used]]:
    """What everybody used from one hour to before another."""
    live = max(begin, (yield from _next("SELECT max(hour) FROM usage_hours")))
    summed = yield from rows(_FOLDED_HOURS, begin, min(end, live))
    if live >= end:
        return _used(summed)
    return _used([*summed, *(yield from rows(_LIVE_HOURS, *_moments(live, end, 1)))])


def own_talk(account_id: str, begin: int, end: int) -> Work[Sequence[Talked]]:
    """One account's conversations from one day to before another."""
    counted = yield from rows(_OWN_DAYS, *_moments(begin, end, HOURS_OF_A_DAY), account_id)
    return _talked(counted, (yield from rows(_OWN_SCORES, begin, end, account_id)))


def all_talk(begin: int, end: int) -> Work[Sequence[Talked]]:
    """Everybody's conversations from one day to before another."""
    live = max(begin, (yield from _next("SELECT max(day) FROM usage_days")))
    counted = list(
        (
            yield from rows(
                "SELECT day, conversations, users, messages FROM usage_days WHERE day >= $1 AND day < $2",
                begin,
                min(end, live),
            )
        )
    )
    if live < end:
        counted += yield from rows(_LIVE_DAYS, *_moments(live, end, HOURS_OF_A_DAY))
    return _talked(counted, (yield from rows(_SCORES, begin, end)))


def unsettled(now: float) -> Work[bool]:
    """Whether an hour or a day is over and not summed up yet."""
    hours = yield from _span(now, "SELECT max(hour) FROM usage_hours", 1)
    days = yield from _span(now, "SELECT max(day) FROM usage_days", HOURS_OF_A_DAY)
    return bool(hours or days)


def settle(now: float) -> Work[None]:
    """Sum up hours and days that are over, at most a week of them; several processes may do so at once."""
    hours = yield from _span(now, "SELECT max(hour) FROM usage_hours", 1)
    if hours:
        yield from run(_FOLD_HOURS, *hours)
    days = yield from _span(now, "SELECT max(day) FROM usage_days", HOURS_OF_A_DAY)
    if days:
        yield from run(_FOLD_DAYS, *days)


def _span(now: float, latest: str, hours: int) -> Work[tuple[float, float] | None]:
    """The moments between which answers are to be summed up in steps of so many hours; None when there are none."""
    step = hours * HOUR_SECONDS
    over = int((now - SETTLED_SECONDS) // step)
    begin = yield from _next(latest)
    row = yield from one(
        "SELECT min(answered_at) FROM answers WHERE answered_at >= $1 AND answered_at < $2",
        float(begin * step),
        float(over * step),
    )
    if row is None or row[0] is None:
        return None
    first = int(row[0] // step)
    return float(first * step), float(min(over, first + _MOST_HOURS // hours) * step)


def _next(latest: str) -> Work[int]:
    """The hour or day behind the last one that was summed up."""
    row = yield from one(latest)
    return 0 if row is None or row[0] is None else int(row[0]) + 1


def _moments(begin: int, end: int, hours: int) -> tuple[float, float]:
    step = hours * HOUR_SECONDS
    return float(begin * step), float(end * step)


def _used(found: Sequence[Row]) -> list[Used]:
    # PostgreSQL sums whole numbers into decimals.
    return [
        Used(int(hour), role, model, *map(int, numbers[:3]), *map(float, numbers[3:]))
        for hour, role, model, *numbers in found
    ]


def _talked(counted: Sequence[Row], scores: Sequence[Row]) -> list[Talked]:
    given = {int(day): (int(number), int(points)) for day, number, points in scores}
    talked = {int(day): (int(one), int(two), int(three)) for day, one, two, three in counted}
    return [Talked(day, *talked.get(day, (0, 0, 0)), *given.get(day, (0, 0))) for day in sorted({*given, *talked})]
