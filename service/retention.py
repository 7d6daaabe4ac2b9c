"""Lets go what was kept long enough: in small batches, so that nobody who writes waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

from service.store.retention import (
    DAY_SECONDS,
    Retention,
    let_conversations_go,
    let_passages_go,
    old_conversations,
    passages_not_kept_since,
    reckon,
    records_after,
    rules_of,
)
from service.store.store import Store
from service.store.sums import settle, unsettled
from service.telemetry.logging import EventLog

_CONVERSATIONS_AT_ONCE = 10
_ROWS_AT_ONCE = 200
_RECORDS_AT_ONCE = 50
_PAUSE_SECONDS = 0.02
"""Between two batches: writers that wait come first."""


async def retention_due(store: Store, retention: Retention, now: float) -> Mapping[str, tuple[float | None, int]]:
    """For each kind of thing the days that it is kept, and how many are past them.

    Raises:
        StorageUnavailable: the database cannot be read.
    """
    days = retention.conversations_days
    due: dict[str, tuple[float | None, int]] = {"conversations": (days, 0)}
    if days is not None:
        before = now - days * DAY_SECONDS
        due["conversations"] = (days, await store.read(lambda: old_conversations(before)))
    for rule, kept_days in rules_of(retention):
        found = 0
        if kept_days is not None:
            found = await store.read(lambda rule=rule, days=kept_days: rule.due(now - days * DAY_SECONDS))  # type: ignore[misc]  # mypy infers no type for a lambda with defaults
        due[rule.table] = (kept_days, found)
    return due


async def apply_retention(store: Store, retention: Retention, now: float, until: float | None = None) -> Counter[str]:
    """Let go everything that is past its days; how many rows of each table. Several processes may do it at the same time.

    Args:
        store: what is kept.
        retention: the days of each kind of thing.
        now: what the clock says, by which hours are summed up.
        until: the moment whose days are counted back from (`reckon`); that of the clock when left out.

    Raises:
        StorageUnavailable: the database took no more; what was let go until then is gone.
    """
    gone: Counter[str] = Counter()
    until = now if until is None else until
    if retention.conversations_days is not None:
        before = until - retention.conversations_days * DAY_SECONDS
        while await store.read(lambda: unsettled(now)):  # what goes is summed up first
            await store.write(lambda: settle(now))
        while done := await store.write(lambda: let_conversations_go(before, _CONVERSATIONS_AT_ONCE)):
            gone["conversations"] += done
            await asyncio.sleep(_PAUSE_SECONDS)
    for rule, days in rules_of(retention):
        if days is None:
            continue
        limit = until - days * DAY_SECONDS
        while done := await store.write(lambda rule=rule, limit=limit: rule.let_go(limit, _ROWS_AT_ONCE)):  # type: ignore[misc]  # as above
            gone[rule.table] += done
            await asyncio.sleep(_PAUSE_SECONDS)
    return gone


async def sweep_passages(store: Store, now: float) -> int:
    """Let passages go that no answer refers to any more; how many.

    A passage that an answer needs was written, or written again, within the hour before (`minutes`), so what was not for a day and stands
    in no record is needed by nobody, also by no answer that is just being kept.

    Raises:
        StorageUnavailable: the database did not answer.
    """
    before = now - DAY_SECONDS
    unused = set(await store.read(lambda: passages_not_kept_since(before)))
    last = ""
    while unused:
        page = await store.read(lambda after=last: records_after(after, _RECORDS_AT_ONCE))  # type: ignore[misc]  # as above
        if not page:
            break
        for _, record in page:
            unused.difference_update(passage["digest"] for passage in orjson.loads(record).get("passages", ()))
        last = page[-1][0]
        await asyncio.sleep(0)
    digests, gone = sorted(unused), 0
    for start in range(0, len(digests), _ROWS_AT_ONCE):
        some = digests[start : start + _ROWS_AT_ONCE]
        gone += await store.write(lambda some=some: let_passages_go(some, before))  # type: ignore[misc]  # as above
        await asyncio.sleep(_PAUSE_SECONDS)
    return gone


def behind(now: float, until: float) -> bool:
    """Whether people should hear that retention reckons by another moment than the clock's: not after a night or two without the service."""
    return now - until > DAY_SECONDS


def moment(seconds: float) -> str:
    """A moment as the log and commands write it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class RetentionRound:
    """The service's own round: what is past its days each time, passages once a day."""

    def __init__(
        self,
        store: Store,
        retention: Retention,
        wall_clock: Callable[[], float],
        log: EventLog,
        held_back: Callable[[float], None],
    ) -> None:
        """Make the round; it is done by `look`.

        Args:
            store: what is kept.
            retention: the days of each kind of thing.
            wall_clock: seconds since the epoch, as the machine says.
            log: hears what went.
            held_back: hears by how many seconds the moment reckoned by is behind the clock.
        """
        self._store = store
        self._retention = retention
        self._wall_clock = wall_clock
        self._log = log
        self._held_back = held_back
        self._swept: float | None = None

    async def look(self) -> None:
        """Do one round, and tell what went.

        Raises:
            StorageUnavailable: the database did not answer; the next round goes on.
        """
        now = self._wall_clock()
        until = await self._store.write(lambda: reckon(now))
        self._held_back(now - until)
        if behind(now, until):
            self._log.write("warning", "retention_behind", clock=moment(now), reckoned=moment(until))
        gone = await apply_retention(self._store, self._retention, now, until)
        if self._swept is None or now - self._swept >= DAY_SECONDS:
            gone["passages"] = await sweep_passages(self._store, until)
            self._swept = now
        if gone.total():
            self._log.write("info", "retention", **{table: count for table, count in gone.items() if count})
