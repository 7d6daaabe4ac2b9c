"""Who is told what ran for an answer."""

from __future__ import annotations

from typing import Protocol

from service.chat.complexity import Complexity
from service.tools.toolbox import ToolRun


class Watcher(Protocol):
    """Is told what ran, to count it; nothing of the question's text reaches it."""

    def guarded(self, guardrail: str, action: str) -> None:
        """A guard rail refused a question or withheld its answer; or none did (`none`, `kept`)."""

    def tool_ran(self, run: ToolRun, complexity: Complexity) -> None:
        """A tool has run."""

    def tool_failed(self, name: str, error: Exception) -> None:
        """A tool has raised."""

    def generated(self, model: str, seconds: float) -> None:
        """The engine has written an answer."""
