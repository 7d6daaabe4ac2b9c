"""The makefile explains itself, passes options on, and installs what it lacks first."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = (
    *(
        "readiness",
        "quick",
        "report",
        "uat",
        "bench",
        "loadtest",
        "drill",
        "drill-storage",
        "bench-micro",
        "retrieval-eval",
        "confidence-eval",
        "decline-eval",
        "fuzz-api",
        "security-mutations",
        "sbom",
        "ingest",
        "generate",
        "check",
        "prove",
        "dashboards-import",
    ),
    *("serve", "simulator", "doctor", "test", "lint", "format", "setup", "clean"),
)


PARTS = (("test",), ("integration", "e2e"))
"""What `make test` runs, and the parts of its last one."""


def make(*words: str) -> str:
    """What make prints, with the caller's variables and flags kept out."""
    program = shutil.which("make")
    assert program is not None
    environment = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run([program, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def text() -> str:
    """The makefile."""
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def test_make_alone_explains_every_target() -> None:
    """Without a target every documented one is listed, with one line of at most 120 characters, and nothing is installed."""
    lines = make().splitlines()
    explained = {line.split()[0] for line in lines if re.match(r"  [a-z-]+ +\S", line)}
    assert explained == set(DOCUMENTED)
    assert all(len(line) <= 120 for line in lines)
    assert "bootstrap" not in "\n".join(lines)


def test_no_target_is_hidden(text: str) -> None:
    """Each target is documented, or is one of the few parts of another."""
    targets = set(re.findall(r"^([a-z0-9-]+):(?!=)", text, re.MULTILINE))
    assert targets - set(DOCUMENTED) == {"help", "ready", "unit", "servers", "integration", "e2e"}
    phony = re.search(r"\.PHONY: ((?:.*\\\n)*.*)", text)
    assert phony is not None
    assert set(phony.group(1).replace("\\", " ").split()) == targets


@pytest.mark.parametrize("target", sorted(set(DOCUMENTED) - {"clean"}))
def test_every_target_installs_what_it_lacks_first(target: str) -> None:
    """The first command of every target but clean is the bootstrap by the system's Python, in isolation."""
    assert make("-n", target).splitlines()[0].startswith("python3 -I harness/bootstrap.py || ")


def test_a_python_that_is_not_there_is_told_with_the_mend() -> None:
    """A machine without Python learns which one to install and how to name another, and the status stays that of a missing command."""
    program = shutil.which("make")
    assert program is not None
    words = [program, "ready", "PYTHON=python-of-nobody"]
    done = subprocess.run(words, cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "there is no python-of-nobody: install Python 3.11" in done.stderr
    assert "Error 127" in done.stderr


@pytest.mark.parametrize(
    ("target", "given", "asked"),
    [
        ("retrieval-eval", (), "CORPUS= QUERIES= QRELS="),
        ("confidence-eval", ("QRELS=q.tsv",), "CORPUS= QUERIES="),
        ("decline-eval", ("CORPUS=c.jsonl",), "QUERIES="),
        ("decline-eval", ("CORPUS=c.jsonl", "QUERIES=q.jsonl"), ""),
    ],
)
def test_a_measurement_asks_for_what_it_was_not_given(target: str, given: tuple[str, ...], asked: str) -> None:
    """Each lacking variable is named by its name in make, with a page that is there; with all of them nothing is asked."""
    printed = make("-n", target, *given)
    found = re.search(r"make \S+: give (.*) too; (docs/\S+\.md) says", printed)
    assert (found is not None) is bool(asked)
    if found is not None:
        assert found[1] == asked
        assert (ROOT / found[2]).is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("readiness", "PHASE=public"), "courtsight readiness --phase 'public'"),
        (("readiness", "PORT=8123"), "--port '8123'"),
        (("uat", "TARGET=https://chat.example"), "courtsight uat --target 'https://chat.example'"),
        (("uat", "ENGINE=simulated"), "courtsight uat --engine 'simulated'"),
        (("bench", "TARGET_CREDENTIALS=a b.yaml"), "--target-credentials 'a b.yaml'"),
        (("bench", "ENGINE=simulated"), "--engine 'simulated'"),
        (("loadtest", "ENGINE=extractive"), "--engine 'extractive'"),
        (("loadtest", "PROMETHEUS=http://p:9090"), "--prometheus 'http://p:9090'"),
        (("report", "RUN=20261120T211700Z-1a2b3c4"), "courtsight report --run '20261120T211700Z-1a2b3c4'"),
        (("drill", "ALERT=Page"), "courtsight drill --alert 'Page'"),
        (("serve", "PORT=8123"), "courtsight serve --port '8123'"),
        (("check", "ARGS=--json"), "courtsight check --json"),
        (("simulator", "PORT=8123"), "simulator serve --port '8123'"),
        (("simulator", "PROFILE=instant"), "simulator serve --profile 'instant'"),
    ],
)
def test_variables_become_options(words: tuple[str, ...], expected: str) -> None:
    """A variable on the command line reaches the command as its option, quoted; without it there is no option."""
    printed = re.sub(r" +", " ", make("-n", *words))
    assert expected in printed
    assert expected.rpartition(" ")[2] not in make("-n", words[0])


