"""The command that checks a report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.document import Inputs
from reports.render import html
from reports.trust import EvidenceSet
from slo.evidence import Evidence
from slo.spec import Kind, Phase, Spec


@pytest.fixture(scope="module")
def content(spec: Spec, evidence_of: Callable[..., dict[Kind, Evidence]], at: datetime) -> bytes:
    """The bytes of a report."""
    inputs = Inputs(spec, EvidenceSet(evidence_of(spec)))
    return html(inputs.decide(Phase.BUILD, at), inputs).encode()


@pytest.fixture
def page(content: bytes, tmp_path: Path) -> Path:
    """A report on the disk."""
    path = tmp_path / "readiness.html"
    path.write_bytes(content)
    return path


def test_an_untouched_report_agrees(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 and one line."""
    assert main(["verify", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}: agrees with its evidence: GO for phase build\n"


def test_a_changed_report_does_not(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and what disagrees."""
    page.write_bytes(page.read_bytes().replace(b"<span>GO</span>", b"<span>GO!</span>"))
    assert main(["verify", str(page)]) == 1
    assert "shows something else than its evidence" in capsys.readouterr().out


def test_a_report_of_another_date(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the same day it is GO, a month later stale: the status is the decision's."""
    assert main(["verify", str(page), "--at", "2026-11-20T22:00:00"]) == 0
    assert main(["verify", str(page), "--at", "2026-12-24"]) == 3
    assert "it is stale" in capsys.readouterr().out


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00"])
def test_the_ends_of_the_calendar_are_dates_too(page: Path, moment: str) -> None:
    """However far a date lies, the evidence is stale or of the future then, and nothing is a traceback."""
    assert main(["verify", str(page), "--at", moment]) == 3


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing or binary file is status 2."""
    binary = tmp_path / "x.html"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.html", binary):
        assert main(["verify", str(path)]) == 2
    assert capsys.readouterr().err.count("cannot be read") == 2


@pytest.mark.parametrize("arguments", [[], ["verify"], ["verify", "x", "--at", "someday"]])
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A missing page or a date that is none is a usage error."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err
