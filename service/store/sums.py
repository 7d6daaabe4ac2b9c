"""Sums of usage, by hour and by day: what is over is added up once, and what is deleted before that is added up as it goes.

Everybody's statistics so neither grow with the answers nor go with them. A sum names nobody: it has no column for an account or a conversation.
Distinct counts cannot be added: a conversation that lasts two hours is one of the day, and one that two models answered is one of all models.
Each is therefore counted for itself: by hour and by day, and in each by role and model, by role, by model, and over all; `''` stands for all.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.store.work import Work, one, run

HOUR_SECONDS = 3_600
HOURS_OF_A_DAY = 24
SETTLED_SECONDS = 300.0
"""An hour is summed up so long after its end: no write waits longer than that to be kept."""
_MOST_HOURS = HOURS_OF_A_DAY
"""Summed up in one transaction, which holds up the others meanwhile."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is counted at once: so many hours, and the table that keeps their sums under the number of the step since the epoch."""

    name: str
    hours: int
    place_of_feedback: str

    @property
    def table(self) -> str:
        """`conversation_hours` or `conversation_days`, whose first column bears the step's name."""
        return f"conversation_{self.name}s"

    @property
    def seconds(self) -> int:
        """How long a step is."""
        return self.hours * HOUR_SECONDS

    def moments(self, begin: int, end: int) -> tuple[float, float]:
        """When the steps from one to before another begin and end, in seconds since the epoch."""
        return float(begin * self.seconds), float(end * self.seconds)


# A cast rounds in PostgreSQL and cuts off in SQLite.
_WHOLE = "CAST(f.created_at AS BIGINT)"
HOUR = Step("hour", 1, f"(({_WHOLE} - CASE WHEN {_WHOLE} > f.created_at THEN 1 ELSE 0 END) / {HOUR_SECONDS})")
DAY = Step("day", HOURS_OF_A_DAY, "f.day")
STEPS = (HOUR, DAY)

USAGE = "count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd), sum(answered_at - asked_at)"
_PARTS = "CROSS JOIN (SELECT 0 AS part UNION ALL SELECT 1) r CROSS JOIN (SELECT 0 AS part UNION ALL SELECT 1) m"
"""Whether a count is by role, and by model."""
_PART = "CASE WHEN r.part = 1 THEN role ELSE '' END, CASE WHEN m.part = 1 THEN model ELSE '' END"
_IS_FIRST = (
    "n.message_id = (SELECT e.id FROM messages e WHERE e.conversation_id = n.conversation_id AND e.author = 'assistant'"
    " ORDER BY e.seq LIMIT 1)"
)
_USERS = "count(DISTINCT t.account_id)"


def talk_query(step: Step, condition: str, parts: str = "TRUE", users: str = _USERS) -> str:
    """Counts the conversations of those answers `n` that meet a condition, for some parts.

    Columns: place, role, model, conversations, begun, users, messages, and two zeros for feedback.
    """
    # Grouped twice, so that conversations are spread over the parts and not answers.
    return (
        f"SELECT t.place, {_PART}, count(DISTINCT t.conversation_id), sum(t.firsts), {users}, 2 * sum(t.answers), 0, 0"
        f" FROM (SELECT n.hour / {step.hours} AS place, n.role, n.model, n.conversation_id, n.account_id,"
        f" count(*) AS answers, count(CASE WHEN {_IS_FIRST} THEN 1 END) AS firsts FROM answers n WHERE {condition}"
        f" GROUP BY n.hour / {step.hours}, n.role, n.model, n.conversation_id, n.account_id) t {_PARTS}"
        f" WHERE {parts} GROUP BY 1, 2, 3"
    )


def feedback_query(step: Step, condition: str) -> str:
    """Counts feedback `f` on answers `a` that meets a condition; columns as of `talk_query`."""
    return (
        f"SELECT {step.place_of_feedback}, {_PART}, 0, 0, 0, 0, count(*), sum(f.score)"
        f" FROM feedback f JOIN answers a ON a.message_id = f.message_id {_PARTS} WHERE {condition} GROUP BY 1, 2, 3"
    )


_BETWEEN = "answered_at >= $1 AND answered_at < $2"
_OF_A_CONVERSATION = "message_id IN (SELECT id FROM messages WHERE conversation_id = $1)"


def _adding(table: str, keys: tuple[str, ...], counts: tuple[str, ...], query: str) -> str:
    """Adds what a query counts to the sums of a table."""
    added = ", ".join(f"{count} = {table}.{count} + excluded.{count}" for count in counts)
    columns = ", ".join((*keys, *counts))
    return f"INSERT INTO {table} ({columns}) {query} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"


