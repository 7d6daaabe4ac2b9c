"""Making the environment: what stops it, when it is done, and when it starts over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import bootstrap

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the two files that an environment depends on."""
    (tmp_path / "requirements.txt").write_text("one==1.0\ntwo==2.0\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    return tmp_path


def finished(checkout: Path) -> dict[str, str]:
    """Lays a finished environment down and gives its stamp."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    stamp = bootstrap.stamp_of(checkout, "3.11.2")
    (checkout / ".venv" / ".ready").write_text(json.dumps(stamp), encoding="utf-8")
    return stamp


@given(st.tuples(st.integers(2, 3), st.integers(0, 10)))
def test_older_pythons_are_told_in_one_line(version: tuple[int, int]) -> None:
    """Every Python before 3.11 ends with one line that names both versions, and status 2."""
    with pytest.raises(bootstrap.SetupError) as raised:
        bootstrap.check_version(version)
    assert raised.value.status == 2
    assert "3.11" in str(raised.value)
    assert ".".join(map(str, version)) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (4, 0)])
def test_newer_pythons_pass(version: tuple[int, int]) -> None:
    """The oldest Python that the lock was made for passes, and so do later ones."""
    bootstrap.check_version(version)


def test_a_debian_without_venv_is_told_the_package() -> None:
    """Where apt-get is, the one line names the package of this very minor version."""
    with pytest.raises(
        bootstrap.SetupError, match=r"^Python's venv module is missing: .* apt-get install python3\.12-venv$"
    ):
        bootstrap.check_venv(available=False, version=(3, 12), has_apt=True)


def test_another_system_without_venv_is_told_without_apt() -> None:
    """Where there is no apt-get, the line does not speak of it."""
    with pytest.raises(bootstrap.SetupError) as raised:
        bootstrap.check_venv(available=False, version=(3, 11), has_apt=False)
    assert "apt-get" not in str(raised.value)


def test_a_finished_environment_is_ready(checkout: Path) -> None:
    """An environment with a matching stamp is used as it is."""
    stamp = finished(checkout)
    assert bootstrap.is_ready(checkout / ".venv", stamp)
    assert not bootstrap.must_start_over(checkout / ".venv", stamp)


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_a_changed_lock_is_installed_on_top(checkout: Path, name: str) -> None:
    """A changed lock file makes the environment stale, but does not throw it away."""
    finished(checkout)
    (checkout / name).write_text("changed", encoding="utf-8")
    wanted = bootstrap.stamp_of(checkout, "3.11.2")
    assert not bootstrap.is_ready(checkout / ".venv", wanted)
    assert not bootstrap.must_start_over(checkout / ".venv", wanted)


@pytest.mark.parametrize("key", ["python", "root"])
def test_another_python_or_place_starts_over(checkout: Path, key: str) -> None:
    """An environment of another Python version, or of a folder that was moved, is made again from nothing."""
    stamp = finished(checkout)
    assert bootstrap.must_start_over(checkout / ".venv", {**stamp, key: "another"})


def test_an_interrupted_install_starts_over(checkout: Path) -> None:
    """The mark of an unfinished install outweighs a matching stamp."""
    stamp = finished(checkout)
    (checkout / ".venv" / ".installing").touch()
    assert not bootstrap.is_ready(checkout / ".venv", stamp)
    assert bootstrap.must_start_over(checkout / ".venv", stamp)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00"])
def test_an_unreadable_stamp_is_no_stamp(checkout: Path, content: str) -> None:
    """A torn or foreign stamp never makes an environment ready."""
    stamp = finished(checkout)
    (checkout / ".venv" / ".ready").write_text(content, encoding="utf-8")
    assert bootstrap.read_stamp(checkout / ".venv") == {}
    assert not bootstrap.is_ready(checkout / ".venv", stamp)


def test_an_environment_without_python_starts_over(checkout: Path) -> None:
    """A Python that was upgraded away leaves a dangling link: the environment is made again."""
    stamp = finished(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()
    assert bootstrap.must_start_over(checkout / ".venv", stamp)


def test_an_environment_of_somebody_elses_making_is_not_mixed_with_ours(checkout: Path) -> None:
    """An environment without our stamp stays as it is when another Python made it, and the message names both ways out."""
    finished(checkout)
    (checkout / ".venv" / ".ready").unlink()
    theirs = checkout / ".venv" / "bin" / "python"
    bootstrap.check_maker(checkout / ".venv", str(theirs))
    with pytest.raises(bootstrap.SetupError, match=f"move it away, or run make PYTHON={theirs}"):
        bootstrap.check_maker(checkout / ".venv", sys.executable)
    assert theirs.exists()


def test_our_own_environment_and_none_at_all_are_nobody_elses(checkout: Path) -> None:
    """What our stamp stands in was ours to make, and what is not there stops nothing."""
    bootstrap.check_maker(checkout / ".venv", sys.executable)
    finished(checkout)
    bootstrap.check_maker(checkout / ".venv", sys.executable)


def test_swapped_contents_change_the_stamp(checkout: Path) -> None:
    """The hash covers which file holds what, not only the bytes in a row."""
    before = bootstrap.stamp_of(checkout, "3.11.2")
    lock, project = checkout / "requirements.txt", checkout / "pyproject.toml"
    moved = lock.read_text(encoding="utf-8") + project.read_text(encoding="utf-8")
    lock.write_text(moved, encoding="utf-8")
    project.write_text("", encoding="utf-8")
    assert bootstrap.stamp_of(checkout, "3.11.2") != before


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    """A log that shows a failed connection becomes one line about the network, with the way out."""
    log = tmp_path / "setup.log"
    log.write_text(
        "WARNING: Retrying: NameResolutionError('x')\nERROR: No matching distribution found\n", encoding="utf-8"
    )
    error = bootstrap.explain_failure("Installing", log)
    assert "cannot be reached" in str(error)
    assert "PIP_INDEX_URL" in str(error)
    assert error.status == 5


def test_another_failure_shows_pips_last_error(tmp_path: Path) -> None:
    """Without a sign of the network, the last ERROR line is what the user sees."""
    log = tmp_path / "setup.log"
    log.write_text("Collecting one\nERROR: first\nERROR: hashes do not match\nnotice\n", encoding="utf-8")
    assert "Installing failed: ERROR: hashes do not match" in str(bootstrap.explain_failure("Installing", log))


def test_a_failing_step_raises_with_its_log(tmp_path: Path) -> None:
    """A step that exits with an error stops the setup, its words kept in the log."""
    log = tmp_path / "setup.log"
    with pytest.raises(bootstrap.SetupError, match="Making failed: broken"):
        bootstrap.run_step("Making", [sys.executable, "-c", "print('broken'); exit(3)"], tmp_path, log)
    assert log.read_text(encoding="utf-8") == "broken\n"


def test_a_checkout_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A read-only folder or a full disk ends with one line and status 5, never with a traceback."""

    def refuse(_: Path) -> None:
        raise OSError(30, "Read-only file system", ".cache")

    monkeypatch.setattr(bootstrap, "ensure", refuse)
    assert bootstrap.main() == 5
    said = capsys.readouterr().err
    assert "Read-only file system" in said
    assert said.count("\n") == 1


def test_the_program_needs_nothing_but_the_standard_library() -> None:
    """It starts in isolated mode without site packages, as on a machine that has nothing of ours."""
    program = f"import runpy; runpy.run_path({str(ROOT / 'harness' / 'bootstrap.py')!r})"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
