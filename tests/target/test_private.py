"""The private folder of a stack goes with its owner, also with one that was killed."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from target.private import owned, remove_abandoned

ROOT = Path(__file__).resolve().parents[2]
KILLED = "import os, sys, pathlib, target.private as p\nwith p.owned(pathlib.Path(sys.argv[1])):\n    os.kill(os.getpid(), 9)\n"


def killed_owner(folder: Path) -> None:
    """A process that owns the folder and is killed while it does."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert folder.is_dir()


def test_it_is_private_while_owned_and_gone_after(tmp_path: Path) -> None:
    """Only its owner can look into it, and it is removed at the end with all that lies in it."""
    folder = tmp_path / "run" / "private"
    with owned(folder):
        (folder / "jwt_secret").write_text("secret")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()
    assert folder.parent.is_dir()


def test_it_is_gone_after_a_failure_too(tmp_path: Path) -> None:
    """Whatever ends the owner's work, the secrets do not stay."""
    with pytest.raises(KeyboardInterrupt), owned(tmp_path / "private"):
        raise KeyboardInterrupt
    assert not (tmp_path / "private").exists()


def test_what_a_killed_owner_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """A killed process cannot clean up; the next run does, at whatever depth the folder lies."""
    first, second = tmp_path / "run-1" / "private", tmp_path / "run-2" / "drills" / "one" / "private"
    killed_owner(first)
    killed_owner(second)
    assert remove_abandoned(tmp_path) == (first, second)
    assert not first.exists()
    assert not second.exists()


def test_a_folder_in_use_stays(tmp_path: Path) -> None:
    """A run beside this one keeps its secrets."""
    with owned(tmp_path / "private") as folder:
        assert remove_abandoned(tmp_path) == ()
        assert folder.is_dir()


def test_other_folders_of_that_name_stay(tmp_path: Path) -> None:
    """A folder without our lock is nobody's business here."""
    (tmp_path / "private").mkdir()
    assert remove_abandoned(tmp_path) == ()
    assert remove_abandoned(tmp_path / "missing") == ()
    assert (tmp_path / "private").is_dir()
