"""The counters and gauges behind one SLO, found in what its SLI says; and which of them its rules read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal

from alerts.coupled import INFINITE
from alerts.selectors import (
    Selector,
    UnprovenError,
    clocked,
    complement,
    counter_in,
    example,
    gauge_in,
    labels_for,
    quotient,
    rate_in,
    read_by,
    selector_of,
    takes_by,
)
from alerts.traffic import MINUTE, Counter, Gauge, NativeHistogram, Rate, Source
from slo import names
from slo.promql import WINDOW, Matcher
from slo.quantities import format_number
from slo.sli import base_labels, matchers
from slo.spec import SLI, SLO, Direction, EventsSLI, LatencySLI, RatioSLI, RawSLI, TimeSliceSLI, cell

NEAR = Decimal("0.02")
"""How far the growth that is good may lie from the limit, of the limit."""


def sources_of(slo: SLO, group: dict[str, str], pick: int) -> Iterator[Source]:
    """What an SLO reads, in which `group` fails or not; `pick` takes other values that it counts.

    Raises:
        UnprovenError: Traffic cannot be made up for it.
    """
    sli = slo.sli
    if isinstance(sli, RawSLI):
        yield from _raw(sli, group)
    elif isinstance(sli, TimeSliceSLI) and isinstance(sli.of, str):
        yield _growth(sli, group) if rate_in(sli.of) is not None else _value(sli, sli.of, group)
    else:
        counted = sli.of if isinstance(sli, TimeSliceSLI) else sli
        if isinstance(counted, RatioSLI):
            yield from _ratio(slo, counted, group, pick)
        elif isinstance(counted, LatencySLI):
            yield from _latency(slo, counted, group)
        elif isinstance(counted, EventsSLI):
            yield from _events(counted, group, pick)


def _ratio(slo: SLO, sli: RatioSLI, group: dict[str, str], pick: int) -> Iterator[Source]:
    for bad, values in ((False, sli.good), (True, sli.bad)):
        found = [one for pattern in values for one in example(pattern)]
        if not found:
            raise UnprovenError(f"no value of {sli.label} was found for {' or '.join(values)}")
        value = found[pick % len(found)]
        yield Counter(_written(sli.metric, {**dict(base_labels(sli, slo)), **group, sli.label: value}), bad)


def _latency(slo: SLO, sli: LatencySLI, group: dict[str, str]) -> Iterator[Source]:
    base = {**dict(base_labels(sli, slo)), **group}
    if sli.native:
        yield NativeHistogram(_written(sli.metric, base), math.ceil(math.log2(sli.threshold)))
        return
    # The client of the service writes edges as floats: le="4.0".
    edge = format_number(sli.threshold)
    yield Counter(
        _written(sli.metric + names.BUCKET, {**base, names.LE: edge if "." in edge else f"{edge}.0"}), bad=False
    )
    yield Counter(_written(sli.metric + names.BUCKET, {**base, names.LE: INFINITE}), bad=None)
    yield Counter(_written(sli.metric + names.COUNT, base), bad=None)


def _events(sli: EventsSLI, group: dict[str, str], pick: int) -> Iterator[Source]:
    named, is_bad = (sli.bad, True) if sli.bad is not None else (sli.good or "", False)
    yield from _part_of(counter_in(sli.valid), counter_in(named), group, is_bad=is_bad, pick=pick)


def _part_of(
    valid: Selector, part: Selector, group: dict[str, str], *, is_bad: bool, pick: int = 0
) -> Iterator[Source]:
    """Counters of valid events and of a part of them: two kinds of one metric, or a metric for each."""
    both = labels_for((valid, part), fixed=group, pick=pick) if valid.metric == part.metric else None
    if both is not None:
        rest = labels_for((valid,), (part,), group, pick)
        if rest is None:
            raise UnprovenError(f"every event of {valid.metric} seems to be {'bad' if is_bad else 'good'}")
        yield Counter(_written(valid.metric, both), is_bad)
        yield Counter(_written(valid.metric, rest), not is_bad)
        return
    for selector, bad in ((valid, None), (part, is_bad)):
        labels = labels_for((selector,), fixed=group, pick=pick)
        if labels is None:
            raise UnprovenError(f"no labels were found that {selector.metric}'s conditions let through")
        yield Counter(_written(selector.metric, labels), bad)


def _raw(sli: RawSLI, group: dict[str, str]) -> Iterator[Source]:
    inverse = complement(sli.error_ratio)
    text = sli.error_ratio if inverse is None else inverse
    gauge = gauge_in(text)
    if gauge is not None:
        well, ill = (Decimal(0), Decimal(1)) if inverse is None else (Decimal(1), Decimal(0))
        yield Gauge(_series_of(gauge, group), well, ill)
        return
    parts = quotient(text)
    if parts is None:
        raise UnprovenError("its error ratio is neither a quotient of two counters nor the mean of one gauge")
    part, valid = (counter_in(one) for one in parts)
    yield from _part_of(valid, part, group, is_bad=inverse is None)


def rate_of(sli: TimeSliceSLI) -> tuple[Selector, Decimal]:
    """The counter whose growth a slice looks at, and the limit as growth in a minute.

    Raises:
        UnprovenError: It looks at something else.
    """
    found = rate_in(sli.of) if isinstance(sli.of, str) else None
    if found is None:
        raise UnprovenError("its value is no growth of one counter")
    counter, each_second, times = found
    return counter, sli.limit / times * (MINUTE if each_second else MINUTE / sli.slice)


def _growth(sli: TimeSliceSLI, group: dict[str, str]) -> Rate:
    counter, limit = rate_of(sli)
    at_least = sli.direction is Direction.AT_LEAST
    if limit < 0 or (at_least and not limit):
        every = "good" if at_least else "bad"
        raise UnprovenError(f"no counter grows by less than nothing, so that every slice is {every}: raise its limit")
    series, lasts = _series_of(counter, group), int((sli.slice / MINUTE).to_integral_value(ROUND_CEILING))
    # A slice that holds one bad minute among good ones is bad: good is so near the limit, and bad so far from it, as that takes.
    near, far = limit * NEAR / lasts, 2 * limit * NEAR
    if at_least:
        return Rate(series, limit + near, limit - far, lasts)
    return Rate(series, limit - near, limit + far if limit else Decimal(lasts))


def _value(sli: TimeSliceSLI, expression: str, group: dict[str, str]) -> Gauge:
    clock = clocked(expression)
    read = expression if clock is None else clock[1]
    gauge = gauge_in(read) if WINDOW in expression else None
    if gauge is None:
        raise UnprovenError(
            "its value is more than that of one gauge over the slice, that gauge's time to now, or the growth of one counter: "
            "record it by a rule of your own, and look at that"
        )
    by, at_least = takes_by(read), sli.direction is Direction.AT_LEAST
    if clock is None:
        better = abs(sli.limit) / 100 or Decimal(1)
        best = "max_over_time" if at_least else "min_over_time"
    else:
        # A moment that was read a while ago is older than it was, by the slice at most.
        better = 2 * sli.slice
        best = "max_over_time"
    better = better if at_least else -better
    # A mean over the first bad slice holds the good sample before it: bad is so far from the limit that it is missed all the same.
    well, ill = sli.limit + better, sli.limit - 3 * better
    if clock is not None and clock[0]:
        well, ill = -well, -ill
    return Gauge(
        _series_of(gauge, group),
        well,
        ill,
        steep=True,
        rising=clock is not None,
        early=best in by and sli.slice >= MINUTE,
    )


def _series_of(gauge: Selector, group: dict[str, str]) -> str:
    labels = labels_for((gauge,), fixed=group)
    if labels is None:
        raise UnprovenError(f"no labels were found that {gauge.metric}'s conditions let through")
    return _written(gauge.metric, labels)


def _written(metric: str, labels: dict[str, str]) -> str:
    return metric + matchers(cell(labels))


def reads(slo: SLO) -> tuple[Selector, ...]:
    """What its rules select."""
    sli = slo.sli
    if isinstance(sli, RawSLI):
        return read_by(sli.error_ratio)
    counted = sli.of if isinstance(sli, TimeSliceSLI) else sli
    if isinstance(counted, str):
        return read_by(counted)
    if isinstance(counted, RatioSLI | LatencySLI):
        base = tuple(Matcher(name, "=", value) for name, value in base_labels(counted, slo))
        suffixes = ("",) if isinstance(counted, RatioSLI) else ("", names.BUCKET, names.COUNT)
        return tuple(Selector(counted.metric + suffix, base) for suffix in suffixes)
    if isinstance(counted, EventsSLI):
        return read_by(counted.valid) + read_by(counted.bad or counted.good or "")
    return ()


def counts(slo: SLO, counted: SLI | str) -> tuple[Selector | None, Selector | None, bool]:
    """What is counted as valid, a part of it, and whether that is the bad one; nothing for gauges and native histograms."""
    if isinstance(counted, RatioSLI):
        base = tuple(Matcher(name, "=", value) for name, value in base_labels(counted, slo))
        every, bad = (
            Selector(counted.metric, (*base, Matcher(counted.label, "=~", "|".join(values))))
            for values in (counted.good + counted.bad, counted.bad)
        )
        return every, bad, True
    if isinstance(counted, LatencySLI) and not counted.native:
        base = tuple(Matcher(name, "=", value) for name, value in base_labels(counted, slo))
        edge = Matcher(names.LE, "=~", f"{re.escape(format_number(counted.threshold))}([.]0)?")
        return (
            Selector(counted.metric + names.COUNT, base),
            Selector(counted.metric + names.BUCKET, (*base, edge)),
            False,
        )
    if isinstance(counted, EventsSLI):
        return counter_in(counted.valid), counter_in(counted.bad or counted.good or ""), counted.bad is not None
    if isinstance(counted, RawSLI):
        inverse = complement(counted.error_ratio)
        text = counted.error_ratio if inverse is None else inverse
        parts = quotient(text) if gauge_in(text) is None else None
        if parts is not None:
            return counter_in(parts[1]), counter_in(parts[0]), inverse is None
    return None, None, False


def on_instance(source: Source, instance: str) -> Source:
    """What it is as one instance exposes it."""
    found = selector_of(source.series)
    labels = {matcher.label: matcher.value for matcher in found.matchers}
    return replace(source, series=_written(found.metric, {**labels, names.INSTANCE: instance}))
