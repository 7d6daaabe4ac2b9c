"""The errors of the harness.

CourtSightError
├── InvalidInput        a spec, scenario, workload or option is wrong: exit status 2
└── EvidenceError       an evidence file is missing, damaged, foreign or of an unknown version
"""

from __future__ import annotations

from dataclasses import dataclass


class CourtSightError(Exception):
    """Anything that the harness can explain to its user in a sentence."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in an input: where it stands, what is wrong, what to do.

    Attributes:
        file: Path as the user gave it.
        line: 1-based line, or None where there is none.
        path: Dotted place inside the document, `slos.availability.objective`; empty for the whole file.
        message: What is wrong, in one sentence.
        advice: What would mend it; empty when the message says it all.
    """

    file: str
    line: int | None
    path: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f"{place}: {self.path}: " if self.path else f"{place}: "
        return where + self.message + (f" ({self.advice})" if self.advice else "")


class InvalidInput(CourtSightError):  # noqa: N818 - read as a sentence: "raise InvalidInput"
    """An input cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class EvidenceError(CourtSightError):
    """An evidence file cannot be trusted; the message says which and why."""
