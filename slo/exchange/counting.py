"""From queries of others to our SLIs: good or bad and total, a ratio somebody computes, a value against a limit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from slo import names
from slo.exchange.ledger import Ledger, Place
from slo.exchange.queries import (
    Counter,
    QueryError,
    bare,
    complement,
    counter_of,
    difference,
    divided,
    duration_text,
    from_template,
    grouping_of,
    over_window,
    running_counter,
    threshold_of,
    windowed,
)
from slo.promql import read_expression
from slo.quantities import format_duration
from slo.sli import WINDOW

_RANGED, _RANGED_MEND = f"its own range became [{WINDOW}]", "look whether another range was meant to stay"
_SUMMED = "its series are summed, where each had a ratio of its own"


@dataclass(frozen=True, slots=True)
class Query:
    """A query of somebody's SLI.

    Attributes:
        counter: Without a window, it shows how far a counter has come; False for a number that goes up and down.
    """

    text: str
    place: Place
    counter: bool = True


@dataclass(frozen=True, slots=True)
class Indicator:
    """An SLI as our specs write it.

    Attributes:
        kind: Its key in an SLO: `events`, `latency`, `raw`, `time_slices`.
        entry: What stands below that key.
        group_by: Labels whose values are found in the series.
        slice: Seconds of the slices in which it looks at time, into which no window of an alert may be shorter; None where it counts events.
    """

    kind: str
    entry: dict[str, Any]
    group_by: tuple[str, ...] = ()
    slice: Decimal | None = None

    def written(self) -> dict[str, Any]:
        """As keys of an SLO."""
        return {self.kind: self.entry, **({"group_by": list(self.group_by)} if self.group_by else {})}


def event_counts(side: str, one: Query, valid: Query, ledger: Ledger) -> Indicator | None:
    """The SLI of good (or bad) and total queries; None when it cannot be carried, which is then a finding.

    Args:
        side: `good` or `bad`: what `one` counts.
        one: The numerator.
        valid: The denominator.
        ledger: Takes what is approximated or lost.
    """
    counted, whole = _over_window(one, ledger), _over_window(valid, ledger)
    if counted is None or whole is None:
        return None
    texts = (counted, whole)
    numerator, denominator = counter_of(texts[0]), counter_of(texts[1])
    latency = _latency(side, texts[0], numerator, denominator)
    if latency is not None:
        return latency
    groups = [
        (grouping_of(text) if counter is None else counter.grouped)
        for text, counter in zip(texts, (numerator, denominator), strict=True)
    ]
    if set(groups[0]) != set(groups[1]):
        said = f"is grouped by {', '.join(groups[0]) or 'nothing'}, the total by {', '.join(groups[1]) or 'nothing'}"
        ledger.lost(one.place, said, "group both by the same labels")
        return None
    if numerator is not None and denominator is not None and not _is_bucket(numerator) and not _is_bucket(denominator):
        return Indicator("events", {"valid": denominator.selector, side: numerator.selector}, groups[0])
    for text, query in zip(texts, (one, valid), strict=True):
        if read_expression(text).kept is None:
            ledger.approximated(query.place, _SUMMED, "name the labels that shall stay apart under group_by")
    # Both as increases or both as they are: a rate beside an increase would be off by the window's seconds.
    counts = [_counts(text) for text in texts] if _alike(numerator, denominator) else list(texts)
    return Indicator("events", {"valid": counts[1], side: counts[0]}, groups[0])


def error_ratio(query: Query, ledger: Ledger, *, success: bool = False) -> Indicator | None:
    """The SLI of a ratio that somebody computes; two sums of rates, divided, become events."""
    try:
        text = from_template(query.text)
    except QueryError as error:
        ledger.lost(query.place, str(error), error.advice)
        return None
    if not windowed(text) and (ranged := over_window(text)) is not None:
        ledger.approximated(query.place, _RANGED, _RANGED_MEND)
        text = ranged
    events = _divided(text, success=success)
    if events is not None:
        ledger.carried(
            query.place, "two sums, divided, are carried as events: counts are summed before they are divided"
        )
        return events
    if not windowed(text):
        text = _mean(text, query.place, ledger)
    return Indicator("raw", {"error_ratio": f"1 - ({text})" if success else text}, grouping_of(text))


def mean_of_slices(side: str, one: Query, valid: Query, length: Decimal, ledger: Ledger) -> Indicator | None:
    """The mean of the slices' ratios, in which a quiet slice weighs like a busy one, as an expression."""
    first, second = _over_window(one, ledger), _over_window(valid, ledger)
    if first is None or second is None:
        return None
    span = format_duration(length)
    alike = _alike(counter_of(first), counter_of(second))
    counted, whole = ((_counts(text) if alike else text).replace(WINDOW, span) for text in (first, second))
    ratio = f"({counted} or 0 * ({whole})) / ({whole} > 0)"
    mean = f"avg_over_time(({ratio})[{WINDOW}:{span}])"
    return Indicator("raw", {"error_ratio": f"1 - {mean}" if side == "good" else mean}, grouping_of(second), length)


