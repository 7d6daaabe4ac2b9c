"""The page of metrics is the one that prometheus_client writes, and is written in turns."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from service.accepting import choices, takes_gzip
from service.telemetry.pages import (
    LOOKS,
    PAUSE_SECONDS,
    POLITE_SECONDS,
    SLICE_SERIES,
    PageWriter,
    encoded,
    in_turns,
    series_of,
    wants_openmetrics,
)
from service.telemetry.standing import Reader

TEXT = ""
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
UTF8 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
NEWER_TEXT = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6"

VALUES = st.floats(min_value=0.0) | st.integers(0, 10**17)
WORDS = st.text(st.sampled_from("ab\\\n\"'{}=,é語 "), max_size=6)


class Instruments:
    """One instrument of each kind, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library gives this one no types
        self.registry = CollectorRegistry()
        self.counter = Counter("things", 'counted "things"\nof a \\ kind', ["z", "a"], registry=self.registry)
        self.gauge = Gauge("level", "level", ["of"], unit="seconds", registry=self.registry)
        self.histogram = Histogram("sizes", "sizes", ["kind"], buckets=(1, 5, 2_500_000), registry=self.registry)
        Info("build", "build", registry=self.registry).info({"version": "1"})
        Gauge("alone", "without labels", registry=self.registry).set(-1.5)
        self.reader = Reader(self.registry)

    def do(self, kind: str, value: float) -> None:
        self.counter.labels(kind, "one").inc(value, exemplar={"trace_id": "f" * 32})
        self.gauge.labels(kind).set(0.0 - value)  # never -0.0, which is equal to the 0.0 that was remembered
        self.histogram.labels(kind).observe(value, {"trace_id": "0" * 32, "a": 'quoted "word"'})

    def theirs(self, accept: str) -> str:
        encoder, _ = choose_encoder(accept)
        page: bytes = encoder(self.registry)
        return page.decode()


def written(writer: PageWriter, instruments: Instruments, accept: str) -> str:
    openmetrics, _ = wants_openmetrics(accept)
    return "".join(writer.written(instruments.reader.families(), openmetrics=openmetrics))


@settings(deadline=None)
@given(st.lists(st.tuples(WORDS, VALUES, st.booleans()), max_size=12))
def test_each_page_is_that_of_prometheus_client(events: list[tuple[str, float, bool]]) -> None:
    """Whatever the labels and values, and whatever came or went since the last page: both formats are theirs byte for byte."""
    instruments, writer = Instruments(), PageWriter()
    for kind, value, stays in events:
        instruments.do(kind, value)
        if not stays:
            instruments.gauge.remove(kind)
        for accept in (TEXT, OPENMETRICS, UTF8, NEWER_TEXT):
            assert written(writer, instruments, accept) == instruments.theirs(accept)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 0.1 + 0.2, 1e21, 123456789.0])
def test_unusual_values_are_written_as_theirs(value: float) -> None:
    """Infinite, missing, long and large values look as prometheus_client writes them, also when they stay."""
    instruments, writer = Instruments(), PageWriter()
    instruments.gauge.labels("x").set(value)
    for _ in range(2):
        assert written(writer, instruments, TEXT) == instruments.theirs(TEXT)


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS, UTF8, NEWER_TEXT])
def test_the_type_is_theirs(accept: str) -> None:
    """The page says of itself what prometheus_client says of its own."""
    assert wants_openmetrics(accept)[1] == choose_encoder(accept)[1]


