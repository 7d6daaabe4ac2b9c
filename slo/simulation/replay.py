"""The simulation of one SLO: its budget, its alerts, what they were worth, and the workbook's ways to alert beside ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slo.simulation.approaches import APPROACHES, Approach, approach_spans
from slo.simulation.budgets import Budget, budget
from slo.simulation.courses import Course, Evaluation, courses
from slo.simulation.events import Event, events
from slo.simulation.firing import Span, firing, joined, pair_condition, within
from slo.simulation.history import Groups, grid_over
from slo.simulation.scoring import Score, score
from slo.spec import SLO, Cell, CompositeSLI, Severity, Spec, Window

FALLBACK_SHARE = 0.02
"""Budget share of the workbook's fastest page: what is significant for an SLO without alerts of its own."""


@dataclass(frozen=True, slots=True)
class Told:
    """When something alerted, and what that was worth."""

    spans: tuple[Span, ...]
    score: Score


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair of windows and its alert."""

    window: Window
    told: Told


@dataclass(frozen=True, slots=True)
class Rival:
    """One of the workbook's approaches over the same history."""

    approach: Approach
    told: Told


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What one SLO (of one group) lived through.

    Attributes:
        start: Begin of the simulated time, seconds since the epoch.
        end: Its end.
        threshold: Budget share from which on an event is significant.
        by_severity: Alerts of each severity that the SLO has, as one person lives through them: what overlaps is one.
        alerts: The same of all severities together.
        rivals: Empty where they were not asked for.
    """

    slo: SLO
    group: Cell
    start: float
    end: float
    threshold: float
    course: Course
    budget: Budget
    events: tuple[Event, ...]
    pairs: tuple[Pair, ...]
    by_severity: Mapping[Severity, Told]
    alerts: Told
    rivals: tuple[Rival, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """How histories are replayed.

    Attributes:
        start: Begin of the simulated time, seconds since the epoch; what the histories hold before it only fills the windows.
        significant: Budget share from which on an event is significant; None for the smallest of the SLO's pages, or of its tickets.
        rivals: Whether the workbook's approaches are computed too.
    """

    evaluation: Evaluation
    start: float
    significant: float | None = None
    rivals: bool = True


def simulate(spec: Spec, slo: SLO, histories: Mapping[str, Groups], how: Replay) -> tuple[Simulation, ...]:
    """Replay an SLO over histories: one simulation for each group, in the order of the groups.

    Args:
        spec: Where the components of a composite are found.
        slo: The SLO; it may differ from that of the spec in objective, window and alerts.
        histories: By id of an SLO; those of other SLOs are not looked at.
        how: When the simulated time begins, and what counts.

    Raises:
        KeyError: There is no history for it, or for a component.
    """
    slos = {**{one.id: one for one in spec.slos}, slo.id: slo}
    mine = {leaf: histories[leaf] for leaf in leaves(slo, slos)}
    grid = grid_over(mine, how.evaluation.fast)
    found = courses(slo, slos, mine, grid, how.evaluation)
    return tuple(_one(slo, group, found[group], how) for group in sorted(found))


def leaves(slo: SLO, slos: Mapping[str, SLO]) -> tuple[str, ...]:
    """The SLOs whose histories are needed: itself, or of a composite all components that are none."""
    if not isinstance(slo.sli, CompositeSLI):
        return (slo.id,)
    return tuple(dict.fromkeys(leaf for part, _ in slo.sli.components for leaf in leaves(slos[part], slos)))


def significance(slo: SLO) -> float:
    """What the SLO itself holds to be worth an alert: the smallest budget share of its pages, or else of its tickets."""
    shares = {
        severity: min(
            (float(window.budget_share) for window in slo.windows if window.severity is severity), default=None
        )
        for severity in Severity
    }
    return shares[Severity.PAGE] or shares[Severity.TICKET] or FALLBACK_SHARE


def _one(slo: SLO, group: Cell, course: Course, how: Replay) -> Simulation:
    weights = course.weights
    grid, begin = weights.grid, weights.grid.place(how.start)
    left = budget(slo, weights, begin)
    happened = events(slo, weights, left)
    threshold = significance(slo) if how.significant is None else how.significant

    def told(spans: tuple[Span, ...]) -> Told:
        seen = within(spans, how.start)
        return Told(seen, score(seen, happened, threshold))

    pairs = tuple(
        Pair(window, told(firing(pair_condition(slo, window, course, how.evaluation), grid))) for window in slo.windows
    )
    return Simulation(
        slo=slo,
        group=group,
        start=how.start,
        end=grid.end,
        threshold=threshold,
        course=course,
        budget=left,
        events=happened,
        pairs=pairs,
        by_severity={
            severity: told(
                joined(span for pair in pairs if pair.window.severity is severity for span in pair.told.spans)
            )
            for severity in Severity
            if any(pair.window.severity is severity for pair in pairs)
        },
        alerts=told(joined(span for pair in pairs for span in pair.told.spans)),
        rivals=tuple(
            Rival(approach, told(approach_spans(approach, slo, course, how.evaluation.fast)))
            for approach in (APPROACHES if how.rivals else ())
        ),
    )
