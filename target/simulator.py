"""Starts the simulator, a stand-in for an LLM provider, and tells the service of it by the settings that a real one would need.

The simulator is spoken to by its command line, HTTP, and the truth that it writes (docs/simulator.md); nothing of it is imported.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from target.accounts import write_private
from target.chat import SIMULATED_MODEL
from target.errors import StackError
from target.processes import LOOPBACK, ChildProcess, claim_port, start, wait_until_ready

COMPLEXITIES = ("simple", "medium", "complex")
_CONTEXT_TOKENS = 32768
_OUTPUT_TOKENS = 1024
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _program() -> tuple[str, ...]:
    return (sys.executable, "-m", "simulator")


@dataclass(frozen=True, slots=True)
class SimulatorPlan:
    """How to start the simulator from the checkout at `root`: its profile's file, the seed of its draws, a port or a free one."""

    root: Path
    profile: Path
    seed: int
    port: int | None = None
    program: tuple[str, ...] = field(default_factory=_program)


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A simulator that answers: address, process, the file of its truth, the file of its admin token, the hash of its profile."""

    url: str
    child: ChildProcess
    truth: Path
    admin_token: Path
    profile_hash: str


def start_simulator(
    plan: SimulatorPlan, private: Path, log: Path, *, deadline_seconds: float = 30.0
) -> RunningSimulator:
    """Starts the simulator and waits until it answers; truth and token lie in `private`.

    Raises:
        StackError: The profile cannot be read, the port is taken, or the simulator does not get ready.
    """
    try:
        profile_hash = "sha256:" + hashlib.sha256(plan.profile.read_bytes()).hexdigest()
    except OSError as error:
        raise StackError(f"The simulator's profile {plan.profile} cannot be read: {error.strerror}") from None
    port = claim_port(plan.port, "the simulator")
    truth, token = private / "truth.jsonl", private / "simulator_admin_token"
    command: list[str | Path] = [*plan.program, "serve", "--profile", plan.profile.resolve(), "--seed", str(plan.seed)]
    command += ["--host", LOOPBACK, "--port", str(port), "--truth", truth, "--admin-token-file", token]
    child = start("simulator", command, log=log, environment=_ENVIRONMENT, folder=plan.root)
    url = f"http://{LOOPBACK}:{port}"
    try:
        wait_until_ready(child, f"{url}/health/ready", deadline_seconds=deadline_seconds)
    except BaseException:
        child.stop(grace_seconds=1.0)
        raise
    return RunningSimulator(url, child, truth, token, profile_hash)


def provider_settings(url: str, private: Path) -> Mapping[str, str]:
    """Settings that make the simulator the service's only provider, without any fallback; the file they name is written.

    A fallback would hide a provider that fails behind answers that cost nothing and take no time.
    """
    return {
        "COURTSIGHT_PROVIDERS": str(write_private(private / "providers.yaml", providers_text(url))),
        "COURTSIGHT_FALLBACK": "none",
        "COURTSIGHT_EXTERNAL_PROVIDERS": "forbidden",
    }


def providers_text(url: str) -> str:
    """The providers file: a model for each complexity, so that an answer names the class of its question."""
    models = [
        {
            "name": SIMULATED_MODEL + complexity,
            "wire_name": f"courtsight-sim:{complexity}",
            "context_tokens": _CONTEXT_TOKENS,
            "output_tokens": _OUTPUT_TOKENS,
            "input_usd_per_million": 0,
            "output_usd_per_million": 0,
        }
        for complexity in COMPLEXITIES
    ]
    routes = {complexity: [SIMULATED_MODEL + complexity] for complexity in COMPLEXITIES}
    wire = {"providers": [{"name": "simulator", "base_url": f"{url}/v1", "models": models}], "routes": routes}
    return yaml.safe_dump(wire, sort_keys=False)
