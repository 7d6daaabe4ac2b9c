"""What is found while a document is put together: problems, warnings and notes, each with its place, all in one pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from slo.errors import Problem
from slo.strict_yaml import Document

Path = tuple[str, ...]
"""Place inside a document: `("slos", "availability", "objective")`."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What the wire refused and may still be spoken of: to miss it as well would send people to the wrong line.

    Attributes:
        places: The first three parts of each place: `("slos", "checkout", "for_each")`, `("labels", "tier")`, `("selector",)`.
    """

    places: frozenset[Path] = frozenset()

    def names(self, table: str) -> frozenset[str]:
        """The entries of a table that were refused."""
        return frozenset(place[1] for place in self.places if len(place) > 1 and place[0] == table)

    def holds(self, table: str, name: str) -> bool:
        """Whether this entry was refused, or the whole table."""
        return (table,) in self.places or any(place[:2] == (table, name) for place in self.places)

    def touches(self, table: str) -> bool:
        """Whether anything of the table was refused."""
        return any(place[:1] == (table,) for place in self.places)


@dataclass(slots=True)
class Findings:
    """Collects what is wrong, so that nobody has to mend one thing to hear of the next.

    Attributes:
        warnings: What is allowed and probably not meant.
        notes: What is worth knowing, and may well be meant.
    """

    document: Document
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def wrong(self, path: Path, message: str, advice: str) -> None:
        """Something that cannot stand."""
        self.problems.append(self._at(path, message, advice))

    def doubtful(self, path: Path, message: str, advice: str) -> None:
        """Something that may stand, and should be looked at."""
        self.warnings.append(self._at(path, message, advice))

    def noted(self, path: Path, message: str, advice: str) -> None:
        """Something to know of, which is no fault."""
        self.notes.append(self._at(path, message, advice))

    def _at(self, path: Path, message: str, advice: str) -> Problem:
        return Problem(self.document.name, self.document.line_of(path), ".".join(path), message, advice)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """By line, each once; what concerns the whole file first."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (problem.line or 0, problem.path)))
