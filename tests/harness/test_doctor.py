"""The doctor names what is wrong, each with its mend, and is content with a healthy machine."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness import doctor
from harness.doctor import Facts, Level, diagnose
from harness.project import Project

HEALTHY = Facts(
    python=(3, 11),
    venv_ready=True,
    locked={"one": frozenset({"1.0"}), "two": frozenset({"2.0", "2.1"})},
    installed={"one": "1.0", "two": "2.1", "another": "9"},
    tools={"prometheus": "2.42.0", "promtool": "2.42.0", "alertmanager": "0.25.0", "amtool": "0.25.0"},
    free_bytes=5_000_000_000,
    loopback=None,
    serve_port_free=True,
    now=2_000_000_000.0,
    committed_at=1_900_000_000.0,
    leftovers={},
    drift=(),
)


def test_a_healthy_machine_needs_nothing() -> None:
    """On a healthy machine every finding is ok and asks for nothing."""
    findings = diagnose(HEALTHY)
    assert {finding.level for finding in findings} == {Level.OK}
    assert all(finding.mend == "" for finding in findings)


@pytest.mark.parametrize(
    ("change", "name", "mend"),
    [
        ({"python": (3, 10)}, "python", "PYTHON=python3.11"),
        ({"venv_ready": False}, "environment", "make setup"),
        ({"installed": {"one": "1.1", "two": "2.0"}}, "packages", "make setup"),
        ({"installed": {"two": "2.0"}}, "packages", "make setup"),
        ({"tools": {"promtool": None}}, "promtool", "make setup"),
        ({"free_bytes": 1}, "disk", "evidence/"),
        ({"loopback": "cannot listen"}, "loopback", "127.0.0.1"),
        ({"now": 1_800_000_000.0}, "clock", "set the clock"),
        ({"leftovers": {4321: "prometheus --config.file=x"}}, "leftover process", "kill 4321"),
        ({"drift": ("alerts/generated/rules.yaml is missing",)}, "generated files", "make generate"),
    ],
)
def test_each_fault_is_named_with_its_mend(change: dict[str, object], name: str, mend: str) -> None:
    """One thing wrong is one finding that is wrong, by its name, and its mend says what to do."""
    wrong = [finding for finding in diagnose(replace(HEALTHY, **change)) if finding.level is not Level.OK]
    assert [(finding.name, finding.level) for finding in wrong] == [(name, Level.WRONG)]
    assert mend in wrong[0].mend


def test_a_taken_port_is_only_a_note() -> None:
    """The port of `make serve` being taken asks for a look, since every other target takes free ports."""
    noted = [finding for finding in diagnose(replace(HEALTHY, serve_port_free=False)) if finding.level is not Level.OK]
    assert [(finding.name, finding.level) for finding in noted] == [("port", Level.NOTE)]
    assert "PORT=" in noted[0].mend


def test_without_git_the_clock_is_not_doubted() -> None:
    """Outside a git checkout there is nothing to hold the clock against."""
    assert {finding.level for finding in diagnose(replace(HEALTHY, committed_at=None))} == {Level.OK}


def test_locked_versions_are_read_with_their_alternatives() -> None:
    """A package may have each version that the lock gives where its marker cannot be told; names compare as PEP 503 says."""
    text = "A_b.c==1.0 ; x \\\n    --hash=sha256:0==0\nnumpy==2.4.6 ; a\nnumpy==2.5.5 ; b\nplain==3\n"
    found = doctor.locked_versions(text, {})
    assert found == {
        "a-b-c": frozenset({"1.0"}),
        "numpy": frozenset({"2.4.6", "2.5.5"}),
        "plain": frozenset({"3"}),
    }


@pytest.mark.parametrize(
    ("python", "system", "wanted"),
    [
        ("3.11.2", "linux", {"timeout": {"5.0.1"}, "numpy": {"2.4.6"}, "fast": {"0.20"}}),
        ("3.11.7", "linux", {"numpy": {"2.4.6"}, "fast": {"0.20"}}),
        ("3.12.0", "darwin", {"numpy": {"2.5.5"}, "fast": {"0.20"}}),
        ("3.13.10", "win32", {}),
    ],
)
def test_a_package_for_other_pythons_is_not_missed(python: str, system: str, wanted: dict[str, set[str]]) -> None:
    """What the lock holds for an older Python or another system was rightly left out, and each Python has its own versions."""

    def line(package: str, condition: str) -> str:
        both = [f"({condition} and sys_platform == '{one}')" for one in ("darwin", "linux")]
        return f"{package} ; {' or '.join(both)} \\\n    --hash=sha256:00\n"

    text = (
        line("timeout==5.0.1", "python_full_version < '3.11.3'")
        + line("numpy==2.4.6", "python_full_version < '3.12'")
        + line("numpy==2.5.5", "python_full_version >= '3.12'")
        + line("fast==0.20", "python_full_version < '3.14'")
    )
    found = doctor.locked_versions(text, {"python_full_version": python, "sys_platform": system})
    assert {name: set(versions) for name, versions in found.items()} == wanted


def put_process(folder: Path, pid: int, command: str, parent: int) -> None:
    """A process as the process file system shows it."""
    entry = folder / str(pid)
    entry.mkdir(parents=True)
    (entry / "cmdline").write_bytes(command.replace(" ", "\0").encode() + b"\0")
    (entry / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n", encoding="utf-8")


def test_only_our_own_orphans_are_leftovers(tmp_path: Path) -> None:
    """A stack process of this checkout under init is a leftover; one with a harness, of another checkout, or no stack is not."""
    root = tmp_path / "checkout"
    processes = tmp_path / "proc"
    put_process(processes, 11, f"{root}/.cache/tools/usr/bin/prometheus --log.level=warn", parent=1)
    put_process(processes, 12, f"{root}/.venv/bin/python -m service serve", parent=1)
    put_process(processes, 13, f"{root}/.venv/bin/python -m service serve", parent=99)
    put_process(processes, 14, f"{root}-two/.venv/bin/python -m service serve", parent=1)
    put_process(processes, 15, f"vim {root}/Makefile", parent=1)
    (processes / "16").mkdir()
    assert list(doctor.leftover_processes(root, processes)) == [11, 12]


def test_without_a_process_file_system_nothing_is_claimed(tmp_path: Path) -> None:
    """Where processes cannot be listed, no leftover is found and nothing fails."""
    assert doctor.leftover_processes(tmp_path, tmp_path / "absent") == {}


def test_the_command_tells_by_lines_and_by_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both forms hold every finding; the exit status is 1 exactly when something is wrong."""
    monkeypatch.setattr(doctor, "gather", lambda _: HEALTHY)
    assert doctor.doctor_command(argparse.Namespace(json=False)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(diagnose(HEALTHY))
    monkeypatch.setattr(doctor, "gather", lambda _: replace(HEALTHY, venv_ready=False))
    assert doctor.doctor_command(argparse.Namespace(json=True)) == 1
    found = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in found if entry["level"] == "wrong"] == ["environment"]


def test_this_machine_can_be_looked_at() -> None:
    """Gathering the facts here works, sees the packages that run this test, and uses the clock it is given."""
    facts = doctor.gather(Project(), clock=lambda: 12.0)
    assert facts.now == 12.0
    assert facts.installed["pytest"] in facts.locked["pytest"]
    assert facts.free_bytes > 0
    assert facts.leftovers == {}


def test_a_spec_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    """A broken spec shows as a finding on the generated files, with its file and place, rather than as a crash."""
    spec = tmp_path / "slo" / "specs" / "courtsight.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text("objctive: 99.5\n", encoding="utf-8")
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    facts = doctor.gather(Project(root=tmp_path))
    assert facts.drift
    assert any("courtsight.yaml" in line for line in facts.drift)
