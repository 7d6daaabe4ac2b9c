"""Our stores against their peers: sixteen writers, each inserts a message and reads the last ten, every commit synced.

    python benchmarks/micro/store_writes.py [--messages 50] [--rounds 7] [--quick] [--database sqlite|postgresql] [--folder DIR] [--json FILE]

Everybody commits each message that is acknowledged, in a transaction of its own for the peers, with the same tables, the same settings of the database
(SQLite: WAL, `synchronous=FULL`, foreign keys, freed pages overwritten; PostgreSQL: fsync on, sixteen connections) and on the same file system. The peers on SQLite:
aiosqlite as its documentation shows it (a statement, then `commit`), aiosqlite in the fastest shape that was found (the statement commits by itself, a second
connection reads; no use for a turn of several statements), SQLAlchemy's core. Each is kept from waiting for the file's lock asleep, which would cost it most.

SQLite is measured twice: on the disk, and in memory (tmpfs), where a sync costs nothing and what is saved is only the way there; goals are of the disk. The parties
take turns, round after round; ratios are medians of the rounds. Beside messages a second stands the processor time of a message, that of the kernel included: on
a machine that has other work the first changes from second to second, the second hardly. Nothing is asserted but that what was acknowledged can be read.
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
from dataclasses import asdict, dataclass
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
OURS, USUAL, FASTEST, CORE, DRIVER = "our store", "aiosqlite", "aiosqlite, its fastest", "SQLAlchemy core", "asyncpg"
GOALS = {USUAL: 3.0, CORE: 12.0}
"""Of SQLite on a disk."""
DISK, MEMORY, SERVER = "sqlite on a disk", "sqlite in memory", "postgresql"
_MEMORY = Path("/dev/shm")  # noqa: S108 - files of a folder that only this program may enter
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
"""What the service sets and what changes the price of a write."""
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
    """As its documentation shows it; a lock keeps one writer's `commit` from ending the transaction of another on the one connection."""
    await (await _made(settings)).close()
    insert, query = _INSERT.format("?, ?, ?, ?, ?"), _LAST.format("?")
    one = await _aiosqlite(settings)
    mine = asyncio.Lock()

    async def turn(writer: int) -> int:
        place, said = f"c{writer}", _message()
        async with mine:
            await one.execute(insert, (said.id, place, said.author, said.content, said.created_at))
            await one.commit()
        return len(list(await one.execute_fetchall(query, (place,))))

    yield turn
    await one.close()


@asynccontextmanager
async def with_fastest_aiosqlite(settings: Settings) -> AsyncIterator[Turn]:
    """One journey to the writing thread for each message: its only statement is a transaction. Reads go to another thread."""
    await (await _made(settings)).close()
    insert, query = _INSERT.format("?, ?, ?, ?, ?"), _LAST.format("?")
    writing, reading = await _aiosqlite(settings, isolation_level=None), await _aiosqlite(settings)

    async def turn(writer: int) -> int:
        place, said = f"c{writer}", _message()
        await writing.execute(insert, (said.id, place, said.author, said.content, said.created_at))
        return len(list(await reading.execute_fetchall(query, (place,))))

    yield turn
    await writing.close()
    await reading.close()


async def _aiosqlite(settings: Settings, **given: Any) -> aiosqlite.Connection:  # noqa: ANN401 - as sqlite3 takes it
    one = await aiosqlite.connect(settings.database, **given)
    for pragma in _PRAGMAS:
        await one.execute(f"PRAGMA {pragma}")
    return one


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
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
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
    "sqlite": {OURS: ours, USUAL: with_aiosqlite, FASTEST: with_fastest_aiosqlite, CORE: with_sqlalchemy},
    "postgresql": {OURS: ours, DRIVER: with_asyncpg, CORE: with_sqlalchemy},
}


@dataclass(frozen=True, slots=True)
class Round:
    """Messages a second of all writers together, and this process' seconds of processor for each (a server's own stand apart)."""

    messages_per_second: float
    cpu_seconds_each: float


async def _round(turn: Turn, turns: int) -> Round:
    async def write(writer: int) -> None:
        for number in range(turns):
            found = await turn(writer)
            assert found == 10 or found > number, "a message that was acknowledged cannot be read"

    busy, begun = time.process_time(), time.perf_counter()
    await asyncio.gather(*map(write, range(WRITERS)))
    took, spent = time.perf_counter() - begun, time.process_time() - busy
    return Round(turns * WRITERS / took, spent / (turns * WRITERS))


