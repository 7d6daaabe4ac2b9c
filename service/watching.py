"""Who is told what ran for an answer."""

from __future__ import annotations

from typing import Protocol

from service.chat.complexity import Complexity
from service.tools.toolbox import ToolRun


class Watcher(Protocol):
    """Is told what ran, to count it. Texts reach it only with `asked` and `answered`, for traces of development."""

    def asked(self, question: str) -> None:
        """An answer is begun."""

    def answered(self, outcome: str | None, text: str) -> None:
        """It has ended, also by an error or by a reader who left: then without an outcome."""

    def guarded(self, guardrail: str, action: str) -> None:
        """A guard rail refused a question or withheld its answer; or none did (`none`, `kept`)."""

    def tool_ran(self, run: ToolRun, complexity: Complexity) -> None:
        """A tool has run."""

    def tool_failed(self, name: str, error: Exception) -> None:
        """A tool has raised."""

    def generated(self, model: str, seconds: float) -> None:
        """The engine has written an answer."""
