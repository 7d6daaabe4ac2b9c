"""A warm start: hours of good traffic, written into Prometheus' storage before it starts, and marked as synthetic.

On an empty Prometheus all windows are equally young, and a few failures page within seconds; that would prove nothing about windows.
So the drill's Prometheus begins with counts under the very labels that the running service exposes (read from its own page), and
the live counters follow on as after a restart. Recorded counts are written as well: windows over an hour are summed from them.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from alerts.pace import Pace
from alerts.recording import BASE_WINDOW, LONGEST_RAW_WINDOW, slo_labels
from slo import names
from slo.sli import named
from slo.spec import SLO, LatencySLI, RatioSLI
from target.errors import StackError

SPARSE_SECONDS = 30
"""Step of the counters where no rule reads them; recorded counts stand for that time."""
DENSE_MARGIN_SECONDS = 15
"""Counters are written every second for this much longer than the longest window that reads them."""
PROMTOOL_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of the baseline; it grows by its turn of every `turns` events, and stays at nothing without turns."""

    name: str
    labels: Mapping[str, str]
    turn: int = 0
    turns: int = 0

    def value(self, events: int) -> int:
        """Its value after so many events of the service."""
        return (events + self.turns - 1 - self.turn) // self.turns if self.turns else 0


def live_counters(page: str, slo: SLO, instance: str) -> tuple[Counter, ...]:
    """The series behind the SLO as the service's own `/metrics` page exposes them, with the labels that scraping adds.

    Raises:
        StackError: The page has none: the SLI names a metric that the service lacks.
    """
    wanted = dict(named(slo).where)
    found = [
        (sample.name, dict(sample.labels))
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name in _metrics(slo) and wanted.items() <= sample.labels.items() and _valid(slo, sample.labels)
    ]
    if not any(_grows(slo, labels) for _, labels in found):
        raise StackError(
            f"The service's /metrics page has no series of {named(slo).metric} for {slo.id}: see make prove"
        )
    added = {**dict(slo.selector), "instance": instance}
    cells = sorted({_cell_key(slo, labels) for _, labels in found if _grows(slo, labels)})
    return tuple(_counter(slo, name, labels, cells, added) for name, labels in sorted(found, key=str))


def openmetrics(
    slo: SLO, counters: tuple[Counter, ...], instance: str, *, end: float, length: float, rate: float, scale: int
) -> Iterator[str]:
    """The baseline as OpenMetrics text, line by line.

    Args:
        slo: The SLO that it warms.
        counters: What is written, from `live_counters`.
        instance: host:port of the service, as scraped.
        end: Its last moment, in seconds since the epoch.
        length: Seconds that it covers.
        rate: Events per second, the same as the live traffic that follows.
        scale: The drill's scale.
    """
    pace = Pace(Decimal(scale))
    dense = float(pace.seconds(LONGEST_RAW_WINDOW)) + DENSE_MARGIN_SECONDS
    times = moments(length, dense)
    last_name = ""
    for one in counters:
        if one.name != last_name:
            yield f"# TYPE {one.name.removesuffix('_total')} {'counter' if one.name.endswith('_total') else 'unknown'}"
            last_name = one.name
        labels = _braces(one.labels)
        for time in times:
            yield f"{one.name}{labels} {one.value(math.floor(rate * time))} {end - length + time:.3f}"
    counted = rate * float(pace.seconds(BASE_WINDOW))
    every_second = [float(second) for second in range(math.floor(length) + 1)]
    recorded = _braces(dict(slo_labels(slo)))
    up = _braces({**dict(slo.selector), "instance": instance})
    for name, braces, value, steps in (
        (names.BAD_EVENTS_5M, recorded, 0.0, every_second),
        (names.VALID_EVENTS_5M, recorded, counted, every_second),
        (names.UP, up, 1.0, times),
    ):
        yield f"# TYPE {name} gauge"
        for time in steps:
            yield f"{name}{braces} {value:g} {end - length + time:.3f}"
    yield "# EOF"


def moments(length: float, dense: float) -> list[float]:
    """Seconds since the baseline's begin at which counters are written: sparse at first, every second at the end."""
    turn = max(0, math.floor(length - dense))
    return [
        *(float(second) for second in range(0, turn, SPARSE_SECONDS)),
        *(float(second) for second in range(turn, math.floor(length) + 1)),
    ]


def write_blocks(promtool: Path, lines: Iterator[str], folder: Path) -> Path:
    """Turn OpenMetrics lines into a storage folder for Prometheus to start from; give that folder.

    Raises:
        StackError: promtool refuses them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text, blocks = folder / "baseline.om", folder / "blocks"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(blocks)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROMTOOL_DEADLINE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"promtool could not write the baseline: {error}") from error
    text.unlink()
    if done.returncode:
        raise StackError(f"promtool could not write the baseline: {done.stderr.strip()[-500:]}")
    return blocks


def _metrics(slo: SLO) -> tuple[str, ...]:
    sli = named(slo)
    metric = sli.metric
    return (metric,) if isinstance(sli, RatioSLI) else tuple(metric + end for end in (names.BUCKET, names.COUNT))


def _valid(slo: SLO, labels: Mapping[str, str]) -> bool:
    sli = named(slo)
    return isinstance(sli, LatencySLI) or labels.get(sli.label) in sli.good + sli.bad


def _grows(slo: SLO, labels: Mapping[str, str]) -> bool:
    """Whether the baseline's good events count here: the first good outcome, and every bucket of a histogram."""
    sli = named(slo)
    return isinstance(sli, LatencySLI) or labels.get(sli.label) == sli.good[0]


def _cell_key(slo: SLO, labels: Mapping[str, str]) -> str:
    """What tells one counter or histogram of the metric from the next; the buckets of one histogram grow together."""
    sli = named(slo)
    apart = {names.LE} if isinstance(sli, LatencySLI) else {sli.label}
    return str(sorted(pair for pair in labels.items() if pair[0] not in apart))


def _counter(slo: SLO, name: str, labels: dict[str, str], cells: list[str], added: Mapping[str, str]) -> Counter:
    everything = {**labels, **added}
    if not _grows(slo, labels):
        return Counter(name, everything)
    return Counter(name, everything, cells.index(_cell_key(slo, labels)), len(cells))


def _braces(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
