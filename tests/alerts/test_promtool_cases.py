"""The generated promtool tests as such: which files and cases there are, and which SLOs share a timeline."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.absence import reach
from alerts.generate import FOLDER
from alerts.model import RuleFile
from alerts.subjects import subject_of
from alerts.tests_for import promtool_tests, side_by_side, step_for
from slo.load import SPECS_FOLDER, load_spec, load_windows
from slo.quantities import parse_duration
from slo.spec import Spec

ROOT = Path(__file__).resolve().parents[2]
STANDARD = load_windows()
PROOF = load_spec(SPECS_FOLDER / "proof.yaml")


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    """The generated test files of the spec's rules as they are committed; the catalogue's have tests of their own."""
    paths = [path for path in (ROOT / FOLDER / "tests").glob("*.yaml") if not path.name.startswith("catalogue-")]
    return {path.name: yaml.load(path.read_bytes(), yaml.CSafeLoader) for path in paths}


def expectations(files: dict[str, Any]) -> list[dict[str, Any]]:
    return [look for file in files.values() for test in file["tests"] for look in test["promql_expr_test"]]


def test_there_is_a_file_for_each_evaluation_step(files: dict[str, Any]) -> None:
    """An hour is evaluated every minute, a day every five, three days every ten."""
    assert {name: file["evaluation_interval"] for name, file in files.items()} == {
        "service.yaml": "1m",
        "burn-1m.yaml": "1m",
        "burn-5m.yaml": "5m",
        "burn-10m.yaml": "10m",
        "outage-10m.yaml": "10m",
        "recorded-30m.yaml": "30m",
        "recorded-2h.yaml": "2h",
    }


def test_every_file_tests_the_committed_rules(files: dict[str, Any]) -> None:
    """Promtool reads the rules beside the tests, and no other ones."""
    assert {tuple(file["rule_files"]) for file in files.values()} == {("../rules.yaml",)}


def test_every_burn_rate_alert_must_fire_somewhere_and_be_silent_somewhere(
    files: dict[str, Any], rules: RuleFile
) -> None:
    """For each SLO and pair of windows there is a look that expects the alert, and one that expects silence."""
    loud, silent = set(), set()
    for look in expectations(files):
        (loud if look["exp_samples"] else silent).add(look["expr"])
    for rule in rules.alerts():
        labels = dict(rule.labels)
        if "burn_rate_factor" in labels:
            parts = (
                f'alertname="{rule.alert}"',
                f'long_window="{labels["long_window"]}"',
                f'sloth_id="{labels["sloth_id"]}"',
            )
            for found in (loud, silent):
                assert any(all(part in expr for part in parts) for expr in found), (rule.alert, labels)


def test_an_alert_that_fires_is_expected_with_all_its_labels(files: dict[str, Any], rules: RuleFile) -> None:
    """What the tests expect carries severity, windows, factor and owner: a lost label fails them."""
    burn = [look for look in expectations(files) if look["exp_samples"] and 'long_window="1h"' in look["expr"]]
    assert len(burn) >= 2
    for look in burn:
        labels = look["exp_samples"][0]["labels"]
        wanted = (
            "burn_rate_factor",
            "owner",
            "severity",
            "short_window",
            "sloth_service",
            "sloth_severity",
            "sloth_slo",
        )
        assert all(f"{name}=" in labels for name in wanted)
    assert len(rules.alerts()) > len(burn)


def test_every_absence_alert_is_tested(files: dict[str, Any]) -> None:
    """Down, unwatched, one instance, each SLI that is missing or vanishes, and the watchdog are all expected to fire."""
    loud = [look["expr"] for look in expectations({"service": files["service.yaml"]}) if look["exp_samples"]]
    for alert in ("ServiceDown", "ServiceUnwatched", "InstanceDown", "Watchdog"):
        assert sum(alert in expr for expr in loud) == 1
    assert sum("SLISeriesAbsent" in expr for expr in loud) == 2 * 11


def test_only_slos_with_counters_of_their_own_share_a_timeline(spec: Spec) -> None:
    """Two SLOs on the same counters go into separate timelines, as each needs traffic of its own."""
    availability = spec.slo("availability")
    twin = subject_of(spec, replace(availability, id="twin", name="twin"))
    first, last = subject_of(spec, availability), subject_of(spec, spec.slo("ttft"))
    assert side_by_side((first, twin, last)) == ((first, last), (twin,))
    assert len(side_by_side(subject_of(spec, slo) for slo in spec.slos)) == 1


@pytest.mark.parametrize(("long", "step"), [(3600, 60), (21600, 300), (86400, 300), (259200, 600)])
def test_longer_windows_are_looked_at_less_often(spec: Spec, long: int, step: int) -> None:
    """The step follows the long window."""
    window = next(window for window in STANDARD if window.long == long)
    assert step_for(window) == step


def test_an_alert_out_of_reach_is_tested_to_keep_silent(spec: Spec) -> None:
    """At 90 % the fast page has no case in which it fires, and one that lasts an hour of total outage."""
    slo = replace(spec.slo("availability"), objective=Decimal("0.9"))
    files = promtool_tests(replace(spec, slos=(slo,)))
    tests = yaml.load(files["burn-1m.yaml"], yaml.CSafeLoader)["tests"]
    titles = [test["name"] for test in tests]
    assert "1h and 5m: factor x error budget reaches 100 %, so that it never fires" in titles
    fast = [look for test in tests for look in test["promql_expr_test"] if "firing" in look["expr"]]
    assert all(not look["exp_samples"] for look in fast)


def test_every_look_falls_on_an_evaluation(files: dict[str, Any]) -> None:
    """Looks are taken at multiples of the file's step, where alerts have just been evaluated."""
    for file in files.values():
        step = parse_duration(file["evaluation_interval"])
        for test in file["tests"]:
            assert all(parse_duration(look["eval_time"]) % step == 0 for look in test["promql_expr_test"]), test["name"]


@pytest.mark.parametrize(("slo", "seconds"), [("answered", 0), ("in-time", 0), ("fresh", 60), ("reached", 300)])
def test_series_that_vanish_are_missed_when_their_range_is_empty(slo: str, seconds: int) -> None:
    """A selector misses its series at once, an expression over a range when the range holds nothing of them."""
    assert reach(PROOF.slo(slo)) == seconds
