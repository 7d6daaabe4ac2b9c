"""Playing a plan: in order, never early, with the truth of it; and the clockwork under it."""

from __future__ import annotations

import asyncio
import errno
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clockwork import Clockwork
from simulator.errors import CannotStartError, InvalidInputError
from simulator.exchange import Exchange
from simulator.planning import Ending, Plan, Write, reply
from simulator.reading import lateness, quantile, read_truth, summary
from simulator.truth import KEPT, Record, TruthLog


class FakeOutlet:
    """Notes what was sent and how it ended."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.endings: list[Ending] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def finished(self, ending: Ending) -> None:
        self.endings.append(ending)


class FakeLoop:
    """A loop whose time stands until a test moves it; timers may fire late, as real ones do."""

    def __init__(self) -> None:
        self.time = 100.0
        self.timers: list[tuple[float, Callable[[], None], FakeTimer]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer()
        self.timers.append((self.time + delay, callback, timer))
        return timer

    def run(self, late: float = 0.0) -> None:
        """Fire the next timer."""
        live = [entry for entry in self.timers if not entry[2].cancelled]
        at, callback, timer = min(live, key=lambda entry: entry[0])
        timer.cancelled = True
        self.timers = live
        self.time = max(self.time, at) + late
        callback()

    @property
    def idle(self) -> bool:
        return all(timer.cancelled for _, _, timer in self.timers)


class FakeTimer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Entry:
    """Work at given instants; notes when it was done."""

    def __init__(self, instants: list[float]) -> None:
        self.instants = sorted(instants)
        self.done: list[tuple[float, float]] = []

    def advance(self, now: float) -> float | None:
        while self.instants and self.instants[0] <= now:
            self.done.append((self.instants.pop(0), now))
        return self.instants[0] if self.instants else None


STREAM = Plan(
    200, "text/event-stream", (Write(1.0, b"role"), Write(1.0, b"a", 1), Write(1.5, b"b", 1), Write(1.5, b"end")), None
)


def played(plan: Plan, instants: list[float], **options: Any) -> tuple[FakeOutlet, Record, Exchange]:
    wire, record = FakeOutlet(), Record("r", "#1", "/v1/chat/completions", 99.0)
    now = [100.0]
    exchange = Exchange(plan, record, wire, lambda: now[0], **{"keep_alive": True, **options})
    exchange.start(100.0)
    for instant in instants:
        now[0] = instant
        exchange.advance(instant)
    return wire, record, exchange


@given(st.lists(st.lists(st.floats(100, 200), min_size=1, max_size=5), min_size=1, max_size=8), st.floats(0, 5))
def test_everything_is_done_once_and_never_early(entries: list[list[float]], late: float) -> None:
    """Whatever the instants and however late the timers, each instant is met once, at or after its time, and the clock then rests."""
    loop = FakeLoop()
    clockwork = Clockwork(loop, lambda: loop.time)  # type: ignore[arg-type]
    working = [Entry(list(instants)) for instants in entries]
    for entry in working:
        clockwork.add(entry.instants[0], entry)
    while not loop.idle:
        loop.run(late)
    for entry, instants in zip(working, entries, strict=True):
        assert [planned for planned, _ in entry.done] == sorted(instants)
        assert all(done >= planned for planned, done in entry.done)


def test_an_entry_that_fails_stops_no_other() -> None:
    """The error is seen, and the next entry is called all the same."""

    class Failing:
        def advance(self, now: float) -> float | None:
            raise RuntimeError("broken")

    loop = FakeLoop()
    clockwork = Clockwork(loop, lambda: loop.time)  # type: ignore[arg-type]
    well = Entry([102.0])
    clockwork.add(101.0, Failing())
    clockwork.add(102.0, well)
    with pytest.raises(RuntimeError, match="broken"):
        loop.run()
    loop.run()
    assert well.done


def test_a_timer_waits_for_an_earlier_entry() -> None:
    """An entry that comes later with an earlier instant is met on time."""
    loop = FakeLoop()
    clockwork = Clockwork(loop, lambda: loop.time)  # type: ignore[arg-type]
    late, early = Entry([110.0]), Entry([101.0])
    clockwork.add(110.0, late)
    clockwork.add(101.0, early)
    loop.run()
    assert (len(early.done), len(late.done), loop.time) == (1, 0, pytest.approx(101.0))


def test_a_stream_is_sent_in_chunks_with_its_truth() -> None:
    """The head leaves with the first write, each write is a chunk, and the record has plan, instants, tokens and bytes."""
    wire, record, _ = played(STREAM, [100.5, 101.0, 101.5])
    whole = b"".join(wire.sent)
    assert whole.startswith(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nX-Request-Id: r\r\n"
    )
    assert whole.endswith(b"4\r\nrole\r\n1\r\na\r\n1\r\nb\r\n3\r\nend\r\n0\r\n\r\n")
    told = json.loads(record.line())
    assert (told["planned"], told["sent"]) == ([101.0, 101.5], [101.0, 101.5])
    assert (told["tokens_sent"], told["bytes"], told["ended"], told["ended_at"]) == (2, len(whole), "complete", 101.5)
    assert (told["queue_wait_seconds"], wire.endings) == (1.0, [Ending.COMPLETE])


def test_late_tokens_leave_together_and_the_truth_says_how_late() -> None:
    """One late turn sends what is due; instants of later tokens do not move."""
    wire, record, _ = played(STREAM, [101.4])
    assert (record.sent, len(wire.endings)) == ([101.4], 0)
    assert played(STREAM, [109.0])[1].sent == [109.0, 109.0]


def test_a_client_that_leaves_ends_the_exchange() -> None:
    """Nothing is sent any more; the record has what left before."""
    wire, record, exchange = played(STREAM, [101.0])
    exchange.lost("client_closed")
    before = len(wire.sent)
    assert exchange.advance(200.0) is None
    assert (record.ended, record.tokens_sent, len(wire.sent), wire.endings) == ("client_closed", 1, before, [])


def test_a_connection_that_is_not_kept_closes() -> None:
    """The head says so, and the ending is a close; a client without chunks reads until then."""
    wire, _, _ = played(reply(200, b"{}"), [100.0], keep_alive=False)
    assert (b"Connection: close" in wire.sent[0], wire.endings) == (True, [Ending.CLOSE])
    plain, _, _ = played(STREAM, [102.0], chunks=False)
    assert b"".join(plain.sent).partition(b"\r\n\r\n")[2] == b"roleabend"
    assert plain.endings == [Ending.CLOSE]


def test_a_reset_stays_a_reset() -> None:
    """A cut stream is reset whether or not the client keeps connections, and has no last chunk."""
    plan = Plan(200, "text/event-stream", (Write(0.0, b"a", 1), Write(0.5, b"")), None, Ending.RESET)
    wire, record, _ = played(plan, [100.0, 100.5], keep_alive=False)
    assert (wire.endings, record.ended) == ([Ending.RESET], "reset")
    assert not b"".join(wire.sent).endswith(b"0\r\n\r\n")


def test_an_unusual_status_has_a_phrase() -> None:
    """Status 599 of a fault is a valid line."""
    assert played(reply(599, b""), [100.0])[0].sent[0].startswith(b"HTTP/1.1 599 Simulated\r\n")


def test_the_log_writes_the_anchor_first_and_keeps_the_newest(tmp_path: Path) -> None:
    """The file has every record; the admin route the running ones and the newest."""
    path = tmp_path / "truth.jsonl"
    log = TruthLog(path, monotonic=5.0, wall=1_800_000_000.0)
    for number in range(KEPT + 10):
        record = Record(f"r{number}", "#1", "/v1/chat/completions", 1.0)
        log.begin(record)
        assert log.find(f"r{number}") is not None
        if number:
            log.end(record)
    assert (log.overview()["running"], log.overview()["ended"][0]) == (["r0"], f"r{KEPT + 9}")
    assert (log.find("r1"), log.find("nobody")) == (None, None)
    log.close()
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0]) == {
        "anchor": {"monotonic": 5.0, "wall": 1_800_000_000.0}
    }
    assert len(read_truth(path)) == KEPT + 9


def test_a_truth_that_cannot_be_written_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A full disk in mid-run costs the file, not the answers: one line on standard error."""

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    log = TruthLog(tmp_path / "truth.jsonl", monotonic=0.0, wall=0.0)
    assert log._file is not None
    log._file.close()
    log._file = Full()  # type: ignore[assignment]
    for number in range(3):
        log.end(Record(f"r{number}", "#1", "/", 1.0))
        log.flush()
    log.close()
    assert capsys.readouterr().err == "simulator: the truth is incomplete: No space left on device\n"


