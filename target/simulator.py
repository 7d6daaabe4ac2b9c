"""Starts the simulator, a stand-in for an LLM provider, and tells the service of it by the settings that a real one would need.

The simulator is spoken to by its command line, HTTP, and the truth that it writes (docs/simulator.md); nothing of it is imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from target.accounts import write_private
from target.chat import SIMULATED_MODEL
from target.errors import StackError
from target.processes import LOOPBACK, ChildProcess, claim_port, start, wait_until_ready

COMPLEXITIES = ("simple", "medium", "complex")
_CONTEXT_TOKENS = 32768
_OUTPUT_TOKENS = 1024
ADMIN_SECONDS = 30.0
"""Longest wait for the simulator to take an order."""
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _program() -> tuple[str, ...]:
    return (sys.executable, "-m", "simulator")


@dataclass(frozen=True, slots=True)
class SimulatorPlan:
    """How to start the simulator from the checkout at `root`: its profile's file, the seed of its draws, a port or a free one.

    Attributes:
        usd_per_million: What the service is told that a million of its tokens costs, in US dollars.
        fallback: Whether the extractive engine stands in for it; without, a provider that fails is seen.
    """

    root: Path
    profile: Path
    seed: int
    port: int | None = None
    program: tuple[str, ...] = field(default_factory=_program)
    usd_per_million: int = 0
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A simulator that answers: address, process, the file of its truth, the file of its admin token, the hash of its profile."""

    url: str
    child: ChildProcess
    truth: Path
    admin_token: Path
    profile_hash: str


def start_simulator(
    plan: SimulatorPlan, private: Path, log: Path, *, deadline_seconds: float = 180.0
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


def provider_settings(
    url: str, private: Path, *, usd_per_million: int = 0, fallback: bool = False
) -> Mapping[str, str]:
    """Settings that make the simulator the service's only provider; the file they name is written.

    Without `fallback`, for one would hide a provider that fails behind answers that cost nothing and take no time.
    """
    return {
        "COURTSIGHT_PROVIDERS": str(write_private(private / "providers.yaml", providers_text(url, usd_per_million))),
        "COURTSIGHT_FALLBACK": "extractive" if fallback else "none",
        "COURTSIGHT_EXTERNAL_PROVIDERS": "forbidden",
    }


def providers_text(url: str, usd_per_million: int = 0) -> str:
    """The providers file: a model for each complexity, so that an answer names the class of its question."""
    models = [
        {
            "name": SIMULATED_MODEL + complexity,
            "wire_name": f"courtsight-sim:{complexity}",
            "context_tokens": _CONTEXT_TOKENS,
            "output_tokens": _OUTPUT_TOKENS,
            "input_usd_per_million": usd_per_million,
            "output_usd_per_million": usd_per_million,
        }
        for complexity in COMPLEXITIES
    ]
    routes = {complexity: [SIMULATED_MODEL + complexity] for complexity in COMPLEXITIES}
    wire = {"providers": [{"name": "simulator", "base_url": f"{url}/v1", "models": models}], "routes": routes}
    return yaml.safe_dump(wire, sort_keys=False)


@contextlib.contextmanager
def provider_fault(simulator: RunningSimulator, order: Mapping[str, object]) -> Iterator[None]:
    """Have the simulator do something to its callers while this is entered; `order` as docs/simulator.md has it.

    Raises:
        StackError: It does not take the order.
    """
    address = f"{simulator.url}/admin/faults"
    token = {"Authorization": f"Bearer {simulator.admin_token.read_text(encoding='utf-8').strip()}"}
    with httpx.Client(trust_env=False, timeout=ADMIN_SECONDS, headers=token) as client:
        try:
            client.post(address, json=dict(order)).raise_for_status()
        except httpx.HTTPError as error:
            raise StackError(f"The simulator did not take the fault {dict(order)}: {error}") from error
        try:
            yield
        finally:
            with contextlib.suppress(httpx.HTTPError):  # ended with the stack, at the latest
                client.delete(address)
