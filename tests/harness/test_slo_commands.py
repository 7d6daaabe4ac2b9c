"""`courtsight slo …`: every command explains itself, prints plain text or JSON, and tells findings by its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.slo_commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "slo" / "specs" / "courtsight.yaml"
NAMES = [module.__name__.rpartition(".")[2].rstrip("_") for module in COMMANDS]


@pytest.mark.parametrize("command", NAMES)
def test_each_slo_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of every command ends with examples that name it, and offers JSON."""
    with pytest.raises(SystemExit) as ended:
        main(["slo", command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"courtsight slo {command}" in shown
    assert "--json" in shown


def test_a_good_spec_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """The committed spec has no problem, and the exit status says so."""
    assert main(["slo", "validate", str(SPEC)]) == 0
    assert capsys.readouterr().out == ""


def test_problems_are_printed_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong spec exits with 2; the JSON names file, line, path, message and advice."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SPEC.read_text(encoding="utf-8").replace("objective: 99.9%", "objctive: 99.9%"), encoding="utf-8")
    assert main(["slo", "validate", str(wrong), "--json"]) == 2
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert {"slos.availability.objctive"} <= {problem["path"] for problem in problems}
    assert all(problem["line"] for problem in problems)


def test_a_folder_stands_for_the_specs_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder is read whole; one that holds no spec is wrong input, not a silent success."""
    (tmp_path / "specs").mkdir()
    assert main(["slo", "validate", str(tmp_path / "specs")]) == 2
    assert "holds no spec" in capsys.readouterr().err
    (tmp_path / "specs" / "a.yaml").write_bytes(SPEC.read_bytes())
    assert main(["slo", "validate", str(tmp_path / "specs")]) == 0
    assert "1 files" in capsys.readouterr().err


def test_the_table_has_a_line_for_each_slo(capsys: pytest.CaptureFixture[str]) -> None:
    """Id, kind, objective, window, budget in minutes and the alerts stand in one line."""
    assert main(["slo", "show", str(SPEC)]) == 0
    heads, *lines = capsys.readouterr().out.splitlines()
    assert heads.split() == ["id", "kind", "objective", "window", "budget", "alerts"]
    (line,) = [line for line in lines if line.startswith("availability")]
    assert line.split()[:6] == ["availability", "ratio", "99.9%", "30d", "43.2", "min"]
    assert "page 1h/5m" in line


def test_the_table_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs: numbers are numbers."""
    assert main(["slo", "show", str(SPEC), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = {entry["id"]: entry for entry in shown["slos"]}
    assert found["availability"]["budget_minutes"] == pytest.approx(43.2)
    assert found["availability"]["alerts"][0]["long"] == "1h"
