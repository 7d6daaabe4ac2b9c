"""What became of each thing in an exchange: carried, approximated or lost, and where it stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from slo.errors import Problem
from slo.strict_yaml import Document

Path = tuple[str, ...]


class Fate(StrEnum):
    """What became of something."""

    CARRIED = "carried"
    APPROXIMATED = "approximated"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in an input."""

    document: Document
    path: Path = ()

    def __truediv__(self, key: str | int) -> Place:
        """The place of what stands below."""
        return Place(self.document, (*self.path, str(key)))

    @property
    def above(self) -> Place:
        """The place of what holds it."""
        return Place(self.document, self.path[:-1])

    @property
    def file(self) -> str:
        """As the user named it."""
        return self.document.name

    @property
    def line(self) -> int | None:
        """1-based, of the nearest thing that has one."""
        return self.document.line_of(self.path)

    @property
    def dotted(self) -> str:
        """As findings write it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing of the input and what became of it.

    Attributes:
        file: As the user named it.
        line: 1-based, or None where there is none.
        path: Dotted place inside the document.
        message: What was done with it, or why it could not be.
        advice: What to do; empty for what was carried.
    """

    fate: Fate
    file: str
    line: int | None
    path: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.fate}: {Problem(self.file, self.line, self.path, self.message, self.advice)}"


@dataclass(slots=True)
class Ledger:
    """Collects findings and problems of one exchange.

    Attributes:
        problems: What makes an input invalid in its own format.
    """

    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _told: set[Finding] = field(default_factory=set)

    def carried(self, place: Place, message: str) -> None:
        """Something that means the same on the other side."""
        self._note(Fate.CARRIED, place, message, "")

    def withdraw(self, beginning: str) -> None:
        """Take back that something was carried, of which the messages begin so: our reader refused it later."""
        self.findings = [
            one for one in self.findings if one.fate is not Fate.CARRIED or not one.message.startswith(beginning)
        ]

    def approximated(self, place: Place, message: str, advice: str) -> None:
        """Something that means nearly the same."""
        self._note(Fate.APPROXIMATED, place, message, advice)

    def lost(self, place: Place, message: str, advice: str) -> None:
        """Something that the other side cannot hold."""
        self._note(Fate.LOST, place, message, advice)

    def wrong(self, place: Place, message: str, advice: str) -> None:
        """Something that is invalid in its own format."""
        self.problems.append(Problem(place.file, place.line, place.dotted, message, advice))

    def of(self, fate: Fate) -> tuple[Finding, ...]:
        """The findings of one fate."""
        return tuple(finding for finding in self.findings if finding.fate is fate)

    def _note(self, fate: Fate, place: Place, message: str, advice: str) -> None:
        finding = Finding(fate, place.file, place.line, place.dotted, message, advice)
        if finding not in self._told:
            self._told.add(finding)
            self.findings.append(finding)
