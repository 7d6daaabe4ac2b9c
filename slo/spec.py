"""The domain: what an SLO, a gate and a phase are. Frozen values without I/O; `slo.load` makes them from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from slo.links import Links

Cell = tuple[tuple[str, str], ...]
"""Labels of one measured thing, sorted by name: `(("complexity", "simple"), ("role", "judge"))`; `()` for the whole."""


def cell(labels: Mapping[str, str]) -> Cell:
    """The cell of a label mapping."""
    return tuple(sorted(labels.items()))


class Severity(StrEnum):
    """How loudly an alert speaks."""

    PAGE = "page"
    TICKET = "ticket"


class Phase(StrEnum):
    """The steps of a launch, in order; a readiness decision is always for one of them."""

    BUILD = "build"
    SOFT = "soft"
    CONTROLLED = "controlled"
    PUBLIC = "public"

    @property
    def following(self) -> Phase | None:
        """The phase after this one, or None after the last."""
        order = tuple(Phase)
        place = order.index(self) + 1
        return order[place] if place < len(order) else None


class Direction(StrEnum):
    """Which side of a contract is good."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Unit(StrEnum):
    """Units of a gate's value; seconds everywhere, ratios between 0 and 1."""

    RATIO = "ratio"
    SECONDS = "seconds"
    COUNT = "count"
    SCORE = "score"


class Statistic(StrEnum):
    """How many samples became one value."""

    RATIO = "ratio"
    P95 = "p95"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"


SIMULATED_SUFFIX = "-simulated"


class Kind(StrEnum):
    """The kinds of evidence; one file each in a run's folder.

    Acceptance, latency and load exist twice: of the chatbot under test, whichever engine it has, and of the same service on a stack
    of its own whose answers the simulated model writes.
    """

    UAT = "uat"
    UAT_SIMULATED = "uat-simulated"
    LATENCY = "latency"
    LATENCY_SIMULATED = "latency-simulated"
    LOAD = "load"
    LOAD_SIMULATED = "load-simulated"
    DRILL = "drill"
    SLO = "slo"
    PROVENANCE = "provenance"

    @property
    def simulated(self) -> bool:
        """Whether it is about answers of the simulated model, on a stack of its own."""
        return self.endswith(SIMULATED_SUFFIX)


class Engine(StrEnum):
    """What composed the answers of a run."""

    EXTRACTIVE = "extractive"
    SIMULATED = "simulated"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Window:
    """One pair of windows of a burn-rate alert.

    Attributes:
        budget_share: Share of the error budget that is spent when the alert fires, as a ratio.
        long: Long window in seconds.
        short: Short window in seconds; it lets the alert end soon after the fault.
        hold: `for` of the alert in seconds.
    """

    severity: Severity
    budget_share: Decimal
    long: Decimal
    short: Decimal
    hold: Decimal


@dataclass(frozen=True, slots=True)
class RatioSLI:
    """Share of bad among valid events of one counter; events that are neither good nor bad are not valid."""

    metric: str
    label: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    where: Cell = ()


@dataclass(frozen=True, slots=True)
class LatencySLI:
    """Share of events of a histogram that took longer than the threshold (seconds).

    Attributes:
        native: A native histogram, whose share under the threshold Prometheus interpolates; a classic one needs a bucket edge on it.
    """

    metric: str
    threshold: Decimal
    where: Cell = ()
    native: bool = False


@dataclass(frozen=True, slots=True)
class EventsSLI:
    """Valid events, and which of them were bad (or good), of any service's counters, in PromQL.

    Each is a counter's selector, `http_requests_total{code=~"5.."}`, whose increase is summed, or a whole expression that counts over
    `[$window]`. Exactly one of `bad` and `good` is given.
    """

    valid: str
    bad: str | None = None
    good: str | None = None


@dataclass(frozen=True, slots=True)
class RawSLI:
    """An error ratio that somebody else computes, as an expression over `[$window]`; its counts are unknown, so long windows weigh time."""

    error_ratio: str


@dataclass(frozen=True, slots=True)
class TimeSliceSLI:
    """Share of time slices that missed a limit; a slice without events is no valid slice.

    Attributes:
        slice: Length of a slice in seconds.
        of: What is looked at in each slice: the share of good events of an SLI, or a value in PromQL over `[$window]`.
        direction: Which side of the limit is good; of a share of good events always `at_least`.
    """

    slice: Decimal
    of: RatioSLI | LatencySLI | EventsSLI | str
    direction: Direction
    limit: Decimal


@dataclass(frozen=True, slots=True)
class CompositeSLI:
    """Weighted mean of other SLOs' error ratios, over the components that had traffic: sum of w x error ratio / sum of w.

    Attributes:
        components: Id of an SLO of the same spec and its weight, in the order of the spec.
    """

    components: tuple[tuple[str, Decimal], ...]


SLI = RatioSLI | LatencySLI | EventsSLI | RawSLI | TimeSliceSLI | CompositeSLI


