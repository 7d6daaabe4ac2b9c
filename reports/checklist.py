"""Checklists: what no measurement shows. Items rest on gates, on a signature with evidence, or on both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from reports.days import has_begun
from slo.errors import InvalidInput, Problem
from slo.strict_yaml import Wire, load_strict

CHECKLISTS_FOLDER = Path(__file__).parent / "checklists"
SIGNATURE_MAX_AGE_DAYS = 90
"""After this many days a signature says nothing about the system of today; ours."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line of a checklist.

    Attributes:
        gates: Gates that must pass for it.
        sign_off: Whether somebody must sign it too; always so for an item without gates.
        evidence: Where a reader finds what the signature rests on.
    """

    id: str
    text: str
    gates: tuple[str, ...] = ()
    sign_off: bool = True
    owner: str = ""
    signed_on: date | None = None
    evidence: str = ""

    def signature_gap(self, at: datetime) -> str:
        """What its signature lacks on the day of `at`; empty when it is whole and fresh."""
        lacking = [
            word
            for word, given in (("owner", self.owner), ("date", self.signed_on), ("evidence", self.evidence))
            if not given
        ]
        if len(lacking) == 3:
            return "not signed"
        if self.signed_on is None or lacking:
            return "signed in part: " + ", ".join(lacking) + " missing"
        age = (at.date() - self.signed_on).days
        if not has_begun(self.signed_on, at):
            return f"signed in the future, on {self.signed_on}"
        if age > SIGNATURE_MAX_AGE_DAYS:
            return f"signed {age} days ago; sign again after at most {SIGNATURE_MAX_AGE_DAYS}"
        return ""


@dataclass(frozen=True, slots=True)
class Checklist:
    """A named list of items; a phase asks for it as a whole."""

    id: str
    title: str
    items: tuple[ChecklistItem, ...]


class _Item(Wire):
    id: Name
    text: Text
    gates: list[Name] = Field(default_factory=list)
    sign_off: bool | None = None
    owner: Text | None = None
    signed_on: date | None = None
    evidence: Text | None = None

    @model_validator(mode="after")
    def _shown_somehow(self) -> _Item:
        if not self.gates and self.sign_off is False:
            raise ValueError("an item without gates needs a signature")
        return self


class _Checklist(Wire):
    checklist: Name
    title: Text
    items: list[_Item] = Field(min_length=1)


def load_checklists(folder: Path = CHECKLISTS_FOLDER) -> tuple[Checklist, ...]:
    """Read every checklist of a folder, by name.

    Raises:
        InvalidInput: One of them is wrong.
    """
    return tuple(_checklist(path) for path in sorted(folder.glob("*.yaml")))


def _checklist(path: Path) -> Checklist:
    wire = load_strict(path, _Checklist)
    if wire.checklist != path.stem:
        raise InvalidInput((Problem(str(path), None, "checklist", f"says {wire.checklist!r}", "name it as its file"),))
    ids = [item.id for item in wire.items]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    if doubled:
        raise InvalidInput((Problem(str(path), None, "items", f"ids stand twice: {', '.join(doubled)}"),))
    return Checklist(wire.checklist, wire.title, tuple(_item(item) for item in wire.items))


def _item(wire: _Item) -> ChecklistItem:
    sign_off = not wire.gates if wire.sign_off is None else wire.sign_off
    return ChecklistItem(
        wire.id, wire.text, tuple(wire.gates), sign_off, wire.owner or "", wire.signed_on, wire.evidence or ""
    )
