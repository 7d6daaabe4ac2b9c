"""A stack whose provider is the simulator: up before the service, told to it by its settings, gone with it."""

from __future__ import annotations

import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from slo.spec import Engine
from target.chat import wrote
from target.errors import StackError
from target.processes import port_is_free, probe
from target.simulator import SimulatorPlan, providers_text
from target.stack import LocalStack, StackPlan

ROOT = Path(__file__).resolve().parents[2]
FAKE = (sys.executable, str(Path(__file__).with_name("fake_service.py")))
PUBLISHED = ROOT / "simulator" / "profiles" / "published.yaml"


@pytest.fixture
def plan(tmp_path: Path) -> StackPlan:
    """The fake service, with a simulator as its provider."""
    simulator = SimulatorPlan(ROOT, PUBLISHED, seed=7)
    return StackPlan(root=ROOT, folder=tmp_path / "run", program=FAKE, simulator=simulator)


def test_the_providers_file_routes_each_complexity_to_a_model_of_its_own() -> None:
    """The simulator is the one provider; the model that an answer names tells engine and complexity."""
    wire = yaml.safe_load(providers_text("http://127.0.0.1:8900"))
    (provider,) = wire["providers"]
    assert (provider["name"], provider["base_url"]) == ("simulator", "http://127.0.0.1:8900/v1")
    assert {model["name"]: model["wire_name"] for model in provider["models"]} == {
        "simulated-simple": "courtsight-sim:simple",
        "simulated-medium": "courtsight-sim:medium",
        "simulated-complex": "courtsight-sim:complex",
    }
    assert wire["routes"] == {name: [f"simulated-{name}"] for name in ("simple", "medium", "complex")}
    assert {wrote(model["name"]) for model in provider["models"]} == {Engine.SIMULATED}


@pytest.mark.parametrize(
    ("model", "engine"),
    [("extractive", Engine.EXTRACTIVE), ("simulated-simple", Engine.SIMULATED), ("gpt-x", Engine.REAL), ("", None)],
)
def test_a_model_tells_its_engine(model: str, engine: Engine | None) -> None:
    """A name that is none of ours is a real provider's, and no name is nobody's."""
    assert wrote(model) is engine


@pytest.mark.integration
def test_the_simulator_lives_as_long_as_the_stack(plan: StackPlan) -> None:
    """Inside, it answers and the service was told of it without a fallback; outside, port and files are gone, its log is kept."""
    with LocalStack(plan) as stack:
        simulator = stack.simulator
        assert simulator is not None
        assert probe(f"{simulator.url}/health/ready") == 200
        settings = stack.service.environment
        assert (settings["COURTSIGHT_FALLBACK"], settings["COURTSIGHT_EXTERNAL_PROVIDERS"]) == ("none", "forbidden")
        providers = Path(settings["COURTSIGHT_PROVIDERS"])
        assert stat.S_IMODE(providers.stat().st_mode) == 0o600
        assert simulator.url in providers.read_text(encoding="utf-8")
        stack.restart_service()
        assert stack.service.environment["COURTSIGHT_PROVIDERS"] == str(providers)
    assert port_is_free(int(simulator.url.rpartition(":")[2]))
    assert not simulator.child.alive()
    assert not plan.private.exists()
    assert (plan.folder / "logs" / "simulator.log").exists()


@pytest.mark.integration
def test_a_service_that_does_not_start_takes_the_simulator_along(plan: StackPlan) -> None:
    """Whatever fails while the stack comes up, no process and no secret stays."""
    with pytest.raises(StackError, match="no index"):
        LocalStack(replace(plan, settings={"FAKE_MODE": "exit"})).__enter__()
    assert not plan.private.exists()
    assert "listening" not in (plan.folder / "logs" / "service.log").read_text(encoding="utf-8")


@pytest.mark.integration
def test_a_profile_that_is_wrong_or_missing_is_said(plan: StackPlan, tmp_path: Path) -> None:
    """The simulator's own words come through, and a file that is not there is named."""
    typo = tmp_path / "typo.yaml"
    typo.write_text(PUBLISHED.read_text(encoding="utf-8").replace("ttft:", "tfft:"), encoding="utf-8")
    for profile, said in ((typo, "tfft"), (tmp_path / "none.yaml", "cannot be read")):
        with pytest.raises(StackError, match=said):
            LocalStack(replace(plan, simulator=SimulatorPlan(ROOT, profile, seed=7))).__enter__()
        assert not plan.private.exists()
