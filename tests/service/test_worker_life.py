"""Several real workers behind one address: no request fails while they come and go, and one page tells of all."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest

from service.security.logins import BURST, PACE

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus" / "fixture.jsonl"
SECRET = "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0"
PASSWORD = "a long enough password"
WITHIN_SECONDS = 400.0
FRESH, SILENT = 'chatbot_workers{state="fresh"}', 'chatbot_workers{state="silent"}'
STRANGERS = 200
"""So many that some are refused even where twenty in all are handled in a second: nine are let in."""
PAUSE_SECONDS = 0.02
"""Between an answer and the next question of a client: eight that never pause leave no processor to a worker that starts."""


@dataclass
class Running:
    """A service of two workers, its log and a judge's token."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    database: Path
    token: str = ""

    def events(self, name: str) -> list[dict[str, object]]:
        lines = [orjson.loads(line) for line in self.log.read_bytes().split(b"\n")[:-1] if line.startswith(b"{")]
        return [line for line in lines if line["event"] == name]

    def pids(self) -> dict[int, int]:
        """Number and process id of the workers that were ready and have not ended."""
        ended = {line["worker"] for line in self.events("worker_ended")}
        return {
            int(str(line["worker"])): int(str(line["pid"]))
            for line in self.events("worker_ready")
            if line["worker"] not in ended
        }


def wait_for(condition: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


@contextmanager
def started(folder: Path, *arguments: str, people: bool = True, **changes: str) -> Iterator[Running]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COURTSIGHT_")}
    own = {
        "COURTSIGHT_DATABASE": str(folder / "service.db"),
        "COURTSIGHT_CORPUS": str(CORPUS),
        "COURTSIGHT_JWT_SECRET": SECRET,
        "COURTSIGHT_LOAD_TEST_NETWORKS": "127.0.0.0/8",
        "COURTSIGHT_DATABASE_TIMEOUT_SECONDS": "30",
    }
    env = {**kept, **own, **changes}
    command = [sys.executable, "-m", "service"]
    account = orjson.dumps({"username": "ana", "role": "judge", "password": PASSWORD})
    if people:
        subprocess.run([*command, "accounts", "create-many", "-"], cwd=ROOT, env=env, input=account, check=True)
    log = folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen([*command, "serve", "--port", "0", *arguments], cwd=ROOT, env=env, stderr=errors)
    running = Running(process, "", log, folder / "service.db")
    try:
        wait_for(lambda: bool(running.events("listening")) or process.poll() is not None, log.read_text())
        running.url = f"http://127.0.0.1:{running.events('listening')[0]['port']}"
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Running]:
    with started(tmp_path, "--workers", "2") as running:
        wait_for(lambda: len(running.pids()) == 2, "both workers ready")
        running.token = logged_in(running.url)
        yield running


def logged_in(url: str) -> str:
    """Ana's token."""
    body = {"username": "ana", "password": PASSWORD}
    token: str = httpx.post(f"{url}/v1/auth/token", json=body, timeout=WITHIN_SECONDS).json()["access_token"]
    return token


@dataclass
class Hammer:
    """Clients that ask again and again, over connections that they keep."""

    url: str
    token: str
    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: bool = False
    gone: bool = False

    async def ask(self, client: httpx.AsyncClient, *, stream: bool) -> None:
        while not self.stop:
            body = {"message": "Apa itu hukum pidana?", "stream": stream}
            try:
                response = await client.post("/v1/chat", json=body)
            except httpx.ConnectError:
                # Nobody listens any more: the request was not accepted.
                if not self.gone:
                    self.failures.append("refused before the service was told to stop")
                return
            except httpx.HTTPError as error:
                self.failures.append(type(error).__name__)
                return
            self.note(response, stream=stream)
            await asyncio.sleep(PAUSE_SECONDS)

    def note(self, response: httpx.Response, *, stream: bool) -> None:
        if response.status_code != 200:
            self.failures.append(f"{response.status_code} {response.text[:200]}")
        elif stream:
            event, data = response.text.strip().split("\n\n")[-1].split("\n")
            if event == "event: done":
                self.answers.append(orjson.loads(data.removeprefix("data: "))["id"])
            else:
                self.failures.append(event)
        else:
            self.answers.append(response.json()["id"])

    async def during(self, work: Callable[[], None]) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        clients = [httpx.AsyncClient(base_url=self.url, headers=headers, timeout=WITHIN_SECONDS) for _ in range(8)]
        asking = [asyncio.create_task(self.ask(client, stream=n % 2 == 1)) for n, client in enumerate(clients)]
        try:
            await asyncio.to_thread(
                wait_for, lambda: self.failures or len(self.answers) > 10, "answers before the work"
            )
            await asyncio.to_thread(work)
            self.stop = True
            await asyncio.gather(*asking)
        finally:
            self.stop = True
            for client in clients:
                await client.aclose()


