"""Our rules inside a real Prometheus: every file that is generated loads, every rule is evaluated, none fails."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from harness.tools import find_tools
from target import processes
from target.prometheus import connect
from tests.alerts.story import BAD, GOOD, ORDERS, Story, Tell, shop

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.integration

KINDS = """
    group_by: tier
    least_events: 10
  fast:
    title: Fast enough
    objective: 95%
    latency: {metric: request_seconds, threshold: 2s}
  native:
    title: Fast enough, native
    objective: 95%
    latency: {metric: request_seconds, threshold: 2s, native: true}
  kept:
    title: Kept
    objective: 90%
    window: 7d
    events: {valid: 'jobs_total', good: 'jobs_total{result="done"}'}
  probed:
    title: Probed
    objective: 80%
    window: 28d
    raw: {error_ratio: '1 - avg_over_time(probe_success[$window])'}
  sliced:
    title: Good minutes
    objective: 99%
    window: month
    time_slices: {slice: 1m, at_least: 99%, ratio: {metric: http_requests_total, label: code, good: ["2.."], bad: ["5.."]}}
  whole:
    title: The whole
    objective: 99%
    window: month
    composite: {components: {fast: 2, kept: 1, sliced: 1}}
"""


def test_every_rule_is_evaluated_and_none_fails(tmp_path: Path) -> None:
    """All kinds at a drill's pace beside every committed rule file: Prometheus starts, and reports no unhealthy rule."""
    prometheus = find_tools(ROOT).prometheus
    assert prometheus is not None, "prometheus is missing: run make setup, or install the package"
    generated = sorted((ROOT / "alerts" / "generated").rglob("*.yaml"))
    files = [
        path
        for path in generated
        if "tests" not in path.parts and path.read_text(encoding="utf-8").find("\ngroups:") >= 0
    ]
    assert files
    names = [f"{number}-{path.name}" for number, path in enumerate(files)]
    for path, name in zip(files, names, strict=True):
        shutil.copy(path, tmp_path / name)
    kinds = rule_file(shop(more=KINDS), scale=60)
    (tmp_path / "kinds.yaml").write_bytes(rules_yaml(kinds))
    port = processes.free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [*names, "kinds.yaml"],
        "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }
    (tmp_path / "prometheus.yaml").write_text(json.dumps(config), encoding="utf-8")
    words = [
        prometheus,
        "--config.file=prometheus.yaml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    words.append("--enable-feature=native-histograms")
    child = processes.start("prometheus", words, log=tmp_path / "prometheus.log", environment={}, folder=tmp_path)
    try:
        url = f"http://127.0.0.1:{port}"
        processes.wait_until_ready(child, f"{url}/-/ready")
        api = connect(url)
        wanted, deadline = len(list(kinds.rules())), time.monotonic() + 60
        while True:
            rules = api.rules()
            done = sum(rule.health == "ok" for rule in rules)
            failed = [(rule.name, rule.error) for rule in rules if rule.health == "err"]
            if failed or done >= wanted or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert not failed
        assert done >= wanted
        assert api.value("sum(prometheus_rule_evaluation_failures_total)", time.time()) in {None, 0.0}
    finally:
        child.stop()


def test_sloths_dashboards_find_what_they_ask_for(told: Tell) -> None:
    """The joins that Grafana's dashboards 14348 and 14643 make over Sloth's series yield one number each on ours."""
    story = Story(shop(), {GOOD: "0+950x100", BAD: "0+50x100"})
    shop_slo = '{sloth_service="shop",sloth_slo="orders"}'
    hourly = f"slo:sli_error:ratio_rate1h{shop_slo} * on () group_left () (month() == bool vector(1))"
    monthly = f"slo:error_budget:ratio{shop_slo} * on () group_left () (24 * days_in_month())"
    asked = (
        f"slo:objective:ratio{shop_slo}",
        f"1 - slo:sli_error:ratio_rate5m{shop_slo}",
        f"slo:current_burn_rate:ratio{shop_slo}",
        f"slo:period_burn_rate:ratio{shop_slo}",
        f"slo:period_error_budget_remaining:ratio{shop_slo}",
        f"slo:time_period:days{shop_slo}",
        f"1 - sum_over_time(({hourly})[32d:1h]) / on (sloth_id) ({monthly})",
        f"slo:current_burn_rate:ratio{shop_slo} * on (sloth_id) group_left () slo:error_budget:ratio{shop_slo}",
        'sum(sloth_slo_info{sloth_service=~".+"})',
        f"sloth_slo_info{shop_slo} * on (sloth_id) group_left () slo:objective:ratio{ORDERS}",
        'count(ALERTS{sloth_service="shop",sloth_slo="orders",sloth_severity="page",alertstate="firing"})',
        'max by (sloth_service, sloth_slo) (slo:sli_error:ratio_rate6h{sloth_id!=""})',
    )
    for expr in asked:
        story.sees("90m", f"count({expr})", ("{}", 1))
    told(story)
