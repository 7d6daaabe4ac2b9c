"""`courtsight slo …`: every command explains itself, prints plain text or JSON, and tells findings by its exit status."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.slo_commands import COMMANDS
from harness.slo_commands.writing import MARK, write_folder
from slo.errors import CourtSightError

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "slo" / "specs" / "courtsight.yaml"
EXAMPLE = ROOT / "slo" / "specs" / "examples" / "shop.yaml"
SHOP = EXAMPLE.read_text(encoding="utf-8")
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
    assert "problem" not in capsys.readouterr().out


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
    assert "1 file, 0 problems, 0 warnings, 1 note" in capsys.readouterr().err


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


# --- validate ---


def test_warnings_count_only_when_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A counter without _total is told, and is a finding only under --strict."""
    spec = _written(tmp_path, SHOP.replace("http_requests_total\n      label", "http_requests\n      label"))
    assert main(["slo", "validate", str(spec)]) == 0
    said = capsys.readouterr().out
    assert "warning:" in said
    assert "is no counter by its name" in said


def test_windows_that_do_not_work_are_told_with_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At 90 % the workbook's fast page can never fire: a warning at the line of that SLO."""
    spec = _written(
        tmp_path, SHOP.replace("    objective: 90%\n", "    objective: 90%\n    alerting: {windows: standard}\n")
    )
    assert main(["slo", "validate", str(spec), "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    line = next(
        number for number, text in enumerate(spec.read_text(encoding="utf-8").splitlines(), 1) if text == "  search:"
    )
    assert {(warning["line"], warning["path"]) for warning in warnings} == {(line, "slos.search")}
    assert any("can never fire" in warning["message"] for warning in warnings)


@pytest.mark.integration
@pytest.mark.parametrize("command", [("validate",), ("generate", "-o", "rules")])
def test_promtool_has_the_last_word(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What our reading lets through and Prometheus refuses, a function of later versions, is told in promtool's words; nothing is written."""
    monkeypatch.chdir(tmp_path)
    spec = _written(tmp_path, SHOP.replace("value: max(max_over_time(", "value: max(mad_over_time("))
    assert main(["slo", "validate", str(spec)]) == 0
    assert main(["slo", *command, str(spec), "--strict"]) == 2
    said = "".join(capsys.readouterr())
    told = [line for line in said.splitlines() if "promtool refuses" in line]
    assert told
    assert all("mad_over_time" in line for line in told), "each is a problem, and no heading of promtool's"
    assert not (tmp_path / "rules").exists()


def test_a_promtool_that_fails_without_a_word_has_not_agreed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is killed, or finds no memory, says nothing: the rules are refused, for nobody has read them."""
    silent = tmp_path / "promtool"
    silent.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "promtool, version 9" && exit\nexit 137\n')
    silent.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert main(["slo", "validate", str(EXAMPLE), "--strict"]) == 2
    assert "promtool refuses: failed without a word" in capsys.readouterr().out


@pytest.mark.integration
def test_a_good_spec_is_good_for_promtool_too(tmp_path: Path) -> None:
    """The example passes every check, and is written."""
    assert main(["slo", "validate", str(EXAMPLE), "--strict"]) == 0
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(tmp_path / "rules"), "--strict", "--json"]) == 0


def test_tests_that_cannot_be_made_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where traffic for promtool cannot be made up nothing is written, and the way without is named; else every alert has its tests."""
    status = main(["slo", "generate", str(EXAMPLE), "-o", str(tmp_path / "rules"), "--with-tests"])
    if status == 0:
        assert list((tmp_path / "rules" / "tests").glob("*.yaml"))
    else:
        assert "leave --with-tests away" in capsys.readouterr().err
        assert not (tmp_path / "rules").exists()
    assert main(["slo", "generate", str(SPEC), "-o", str(tmp_path / "own"), "--with-tests"]) == 0
    assert list((tmp_path / "own" / "tests").glob("burn-*.yaml"))


# --- generate ---


def test_rules_of_another_service_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two specs into one folder would be one rule file: the second is refused, and nothing deeper is ever looked at."""
    folder = tmp_path / "rules"
    deep = folder / "alerts" / "generated"
    deep.mkdir(parents=True)
    (deep / "old.yaml").write_bytes(MARK + b" of shop by hand\n")
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 0
    other = _written(tmp_path, SHOP.replace("service: shop", "service: till"))
    assert main(["slo", "generate", str(other), "-o", str(folder)]) == 2
    assert "not generated from this service's spec: rules.yaml" in capsys.readouterr().err
    assert (deep / "old.yaml").exists()


def test_rules_and_an_export_may_share_a_folder(tmp_path: Path) -> None:
    """Neither command takes the other's file for a stray of its own."""
    folder = tmp_path / "out"
    for command in ("generate", "export", "generate"):
        assert main(["slo", command, str(EXAMPLE), "-o", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["rules.yaml", "shop.openslo.yaml"]


def test_a_namespace_that_kubernetes_refuses_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is written."""
    options = ["-o", str(tmp_path / "out"), "--format", "prometheusrule", "--namespace", "Team_A"]
    assert main(["slo", "generate", str(EXAMPLE), *options]) == 2
    assert "no namespace of Kubernetes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_spec_may_come_through_a_pipe() -> None:
    """`-` is standard input, so that `git show main:spec.yaml | courtsight slo diff - spec.yaml` needs no file."""
    command = [sys.executable, "-m", "harness.cli", "slo", "diff", "-", str(EXAMPLE)]
    done = subprocess.run(command, cwd=ROOT, input=SHOP.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"0 differences\n")


def test_rules_of_any_service_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spec of other metrics gives rules in a folder of their own; a second run changes nothing."""
    folder = tmp_path / "rules"
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 0
    first = (folder / "rules.yaml").read_bytes()
    assert b"slo:sli_error:ratio_rate5m" in first
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 0
    assert "0 changed" in capsys.readouterr().err
    assert (folder / "rules.yaml").read_bytes() == first


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What we did not generate is never overwritten or removed without --force, and stays with it unless it has our name."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "mine.yaml").write_text("groups: []\n", encoding="utf-8")
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 2
    assert "mine.yaml" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["mine.yaml"]
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder), "--force"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["mine.yaml", "rules.yaml"]


def test_files_that_nothing_generates_any_more_are_removed(tmp_path: Path) -> None:
    """A stray of ours from an earlier spec goes; half-written files never stay."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "old.yaml").write_bytes(MARK + b" of shop\n")
    changed, removed = write_folder(folder, {"new.yaml": MARK}, force=False)
    assert (changed, removed) == (("new.yaml",), ("old.yaml",))
    assert [path.name for path in folder.iterdir()] == ["new.yaml"]


def test_a_disk_that_is_full_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is written beside its place first: when that fails, what was there is as it was."""
    (tmp_path / "a.yaml").write_bytes(MARK + b" old")
    wanted = {"a.yaml": MARK + b" new", "b/c.yaml": MARK}
    monkeypatch.setattr(tempfile, "mkstemp", _full_after(1, tempfile.mkstemp))
    with pytest.raises(CourtSightError, match="No space left"):
        write_folder(tmp_path, wanted, force=False)
    assert (tmp_path / "a.yaml").read_bytes() == MARK + b" old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.yaml"]


def _full_after(count: int, real: Callable[..., tuple[int, str]]) -> Callable[..., tuple[int, str]]:
    left = iter(range(count))

    def mkstemp(**options: Any) -> tuple[int, str]:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device", "x")
        return real(**options)

    return mkstemp


def _written(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_command_line_starts_without_what_one_command_needs() -> None:
    """Neither pydantic nor YAML is imported before a command runs: every start of the program would wait for them."""
    code = "import harness.cli, sys; sys.exit('pydantic' in sys.modules or 'yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
