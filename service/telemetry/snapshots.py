"""The metrics of several workers as one page: snapshots of their registries, merged by a rule for each kind.

Counters and histograms are summed; a worker that is gone leaves its last snapshot in a base, so that no counter goes back.
Gauges follow `GAUGE_RULES` and are of living workers only. Of exemplars, the newest of a series stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar

from service.telemetry.pages import PageWriter, in_turns, wants_openmetrics
from service.telemetry.standing import FamilyRead, Reader, Standing, whole

ACTIVE = "chatbot_active_conversations"
SERIES = "chatbot_metric_series"
WORKERS = "chatbot_workers"
_ADDED = frozenset({"counter", "histogram", "summary", "gaugehistogram"})
Rule = Callable[[Sequence[float]], float]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


GAUGE_RULES: Mapping[str, Rule] = {
    ACTIVE: sum,
    "chatbot_requests_in_flight": sum,
    "chatbot_free_model_efficiency_ratio": _mean,
    "chatbot_llm_circuit_state": max,
    "chatbot_budget_used_ratio": max,
    "chatbot_dependency_up": min,
    "chatbot_dependency_latency_seconds": max,
    "chatbot_pool_connections": sum,
    "chatbot_retention_behind_seconds": max,
    "process_resident_memory_bytes": sum,
    "process_virtual_memory_bytes": sum,
    "process_open_fds": sum,
    "process_max_fds": min,
    "process_start_time_seconds": min,
}
"""How the gauges of several workers become one; where none is named, the largest stands (the worst, for most)."""

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Series:
    """One series of a family: what each worker says, and the newest exemplar as (labels, value, timestamp)."""

    values: list[float] = field(default_factory=list)
    exemplar: tuple[dict[str, str], float, float | None] | None = None

    def take(self, value: float | None, exemplar: Sequence[Any] | None) -> None:
        """Add what one more worker says."""
        # JSON has no NaN and says null: who has no value yet has no say.
        if value is not None:
            self.values.append(value)
        if exemplar and (self.exemplar is None or (exemplar[2] or 0.0) >= (self.exemplar[2] or 0.0)):
            self.exemplar = (exemplar[0], exemplar[1], exemplar[2])


@dataclass(slots=True)
class Family:
    """One family of a merged page."""

    name: str
    kind: str
    documentation: str
    unit: str
    series: dict[Key, Series] = field(default_factory=dict)

    def value_of(self, sample: str, series: Series) -> float:
        """The one value of what several workers say."""
        if sample.endswith("_created"):
            return min(series.values)
        if self.kind in _ADDED:
            return sum(series.values)
        if self.kind == "gauge":
            return GAUGE_RULES.get(self.name, max)(series.values) if series.values else math.nan
        return max(series.values)


Snapshot = list[list[Any]]
"""Families as JSON holds them: [name, kind, documentation, unit, [[sample, labels, value, exemplar], …]]."""


class Teller:
    """Tells what a registry shows, as a snapshot; the rows of a child are put into JSON once for as long as it stands."""

    def __init__(self, reader: Reader) -> None:
        """Tell what this reader reads."""
        self._reader = reader
        self._told: dict[str, _Told] = {}

    async def told_in_turns(self, clock: Callable[[], float]) -> list[orjson.Fragment]:
        """A snapshot as parts of a message, with turns for everybody else in between; `clock` gives monotonic seconds."""
        return await in_turns(self.told(), clock)

    def told(self) -> Iterator[orjson.Fragment]:
        """The same family by family, each made when it is wanted."""
        for family in self._reader.families():
            told = self._told.get(family.name)
            if told is None or told.family is not family:
                told = self._told[family.name] = _tell(family, told)
            yield told.fragment


@dataclass(frozen=True, slots=True)
class _Told:
    """A family as it was told last: what it was, the rows of each child, and all of it."""

    family: FamilyRead
    rows: Sequence[bytes]
    fragment: orjson.Fragment


def _tell(family: FamilyRead, before: _Told | None) -> _Told:
    known = dict(zip(before.family.children, before.rows, strict=True)) if before else {}
    rows = [known.get(child) or _rows(child) for child in family.children]
    head = orjson.dumps([family.name, family.kind, family.documentation, family.unit])
    return _Told(family, rows, orjson.Fragment(b"%b,[%b]]" % (head[:-1], b",".join(rows))))


def _rows(child: Standing) -> bytes:
    exemplars = child.exemplars or [None] * len(child.values)
    shown = zip(child.shape, child.values, exemplars, strict=True)
    return orjson.dumps([[*shape, value, _exemplar(exemplar)] for shape, value, exemplar in shown])[1:-1]


def _exemplar(exemplar: Exemplar | None) -> list[Any] | None:
    return [exemplar.labels, exemplar.value, exemplar.timestamp] if exemplar else None


class Base:
    """What workers that are gone have counted: one snapshot's size, however many there were."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def fold(self, last: Snapshot) -> None:
        """Add the last snapshot of a worker that is gone; its gauges and its info went with it."""
        _take(self._families, (family for family in last if family[1] in _ADDED))
        for family in self._families.values():
            for (sample, _), series in family.series.items():
                series.values = [family.value_of(sample, series)]

    def merged(self, living: Iterable[Snapshot]) -> dict[str, Family]:
        """The families of everybody, living and gone."""
        families: dict[str, Family] = {}
        for one in living:
            _take(families, one)
        for name, gone in self._families.items():
            family = families.setdefault(name, Family(gone.name, gone.kind, gone.documentation, gone.unit))
            for key, series in gone.series.items():
                family.series.setdefault(key, Series()).take(series.values[0], series.exemplar)
        return families


