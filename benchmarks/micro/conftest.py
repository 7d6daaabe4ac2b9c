"""The shipped inputs that several micro-benchmarks work on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slo.evidence import Evidence, RunContext, judged, run_id
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Engine, Kind, Phase, Spec
from slo.statistics import Interval, Measurement

AT = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The spec that ships."""
    return load_spec(SPECS_FOLDER / "courtsight.yaml")


@pytest.fixture(scope="session")
def evidence(spec: Spec) -> Evidence:
    """Latency evidence with an item for each cell, as a run writes it."""
    context = RunContext(
        run=run_id(AT, COMMIT, dirty=False),
        target="http://127.0.0.1:8000",
        deployment="courtsight",
        engine=Engine.EXTRACTIVE,
        commit=COMMIT,
        dirty=False,
        hashes={"spec": spec.digest},
        seed=7,
    )
    items = tuple(
        judged(
            gate,
            dict(key),
            Measurement(float(gate.requirements[Phase.BUILD].contract[key]), 80, Interval(0.1, 0.2, "none")),
        )
        for gate in spec.gates
        if gate.kind is Kind.LATENCY
        for key in gate.cells
    )
    return Evidence(
        Kind.LATENCY, context, AT, AT, complete=True, items=items, details={"cells": [{"cell": "judge/simple"}] * 15}
    )
