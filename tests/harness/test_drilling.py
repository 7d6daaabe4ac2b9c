"""`courtsight drill`: what is chosen, listed and shown."""

from __future__ import annotations

import json

import pytest

from alerts.drills.drill import load_drills
from alerts.drills.runner import Prepared, prepared
from harness.cli import main
from harness.drilling import asked_in, listing, verdict_of, waking
from slo.errors import InvalidInput
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Phase, Spec
from slo.verdict import Verdict


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load_spec(SPECS_FOLDER / "courtsight.yaml")


@pytest.fixture(scope="module")
def every(spec: Spec) -> tuple[Prepared, ...]:
    return prepared(load_drills(), spec)


def test_a_build_makes_the_quick_drill(spec: Spec) -> None:
    """A readiness run of a build waits for one drill; a launch asks for all of them."""
    assert [drill.id for drill in asked_in(Phase.BUILD, spec)] == ["database-locked"]
    assert len(asked_in(Phase.SOFT, spec)) == len(load_drills())


def test_an_alert_chooses_its_drills(every: tuple[Prepared, ...]) -> None:
    """`ALERT=` runs the drills that wait for it, and no other."""
    assert [one.drill.id for one in waking(every, "RedisDown")] == ["redis-killed"]
    assert len(waking(every, "AvailabilityBudgetBurnPage")) >= 2


def test_an_alert_that_nothing_wakes_says_why(every: tuple[Prepared, ...]) -> None:
    """An alert that no fault reaches is answered with its reason, a typo with what there is."""
    with pytest.raises(InvalidInput, match="no drill wakes 'Watchdog': it always fires"):
        waking(every, "Watchdog")
    with pytest.raises(InvalidInput, match="drills wake: AbstainedRatioHigh"):
        waking(every, "RedisDwon")


def test_the_list_tells_drill_alert_and_time(every: tuple[Prepared, ...], spec: Spec) -> None:
    """Each drill and alert stands in a line with its predicted time, and each alert without a drill with its reason."""
    lines = listing(every, spec).splitlines()
    (down,) = [line.split() for line in lines if line.startswith("service-killed") and "ServiceDown" in line]
    assert down == ["service-killed", "ServiceDown", "page", "2.0", "s", "at-once", "kill-service"]
    assert any(line.strip().startswith("Watchdog: it always fires") for line in lines)


def test_the_list_can_be_read_by_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list --json` gives drills, alerts, predictions with their parts, and what is not reached; nothing is started."""
    assert main(["drill", "--list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    locked = next(drill for drill in told["drills"] if drill["drill"] == "database-locked")
    (alert,) = locked["alerts"]
    assert sum(part["seconds"] for part in alert["parts"]) == pytest.approx(alert["predicted_seconds"], abs=0.01)
    assert "Watchdog" in told["unreached"]


def test_nothing_that_was_drilled_is_an_error() -> None:
    """No evidence at all is an ERROR, never a PASS."""
    assert verdict_of(None) is Verdict.ERROR
