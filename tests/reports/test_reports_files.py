"""The report's edge to the disk."""

from __future__ import annotations

import errno
import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from reports.checklist import Checklist
from reports.files import load_evidence, write_report
from reports.render import verify
from slo.errors import EvidenceError
from slo.evidence import Evidence, write
from slo.spec import Kind, Phase, Spec
from slo.verdict import Readiness


@pytest.fixture
def folder(run: dict[Kind, Evidence], tmp_path: Path) -> Path:
    """A run's folder with all of its evidence."""
    for evidence in run.values():
        write(evidence, tmp_path / "evidence")
    return tmp_path / "evidence"


def test_a_folder_of_evidence_is_read(folder: Path, run: dict[Kind, Evidence]) -> None:
    """Every kind that lies there comes back as it was written."""
    files = load_evidence(folder)
    assert files.evidence == run
    assert files.refused == {}


def test_damaged_evidence_is_kept_as_its_reason(folder: Path) -> None:
    """A changed file is refused with the reason, a missing one is simply not there, the rest is read."""
    changed = folder / "load.json"
    changed.write_bytes(changed.read_bytes().replace(b'"PASS"', b'"FAIL"', 1))
    (folder / "drill.json").unlink()
    files = load_evidence(folder)
    assert set(files.evidence) == set(Kind) - {Kind.LOAD, Kind.DRILL}
    assert files.refused == {Kind.LOAD: "load.json: was changed since it was written (its digest does not match)"}


def test_no_folder_is_no_evidence(tmp_path: Path) -> None:
    """A run that never began has an empty set."""
    files = load_evidence(tmp_path / "none")
    assert files.evidence == {}
    assert files.refused == {}


def test_a_report_is_written(folder: Path, spec: Spec, at: datetime, tmp_path: Path) -> None:
    """Page, JSON and Markdown lie in the folder, say the same, and the page verifies."""
    decision, paths = write_report(folder, spec, Phase.BUILD, at, tmp_path / "out" / "run")
    assert decision.readiness is Readiness.GO
    assert sorted(path.name for path in (tmp_path / "out" / "run").iterdir()) == [
        "readiness.html",
        "readiness.json",
        "readiness.md",
    ]
    assert json.loads(paths.json.read_bytes())["decision"]["readiness"] == "GO"
    assert paths.markdown.read_text(encoding="utf-8").startswith("## ✅ GO for phase build")
    assert verify(paths.html.read_bytes().decode()) == ()


def test_the_same_run_gives_the_same_files(folder: Path, spec: Spec, at: datetime, tmp_path: Path) -> None:
    """Writing the report again changes no byte."""
    first = write_report(folder, spec, Phase.BUILD, at, tmp_path / "a")[1]
    second = write_report(folder, spec, Phase.BUILD, at, tmp_path / "b", waivers=(), checklists=None)[1]
    for name in ("html", "json", "markdown"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()


def test_waivers_and_checklists_may_be_given(
    folder: Path, spec: Spec, at: datetime, tmp_path: Path, checklists: tuple[Checklist, ...]
) -> None:
    """What the caller passes replaces what lies in the repository."""
    decision, _ = write_report(folder, spec, Phase.BUILD, at, tmp_path / "out", waivers=(), checklists=checklists[:1])
    assert {check.checklist for check in decision.checks} == {checklists[0].id}


def test_a_report_without_evidence_is_undecided(spec: Spec, at: datetime, tmp_path: Path) -> None:
    """An interrupted run still gets its page: UNDECIDED, with everything that is missing."""
    decision, paths = write_report(tmp_path / "none", spec, Phase.BUILD, at, tmp_path / "out")
    assert decision.readiness is Readiness.UNDECIDED
    assert "UNDECIDED" in paths.html.read_text(encoding="utf-8")


def test_a_full_disk_is_told(
    folder: Path, spec: Spec, at: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing can be written, the error says so and no half report stays."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="No space left on device"):
        write_report(folder, spec, Phase.BUILD, at, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_three_files_never_tell_of_two_decisions(
    folder: Path, spec: Spec, at: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full from the second file on leaves the earlier report whole: no page of one phase beside JSON of another."""
    out = tmp_path / "out"
    write_report(folder, spec, Phase.BUILD, at, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    room = iter([None])

    def nearly_full(_: int) -> None:
        if next(room, "full") == "full":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", nearly_full)
    with pytest.raises(EvidenceError, match=r"readiness\.md: cannot be written: No space left.*nothing was changed"):
        write_report(folder, spec, Phase.SOFT, at, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