OF_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
OF_2_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
OF_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
OF_3_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
"""What Prometheus 2.42 and 3.14 sent, plainly and when told to take native histograms or moments of birth."""


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        (OF_2, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        (OF_2_NATIVE, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        (OF_3, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
        (OF_3_NATIVE, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0;q=0,*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_scrapers_get_what_they_want_most(accept: str, told: str) -> None:
    """Prometheus of both ages gets OpenMetrics, one that is told to prefer its own text gets that, and so does everybody else."""
    assert wants_openmetrics(accept) == ("openmetrics" in told, told)


@pytest.mark.parametrize("version", ["abc", "9.9.9", "", "1.0.0\tx", "0.0.1", "-1", "1" * 5_000, '"1'])
def test_a_version_that_there_is_not_is_no_choice(version: str) -> None:
    """Whatever stands for a version breaks nothing and is never told back."""
    for kind in ("application/openmetrics-text", "text/plain"):
        assert wants_openmetrics(f"{kind};version={version}") == (False, "text/plain; version=0.0.4; charset=utf-8")


@given(st.text(st.sampled_from('gzip;q=.01,* /textplain"\\')))
def test_any_header_is_read(header: str) -> None:
    """A header of whatever signs is a choice among what there is, with weights between 0 and 1."""
    assert wants_openmetrics(header)[1].startswith(("text/plain; ", "application/openmetrics-text; "))
    assert all(0 <= one.weight <= 1 for one in choices(header))
    assert takes_gzip(header) in {True, False}


def test_a_packed_page_is_the_page_made_in_as_many_turns() -> None:
    """Each piece is packed when it is wanted, a reader of gzip gets the page, and nothing in it changes with the time."""
    wanted: list[str] = []

    def pieces() -> Iterator[str]:
        for number in range(5):
            wanted.append(f"chatbot_x_{number} {number}\n" * 500)
            yield wanted[-1]

    made = encoded(pieces(), packed=True)
    parts = [next(made)]
    assert len(wanted) == 1
    parts += made
    whole = b"".join(parts)
    assert gzip.decompress(whole).decode() == "".join(wanted)
    assert b"".join(encoded(pieces(), packed=True)) == whole
    assert len(parts) == 6
    assert b"".join(encoded(["a", "ä"], packed=False)) == "aä".encode()


def test_plain_names_are_never_escaped() -> None:
    """A scraper that wants dots spelled out gets the names as they are, and is told so."""
    openmetrics, told = wants_openmetrics("application/openmetrics-text;version=1.0.0;escaping=dots")
    assert openmetrics
    assert told.endswith("escaping=underscores")


class Loop:
    """An event loop as `in_turns` sees it: a clock, and pauses that take as long as told, and then longer."""

    def __init__(self, *pauses: float) -> None:
        self.now = 100.0
        self.asked: list[float] = []
        self._pauses = itertools.chain(pauses[:-1], itertools.repeat(pauses[-1]))

    def clock(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.asked.append(seconds)
        self.now += next(self._pauses)

    def pieces(self, number: int) -> list[int]:
        """What stands behind each piece: how many pauses there were before."""
        made = (len(self.asked) for _ in range(number))
        return asyncio.run(in_turns(made, self.clock, self.pause))


def test_each_piece_is_followed_by_a_pause() -> None:
    """On a loop with nothing to do each piece leaves it for a moment: not a turn alone, in which no thread comes to the interpreter."""
    loop = Loop(0.0011)
    assert loop.pieces(5) == [0, 1, 2, 3, 4]
    assert set(loop.asked) == {PAUSE_SECONDS}
    assert PAUSE_SECONDS > 0


def test_a_piece_waits_until_nobody_wants_the_loop() -> None:
    """A pause that took longer than it was meant to met others: the next piece waits until one did not."""
    assert Loop(0.0025, 0.0025, 0.0011, 0.0025, 0.0011).pieces(4) == [0, 3, 5, 6]


def test_a_loop_that_is_never_calm_gets_the_page_made_nevertheless() -> None:
    """After a few pauses the next piece is made whatever happens."""
    assert Loop(0.0025).pieces(4) == [0, LOOKS, 2 * LOOKS, 3 * LOOKS]


def test_politeness_has_an_end() -> None:
    """Where turns take long, the rest comes at one go: a scraper with a second of patience gets its page."""
    loop = Loop(POLITE_SECONDS / 2.5)
    assert loop.pieces(100) == [0, *[3] * 99]


def test_a_page_made_in_turns_is_the_page() -> None:
    """A page of twenty slices is the library's, and somebody else had a turn after each of them."""
    instruments, writer, turns = Instruments(), PageWriter(), 0
    families = [Histogram(f"h{n}", "h", registry=instruments.registry) for n in range(20 * SLICE_SERIES // 17)]
    families[3].observe(2.0)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def story() -> str:
        others_task = asyncio.create_task(others())
        pieces = await in_turns(writer.written(instruments.reader.families(), openmetrics=False), lambda: 0.0)
        others_task.cancel()
        return "".join(pieces)

    page = asyncio.run(story())
    assert page == instruments.theirs(TEXT)
    assert turns >= 19


def test_series_are_counted_off_the_page(house: Any) -> None:
    """Lines that are no comment are series, in both formats; a page without any has none."""
    metrics = house.app.state.services.metrics
    for accept in (TEXT, OPENMETRICS):
        page = metrics.render(accept)[0].decode()
        assert series_of(page) == sum(not line.startswith("#") for line in page.splitlines())
    assert series_of("") == series_of("# EOF\n") == 0
