"""What a readiness decision is made of. Frozen values without I/O; `reports.readiness` makes them, the renderers only format them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slo.spec import Direction, Engine, Kind, Phase, Unit
from slo.statistics import Interval
from slo.verdict import Readiness, Strength, Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of one gate, judged for the phase of the decision.

    Attributes:
        labels: Which cell; empty for a gate without cells.
        verdict: None when there is no evidence at all; a missing measurement is not a failed one, and never a passed one.
        value: In `unit`; None when nothing was measured.
        objective: The contract of this phase, in `unit`.
        margin: How far the value lies on the good side of the objective, in `unit`; negative when it is broken.
        more_needed: How many more samples a PASS would need, when that is known.
        waived: Whether an active waiver stands in for a FAIL or INCONCLUSIVE; the verdict itself stays as it is.
    """

    gate: str
    title: str
    kind: Kind
    labels: Mapping[str, str]
    verdict: Verdict | None
    strength: Strength | None
    value: float | None
    unit: Unit
    n: int
    interval: Interval | None
    objective: float
    direction: Direction
    margin: float | None
    least_n: int
    more_needed: int | None
    reason: str
    in_warning_band: bool
    waived: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """What a phase asks beside its gates, and how it stands.

    Attributes:
        id: `real-engine`, `real-documents`, `clean-commit`, `slo-window`, or `checklist-<id>`.
        verdict: None when nothing says whether it is met.
    """

    id: str
    title: str
    verdict: Verdict | None
    reason: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a decision from GO.

    Attributes:
        subject: A gate, a demand, a kind of evidence, or `waivers`.
        leads_to: What the decision would be if this were the only one.
        cells: The cells it is about; empty when the gate has none or the whole subject is meant.
    """

    subject: str
    title: str
    leads_to: Readiness
    text: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of evidence and whether it may be used.

    Attributes:
        reason: Why it cannot be used; empty when it can.
        missing: There is no such file.
        ended_at: None when the file could not be read.
    """

    kind: Kind
    reason: str
    missing: bool
    digest: str
    target: str
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def usable(self) -> bool:
        """Whether verdicts may rest on it."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class CheckState:
    """One item of a checklist at the time of the decision.

    Attributes:
        verdict: PASS when signed, evidenced and fresh, or when all gates it rests on pass; None while it is open.
    """

    checklist: str
    id: str
    text: str
    verdict: Verdict | None
    reason: str
    owner: str
    signed_on: str
    evidence: str


@dataclass(frozen=True, slots=True)
class WaiverState:
    """One waiver at the time of the decision.

    Attributes:
        state: `active`, `expired`, `not yet approved`, `not asked` (in this phase), `refused` (it cannot apply; `note` says why).
        covers: How many rows it stands in for.
    """

    gate: str
    labels: Mapping[str, str]
    reason: str
    approver: str
    approved_on: str
    expires_on: str
    state: str
    note: str
    covers: int


@dataclass(frozen=True, slots=True)
class Stranger:
    """An item that the spec does not know, or a second one for the same cell. Shown; it never helps."""

    kind: Kind
    gate: str
    labels: Mapping[str, str]
    note: str


@dataclass(frozen=True, slots=True)
class PhaseOutlook:
    """What the same evidence would mean for a later phase.

    Attributes:
        lacks: What stands between this evidence and GO there, the most telling first.
    """

    phase: Phase
    title: str
    readiness: Readiness
    why: str
    lacks: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether this build is ready for a phase, and why.

    Attributes:
        at: The time for which waivers, age and signatures were judged.
        engine: What composed the answers; None without usable provenance.
        run: Id of the run; empty without usable provenance.
        blocking: What keeps it from GO, the most telling first; empty for GO.
        weak: Passed items whose interval crosses the contract, `gate cell` each.
        notes: What a reader must know beside the verdict.
        next_phase: None after the last phase.
        score: How much of what is asked is kept, weighted, as a ratio; it never makes a verdict better. None where nothing weighs.
    """

    readiness: Readiness
    phase: Phase
    phase_title: str
    service: str
    deployment: str
    engine: Engine | None
    run: str
    commit: str
    dirty: bool | None
    at: datetime
    why: str
    blocking: tuple[Reason, ...]
    rows: tuple[Row, ...]
    demands: tuple[Demand, ...]
    checks: tuple[CheckState, ...]
    waivers: tuple[WaiverState, ...]
    sources: tuple[Source, ...]
    strangers: tuple[Stranger, ...]
    weak: tuple[str, ...]
    notes: tuple[str, ...]
    next_phase: PhaseOutlook | None
    score: float | None = None


def cell_text(labels: Mapping[str, str]) -> str:
    """A cell for people: `judge · complex`, role first where there is one; empty for the whole."""
    return " · ".join(labels[name] for name in sorted(labels, key=lambda name: (name != "role", name)))
