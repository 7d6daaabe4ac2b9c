"""`courtsight drill`: what is chosen, listed and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.drills.drill import load_drills
from alerts.drills.runner import Prepared, prepared
from harness.cli import main
from harness.drilling import asked_in, fitting, listing, verdict_of, waking
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


def test_an_alert_chooses_its_drills() -> None:
    """`ALERT=` runs the drills that wait for it, and no other."""
    assert [one.id for one in waking(load_drills(), "RedisDown")] == ["redis-killed"]
    assert len(waking(load_drills(), "AvailabilityBudgetBurnPage")) >= 2


def test_other_windows_leave_the_other_drills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a spec whose objective asks for other windows a drill that names the old ones is listed with those there are; the others can be made."""
    path = tmp_path / "courtsight.yaml"
    own = (SPECS_FOLDER / "courtsight.yaml").read_text(encoding="utf-8")
    path.write_text(own.replace("objective: 99.9%", "objective: 95%"), encoding="utf-8")
    assert main(["drill", "--list", "--spec", str(path)]) == 0
    said = capsys.readouterr().out
    assert "database-locked.yaml: expects: no rules are AvailabilityBudgetBurnPage slo availability, long 1h" in said
    assert "its long windows are 30m, 3h" in said
    assert "redis-killed " in said
    assert main(["drill", "--list", "--spec", str(path), "--alert", "RedisDown"]) == 0
    assert "Not on this spec" not in capsys.readouterr().out
    with pytest.raises(InvalidInput, match=r"(?s)database-locked-throughout\.yaml.*provider-refuses\.yaml"):
        prepared(load_drills(), load_spec(path))


def test_a_drill_that_does_not_fit_leaves_the_others_of_its_alert(tmp_path: Path) -> None:
    """With one page pair of its own an SLO keeps the drills of that pair, and what cannot be made is told; the whole set is refused, and so is nothing at all."""
    path = tmp_path / "courtsight.yaml"
    own = (SPECS_FOLDER / "courtsight.yaml").read_text(encoding="utf-8")
    pair = "{severity: page, budget_share: 3%, long: 1h, short: 10m, for: 4m}"
    ticket = "{severity: ticket, budget_share: 10%, long: 1d, short: 2h, for: 1h}"
    mine = f"objective: 99.5%\n    alerting: {{windows: [{pair}, {ticket}]}}"
    path.write_text(own.replace("objective: 99.9%", mine, 1), encoding="utf-8")
    spec, asked = load_spec(path), waking(load_drills(), "AvailabilityBudgetBurnPage")
    ready, unfit = fitting(asked, spec, whole=False)
    assert [one.drill.id for one in ready] == ["database-locked", "provider-refuses"]
    assert len(unfit) == 1
    assert "no rules are AvailabilityBudgetBurnPage slo availability, long 6h" in str(unfit[0])
    with pytest.raises(InvalidInput, match="long 6h"):
        fitting(asked, spec, whole=True)
    with pytest.raises(InvalidInput, match="long 6h"):
        fitting([one for one in asked if one.id == "database-locked-throughout"], spec, whole=False)


def test_an_alert_that_nothing_wakes_says_why() -> None:
    """An alert that no fault reaches is answered with its reason, a typo with what there is."""
    with pytest.raises(InvalidInput, match="no drill wakes 'Watchdog': it always fires"):
        waking(load_drills(), "Watchdog")
    with pytest.raises(InvalidInput, match="drills wake: AbstainedRatioHigh"):
        waking(load_drills(), "RedisDwon")


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
