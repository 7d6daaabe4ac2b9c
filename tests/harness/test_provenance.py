"""Provenance says where a run comes from, and vouches for nothing that it cannot see."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.provenance import NO_COMMIT, checkout, hash_of_files, machine, versions


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["/usr/bin/env", "git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_a_folder_without_git_is_dirty(tmp_path: Path) -> None:
    """Without a repository there is no commit to vouch for the files."""
    assert checkout(tmp_path).commit == NO_COMMIT
    assert checkout(tmp_path).dirty


def test_a_clean_commit_and_then_a_change(tmp_path: Path) -> None:
    """A committed tree is clean; an edit makes it dirty under the same commit."""
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    clean = checkout(tmp_path)
    (tmp_path / "file").write_text("two")
    changed = checkout(tmp_path)
    assert not clean.dirty
    assert changed.dirty
    assert clean.commit == changed.commit
    assert len(clean.commit) == 40


def test_a_hash_depends_on_names_and_contents(tmp_path: Path) -> None:
    """Renaming or editing one file changes the digest; the order of the paths does not."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("1")
    second.write_text("2")
    before = hash_of_files(tmp_path, [first, second])
    assert before == hash_of_files(tmp_path, [second, first])
    second.write_text("3")
    edited = hash_of_files(tmp_path, [first, second])
    renamed = second.rename(tmp_path / "c")
    assert len({before, edited, hash_of_files(tmp_path, [first, renamed])}) == 3


def test_the_machine_names_no_host() -> None:
    """Cores, memory, system and Python; nothing that identifies a person or a computer."""
    assert set(machine()) == {"cores", "memory_bytes", "system", "python"}


def test_every_listed_package_has_a_version() -> None:
    """The list of packages holds only what is installed."""
    assert all(versions().values())
