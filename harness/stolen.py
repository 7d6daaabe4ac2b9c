"""How much processor time the host took away from this machine meanwhile: what a virtual machine's neighbours do to a measurement.

Linux counts it as steal, in `/proc/stat` (proc(5)): ticks in which a processor had something to do and the host ran somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

STAT: Final = Path("/proc/stat")
WORTH_TELLING: Final = 0.05
"""The share of the processors' time from which on it is told; below it, it is what a shared host usually takes."""
FEWEST_TICKS: Final = 200
"""A second of two processors, as most kernels count: a share of less says nothing."""
_USER_TO_STEAL: Final = slice(1, 9)
_STEAL: Final = 7
"""Steal is the eighth figure of the line; the two behind it (guest) are counted in the first two already."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Clock ticks of all processors since the machine started: all of them, and those that the host took."""

    total: int
    stolen: int


def ticks(stat: Path = STAT) -> Ticks | None:
    """What the kernel has counted until now; None where it does not tell (another system, an old kernel)."""
    try:
        words = stat.read_text(encoding="ascii").splitlines()[0].split()
        counted = [int(word) for word in words[_USER_TO_STEAL]]
        return Ticks(sum(counted), counted[_STEAL]) if words[0] == "cpu" else None
    except (OSError, ValueError, IndexError):
        return None


def stolen_share(before: Ticks | None, after: Ticks | None) -> float | None:
    """The share, 0 to 1, of the processors' time between two counts that the host took; None where nobody knows, or too few were counted."""
    if before is None or after is None or after.total - before.total < FEWEST_TICKS:
        return None
    return min(1.0, max(0.0, (after.stolen - before.stolen) / (after.total - before.total)))


def told(share: float | None) -> str:
    """The share in words, where it is worth telling, otherwise nothing."""
    if share is None or share < WORTH_TELLING:
        return ""
    return f"the host took {share:.0%} of the processors' time away meanwhile"
