"""The page of metrics is the one that prometheus_client writes, and is written in turns."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from service.accepting import MOST_READ, choices, takes_gzip
from service.telemetry.pages import (
    BLOCK_SERIES,
    LOOKS,
    PAUSE_SECONDS,
    PIECE_SECONDS,
    POLITE_SECONDS,
    Block,
    PageWriter,
    in_turns,
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
    return text(writer.written(instruments.reader.families(), openmetrics=openmetrics))


def text(blocks: Iterable[Block]) -> str:
    return b"".join(block.text for block in blocks).decode()


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


@pytest.mark.parametrize(
    "value",
    [
        *map(float, ("inf", "-inf", "nan", "1e21", "123456789", "999999.9", "1e6", "1e-7", "-1e6", "-2e7")),
        0.1 + 0.2,
        0,
        7,
    ],
)
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


def test_a_list_without_end_is_read_as_far_as_people_write() -> None:
    """Thirty thousand members fit into a header and cost an anonymous client nothing; what stands first counts."""
    assert sum(1 for _ in choices("," * 32_000)) == sum(1 for _ in choices("a," * 16_000)) == MOST_READ
    assert takes_gzip("gzip," + "a," * 16_000)
    assert [one.name for one in choices("gzip, deflate, br")] == ["gzip", "deflate", "br"]


def many(instruments: Instruments, series: int) -> Histogram:
    """A family of so many series, seventeen each."""
    large = Histogram("large", "large", ["of"], registry=instruments.registry)
    for number in range(series // 17):
        large.labels(f"model-{number}")
    return large


def test_what_stands_is_the_block_that_it_was() -> None:
    """One child of a large family counts: the block that it stands in is written anew, its neighbours and other families are the same objects."""
    instruments, writer = Instruments(), PageWriter()
    large = many(instruments, 10 * BLOCK_SERIES)
    for openmetrics in (False, True):
        before = [*writer.written(instruments.reader.families(), openmetrics=openmetrics)]
        large.labels("model-40").observe(1)
        after = [*writer.written(instruments.reader.families(), openmetrics=openmetrics)]
        assert [number for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] is not pair[1]] == [
            next(number for number, block in enumerate(before) if b'"model-40"' in block.text)
        ]
        assert text(after) == instruments.theirs(OPENMETRICS if openmetrics else TEXT)


@pytest.mark.parametrize("left", range(4))
def test_a_page_that_waits_in_the_middle_spoils_no_other(left: int) -> None:
    """While it waits another one is made, with newer figures; whether it is finished then or given up, the next page is the library's."""
    instruments, writer = Instruments(), PageWriter()
    large = many(instruments, 4 * BLOCK_SERIES)
    assert written(writer, instruments, TEXT) == instruments.theirs(TEXT)
    large.labels("model-0").observe(1)
    waiting = writer.written(instruments.reader.families(), openmetrics=False)
    assert any(b"large_count" in next(waiting).text for _ in range(9))
    for model in ("model-1", "model-12", "model-20"):
        large.labels(model).observe(1)
    newer = instruments.theirs(TEXT)
    assert written(writer, instruments, TEXT) == newer
    [*itertools.islice(waiting, left)]
    assert written(writer, instruments, TEXT) == newer


def test_plain_names_are_never_escaped() -> None:
    """A scraper that wants dots spelled out gets the names as they are, and is told so."""
    openmetrics, told = wants_openmetrics("application/openmetrics-text;version=1.0.0;escaping=dots")
    assert openmetrics
    assert told.endswith("escaping=underscores")


class Loop:
    """An event loop as `in_turns` sees it: a clock, and pauses that take as long as told, and then longer; a piece takes its own time."""

    def __init__(self, *pauses: float) -> None:
        self.now = 100.0
        self.asked: list[float] = []
        self._pauses = itertools.chain(pauses[:-1], itertools.repeat(pauses[-1]))

    def clock(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.asked.append(seconds)
        self.now += next(self._pauses)

    def pieces(self, number: int, seconds: float = PIECE_SECONDS) -> list[int]:
        """What stands behind each piece: how many pauses there were before."""

        def made() -> Iterator[int]:
            for _ in range(number):
                self.now += seconds
                yield len(self.asked)

        return asyncio.run(in_turns(made(), self.clock, self.pause))


def test_a_pause_comes_before_each_piece() -> None:
    """On a loop with nothing to do each piece leaves it for a moment: not a turn alone, in which no thread comes to the interpreter."""
    loop = Loop(0.0011)
    assert loop.pieces(5) == [1, 2, 3, 4, 5]
    assert set(loop.asked) == {PAUSE_SECONDS}
    assert PAUSE_SECONDS > 0


def test_small_pieces_share_a_pause() -> None:
    """What takes a moment together is made together: a pause costs as much as writing some hundred series that stand."""
    assert Loop(0.0011).pieces(8, PIECE_SECONDS / 3.5) == [1, 1, 1, 1, 2, 2, 2, 2]


def test_a_piece_waits_until_nobody_wants_the_loop() -> None:
    """A pause that took longer than it was meant to met others: the next piece waits until one did not."""
    assert Loop(0.0011, 0.0025, 0.0025, 0.0011, 0.0025, 0.0011).pieces(4) == [1, 4, 6, 7]


def test_a_loop_that_is_never_calm_gets_the_page_made_nevertheless() -> None:
    """After a few pauses the next piece is made whatever happens."""
    assert Loop(0.0025).pieces(4) == [LOOKS, 2 * LOOKS, 3 * LOOKS, 4 * LOOKS]


def test_politeness_has_an_end() -> None:
    """Where turns take long, the rest comes at one go: a scraper with a second of patience gets its page."""
    loop = Loop(POLITE_SECONDS / 2.5)
    assert loop.pieces(100) == [3] * 100


def test_a_page_made_in_turns_is_the_page() -> None:
    """A page of twenty blocks is the library's, and somebody else had a turn after each of them."""
    instruments, writer, turns = Instruments(), PageWriter(), 0
    many(instruments, 20 * (BLOCK_SERIES + 17)).labels("model-3").observe(2.0)
    clock = itertools.count(0.0, PIECE_SECONDS)

    async def others(seconds: float) -> None:
        nonlocal turns
        turns += 1

    async def story() -> str:
        blocks = writer.written(instruments.reader.families(), openmetrics=False)
        return text(await in_turns(blocks, lambda: next(clock), others))

    page = asyncio.run(story())
    assert page == instruments.theirs(TEXT)
    assert turns >= 19


def test_a_page_knows_how_many_series_it_has(house: Any) -> None:
    """Blocks tell as many series as they have lines that are no comment, in both formats; the gauge has those of the page before."""
    metrics = house.app.state.services.metrics
    for openmetrics, accept in ((False, TEXT), (True, OPENMETRICS)):
        lines = metrics.render(accept)[0].decode().splitlines()
        there = sum(not line.startswith("#") for line in lines)
        blocks = [*PageWriter().written(metrics.reader.families(), openmetrics=openmetrics)]
        assert sum(block.series for block in blocks) == there
        assert f"chatbot_metric_series {there}.0" in metrics.render(accept)[0].decode().splitlines()