def hammered(running: Running, work: Callable[[Hammer], None]) -> Hammer:
    hammer = Hammer(running.url, running.token)
    asyncio.run(hammer.during(lambda: work(hammer)))
    assert hammer.failures == []
    assert len(hammer.answers) > 10
    with closing(sqlite3.connect(running.database)) as connection:
        kept = {row[0] for row in connection.execute("SELECT id FROM messages WHERE author = 'assistant'")}
    assert set(hammer.answers) <= kept
    return hammer


def samples(page: str, name: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in page.splitlines() if line.startswith(name)]
    return {series: float(value) for series, _, value in lines}


def metrics(running: Running) -> str:
    """A page for which every worker was heard: on a busy machine one may be late for it, and its last figures stand until the next."""
    told = ""

    def whole() -> bool:
        nonlocal told
        page = httpx.get(f"{running.url}/metrics", timeout=WITHIN_SECONDS)
        told = page.text
        # 503: the supervisor itself was late.
        return page.status_code == 200 and samples(told, "chatbot_workers").get(SILENT, 0.0) == 0

    wait_for(whole, "a page of all workers")
    return told


def total(running: Running, name: str) -> float:
    return sum(samples(metrics(running), name).values())


def test_one_worker_that_is_told_to_stop_is_replaced_without_a_failed_request(two: Running) -> None:
    """SIGTERM to one of two workers: its requests end well, another takes its place, and the page goes on from its counts."""

    def work(_: Hammer) -> None:
        before = total(two, "chatbot_messages_processed_total")
        _, pid = min(two.pids().items())
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: 1 not in two.pids() and len(two.pids()) == 2, "a new worker")
        assert total(two, "chatbot_messages_processed_total") >= before > 0

    hammer = hammered(two, work)
    assert total(two, "chatbot_messages_processed_total") == len(hammer.answers)


def test_a_reload_replaces_every_worker_without_a_failed_request(two: Running) -> None:
    """SIGHUP puts a ready worker in the place of each, and nothing that was counted is lost."""
    old = set(two.pids())

    def work(_: Hammer) -> None:
        two.process.send_signal(signal.SIGHUP)
        wait_for(lambda: bool(two.events("reloaded")), "reloaded")

    hammer = hammered(two, work)
    assert not old & set(two.pids())
    assert total(two, "chatbot_messages_processed_total") == len(hammer.answers)


def test_the_whole_service_stops_without_a_failed_request(two: Running) -> None:
    """SIGTERM to the supervisor under load: whoever was accepted is answered, and the status is 0."""

    def work(hammer: Hammer) -> None:
        hammer.gone = True
        two.process.send_signal(signal.SIGTERM)
        assert two.process.wait(WITHIN_SECONDS) == 0

    hammered(two, work)
    assert two.pids() == {}
    # Each for itself, before it was ready: how much of its memory lies in huge pages, or why none does.
    told = two.events("huge_pages")
    assert len(told) == (2 if sys.platform.startswith("linux") else 0)


