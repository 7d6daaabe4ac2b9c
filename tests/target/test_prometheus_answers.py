"""What Prometheus answers, as frozen values; fakes for the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.errors import PrometheusDown
from target.processes import free_port
from target.prometheus import Counts, Prometheus, Series, connect, difference, watched

JOB = (("job", "courtsight"),)


@dataclass
class FakeApi:
    """Answers instant queries from a table of query and time, everything else from what it was given."""

    vectors: dict[tuple[str, float], Any] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def instant(self, query: str, at: float) -> Any:
        self.asked.append(query)
        return self.vectors.get((query, at), [])

    def range(self, query: str, start: float, end: float, step_seconds: float) -> Any:
        return self.other["range"]

    def targets(self) -> Any:
        return self.other["targets"]

    def get(self, path: str) -> Any:
        return self.other[path]


def one(value: str) -> list[dict[str, Any]]:
    return [{"metric": {}, "value": [100.0, value]}]


def scraped(*times: float, last: float = 1.0) -> Series:
    values = [1.0] * (len(times) - 1) + [last]
    return Series({"instance": "a"}, tuple(zip(times, values, strict=True)))


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_none(text: str) -> None:
    """NaN and the infinities are no measurements, and never become a number."""
    prometheus = Prometheus(FakeApi({("x", 1.0): one(text)}), "http://p")
    assert prometheus.value("x", 1.0) is None


def test_an_absent_series_is_none() -> None:
    """A query without a result has no value, and not the value zero."""
    assert Prometheus(FakeApi(), "http://p").value("x", 1.0) is None


def test_several_series_are_no_single_value() -> None:
    """A query that was meant to give one number and gives two has no value."""
    api = FakeApi({("x", 1.0): [*one("1"), *one("2")]})
    assert Prometheus(api, "http://p").value("x", 1.0) is None


def test_alerts_keep_state_labels_and_time() -> None:
    """A pending alert is told from a firing one, and its start is read to the fraction of a second."""
    entry = {"labels": {"alertname": "A"}, "state": "pending", "activeAt": "2026-11-20T21:17:00.123456789Z"}
    alert = Prometheus(FakeApi(other={"alerts": {"alerts": [entry]}}), "http://p").alerts()[0]
    assert (alert.name, alert.firing) == ("A", False)
    assert alert.active_since == pytest.approx(1795209420.123456, abs=1e-5)


def test_rules_and_targets_carry_their_errors() -> None:
    """A rule that cannot be evaluated and a target that cannot be scraped say why."""
    rule = {"name": "r", "type": "alerting", "health": "err", "lastError": "many-to-many"}
    target = {"labels": {"job": "courtsight"}, "health": "down", "lastError": "refused"}
    api = FakeApi(other={"rules": {"groups": [{"rules": [rule]}]}, "targets": {"activeTargets": [target]}})
    prometheus = Prometheus(api, "http://p")
    assert prometheus.rules()[0].error == "many-to-many"
    assert prometheus.targets()[0].health == "down"


def test_the_scrape_interval_is_that_of_our_own_instances() -> None:
    """The longest interval of the instances with our labels counts; who does not tell one has none."""
    targets = [
        {"labels": {"job": "courtsight", "instance": "a"}, "health": "up", "scrapeInterval": "10s"},
        {"labels": {"job": "courtsight", "instance": "b"}, "health": "up", "scrapeInterval": "1m30s"},
        {"labels": {"job": "other"}, "health": "up", "scrapeInterval": "5m"},
        {"labels": {"job": "old"}, "health": "up"},
    ]
    prometheus = Prometheus(FakeApi(other={"targets": {"activeTargets": targets}}), "http://p")
    assert prometheus.scrape_interval((("job", "courtsight"),)) == 90.0
    assert prometheus.scrape_interval((("job", "old"),)) is None
    assert prometheus.scrape_interval((("job", "none"),)) is None


def test_ranges_keep_each_point_with_its_time() -> None:
    """A range query gives the points of each series, absent numbers as None."""
    entry = {"metric": {"role": "judge"}, "values": [[1, "2"], [2, "NaN"]]}
    series = Prometheus(FakeApi(other={"range": [entry]}), "http://p").range("x", 1, 2, 1)
    assert series == (Series({"role": "judge"}, ((1.0, 2.0), (2.0, None))),)


def test_a_strange_answer_is_no_prometheus() -> None:
    """An answer of another shape ends in one sentence that asks whether this is a Prometheus."""
    with pytest.raises(PrometheusDown, match="is it one"):
        Prometheus(FakeApi(other={"alerts": {}}), "http://p").alerts()


def test_nobody_there_is_prometheus_down() -> None:
    """A refused connection is a sentence that names the address, at once and without retries."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(PrometheusDown, match="is it running"):
        connect(url).alerts()


