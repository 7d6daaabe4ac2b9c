"""What was asked and what it cost, and who talked how much, by hour and by day: out of the sums (`sums`), and what is not in them yet out of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.store.sums import DAY, HOUR, STEPS, USAGE, Step, feedback_query, first_open, talk_query
from service.store.work import Row, Work, rows

_HOURS = (
    f"SELECT hour, role, model, {USAGE} FROM answers WHERE answered_at >= $1 AND answered_at < $2%s"
    " GROUP BY hour, role, model"
)
_LIVE_HOURS = _HOURS % ""
_OWN_HOURS = _HOURS % " AND account_id = $3"
_SUMMED_HOURS = (
    "SELECT hour, role, model, requests, input_tokens, output_tokens, cost_usd, seconds"
    " FROM usage_hours WHERE hour >= $1 AND hour < $2"
)
_PARTS = "r.part = $3 AND m.part = $4"
_BETWEEN = "n.answered_at >= $1 AND n.answered_at < $2"
_ON_DAYS = f"f.day >= $1 AND f.day < $2 AND {_PARTS}"
_LIVE_TALK = {step: talk_query(step, _BETWEEN, _PARTS) for step in STEPS}
_OWN_TALK = {step: talk_query(step, f"{_BETWEEN} AND n.account_id = $5", _PARTS) for step in STEPS}
_SCORES = {step: feedback_query(step, _ON_DAYS) for step in STEPS}
_OWN_SCORES = {step: feedback_query(step, f"{_ON_DAYS} AND a.account_id = $5") for step in STEPS}
_SUMMED_TALK = {
    step: f"SELECT {step.name}, role, model, conversations, begun, users, messages, scores, points FROM {step.table}"
    f" WHERE {step.name} >= $1 AND {step.name} < $2"
    " AND CASE WHEN role = '' THEN 0 ELSE 1 END = $3 AND CASE WHEN model = '' THEN 0 ELSE 1 END = $4"
    for step in STEPS
}


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
class Split:
    """Whether conversations are counted for each role, for each model, for both, or over all."""

    role: bool = False
    model: bool = False

    @property
    def parts(self) -> tuple[int, int]:
        """As the queries know it."""
        return int(self.role), int(self.model)


WHOLE = Split()


@dataclass(frozen=True, slots=True)
class Talked:
    """The conversations of one hour or day (`place`, counted since the epoch, in UTC), role and model (`""`: over all of them).

    `conversations` had an answer then and `begun` their first one; `begun` is None where it was not counted at the time. `messages` are questions and
    answers. Scores are of the hour or day in which they were given, and of the role and model of the answer.
    """

    place: int
    role: str = ""
    model: str = ""
    conversations: int = 0
    begun: int | None = 0
    users: int = 0
    messages: int = 0
    scores: int = 0
    points: int = 0


def own_usage(account_id: str, begin: int, end: int) -> Work[Sequence[Used]]:
    """What one account used from one hour to before another."""
    return _used((yield from rows(_OWN_HOURS, *HOUR.moments(begin, end), account_id)))


def all_usage(begin: int, end: int) -> Work[Sequence[Used]]:
    """What everybody used from one hour to before another."""
    live = max(begin, (yield from first_open(HOUR)))
    found = list((yield from rows(_SUMMED_HOURS, begin, end)))
    if live < end:
        found += yield from rows(_LIVE_HOURS, *HOUR.moments(live, end))
    return _used(found)


def own_talk(account_id: str, begin: int, end: int, step: Step = DAY, split: Split = WHOLE) -> Work[Sequence[Talked]]:
    """One account's conversations from one hour or day to before another."""
    counted = yield from rows(_OWN_TALK[step], *step.moments(begin, end), *split.parts, account_id)
    scores = yield from rows(_OWN_SCORES[step], *_days(step, begin, end), *split.parts, account_id)
    return _talked([*counted, *scores], begin, end)


def all_talk(begin: int, end: int, step: Step = DAY, split: Split = WHOLE) -> Work[Sequence[Talked]]:
    """Everybody's conversations from one hour or day to before another."""
    live = max(begin, (yield from first_open(step)))
    found = list((yield from rows(_SUMMED_TALK[step], begin, end, *split.parts)))
    if live < end:
        found += yield from rows(_LIVE_TALK[step], *step.moments(live, end), *split.parts)
    found += yield from rows(_SCORES[step], *_days(step, begin, end), *split.parts)
    return _talked(found, begin, end)


def _days(step: Step, begin: int, end: int) -> tuple[int, int]:
    """The days that hold these steps, from one to before another: feedback is found by its day."""
    return begin * step.hours // DAY.hours, -(-end * step.hours // DAY.hours)


def _used(found: Sequence[Row]) -> list[Used]:
    """One for each hour, role and model: of the hour that runs something may be among the sums already."""
    merged: dict[tuple[int, str, str], Used] = {}
    for hour, role, model, *numbers in found:
        # PostgreSQL sums whole numbers into decimals.
        some = Used(int(hour), role, model, *map(int, numbers[:3]), *map(float, numbers[3:]))
        key = some.hour, role, model
        merged[key] = _more_used(merged[key], some) if key in merged else some
    return list(merged.values())


def _more_used(one: Used, other: Used) -> Used:
    return replace(
        one,
        requests=one.requests + other.requests,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cost_usd=one.cost_usd + other.cost_usd,
        seconds=one.seconds + other.seconds,
    )


def _talked(found: Sequence[Row], begin: int, end: int) -> list[Talked]:
    """One for each step, role and model, out of rows that each hold some of its counts."""
    merged: dict[tuple[int, str, str], Talked] = {}
    for place, role, model, conversations, begun, users, messages, scores, points in found:
        if not begin <= place < end:
            continue
        key = int(place), role, model
        known = merged.get(key) or Talked(*key)
        merged[key] = replace(
            known,
            conversations=known.conversations + int(conversations),
            begun=None if begun is None or known.begun is None else known.begun + int(begun),
            users=known.users + int(users),
            messages=known.messages + int(messages),
            scores=known.scores + int(scores),
            points=known.points + int(points),
        )
    return [merged[key] for key in sorted(merged)]