def test_a_folder_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    """The option to mend is named."""
    with pytest.raises(CannotStartError, match="--truth"):
        TruthLog(tmp_path / "none" / "truth.jsonl", monotonic=0.0, wall=0.0)


def test_a_summary_counts_and_measures(tmp_path: Path) -> None:
    """Requests, endings, faults and the lateness of tokens; a line that is being written is passed over."""
    path = tmp_path / "truth.jsonl"
    record = played(STREAM, [101.25, 101.5])[1]
    record.fault = {"id": "fault-1", "kind": "slow_drip"}
    path.write_bytes(b'{"anchor":{}}\n' + record.line() + b'\n{"request":"half')
    assert lateness(read_truth(path)) == [0.0, 0.25]
    told = summary(path)
    assert "requests    1" in told
    assert "slow_drip 1" in told
    assert "p50 0.250000 s" in told


def test_a_file_that_is_no_truth_is_refused(tmp_path: Path) -> None:
    """File and line are named; a missing file too."""
    path = tmp_path / "truth.jsonl"
    path.write_text("hello\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"truth\.jsonl:1: is no line of a truth file"):
        read_truth(path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_truth(tmp_path / "none")


def test_quantiles_of_nothing_are_nothing() -> None:
    """No tokens give no lateness, never 0."""
    assert (quantile([], 0.5), quantile([1.0, 2.0], 0.99)) == (None, 2.0)


def test_the_real_loop_meets_instants_in_order() -> None:
    """On asyncio's own loop the clockwork does the same."""

    async def run() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        clockwork = Clockwork(loop, loop.time)
        entry = Entry([loop.time() + 0.005 * number for number in range(1, 6)])
        clockwork.add(entry.instants[0], entry)
        while entry.instants:  # noqa: ASYNC110 - the entry is what is watched
            await asyncio.sleep(0.002)
        return entry.done

    done = asyncio.run(run())
    assert len(done) == 5
    assert all(at >= planned for planned, at in done)


def test_a_slow_reader_is_noted() -> None:
    """Each time the client falls behind counts once in its record."""
    _, record, exchange = played(STREAM, [101.0])
    exchange.slow()
    exchange.slow()
    assert record.backpressure == 2
