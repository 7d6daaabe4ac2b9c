"""Generated files are held against the spec as sets: changed, missing and stray files are each found."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.generate import Drift, drift, write
from slo.errors import CourtSightError

FILES = {"alerts/generated/rules.yaml": b"a\nb\nc\n", "dashboards/generated/board.json": b"{}\n"}


def test_a_fresh_tree_lacks_every_file(tmp_path: Path) -> None:
    """Nothing committed: each generated file is reported as missing."""
    assert [entry.message for entry in drift(tmp_path, FILES)] == ["is missing", "is missing"]


def test_written_files_are_in_step(tmp_path: Path) -> None:
    """After writing there is no drift, and writing again changes nothing."""
    assert write(tmp_path, FILES) == tuple(sorted(FILES))
    assert drift(tmp_path, FILES) == ()
    assert write(tmp_path, FILES) == ()


def test_a_changed_line_is_found_with_its_number(tmp_path: Path) -> None:
    """An edit by hand is reported with the first line that differs."""
    write(tmp_path, FILES)
    (tmp_path / "alerts/generated/rules.yaml").write_bytes(b"a\nX\nc\n")
    assert drift(tmp_path, FILES) == (Drift("alerts/generated/rules.yaml", "differs from the spec from line 2 on"),)


def test_a_truncated_file_is_found(tmp_path: Path) -> None:
    """A file that only lacks its end differs from the line after its last."""
    write(tmp_path, FILES)
    (tmp_path / "alerts/generated/rules.yaml").write_bytes(b"a\nb\n")
    assert drift(tmp_path, FILES)[0].message == "differs from the spec from line 3 on"


def test_a_stray_file_in_an_owned_folder_is_found_and_removed(tmp_path: Path) -> None:
    """A file that no spec asks for is drift; writing removes it."""
    write(tmp_path, FILES)
    stray = tmp_path / "alerts/generated/tests/old.yaml"
    stray.parent.mkdir()
    stray.write_text("old")
    assert [entry.path for entry in drift(tmp_path, FILES)] == ["alerts/generated/tests/old.yaml"]
    write(tmp_path, FILES)
    assert not stray.exists()


def test_a_folder_in_the_way_is_an_explained_error(tmp_path: Path) -> None:
    """What cannot be written says which file and why."""
    (tmp_path / "alerts").write_text("a file where a folder belongs")
    with pytest.raises(CourtSightError, match="cannot be written"):
        write(tmp_path, FILES)
