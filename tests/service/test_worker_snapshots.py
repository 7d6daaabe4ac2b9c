"""The page of several workers is the page of one that did all the work."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.pages import PageWriter
from service.telemetry.snapshots import ACTIVE, GAUGE_RULES, Base, Snapshot, Teller, render
from service.telemetry.standing import Reader


class Worker:
    """A registry with one instrument of each kind."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library gives this one no types
        self.registry = CollectorRegistry()
        self.counter = Counter("chatbot_things", "things", ["kind"], registry=self.registry)
        self.histogram = Histogram("chatbot_sizes", "sizes", buckets=(1, 5), registry=self.registry)
        self.gauge = Gauge("chatbot_requests_in_flight", "running", registry=self.registry)
        Gauge(ACTIVE, "active", registry=self.registry)
        for kind in "ab":
            self.counter.labels(kind)
        self._teller = Teller(Reader(self.registry))

    def told(self) -> Snapshot:
        """What the supervisor reads off the channel."""
        snapshot: Snapshot = orjson.loads(orjson.dumps([*self._teller.told()]))
        return snapshot

    def do(self, kind: str, size: int) -> None:
        self.counter.labels(kind).inc()
        self.histogram.observe(size, {"trace_id": f"{size:032x}"})


def values(page: bytes) -> dict[Any, float]:
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if sample.name.startswith(("chatbot_things", "chatbot_sizes")) and not sample.name.endswith("_created")
    }


WORK = st.tuples(
    st.integers(0, 2), st.sampled_from("ab"), st.integers(0, 9), st.sampled_from(("go on", "scrape", "end"))
)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORK, max_size=25))
def test_the_merged_page_is_that_of_one_worker_and_never_goes_back(work: list[tuple[int, str, int, str]]) -> None:
    """Whoever did it and whoever has ended since: sums are those of one worker that did all, in every scrape no less than before."""
    one, base, living, writer = Worker(), Base(), [Worker(), Worker(), Worker()], PageWriter()
    seen: dict[Any, float] = {}
    for number, kind, size, then in work:
        one.do(kind, size)
        living[number].do(kind, size)
        if then == "end":
            base.fold(living[number].told())
            living[number] = Worker()
        if then != "go on":
            merged = base.merged([worker.told() for worker in living])
            page = values(render(merged, {"fresh": 3, "silent": 0}, 0, "", writer)[0])
            assert page == values(render(Base().merged([one.told()]), {"fresh": 1}, 0, "", PageWriter())[0])
            assert all(page[series] >= value for series, value in seen.items())
            seen = page


def test_what_stands_is_told_as_it_stood_and_what_moved_as_it_is() -> None:
    """Told again after counting, setting, adding and removing children: each row is that of the library, and what stood was not put into JSON again."""
    worker = Worker()
    for step in range(4):
        worker.do("b", step)
        worker.gauge.set(step)
        if step == 2:
            worker.counter.labels("new").inc()
            worker.counter.remove("a")
        theirs = [
            [
                [sample.name, sample.labels, sample.value, list(sample.exemplar)[:2] if sample.exemplar else None]
                for sample in family.samples
            ]
            for family in worker.registry.collect()
        ]
        ours = [
            [[name, labels, value, exemplar and exemplar[:2]] for name, labels, value, exemplar in rows]
            for *_, rows in worker.told()
        ]
        assert ours == theirs


def test_gauges_are_of_the_living_and_exemplars_are_kept() -> None:
    """The in-flight requests of two workers add up, those of a dead one are gone; OpenMetrics shows an exemplar."""
    first, second, dead, base = Worker(), Worker(), Worker(), Base()
    first.gauge.set(2)
    second.gauge.set(3)
    dead.gauge.set(40)
    first.do("a", 3)
    base.fold(dead.told())
    families = base.merged([first.told(), second.told()])
    accept = "application/openmetrics-text; version=1.0.0"
    page, content_type = render(families, {"fresh": 2, "silent": 0}, 1, accept, PageWriter())
    assert b"chatbot_requests_in_flight 5.0" in page
    assert b'trace_id="00000000000000000000000000000003"' in page
    assert content_type.startswith("application/openmetrics-text")


def test_a_gauge_without_a_value_yet_leaves_the_page_as_it_is() -> None:
    """NaN, as the share of free models has it before the first call: of the workers those with a value count, and without any it is NaN. There was no page at all."""
    first, second, base = Worker(), Worker(), Base()
    for value, shown in ((float("nan"), b"NaN"), (2.0, b"2.0")):
        first.gauge.set(float("nan"))
        second.gauge.set(value)
        families = base.merged([first.told(), second.told()])
        page, _ = render(families, {"fresh": 2, "silent": 0}, 1, "", PageWriter())
        assert b"chatbot_requests_in_flight " + shown in page


def test_every_gauge_of_the_service_has_a_rule(house: Any) -> None:
    """A gauge without a rule would be merged by chance."""
    told = {"chatbot_metric_series"}
    gauges = {family.name for family in house.app.state.services.metrics.registry.collect() if family.type == "gauge"}
    assert gauges <= {*GAUGE_RULES, *told}