@pytest.mark.parametrize("target", ["readiness", "quick", "uat", "bench", "loadtest", "drill", "report", "serve"])
def test_every_option_is_one_that_the_command_knows(target: str) -> None:
    """With every variable set, the command line of each target is one that `courtsight` accepts."""
    from harness.cli import build_parser

    variables = {
        "PHASE": "build",
        "TARGET": "http://x",
        "TARGET_CREDENTIALS": "f",
        "PROMETHEUS": "http://y",
        "PORT": "81",
    }
    printed = make(
        "-n", target, *(f"{name}={value}" for name, value in {**variables, "RUN": "r", "ALERT": "a"}.items())
    )
    command = printed.splitlines()[-1].replace("'", "").split()
    assert command[0] == ".venv/bin/courtsight"
    assert build_parser().parse_args(command[1:]).command == target


def test_the_test_target_runs_lint_then_unit_then_what_starts_servers() -> None:
    """`make test` runs its parts in this order, holds coverage to 95 %, and ends with pytest."""
    lines = make("-n", "test").splitlines()
    order = ["ruff check", "ruff format --check", "mypy", "lint-imports", "courtsight check", "--cov-fail-under=95"]
    order += ["--ignore=tests/slo", "integration or e2e"]
    places = [next(number for number, line in enumerate(lines) if words in line) for words in order]
    assert places == sorted(places)
    assert "pytest" in lines[-1]


def test_every_test_belongs_to_exactly_one_part() -> None:
    """The marks of the parts divide the tests: not integration and not e2e, then both together; each of the two can be had alone."""
    marks = [re.findall(r'-m "?([a-z0-9 ]+?)"?(?: -p.*)?$', make("-n", *parts), re.MULTILINE) for parts in PARTS]
    part = "not integration and not e2e"
    assert marks == [[part, part, "integration or e2e"], ["integration and not e2e", "e2e"]]


def test_whole_commands_are_tested_in_one_folder_and_the_one_that_measures_first() -> None:
    """The mark of whole commands stands in tests/e2e alone, and the run that measures begins before all others."""
    marked = {file for file in (ROOT / "tests").rglob("*.py") if "mark." + "e2e" in file.read_text(encoding="utf-8")}
    assert marked
    assert {file.parent for file in marked} == {ROOT / "tests" / "e2e"}
    (measuring,) = (file for file in marked if "mark." + "measures" in file.read_text(encoding="utf-8"))
    for target in ("servers", "e2e"):
        named = [ROOT / word for word in make("-n", target).splitlines()[-1].split() if word.startswith("tests/")]
        assert named[0] == measuring
        assert marked <= {measuring.with_name("conftest.py"), *named}
        assert not set(named) & set(measuring.parents), "pytest reads a folder's files in its own order"


def test_what_begins_early_is_there_and_starts_servers() -> None:
    """Every file or folder that is named for its length exists, and each of its files of tests has the mark."""
    listed = re.search(r"^LONGEST := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None
    for word in listed.group(1).replace("\\", " ").split():
        place = ROOT / word
        files = [place] if place.is_file() else list(place.glob("test_*.py"))
        assert any("mark." + "integration" in file.read_text(encoding="utf-8") for file in files), word


def test_the_files_that_start_servers_are_all_found() -> None:
    """Only what the makefile looks through names the mark: tests, and fixtures of the folder that they stand in."""
    line = make("-n", "integration").splitlines()[-1]
    search = re.search(r"\$\((.*)\) -n", line)
    assert search is not None
    found = subprocess.run(["/bin/sh", "-c", search.group(1)], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = {ROOT / word for word in found.stdout.split()}
    speaking = {
        file for file in (ROOT / "tests").rglob("*.py") if "mark." + "integration" in file.read_text(encoding="utf-8")
    }
    assert speaking
    assert {file for file in speaking if file not in listed and file.parent not in listed} == set()
    assert {file for file in speaking if file.name != "conftest.py"} >= {file for file in listed if file.is_file()}


def test_lint_fails_with_either_of_what_runs_side_by_side(tmp_path: Path) -> None:
    """Types are checked beside contracts and generated files; whichever fails fails the target."""
    line = next(line for line in make("-n", "lint").splitlines() if "mypy" in line)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for failing in ("", "mypy", "lint-imports", "courtsight"):
        for name in ("mypy", "lint-imports", "courtsight"):
            program = tmp_path / ".venv" / "bin" / name
            program.write_text(f"#!/bin/sh\nexit {int(name == failing)}\n", encoding="utf-8")
            program.chmod(0o755)
        done = subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, check=False)
        assert (done.returncode != 0) == bool(failing), failing


def test_starts_may_keep_their_compiled_modules() -> None:
    """Whatever the caller forbids, what make starts keeps bytecode: an empty value is Python's word for that."""
    assert re.search(
        r"^export PYTHONDONTWRITEBYTECODE :=$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_ci_runs_make_test_and_nothing_else() -> None:
    """`.ci/run` changes to the root and runs `make test`; it can be executed."""
    script = ROOT / ".ci" / "run"
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert script.stat().st_mode & 0o111
