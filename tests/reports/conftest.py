"""A complete set of evidence on which the real spec says GO, and the means to break one piece of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from reports.checklist import Checklist, load_checklists
from reports.decision import Decision
from reports.document import Inputs
from reports.render import html
from reports.trust import EvidenceSet
from reports.waivers import Waiver
from slo.evidence import Evidence, Item, RunContext, judged, run_id, with_digest
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Cell, Direction, Engine, Gate, Kind, Phase, Spec, Statistic, Unit
from slo.statistics import Measurement, extreme, mean, p95, ratio
from tests.reports.deciding import remeasured
from tests.reports.pages import Run, broken, inputs_of

AT = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
STARTED = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
SCENARIOS = 60
ENOUGH = {Unit.RATIO: 4000, Unit.SECONDS: 3200, Unit.COUNT: 12, Unit.SCORE: 120}


def measured(gate: Gate, key: Cell, share: float = 0.3) -> Measurement:
    """A measurement that keeps the contract of every phase with strong evidence; `share` is the part of the limit used."""
    phase = next(phase for phase in Phase if phase in gate.requirements)
    limit = float(gate.requirements[phase].contract[key])
    if gate.statistic is Statistic.RATIO:
        n = SCENARIOS if gate.kind in {Kind.UAT, Kind.UAT_SIMULATED} else ENOUGH[gate.unit]
        return ratio(n, n)
    if gate.direction is Direction.AT_LEAST:
        samples = [limit + 0.5 if gate.unit is Unit.SCORE else limit + 2] * ENOUGH[gate.unit]
    else:
        n = 12 if gate.statistic is Statistic.MAX and gate.kind is Kind.DRILL else ENOUGH[gate.unit]
        samples = [limit * share * (0.5 + step / (2 * n)) for step in range(1, n + 1)]
    if gate.statistic is Statistic.P95:
        return p95(samples)
    if gate.statistic is Statistic.MEAN:
        return mean(samples)
    return extreme(samples, largest=gate.statistic is Statistic.MAX)


def details_of(kind: Kind) -> dict[str, Any]:
    """Details as the harness writes them."""
    return {
        Kind.UAT: {
            "scenarios": [
                {
                    "id": f"{role}-{number}",
                    "title": f"Skenario {role} {number}",
                    "role": role,
                    "complexity": ("simple", "medium", "complex")[number % 3],
                    "family": ("workflow", "memory", "refusal")[number % 3],
                    "severity": "major",
                    "verdict": "PASS",
                    "duration_seconds": 0.4 * number,
                    "turns": [
                        {"number": 1, "checks": [{"check": "cites", "verdict": "PASS", "expected": "3", "got": "4"}]}
                    ],
                }
                for role in ("judge", "lawyer", "public", "researcher", "admin")
                for number in range(1, SCENARIOS // 5 + 1)
            ]
        },
        Kind.UAT_SIMULATED: {"scenarios": []},
        Kind.LATENCY: {},
        Kind.LATENCY_SIMULATED: {
            "simulator": {
                "profile": "published",
                "profile_hash": "sha256:" + "b" * 64,
                "seed": 7,
                "lateness_p95_seconds": 0.0021,
            }
        },
        Kind.LOAD_SIMULATED: {
            "users": 20,
            "requests": 450,
            "timeline": [{"second": 0, "requests": 9, "p95_seconds": 3.2}],
        },
        Kind.LOAD: {
            "warnings": ["the generator was late once"],
            "stages": [
                {
                    "name": "20 users",
                    "users": 20,
                    "seconds": 30.0,
                    "requests": 3200,
                    "failed": 0,
                    "throughput_per_second": 106.7,
                    "p95_seconds": 0.02,
                }
            ],
            "by_complexity": [{"complexity": "simple", "requests": 1600}, {"complexity": "complex", "requests": 1600}],
            "by_role": [{"role": "judge", "requests": 3200, "ttft_p95_seconds": None}],
            "failures": {},
            "timeline": [
                {
                    "second": second,
                    "requests": 100 + (second * 7) % 13,
                    "failed": 0,
                    "p95_seconds": 0.012 + (second % 5) / 500,
                }
                for second in range(30)
            ],
            "generator": {"users": 20, "busy_ratio": 0.31},
        },
        Kind.DRILL: {
            "drills": [
                {
                    "drill": "database-locked",
                    "fault": "the database is locked from another connection",
                    "alert": "CourtSightAvailabilityPage",
                    "predicted_seconds": 6.2,
                    "measured_seconds": 7.1,
                    "delivered_seconds": 7.2,
                    "resolved_seconds": 31.4,
                    "cycle_seconds": 38.0,
                    "scale": 60,
                    "baseline": "synthetic",
                    "timeline": [{"seconds": 0.0, "event": "fault injected"}, {"event": "no time"}],
                    "runbook": "docs/runbooks/availability.md",
                }
            ]
        },
        Kind.SLO: {
            "slos": [
                {
                    "slo": "availability",
                    "title": "Questions answered",
                    "window_seconds": 240,
                    "query_bad": 'sum(chatbot_requests_total{outcome=~"timeout|error"})',
                    "query_valid": "sum(chatbot_requests_total)",
                    "bad": 0,
                    "valid": 4000,
                }
            ]
        },
        Kind.PROVENANCE: {
            "corpus": {"hash": "sha256:" + "c" * 64, "documents": 280, "demo": 30, "unverified": 12},
            "machine": {"cores": 2, "memory_bytes": 8 * 2**30, "system": "Linux 6.1", "python": "3.11.7"},
            "versions": {"fastapi": "0.163.0", "uvicorn": "0.54.0"},
            "tools": {"prometheus": "2.42.0", "alertmanager": "0.25.0"},
            "service": {"version": "0.1.0"},
            "steps": [
                {
                    "step": "uat",
                    "started_at": "2026-11-20T21:17:02.000Z",
                    "ended_at": "2026-11-20T21:18:02.000Z",
                    "outcome": "done",
                }
            ],
        },
    }[kind]


@cache
def _items(digest: str, kind: Kind) -> tuple[Item, ...]:
    """The items of one kind, measured once: the bootstrap of a mean is the slow part."""
    spec = load_spec(SPECS_FOLDER / "courtsight.yaml")
    assert spec.digest == digest
    gates = [gate for gate in spec.gates if gate.kind is kind]
    return tuple(judged(gate, dict(key), measured(gate, key)) for gate in gates for key in gate.cells)


def make_evidence(
    spec: Spec, *, engine: Engine = Engine.EXTRACTIVE, dirty: bool = False, corpus: dict[str, int] | None = None
) -> dict[Kind, Evidence]:
    """One whole run of evidence, measured now and well within every limit."""
    hashes = {"spec": spec.digest, "corpus": "sha256:" + "c" * 64}
    run = run_id(STARTED, COMMIT, dirty=dirty)
    context = RunContext(run, "http://127.0.0.1:8000", spec.deployment, engine, COMMIT, dirty, hashes, 7)
    made = {}
    for kind in Kind:
        items = _items(spec.digest, kind)
        details = details_of(kind)
        if kind is Kind.PROVENANCE and corpus is not None:
            details["corpus"] |= corpus
        own = replace(context, target="http://127.0.0.1:9000") if kind is Kind.DRILL or kind.simulated else context
        own = replace(own, engine=Engine.SIMULATED) if kind.simulated else own
        ended = STARTED + timedelta(minutes=4)
        made[kind] = with_digest(Evidence(kind, own, STARTED, ended, complete=True, items=items, details=details))
    return made


@pytest.fixture(scope="session")
def at() -> datetime:
    return AT


@pytest.fixture(scope="session")
def spec() -> Spec:
    return load_spec(SPECS_FOLDER / "courtsight.yaml")


@pytest.fixture(scope="session")
def checklists() -> tuple[Checklist, ...]:
    return load_checklists()


@pytest.fixture
def run(spec: Spec) -> dict[Kind, Evidence]:
    """The evidence of a good run, a fresh mapping for each test."""
    return make_evidence(spec)


@pytest.fixture
def files(run: dict[Kind, Evidence]) -> EvidenceSet:
    return EvidenceSet(run)


@pytest.fixture(scope="session")
def evidence_of() -> Callable[..., dict[Kind, Evidence]]:
    """The builder itself, for runs with another engine or other documents."""
    return make_evidence


@pytest.fixture(scope="module")
def good(
    spec: Spec, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...], at: datetime
) -> tuple[Decision, Inputs]:
    inputs = inputs_of(spec, evidence_of(spec), checklists)
    return inputs.decide(Phase.BUILD, at), inputs


@pytest.fixture(scope="module")
def bad(
    spec: Spec, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...], at: datetime
) -> tuple[Decision, Inputs]:
    waiver = Waiver("acceptance", "known", "Head of operations", date(2026, 11, 1), date(2026, 12, 1))
    stray = Waiver("nothing", "a typo", "Head of operations", date(2026, 11, 1), date(2026, 12, 1))
    inputs = inputs_of(spec, broken(spec, evidence_of(spec)), checklists, (waiver, stray))
    return inputs.decide(Phase.BUILD, at), inputs


@pytest.fixture(scope="module")
def empty(spec: Spec, at: datetime) -> tuple[Decision, Inputs]:
    inputs = inputs_of(spec, {})
    return inputs.decide(Phase.PUBLIC, at), inputs


@pytest.fixture(scope="module", params=["good", "bad", "empty"])
def page(request: pytest.FixtureRequest) -> str:
    decision, inputs = request.getfixturevalue(request.param)
    return html(decision, inputs)


@pytest.fixture
def slow(spec: Spec, run: Run) -> Run:
    """A run whose slowest answer under load broke its limit."""
    return remeasured(spec, run, "load-max", p95([20.0] * 4000))
