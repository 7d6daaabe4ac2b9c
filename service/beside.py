"""What is done beside the requests while the service runs, and a last time when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from service.errors import Problem, StorageUnavailable
from service.intake import Intake
from service.ledger import Ledger
from service.parts import Parts, build_of
from service.retention import RetentionRound
from service.retrieval.opening import LOOKING_SECONDS, Opened
from service.retrieval.postgres.opening import OpenedDatabase
from service.retrieval.retriever import Holdings
from service.rounds import ended, repeat
from service.security.audit import AuditTrail
from service.security.keyring import RotatingRing
from service.services import Services, Surroundings
from service.serving.huge_pages import HugePages
from service.store.accounts import has_accounts
from service.store.retention import ROUND_SECONDS
from service.store.store import Store
from service.store.sums import settle, unsettled
from service.switches import SwitchBoard
from service.telemetry.logging import EventLog
from service.telemetry.watching import Publications

_SWITCHES_SECONDS = 0.5
_LEDGER_SECONDS = 1.0
_KEYS_SECONDS = 0.5
_AUDIT_SECONDS = 0.5
_SETTLING_SECONDS = 60.0
_DOCUMENTS_SECONDS = 0.5
_HEALTH_SECONDS = 10.0
_FIGURES_SECONDS = 60.0
_HUGE_PAGES_SECONDS = 15.0


async def begin_rounds(
    parts: Parts,
    opened: Opened | OpenedDatabase,
    store: Store,
    board: SwitchBoard,
    audit: AuditTrail,
    intake: Intake | None,
) -> AsyncExitStack:
    """Begin what is done beside the requests; closing the stack ends it, keeps what was spent and closes the providers."""
    around = parts.around
    ending = AsyncExitStack()
    await parts.sharing.begin(ending, around.log)
    if parts.models:
        ledger = Ledger(store, parts.models.budgets, around.new_id())
        await ledger.learn()
        ending.push_async_callback(parts.models.chain.close)
        ending.push_async_callback(_last_time, "ledger", ledger.keep, around.log)
        ending.push_async_callback(
            ended, asyncio.create_task(repeat("ledger", _LEDGER_SECONDS, ledger.keep, around.log))
        )
    ending.push_async_callback(opened.close)
    if parts.embedder:
        ending.push_async_callback(parts.embedder.close)
    watch = opened.watch(parts.shelf, _publications(parts), parts.dress)
    if watch:
        looking = repeat("library", LOOKING_SECONDS, watch.look, around.log)
        ending.push_async_callback(ended, asyncio.create_task(looking))
    ending.push_async_callback(_last_time, "audit", audit.close, around.log)
    auditing = repeat("audit", _AUDIT_SECONDS, lambda: audit.keep(around.wall_clock()), around.log)
    ending.push_async_callback(ended, asyncio.create_task(auditing))
    turning = repeat("signing keys", _KEYS_SECONDS, _looked(parts.ring), around.log)
    ending.push_async_callback(ended, asyncio.create_task(turning))
    if intake:
        ending.push_async_callback(
            ended, asyncio.create_task(repeat("documents", _DOCUMENTS_SECONDS, intake.work, around.log))
        )
        ending.callback(intake.stop)
    settling = repeat("usage", _SETTLING_SECONDS, _settler(store, around), around.log)
    ending.push_async_callback(ended, asyncio.create_task(settling))
    held_back = parts.metrics.retention_behind.set
    keeping = RetentionRound(store, parts.deployment.retention, around.wall_clock, around.log, held_back)
    letting_go = asyncio.create_task(repeat("retention", ROUND_SECONDS, keeping.look, around.log))
    ending.push_async_callback(ended, letting_go)
    watching = asyncio.create_task(repeat("switches", _SWITCHES_SECONDS, board.look, around.log))
    ending.push_async_callback(ended, watching)
    return ending


async def look_at_itself(ending: AsyncExitStack, services: Services) -> None:
    """Look at what is leaned on once, then begin to renew the figures of health; closing the stack ends that."""
    await services.dependencies.watch()
    log = services.surroundings.log
    looking = repeat("health", _HEALTH_SECONDS, services.dependencies.watch, log)
    ending.push_async_callback(ended, asyncio.create_task(looking))
    marking = repeat("figures", _FIGURES_SECONDS, services.figures.mark, log)
    ending.push_async_callback(ended, asyncio.create_task(marking))


def keep_together(ending: AsyncExitStack, pages: HugePages, log: EventLog) -> None:
    """Begin to look whether memory has grown, and bring it together; closing the stack ends that."""
    looking = repeat("huge pages", _HUGE_PAGES_SECONDS, pages.look, log)
    ending.push_async_callback(ended, asyncio.create_task(looking))


def _settler(store: Store, around: Surroundings) -> Callable[[], Awaitable[None]]:
    """Sums up the hours that are over; asks first, so that a round with nothing to do writes nothing."""

    async def settle_usage() -> None:
        now = around.wall_clock()
        if await store.read(lambda: unsettled(now)):
            await store.write(lambda: settle(now))

    return settle_usage


def _looked(ring: RotatingRing) -> Callable[[], Awaitable[None]]:
    async def look() -> None:
        ring.look()

    return look


async def tell_when_empty(store: Store, log: EventLog) -> None:
    """No account is made by itself, not even in development: whoever installs the service makes the first one."""
    with suppress(StorageUnavailable):
        if await store.read(has_accounts):
            return
        make = "python -m service accounts create --username NAME --role admin --password-file -"
        log.write("warning", "no_accounts", make_one_with=make)


def _publications(parts: Parts) -> Publications:
    """Notes what is published while the service runs."""

    def taken(holdings: Holdings) -> None:
        parts.metrics.build.info(build_of(parts.deployment, holdings, parts.engine))

    return Publications(parts.metrics, parts.around.log, taken)


async def _last_time(name: str, work: Callable[[], Awaitable[None]], log: EventLog) -> None:
    """Keep what was spent and seen; a database that takes no writes must not hold up the end."""
    try:
        await work()
    except Problem as problem:
        log.write("warning", "round_failed", round=name, problem=problem.code)
