"""Reading a truth file: how many requests, how they ended, and how late the tokens left."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from simulator.errors import InvalidInputError


def read_truth(path: Path) -> list[dict[str, Any]]:
    """The records of a file, in the order in which the requests ended; the anchor line is left out.

    Raises:
        InvalidInputError: The file cannot be read, or a line is no record. A last line without its end is passed over: it is being written.
    """
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}") from None
    records: list[dict[str, Any]] = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise InvalidInputError(f"{path}:{number}: is no line of a truth file") from None
        if "anchor" not in record:
            records.append(record)
    return records


def lateness(records: list[dict[str, Any]]) -> list[float]:
    """How much later than planned each token left, in seconds, sorted."""
    pairs = (zip(record["planned"], record["sent"], strict=False) for record in records)
    return sorted(sent - planned for both in pairs for planned, sent in both)


def quantile(ordered: list[float], share: float) -> float | None:
    """The value that `share` of an ordered list do not exceed; None for an empty one."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def summary(path: Path) -> str:
    """A few lines for a person.

    Raises:
        InvalidInputError: As `read_truth`.
    """
    records = read_truth(path)
    late = lateness(records)
    ends = Counter(str(record["ended"]) for record in records)
    faults = Counter(record["fault"]["kind"] for record in records if record["fault"])
    waits = sorted(record["queue_wait_seconds"] for record in records if record["queue_wait_seconds"] is not None)
    lines = [
        f"requests    {len(records)}",
        f"ended       {_counts(ends)}",
        f"faults      {_counts(faults)}",
        f"tokens      {sum(record['tokens_sent'] for record in records)}",
        f"lateness    {_quantiles(late)}",
        f"queue wait  {_quantiles(waits)}",
    ]
    return "\n".join(lines)


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"


def _quantiles(ordered: list[float]) -> str:
    if not ordered:
        return "nothing to measure"
    named = {f"p{share * 100:g}": quantile(ordered, share) for share in (0.5, 0.95, 0.99)}
    return ", ".join(f"{name} {value:.6f} s" for name, value in {**named, "max": ordered[-1]}.items())
