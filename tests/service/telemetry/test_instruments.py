"""Instruments of the event loop's thread count as the library's own do."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.samples import Sample

from service.telemetry.instruments import LoopCounter, LoopGauge, LoopHistogram

BUCKETS = (0.0, 0.5, 1.0, 2.5)


def samples(registry: CollectorRegistry) -> Iterable[Sample]:
    """What stands on the page, without moments."""
    for family in registry.collect():
        for one in family.samples:
            exemplar = one.exemplar and (one.exemplar.labels, one.exemplar.value)
            if not one.name.endswith("_created"):
                yield one._replace(exemplar=exemplar)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1e9), st.booleans()), max_size=30))
def test_a_counter_shows_what_the_librarys_own_shows(counted: list[tuple[str, float, bool]]) -> None:
    """Whatever is added to whichever child, with and without exemplars, the samples are the same."""
    pages = []
    for kind in (Counter, LoopCounter):
        registry = CollectorRegistry()
        metric = kind("events", "Events", ["kind"], registry=registry)
        for label, amount, marked in counted:
            metric.labels(label).inc(amount, {"trace_id": label} if marked else None)
        pages.append([*samples(registry)])
    assert pages[0] == pages[1]


@given(st.lists(st.tuples(st.floats(-1, 5) | st.sampled_from(BUCKETS), st.booleans()), max_size=30))
def test_a_histogram_shows_what_the_librarys_own_shows(observed: list[tuple[float, bool]]) -> None:
    """Values on an edge, between edges, below the first and beyond the last stand in the same buckets, exemplars with them."""
    pages = []
    for kind in (Histogram, LoopHistogram):
        registry = CollectorRegistry()
        metric = kind("seconds", "Seconds", registry=registry, buckets=BUCKETS)
        for amount, marked in observed:
            metric.observe(amount, {"trace_id": "1"} if marked else None)
        pages.append([*samples(registry)])
    assert pages[0] == pages[1]


@given(st.lists(st.tuples(st.sampled_from(["inc", "dec"]), st.floats(0, 1e9)), max_size=30))
def test_a_gauge_shows_what_the_librarys_own_shows(changed: list[tuple[str, float]]) -> None:
    """Whatever comes and goes, in whichever order, the sample is the same."""
    pages = []
    for kind in (Gauge, LoopGauge):
        registry = CollectorRegistry()
        metric = kind("running", "Running", registry=registry)
        metric.inc()
        for way, amount in changed:
            getattr(metric, way)(amount)
        metric.dec()
        pages.append([*samples(registry)])
    assert pages[0] == pages[1]


def test_a_counter_never_goes_back() -> None:
    """Less than nothing is refused, as the library does."""
    with pytest.raises(ValueError, match="non-negative"):
        LoopCounter("events", "Events", registry=CollectorRegistry()).inc(-1)