def _adding_usage(condition: str) -> str:
    return _adding(
        "usage_hours",
        ("hour", "role", "model"),
        ("requests", "input_tokens", "output_tokens", "cost_usd", "seconds"),
        f"SELECT hour, role, model, {USAGE} FROM answers WHERE {condition} GROUP BY hour, role, model",
    )


def _adding_talk(step: Step, query: str) -> str:
    counts = ("conversations", "begun", "users", "messages", "scores", "points")
    return _adding(step.table, (step.name, "role", "model"), counts, query)


_ADD_USAGE = _adding_usage(_BETWEEN)
_ADD_USAGE_OF_ONE = _adding_usage(f"{_OF_A_CONVERSATION} AND hour >= $2")
_ADD_TALK = {step: _adding_talk(step, talk_query(step, f"n.{_BETWEEN}")) for step in STEPS}
# Who asked in another conversation as well would count twice, so nobody is counted here.
_ADD_TALK_OF_ONE = {
    step: _adding_talk(step, talk_query(step, f"n.{_OF_A_CONVERSATION} AND n.hour / {step.hours} >= $2", users="0"))
    for step in STEPS
}
_ADD_FEEDBACK_OF_ONE = {step: _adding_talk(step, feedback_query(step, f"f.{_OF_A_CONVERSATION}")) for step in STEPS}


def first_open(step: Step) -> Work[int]:
    """The first hour or day that is not summed up."""
    row = yield from one("SELECT first_open FROM summed_up WHERE step = $1", step.name)
    return 0 if row is None else int(row[0])


def unsettled(now: float) -> Work[bool]:
    """Whether an hour or a day is over and not summed up yet."""
    for step in STEPS:
        begin = yield from first_open(step)
        if _is_ahead(begin, now, step) or (yield from _over(now, step, begin)):
            return True
    return False


def settle(now: float) -> Work[None]:
    """Sum up hours and days that are over, at most a day of them; several processes may do so at once."""
    for step in STEPS:
        begin = yield from _held(step)
        if _is_ahead(begin, now, step):
            begin = yield from _reopened(now, step)
        span = yield from _over(now, step, begin)
        if span is None:
            continue
        if step is HOUR:
            yield from run(_ADD_USAGE, *step.moments(*span))
        yield from run(_ADD_TALK[step], *step.moments(*span))
        yield from run("UPDATE summed_up SET first_open = $1 WHERE step = $2", span[1], step.name)


def sum_up_before_removal(conversation_id: str) -> Work[None]:
    """Add to the sums what would be missing in them without this conversation, which is deleted in the same transaction.

    That is what it has in hours and days that are not summed up yet, and its feedback, which is counted where it stands as long as it may change.
    """
    for step in STEPS:
        begin = yield from _held(step)
        if step is HOUR:
            yield from run(_ADD_USAGE_OF_ONE, conversation_id, begin)
        yield from run(_ADD_TALK_OF_ONE[step], conversation_id, begin)
        yield from run(_ADD_FEEDBACK_OF_ONE[step], conversation_id)


def _held(step: Step) -> Work[int]:
    """The first step that is not summed up, which nobody else moves until this transaction ends."""
    row = yield from one(
        "INSERT INTO summed_up (step, first_open) VALUES ($1, 0)"
        " ON CONFLICT (step) DO UPDATE SET first_open = summed_up.first_open RETURNING first_open",
        step.name,
    )
    return 0 if row is None else int(row[0])


def _is_ahead(begin: int, now: float, step: Step) -> bool:
    """Whether the step that runs now is summed up already, by a clock that was ahead: what is answered in it would never be counted."""
    return begin > int(now // step.seconds)


def _reopened(now: float, step: Step) -> Work[int]:
    """Let the sums of what has not happened yet go: it is counted out of the answers again, and only what was deleted meanwhile is missing."""
    current = int(now // step.seconds)
    if step is HOUR:
        yield from run("DELETE FROM usage_hours WHERE hour >= $1", current)
    yield from run(f"DELETE FROM {step.table} WHERE {step.name} >= $1", current)
    yield from run("UPDATE summed_up SET first_open = $1 WHERE step = $2", current, step.name)
    return current


def _over(now: float, step: Step, begin: int) -> Work[tuple[int, int] | None]:
    """The steps, from one to before another, whose answers are to be summed up; None when there are none."""
    over = int((now - SETTLED_SECONDS) // step.seconds)
    row = yield from one(
        "SELECT min(answered_at) FROM answers WHERE answered_at >= $1 AND answered_at < $2", *step.moments(begin, over)
    )
    if row is None or row[0] is None:
        return None
    first = int(row[0] // step.seconds)
    return first, min(over, first + _MOST_HOURS // step.hours)
