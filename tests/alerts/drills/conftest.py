"""What the tests of drills share: the real spec, the shipped drill, and its expectation."""

from __future__ import annotations

import pytest

from alerts.drills.drill import FOLDER, Drill, load_drill
from alerts.drills.expectation import Expectation, expectations
from alerts.drills.rules import drilled_rules
from alerts.model import RuleFile
from slo.evidence import Engine, RunContext
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Spec


@pytest.fixture
def context() -> RunContext:
    """The run that a drill belongs to."""
    return RunContext(
        run="20261120T211700Z-1a2b3c4",
        target="http://127.0.0.1:8000",
        deployment="courtsight",
        engine=Engine.EXTRACTIVE,
        commit="1a2b3c4",
        dirty=False,
        hashes={},
        seed=1,
    )


@pytest.fixture(scope="session")
def spec() -> Spec:
    return load_spec(SPECS_FOLDER / "courtsight.yaml")


@pytest.fixture(scope="session")
def drill() -> Drill:
    return load_drill(FOLDER / "database-locked.yaml")


@pytest.fixture(scope="session")
def rules(drill: Drill, spec: Spec) -> RuleFile:
    return drilled_rules(spec, drill.scale)


@pytest.fixture(scope="session")
def wanted(drill: Drill, spec: Spec, rules: RuleFile) -> Expectation:
    (only,) = expectations(drill, spec, rules)
    return only