async def measure(name: str, places: dict[str, Settings], turns: int, rounds: int) -> dict[str, list[Round]]:
    """Every party in every round; a first round warms up."""
    parties = PARTIES["postgresql" if name == SERVER else "sqlite"]
    found: dict[str, list[Round]] = {party: [] for party in parties}
    opened = {party: parties[party](places[party]) for party in found}
    ready = {party: await one.__aenter__() for party, one in opened.items()}
    try:
        begun = time.perf_counter()
        for number in range(rounds + 1):
            for party in found if number % 2 else reversed(found):
                measured = await _round(ready[party], turns if number else max(2, turns // 5))
                if number:
                    found[party].append(measured)
            if not number:
                begun = time.perf_counter()
                continue
            left = (time.perf_counter() - begun) / number * (rounds - number)
            print(f"{name}: round {number} of {rounds}, about {left:.0f} s left", flush=True)
    finally:
        for one in opened.values():
            await one.__aexit__(None, None, None)
    return found


def summary(found: dict[str, list[Round]], goals: dict[str, float]) -> dict[str, Any]:
    """Medians, and ours over each peer's of the same round."""
    mine = found[OURS]
    result: dict[str, Any] = {}
    for name, rounds in found.items():
        ratios = [one.messages_per_second / other.messages_per_second for one, other in zip(mine, rounds, strict=True)]
        cpu = [other.cpu_seconds_each / one.cpu_seconds_each for one, other in zip(mine, rounds, strict=True)]
        result[name] = {
            "messages_per_second": statistics.median(one.messages_per_second for one in rounds),
            "cpu_us": statistics.median(one.cpu_seconds_each for one in rounds) * 1e6,
            "ours_is_times": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "ours_is_times_per_cpu": statistics.median(cpu),
            "goal": goals.get(name),
            "rounds": [asdict(one) for one in rounds],
        }
    return result


def show(database: str, result: dict[str, Any]) -> None:
    """The table of one database."""
    print(f"\n{database:24}{'messages/s':>12}{'CPU us':>8}{'ours is times':>22}{'per CPU':>9}{'goal':>6}")
    for name, one in result.items():
        spread = f"{one['ours_is_times']:.1f} ({one['lowest']:.1f}-{one['highest']:.1f})"
        print(
            f"{name:24}{one['messages_per_second']:12.0f}{one['cpu_us']:8.0f}{spread:>22}"
            f"{one['ours_is_times_per_cpu']:9.1f}{one['goal'] or '':>6}"
        )


async def places_in(folder: Path, name: str, ending: ExitStack) -> dict[str, Settings]:
    """A database of its own for each party, all on one file system or one server."""
    plain = Settings(environment="development", database_connections=WRITERS, database_timeout_seconds=30.0)
    if name != SERVER:
        parties = enumerate(PARTIES["sqlite"])
        return {party: plain.model_copy(update={"database": folder / f"{number}.db"}) for number, party in parties}
    server = postgresql(folder / "postgresql", folder / "log")
    ending.callback(server.close)
    await server.start()
    connection = await asyncpg.connect(server.url)
    places = {}
    for number, party in enumerate(PARTIES["postgresql"]):
        await connection.execute(f"CREATE DATABASE party_{number}")
        address = SecretStr(server.url.removesuffix("postgres") + f"party_{number}")
        places[party] = plain.model_copy(update={"database_url": address})
    await connection.close()
    return places


def _wanted(options: argparse.Namespace) -> dict[str, Path | None]:
    """What is measured, and in which folder; None: where temporary files are."""
    wanted: dict[str, Path | None] = {}
    if options.database != "postgresql":
        wanted[DISK] = options.folder
        disk = options.folder or Path(tempfile.gettempdir())
        if _MEMORY.is_dir() and _MEMORY.stat().st_dev != disk.stat().st_dev:
            wanted[MEMORY] = _MEMORY
    if options.database != "sqlite":
        # Below the folder for temporary files: as root, PostgreSQL runs as somebody who may enter few others.
        wanted[SERVER] = None
    return wanted


def figures_of(name: str, where: Path | None, options: argparse.Namespace) -> dict[str, Any]:
    """The summary of one database in a folder that is taken away again."""
    with tempfile.TemporaryDirectory(prefix="courtsight-store-", dir=where) as made, ExitStack() as ending:
        folder = Path(made)
        folder.chmod(0o711)

        async def story() -> dict[str, list[Round]]:
            places = await places_in(folder, name, ending)
            return await measure(name, places, options.messages, options.rounds)

        return summary(asyncio.run(story()), GOALS if name == DISK else {})


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50, help="of each writer in each round (default: 50)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="few messages, to see that it runs")
    parser.add_argument("--database", choices=tuple(PARTIES), help="one alone")
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: where temporary files are)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.messages, options.rounds = 10, 2
    results = {name: figures_of(name, where, options) for name, where in _wanted(options).items()}
    for name, result in results.items():
        show(name, result)
    if options.json:
        options.json.write_text(json.dumps({"writers": WRITERS, "results": results}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
