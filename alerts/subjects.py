"""What an SLI reads, made up: counters and gauges of every kind of SLI, for the tests that prove its alerts.

Where `group_by` finds groups in the series there are two, of which only the first ever fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from alerts.selectors import (
    Selector,
    UnprovenError,
    complement,
    counter_in,
    example,
    gauge_in,
    labels_for,
    quotient,
    read_by,
    selector_of,
)
from alerts.traffic import Counter, Gauge, InputSeries, NativeHistogram, Source, Stretch, healthy
from slo import names
from slo.promql import WINDOW, Matcher
from slo.quantities import format_number
from slo.sli import base_labels, matchers
from slo.spec import (
    SLO,
    Cell,
    CompositeSLI,
    Direction,
    EventsSLI,
    LatencySLI,
    RatioSLI,
    RawSLI,
    Spec,
    TimeSliceSLI,
    cell,
)

SICK, WELL = "one", "two"
"""The groups of an SLO with `group_by`: only the first has errors."""
INFINITE = "+Inf"


@dataclass(frozen=True, slots=True)
class Subject:
    """An SLO whose traffic can be made up.

    Attributes:
        components: Subjects of a composite, first the one that fails alone; empty for other kinds.
        slice: Length of its time slices in seconds; with them a stretch is bad or good as a whole. None where any error ratio can be made up.
        sources: What it reads; of the healthy group apart.
        reads: What its rules select.
    """

    slo: SLO
    sources: tuple[Source, ...]
    well: tuple[Source, ...]
    reads: tuple[Selector, ...]
    slice: Decimal | None = None
    components: tuple[Subject, ...] = ()

    @property
    def native(self) -> bool:
        """Whether a native histogram is among its sources."""
        return any(isinstance(source, NativeHistogram) for source in self.sources)

    @property
    def groups(self) -> tuple[Cell, ...]:
        """Labels of the group that fails and of the one that does not; one without labels where nothing is grouped."""
        names_ = self.slo.group_by
        return tuple(tuple(sorted((name, value) for name in names_)) for value in (SICK, WELL)) if names_ else ((),)

    @property
    def counts(self) -> bool:
        """Whether its windows weigh events, not time."""
        return not isinstance(self.slo.sli, RawSLI | TimeSliceSLI)

    def series(self, stretches: Iterable[Stretch]) -> tuple[InputSeries, ...]:
        """Its series under this traffic, each once."""
        told = tuple(stretches)
        ill = [source.told(told) for source in self.sources]
        well = [source.told(healthy(told)) for source in self.well]
        return tuple({entry.series: entry for entry in (*well, *ill)}.values())

    def overlaps(self, other: Subject) -> bool:
        """Whether the rules of one would see the traffic of the other."""
        return _sees(self, other) or _sees(other, self)


def subject_of(spec: Spec, slo: SLO) -> Subject:
    """The SLO with what it reads.

    Raises:
        UnprovenError: Traffic cannot be made up for it.
    """
    if isinstance(slo.sli, CompositeSLI):
        return _composite(spec, slo, slo.sli)
    groups = [dict.fromkeys(slo.group_by, value) for value in (SICK, WELL)] if slo.group_by else [{}]
    ill, *well = (tuple(_sources(slo, group)) for group in groups)
    length = slo.sli.slice if isinstance(slo.sli, TimeSliceSLI) else None
    return Subject(slo, ill, well[0] if well else (), _reads(slo), length)


def _composite(spec: Spec, slo: SLO, sli: CompositeSLI) -> Subject:
    parts = tuple(subject_of(spec, spec.slo(component)) for component, _ in sli.components)
    for number, part in enumerate(parts):
        for other in parts[:number]:
            if part.overlaps(other):
                raise UnprovenError(f"its components {other.slo.id} and {part.slo.id} read the same series")
    slices = [part.slice for part in parts if part.slice is not None]
    return Subject(
        slo,
        tuple(source for part in parts for source in part.sources),
        tuple(source for part in parts for source in part.well),
        tuple(selector for part in parts for selector in part.reads),
        max(slices) if slices else None,
        parts,
    )


def _sources(slo: SLO, group: dict[str, str]) -> Iterator[Source]:
    sli = slo.sli
    if isinstance(sli, RawSLI):
        yield from _raw(sli, group)
    elif isinstance(sli, TimeSliceSLI) and isinstance(sli.of, str):
        yield _value(sli, sli.of, group)
    else:
        counted = sli.of if isinstance(sli, TimeSliceSLI) else sli
        if isinstance(counted, RatioSLI):
            yield from _ratio(slo, counted, group)
        elif isinstance(counted, LatencySLI):
            yield from _latency(slo, counted, group)
        elif isinstance(counted, EventsSLI):
            yield from _events(counted, group)


def _ratio(slo: SLO, sli: RatioSLI, group: dict[str, str]) -> Iterator[Source]:
    for bad, values in ((False, sli.good), (True, sli.bad)):
        value = next((found for pattern in values for found in example(pattern)), None)
        if value is None:
            raise UnprovenError(f"no value of {sli.label} was found for {' or '.join(values)}")
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


def _events(sli: EventsSLI, group: dict[str, str]) -> Iterator[Source]:
    named, is_bad = (sli.bad, True) if sli.bad is not None else (sli.good or "", False)
    yield from _part_of(counter_in(sli.valid), counter_in(named), group, is_bad=is_bad)


def _part_of(valid: Selector, part: Selector, group: dict[str, str], *, is_bad: bool) -> Iterator[Source]:
    """Counters of valid events and of a part of them: two kinds of one metric, or a metric for each."""
    both = labels_for((valid, part), fixed=group) if valid.metric == part.metric else None
    if both is not None:
        rest = labels_for((valid,), (part,), group)
        if rest is None:
            raise UnprovenError(f"every event of {valid.metric} seems to be {'bad' if is_bad else 'good'}")
        yield Counter(_written(valid.metric, both), is_bad)
        yield Counter(_written(valid.metric, rest), not is_bad)
        return
    for selector, bad in ((valid, None), (part, is_bad)):
        labels = labels_for((selector,), fixed=group)
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


def _value(sli: TimeSliceSLI, expression: str, group: dict[str, str]) -> Gauge:
    gauge = gauge_in(expression) if WINDOW in expression else None
    if gauge is None:
        raise UnprovenError("its value is more than that of one gauge over the slice")
    over, under = sli.limit + abs(sli.limit) / 100, sli.limit - abs(sli.limit) / 100
    if sli.limit == 0:
        over, under = Decimal(1), Decimal(-1)
    well, ill = (over, under) if sli.direction is Direction.AT_LEAST else (under, over)
    return Gauge(_series_of(gauge, group), well, ill, steep=True)


def _series_of(gauge: Selector, group: dict[str, str]) -> str:
    labels = labels_for((gauge,), fixed=group)
    if labels is None:
        raise UnprovenError(f"no labels were found that {gauge.metric}'s conditions let through")
    return _written(gauge.metric, labels)


def _written(metric: str, labels: dict[str, str]) -> str:
    return metric + matchers(cell(labels))


def _reads(slo: SLO) -> tuple[Selector, ...]:
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


def _sees(one: Subject, other: Subject) -> bool:
    series = [selector_of(source.series) for source in (*other.sources, *other.well)]
    found = [(entry.metric, {matcher.label: matcher.value for matcher in entry.matchers}) for entry in series]
    return any(selector.takes(metric, labels) for selector in one.reads for metric, labels in found)
