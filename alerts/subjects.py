"""What an SLI reads, made up: counters and gauges of every kind of SLI, for the tests that prove its alerts.

Where `group_by` finds groups in the series there are two, of which only the first ever fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from operator import mul

from alerts.coupled import Coupling, Leaf, joined
from alerts.selectors import Selector, clocked, selector_of
from alerts.sources import counts, on_instance, rate_of, reads, sources_of
from alerts.traffic import (
    MINUTE,
    Gauge,
    InputSeries,
    NativeHistogram,
    Rate,
    Source,
    Stretch,
    healthy,
    scattered,
)
from slo import names
from slo.budget import firing_ratio
from slo.spec import (
    SLO,
    Cell,
    CompositeSLI,
    EventsSLI,
    LatencySLI,
    RatioSLI,
    RawSLI,
    Spec,
    TimeSliceSLI,
    Window,
)

SICK, WELL = "one & only", "two"
"""The groups of an SLO with `group_by`: only the first has errors, and a name that is no word of an address."""
INSTANCE, INSTANCES = "instance", 3
"""How many instances share what is counted, and how they are called: as many as an SLI has kinds of bad events as a rule."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one of several instances counts, of the failing group and of the healthy one."""

    sources: tuple[Source, ...]
    well: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """An SLO whose traffic can be made up.

    Attributes:
        components: Subjects of a composite, first the one that fails alone; empty for other kinds. Where they share series, those that
            are no composites themselves.
        coupling: What these are told with together.
        parts: What each of several instances counts, another of the SLI's values on each; none where nothing is summed.
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
    parts: tuple[Part, ...] = ()
    coupling: Coupling | None = None

    @property
    def reach(self) -> Decimal:
        """The highest error ratio that it can have: one, unless some of its components never fail while others do."""
        if self.coupling is not None:
            return self.coupling.reach
        if not isinstance(self.slo.sli, CompositeSLI) or all(part.reach == 1 for part in self.components):
            return Decimal(1)
        weights = [weight for _, weight in self.slo.sli.components]
        reached = map(mul, weights, (part.reach for part in self.components))
        return sum(reached, Decimal(0)) / sum(weights, Decimal(0))

    def limit(self, window: Window) -> Decimal:
        """Error ratio of what fails of it above which the alert fires; one and more means that it never can."""
        return firing_ratio(self.slo, window) / self.reach

    @property
    def native(self) -> bool:
        """Whether a native histogram is among its sources."""
        return any(isinstance(source, NativeHistogram) for source in self.sources)

    def lone(self, *, closed: bool) -> bool:
        """Whether its slices hold a single one of the samples a minute apart where two are looked for.

        Args:
            closed: Ranges hold the sample on their left end, as Prometheus 2 has it; 3 does not.
        """
        if self.components:
            return any(part.lone(closed=closed) for part in self.components)
        if self.slice is None:
            return False
        if self.from_counters:
            return self.slice < MINUTE or (self.slice == MINUTE and not closed)
        return self.slice == MINUTE and not closed and any(isinstance(one, Gauge) and one.early for one in self.sources)

    @property
    def from_counters(self) -> bool:
        """Whether all that it reads counts events, so that nothing happens where there are none; a gauge has a value, or is NaN, at any time."""
        return not any(isinstance(source, Gauge) for source in self.sources)

    @property
    def groups(self) -> tuple[Cell, ...]:
        """Labels of the group that fails and of the one that does not; one without labels where nothing is grouped."""
        names_ = self.slo.group_by
        return tuple(tuple(sorted((name, value) for name in names_)) for value in (SICK, WELL)) if names_ else ((),)

    @property
    def counts(self) -> bool:
        """Whether its windows weigh events, not time."""
        return not isinstance(self.slo.sli, RawSLI | TimeSliceSLI)

    @property
    def events(self) -> bool:
        """Whether what it weighs are events down to its last component, so that a single one of them is little."""
        return self.counts and all(part.events for part in self.components)

    @property
    def leaves(self) -> tuple[Subject, ...]:
        """Its components, and theirs, that are no composites; itself where it is none."""
        return tuple(leaf for part in self.components for leaf in part.leaves) if self.components else (self,)

    @property
    def composites(self) -> tuple[Subject, ...]:
        """It and what is a composite among its components, and theirs."""
        return (self, *(one for part in self.components for one in part.composites)) if self.components else ()

    def series(self, stretches: Iterable[Stretch], others: Iterable[Stretch] | None = None) -> tuple[InputSeries, ...]:
        """Its series under this traffic, each once; the healthy group has the same without errors, or `others`."""
        told = tuple(stretches)
        apart = healthy(told) if others is None else tuple(others)
        return once((source.told(apart) for source in self.well), (source.told(told) for source in self.sources))

    def everywhere(self, stretches: Iterable[Stretch]) -> tuple[InputSeries, ...]:
        """The same traffic on several instances, where what is counted is summed over them."""
        told = tuple(stretches)
        if not self.parts:
            return self.series(told)
        parts = (_on(part, f"{INSTANCE}-{number}") for number, part in enumerate(self.parts))
        each = tuple(zip(parts, scattered(told, len(self.parts)), strict=True))
        well = (source.told(healthy(own)) for part, own in each for source in part.well)
        return once(well, (source.told(own) for part, own in each for source in part.sources))

    def everything(self) -> Iterator[Source]:
        """All that it may be told with."""
        yield from (*self.sources, *self.well)
        for part in self.parts:
            yield from (*part.sources, *part.well)
        for component in self.components:
            yield from component.everything()

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
    whole = _part(slo)
    length = slo.sli.slice if isinstance(slo.sli, TimeSliceSLI) else None
    return Subject(slo, whole.sources, whole.well, reads(slo), length, parts=_parts(slo))


def _part(slo: SLO, pick: int = 0) -> Part:
    groups = [dict.fromkeys(slo.group_by, value) for value in (SICK, WELL)] if slo.group_by else [{}]
    ill, *well = (tuple(sources_of(slo, group, pick)) for group in groups)
    return Part(ill, well[0] if well else ())


def _parts(slo: SLO) -> tuple[Part, ...]:
    """What several instances count; none of an SLI that counts nothing, or that asks for instances itself."""
    counted = slo.sli.of if isinstance(slo.sli, TimeSliceSLI) else slo.sli
    asked = {matcher.label for selector in reads(slo) for matcher in selector.matchers} | set(slo.group_by)
    if not isinstance(counted, RatioSLI | LatencySLI | EventsSLI) or names.INSTANCE in asked:
        return ()
    return tuple(_part(slo, pick) for pick in range(INSTANCES))


def _on(part: Part, instance: str) -> Part:
    """The same counters on one instance."""
    return Part(*(tuple(on_instance(source, instance) for source in sources) for sources in (part.sources, part.well)))


def once(*told: Iterable[InputSeries]) -> tuple[InputSeries, ...]:
    """Each series once, as it was told last."""
    return tuple({entry.series: entry for each in told for entry in each}.values())


def _composite(spec: Spec, slo: SLO, sli: CompositeSLI) -> Subject:
    parts = tuple(subject_of(spec, spec.slo(component)) for component, _ in sli.components)
    coupling, well = None, tuple(source for part in parts for source in part.well)
    if any(part.overlaps(other) for number, part in enumerate(parts) for other in parts[:number]):
        weights = _weights(spec, sli, Decimal(1))
        parts = tuple(subject_of(spec, spec.slo(leaf)) for leaf in weights)
        coupling = joined([_leaf(part, weights[part.slo.id]) for part in parts], _group(slo, SICK))
        healthy_ones = [_leaf(part, weights[part.slo.id], well=True) for part in parts]
        well = joined(healthy_ones, _group(slo, WELL)).sources if slo.group_by else ()
    slices = [part.slice for part in parts if part.slice is not None]
    return Subject(
        slo,
        tuple(source for part in parts for source in part.sources) if coupling is None else coupling.sources,
        well,
        tuple(selector for part in parts for selector in part.reads),
        max(slices) if slices else None,
        parts,
        coupling=coupling,
    )


def _group(slo: SLO, value: str) -> dict[str, str]:
    return dict.fromkeys(slo.group_by, value)


def _weights(spec: Spec, sli: CompositeSLI, whole: Decimal) -> dict[str, Decimal]:
    """What each component weighs that is no composite itself, by id; one that stands in several of them weighs their sum."""
    found: dict[str, Decimal] = {}
    for name, weight in sli.components:
        part, mine = spec.slo(name), whole * weight / sum(other for _, other in sli.components)
        inside = _weights(spec, part.sli, mine) if isinstance(part.sli, CompositeSLI) else {name: mine}
        for leaf, own in inside.items():
            found[leaf] = found.get(leaf, Decimal(0)) + own
    return found


def _leaf(part: Subject, weight: Decimal, *, well: bool = False) -> Leaf:
    """A component as it stands beside others that read the same series."""
    slo, own = part.slo, part.well if well and part.slo.group_by else part.sources
    counted = slo.sli.of if isinstance(slo.sli, TimeSliceSLI) else slo.sli
    valid, some, is_bad = counts(slo, counted)
    threshold = counted.threshold if isinstance(counted, LatencySLI) and valid is not None else None
    limit = None
    if isinstance(slo.sli, TimeSliceSLI) and isinstance(own[0], Rate):
        limit = rate_of(slo.sli)[1]
    elif isinstance(slo.sli, TimeSliceSLI) and isinstance(slo.sli.of, str):
        clock = clocked(slo.sli.of)
        limit = -slo.sli.limit if clock is not None and clock[0] else slo.sli.limit
    return Leaf(slo.id, weight, valid, some, is_bad, threshold, own, part.reads, limit)


def _sees(one: Subject, other: Subject) -> bool:
    series = [selector_of(source.series) for source in other.everything()]
    found = [(entry.metric, {matcher.label: matcher.value for matcher in entry.matchers}) for entry in series]
    return any(selector.takes(metric, labels) for selector in one.reads for metric, labels in found)
