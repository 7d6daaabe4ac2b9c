"""Scripted answers: the first pattern that the question holds decides the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from simulator.errors import InvalidInputError
from simulator.strictness import Wire, load_strict


@dataclass(frozen=True, slots=True)
class Script:
    """Patterns with their texts, tried in order, and what is said when none fits."""

    lines: tuple[tuple[re.Pattern[str], str], ...]
    otherwise: str

    def text_for(self, question: str) -> str:
        """The text of the first pattern found anywhere in the question, upper and lower case alike."""
        return next((text for pattern, text in self.lines if pattern.search(question)), self.otherwise)


_Text = Annotated[str, Field(min_length=1, max_length=200_000)]


class _Line(Wire):
    pattern: _Text
    text: _Text


class _Script(Wire):
    answers: Annotated[list[_Line], Field(min_length=1)]
    otherwise: _Text


def load_script(path: Path) -> Script:
    """Read a script.

    Raises:
        InvalidInputError: The file is wrong, or a pattern is no regular expression.
    """
    wire = load_strict(path, _Script)
    return Script(
        tuple(
            (_compiled(line.pattern, f"{path}: answers.{n}.pattern"), line.text) for n, line in enumerate(wire.answers)
        ),
        wire.otherwise,
    )


def _compiled(pattern: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise InvalidInputError(f"{place}: is no regular expression: {error}") from None