def asked(running: Running, times: int) -> None:
    headers = {"Authorization": f"Bearer {running.token}"}
    body = {"message": "Apa itu hukum?"}
    for _ in range(times):
        answer = httpx.post(f"{running.url}/v1/chat", json=body, headers=headers, timeout=WITHIN_SECONDS)
        assert answer.status_code == 200


def test_a_killed_worker_is_replaced_and_no_counter_goes_back(two: Running) -> None:
    """After SIGKILL the last figures of the dead stand, and each later page shows at least as much of every counter."""
    asked(two, 6)
    before = samples(metrics(two), "chatbot_requests_total")
    assert sum(before.values()) == 6
    for pid in two.pids().values():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(two.pids()) == 2 and min(two.pids()) > 2, "two new workers")
    after = samples(metrics(two), "chatbot_requests_total")
    assert all(after[series] >= value for series, value in before.items())
    assert sum(after.values()) == 6


def test_a_worker_that_is_stopped_is_told_of_and_its_last_figures_stand(two: Running) -> None:
    """A worker that does not answer the scrape counts as silent; the page still has what it said before."""
    asked(two, 4)
    assert total(two, "chatbot_messages_processed_total") == 4
    _, pid = min(two.pids().items())
    os.kill(pid, signal.SIGSTOP)
    try:
        page = ""

        def told_of() -> bool:
            nonlocal page
            try:
                page = httpx.get(f"{two.url}/metrics", timeout=5).text
            except httpx.TimeoutException:
                return False  # the stopped worker had taken this connection
            # The other one may be late for a page, too.
            return samples(page, "chatbot_workers") == {FRESH: 1, SILENT: 1}

        wait_for(told_of, "one fresh and one silent worker")
        assert sum(samples(page, "chatbot_messages_processed_total").values()) == 4
    finally:
        os.kill(pid, signal.SIGCONT)


def test_no_worker_outlives_its_supervisor(two: Running) -> None:
    """When the supervisor is killed its workers drain and end by themselves."""
    pids = two.pids().values()
    two.process.kill()
    two.process.wait()

    def all_gone() -> bool:
        return not any(_alive(pid) for pid in pids)

    wait_for(all_gone, "orphans end")


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):  # the second where it ends between opening and reading
        return False
    # Whoever adopted an orphan may be slow to collect it.
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_what_keeps_workers_from_starting_is_one_line_and_status_two(tmp_path: Path) -> None:
    """A corpus that cannot be read ends the supervisor with one reason, said once."""
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(b'{"id": "half')
    with started(tmp_path, "--workers", "2", COURTSIGHT_CORPUS=str(broken)) as running:
        assert running.process.wait(WITHIN_SECONDS) == 2
        told = [line for line in running.log.read_text().splitlines() if line.startswith("courtsight: ")]
    assert len(told) == 1
    assert "broken.jsonl:1: " in told[0]


def test_workers_keep_one_pace_of_logins(tmp_path: Path) -> None:
    """Two hundred strangers who guess at once, each at an address and a name of its own, are let in no quicker by two workers than by one."""

    async def guess(url: str) -> list[int]:
        limits = httpx.Limits(max_connections=STRANGERS, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=WITHIN_SECONDS) as client:

            async def one(number: int) -> int:
                headers = {"X-Forwarded-For": f"10.0.0.{number}"}
                body = {"username": f"nobody-{number}", "password": "a wrong password"}
                return (await client.post("/v1/auth/token", json=body, headers=headers)).status_code

            return await asyncio.gather(*(one(number) for number in range(STRANGERS)))

    with started(tmp_path, "--workers", "2", COURTSIGHT_TRUSTED_PROXIES="127.0.0.0/8") as running:
        wait_for(lambda: len(running.pids()) == 2, "both workers ready")
        began = time.monotonic()
        codes = asyncio.run(guess(running.url))
        windows = math.ceil((time.monotonic() - began) * PACE / BURST)
    assert set(codes) == {401, 429}
    # A worker that is kept from the processor with the lock of the count is not waited for: some may slip in beside it, never twice as many.
    assert BURST <= codes.count(401) < 1.5 * BURST * windows