def _take(families: dict[str, Family], snapshot: Iterable[Sequence[Any]]) -> None:
    for name, kind, documentation, unit, samples in snapshot:
        family = families.setdefault(name, Family(name, kind, documentation, unit))
        for sample, labels, value, exemplar in samples:
            # Every worker runs the same code, so the order of labels is the same.
            family.series.setdefault((sample, tuple(labels.items())), Series()).take(value, exemplar)


def _metrics(families: Iterable[Family]) -> Iterator[Metric]:
    for family in families:
        metric = Metric(family.name, family.documentation, family.kind, family.unit)
        for (name, labels), series in family.series.items():
            exemplar = Exemplar(*series.exemplar) if series.exemplar else None
            metric.add_sample(name, dict(labels), family.value_of(name, series), exemplar=exemplar)
        yield metric


def render(
    families: dict[str, Family],
    workers: Mapping[str, int],
    active: int,
    accept: str,
    writer: PageWriter,
    *,
    packed: bool = False,
) -> tuple[bytes, str]:
    """The page of merged families, and its content type.

    Args:
        families: of everybody.
        workers: how many workers gave fresh figures, and of how many the last ones stand.
        active: active conversations; one that several workers answered counts once.
        accept: what the scraper asked for; OpenMetrics carries exemplars.
        writer: the one that wrote the page before, which knows most of its lines.
        packed: by gzip.
    """
    _set(families, ACTIVE, active)
    states = Family(
        WORKERS, "gauge", "Workers by whether they answered this scrape (silent: their last figures stand)", ""
    )
    for state, number in workers.items():
        states.series[WORKERS, (("state", state),)] = Series([number])
    families[WORKERS] = states
    _set(families, SERIES, sum(len(family.series) for family in families.values()))
    openmetrics, content_type = wants_openmetrics(accept)
    blocks = writer.written(map(whole, _metrics(families.values())), openmetrics=openmetrics)
    return b"".join(writer.encoded(blocks, openmetrics=openmetrics, packed=packed)), content_type


def _set(families: dict[str, Family], name: str, value: float) -> None:
    if name in families:
        families[name].series = {(name, ()): Series([value])}
