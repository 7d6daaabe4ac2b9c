"""Waivers and checklists as files: read strictly."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from reports.checklist import ChecklistItem, load_checklists
from reports.waivers import Waiver, load_waivers
from slo.errors import InvalidInput

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = "gate: load-max, reason: known, approver: Head of operations, approved_on: 2026-11-01, expires_on: 2026-12-01"


def _waivers(folder: Path, text: str) -> tuple[Waiver, ...]:
    path = folder / "waivers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_waivers(path)


def test_the_repository_waives_nothing() -> None:
    """The shipped file holds no waiver."""
    assert load_waivers() == ()


def test_a_waiver_is_read(tmp_path: Path) -> None:
    """All fields of a waiver, with the cells it is about."""
    (waiver,) = _waivers(tmp_path, f"waivers:\n  - {{{GOOD}, labels: {{role: judge}}}}\n")
    assert waiver == Waiver(
        "load-max", "known", "Head of operations", date(2026, 11, 1), date(2026, 12, 1), {"role": "judge"}
    )


def test_a_waiver_may_hold_for_one_day(tmp_path: Path) -> None:
    """It may end on the day on which it was approved."""
    (waiver,) = _waivers(tmp_path, f"waivers:\n  - {{{GOOD.replace('2026-12-01', '2026-11-01')}}}\n")
    assert waiver.expires_on == waiver.approved_on


@pytest.mark.parametrize("field", ["gate", "reason", "approver", "approved_on", "expires_on"])
def test_every_field_is_mandatory(tmp_path: Path, field: str) -> None:
    """A waiver without expiry, approver or reason is no waiver."""
    rest = ", ".join(part for part in GOOD.split(", ") if not part.startswith(field))
    with pytest.raises(InvalidInput, match=f"key '{field}' is missing"):
        _waivers(tmp_path, f"waivers:\n  - {{{rest}}}\n")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("expires_on: 2026-12-01", "expires_on: 2026-10-01", "before approved_on"),
        ("expires_on: 2026-12-01", "expires_on: never", "valid date"),
        ("expires_on: 2026-12-01", "expires: 2026-12-01", "did you mean 'expires_on'"),
        ("reason: known", "reason: ''", "at least 1 character"),
    ],
)
def test_a_wrong_waiver_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Typos, dates that are none or lie in the wrong order, and empty reasons are errors."""
    with pytest.raises(InvalidInput) as caught:
        _waivers(tmp_path, f"waivers:\n  - {{{GOOD.replace(old, new)}}}\n")
    assert said in str(caught.value)


def test_a_waiver_covers_its_cells() -> None:
    """Without labels it covers the whole gate, with labels the cells that carry them."""
    whole = Waiver("g", "r", "a", date(2026, 1, 1), date(2026, 2, 1))
    part = replace(whole, labels={"role": "judge"})
    assert whole.covers("g", {"role": "public"})
    assert not whole.covers("h", {})
    assert part.covers("g", {"role": "judge", "complexity": "simple"})
    assert not part.covers("g", {"role": "public"})
    assert not part.covers("g", {})


ITEM = ChecklistItem(
    "certificates", "Certificates are valid", owner="Head of operations", signed_on=AT.date(), evidence="docs/tls.md"
)


def test_a_whole_signature_has_no_gap() -> None:
    """Owner, date and evidence, not older than ninety days."""
    assert ITEM.signature_gap(AT) == ""
    assert ITEM.signature_gap(AT + timedelta(days=90)) == ""


def test_signatures_go_stale() -> None:
    """After ninety days the item must be signed again."""
    assert "sign again" in ITEM.signature_gap(AT + timedelta(days=91))


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (replace(ITEM, owner=""), "owner missing"),
        (replace(ITEM, evidence=""), "evidence missing"),
        (replace(ITEM, signed_on=None), "date missing"),
        (ChecklistItem("x", "X"), "not signed"),
        (replace(ITEM, signed_on=date(2026, 11, 22)), "in the future"),
    ],
)
def test_a_signature_in_part_is_none(item: ChecklistItem, said: str) -> None:
    """Each missing piece is named; a date in the future does not count."""
    assert said in item.signature_gap(AT)


def _checklist(folder: Path, body: str, name: str = "x") -> None:
    (folder / f"{name}.yaml").write_text(f"checklist: x\ntitle: X\nitems:\n{body}", encoding="utf-8")


def test_a_signed_checklist_is_read(tmp_path: Path) -> None:
    """Signatures stand in the file; an item with gates needs none unless it asks."""
    _checklist(
        tmp_path,
        "  - {id: a, text: A, owner: Head, signed_on: 2026-11-01, evidence: docs}\n"
        "  - {id: b, text: B, gates: [load-max]}\n  - {id: c, text: C, gates: [load-max], sign_off: true}\n",
    )
    (checklist,) = load_checklists(tmp_path)
    assert checklist.items[0] == ChecklistItem("a", "A", (), True, "Head", date(2026, 11, 1), "docs")  # noqa: FBT003 - the field is `sign_off`
    assert [item.sign_off for item in checklist.items] == [True, False, True]


@pytest.mark.parametrize(
    ("body", "name", "said"),
    [
        ("  - {id: a, text: A, sign_off: false}\n", "x", "needs a signature"),
        ("  - {id: a, text: A}\n  - {id: a, text: B}\n", "x", "ids stand twice: a"),
        ("  - {id: a, text: A}\n", "y", "name it as its file"),
        ("  - {id: a, txt: A}\n", "x", "did you mean 'text'"),
        ("  []\n", "x", "at least 1"),
    ],
)
def test_a_wrong_checklist_is_told(tmp_path: Path, body: str, name: str, said: str) -> None:
    """Nothing that could make an item pass by accident is accepted."""
    _checklist(tmp_path, body, name)
    with pytest.raises(InvalidInput) as caught:
        load_checklists(tmp_path)
    assert said in str(caught.value)