def test_counts_are_the_difference_of_the_sums() -> None:
    """Events between two instants are the difference of the counters' sums, without extrapolation."""
    api = FakeApi({("b", 10.0): one("1"), ("b", 70.0): one("4"), ("v", 10.0): one("100"), ("v", 70.0): one("3100")})
    assert Prometheus(api, "http://p").counts("b", "v", 10, 70, counters=("c",), margin=2) == Counts(3, 3000)
    assert "sum(resets(c[62000ms]))" in api.asked


def test_a_reset_gives_no_counts() -> None:
    """A counter that was reset within the window, or just before it, gives no counts but the reason."""
    api = FakeApi({("b", 10.0): one("1"), ("b", 70.0): one("4"), ("v", 10.0): one("1"), ("v", 70.0): one("9")})
    api.vectors["sum(resets(c[62000ms]))", 70.0] = one("1")
    counts = Prometheus(api, "http://p").counts("b", "v", 10, 70, counters=("c",), margin=2)
    assert (counts.bad, counts.valid) == (None, None)
    assert "reset" in counts.reason


@pytest.mark.parametrize(
    ("bad", "valid", "said"),
    [
        ((None, 1.0), (5.0, 9.0), "began"),
        ((0.0, None), (5.0, 9.0), "ended"),
        ((0.0, 0.0), (9.0, 5.0), "fell"),
        ((4.0, 0.0), (5.0, 9.0), "fell"),
        ((0.0, 5.0), (0.0, 4.0), "no share"),
    ],
)
def test_contradictions_give_no_counts(
    bad: tuple[float | None, float | None], valid: tuple[float | None, float | None], said: str
) -> None:
    """Sums that are missing, fall or contradict each other give no counts, and say which it was."""
    counts = difference(bad, valid)
    assert counts.bad is None
    assert counts.valid is None
    assert said in counts.reason


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_counts_are_exact_for_whole_numbers(bad: int, good: int, bad_before: int, good_before: int) -> None:
    """Whatever the counters stood at before, the difference is exactly what happened."""
    before = float(bad_before + good_before)
    counts = difference((float(bad_before), float(bad_before + bad)), (before, before + bad + good))
    assert counts == Counts(bad, bad + good)


def test_full_coverage_has_no_gap() -> None:
    """A window with a scrape before it and every second within it was watched."""
    coverage = watched([scraped(*range(9, 31))], 10, 30, 1)
    assert (coverage.ratio, coverage.gap) == (1.0, "")


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ([], "has not scraped"),
        ([scraped(*range(11, 31))], "just before"),
        ([scraped(*range(9, 27))], "any more"),
        ([scraped(*range(9, 31), last=0.0)], "any more"),
        ([scraped(9, 10, *range(16, 31))], "75%"),
    ],
)
def test_a_window_that_was_not_watched_has_a_gap(series: list[Series], said: str) -> None:
    """No scrapes, none at one of the ends, a service that was down at the end, and holes: each is a gap with its reason."""
    assert said in watched(series, 10, 30, 1).gap


def test_the_worst_instance_decides() -> None:
    """Two instances of which one was not watched leave a gap."""
    assert watched([scraped(*range(9, 31)), scraped(*range(25, 31))], 10, 30, 1).gap


def test_an_empty_window_is_a_gap() -> None:
    """A window that ends when it begins shows nothing."""
    assert Prometheus(FakeApi(), "http://p").coverage(JOB, 5, 5, 1).gap


def test_waiting_for_a_scrape_ends_in_a_sentence() -> None:
    """A service that is never scraped is reported, with where to look; not before a fresh Prometheus could have looked."""
    ticks = iter(range(100))
    with pytest.raises(PrometheusDown, match=r"for 30 s.*Targets"):
        Prometheus(FakeApi(), "http://p").await_scrape(
            JOB, 0.0, deadline_seconds=3, clock=lambda: float(next(ticks)), sleep=lambda _: None
        )


def test_waiting_for_a_scrape_needs_a_good_one() -> None:
    """A failed scrape after the moment does not count; the next good one does."""
    entry = {"metric": {"instance": "a"}, "values": [[8.5, "1"], [10.5, "0"]]}
    later = {"metric": {"instance": "a"}, "values": [[10.5, "0"], [11.5, "1"]]}
    api = FakeApi({('up{job="courtsight"}[61000ms]', 11.0): [entry], ('up{job="courtsight"}[62000ms]', 12.0): [later]})
    times = iter([11.0, 12.0])
    found = Prometheus(api, "http://p").await_scrape(
        JOB, 10.0, deadline_seconds=3, clock=lambda: next(times), sleep=lambda _: None
    )
    assert found == 11.5
