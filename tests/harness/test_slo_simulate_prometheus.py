"""`courtsight slo simulate` on counts that a real Prometheus holds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from alerts.drills.baseline import write_blocks
from harness.cli import main
from harness.tools import find_tools
from target.monitoring import PrometheusPlan, start_prometheus

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "slo" / "specs" / "examples" / "shop.yaml"
SCRAPE = 15
HOURS = 8
PER_SCRAPE = 60
FAULT = (4 * 3600, 4 * 3600 + 1800)
GAP = (6 * 3600, 6 * 3600 + 1200)

pytestmark = pytest.mark.integration


def scraped(begin: float) -> Iterator[str]:
    """Eight hours of two counters, with half an hour in which a fifth fails, and twenty minutes that nobody scraped."""
    seconds = [second for second in range(0, HOURS * 3600 + 1, SCRAPE) if not GAP[0] <= second < GAP[1]]
    failed = [max(0, min(second, FAULT[1]) - FAULT[0]) // SCRAPE * PER_SCRAPE // 5 for second in seconds]
    yield "# TYPE http_requests counter"
    for code in ("200", "500"):
        for second, bad in zip(seconds, failed, strict=True):
            value = 5000 + (bad if code == "500" else second // SCRAPE * PER_SCRAPE - bad)
            yield f'http_requests_total{{job="shop",instance="a",code="{code}"}} {value} {begin + second:.3f}'
    yield "# EOF"


def test_a_history_out_of_prometheus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The outage of the counters is found where it was, within a step; its cost is the truth's; the gap is no traffic and no failure."""
    tools = find_tools(ROOT)
    assert tools.prometheus is not None, "make setup fetches Prometheus"
    assert tools.promtool is not None, "make setup fetches Prometheus"
    begin = float(int(time.time() / 60) * 60 - HOURS * 3600)
    blocks = write_blocks(tools.promtool, scraped(begin), tmp_path / "blocks")
    plan = PrometheusPlan(
        tools.prometheus, tmp_path / "prometheus", tmp_path / "prometheus.log", target="", blocks=blocks
    )
    monitor = start_prometheus(plan)
    try:
        status = main(
            ["slo", "simulate", str(SHOP), "--slo", "availability", "--history", monitor.url, "--length", "8h", "--json"]
        )  # fmt: skip
    finally:
        monitor.child.stop()
    printed = capsys.readouterr()
    assert status == 0, printed.err
    (found,) = json.loads(printed.out)["slos"]
    (event,) = found["events"]
    start, end = (datetime.fromisoformat(event[word]).timestamp() for word in ("start", "end"))
    assert abs(start - begin - FAULT[0]) <= 90
    assert abs(end - begin - FAULT[1]) <= 90
    seen = (HOURS * 3600 - 1200) / (HOURS * 3600)
    truth = 0.2 * 1800 / (30 * 86400 * 0.001 * seen)
    assert event["cost_ratio"] == pytest.approx(truth, rel=0.02)
    assert found["alerts"][0]["alerts"] == 1
    assert "availability (1 of 1)" in printed.err
