"""Drills as data: strict, and fitting the spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.drills.drill import FOLDER, Fault, load_drill, load_drills
from alerts.drills.faults import FAULTS
from alerts.drills.record import gate_of
from alerts.drills.runner import prepared, total_seconds
from slo.errors import InvalidInput
from slo.load import SPECS_FOLDER, load_spec

TEXT = (FOLDER / "database-locked.yaml").read_text(encoding="utf-8")


def written(folder: Path, text: str, name: str = "database-locked.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_locked_database_is_drilled_as_required() -> None:
    """The drill locks the database, waits for the page of availability, and gives the cycle the required 75 seconds."""
    drill = next(drill for drill in load_drills() if drill.id == "database-locked")
    assert (drill.fault, [wanted.alert for wanted in drill.expects]) == (
        "lock-database",
        ["AvailabilityBudgetBurnPage"],
    )
    assert drill.quick
    assert (drill.deadline, drill.scale, drill.baseline, drill.warm_up) == (75.0, 60, 4500.0, 10.0)


def test_enough_is_asked_while_the_database_is_locked() -> None:
    """Ten questions a second by three roles, each given up later than the service gives up its database."""
    drill = next(drill for drill in load_drills() if drill.id == "database-locked")
    assert (drill.expects[0].after, drill.traffic.rate, drill.traffic.timeout) == (1.0, 10, 5.0)
    assert drill.stage.settings == {"COURTSIGHT_DATABASE_TIMEOUT_SECONDS": "1"}
    assert drill.traffic.roles == ("judge", "lawyer", "public")
    assert len(set(drill.traffic.questions)) == 6


def test_the_baseline_outlasts_every_window() -> None:
    """Synthetic traffic reaches back further than the longest scaled window of any alert."""
    longest = max(window.long for slo in load_spec(SPECS_FOLDER / "courtsight.yaml").slos for window in slo.windows)
    assert all(drill.baseline > longest / drill.scale for drill in load_drills())


def test_every_gate_of_the_spec_has_its_drill() -> None:
    """What the spec asks to be drilled is drilled, each by one gate, and the quick ones by the one that a build asks for."""
    spec, drills = load_spec(SPECS_FOLDER / "courtsight.yaml"), load_drills()
    asked = {
        next(iter(dict(cell).values()))
        for name in ("drill-cycle", "drill-prediction")
        for cell in spec.gate(name).cells
    }
    assert asked == {drill.id for drill in drills if not drill.quiet}
    judging = {drill.id: found[0].id for drill in drills if (found := gate_of(drill, spec)) is not None}
    assert {name for name, gate in judging.items() if gate == "drill-cycle"} == {
        drill.id for drill in drills if drill.quick
    }


def test_every_fault_can_be_done() -> None:
    """A drill may name exactly the faults that can be made."""
    assert set(Fault) == set(FAULTS)


def test_the_quiet_phase_is_as_long_as_the_longest_drill() -> None:
    """False alarms are listened for as long as any fault lasts."""
    spec = load_spec(SPECS_FOLDER / "courtsight.yaml")
    ready = prepared(load_drills(), spec)
    longest = max(wanted.predicted for one in ready for wanted in one.wanted)
    assert max(one.drill.held for one in ready if one.drill.quiet) >= longest


def test_all_drills_are_done_in_half_an_hour() -> None:
    """As a rule: two side by side, staging included."""
    assert total_seconds(prepared(load_drills(), load_spec(SPECS_FOLDER / "courtsight.yaml"))) <= 30 * 60


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("deadline:", "dedline:", "did you mean 'deadline'"),
        ("deadline: 75s", "deadline: 75", "with its unit"),
        ("fault: lock-database", "fault: unplug-database", "known: nothing, lock-database"),
        ("    long: 1h", "    long: 1 hora", "1 hora"),
        ("    slo: availability\n", "", "a burn rate has both"),
        ("    after: 1s", "    after: 1s\n    delivery: pigeon", "known: at-once, held, silenced"),
        ("    after: 1s", "    crossing: {limit: 5%, level: 5%, window: 5m}", "level lies above limit"),
        ("    after: 1s", "    share: half", "neither a percent nor a number"),
        ("stage:", "stage:\n  database: oracle", "known: sqlite, postgresql"),
        ("drill: database-locked", "drill: database-open", "the same name"),
        ("rate: 10", "rate: 0", "greater than or equal to 1"),
    ],
)
def test_a_typo_is_an_error_with_its_mend(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A wrong key, unit, fault, severity, name or rate is refused, and the message says what would be right."""
    assert old in TEXT
    with pytest.raises(InvalidInput, match=said):
        load_drill(written(tmp_path, TEXT.replace(old, new)))


def test_no_drill_is_an_error(tmp_path: Path) -> None:
    """A folder without drills proves nothing, and is refused."""
    with pytest.raises(InvalidInput, match="holds no drill"):
        load_drills(tmp_path)
