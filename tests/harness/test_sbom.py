"""The bill of materials: complete, with sums, and the same for the same locks."""

from __future__ import annotations

from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import cast

import pytest

from harness.sbom import Locked, bill, installed_licences, licence_of, locked, main

ROOT = Path(__file__).resolve().parents[2]
LOCK = (
    "b-pack==2.0 \\\n    --hash=sha256:" + "b" * 64 + " \\\n    --hash=sha256:" + "a" * 64 + "\n"
    "a-pack[extra]==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:" + "c" * 64 + "\n"
)
PROJECT = {"name": "courtsight", "version": "0.1.0"}


def test_a_lock_is_read_with_every_sum() -> None:
    """Name, version, where it is installed, and the sums of all its files."""
    assert locked(LOCK) == [
        Locked("a-pack", "1.0", "sys_platform == 'linux'", ("c" * 64,)),
        Locked("b-pack", "2.0", "", ("a" * 64, "b" * 64)),
    ]


@pytest.mark.parametrize("line", ["a-pack", "a-pack>=1 --hash=sha256:" + "a" * 64, "a-pack==1.0", "-e ."])
def test_a_line_that_locks_nothing_ends_it(line: str) -> None:
    """No package is left out of the bill in silence."""
    with pytest.raises(ValueError, match="lock it again"):
        locked(line)


def test_the_bill_of_this_tree_names_every_locked_package() -> None:
    """As many components as entries, each with a sum; what the service needs is required, all else is excluded."""
    packages = locked((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    shipped = frozenset(one.name for one in locked((ROOT / "requirements-service.txt").read_text(encoding="utf-8")))
    made = bill(PROJECT, packages, shipped, installed_licences(packages))
    assert made == bill(PROJECT, packages, shipped, installed_licences(packages))
    components = {one["purl"]: one for one in made["components"]}
    marked = sum(one.marker.count("==") for one in packages)
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert len(components) == len(packages) == text.count("==") - marked
    assert all(one["hashes"] for one in components.values())
    assert {one["name"] for one in components.values() if one["scope"] == "required"} == shipped
    fastapi = next(one for one in components.values() if one["name"] == "fastapi")
    assert fastapi["licenses"] == [{"expression": "MIT"}]
    assert made["dependencies"][0]["dependsOn"] == [
        f"pkg:pypi/{one.name}@{one.version}" for one in packages if one.name in shipped
    ]


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ([("License-Expression", "MIT OR Apache-2.0"), ("License", "x")], "MIT OR Apache-2.0"),
        ([("Classifier", "License :: OSI Approved :: MIT License"), ("Classifier", "Topic :: Text")], "MIT License"),
        ([("Classifier", "License :: OSI Approved"), ("License", "BSD")], "BSD"),
        ([("License", "Copyright\nall of it")], ""),
        ([], ""),
    ],
)
def test_a_licence_is_told_in_a_few_words(headers: list[tuple[str, str]], licence: str) -> None:
    """SPDX first, then classifiers, then a short text; a whole licence in the place of its name says nothing."""
    told = Message()
    for name, value in headers:
        told[name] = value
    assert licence_of(cast("metadata.PackageMetadata", told)) == licence


def test_another_version_tells_no_licence() -> None:
    """What is installed in another version than the locked one is not what the bill speaks of."""
    assert installed_licences([Locked("pytest", "0.0.1", "", ()), Locked("there-is-no-such", "1", "", ())]) == {}


def test_a_bill_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a file stands in the way of the folder, the reason and the mend are told, and nothing is written."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert main(["--into", str(tmp_path / "file" / "bill.json")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "INTO=" in told.err


def test_a_full_disk_leaves_the_bill_from_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bill that was cut off would look like one: the old one stays, and nothing beside it."""
    bill_before = tmp_path / "bill.json"
    bill_before.write_text("before", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert main(["--into", str(bill_before)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("bill.json", "before")]
