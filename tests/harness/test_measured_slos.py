"""The SLOs of a run, measured from exact counts; missing data never passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.measured_slos import counters, measure_slos
from slo.evidence import Item
from slo.load import SPECS_FOLDER, load_spec
from slo.sli import bad_events, valid_events
from slo.spec import Spec
from slo.verdict import Verdict
from target.errors import PrometheusDown
from target.prometheus import Prometheus

START = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
END = START + timedelta(seconds=60)


@dataclass
class WatchedRun:
    """A Prometheus that scraped one instance every second, and counted `bad` of `valid` events for each SLO."""

    spec: Spec
    bad: int = 0
    valid: int = 5000
    lost: frozenset[str] = frozenset()
    resets: int = 0
    scrapes: int = 61
    down: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for slo in self.spec.slos:
            if slo.id not in self.lost:
                self.counts[bad_events(slo, None)] = self.bad
                self.counts[valid_events(slo, None)] = self.valid

    def instant(self, query: str, at: float) -> Any:
        if self.down:
            raise PrometheusDown("Prometheus at http://p does not answer: is it running?")
        if query.startswith("up{"):
            first = START.timestamp() - 0.5
            return [{"metric": {}, "values": [[first + second, "1"] for second in range(self.scrapes)]}]
        if query.startswith("sum(resets("):
            return [{"metric": {}, "value": [at, str(self.resets)]}]
        after = at == END.timestamp()
        found = self.counts.get(query)
        return [] if found is None else [{"metric": {}, "value": [at, str(7 + found * after)]}]

    def range(self, query: str, start: float, end: float, step_seconds: float) -> Any:
        return []

    def targets(self) -> Any:
        return {}

    def get(self, path: str) -> Any:
        return {}


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load_spec(SPECS_FOLDER / "courtsight.yaml")


def measure(run: WatchedRun) -> dict[str, Item]:
    items, _ = measure_slos(Prometheus(run, "http://p"), run.spec, START, END, 1.0)
    return {dict(item.labels)["slo"]: item for item in items}


def test_every_slo_of_the_gate_is_measured(spec: Spec) -> None:
    """Each SLO that the gate asks for gets its item, with the exact share of good events and their number."""
    items = measure(WatchedRun(spec, bad=2))
    assert set(items) == {slo.id for slo in spec.slos}
    availability = items["availability"]
    assert availability.verdict is Verdict.PASS
    assert (availability.measurement.value, availability.measurement.n) == (4998 / 5000, 5000)


def test_too_many_bad_events_fail(spec: Spec) -> None:
    """An availability under its objective over the run is a FAIL."""
    assert measure(WatchedRun(spec, bad=50))["availability"].verdict is Verdict.FAIL


def test_no_traffic_is_no_pass(spec: Spec) -> None:
    """A window without events yields INCONCLUSIVE, never PASS."""
    assert {item.verdict for item in measure(WatchedRun(spec, valid=0)).values()} == {Verdict.INCONCLUSIVE}


def test_without_prometheus_every_slo_is_an_error(spec: Spec) -> None:
    """No Prometheus at all, and each item says so."""
    items, details = measure_slos(None, spec, START, END, 1.0)
    assert len(items) == len(spec.slos)
    assert {item.verdict for item in items} == {Verdict.ERROR}
    assert all("no Prometheus" in item.reason for item in items)
    assert all(entry["valid"] is None for entry in details["slos"])


def test_a_prometheus_that_is_down_makes_errors(spec: Spec) -> None:
    """A Prometheus that stopped answering in mid-run leaves ERROR with its own sentence."""
    items = measure(WatchedRun(spec, down=True)).values()
    assert {(item.verdict, "is it running" in item.reason) for item in items} == {(Verdict.ERROR, True)}


def test_a_hole_in_the_scrapes_makes_errors(spec: Spec) -> None:
    """Counters that nobody watched to the end of the window give no number."""
    items = measure(WatchedRun(spec, scrapes=40)).values()
    assert {item.verdict for item in items} == {Verdict.ERROR}


def test_a_restart_makes_errors(spec: Spec) -> None:
    """Counters that began anew give no number, and the reason says what happened."""
    items = measure(WatchedRun(spec, resets=3)).values()
    assert {(item.verdict, "restarted" in item.reason) for item in items} == {(Verdict.ERROR, True)}


def test_a_missing_series_hurts_only_its_slo(spec: Spec) -> None:
    """An SLI without series is an ERROR; the others are still measured."""
    items = measure(WatchedRun(spec, lost=frozenset({"ttft"})))
    assert items.pop("ttft").verdict is Verdict.ERROR
    assert {item.verdict for item in items.values()} == {Verdict.PASS}


def test_details_show_the_queries_and_the_window(spec: Spec) -> None:
    """A reader can put the same two questions to Prometheus again."""
    _, details = measure_slos(Prometheus(WatchedRun(spec, bad=2), "http://p"), spec, START, END, 1.0)
    entry = details["slos"][0]
    assert (entry["slo"], entry["window_seconds"], entry["bad"], entry["valid"]) == ("availability", 60.0, 2, 5000)
    assert entry["query_bad"] == 'sum(chatbot_requests_total{job="courtsight",outcome=~"timeout|error"})'
    assert details["coverage_ratio"] == 1.0


def test_resets_are_looked_for_in_the_counters_themselves(spec: Spec) -> None:
    """A histogram's reset shows in its count, a counter's in itself, each with the SLI's own labels."""
    assert counters(spec.slo("availability")) == ('chatbot_requests_total{job="courtsight"}',)
    assert counters(spec.slo("latency-role-judge")) == (
        'chatbot_request_duration_seconds_count{job="courtsight",role="judge"}',
    )