def value_slices(query: Query, side: str, limit: str, length: Decimal, ledger: Ledger) -> Indicator | None:
    """Time slices whose worst value must keep a limit."""
    try:
        text = from_template(query.text)
    except QueryError as error:
        ledger.lost(query.place, str(error), error.advice)
        return None
    grouped = grouping_of(text)
    if not windowed(text):
        worst = "max_over_time" if side == "at_most" else "min_over_time"
        text = f"{worst}(({text})[{WINDOW}:])"
    return Indicator("time_slices", {"slice": format_duration(length), "value": text, side: limit}, grouped, length)


def _over_window(query: Query, ledger: Ledger) -> str | None:
    """The query over `[$window]`; None when our rules cannot ask it."""
    try:
        text = from_template(query.text)
    except QueryError as error:
        ledger.lost(query.place, str(error), error.advice)
        return None
    text = bare(text)
    if windowed(text):
        return text
    ranged = over_window(text)
    if ranged is not None:
        ledger.approximated(query.place, _RANGED, _RANGED_MEND)
        return ranged
    if query.counter:
        counter = running_counter(text)
        if counter is not None:
            return _increase(counter)
        said = "the counter it computes is followed sample by sample, so that a restart of one instance looks like one of all"
        ledger.approximated(query.place, said, "sum increases: sum(increase(…[{{.window}}]))")
        return f"increase(({text})[{WINDOW}:])"
    said = "a number that goes up and down is summed sample by sample"
    ledger.approximated(query.place, said, "count events, or write sum_over_time(…[{{.window}}])")
    return f"sum_over_time(({text})[{WINDOW}:])"


def _latency(side: str, text: str, numerator: Counter | None, whole: Counter | None) -> Indicator | None:
    if whole is None:
        return None
    found = None
    if side == "good" and numerator is not None:
        found = threshold_of(numerator, whole)
    elif side == "bad" and (pair := difference(text)) is not None and pair[0] == whole:
        found = threshold_of(pair[1], whole)
    if found is None:
        return None
    metric, threshold, where = found
    entry = {"metric": metric, "threshold": duration_text(threshold), **({"where": where} if where else {})}
    return Indicator("latency", entry, whole.grouped)


def _divided(text: str, *, success: bool) -> Indicator | None:
    """The events of a ratio, or of one less a ratio."""
    whole = bare(text)
    rest = complement(whole)
    pair = divided(whole if rest is None else rest)
    if pair is None or _is_bucket(pair[0]) or _is_bucket(pair[1]):
        return None
    side = "good" if success == (rest is None) else "bad"
    return Indicator("events", {"valid": pair[1].selector, side: pair[0].selector}, pair[1].grouped)


def _mean(text: str, place: Place, ledger: Ledger) -> str:
    counter = running_counter(text)
    if counter is not None and text.strip().startswith(counter.metric):
        return f"avg_over_time({counter.selector}[{WINDOW}])"
    ledger.approximated(
        place, "is averaged over each window", "write avg_over_time(…[{{.window}}]) where that is meant"
    )
    return f"avg_over_time(({text})[{WINDOW}:])"


def _increase(counter: Counter) -> str:
    by = f" by ({', '.join(counter.grouped)}) " if counter.grouped else ""
    return f"sum{by}(increase({counter.selector}[{WINDOW}]))"


def _counts(text: str) -> str:
    """A sum of rates as the sum of increases; anything else as it is."""
    counter = counter_of(text)
    return text if counter is None else _increase(counter)


def _alike(one: Counter | None, other: Counter | None) -> bool:
    return (one is None) == (other is None)


def _is_bucket(counter: Counter) -> bool:
    return counter.metric.endswith(names.BUCKET)