@dataclass(frozen=True, slots=True)
class SLO:
    """A service level objective over a rolling window or a calendar month.

    Attributes:
        id: `<name>[-<label value>…]`; never changes its meaning.
        name: Name of the family in the spec.
        labels: The labels that single this one out of its family.
        objective: Wanted share of good events, 0 < objective < 1.
        window: SLO window in seconds; of a calendar month the 30 days that alerts reckon with.
        selector: Labels that every series of the service carries.
        windows: Pairs of windows of its burn-rate alerts.
        group_by: Labels whose values are found in the series; each of them has a budget and alerts of its own under the same objective.
        calendar: The budget is that of the calendar month in UTC, counted from its first day on.
        tags: Labels that people want on every alert.
        own_tags: Those that they want on its pages only, or on its tickets; they win over the others.
        runbook: Address or path of the runbook; None for `docs/runbooks/<Alert>.md`.
        least_events: An alert needs at least so many valid events in its long window; zero asks for none.
    """

    id: str
    name: str
    title: str
    labels: Cell
    objective: Decimal
    window: Decimal
    sli: SLI
    service: str
    owner: str
    selector: Cell
    windows: tuple[Window, ...] = ()
    group_by: tuple[str, ...] = ()
    calendar: bool = False
    tags: Cell = ()
    runbook: str | None = None
    least_events: int = 0
    own_tags: tuple[tuple[Severity, Cell], ...] = ()

    def tags_of(self, severity: Severity) -> dict[str, str]:
        """Labels that people want on its alerts of this severity."""
        return {**dict(self.tags), **dict(dict(self.own_tags).get(severity, ()))}

    @property
    def error_budget(self) -> Decimal:
        """Share of events that may be bad."""
        return 1 - self.objective


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a gate asks in one phase.

    Attributes:
        contract: The value that must be reached, by cell, in the gate's unit.
        least_n: Fewest events or samples on which a PASS may stand, by cell.
        strong: Whether the whole interval must lie on the good side.
    """

    contract: Mapping[Cell, Decimal]
    least_n: Mapping[Cell, int]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """A number that decides: where it comes from, which side is good, and what each phase asks of it.

    Attributes:
        warning_margin: Share of the allowance that makes the warning band: 0.1 warns when over 90 % of it is used.
        requirements: By phase; phases before the first one named do not ask.
        waivable: Whether a waiver may stand in for it; False for what nobody may sign away, such as security.
        warning: By cell, the value past which a pass carries a warning, where the spec gives it instead of a margin.
        weight: Its share in the score.
        key: Nobody can waive it, and unless it passes the score is zero.
    """

    id: str
    title: str
    kind: Kind
    unit: Unit
    statistic: Statistic
    direction: Direction
    cells: tuple[Cell, ...]
    requirements: Mapping[Phase, Requirement]
    warning_margin: Decimal = Decimal(0)
    waivable: bool = True
    warning: Mapping[Cell, Decimal] = field(default_factory=dict)
    weight: Decimal = Decimal(1)
    key: bool = False

    @property
    def measure(self) -> str:
        """What is measured: `latency-cell` of the gate `latency-cell-simulated` too, for it is the same of another engine."""
        return self.id.removesuffix(SIMULATED_SUFFIX) if self.kind.simulated else self.id

    def requirement(self, phase: Phase) -> Requirement | None:
        """What this gate asks in `phase`, or None while it is not asked yet."""
        return self.requirements.get(phase)


@dataclass(frozen=True, slots=True)
class PhaseDemands:
    """What a phase asks beside its gates; each phase holds what the earlier ones asked.

    Attributes:
        real_engine: The evidence must come from a real provider.
        real_documents: No demonstration document may be in the index, and none that is unverified.
        clean_commit: The evidence must come from a commit without local changes.
        checklists: Ids of the checklists that must be signed.
        slo_window: Least length of the window of the SLO evidence in seconds, or None.
    """

    phase: Phase
    title: str
    real_engine: bool = False
    real_documents: bool = False
    clean_commit: bool = False
    checklists: tuple[str, ...] = ()
    slo_window: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """What the weighted score of the gates means; it can only make a verdict worse.

    Attributes:
        passes: Ratio from which on the score has nothing against GO; below it the verdict is at best CONDITIONAL.
        warns: Ratio below which the verdict is NO-GO.
    """

    passes: Decimal
    warns: Decimal


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole SLO spec.

    Attributes:
        digest: `sha256:…` of the file's bytes; evidence names the spec that it was measured under by it.
        evidence_max_age: Seconds after which evidence is stale.
        score: What the weighted score of the gates means; None when it is only shown.
        gates: Empty in the spec of a service that takes no readiness decision; its phases are too.
        links: Where the links of its alerts lead.
        source: The file's bytes; a report carries them, so that its verdict can be derived again without the checkout.
    """

    service: str
    deployment: str
    owner: str
    window: Decimal
    selector: Cell
    labels: Mapping[str, tuple[str, ...]]
    slos: tuple[SLO, ...]
    gates: tuple[Gate, ...]
    phases: Mapping[Phase, PhaseDemands]
    evidence_max_age: Decimal
    digest: str
    source: bytes = b""
    score: Score | None = None
    links: Links = field(default_factory=Links)

    def slo(self, slo_id: str) -> SLO:
        """The SLO with this id.

        Raises:
            KeyError: There is none.
        """
        return {slo.id: slo for slo in self.slos}[slo_id]

    def gate(self, gate_id: str) -> Gate:
        """The gate with this id.

        Raises:
            KeyError: There is none.
        """
        return {gate.id: gate for gate in self.gates}[gate_id]
