"""Whole drills on real stacks: green on our rules, red on broken ones, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alerts.drills.drill import FOLDER, Drill, load_drill
from alerts.drills.record import AGAIN, CYCLE_GATE
from alerts.drills.runner import run_drills
from alerts.model import AlertRule, Group, RuleFile
from alerts.rules import rule_file
from harness.tools import find_tools
from slo.evidence import Evidence, RunContext, write
from slo.evidence import read as read_evidence
from slo.spec import Gate, Kind, Spec
from slo.verdict import Verdict
from target.monitoring import ToolPaths

ROOT = Path(__file__).resolve().parents[3]
EXPECTED = "AvailabilityBudgetBurnPage"
PATIENCE_SECONDS = 300.0
"""How long a drill of these tests may take: they wait for what happens, on a machine that may be busy with others."""
TRIES = 4
"""Drills beside so much else that scrapes take half a second are made again, as they ask for."""

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def tools() -> ToolPaths:
    found = find_tools(ROOT)
    assert not found.missing(), "make setup fetches them"
    return found


def now() -> datetime:
    return datetime.now(UTC)


def story(evidence: Evidence) -> dict[str, Any]:
    drills: list[dict[str, Any]] = evidence.details["drills"]
    return drills[0]


def at_leisure(spec: Spec) -> Spec:
    """The spec with a limit for whole drills that a busy machine keeps too: how fast a build is, `make readiness` judges."""

    def eased(gate: Gate) -> Gate:
        asked = {
            phase: replace(requirement, contract=dict.fromkeys(requirement.contract, Decimal(PATIENCE_SECONDS)))
            for phase, requirement in gate.requirements.items()
        }
        return replace(gate, requirements=asked) if gate.id == CYCLE_GATE else gate

    return replace(spec, gates=tuple(eased(gate) for gate in spec.gates))


def told_by_the_machine(evidence: Evidence) -> bool:
    """Whether a drill itself says that it was the machine, too busy to be scraped in time, that it told of."""
    return any(AGAIN in entry["failure"] for entry in evidence.details["drills"])


def test_two_drills_side_by_side(
    drill: Drill, spec: Spec, tools: ToolPaths, context: RunContext, tmp_path: Path
) -> None:
    """A locked database and a killed service page through Prometheus and Alertmanager and resolve, each on a stack of its own."""
    both = [replace(one, deadline=PATIENCE_SECONDS) for one in (drill, load_drill(FOLDER / "service-killed.yaml"))]
    for attempt in range(TRIES):
        folder = tmp_path / str(attempt)
        evidence = run_drills(both, at_leisure(spec), tools, context, folder, on_event=lambda _: None, clock=now)
        if not told_by_the_machine(evidence):
            break
    judged = {item.gate: (item.verdict, item.reason) for item in evidence.items}
    assert judged["drill-cycle"][0] is Verdict.PASS, judged
    told = story(evidence)
    assert (
        0 < told["measured_seconds"] <= told["delivered_seconds"] < told["released_seconds"] < told["resolved_seconds"]
    )
    assert told["questions"]["during"]["failed"] > 0
    assert told["questions"]["after"]["failed"] == 0
    down, instance = evidence.details["drills"][1:]
    assert (down["trouble"], down["failure"]) == ("", "")
    assert (down["alert"], instance["alert"]) == ("ServiceDown", "InstanceDown")
    assert down["resolved_seconds"] is not None
    assert instance["measured_seconds"] is not None
    assert instance["delivered_seconds"] is None  # an outage explains it
    assert [entry["false_alarms"] for entry in evidence.details["drills"]] == [[], [], []]
    kept = read_evidence(write(evidence, tmp_path))
    assert kept.kind is Kind.DRILL
    assert sorted(path.name for path in (folder / drill.id).iterdir()) == ["logs"]


def altered(change: Callable[[AlertRule], AlertRule]) -> Callable[[Spec, int], RuleFile]:
    """Rules in which the pages of availability were edited by somebody."""

    def changed(group: Group) -> Group:
        rules = tuple(
            change(rule) if isinstance(rule, AlertRule) and rule.alert == EXPECTED else rule for rule in group.rules
        )
        return replace(group, rules=rules)

    def make(spec: Spec, scale: int) -> RuleFile:
        made = rule_file(spec, scale)
        return replace(made, groups=tuple(changed(group) for group in made.groups))

    return make


def deafened(rule: AlertRule) -> AlertRule:
    """A threshold over 100 %: nothing can fire it."""
    return replace(rule, expr=rule.expr.replace("(14.4 *", "(14400 *").replace("(6 *", "(6000 *"))


def test_an_alert_that_cannot_fire_fails_the_drill(
    drill: Drill, spec: Spec, tools: ToolPaths, context: RunContext, tmp_path: Path
) -> None:
    """Rules edited so that the page cannot fire turn the drill red, though everything else is the same."""
    short = replace(drill, deadline=10.0, warm_up=2.0)
    evidence = run_drills(
        (short,), spec, tools, context, tmp_path, on_event=lambda _: None, clock=now, rules=altered(deafened)
    )
    item = evidence.items[0]
    assert item.verdict is Verdict.FAIL
    assert "did not fire" in item.reason
    assert story(evidence)["questions"]["during"]["failed"] > 0


SCRIPT = """
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from alerts.drills.drill import FOLDER, load_drill
from alerts.drills.runner import run_drills
from harness.tools import find_tools
from slo.evidence import RunContext
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Engine

signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite that was started in the background ignores it
spec = load_spec(SPECS_FOLDER / "courtsight.yaml")
context = RunContext("20261120T211700Z-1a2b3c4", "http://t", "courtsight", Engine.EXTRACTIVE, "1a", False, {}, 1)
run_drills([load_drill(FOLDER / "database-locked.yaml")], spec, find_tools(Path.cwd()), context, Path(sys.argv[1]),
           on_event=lambda event: print(event.text, flush=True), clock=lambda: datetime.now(UTC))
"""


def test_an_interrupt_leaves_nothing_running(drill: Drill, tmp_path: Path) -> None:
    """Ctrl-C in the middle of the live questions ends every process of the drill and removes its secrets."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = []
        for line in running.stdout:
            told.append(line.strip())
            if "live questions" in line:
                children = children_of(running.pid)
                running.send_signal(signal.SIGINT)
                break
        running.communicate(timeout=PATIENCE_SECONDS)
    assert len(children) == 3, told
    assert [pid for pid in children if exists(pid)] == []
    assert [path.name for path in (tmp_path / drill.id).iterdir()] == ["logs"]
    assert running.returncode != 0


def children_of(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task")
    if tasks.is_dir():  # each thread has children of its own
        return [int(word) for listed in tasks.glob("*/children") for word in listed.read_text().split()]
    table = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in table.splitlines()]
    return [int(pid) for pid, above in pairs if int(above) == parent]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
