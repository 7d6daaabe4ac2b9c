"""Histories from CSV: `time,valid,bad`, with `slo` and the labels of `group_by` where they are asked for.

`time` is the begin of a step, as ISO 8601 (UTC without a zone) or seconds since the epoch; steps are equally long, and those that are left out or
have empty fields are gaps: nothing is known of them. `valid` alone makes a traffic shape. Rows count the events of their step, or what a
counter read at their time, which only rises between restarts; the two are never mistaken for each other silently.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from slo.errors import InvalidInput, Problem
from slo.quantities import QuantityError, plain_number
from slo.simulation.history import MOST_STEPS, Floats, Groups, History
from slo.simulation.incidents import instant
from slo.spec import SLO, Cell, cell

TIME, VALID, BAD, OF = "time", "valid", "bad", "slo"
MOST_ROWS = 3_000_000
"""Rows of one file: eleven SLOs over 90 days of minutes are 1,425,600."""
LONGEST_LINE = 10_000
LATEST = 253_402_300_799
"""Seconds: the last one of the year 9999. Milliseconds of our days are far beyond, and would make days out of minutes."""
MOST_PROBLEMS = 20
TOLD_EVERY = 250_000
"""Rows between two lines of progress."""
LEAST_RISES = 10
"""So many rows that rise, and none that falls, are a counter's totals: events of steps, even so few, fall about as often as they rise."""
RISES_IN_A_RESTART = 20
"""A counter falls seldom, and then far: less often than once in so many rises, to under half of what it was."""


class Counts(StrEnum):
    """What a row counts."""

    EVENTS = "events"
    TOTALS = "totals"


@dataclass(slots=True)
class _Rows:
    """What one series has so far: time, valid, bad and line of each row."""

    times: array[float] = field(default_factory=lambda: array("d"))
    valid: array[float] = field(default_factory=lambda: array("d"))
    bad: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class _Table:
    """A file that is being read."""

    name: str
    counts: Counts | None = None
    problems: list[Problem] = field(default_factory=list)
    series: dict[tuple[str, Cell], _Rows] = field(default_factory=dict)

    def wrong(self, line: int | None, message: str, advice: str) -> None:
        """Take a problem down; too many end the reading."""
        self.problems.append(Problem(self.name, line, "", message, advice))
        if len(self.problems) >= MOST_PROBLEMS:
            raise InvalidInput(tuple(self.problems))


