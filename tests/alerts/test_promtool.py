"""Prometheus' own tools on what is generated, and on what somebody might break in it.

That every generated test passes is what `courtsight check` asks promtool, in `make lint`; it takes most of a minute and is not asked twice.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from alerts.alertmanager import alertmanager_config, with_plain_addresses
from alerts.emit import rules_yaml
from alerts.model import RuleFile
from alerts.rules import rule_file
from alerts.tests_for import promtool_tests
from slo.spec import Spec

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "alerts" / "generated"
BY_HAND = Path(__file__).parent / "promtool"
SECONDS = 600

pytestmark = pytest.mark.integration


def run(tool: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(tool), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def in_a_copy(folder: Path, rules: bytes, tests: Path) -> Path:
    """The hand-written tests beside other rules, at the same relative place."""
    generated = folder / "alerts" / "generated"
    generated.mkdir(parents=True)
    (generated / "rules.yaml").write_bytes(rules)
    copy = folder / "tests" / "alerts" / "promtool" / tests.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(tests.read_bytes())
    return copy


def rules_of(spec: Spec, *ids: str) -> bytes:
    """The rules of a few SLOs: promtool evaluates all that there are at every step."""
    return rules_yaml(rule_file(replace(spec, slos=tuple(spec.slo(slo_id) for slo_id in ids))))


def test_prometheus_accepts_the_rules(promtool: Path, rules: RuleFile) -> None:
    """`promtool check rules` finds as many rules as were made, and no fault."""
    done = run(promtool, "check", "rules", GENERATED / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(list(rules.rules()))} rules found" in done.stdout


def test_prometheus_accepts_rules_at_a_drills_pace(promtool: Path, spec: Spec, tmp_path: Path) -> None:
    """Also durations of a second and of odd milliseconds are such that Prometheus reads them."""
    for scale in (7, 60):
        path = tmp_path / f"rules-{scale}.yaml"
        path.write_bytes(rules_yaml(rule_file(spec, scale=scale)))
        assert run(promtool, "check", "rules", path).returncode == 0


def committed(*prefixes: str) -> bytes:
    """The committed rules of the groups whose names begin so: promtool evaluates all that there are at every step."""
    whole = yaml.load((GENERATED / "rules.yaml").read_bytes(), yaml.CSafeLoader)
    groups = [group for group in whole["groups"] if group["name"].startswith(prefixes)]
    assert groups
    return yaml.safe_dump({"groups": groups}, sort_keys=False).encode()


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("availability.yaml", ("courtsight-service", "courtsight-availability")),
        ("latency.yaml", ("courtsight-",)),
        ("long-windows.yaml", ("courtsight-availability",)),
    ],
)
def test_promtool_tests_written_by_hand_pass(
    promtool: Path, tmp_path: Path, name: str, groups: tuple[str, ...]
) -> None:
    """The workbook's and the requirements' numbers, typed by hand, hold for the committed rules."""
    done = run(promtool, "test", "rules", in_a_copy(tmp_path, committed(*groups), BY_HAND / name))
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_test_written_by_hand_is_left_out() -> None:
    """Every file of the folder is one of those that run."""
    assert {path.name for path in BY_HAND.iterdir()} == {"availability.yaml", "latency.yaml", "long-windows.yaml"}


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        ("(14.4 * 0.001)", "(15.1 * 0.001)"),
        ("(14.4 * 0.001)", "(13.9 * 0.001)"),
        ("(6 * 0.001)", "(5.8 * 0.001)"),
        ("(6 * 0.001)", "(6.2 * 0.001)"),
        ("(3 * 0.001)", "(3.2 * 0.001)"),
        ("* 0.001)", "* 0.01)"),
        ("[1h]", "[2h]"),
        ("        for: 2m", "        for: 5m"),
        ("severity: page", "severity: ticket"),
        ("long_window: 1h", "long_window: 60m"),
        ("timeout|error", "error"),
        ('outcome=~"ok|abstained|refused|timeout|error"', 'outcome=~".+"'),
        ("and ignoring (sloth_window)", "unless ignoring (sloth_window)"),
        ("ratio_rate5m{", "ratio_rate1h{"),
    ],
)
def test_a_changed_rule_fails_the_tests_written_by_hand(
    promtool: Path, spec: Spec, tmp_path: Path, found: str, changed: str
) -> None:
    """A threshold, a window, a `for`, a label or an outcome that differs from the workbook's does not go unnoticed."""
    original = rules_of(spec, "availability")
    broken = original.replace(found.encode(), changed.encode())
    assert broken != original
    done = run(promtool, "test", "rules", in_a_copy(tmp_path, broken, BY_HAND / "availability.yaml"))
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr


def test_the_unchanged_rules_of_one_slo_pass_them(promtool: Path, spec: Spec, tmp_path: Path) -> None:
    """The copy in which rules are broken passes while they are whole, so that a failure there means the break."""
    done = run(
        promtool, "test", "rules", in_a_copy(tmp_path, rules_of(spec, "availability"), BY_HAND / "availability.yaml")
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_latency_limit_fails_the_tests_written_by_hand(promtool: Path, spec: Spec, tmp_path: Path) -> None:
    """A limit of 10 s for judges instead of 8 s is noticed."""
    ids = [slo.id for slo in spec.slos]
    original = rules_of(spec, *ids)
    broken = original.replace(rb'role="judge",le=~"8(\\.0)?"', rb'role="judge",le=~"10(\\.0)?"')
    assert broken != original
    assert run(promtool, "test", "rules", in_a_copy(tmp_path, broken, BY_HAND / "latency.yaml")).returncode != 0


def test_alerts_out_of_reach_keep_silent(promtool: Path, spec: Spec, tmp_path: Path) -> None:
    """At an objective of 90 % the generated tests say that the fast page never fires, and Prometheus agrees."""
    loose = replace(spec, slos=(replace(spec.slo("availability"), objective=Decimal("0.9")),))
    (tmp_path / "rules.yaml").write_bytes(rules_yaml(rule_file(loose)))
    (tmp_path / "tests").mkdir()
    fast = tmp_path / "tests" / "burn-1m.yaml"
    fast.write_bytes(promtool_tests(loose)["burn-1m.yaml"])
    done = run(promtool, "test", "rules", fast)
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_slos_on_the_same_counters_are_proven_apart(promtool: Path, spec: Spec, tmp_path: Path) -> None:
    """A stricter twin of an SLO gets timelines of its own, and all of them pass."""
    slo = spec.slo("availability")
    twins = replace(spec, slos=(slo, replace(slo, id="strict", name="strict", objective=Decimal("0.9995"))))
    (tmp_path / "rules.yaml").write_bytes(rules_yaml(rule_file(twins)))
    (tmp_path / "tests").mkdir()
    fast = tmp_path / "tests" / "burn-1m.yaml"
    fast.write_bytes(promtool_tests(twins)["burn-1m.yaml"])
    done = run(promtool, "test", "rules", fast)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_accepts_the_configuration(amtool: Path, spec: Spec, tmp_path: Path) -> None:
    """`amtool check-config` accepts the committed file, with plain addresses for versions that know no `url_file`."""
    path = tmp_path / "alertmanager.yaml"
    path.write_bytes(with_plain_addresses((GENERATED / "alertmanager.yaml").read_bytes()))
    done = run(amtool, "check-config", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 receivers" in done.stdout
    path.write_bytes(alertmanager_config(spec, webhook_url="http://127.0.0.1:9", scale=60))
    assert run(amtool, "check-config", path).returncode == 0
