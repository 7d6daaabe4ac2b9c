"""Runs drills, two stacks side by side, each drill on a stack of its own, and makes the evidence of them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from alerts.drills.drill import Drill
from alerts.drills.expectation import Expectation, expectations
from alerts.drills.lanes import side_by_side
from alerts.drills.record import DrillResult, details_of, item_of
from alerts.drills.rules import drilled_rules
from alerts.drills.score import details_of_score, items_of, score
from alerts.drills.stage import Wish, staged
from alerts.drills.watching import watch
from alerts.model import RuleFile
from slo.errors import InvalidInput, Problem
from slo.evidence import Evidence, RunContext
from slo.spec import Kind, Spec
from target.errors import TargetError
from target.monitoring import ToolPaths
from target.ready import engine_said, ready_info

ROOT = Path(__file__).resolve().parents[2]

STAGING_SECONDS = 20.0
"""Bringing a stack up, as a rule: service 3 s, a round of questions 3 s, baseline 3 s, Prometheus' first scrape 6 s; two cores, two stacks."""
CLOSING_SECONDS = 15.0
"""From the release to the delivered resolution, as a rule."""
PLACES = 2


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """Where the drills stand: a share from 0 to 1 by the time that such drills take, and what happens just now."""

    drill: str
    share: float
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A drill with the rules that its Prometheus loads, and what is expected of them."""

    drill: Drill
    rules: RuleFile
    wanted: tuple[Expectation, ...]

    @property
    def usual_seconds(self) -> float:
        """How long such a drill takes, staging included."""
        predicted = max((one.predicted for one in self.wanted), default=self.drill.held)
        return STAGING_SECONDS + self.drill.warm_up + max(predicted, self.drill.held) + CLOSING_SECONDS


Rules = Callable[[Spec, int], RuleFile]
"""Makes the rules from spec and scale."""


def prepared(drills: Sequence[Drill], spec: Spec, rules: Rules = drilled_rules) -> tuple[Prepared, ...]:
    """The drills with their rules and expectations; nothing is started.

    Raises:
        InvalidInput: Drills do not fit the spec or its rules; every one of them is told.
    """
    ready, unfit = sorted_out(drills, spec, rules)
    if unfit:
        raise InvalidInput(unfit)
    return ready


def sorted_out(
    drills: Sequence[Drill], spec: Spec, rules: Rules = drilled_rules
) -> tuple[tuple[Prepared, ...], tuple[Problem, ...]]:
    """As `prepared`, of the drills that fit the spec; and why the others do not, as where its objectives ask for other windows."""
    by_scale = {scale: rules(spec, scale) for scale in {drill.scale for drill in drills}}
    ready: list[Prepared] = []
    unfit: list[Problem] = []
    for drill in drills:
        made = by_scale[drill.scale]
        try:
            ready.append(Prepared(drill, made, expectations(drill, spec, made)))
        except InvalidInput as error:
            unfit += error.problems
    return tuple(ready), tuple(unfit)


def total_seconds(ready: Sequence[Prepared], places: int = PLACES) -> float:
    """How long a set of drills takes side by side, as a rule."""
    shared = [one.usual_seconds for one in ready if one.drill.weight == 1]
    alone = sum(one.usual_seconds for one in ready if one.drill.weight > 1)
    return alone + max(sum(shared) / places, max(shared, default=0.0))


def run_drills(
    drills: Sequence[Drill],
    spec: Spec,
    tools: ToolPaths,
    context: RunContext,
    workdir: Path,
    *,
    on_event: Callable[[DrillProgress], object],
    clock: Callable[[], datetime],
    rules: Rules = drilled_rules,
    root: Path = ROOT,
    places: int = PLACES,
    scored: bool = False,
) -> Evidence:
    """Run drills and judge them.

    Args:
        drills: At least one, from `alerts.drills.drill.load_drills`.
        spec: A loaded spec.
        tools: Prometheus, promtool and Alertmanager; without one of them every drill is an ERROR that says so.
        context: The run that the evidence belongs to; its engine becomes what the drills' own services say.
        workdir: A folder per drill is made in it; only logs stay.
        on_event: Takes the progress, in the calling thread.
        clock: The present moment, for the evidence's begin and end.
        rules: Makes the rules from spec and scale; a test hands broken ones in.
        root: The checkout whose service is started.
        places: How many stacks may stand side by side.
        scored: Whether these are all drills, so that precision and recall can be told.

    Raises:
        InvalidInput: A drill does not fit the spec. Nothing was started.
    """
    ready = prepared(drills, spec, rules)
    started = clock()
    told: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    enough = threading.Event()

    def play(one: Prepared) -> DrillResult:
        wish = Wish(one.drill, spec, one.wanted, one.rules, tools, root, workdir / one.drill.id, enough)
        result = perform(wish, lambda text: told.put((one.drill.id, text)))
        told.put((one.drill.id, _ended(result)))
        return result

    report = _Report(ready, places, started, clock, on_event)
    results = side_by_side(ready, play, places, enough, lambda: report.pass_on(told))
    report.pass_on(told)
    engines = {result.engine for result in results if result.engine is not None}
    # Whoever reads the evidence holds the engine against the run's: a drill of another engine is none of this one.
    own = replace(context, engine=engines.pop()) if len(engines) == 1 else context
    items = tuple(item for result in results if (item := item_of(result, spec)) is not None)
    found = score(results)
    details: dict[str, Any] = {"drills": [entry for result in results for entry in details_of(result)]}
    if scored:
        items += items_of(found, spec)
        details |= {"score": details_of_score(found)}
    return Evidence(Kind.DRILL, own, started, clock(), complete=True, items=items, details=details)


def perform(wish: Wish, tell: Callable[[str], None]) -> DrillResult:
    """Run one drill; trouble of its stack becomes part of the result, an interrupt passes through."""
    stack, engine = "", None
    try:
        with staged(wish, tell) as scene:
            stack = scene.service.url
            engine = engine_said(ready_info(stack))
            observation = watch(scene, wish.drill, wish.wanted, tell)
            traffic = scene.traffic
        wanted = expectations(wish.drill, wish.spec, wish.rules, observation.unrecorded)
        return DrillResult(wish.drill, wanted, observation, asked=tuple(traffic.sent), stack=stack, engine=engine)
    except TargetError as error:
        return DrillResult(wish.drill, wish.wanted, None, trouble=str(error), stack=stack, engine=engine)
    except OSError as error:
        trouble = f"The drill's stack could not be made: {error}"
        return DrillResult(wish.drill, wish.wanted, None, trouble=trouble, stack=stack, engine=engine)


def _ended(result: DrillResult) -> str:
    """How a drill ended, in a line."""
    differences = [
        f"{wanted.name} {measured:.1f} s (predicted {wanted.predicted:.1f})"
        for wanted in result.wanted
        if (measured := result.measured(wanted)) is not None
    ]
    if result.observation is None:
        return f"not played: {result.trouble}"
    return "; ".join(differences or ["no alert" if result.drill.quiet else "nothing fired"])


class _Report:
    """Passes what the drills tell on, with the share of the time that such drills take as a rule."""

    def __init__(
        self,
        ready: Sequence[Prepared],
        places: int,
        started: datetime,
        clock: Callable[[], datetime],
        on_event: Callable[[DrillProgress], object],
    ) -> None:
        self._usual = total_seconds(ready, places)
        self._started = started
        self._clock = clock
        self._on_event = on_event

    def pass_on(self, told: queue.SimpleQueue[tuple[str, str]]) -> None:
        """Everything that was told since the last time; the last percent waits for the end."""
        share = min(0.99, (self._clock() - self._started).total_seconds() / self._usual)
        while not told.empty():
            drill, text = told.get()
            self._on_event(DrillProgress(drill, share, f"{drill}: {text}"))