def read_table(
    lines: Iterable[str],
    name: str,
    slos: Iterable[SLO],
    *,
    step: float | None = None,
    needs_bad: bool = True,
    counts: Counts | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Mapping[str, Groups]:
    """The histories that a CSV file holds, by id of the SLO.

    Args:
        lines: The file's lines; they are read once.
        name: How problems call the file.
        slos: SLOs that may stand in it. Without a column `slo` its rows are those of each of them.
        step: Seconds of a step; None for the smallest distance of two rows.
        needs_bad: Whether there must be bad events; without them all of them are taken to be good.
        counts: What a row counts; None for the events of its step, unless it looks like a counter's totals, which is then a problem.
        progress: Called with the count of rows, now and then.

    Raises:
        InvalidInput: It cannot be used; every problem names its line and its mend.
    """
    table, known = _Table(name, counts), {slo.id: slo for slo in slos}
    rows = _numbered(lines, table)
    head = next(rows, None)
    if head is None:
        raise InvalidInput((Problem(name, None, "", "is empty", "its first line must be time,valid,bad"),))
    labels = sorted({label for slo in known.values() for label in slo.group_by})
    columns = _columns(head[1], table, labels, needs_bad=needs_bad)
    for count, (number, row) in enumerate(rows, start=1):
        if count > MOST_ROWS:
            table.wrong(number, f"is longer than {MOST_ROWS} rows", "take longer steps, or fewer SLOs at once")
            break
        if count % TOLD_EVERY == 0:
            progress(count)
        _take(row, number, columns, known, table)
    if table.problems:
        raise InvalidInput(tuple(table.problems))
    found = {key: _history(rows_of, table, step) for key, rows_of in table.series.items()}
    if not found:
        table.wrong(None, "holds no row", "write a row for each step below the first line")
    if table.problems:
        raise InvalidInput(tuple(table.problems))
    return _by_slo(found, known, table)


def _numbered(lines: Iterable[str], table: _Table) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their line, empty lines left out."""

    def bounded() -> Iterator[str]:
        for number, line in enumerate(lines, start=1):
            if len(line) > LONGEST_LINE:
                table.wrong(number, f"is longer than {LONGEST_LINE} characters", "is it CSV?")
                raise InvalidInput(tuple(table.problems))
            yield line

    reader = csv.reader(bounded(), strict=True)
    try:
        for row in reader:
            if any(entry.strip() for entry in row):
                yield reader.line_num, [entry.strip() for entry in row]
    except csv.Error as error:
        table.wrong(reader.line_num, f"is no CSV: {error}", "quote fields with double quotes, or not at all")
        raise InvalidInput(tuple(table.problems)) from None
    except UnicodeDecodeError:
        table.wrong(reader.line_num + 1, "is not UTF-8", "save the file as UTF-8 text")
        raise InvalidInput(tuple(table.problems)) from None


def _columns(head: list[str], table: _Table, labels: list[str], *, needs_bad: bool) -> dict[str, int]:
    head = [head[0].lstrip("\ufeff"), *head[1:]] if head else head
    needed = [TIME, VALID, *([BAD] if needs_bad else [])]
    other = next((sign for sign in ";\t|" if len(head) == 1 and sign in head[0]), None)
    if other is not None:
        advice = f"write commas, and a point in decimals: {','.join(needed)}"
        table.wrong(1, f"parts its columns by {other!r}", advice)
        raise InvalidInput(tuple(table.problems))
    allowed = [TIME, VALID, BAD, OF, *labels]
    for column in head:
        if column not in allowed:
            near = get_close_matches(column[:60], allowed, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(allowed)}"
            table.wrong(1, f"there is no column {column[:60]!r}", advice)
        elif head.count(column) > 1:
            table.wrong(1, f"the column {column!r} stands twice", "keep one of them")
    for column in needed:
        if column not in head:
            table.wrong(1, f"lacks the column {column!r}", f"the first line names the columns: {','.join(needed)}")
    if table.problems:
        raise InvalidInput(tuple(dict.fromkeys(table.problems)))
    return {column: place for place, column in enumerate(head)}


def _take(row: list[str], number: int, columns: Mapping[str, int], known: Mapping[str, SLO], table: _Table) -> None:
    if len(row) != len(columns):
        table.wrong(number, f"has {len(row)} fields, the first line {len(columns)}", "write one field for each column")
        return
    of = row[columns[OF]] if OF in columns else ""
    if OF in columns and of not in known:
        near = get_close_matches(of[:60], known, n=1)
        table.wrong(number, f"there is no SLO {of[:60]!r}", f"did you mean {near[0]}?" if near else _list(known))
        return
    at = _time(row[columns[TIME]], number, table)
    valid = _count(row[columns[VALID]], VALID, number, table)
    bad = _count(row[columns[BAD]], BAD, number, table) if BAD in columns else 0.0
    if at is None or valid is None or bad is None:
        return
    if bad > valid * (1 + 1e-9) and table.counts is not Counts.TOTALS:
        table.wrong(number, f"has {bad:g} bad of {valid:g} valid events", "valid counts the good and the bad ones")
        return
    labels = {name: row[place] for name, place in columns.items() if name not in (TIME, VALID, BAD, OF)}
    rows = table.series.setdefault((of, cell(labels)), _Rows())
    rows.times.append(at)
    rows.valid.append(valid)
    rows.bad.append(bad)
    rows.lines.append(number)


def _time(text: str, number: int, table: _Table) -> float | None:
    seconds = plain_number(text)
    if seconds is not None and seconds > LATEST:
        table.wrong(number, f"time: {text[:60]} lies after the year 9999", "write seconds, not milliseconds: divide it")
        return None
    if seconds is not None:
        return float(seconds)
    try:
        return instant(text)
    except QuantityError as error:
        table.wrong(number, f"time: {error}", error.advice + ", or as seconds since the epoch")
        return None


def _count(text: str, column: str, number: int, table: _Table) -> float | None:
    """A count; an empty field is NaN, which is a gap."""
    if not text:
        return math.nan
    found = plain_number(text)
    if found is None or found < 0:
        table.wrong(
            number, f"{column}: {text[:60]!r} is no count", "write a number from zero on; leave unknown ones empty"
        )
        return None
    return float(found)


def _history(rows: _Rows, table: _Table, step: float | None) -> History:
    times = np.array(rows.times)
    order = np.argsort(times, kind="stable")
    times = times[order]
    apart = np.diff(times)
    twice = np.flatnonzero(apart <= 0)
    empty = History(0.0, 1.0, np.zeros(0), np.zeros(0))
    if len(twice):
        line = rows.lines[int(order[int(twice[0]) + 1])]
        table.wrong(line, "has the time of another row", "one row for each step and SLO: add their counts")
        return empty
    length = step or (float(apart.min()) if len(apart) else 60.0)
    places = (times - times[0]) / length
    if step is None and len(_crooked(places)):
        # A row that stands askew makes the smallest distance: it is told, and not all that stand as they should.
        length = _usual(apart)
        places = (times - times[0]) / length
    crooked = _crooked(places)
    if len(crooked):
        line = rows.lines[int(order[int(crooked[0])])]
        said = f"its time is no whole number of steps of {length:g} s after the first one"
        table.wrong(line, said, "take steps of one length, or give it with --step")
        return empty
    count = round(float(places[-1])) + 1
    if count > MOST_STEPS:
        said = f"reaches over {count} steps of {length:g} s; {MOST_STEPS} are the most"
        table.wrong(rows.lines[int(order[-1])], said, "look at the first and last time, or take longer steps")
        return empty
    valid, bad = np.full(count, np.nan), np.full(count, np.nan)
    at = np.round(places).astype(np.int64)
    valid[at], bad[at] = np.array(rows.valid)[order], np.array(rows.bad)[order]
    lines = np.zeros(count, dtype=np.int64)
    lines[at] = np.array(rows.lines)[order]
    if table.counts is Counts.TOTALS:
        return _between(History(float(times[0]), length, valid, bad), lines, table)
    if table.counts is None and _like_totals(valid, bad):
        said = "the counts from here on only rise, as the totals of a counter do, and not the events of each step"
        advice = f"say which they are: --counts {Counts.TOTALS} takes their differences, --counts {Counts.EVENTS} takes them as they are"
        table.wrong(int(lines[0]), said, advice)
    return History(float(times[0]), length, valid, bad)


def _crooked(places: Floats) -> NDArray[np.int64]:
    """The rows that stand at no whole step."""
    return np.flatnonzero(np.abs(places - np.round(places)) > 1e-3)


def _usual(apart: Floats) -> float:
    """The distance that most rows have; of those that are as many, the smallest."""
    lengths, counts = np.unique(np.round(apart, 3), return_counts=True)
    return float(lengths[int(np.argmax(counts))])


def _like_totals(valid: Floats, bad: Floats) -> bool:
    """Whether counts are a counter's: they rise and rise, but for a few restarts, and bad ones fall with a restart only."""
    known = ~np.isnan(valid) & ~np.isnan(bad)
    valid, bad = valid[known], bad[known]
    rises, falls = (int(truths.sum()) for truths in (np.diff(valid) > 0, np.diff(valid) < 0))
    restarts = valid[1:] < valid[:-1] / 2
    alone = (np.diff(bad) < 0) & ~restarts
    return rises >= LEAST_RISES and falls * RISES_IN_A_RESTART <= rises and falls == restarts.sum() and not alone.any()


def _between(read: History, lines: NDArray[np.int64], table: _Table) -> History:
    """Events between each reading of two counters and the next; what a counter has after a restart, it counted since."""
    valid, bad = (np.where(np.diff(totals) < 0, totals[1:], np.diff(totals)) for totals in (read.valid, read.bad))
    wrong = np.flatnonzero(bad > valid * (1 + 1e-9))
    if len(wrong):
        step = int(wrong[0])
        said = f"has {bad[step]:g} bad of {valid[step]:g} valid events more than the row before"
        table.wrong(int(lines[step + 1]), said, "valid counts the good and the bad ones")
    if not len(valid):
        table.wrong(int(lines[0]), "is the only row: between two totals lie events", "write a row for each step")
    return History(read.start, read.step, valid, bad)


def _by_slo(found: Mapping[tuple[str, Cell], History], known: Mapping[str, SLO], table: _Table) -> Mapping[str, Groups]:
    every: dict[str, dict[Cell, History]] = {}
    for (of, labels), history in found.items():
        for slo in [known[of]] if of else known.values():
            group = cell({name: value for name, value in labels if name in slo.group_by})
            if group in every.setdefault(slo.id, {}):
                said = f"has rows of several groups, but {slo.id} is not grouped by {', '.join(name for name, _ in labels)}"
                table.wrong(None, said, "name the grouped SLO with --slo, or add a column slo")
                raise InvalidInput(tuple(table.problems))
            every[slo.id][group] = history
    return every


def _list(known: Mapping[str, SLO]) -> str:
    return "known are " + ", ".join(list(known)[:20])
