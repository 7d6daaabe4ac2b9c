"""One drill on one database: sixteen writers, kills at seeded moments, faults of the servers behind, then everything is read back and compared."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.durability.client import Client, UnexpectedError
from benchmarks.durability.ledger import Acknowledged, Asked, Finding, Ledger, compare
from benchmarks.durability.servers import Server
from benchmarks.durability.victim import Victim
from target.accounts import Credentials

WRITERS = 16
_TURNS = 8
"""Questions of a conversation before the next one begins."""
_UNDER_LOAD = (0.02, 0.4)
"""Seconds from ready to the next kill or fault, drawn evenly."""
_MOST_ANSWERS = 32
"""So many answers, drawn evenly from none, are acknowledged before it, too: on a busy machine a kill must not always meet a service that only starts."""
_LONGEST_LOAD_SECONDS = 20.0
_AWAY = (0.3, 2.0)
"""Seconds that a server behind the service is away."""
_PATIENCE = (0.2, 10.5)
"""Seconds before an unanswered question is sent again: at once, or when the lease of a killed process has run out."""
_AT_ONCE = 0.25
_MOST_OPEN = 160
"""Questions without an answer at a time: while a database is away, writers wait instead of piling up more."""
_REST_SECONDS = 0.1
"""What a writer waits after a failure."""
_LAST_ANSWERS_SECONDS = 300.0
_REPLAYED = 20
_SUBJECTS = (
    "wanprestasi",
    "pencurian",
    "perceraian",
    "waris",
    "penggelapan",
    "ganti rugi",
    "perjanjian",
    "penganiayaan",
)

FAULTS = ("frozen", "killed", "stopped")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one drill found: figures, and findings, of which there should be none."""

    name: str
    kills: int
    faults: Mapping[str, int]
    questions: int
    acknowledged: int
    tries: int
    kept_messages: int
    start_seconds: tuple[float, ...]
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found, in a drill that had something to find."""
        return not self.findings and self.acknowledged > 0 and self.kills > 0


class Drill:
    """The state of one drill. `report` is told the progress in words."""

    def __init__(
        self,
        victim: Victim,
        client: Client,
        accounts: Mapping[str, Credentials],
        seed: int,
        report: Callable[[str], object],
    ) -> None:
        self._victim = victim
        self._client = client
        self._accounts = tuple(accounts)
        self._draw = random.Random(seed)  # noqa: S311 - moments that can be drawn again
        self._report = report
        self._up = asyncio.Event()
        self._enough = asyncio.Event()
        self._room = asyncio.Semaphore(_MOST_OPEN)
        self._awaited = 0
        self._ended = False
        self._later: set[asyncio.Task[None]] = set()
        self._counted = 0
        self._hopeless: set[str] = set()
        self.ledger = Ledger()
        self.starts: list[float] = []
        self.faults: dict[str, int] = {}

    async def storm(self, kills: int, servers: tuple[Server, ...] = ()) -> None:
        """Kill the service so often while everybody writes; freeze, kill and stop each server once in every third of it."""
        writers = [asyncio.create_task(self._write(number)) for number in range(WRITERS)]
        wrongs = [(server, fault) for server in servers for fault in FAULTS] * (1 + kills // 100)
        every = max(1, kills // (len(wrongs) + 1))
        told = begun = time.monotonic()
        try:
            for number in range(kills):
                await self._under_load()
                if wrongs and number % every == every - 1:
                    await self._wrong(*wrongs.pop(0))
                    await self._under_load()
                await self._kill()
                now = time.monotonic()
                if now - told > 5.0 or number + 1 == kills:
                    told, left = now, (now - begun) / (number + 1) * (kills - number - 1)
                    self._report(
                        f"{number + 1} of {kills} kills, {len(self.ledger.acknowledged)} answers acknowledged,"
                        f" {self.ledger.open} open, about {left:.0f} s left"
                    )
            while wrongs:
                await self._wrong(*wrongs.pop(0))
        finally:
            self._ended = True
            await _finished(writers, 60.0)
        await self._last_answers()

    async def _under_load(self) -> None:
        """Until a moment drawn by time and by answers."""
        self._awaited = len(self.ledger.acknowledged) + self._draw.randint(0, _MOST_ANSWERS)
        self._enough.clear()
        await asyncio.sleep(self._draw.uniform(*_UNDER_LOAD))
        if len(self.ledger.acknowledged) < self._awaited:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), _LONGEST_LOAD_SECONDS)

    async def _kill(self) -> None:
        self._up.clear()
        status = await self._victim.kill()
        if status != -9:
            self.ledger.unexpected.append(f"the service had ended by itself with status {status}")
        self.starts.append(await self._victim.start())
        self._up.set()

    def up(self) -> None:
        """The service is ready: writers may begin."""
        self._up.set()

    async def _wrong(self, server: Server, fault: str) -> None:
        """Take a server away for a moment; the service must come back by itself."""
        name = f"{server.name} {fault}"
        self.faults[name] = self.faults.get(name, 0) + 1
        seconds = self._draw.uniform(*_AWAY)
        if fault == "frozen":
            server.freeze()
            await asyncio.sleep(seconds)
            server.thaw()
            return
        await (server.kill() if fault == "killed" else server.stop())
        await asyncio.sleep(seconds)
        await server.start()

    async def _write(self, number: int) -> None:
        """One writer: conversation after conversation; a question without an answer is taken over by somebody who insists."""
        draw = random.Random(self._draw.random())  # noqa: S311 - as above
        conversation_id: str | None = None
        turn = 0
        while not self._ended:
            await self._room.acquire()
            await self._up.wait()
            question = self._question(number, conversation_id, draw)
            answer = await self._try(question)
            if answer is None and question.keyed:
                later = asyncio.create_task(self._insist(question, draw.random() < _AT_ONCE))
                self._later.add(later)
                later.add_done_callback(self._later.discard)
            else:
                self._room.release()
            if answer is None:
                await asyncio.sleep(_REST_SECONDS)
            turn = 0 if answer is None else (turn + 1) % _TURNS
            conversation_id = answer.conversation_id if answer and turn else None

    def _question(self, number: int, conversation_id: str | None, draw: random.Random) -> Asked:
        self._counted += 1
        text = f"Apa itu {draw.choice(_SUBJECTS)}? Pertanyaan nomor {self._counted} dari penulis {number}."
        key = str(uuid.UUID(int=draw.getrandbits(128), version=4))
        account = self._accounts[number % len(self._accounts)]
        question = Asked(account, text, key, conversation_id, streamed=draw.random() < 0.5, keyed=draw.random() < 0.5)
        self.ledger.ask(question)
        return question

    async def _try(self, question: Asked) -> Acknowledged | None:
        self.ledger.tries += 1
        try:
            answer = await self._client.ask(question)
        except UnexpectedError as error:
            self.ledger.unexpected.append(f"{question.text}: {error}")
            self._hopeless.add(question.key)
            return None
        if answer is not None:
            self.ledger.acknowledge(question, answer)
            if len(self.ledger.acknowledged) >= self._awaited:
                self._enough.set()
        return answer

    async def _insist(self, question: Asked, at_once: bool) -> None:
        """Send the same request with the same key until it is answered."""
        pause = _PATIENCE[0 if at_once else 1]
        while True:
            await asyncio.sleep(pause)
            await self._up.wait()
            if question.key in self._hopeless or await self._try(question):
                self._room.release()
                return
            pause = 1.0

    async def _last_answers(self) -> None:
        """Nothing is killed any more: every question with a key gets its answer, and a key that is sent once more the same one."""
        self._report(f"waiting for the last {self.ledger.open} answers")
        await _finished(list(self._later), _LAST_ANSWERS_SECONDS)
        known = [key for key in self.ledger.acknowledged if self.ledger.asked[key].keyed]
        for key in self._draw.sample(known, min(_REPLAYED, len(known))):
            if await self._try(self.ledger.asked[key]) is None:
                self.ledger.unexpected.append(f"{self.ledger.asked[key].text}: its key got no answer the second time")


async def _finished(tasks: list[asyncio.Task[None]], seconds: float) -> None:
    """Wait for tasks, then give up on those that are not done; what one raised is raised here."""
    if not tasks:
        return
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    for task in late:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for task in done:
        task.result()


@contextlib.asynccontextmanager
async def client_of(victim: Victim, accounts: Mapping[str, Credentials]) -> AsyncIterator[Client]:
    """A client with every account signed in."""
    async with Client(victim.url) as client:
        await client.sign_in(accounts)
        yield client


async def examined(
    drill: Drill, client: Client, accounts: Mapping[str, Credentials]
) -> tuple[int, tuple[Finding, ...]]:
    """Read everything back; gives the number of messages that are kept, and what is wrong."""
    kept = {account: await client.read_all(account) for account in accounts}
    count = sum(len(said) for conversations in kept.values() for said in conversations.values())
    return count, compare(drill.ledger, kept)


def damaged(database: Path) -> tuple[Finding, ...]:
    """What SQLite itself says of the file once the service has been killed for the last time."""
    with closing(sqlite3.connect(database)) as connection:
        told = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
        strays = [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    wrong = [line for line in told if line != "ok"] + strays
    return (Finding("damaged file", len(wrong), tuple(wrong[:5])),) if wrong else ()
