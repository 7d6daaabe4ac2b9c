"""Reads a registry child by child, and makes samples of those only that have counted since they were read last.

prometheus_client makes every sample of a page anew: 13 ms of processor time at 5,000 series, of which hardly any has changed since the last scrape. The numbers of a
child can be compared with those of last time for a fiftieth of that. A test holds what is read here to what the library gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from service.telemetry.instruments import LoopCounter, LoopHistogram

_KNOWN: Final = frozenset({Counter, LoopCounter, Gauge, Histogram, LoopHistogram})
"""Instruments whose children hold all that they show in cells, each of a number and an exemplar."""


@dataclass(slots=True, eq=False)
class Standing:
    """What one child shows: the same object for as long as its numbers stand."""

    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class FamilyRead:
    """One family as it stood at one moment."""

    name: str
    kind: str
    documentation: str
    unit: str
    children: Sequence[Standing]


def whole(family: Metric) -> FamilyRead:
    """A family of which nothing is remembered."""
    return FamilyRead(family.name, family.type, family.documentation, family.unit, [Standing(family.samples)])


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
                known = self._known[collector] = _Instrument(collector)
            if known is None:
                yield from map(whole, collector.collect())
            else:
                yield known.read()


class _Instrument:
    """One instrument and its children, as they stood."""

    def __init__(self, metric: Any) -> None:  # noqa: ANN401 - the library's base of instruments has no public name
        self._metric = metric
        self._children: list[Any] = []
        self._known: list[_Cell | _Buckets] = []

    def read(self) -> FamilyRead:
        metric = self._metric
        # At one go: no thread adds a child in between.
        children = [*metric._metrics.values()] if metric._is_parent() else [metric]  # noqa: SLF001 - see the module
        if children != self._children:
            before = dict(zip(self._children, self._known, strict=True))
            self._known = [before.get(child) or _begun(metric, child) for child in children]
            self._children = children
        standing = [known.now() for known in self._known]
        return FamilyRead(metric._name, metric._type, metric._documentation, metric._unit, standing)  # noqa: SLF001 - as above


def _begun(metric: Any, child: Any) -> _Cell | _Buckets:  # noqa: ANN401 - see `_Instrument`
    """A child with its names and labels as the library makes them."""
    labels = dict(zip(metric._labelnames, child._labelvalues, strict=False))  # noqa: SLF001 - without labels it has names only where the parent stands
    shape = [(metric._name + made.name, labels | made.labels) for made in child._child_samples()]  # noqa: SLF001 - see the module
    return (_Buckets if isinstance(child, Histogram) else _Cell)(child, shape)


class _Cell:
    """A counter or gauge, as it stood."""

    def __init__(self, child: Any, shape: list[tuple[str, dict[str, str]]]) -> None:  # noqa: ANN401 - see `_Instrument`
        self._cell = child._value  # noqa: SLF001 - see the module
        self._shape = shape[0]
        self._make()

    def now(self) -> Standing:
        """What it shows now."""
        cell = self._cell
        if cell._value != self._value or cell._exemplar is not self._exemplar:  # noqa: SLF001 - see the module
            self._make()
        return self._standing

    def _make(self) -> None:
        self._value, self._exemplar = self._cell._value, self._cell._exemplar  # noqa: SLF001 - see the module
        self._standing = Standing([Sample(*self._shape, self._value, None, self._exemplar)])


class _Buckets:
    """A histogram, as it stood. An exemplar comes with a count, so that only numbers are compared."""

    def __init__(self, child: Any, shape: list[tuple[str, dict[str, str]]]) -> None:  # noqa: ANN401 - see `_Instrument`
        self._buckets, self._sum = child._buckets, child._sum  # noqa: SLF001 - see the module
        self._shape = shape
        self._make([cell._value for cell in self._buckets], self._sum._value)  # noqa: SLF001 - as above

    def now(self) -> Standing:
        """What it shows now."""
        counts = [cell._value for cell in self._buckets]  # noqa: SLF001 - see the module
        if counts != self._counts or self._sum._value != self._total:  # noqa: SLF001 - as above
            self._make(counts, self._sum._value)  # noqa: SLF001 - as above
        return self._standing

    def _make(self, counts: list[float], total: float) -> None:
        self._counts, self._total = counts, total
        edges = [*accumulate(counts)]
        exemplars = [*(cell._exemplar for cell in self._buckets), None, None]  # noqa: SLF001 - see the module
        # Its samples end with count and sum; below a first edge that is negative there is no sum.
        shown = zip(self._shape, [*edges, edges[-1], total], exemplars, strict=False)
        self._standing = Standing([Sample(*shape, value, None, exemplar) for shape, value, exemplar in shown])
