"""Reads a registry child by child, and makes anew only what has counted since it was read last.

prometheus_client makes every sample of a page anew: 13 ms of processor time at 5,000 series, of which hardly any has changed since the last scrape. The numbers of a
family can be compared with those of last time for a fiftieth of that. A test holds what is read here to what the library gives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final, Generic, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from service.telemetry.instruments import LoopCounter, LoopGauge, LoopHistogram

_KNOWN: Final = frozenset({Counter, LoopCounter, Gauge, LoopGauge, Histogram, LoopHistogram})
"""Instruments whose children hold all that they show in cells, each of a number and an exemplar."""


Held = TypeVar("Held")

_TOGETHER: Final = 64
"""So many samples of a family of which nothing is remembered stand for one child: what is written of it can stand in parts."""

Shape = Sequence[tuple[str, dict[str, str]]]
"""Name and labels of each sample of a child."""


@dataclass(slots=True, eq=False)
class Standing:
    """What one child shows: the same object for as long as its numbers stand, of the same shape for as long as it lives."""

    shape: Shape
    values: Sequence[float]
    exemplars: Sequence[Exemplar | None] = ()
    """One for each sample, or none at all."""

    @property
    def samples(self) -> list[Sample]:
        """The same as the library has it."""
        exemplars = self.exemplars or [None] * len(self.values)
        shown = zip(self.shape, self.values, exemplars, strict=True)
        return [Sample(*shape, value, None, exemplar) for shape, value, exemplar in shown]


@dataclass(frozen=True, slots=True)
class FamilyRead:
    """One family as it stood at one moment; the same object for as long as all of it stands."""

    name: str
    kind: str
    documentation: str
    unit: str
    children: Sequence[Standing]


def whole(family: Metric) -> FamilyRead:
    """A family of which nothing is remembered."""
    samples = family.samples
    children = [_together(samples[first : first + _TOGETHER]) for first in range(0, len(samples), _TOGETHER)]
    return FamilyRead(family.name, family.type, family.documentation, family.unit, children)


def _together(samples: Sequence[Sample]) -> Standing:
    exemplars = [sample.exemplar for sample in samples]
    shape = [(sample.name, sample.labels) for sample in samples]
    return Standing(shape, [float(sample.value) for sample in samples], exemplars if any(exemplars) else ())


class Reader:
    """Remembers what each child of a registry showed when it was read last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Read this registry; it counts no moments of birth (`disable_created_metrics`)."""
        self._registry = registry
        self._known: dict[Collector, _Instrument] = {}

    def families(self) -> Iterator[FamilyRead]:
        """Every family in the order of the registry, each read at one go when it is wanted."""
        # The library has no other way to ask one collector after the other; a copy, as it makes one itself.
        for collector in list(self._registry._collector_to_names):  # noqa: SLF001 - as said above
            known = self._known.get(collector)
            if known is None and type(collector) in _KNOWN:
                known = self._known[collector] = _instrument(collector)
            if known is None:
                yield from map(whole, collector.collect())
            else:
                yield known.read()


class _Instrument(Protocol):
    """One instrument as it stood, and as it stands."""

    def read(self) -> FamilyRead:
        """What it shows now."""


def _instrument(metric: Any) -> _Instrument:  # noqa: ANN401 - the library's base of instruments has no public name
    return _Histograms(metric) if isinstance(metric, Histogram) else _Cells(metric)


class _Children(ABC, Generic[Held]):
    """The children of an instrument and what they held when they were read last.

    All of them are compared by one comparison of lists, and one by one only where that finds a difference.
    """

    def __init__(self, metric: Any) -> None:  # noqa: ANN401 - as above
        self._metric = metric
        self._children: list[Any] = []
        self._cells: list[Any] = []
        self._shapes: list[Shape] = []
        self._held: list[Held | None] = []
        self._read = FamilyRead(metric._name, metric._type, metric._documentation, metric._unit, [])  # noqa: SLF001 - see the module

    def read(self) -> FamilyRead:
        """What it shows now."""
        metric = self._metric
        # At one go: no thread adds a child in between.
        children = [*metric._metrics.values()] if metric._is_parent() else [metric]  # noqa: SLF001 - see the module
        if children != self._children:
            self._adopt(children)
        held = self._holding()
        if held != self._held:
            standing = [*self._read.children]
            for place, (now, before) in enumerate(zip(held, self._held, strict=True)):
                if now != before:
                    standing[place] = self._shown(place, now)
            self._held = [*held]
            self._read = replace(self._read, children=standing)
        return self._read

    def _adopt(self, children: list[Any]) -> None:
        """Take these for the children; those that were there before stand as they stood."""
        stood = zip(self._shapes, self._held, self._read.children, strict=True)
        before = dict(zip(self._children, stood, strict=True))
        kept = [before.get(child) or (_shape(self._metric, child), None, Standing((), ())) for child in children]
        self._children = children
        self._shapes, self._held = [shape for shape, _, _ in kept], [held for _, held, _ in kept]
        self._read = replace(self._read, children=[standing for _, _, standing in kept])
        self._look_at(children)

    @abstractmethod
    def _look_at(self, children: list[Any]) -> None:
        """Find the cells of these children."""

    @abstractmethod
    def _holding(self) -> list[Held]:
        """What each child holds now."""

    @abstractmethod
    def _shown(self, place: int, held: Held) -> Standing:
        """What a child shows that holds this."""


def _shape(metric: Any, child: Any) -> Shape:  # noqa: ANN401 - as above
    """Names and labels of a child as the library makes them."""
    labels = dict(zip(metric._labelnames, child._labelvalues, strict=False))  # noqa: SLF001 - without labels it has names only where the parent stands
    return [(metric._name + made.name, labels | made.labels) for made in child._child_samples()]  # noqa: SLF001 - see the module


class _Cells(_Children[tuple[float, Exemplar | None]]):
    """A counter or gauge: of each child one number, perhaps with an exemplar."""

    def _look_at(self, children: list[Any]) -> None:
        self._cells = [child._value for child in children]  # noqa: SLF001 - see the module

    def _holding(self) -> list[tuple[float, Exemplar | None]]:
        return [(cell._value, cell._exemplar) for cell in self._cells]  # noqa: SLF001 - see the module

    def _shown(self, place: int, held: tuple[float, Exemplar | None]) -> Standing:
        value, exemplar = held
        return Standing(self._shapes[place], [value], [exemplar] if exemplar else ())


class _Histograms(_Children[list[float]]):
    """A histogram: of each child the counts of its buckets and the sum. An exemplar comes with a count, so that only numbers are compared."""

    def _look_at(self, children: list[Any]) -> None:
        self._cells = [[*child._buckets, child._sum] for child in children]  # noqa: SLF001 - see the module

    def _holding(self) -> list[list[float]]:
        return [[cell._value for cell in cells] for cells in self._cells]  # noqa: SLF001 - see the module

    def _shown(self, place: int, held: list[float]) -> Standing:
        shape = self._shapes[place]
        values = [*accumulate(held[:-1])]
        values += values[-1], held[-1]
        exemplars = [cell._exemplar for cell in self._cells[place]]  # noqa: SLF001 - see the module
        exemplars.append(None)
        # Its samples end with count and sum; below a first edge that is negative there is no sum.
        del values[len(shape) :], exemplars[len(shape) :]
        return Standing(shape, values, exemplars if any(exemplars) else ())
