"""The command line: every failure is a line and an exit status, never a traceback for a user's mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import build_parser, main
from slo.spec import Phase
from slo.verdict import EXIT_READER_LEFT

ROOT = Path(__file__).parents[2]

COMMANDS = (
    "readiness",
    "quick",
    "uat",
    "bench",
    "loadtest",
    "drill",
    "generate",
    "check",
    "prove",
    "dashboards-import",
    "report",
    "serve",
    "doctor",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of every command ends with examples that name it."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert f"courtsight {command}" in shown


def test_the_phase_is_build_unless_said() -> None:
    """A readiness decision is for the build by default."""
    assert build_parser().parse_args(["readiness"]).phase is Phase.BUILD
    assert build_parser().parse_args(["readiness", "--phase", "public"]).phase is Phase.PUBLIC


@pytest.mark.parametrize(
    "arguments",
    [["readiness", "--phase", "someday"], ["serve", "--port", "0"], ["serve", "--port", "70000"], ["nonsense"], []],
)
def test_wrong_words_are_usage_errors(arguments: list[str]) -> None:
    """An unknown phase, port or command exits with 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_typo_in_the_spec_is_two_with_file_path_and_nearest_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped key of a spec names where it stands and what was probably meant."""
    original = (Path(__file__).parents[2] / "slo/specs/courtsight.yaml").read_text()
    spec = tmp_path / "typo.yaml"
    spec.write_text(original.replace("objective: 99.9%", "objctive: 99.9%"))
    assert main(["generate", "--check", "--spec", str(spec)]) == 2
    said = capsys.readouterr().err
    assert "typo.yaml:" in said
    assert "slos.availability.objctive" in said
    assert "did you mean 'objective'" in said


def test_a_missing_spec_is_two(capsys: pytest.CaptureFixture[str]) -> None:
    """A deployment without a spec is a usage error that names the file."""
    assert main(["check", "--deployment", "nowhere"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


@pytest.mark.integration
def test_a_reader_who_leaves_is_no_error_of_ours() -> None:
    """`courtsight … | head` ends quietly, with the status that a shell gives a broken pipe."""
    command = [sys.executable, "-m", "harness.cli", "slo", "explain", "slo/specs/courtsight.yaml"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (EXIT_READER_LEFT, "")
