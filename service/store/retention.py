"""How long things are kept, and the small pieces of work that let them go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from service.store.sums import sum_up_before_removal
from service.store.work import Value, Work, found, one, rows, run

DAY_SECONDS = 86_400.0
STEP_SECONDS = 21_600.0
"""So much further one goes in an hour, whatever the clock says: a weekend without the service is made up for within half a day, and who
watches has days before a clock that is months ahead has deleted months."""
ROUND_SECONDS = 3600.0
_CLOCK = "retention"
_STEPPED = "retention stepped"
_UNIT_SECONDS = {"hours": 3_600.0, "days": DAY_SECONDS}


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that things are kept; None keeps them for ever.

    A conversation's days begin with its last message. `audit_days` holds for keys that have ended too; `usage_days` for sums of usage
    and spending. Idempotency keys and revocations last as long as a retry or a token may come.
    """

    conversations_days: float | None
    audit_days: float | None
    usage_days: float | None
    idempotency_days: float


def reckoned(now: float) -> Work[float]:
    """By which moment retention would let go now: that of the clock, but at most a step behind the one before.

    Of several processes each has its rounds, and a restart begins them anew, so that a step belongs to an hour and not to a round: within
    it one goes the part of the step that the time since the last one is of the hour.

    Args:
        now: what the clock says; it may be wrong, and what is deleted by it does not come back.
    """
    known: dict[str, float] = {}
    for name, at in (yield from rows("SELECT name, at FROM clocks WHERE name IN ($1, $2)", _CLOCK, _STEPPED)):
        known[name] = float(at)
    if _CLOCK not in known:
        # The first time: what was kept last was kept by a clock that nobody complained of.
        newest = yield from one("SELECT created_at FROM messages ORDER BY seq DESC LIMIT 1")
        return now if newest is None else min(now, float(newest[0]) + STEP_SECONDS)
    # A clock that was put back has no time since: its next round has.
    passed = min(max(now - known.get(_STEPPED, 0.0), 0.0), ROUND_SECONDS)
    return min(now, known[_CLOCK] + STEP_SECONDS * passed / ROUND_SECONDS)


def reckon(now: float, *, trusted: bool = False) -> Work[float]:
    """By which moment retention lets go now; the next time begins from there.

    Args:
        now: what the clock says.
        trusted: somebody has looked at the clock.
    """
    until = now if trusted else (yield from reckoned(now))
    for name, at in ((_CLOCK, until), (_STEPPED, now)):
        yield from run(
            "INSERT INTO clocks (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at", name, at
        )
    return until


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of a table that go when their moment is past. `unit`: that of the moment, since the epoch, or a date (2026-11-21)."""

    table: str
    key: str
    moment: str
    unit: Literal["seconds", "hours", "days", "date"] = "seconds"

    def due(self, before: float) -> Work[int]:
        """How many rows are past."""
        row = yield from one(f"SELECT count(*) FROM {self.table} WHERE {self.moment} < $1", self._limit(before))
        return int(row[0]) if row else 0

    def let_go(self, before: float, most: int) -> Work[int]:
        """Delete some of them; how many, which is less than `most` when none is left."""
        gone = yield from rows(
            f"DELETE FROM {self.table} WHERE ({self.key}) IN (SELECT {self.key} FROM {self.table}"
            f" WHERE {self.moment} < $1 ORDER BY {self.key} LIMIT $2) RETURNING 1",
            self._limit(before),
            most,
        )
        return len(gone)

    def _limit(self, before: float) -> Value:
        if self.unit == "date":
            return datetime.fromtimestamp(before, UTC).strftime("%Y-%m-%d")
        return before if self.unit == "seconds" else int(before // _UNIT_SECONDS[self.unit])


def rules_of(retention: Retention) -> Sequence[tuple[Rule, float | None]]:
    """Every rule but that of conversations, with its days."""
    return (
        (Rule("idempotency", "account_id, key", "created_at"), retention.idempotency_days),
        (Rule("revoked_tokens", "jti", "expires_at"), 0.0),
        (Rule("api_keys", "id", "coalesce(revoked_at, expires_at)"), retention.audit_days),
        (Rule("audit", "seq", "at"), retention.audit_days),
        (Rule("usage_hours", "hour, role, model", "hour", "hours"), retention.usage_days),
        (Rule("conversation_hours", "hour, role, model", "hour", "hours"), retention.usage_days),
        (Rule("conversation_days", "day, role, model", "day", "days"), retention.usage_days),
        (Rule("spending", "day, role, process", "day", "date"), retention.usage_days),
    )


_OLD = (
    "FROM conversations WHERE created_at < $1 AND NOT EXISTS (SELECT 1 FROM messages"
    " WHERE messages.conversation_id = conversations.id AND messages.created_at >= $1)"
)


def old_conversations(before: float) -> Work[int]:
    """How many conversations had no message since a moment."""
    row = yield from one(f"SELECT count(*) {_OLD}", before)
    return int(row[0]) if row else 0


def let_conversations_go(before: float, most: int) -> Work[int]:
    """Delete some conversations that had no message since a moment; how many."""
    old = yield from rows(f"SELECT id {_OLD} ORDER BY id LIMIT $2 FOR UPDATE", before, most)
    gone = 0
    for (conversation_id,) in old:
        # Asked again now that it is held: whoever held it until then may have kept an answer in it meanwhile.
        if (yield from found(f"SELECT id {_OLD} AND id = $2", before, conversation_id)):
            yield from remove_conversation(conversation_id)
            gone += 1
    return gone


def remove_conversation(conversation_id: str) -> Work[None]:
    """Delete a conversation with all that belongs to it; the sums of usage keep what its answers took."""
    yield from sum_up_before_removal(conversation_id)
    yield from run("DELETE FROM conversations WHERE id = $1", conversation_id)


def passages_not_kept_since(moment: float) -> Work[list[str]]:
    """The digests of passages that no process remembers as stored."""
    return [row[0] for row in (yield from rows("SELECT digest FROM passages WHERE kept_at < $1", moment))]


def records_after(message_id: str, most: int) -> Work[list[tuple[str, str]]]:
    """The records of some answers, in the order of their ids."""
    sql = "SELECT message_id, record FROM answers WHERE message_id > $1 ORDER BY message_id LIMIT $2"
    return [(row[0], row[1]) for row in (yield from rows(sql, message_id, most))]


def let_passages_go(digests: Sequence[str], before: float) -> Work[int]:
    """Delete passages, but not those that an answer has brought back meanwhile; how many."""
    gone = 0
    for digest in digests:
        sql = "DELETE FROM passages WHERE digest = $1 AND kept_at < $2 RETURNING 1"
        gone += len((yield from rows(sql, digest, before)))
    return gone
