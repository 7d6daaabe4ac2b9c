"""Runs drills, one after the other, each on a stack of its own, and makes the evidence of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from alerts.drills.drill import Drill
from alerts.drills.expectation import expectation
from alerts.drills.record import DrillResult, details_of, item_of
from alerts.drills.stage import Wish, staged
from alerts.drills.watching import watch
from alerts.model import RuleFile
from alerts.rules import rule_file
from slo.evidence import Evidence, RunContext
from slo.spec import Kind, Spec
from target.errors import TargetError
from target.monitoring import ToolPaths
from target.ready import engine_said, ready_info

ROOT = Path(__file__).resolve().parents[2]

STAGING_SECONDS = 15.0
"""Bringing a stack up, as a rule: service 3 s, baseline 1 s, Prometheus' first scrape 6 s; measured on two cores."""
CLOSING_SECONDS = 15.0
"""From the fault to the delivered resolution, as a rule."""


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """Where the drills stand: a share from 0 to 1 by the time that such drills take, and what happens just now."""

    drill: str
    share: float
    text: str


def run_drills(
    drills: Sequence[Drill],
    spec: Spec,
    tools: ToolPaths,
    context: RunContext,
    workdir: Path,
    *,
    on_event: Callable[[DrillProgress], object],
    clock: Callable[[], datetime],
    rules: Callable[[Spec, int], RuleFile] = rule_file,
    root: Path = ROOT,
) -> Evidence:
    """Run drills and judge them.

    Args:
        drills: At least one, from `alerts.drills.drill.load_drills`.
        spec: A loaded spec.
        tools: Prometheus, promtool and Alertmanager; without one of them every drill is an ERROR that says so.
        context: The run that the evidence belongs to; its engine becomes what the drills' own services say.
        workdir: A folder per drill is made in it; only logs stay.
        on_event: Takes the progress.
        clock: The present moment, for the evidence's begin and end.
        rules: Makes the rules from spec and scale; a test hands broken ones in.
        root: The checkout whose service is started.

    Raises:
        InvalidInput: A drill does not fit the spec. Nothing was started.
    """
    wanted = [expectation(drill, spec) for drill in drills]
    started, results = clock(), []
    for number, (drill, expected) in enumerate(zip(drills, wanted, strict=True)):
        tell = _teller(drill, number, len(drills), on_event, clock)
        wish = Wish(drill, spec, expected, rules(spec, drill.scale), tools, root, workdir / drill.id)
        results.append(perform(wish, tell))
    engines = {result.engine for result in results if result.engine is not None}
    # Whoever reads the evidence holds the engine against the run's: a drill of another engine is none of this one.
    own = replace(context, engine=engines.pop()) if len(engines) == 1 else context
    return Evidence(
        kind=Kind.DRILL,
        context=own,
        started_at=started,
        ended_at=clock(),
        complete=True,
        items=tuple(item_of(result, spec) for result in results),
        details={"drills": [details_of(result) for result in results]},
    )


def perform(wish: Wish, tell: Callable[[str], None]) -> DrillResult:
    """Run one drill; trouble of its stack becomes part of the result, an interrupt passes through."""
    stack, engine = "", None
    try:
        with staged(wish, tell) as scene:
            stack = scene.service.url
            engine = engine_said(ready_info(stack))
            observation = watch(scene, wish.drill, wish.wanted, tell)
            traffic = scene.traffic
        return DrillResult(wish.drill, wish.wanted, observation, asked=tuple(traffic.sent), stack=stack, engine=engine)
    except TargetError as error:
        return DrillResult(wish.drill, wish.wanted, None, trouble=str(error), stack=stack, engine=engine)


def _teller(
    drill: Drill, number: int, count: int, on_event: Callable[[DrillProgress], object], clock: Callable[[], datetime]
) -> Callable[[str], None]:
    """Tells with the share of the time that such a drill takes as a rule; the last percent waits for the end."""
    began, usual = clock(), STAGING_SECONDS + drill.warm_up + CLOSING_SECONDS

    def tell(text: str) -> None:
        share = min(0.99, (clock() - began).total_seconds() / usual)
        on_event(DrillProgress(drill.id, (number + share) / count, text))

    return tell
