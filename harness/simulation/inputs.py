"""From the words of the command line to histories: made up, read from CSV, or asked of a Prometheus."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from harness.simulation.from_prometheus import Asked, asked, step_for
from slo.errors import InvalidInput, Problem
from slo.quantities import QuantityError, parse_duration, parse_ratio
from slo.simulation.history import Groups, History, until
from slo.simulation.incidents import instant, parse_incident
from slo.simulation.replay import leaves
from slo.simulation.scenario import DEFAULT_START, Scenario, hit, load_scenario, told
from slo.simulation.tables import Counts, read_table
from slo.simulation.traffic import Shape, Traffic
from slo.spec import SLO, CompositeSLI, Spec, TimeSliceSLI

DAY = 86400.0
MONTH_DAYS = 31
LEAST_LEAD = 3 * DAY
LONGEST = 400 * DAY
"""Seconds: budgets are of months, and what is longer is a slip in a date."""
DEFAULT_STEP = 60.0
ADDRESSES = ("http://", "https://")
COARSE = 300.0
"""Seconds; the short windows of pages are this long."""

Read = TypeVar("Read")
Say = Callable[[str], object]
Connect = Callable[[str], Asked]


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What is replayed.

    Attributes:
        start: Begin of the simulated time, seconds since the epoch.
        dated: Whether the time is somebody's; otherwise only its days are counted.
        story: Where the history is from, in a sentence.
    """

    histories: Mapping[str, Groups]
    start: float
    dated: bool
    story: str


def gather(
    spec: Spec, slos: Sequence[SLO], options: argparse.Namespace, *, now: float, connect: Connect, say: Say
) -> Inputs:
    """The histories that the options ask for.

    Raises:
        InvalidInput: An option, a file or an address cannot be used.
        PrometheusDown: Prometheus gives no answer.
    """
    try:
        inputs = _gathered(spec, slos, options, now=now, connect=connect, say=say)
    except QuantityError as error:  # an incident that only shows to be too much when it is laid over the time
        raise wrong("incidents", str(error), error.advice) from None
    # One of a scenario may lie outside on purpose, for --length takes a part of it; one that was just typed may not.
    end = max(one.end for groups in inputs.histories.values() for one in groups.values())
    for text in options.incident:
        if not parse_incident(text).begins(inputs.start, end):
            days = f"{(end - inputs.start) / DAY:.4g}"
            said = f"{text!r} lies outside the {days} days that are simulated"
            raise wrong("--incident", said, "let it begin within them, or change --length or --start")
    return inputs


def _gathered(
    spec: Spec, slos: Sequence[SLO], options: argparse.Namespace, *, now: float, connect: Connect, say: Say
) -> Inputs:
    scenario = _scenario(options)
    _known(scenario, spec)
    by_id = {slo.id: slo for slo in spec.slos}
    needed = [by_id[leaf] for leaf in dict.fromkeys(leaf for slo in slos for leaf in leaves(slo, by_id))]
    if options.history is not None and options.traffic is not None:
        raise wrong("--traffic", "is of no use with --history", "a history has its own traffic: leave one of them out")
    if options.history is not None and options.seed is not None:
        raise wrong("--seed", "is of no use with --history", "what is counted is not drawn: leave one of them out")
    if options.requests_per_day is not None and (options.history or options.traffic not in (None, *Shape)):
        raise wrong("--requests-per-day", "is of no use with traffic that was counted", "leave one of them out")
    source = options.history or (options.traffic if options.traffic not in tuple(Shape) else None)
    if options.counts is not None and (source is None or source.startswith(ADDRESSES)):
        raise wrong("--counts", "is of use with a CSV only", "leave it out")
    if source is None:
        return _made_up(scenario, slos, needed, options)
    if source.startswith(ADDRESSES):
        found, start = _from_prometheus(source, scenario, slos, needed, options, now=now, connect=connect, say=say)
    else:
        found = _from_table(Path(source), needed, options, needs_bad=options.history is not None, say=say)
        start = scenario.start or min(one.start for groups in found.values() for one in groups.values())
    return _on_top(scenario, found, needed, start, source, only_traffic=options.history is None)


def _on_top(
    scenario: Scenario,
    found: Mapping[str, Groups],
    needed: Sequence[SLO],
    start: float,
    source: str,
    *,
    only_traffic: bool,
) -> Inputs:
    missing = [slo.id for slo in needed if slo.id not in found]
    if missing:
        raise wrong(source, f"has no row of {', '.join(missing[:5])}", "name the others with --slo")
    end = max(one.end for groups in found.values() for one in groups.values())
    if scenario.length is not None:
        end = min(end, start + scenario.length)
    if end <= start:
        raise wrong("--start", "lies after the last row", "begin within the history")
    if end - start > LONGEST:
        raise wrong(source, f"is of {(end - start) / DAY:.0f} days; {LONGEST / DAY:.0f} are the most", "cut it")
    by_id = {slo.id: slo for slo in needed}
    histories = {
        slo_id: {
            group: hit(scenario, by_id[slo_id], until(_good(one) if only_traffic else one, end), start, end)
            for group, one in groups.items()
        }
        for slo_id, groups in found.items()
        if slo_id in by_id
    }
    what = "traffic of" if only_traffic else "history of"
    step = max(one.step for groups in histories.values() for one in groups.values())
    coarse = f"; steps of {step:g} s: a window shorter than that sees their mean" if step > COARSE else ""
    return Inputs(histories, start, dated=True, story=f"{what} {source}{coarse}")


