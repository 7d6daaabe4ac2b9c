"""Our stores against their peers: sixteen writers, each inserts a message and reads the last ten, every commit synced.

    python benchmarks/micro/store_writes.py [--messages 50] [--rounds 5] [--database sqlite|postgresql] [--json store_writes.json]

Everybody commits each message that is acknowledged, in a transaction. SQLite: WAL and `synchronous=FULL`; the peers, aiosqlite and SQLAlchemy's
core over it, in the shape in which they are fastest, one connection. PostgreSQL: fsync on, sixteen connections. The parties take turns, round after round; ratios are
medians of the rounds. Goals: 3 times aiosqlite, 12 times SQLAlchemy's core. Nothing is asserted but that what was acknowledged can be read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

import aiosqlite  # noqa: E402 - a script beside the packages, which stand one folder up
import asyncpg  # noqa: E402 - as above
import sqlalchemy as sa  # noqa: E402 - as above
from pydantic import SecretStr  # noqa: E402 - as above
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine  # noqa: E402 - as above

from benchmarks.durability.servers import postgresql  # noqa: E402 - as above
from service.settings import Settings  # noqa: E402 - as above
from service.store.accounts import Account, insert_accounts  # noqa: E402 - as above
from service.store.conversations import (  # noqa: E402 - as above
    Conversation,
    Message,
    insert_conversation,
    insert_messages,
)
from service.store.opening import open_store  # noqa: E402 - as above
from service.store.store import Store  # noqa: E402 - as above
from service.store.work import Work, rows  # noqa: E402 - as above

WRITERS = 16
GOALS = {
    "sqlite": {"aiosqlite": 3.0, "SQLAlchemy core": 12.0},
    "postgresql": {},
}
_OWNER = "account"
_ANSWER = "Syarat sahnya perjanjian ada empat: sepakat, cakap, suatu hal tertentu, dan sebab yang halal [1]. " * 8
_LAST = "SELECT id, author, content, created_at FROM messages WHERE conversation_id = {} ORDER BY seq DESC LIMIT 10"
_INSERT = "INSERT INTO messages (id, conversation_id, author, content, created_at) VALUES ({})"

Turn = Callable[[int], Awaitable[int]]
"""Keeps a message of this writer durably, and gives the number of messages that reading the last ten found."""


def _id() -> str:
    return uuid.uuid4().hex


def _message() -> Message:
    return Message(_id(), "assistant", _ANSWER, time.time())


async def prepare(store: Store) -> None:
    """An account and a conversation for each writer."""
    owner = Account(_OWNER, "ana", "judge", "-", disabled=False, created_at=1.0, tokens_valid_after=0.0)
    await store.write(lambda: insert_accounts([owner]))
    for number in range(WRITERS):
        begun = Conversation(f"c{number}", "t", 1.0, 0)
        await store.write(lambda begun=begun: insert_conversation(_OWNER, begun))


@asynccontextmanager
async def ours(settings: Settings) -> AsyncIterator[Turn]:
    """The service's own store."""
    store = await open_store(settings, 1.0)
    await prepare(store)
    query = _LAST.format("$1")

    def last(conversation: str) -> Work[Sequence[Any]]:
        return (yield from rows(query, conversation))

    async def turn(writer: int) -> int:
        said = (_message(),)
        await store.write(lambda: insert_messages(f"c{writer}", said))
        return len(await store.read(lambda: last(f"c{writer}")))

    yield turn
    await store.close()


@asynccontextmanager
async def with_aiosqlite(settings: Settings) -> AsyncIterator[Turn]:
    """One connection and a lock around each transaction: with a connection for each writer they would wait for the file's lock, asleep."""
    await (await _made(settings)).close()
    insert, query = _INSERT.format("?, ?, ?, ?, ?"), _LAST.format("?")
    one = await aiosqlite.connect(settings.database, isolation_level=None)
    await one.execute("PRAGMA journal_mode = WAL")
    await one.execute("PRAGMA synchronous = FULL")
    mine = asyncio.Lock()

    async def turn(writer: int) -> int:
        place = f"c{writer}"
        async with mine:
            await one.execute("BEGIN IMMEDIATE")
            message = _message()
            await one.execute(insert, (message.id, place, message.author, message.content, message.created_at))
            await one.execute("COMMIT")
        return len(list(await one.execute_fetchall(query, (place,))))

    yield turn
    await one.close()


async def _made(settings: Settings) -> Store:
    store = await open_store(settings, 1.0)
    await prepare(store)
    return store


_TABLE = sa.Table(
    "messages", sa.MetaData(),
    sa.Column("seq", sa.Integer, primary_key=True), sa.Column("id", sa.Text), sa.Column("conversation_id", sa.Text),
    sa.Column("author", sa.Text), sa.Column("content", sa.Text), sa.Column("created_at", sa.Float),
)  # fmt: skip


@asynccontextmanager
async def with_sqlalchemy(settings: Settings) -> AsyncIterator[Turn]:
    """SQLAlchemy's core over aiosqlite, with one connection for the same reason, or over asyncpg, with one for each writer."""
    await (await _made(settings)).close()
    engine = _engine(settings)
    columns = _TABLE.c

    async def turn(writer: int) -> int:
        place = f"c{writer}"
        async with engine.begin() as one:
            said = _message()
            await one.execute(
                    sa.insert(_TABLE).values(id=said.id, conversation_id=place, author=said.author, content=said.content, created_at=said.created_at)
                )  # fmt: skip
        async with engine.connect() as one:
            wanted = sa.select(columns.id, columns.author, columns.content, columns.created_at)
            found = await one.execute(
                wanted.where(columns.conversation_id == place).order_by(columns.seq.desc()).limit(10)
            )
            return len(found.all())

    yield turn
    await engine.dispose()


