"""What the simulator says it did, read from its truth (docs/simulator.md): how late its tokens left, and how each answer ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slo.errors import CourtSightError
from slo.statistics import extreme, p95, quantile

COMPLETE = "complete"
CHAT = "/v1/chat/completions"


class TruthError(CourtSightError):
    """The truth cannot be read, so nothing vouches for the simulator."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The simulator's side of a measurement.

    Attributes:
        requests: Questions that came.
        complete: Those whose answer left whole.
        endings: How many ended which way.
        faults: Questions on which a fault was inflicted.
        lateness: Seconds by which each token left after its plan.
        ttft: Seconds from each question's arrival to its first token.
    """

    requests: int
    complete: int
    endings: Mapping[str, int]
    faults: int
    lateness: tuple[float, ...]
    ttft: tuple[float, ...]

    @property
    def late_p95_seconds(self) -> float | None:
        """The lateness that a twentieth of the tokens exceeded; None when none left."""
        return p95(self.lateness).value

    def details(self) -> Mapping[str, Any]:
        """The figures for the evidence."""
        return {
            "requests": self.requests,
            "complete": self.complete,
            "endings": dict(sorted(self.endings.items())),
            "faults": self.faults,
            "tokens": len(self.lateness),
            "lateness_p50_seconds": quantile(self.lateness, 0.5).value,
            "lateness_p95_seconds": self.late_p95_seconds,
            "lateness_max_seconds": extreme(self.lateness, largest=True).value,
            "ttft_p50_seconds": quantile(self.ttft, 0.5).value,
            "ttft_p95_seconds": p95(self.ttft).value,
        }


def read_truth(path: Path, since: float = float("-inf")) -> Truth:
    """What happened to the questions that arrived at `since`, an instant of this machine's monotonic clock, or later.

    Raises:
        TruthError: The file is missing, or no truth. A last line without its end is passed over: its writer was killed.
    """
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except OSError as error:
        raise TruthError(f"the simulator's truth cannot be read: {error.strerror}") from None
    try:
        records = [record for record in _records(whole) if record["arrived"] >= since]
        endings = Counter(str(record["ended"]) for record in records)
        return Truth(
            requests=len(records),
            complete=endings[COMPLETE],
            endings=endings,
            faults=sum(record["fault"] is not None for record in records),
            lateness=tuple(
                sent - planned
                for record in records
                for planned, sent in zip(record["planned"], record["sent"], strict=False)
            ),
            ttft=tuple(record["sent"][0] - record["arrived"] for record in records if record["sent"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise TruthError(f"the simulator's truth is none: {type(error).__name__} {error}") from None


def _records(content: bytes) -> Iterator[Mapping[str, Any]]:
    for line in content.splitlines():
        record = json.loads(line)
        if "anchor" not in record and record["route"] == CHAT:
            yield record
