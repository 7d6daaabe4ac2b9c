"""Our rules inside a real Prometheus: every file that is generated loads, every rule is evaluated, none fails."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from harness.tools import find_tools
from target import processes
from target.prometheus import connect
from tests.alerts.story import BAD, GOOD, RATIO, Story, Tell, shop, tell

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
        wanted, deadline = len(list(kinds.rules())), time.monotonic() + 180
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
    """Every query of Grafana's dashboards 14348 and 14643 finds its numbers in our series, with the labels that their legends show."""
    story = Story(shop(), {GOOD: "0+950x100", BAD: "0+50x100"})
    chosen = '{sloth_service="shop", sloth_slo="orders"}'
    identity = 'sloth_id="shop-orders",sloth_service="shop",sloth_slo="orders"'
    # 14348, SLO / Detail: a row for each SLO of a service; its variables come from the labels of the objective.
    story.sees("90m", f"slo:objective:ratio{chosen}", (f"slo:objective:ratio{{{identity}}}", 0.999))
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"):
        story.near("90m", f"1 - (max({RATIO}{window}{chosen}) OR on() vector(0))", 0.95, within=1e-9)
    story.sees("90m", f"count by (sloth_objective) (sloth_slo_info{chosen})", ('{sloth_objective="99.9"}', 1))
    story.near("90m", f"slo:current_burn_rate:ratio{chosen} or on() vector(0)", 50, within=1e-9)
    story.near("90m", f"slo:current_burn_rate:ratio{chosen} > 0", 50, within=1e-9)
    story.near("90m", f"0 - (slo:period_error_budget_remaining:ratio{chosen} or on() vector(1))", 49, within=1e-9)
    hourly = f"{RATIO}1h{chosen} * on() group_left() (month() == bool vector(1))"
    allowed = f"slo:error_budget:ratio{chosen} * on() group_left() (24 * days_in_month())"
    story.near("90m", f"1 - (sum_over_time(({hourly})[32d:1h]) / on(sloth_id) ({allowed}))", 1 - 50 / 744, within=1e-9)
    for severity in ("page", "ticket"):
        one = f'ALERTS{{sloth_service="shop", sloth_slo="orders", sloth_severity="{severity}"}}'
        story.sees("90m", f"max({one}) OR on() vector(0)", ("{}", 1))
        story.sees("90m", f'max(ALERTS{{sloth_id!="", sloth_severity="{severity}"}}) OR on() vector(0)', ("{}", 1))
    # 14643, High level Sloth SLOs: everything at once.
    story.sees("90m", "count(sloth_slo_info)", ("{}", 1))
    story.sees("90m", "count(max(sloth_slo_info) by (sloth_service))", ("{}", 1))
    story.near("90m", "avg(slo:current_burn_rate:ratio)", 50, within=1e-9)
    for burning in ("slo:current_burn_rate:ratio > 1", "slo:period_error_budget_remaining:ratio < 0"):
        story.sees("90m", f"count by (sloth_id, sloth_service, sloth_slo) ({burning})", (f"{{{identity}}}", 1))
    told(story)


NATIVE = """
  classic:
    title: Fast enough
    objective: 95%
    latency: {metric: request_seconds, threshold: 2s}
  native:
    title: Fast enough, native
    objective: 95%
    latency: {metric: request_seconds_native, threshold: 2s, native: true}
"""
FIRST_PROMTOOL_WITH_NATIVE = (3, 0)
"""Its tests can make histograms up; those of 2.42 cannot (docs/slo.md says with which versions this was run)."""


def test_native_histograms_say_what_classic_ones_say(tmp_path: Path) -> None:
    """Good, idle, slow, restarted: the same ratios and alerts from both; a promtool that cannot make native ones up still takes the rules."""
    promtool = find_tools(ROOT).promtool
    assert promtool is not None, "promtool is missing: run make setup, or install the package"
    classic = "0+{}x100 10000x20 10000+{}x60 0+{}x60 6000x10"
    native = (
        "{{{{schema:0 buckets:[0 0 0]}}}}+{fast}x100 {many}x20 {many}+{{{{schema:0 count:100 sum:250 buckets:[20 20 60]}}}}x60 "
        "{{{{schema:0 buckets:[0 0 0]}}}}+{fast}x60 {{{{schema:0 count:6000 sum:6000 buckets:[3000 3000 0]}}}}x10"
    ).format(
        fast="{{schema:0 count:100 sum:100 buckets:[50 50 0]}}",
        many="{{schema:0 count:10000 sum:10000 buckets:[5000 5000 0]}}",
    )
    series = {
        'request_seconds_bucket{job="shop",le="2"}': classic.format(100, 40, 100),
        'request_seconds_count{job="shop"}': classic.format(100, 100, 100),
        'request_seconds_native{job="shop"}': native,
    }
    story = Story(shop(more=NATIVE), series)
    for at in ("50m", "125m", "150m", "181m", "200m", "240m"):
        for window in ("5m", "30m", "1h", "2h", "30d"):
            ratio = f'sum({RATIO}{window}{{sloth_slo="%s"}})'
            story.sees(at, f"abs({ratio % 'classic'} - {ratio % 'native'}) <= bool 1e-9", ("{}", 1))
        each = 'count by (long_window, alertstate) (ALERTS{long_window!="",sloth_slo="%s"})'
        story.sees(at, f"{each % 'classic'} != {each % 'native'} or ({each % 'classic'} unless {each % 'native'})")
    story.sees("118m", f'{RATIO}5m{{sloth_slo=~"classic|native"}}')
    story.near("150m", f'{RATIO}5m{{sloth_slo="native"}}', 0.6, within=1e-9)
    story.sees(
        "150m", 'count(ALERTS{alertstate="firing",severity="page",sloth_slo="native",long_window="30m"})', ("{}", 1)
    )
    if _version(promtool) >= FIRST_PROMTOOL_WITH_NATIVE:
        tell(story, promtool, tmp_path)
    else:
        (tmp_path / "rules.yaml").write_bytes(rules_yaml(rule_file(story.spec)))
        subprocess.run([promtool, "check", "rules", "rules.yaml"], cwd=tmp_path, check=True, capture_output=True)


def _version(promtool: Path) -> tuple[int, int]:
    """Major and minor; a build from source without them is a new one."""
    done = subprocess.run([promtool, "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    return (int(found[1]), int(found[2])) if found else FIRST_PROMTOOL_WITH_NATIVE
