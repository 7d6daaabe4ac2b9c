"""Exact counts from a real Prometheus, and none where it did not look."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.tools import find_tools
from target.errors import PrometheusDown
from target.monitoring import PrometheusPlan, RunningMonitor, start_prometheus
from target.prometheus import Prometheus, connect

ROOT = Path(__file__).resolve().parents[2]
JOB = (("job", "courtsight"),)
INTERVAL = 0.2
BAD = 'sum(events_total{outcome="error"})'
VALID = "sum(events_total)"

MISSED = "expected scrapes"
TRIES = 20
"""Five scrapes a second: on a busy machine one is late now and then, which leaves a gap in a window as short as these."""

pytestmark = pytest.mark.integration


class Exporter:
    """A page of two counters that a test sets; refuses when told to."""

    def __init__(self) -> None:
        self.ok, self.error, self.refuses = 1000, 10, False
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if exporter.refuses:
                    self.send_error(500)
                    return
                body = exporter.page().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def page(self) -> str:
        return f'# TYPE events_total counter\nevents_total{{outcome="ok"}} {self.ok}\nevents_total{{outcome="error"}} {self.error}\n'

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def started(exporter: Exporter, folder: Path) -> RunningMonitor:
    binary = find_tools(ROOT).prometheus
    assert binary is not None, "make setup fetches Prometheus"
    plan = PrometheusPlan(
        binary=binary,
        folder=folder / "prometheus",
        log=folder / "prometheus.log",
        target=exporter.address,
        scrape_interval_seconds=INTERVAL,
    )
    return start_prometheus(plan)


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    running = Exporter()
    yield running
    running.close()


@pytest.fixture(scope="module")
def prometheus(exporter: Exporter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One for all tests: its first scrape comes five seconds after its start."""
    running = started(exporter, tmp_path_factory.mktemp("live"))
    yield connect(running.url)
    running.child.stop()


def settled(prometheus: Prometheus) -> float:
    """A moment after which nothing happens before a further scrape; the time of that scrape."""
    now = time.time()
    return prometheus.await_scrape(JOB, now, deadline_seconds=10, clock=time.time, sleep=time.sleep)


def measured(prometheus: Prometheus, start: float, end: float) -> tuple[int | None, int | None, str]:
    coverage = prometheus.coverage(JOB, start, end, INTERVAL)
    counts = prometheus.counts(BAD, VALID, start, end, counters=("events_total",), margin=2 * INTERVAL)
    return counts.bad, counts.valid, counts.reason or coverage.gap


def test_counts_are_exact(prometheus: Prometheus, exporter: Exporter) -> None:
    """A few events in a short window are counted one by one, where `increase` would extrapolate."""
    for _ in range(TRIES):
        start = settled(prometheus)
        exporter.ok += 41
        exporter.error += 1
        time.sleep(1)
        found = measured(prometheus, start, settled(prometheus))
        if MISSED not in found[2]:
            break
    assert found == (1, 42, "")
    estimate = prometheus.value("sum(increase(events_total[1s]))", time.time())
    assert estimate != 42


def test_a_restart_gives_no_counts(prometheus: Prometheus, exporter: Exporter) -> None:
    """Counters that began anew within the window are noticed, also when their sum is higher at the end."""
    start = settled(prometheus)
    exporter.ok, exporter.error = 0, 0
    settled(prometheus)
    exporter.ok, exporter.error = 5000, 20
    bad, valid, reason = measured(prometheus, start, settled(prometheus))
    assert (bad, valid) == (None, None)
    assert "reset" in reason


def test_a_hole_in_the_scrapes_is_a_gap(prometheus: Prometheus, exporter: Exporter) -> None:
    """A service that could not be scraped for a third of the window leaves a gap, though the counters go on."""
    start = settled(prometheus)
    time.sleep(1)
    exporter.refuses = True
    time.sleep(1)
    exporter.refuses = False
    end = settled(prometheus)
    assert "expected scrapes" in prometheus.coverage(JOB, start, end, INTERVAL).gap


def test_a_service_that_is_gone_is_a_gap(prometheus: Prometheus, exporter: Exporter) -> None:
    """A service that answers no more at the window's end has no counts, though Prometheus still remembers older ones."""
    start = settled(prometheus)
    exporter.refuses = True
    time.sleep(1)
    coverage = prometheus.coverage(JOB, start, time.time(), INTERVAL)
    exporter.refuses = False
    assert "any more" in coverage.gap


def test_rules_alerts_and_targets_can_be_read(prometheus: Prometheus) -> None:
    """A Prometheus without rules has no alerts, and its one target is up."""
    settled(prometheus)
    assert prometheus.rules() == ()
    assert prometheus.alerts() == ()
    assert [target.health for target in prometheus.targets()] == ["up"]


def test_a_query_that_is_none_is_refused(prometheus: Prometheus) -> None:
    """Prometheus' own words about a wrong query reach the reader."""
    with pytest.raises(PrometheusDown, match="parse error"):
        prometheus.instant("sum(", 1.0)


def test_a_stopped_prometheus_is_down(exporter: Exporter, tmp_path: Path) -> None:
    """A Prometheus that ended is reported in a sentence."""
    running = started(exporter, tmp_path)
    running.child.stop()
    with pytest.raises(PrometheusDown, match="is it running"):
        connect(running.url).alerts()
