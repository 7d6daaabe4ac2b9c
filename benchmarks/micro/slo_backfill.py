"""Thirty days of made-up past for Prometheus to start from, fast: text by joining, promtool in several processes, no two blocks over each other.

A program's part (`slo_scale.py`), not a program. A series' samples are its name put between ready-made ends (` 3000 1763712000`), which a computer does at the
speed of copying; sixteen patterns of traffic and errors share their ends among all SLOs. Time is cut where Prometheus cuts blocks, so that nothing is compacted
when it starts.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

HOUR = 3600
DAY = 24 * HOUR
PATTERNS = 16
EVENTS_A_SECOND = 10
"""Of each live service; what is made up for the past is of the same size."""
ERRORS_EVERY = 2000
"""Live, one request in so many fails."""
WIDE_BLOCK, NARROW_BLOCK = 18 * HOUR, 6 * HOUR
"""Lengths of blocks that promtool can write, for few and for many samples."""


class What(Enum):
    """What a series' values are."""

    BAD = "bad"
    VALID = "valid"
    RATIO = "ratio"
    GOOD_COUNTER = "good counter"
    BAD_COUNTER = "bad counter"


@dataclass(frozen=True, slots=True)
class Track:
    """One metric of every SLO.

    Attributes:
        labels: One for each SLO, in braces.
        since: First moment, seconds since the epoch.
        step: Seconds between two samples.
    """

    metric: str
    what: What
    labels: tuple[str, ...]
    since: int
    step: int


def events(pattern: int, moment: int) -> tuple[int, int]:
    """Bad and valid events of the five minutes that end then: busy by day, and half of the patterns err by day, half by night."""
    hour = moment // HOUR % 24
    busy = 9 <= hour < 17
    noise = (moment // 300 * 2_654_435_761 + pattern * 40_503) % 1000 / 1000
    valid = int((3000 if busy else 300) * (0.9 + 0.2 * noise))
    share = 0.0004 * (1 + pattern) * (8 if busy == (pattern % 2 == 0) else 1)
    return int(valid * share + noise), valid


def counted(moment: float, began: float) -> tuple[int, int]:
    """What the counters of good and bad requests of a live service show."""
    count = int((moment - began) * EVENTS_A_SECOND)
    return count, count // ERRORS_EVERY


def truth(pattern: int, begin: int, end: int, step: int) -> float:
    """The error ratio of what was made up between two moments."""
    pairs = [events(pattern, moment) for moment in range(begin, end, step)]
    return sum(bad for bad, _ in pairs) / sum(valid for _, valid in pairs)


def backfill(promtool: Path, tracks: tuple[Track, ...], folder: Path, now: int) -> tuple[int, float]:
    """Write every track up to now as blocks; gives the number of samples and the seconds it took. Progress goes to stderr."""
    began = time.monotonic()
    slices = list(_slices(tracks, now))
    sizes = [_samples(tracks, begin, end) for begin, end in slices]
    done, total = 0, sum(sizes)
    with ProcessPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        waiting = {
            pool.submit(_write, promtool, tracks, folder, piece, now): size
            for piece, size in zip(slices, sizes, strict=True)
        }
        for finished in as_completed(waiting):
            finished.result()
            done += waiting[finished]
            taken = time.monotonic() - began
            left = taken / done * (total - done)
            print(
                f"backfilling: {done / 1e6:.1f} of {total / 1e6:.1f} million samples, {left:.0f} s left",
                file=sys.stderr,
            )
    return total, time.monotonic() - began


def _slices(tracks: tuple[Track, ...], now: int) -> Iterator[tuple[int, int]]:
    """Spans of one block each: wide while only the sparse tracks have begun, narrow after that."""
    begin = min(track.since for track in tracks)
    dense = min((track.since for track in tracks if track.step < 300), default=now)
    while begin < now:
        size = WIDE_BLOCK if begin < dense else NARROW_BLOCK
        end = min(now, (begin // size + 1) * size)
        if begin < dense < end:
            end = min(end, -(-dense // NARROW_BLOCK) * NARROW_BLOCK)
        yield begin, end
        begin = end


def _moments(track: Track, begin: int, end: int) -> range:
    first = max(track.since, begin)
    return range(-(-first // track.step) * track.step, end, track.step)


def _samples(tracks: tuple[Track, ...], begin: int, end: int) -> int:
    return sum(len(_moments(track, begin, end)) * len(track.labels) for track in tracks)


def _write(promtool: Path, tracks: tuple[Track, ...], folder: Path, piece: tuple[int, int], now: int) -> None:
    text = folder / f"{folder.name}-{piece[0]}.om"
    with text.open("w", encoding="ascii") as file:
        file.writelines(_lines(tracks, *piece, now))
        file.write("# EOF\n")
    words = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    words += [f"--max-block-duration={WIDE_BLOCK // HOUR}h", text, folder]
    try:
        subprocess.run(list(map(str, words)), check=True, capture_output=True, timeout=600)
    finally:
        text.unlink()


def _lines(tracks: tuple[Track, ...], begin: int, end: int, now: int) -> Iterator[str]:
    for track in tracks:
        moments = _moments(track, begin, end)
        if not moments:
            continue
        kind = "counter" if "counter" in track.what.value else "gauge"
        yield f"# TYPE {track.metric.removesuffix('_total')} {kind}\n"
        ends = [_ends(track.what, pattern, moments, now) for pattern in range(PATTERNS)]
        for number, labels in enumerate(track.labels):
            name = track.metric + labels
            yield name + name.join(ends[number % PATTERNS])


def _ends(what: What, pattern: int, moments: range, now: int) -> list[str]:
    return [f" {_value(what, pattern, moment, now)} {moment}\n" for moment in moments]


def _value(what: What, pattern: int, moment: int, now: int) -> float:
    if what in (What.GOOD_COUNTER, What.BAD_COUNTER):
        return counted(moment, counters_began(now))[what is What.BAD_COUNTER]
    bad, valid = events(pattern, moment)
    if what is What.RATIO:
        return round(bad / valid, 9)
    return bad if what is What.BAD else valid


def counters_began(now: int) -> int:
    """When every service's counters were zero: long enough ago for the longest window that reads them."""
    return now - 4 * DAY


def relative(found: float, true: float) -> float:
    """By how much of the truth a number is wrong."""
    return math.inf if not true else abs(found - true) / true