def _engine(settings: Settings) -> AsyncEngine:
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value().replace("postgresql://", "postgresql+asyncpg://")
        return create_async_engine(url, pool_size=WRITERS)
    url = f"sqlite+aiosqlite:///{settings.database}"
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _durable(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    return engine


@asynccontextmanager
async def with_asyncpg(settings: Settings) -> AsyncIterator[Turn]:
    """The driver of our own store, by hand."""
    await (await _made(settings)).close()
    assert settings.database_url is not None
    pool = await asyncpg.create_pool(settings.database_url.get_secret_value(), min_size=WRITERS, max_size=WRITERS)
    insert, query = _INSERT.format("$1, $2, $3, $4, $5"), _LAST.format("$1")

    async def turn(writer: int) -> int:
        place = f"c{writer}"
        async with pool.acquire() as one:
            said = _message()
            async with one.transaction():
                await one.execute(insert, said.id, place, said.author, said.content, said.created_at)
            return len(await one.fetch(query, place))

    yield turn
    await pool.close()


PARTIES = {
    "sqlite": {"our store": ours, "aiosqlite": with_aiosqlite, "SQLAlchemy core": with_sqlalchemy},
    "postgresql": {"our store": ours, "asyncpg": with_asyncpg, "SQLAlchemy core": with_sqlalchemy},
}


async def _round(turn: Turn, turns: int) -> float:
    """Messages a second of all writers together."""

    async def write(writer: int) -> None:
        for number in range(turns):
            found = await turn(writer)
            assert found == 10 or found > number, "a message that was acknowledged cannot be read"

    begun = time.perf_counter()
    await asyncio.gather(*map(write, range(WRITERS)))
    return turns * WRITERS / (time.perf_counter() - begun)


async def measure(database: str, places: dict[str, Settings], turns: int, rounds: int) -> dict[str, list[float]]:
    """Messages a second of every party in every round; a first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in PARTIES[database]}
    opened = {name: PARTIES[database][name](places[name]) for name in found}
    ready = {name: await one.__aenter__() for name, one in opened.items()}
    try:
        for number in range(rounds + 1):
            begun = time.perf_counter()
            for name in found if number % 2 else reversed(found):
                speed = await _round(ready[name], turns if number else max(2, turns // 5))
                if number:
                    found[name].append(speed)
            took = time.perf_counter() - begun
            print(f"{database}: round {number} of {rounds}, about {took * (rounds - number):.0f} s left", flush=True)
    finally:
        for one in opened.values():
            await one.__aexit__(None, None, None)
    return found


def summary(found: dict[str, list[float]], goals: dict[str, float]) -> dict[str, Any]:
    """Medians, and ours over each peer's of the same round."""
    mine = found["our store"]
    result: dict[str, Any] = {}
    for name, speeds in found.items():
        ratios = [one / other for one, other in zip(mine, speeds, strict=True)]
        result[name] = {
            "messages_per_second": statistics.median(speeds),
            "ours_is_times": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "goal": goals.get(name),
            "rounds": speeds,
        }
    return result


def show(database: str, result: dict[str, Any]) -> None:
    """The table of one database."""
    print(f"\n{database:20}{'messages/s':>12}{'ours is times':>26}{'goal':>7}")
    for name, one in result.items():
        spread = f"{one['ours_is_times']:.1f} ({one['lowest']:.1f}-{one['highest']:.1f})"
        print(f"{name:20}{one['messages_per_second']:12.0f}{spread:>26}{one['goal'] or '':>7}")


async def places_in(folder: Path, database: str, ending: ExitStack) -> dict[str, Settings]:
    """A database of its own for each party, all on one disk or one server."""
    plain = Settings(environment="development", database_connections=WRITERS, database_timeout_seconds=30.0)
    if database == "sqlite":
        return {name: plain.model_copy(update={"database": folder / f"{number}.db"}) for number, name in enumerate(PARTIES[database])}  # fmt: skip
    server = postgresql(folder / "postgresql", folder / "log")
    ending.callback(server.close)
    await server.start()
    connection = await asyncpg.connect(server.url)
    places = {}
    for number, name in enumerate(PARTIES[database]):
        await connection.execute(f"CREATE DATABASE party_{number}")
        address = SecretStr(server.url.removesuffix("postgres") + f"party_{number}")
        places[name] = plain.model_copy(update={"database_url": address})
    await connection.close()
    return places


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50, help="of each writer in each round (default: 50)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=tuple(PARTIES), help="one alone")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for database in [options.database] if options.database else PARTIES:
        with tempfile.TemporaryDirectory(prefix="courtsight-store-") as name, ExitStack() as ending:
            folder = Path(name)
            folder.chmod(0o711)

            async def story(
                folder: Path = folder, database: str = database, ending: ExitStack = ending
            ) -> dict[str, list[float]]:
                places = await places_in(folder, database, ending)
                return await measure(database, places, options.messages, options.rounds)

            results[database] = summary(asyncio.run(story()), GOALS[database])
    for database, result in results.items():
        show(database, result)
    if options.json:
        options.json.write_text(json.dumps({"writers": WRITERS, "results": results}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
