"""Shows how far the ingest is: a bar on a terminal, plain lines elsewhere, nothing for `--json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TextIO

_WIDTH = 28
_BAR_EVERY_SECONDS = 0.1
_LINE_EVERY_SECONDS = 5.0


class Progress(Protocol):
    """Hears of each file that is done."""

    def begin(self, total: int) -> None:
        """So many files are to be read."""

    def file_done(self, name: str, outcome: str) -> None:
        """One more is done; `outcome` is a short sentence."""

    def end(self) -> None:
        """No more will come."""


class Silent:
    """Shows nothing."""

    def begin(self, total: int) -> None:
        """Nothing to show."""

    def file_done(self, name: str, outcome: str) -> None:
        """Nothing to show."""

    def end(self) -> None:
        """Nothing to show."""


@dataclass(slots=True)
class Shown:
    """A bar with rate and time to go on a terminal; else a line for each refusal, and one every five seconds."""

    out: TextIO
    clock: Callable[[], float]
    bar: bool
    total: int = 0
    done: int = 0
    started: float = 0.0
    last: float = 0.0

    def begin(self, total: int) -> None:
        """Start the clock."""
        self.total = total
        self.started = self.last = self.clock()

    def file_done(self, name: str, outcome: str) -> None:
        """Count it, and show it when it is time to."""
        self.done += 1
        refused = outcome.startswith("refused")
        now = self.clock()
        if refused:
            self._clear()
            print(f"{_printable(name)}: {outcome}", file=self.out)
        due = _BAR_EVERY_SECONDS if self.bar else _LINE_EVERY_SECONDS
        if now - self.last >= due or (self.bar and (refused or self.done == self.total)):
            self.last = now
            self._show(now)

    def end(self) -> None:
        """Leave the terminal's line empty."""
        self._clear()

    def _show(self, now: float) -> None:
        rate = self.done / max(now - self.started, 1e-6)
        to_go = (self.total - self.done) / rate if rate else 0.0
        figures = f"{self.done}/{self.total} files, {rate:.1f}/s, {_duration(to_go)} to go"
        if not self.bar:
            print(figures, file=self.out, flush=True)
            return
        full = _WIDTH * self.done // max(self.total, 1)
        print(f"\r\x1b[K{'█' * full}{'░' * (_WIDTH - full)} {figures}", end="", file=self.out, flush=True)

    def _clear(self) -> None:
        if self.bar:
            print("\r\x1b[K", end="", file=self.out, flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def _printable(name: str) -> str:
    """A file's name may hold control characters that would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "�" for letter in name)
