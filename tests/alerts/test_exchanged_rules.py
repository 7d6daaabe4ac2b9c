"""Rules of imported specs: promtool takes them, and the error ratio is the one that the other's own expression gives."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from slo import names
from slo.errors import InvalidInput
from slo.exchange.read import import_specs
from slo.window_table import load_policy

CASES = Path(__file__).resolve().parents[1] / "slo" / "exchange" / "cases"
STEADY = {
    'orders_total{job="shop",instance="a",code="200"}': "0+90x200",
    'orders_total{job="shop",instance="a",code="500"}': "0+7x200",
    'orders_total{job="shop",instance="a",code="429"}': "0+3x200",
    'order_seconds_count{job="shop",instance="a"}': "0+100x200",
    'order_seconds_bucket{job="shop",instance="a",le="0.4"}': "0+96x200",
    'order_seconds_bucket{job="shop",instance="a",le="+Inf"}': "0+100x200",
}
"""Traffic of an hour and more that never changes; whole seconds apart, so that extrapolation adds nothing."""
THEIRS = {
    "shop-orders-taken": (
        'sum(rate(orders_total{job="shop",code=~"(5..|429)"}[WINDOW])) / sum(rate(orders_total{job="shop"}[WINDOW]))'
    ),
    "shop-orders-in-time": (
        '(sum(rate(order_seconds_count{job="shop"}[WINDOW])) - sum(rate(order_seconds_bucket{le="0.4",job="shop"}[WINDOW])))'
        ' / sum(rate(order_seconds_count{job="shop"}[WINDOW]))'
    ),
}
"""What Sloth records for the SLOs of `sloth-events.yaml`, by our id."""


def rules_of(path: Path) -> bytes | None:
    """The rules of everything that an example becomes; None when it becomes nothing."""
    try:
        sheets = import_specs([(path.name, path.read_bytes())], load_policy()).sheets
    except InvalidInput:
        return None
    return rules_yaml(rule_file(sheets[0].spec)) if sheets else None


def run(promtool: Path, *arguments: str) -> str:
    done = subprocess.run([str(promtool), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules_of_every_example(promtool: Path, tmp_path: Path) -> None:
    """Whatever an example is carried to can be generated, and Prometheus can load it."""
    found = {path.stem: rules for path in CASES.iterdir() if (rules := rules_of(path)) is not None}
    assert len(found) >= 10
    for name, rules in found.items():
        (tmp_path / f"{name}.yaml").write_bytes(rules)
    run(promtool, "check", "rules", *(str(path) for path in sorted(tmp_path.iterdir())))


@pytest.mark.parametrize("window", ["5m", "30m", "1h"])
def test_our_error_ratio_is_sloths_on_steady_traffic(promtool: Path, tmp_path: Path, window: str) -> None:
    """On traffic that does not change, counts divided last and Sloth's ratio of rates are the same number."""
    rules = rules_of(CASES / "sloth-events.yaml")
    assert rules is not None
    (tmp_path / "rules.yaml").write_bytes(rules)
    ratios = {"shop-orders-taken": 0.1, "shop-orders-in-time": 0.04}
    checks: list[dict[str, Any]] = []
    for sloth_id, ratio in ratios.items():
        ours = f'{names.sli_error(window)}{{sloth_id="{sloth_id}"}}'
        theirs = THEIRS[sloth_id].replace("WINDOW", window)
        same = f"abs(sum({ours}) - ({theirs})) < bool 1e-9"
        near = f"abs(sum({ours}) - {ratio}) < bool 1e-9"
        checks += [
            {"expr": expr, "eval_time": "2h", "exp_samples": [{"labels": "{}", "value": 1}]} for expr in (same, near)
        ]
    series = [{"series": name, "values": values} for name, values in STEADY.items()]
    tests = {"interval": "1m", "input_series": series, "promql_expr_test": checks}
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [tests]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    run(promtool, "test", "rules", str(tmp_path / "test.yaml"))
