"""Asks promtool and amtool, which live for seconds, whether they are content."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from slo.errors import CourtSightError

TOOL_SECONDS = 300.0
COLLECTING_SELDOM = {"GOGC": "800"}
"""They make much garbage and end soon: collecting it less often saves a fifth of their processor time."""


class ToolTooSlowError(CourtSightError):
    """A tool did not answer in its time, which says nothing of what it was asked."""


class Asker:
    """Asks tools, several at a time from threads; whoever leaves it, by an interrupt too, leaves none of them running."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: set[subprocess.Popen[str]] = set()
        self._left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._left = True
            for tool in self._asked:
                tool.kill()

    def complaint(self, command: Sequence[str | Path], folder: Path, seconds: float = TOOL_SECONDS) -> str:
        """What a tool says that is not content; empty when it is. Nobody is asked any more once the asker was left.

        Raises:
            ToolTooSlowError: It took longer than `seconds`.
        """
        with self._lock:
            if self._left:
                return "was not asked: the asking was interrupted"
            tool = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **COLLECTING_SELDOM},
            )
            self._asked.add(tool)
        try:
            out, err = tool.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            name = Path(command[0]).name
            raise ToolTooSlowError(f"{name} took longer than {seconds:g} s: try again on a less busy machine") from None
        finally:
            with self._lock:
                self._asked.discard(tool)
                if tool.poll() is None:
                    tool.kill()
            tool.__exit__(None, None, None)
        return ((out + err).strip() or "failed without a word") if tool.returncode else ""


def complaint(command: Sequence[str | Path], folder: Path, seconds: float = TOOL_SECONDS) -> str:
    """What one tool says that is not content; empty when it is.

    Raises:
        ToolTooSlowError: It took longer than `seconds`.
    """
    with Asker() as asker:
        return asker.complaint(command, folder, seconds)
