"""What is read off instruments child by child is what the library gives, and what stands is the same object."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from service.telemetry.active import ActiveConversations
from service.telemetry.instruments import LoopCounter, LoopHistogram
from service.telemetry.standing import Reader, Standing

NUMBERS = st.floats(-2, 5, allow_nan=False).map(lambda value: value + 0.0) | st.sampled_from((float("inf"), 1e300))
WORDS = st.sampled_from(("a", "b", "c"))
EVENTS = st.tuples(
    st.sampled_from(("count", "mark", "set", "observe", "below", "remove", "build", "read")), WORDS, NUMBERS
)


class Instruments:
    """Every kind that the service has, with labels and without."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library gives this one no types
        self.registry = CollectorRegistry()
        self.counters = [
            LoopCounter("asked", "Asked", ["of", "z"], registry=self.registry),
            Counter("lost", "Lost", ["of", "z"], registry=self.registry),
        ]
        self.gauge = Gauge("level", "Level", ["of"], unit="seconds", registry=self.registry)
        self.alone = Gauge("alone", "Without labels", registry=self.registry)
        self.histograms = [
            LoopHistogram("sizes", "Sizes", ["of"], buckets=(0, 1, 2.5), registry=self.registry),
            Histogram("times", "Times", ["of"], buckets=(0.5, 4), registry=self.registry),
        ]
        self.below = LoopHistogram("below", "With an edge below zero", buckets=(-1, 1), registry=self.registry)
        self.build = Info("build", "Build", registry=self.registry)
        self.active = ActiveConversations(lambda: 0.0)
        self.registry.register(self.active)
        self.reader = Reader(self.registry)

    def do(self, what: str, word: str, number: float) -> None:
        """One event; `read` reads a page in between."""
        marked = {"trace_id": word * 32} if what == "mark" else None
        match what:
            case "count" | "mark":
                for counter in self.counters:
                    counter.labels(word, "x").inc(abs(number), marked)
                for histogram in self.histograms:
                    histogram.labels(word).observe(number, marked)
            case "set":
                self.gauge.labels(word).set(number)
                self.alone.set(number)
            case "observe":
                self.histograms[0].labels(word).observe(number)
            case "below":
                self.below.observe(number)
            case "remove":
                self.counters[0].remove(word, "x")
                self.histograms[1].remove(word)
            case "build":
                self.build.info({"version": word})
                self.active.touch(word)
            case _:
                self.read()

    def read(self) -> list[tuple[str, str, str, str, list[Sample]]]:
        """Each family with its samples, as our reader has them."""
        return [
            (
                one.name,
                one.kind,
                one.documentation,
                one.unit,
                [sample for child in one.children for sample in child.samples],
            )
            for one in self.reader.families()
        ]

    def children(self) -> dict[str, Sequence[Standing]]:
        """What stands, by family."""
        return {one.name: one.children for one in self.reader.families()}


def seen(family: Metric) -> tuple[str, str, str, str, list[Sample]]:
    return (family.name, family.type, family.documentation, family.unit, family.samples)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_whatever_happened_what_is_read_is_what_the_library_gives(events: list[tuple[str, str, float]]) -> None:
    """Counts, exemplars, values that stay, children that come and go and come back: names, labels, numbers and order are the library's."""
    instruments = Instruments()
    for event in events:
        instruments.do(*event)
    assert instruments.read() == [seen(family) for family in instruments.registry.collect()]


def test_a_child_that_counted_nothing_is_the_same_object() -> None:
    """Only what moved is made anew; an exemplar alone moves a counter, too, and one that was removed and came back is another child."""
    instruments = Instruments()
    for word in "abc":
        instruments.do("count", word, 1.0)
    before, again = instruments.children(), instruments.children()
    assert before["asked"] == again["asked"]
    assert before["sizes"] == again["sizes"]
    instruments.counters[0].labels("a", "x").inc(0, {"trace_id": "1"})
    instruments.histograms[0].labels("b").observe(0.0)
    instruments.counters[1].remove("c", "x")
    instruments.counters[1].labels("c", "x")
    now = instruments.children()
    assert [one is other for one, other in zip(now["asked"], before["asked"], strict=True)] == [False, True, True]
    assert [one is other for one, other in zip(now["sizes"], before["sizes"], strict=True)] == [True, False, True]
    assert [one is other for one, other in zip(now["lost"], before["lost"], strict=True)] == [True, True, False]
    assert now["times"] == before["times"]


def test_instruments_come_and_go_between_two_pages() -> None:
    """One that is registered later stands on the next page, one that is unregistered does not."""
    instruments = Instruments()
    instruments.read()
    later = LoopCounter("later", "Later", registry=instruments.registry)
    later.inc()
    instruments.registry.unregister(instruments.alone)
    assert instruments.read() == [seen(family) for family in instruments.registry.collect()]
    assert "alone" not in instruments.children()
