"""Drills as data: strict, and fitting the spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.drills.drill import FOLDER, load_drill, load_drills
from alerts.drills.stage import FAULTS
from slo.errors import InvalidInput
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Severity

TEXT = (FOLDER / "database-locked.yaml").read_text(encoding="utf-8")


def written(folder: Path, text: str, name: str = "database-locked.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_locked_database_is_drilled_as_required() -> None:
    """The drill locks the database, waits for the page of availability, and gives the cycle the required 75 seconds."""
    drill = next(drill for drill in load_drills() if drill.id == "database-locked")
    assert (drill.fault, drill.slo, drill.severity) == ("lock-database", "availability", Severity.PAGE)
    assert (drill.deadline, drill.scale, drill.baseline, drill.warm_up) == (75.0, 60, 4500.0, 10.0)


def test_enough_is_asked_while_the_database_is_locked() -> None:
    """Ten questions a second by three roles, each given up later than the service gives up its database."""
    drill = next(drill for drill in load_drills() if drill.id == "database-locked")
    assert (drill.database_timeout, drill.traffic.rate, drill.traffic.timeout) == (1.0, 10, 5.0)
    assert drill.traffic.roles == ("judge", "lawyer", "public")
    assert len(set(drill.traffic.questions)) == 6


def test_the_baseline_outlasts_every_window() -> None:
    """Synthetic traffic reaches back further than the longest scaled window of any alert."""
    longest = max(window.long for slo in load_spec(SPECS_FOLDER / "courtsight.yaml").slos for window in slo.windows)
    assert all(drill.baseline > longest / drill.scale for drill in load_drills())


def test_every_gate_of_the_spec_has_its_drill() -> None:
    """What the spec asks to be drilled is drilled, and nothing else."""
    cells = load_spec(SPECS_FOLDER / "courtsight.yaml").gate("drill-cycle").cells
    assert {dict(cell)["drill"] for cell in cells} == {drill.id for drill in load_drills()}


def test_every_fault_can_be_done() -> None:
    """A drill may name exactly the faults that the stage can play."""
    from alerts.drills.drill import FAULTS as NAMED

    assert set(NAMED) == set(FAULTS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("deadline:", "dedline:", "did you mean 'deadline'"),
        ("deadline: 75s", "deadline: 75", "with its unit"),
        ("fault: lock-database", "fault: unplug-database", "known: lock-database"),
        ("severity: page", "severity: scream", "known: page, ticket"),
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
