"""A warm start: hours of good traffic, written into Prometheus' storage before it starts, and marked as synthetic.

On an empty Prometheus all windows are equally young, and a few failures page within seconds; that would prove nothing about windows.
So the drill's Prometheus begins with counts of every SLO whose alerts could speak, under the very labels that the running service exposes
and in the proportions of the live questions (both read from its own page), and the live counters follow on as after a restart.
Recorded counts are written as well: windows over an hour are summed from them.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from alerts.pace import Pace
from alerts.recording import BASE_WINDOW, LONGEST_RAW_WINDOW, slo_labels
from slo import names
from slo.quantities import format_number
from slo.spec import SLO, LatencySLI, RatioSLI
from target.errors import StackError

SPARSE_SECONDS = 30
"""Step of the counters where no rule reads them; recorded counts stand for that time."""
DENSE_MARGIN_SECONDS = 15
"""Counters are written every second for this much longer than the longest window that reads them."""
PROMTOOL_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of the baseline.

    Attributes:
        per_question: How much it grows with each question; nothing for what counts bad events.
    """

    name: str
    labels: Mapping[str, str]
    per_question: float

    def value(self, questions: float) -> int:
        """Its value after so many questions."""
        return math.floor(self.per_question * questions + 1e-9)


@dataclass(frozen=True, slots=True)
class Warmth:
    """What the baseline holds of one SLO: its counters, and how many valid events a question makes."""

    slo: SLO
    counters: tuple[Counter, ...]
    per_question: float


def warmths(page: str, slos: Iterable[SLO], instance: str) -> tuple[Warmth, ...]:
    """What there is to warm, as the service's own `/metrics` page shows it after some live questions.

    An SLO without an event in them stays cold: the drill's traffic makes none, so that nothing of it can burn.

    Raises:
        StackError: No question was answered yet, or the page lacks the series of an SLO.
    """
    samples = _samples(page)
    questions = _questions(samples)
    if not questions:
        raise StackError("The drill's service has answered no question yet: there is nothing to make a baseline of")
    found = (_warmth(slo, samples, questions, instance) for slo in slos if isinstance(slo.sli, RatioSLI | LatencySLI))
    return tuple(one for one in found if one.per_question)


def questions_of(page: str) -> float:
    """How many questions a service has answered so far, by its own `/metrics` page."""
    return _questions(_samples(page))


def _samples(page: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(page) for sample in family.samples]


def _questions(samples: Iterable[Sample]) -> float:
    return sum(sample.value for sample in samples if sample.name == names.REQUESTS_TOTAL)


def _warmth(slo: SLO, samples: Sequence[Sample], questions: float, instance: str) -> Warmth:
    wanted = dict(slo.sli.where) if isinstance(slo.sli, RatioSLI | LatencySLI) else {}
    own = [sample for sample in samples if _belongs(slo, sample) and wanted.items() <= sample.labels.items()]
    if not own:
        raise StackError(f"The service's /metrics page has no series of the SLI of {slo.id}: see make prove")
    added = {**dict(slo.selector), "instance": instance}
    valid = {_cell(slo, sample): sample.value for sample in own if _counts(slo, sample)}
    counters = tuple(
        Counter(
            sample.name,
            {**sample.labels, **added},
            valid.get(_cell(slo, sample), 0.0) / questions if _good(slo, sample) else 0.0,
        )
        for sample in sorted(own, key=lambda sample: (sample.name, sorted(sample.labels.items())))
    )
    return Warmth(slo, counters, sum(valid.values()) / questions)


def openmetrics(
    warm: Sequence[Warmth],
    selector: Mapping[str, str],
    instances: Sequence[str],
    *,
    end: float,
    length: float,
    rate: float,
    scale: int,
) -> Iterator[str]:
    """The baseline as OpenMetrics text, line by line; a series that two SLOs read is written once.

    Args:
        warm: What is written, from `warmths`.
        selector: Labels that every series of the service carries.
        instances: host:port of each service, as scraped.
        end: Its last moment, in seconds since the epoch.
        length: Seconds that it covers.
        rate: Questions per second, the same as the live traffic that follows.
        scale: The drill's scale.
    """
    pace = Pace(Decimal(scale))
    times = moments(length, float(pace.seconds(LONGEST_RAW_WINDOW)) + DENSE_MARGIN_SECONDS)
    counters = {(one.name, _braces(one.labels)): one for entry in warm for one in entry.counters}
    last_name = ""
    for (name, labels), one in sorted(counters.items()):
        if name != last_name:
            yield f"# TYPE {name.removesuffix('_total')} {'counter' if name.endswith('_total') else 'unknown'}"
            last_name = name
        for time in times:
            yield f"{name}{labels} {one.value(rate * time)} {end - length + time:.3f}"
    counted = rate * float(pace.seconds(BASE_WINDOW))
    every_second = [float(second) for second in range(math.floor(length) + 1)]
    recorded = [(_braces(dict(slo_labels(entry.slo))), counted * entry.per_question) for entry in warm]
    up = [(_braces({**selector, "instance": instance}), 1.0) for instance in instances]
    for name, series, steps in (
        (names.BAD_EVENTS_5M, [(labels, 0.0) for labels, _ in recorded], every_second),
        (names.VALID_EVENTS_5M, recorded, every_second),
        (names.UP, up, times),
    ):
        yield f"# TYPE {name} gauge"
        for labels, value in series:
            for time in steps:
                yield f"{name}{labels} {value:g} {end - length + time:.3f}"
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


def _belongs(slo: SLO, sample: Sample) -> bool:
    """Whether a rule reads this series for the SLO: its valid events, or its bucket edge and count."""
    sli = slo.sli
    if isinstance(sli, RatioSLI):
        return sample.name == sli.metric and sample.labels.get(sli.label) in sli.good + sli.bad
    if isinstance(sli, LatencySLI):
        return sample.name == sli.metric + names.COUNT or _is_edge(sli, sample)
    return False


def _is_edge(sli: LatencySLI, sample: Sample) -> bool:
    if sample.name != sli.metric + names.BUCKET:
        return False
    edge = format_number(sli.threshold)
    return sample.labels.get(names.LE) in (edge, f"{edge}.0")


def _counts(slo: SLO, sample: Sample) -> bool:
    """Whether the series counts each good event of the live questions once."""
    sli = slo.sli
    if isinstance(sli, RatioSLI):
        return sample.labels.get(sli.label) in sli.good
    return isinstance(sli, LatencySLI) and sample.name == sli.metric + names.COUNT


def _good(slo: SLO, sample: Sample) -> bool:
    """Whether it grows while all is well: good outcomes, and every bucket of a histogram, whose events were quick."""
    sli = slo.sli
    return not isinstance(sli, RatioSLI) or sample.labels.get(sli.label) in sli.good


def _cell(slo: SLO, sample: Sample) -> str:
    """What tells one counter or histogram of the metric from the next; the buckets of one histogram grow together."""
    apart = {names.LE} if isinstance(slo.sli, LatencySLI) else set()
    return str(sorted(pair for pair in sample.labels.items() if pair[0] not in apart))


def _braces(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