def _good(history: History) -> History:
    return replace(history, bad=np.where(np.isnan(history.valid), np.nan, 0.0))


def _made_up(scenario: Scenario, slos: Sequence[SLO], needed: Sequence[SLO], options: argparse.Namespace) -> Inputs:
    step = _step(options) or DEFAULT_STEP
    start = DEFAULT_START if scenario.start is None else scenario.start
    length = scenario.length or _length(slos)
    if length > LONGEST:
        raise wrong("--length", f"is over {LONGEST / DAY:.0f} days", "take less")
    if length / step > 5_000_000 or step > 3600:
        raise wrong("--step", "does not suit the length", "take a step of 1s to 1h")
    end = start + length
    histories: dict[str, Groups] = {
        slo.id: {(): told(scenario, slo, start, end, step=step, lead=_lead(slos))} for slo in needed
    }
    traffic = scenario.traffic
    story = f"{traffic.shape} traffic of {traffic.per_day:,.0f} events a day, made up"
    return Inputs(histories, start, dated=scenario.start is not None, story=story)


def _from_prometheus(
    url: str,
    scenario: Scenario,
    slos: Sequence[SLO],
    needed: Sequence[SLO],
    options: argparse.Namespace,
    *,
    now: float,
    connect: Connect,
    say: Say,
) -> tuple[Mapping[str, Groups], float]:
    prometheus = connect(url)
    length = scenario.length or _length(slos)
    begin = now - length if scenario.start is None else scenario.start
    found: dict[str, Groups] = {}
    start = begin
    for number, slo in enumerate(needed, start=1):
        step = int(_step(options) or step_for(prometheus, slo))
        if isinstance(slo.sli, TimeSliceSLI) and isinstance(slo.sli.of, str):
            step = int(slo.sli.slice)
        start = math.ceil(begin / step) * step
        end = min(start + math.floor(length / step) * step, math.floor(now / step) * step)
        lead = math.ceil(_lead(slos) / step) * step
        if end <= start:
            raise wrong("--start", "lies in the future", "ask for time that Prometheus has seen")
        last = -1.0

        def progress(share: float, slo: SLO = slo, number: int = number) -> None:
            nonlocal last
            if share - last >= 0.25:
                last = share
                say(f"  {slo.id} ({number} of {len(needed)}): {share:.0%}")

        found[slo.id] = asked(prometheus, slo, start - lead, end, step, progress)
    return found, float(start)


def _from_table(
    path: Path, needed: Sequence[SLO], options: argparse.Namespace, *, needs_bad: bool, say: Say
) -> Mapping[str, Groups]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return read_table(
                file,
                str(path),
                needed,
                step=_step(options),
                needs_bad=needs_bad,
                counts=None if options.counts is None else Counts(options.counts),
                progress=lambda rows: say(f"  {path.name}: {rows:,} rows"),
            )
    except OSError as error:
        raise wrong(
            str(path), f"cannot be read: {error.strerror}", "name a CSV file, or an address http://…"
        ) from error


def _scenario(options: argparse.Namespace) -> Scenario:
    base = Scenario() if options.scenario is None else load_scenario(options.scenario)
    traffic = base.traffic
    if options.traffic in tuple(Shape):
        traffic = replace(traffic, shape=Shape(options.traffic))
    if options.requests_per_day is not None:
        traffic = Traffic(traffic.shape, options.requests_per_day, traffic.quiet, traffic.weekend)
    incidents = tuple(_said("--incident", text, parse_incident) for text in options.incident)
    return replace(
        base,
        start=base.start if options.start is None else _said("--start", options.start, instant),
        length=base.length if options.length is None else float(_said("--length", options.length, parse_duration)),
        traffic=traffic,
        errors=base.errors if options.errors is None else float(_said("--errors", options.errors, parse_ratio)),
        seed=base.seed if options.seed is None else options.seed,
        incidents=(*base.incidents, *incidents),
    )


def _known(scenario: Scenario, spec: Spec) -> None:
    known = {name for slo in spec.slos for name in (slo.id, slo.name)}
    composites = {slo.id for slo in spec.slos if isinstance(slo.sli, CompositeSLI)}
    for incident in scenario.incidents:
        for name in incident.of:
            if name not in known:
                raise wrong(incident.text, f"there is no SLO {name!r}", f"known are {', '.join(sorted(known)[:20])}")
            if name in composites:
                raise wrong(incident.text, f"{name} is a composite", "let it hit the components")


def _length(slos: Sequence[SLO]) -> float:
    return max(MONTH_DAYS * DAY if slo.calendar else float(slo.window) for slo in slos)


def _lead(slos: Sequence[SLO]) -> float:
    """What goes before the simulated time, so that the longest window of an alert begins full."""
    return max([LEAST_LEAD, *(float(window.long) for slo in slos for window in slo.windows)])


def _step(options: argparse.Namespace) -> float | None:
    if options.step is None:
        return None
    step = float(_said("--step", options.step, parse_duration))
    if step < 1 or step != int(step):
        raise wrong("--step", f"{options.step} is no whole number of seconds", "a minute is usual: --step 1m")
    return step


def _said(option: str, text: str, read: Callable[[str], Read]) -> Read:
    try:
        return read(text)
    except QuantityError as error:
        raise wrong(option, str(error), error.advice) from None


def wrong(place: str, message: str, advice: str) -> InvalidInput:
    """An input that cannot be used."""
    return InvalidInput((Problem(place, None, "", message, advice),))
