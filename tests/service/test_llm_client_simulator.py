"""The client against the simulator: every fault that it can be ordered to make, as a process on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.llm.calls import AttemptLimits, Call, Chunk, End, Message, Model, Text, Usage
from service.llm.client import OpenAIProvider
from service.llm.endpoints import Endpoint
from service.llm.failures import (
    CutShort,
    Malformed,
    Overloaded,
    ProviderError,
    Rejected,
    ServerFault,
    TooSlow,
    Unreachable,
)

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
WITHIN_SECONDS = 180.0
MODEL = Model("m", "simulator", "courtsight-sim:simple", 32_768, 1_024, 0.0, 0.0, 0.0)
LIMITS = AttemptLimits(60.0, 60.0, 60.0, 120.0)
"""Whatever comes at all comes within these, on any machine."""
SHORT = AttemptLimits(60.0, 0.4, 0.4, 60.0)
"""For what is to be too slow."""


@dataclass
class Simulator:
    """A running simulator."""

    port: int
    token: str

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - the address is ours
            return json.loads(response.read() or b"null")

    def truth(self) -> dict[str, Any]:
        """What the simulator says of the request that ended last; a client may have the end a moment before it is written down."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while self.admin("GET", "/admin/truth")["running"] and time.monotonic() < deadline:
            time.sleep(0.02)
        last = self.admin("GET", "/admin/truth")["ended"][0]
        return dict(self.admin("GET", f"/admin/truth?request={last}"))

    def provider(self, key: str | None = "key") -> OpenAIProvider:
        return OpenAIProvider(
            Endpoint("simulator", f"http://127.0.0.1:{self.port}/v1", external=False, api_key=key), time.time
        )

    def ask(self, name: str, limits: AttemptLimits = LIMITS, key: str | None = "key") -> list[Chunk]:
        async def main() -> list[Chunk]:
            provider = self.provider(key)
            call = Call(MODEL, (Message("user", "Apa itu hukum?"),), 1_024, 0.0, name)
            try:
                return [chunk async for chunk in provider.stream(call, limits)]
            finally:
                await provider.close()

        return asyncio.run(main())


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A simulator that waits for nothing, on a port of its own."""
    folder = tmp_path_factory.mktemp("simulator")
    (folder / "key").write_text("key", encoding="utf-8")
    command = [sys.executable, "-m", "simulator", "serve", "--profile", "instant", "--port", "0"]
    command += ["--admin-token-file", str(folder / "token"), "--api-key-file", str(folder / "key")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            yield Simulator(port, (folder / "token").read_text(encoding="utf-8").strip())
        finally:
            process.terminate()
            process.wait(timeout=WITHIN_SECONDS)


@pytest.fixture(autouse=True)
def _clear(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.admin("DELETE", "/admin/faults")


def test_an_answer_is_read_as_it_was_sent(simulator: Simulator) -> None:
    """As many texts as tokens left, and the usage that the provider counted."""
    chunks = simulator.ask("whole")
    record = simulator.truth()
    assert len(chunks) - 1 == record["tokens_sent"]
    assert chunks[-1] == End("stop", Usage(record["prompt_tokens"], record["completion_tokens"]))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 429, "retry_after_seconds": 2}, Overloaded),
        ({"kind": "status", "status": 503, "retry_after_seconds": 2}, Overloaded),
        ({"kind": "status", "status": 503}, ServerFault),
        ({"kind": "status", "status": 500}, ServerFault),
        ({"kind": "status", "status": 400}, Rejected),
        ({"kind": "stall_before_first"}, TooSlow),
        ({"kind": "stall_in_stream"}, TooSlow),
        ({"kind": "slow_drip", "gap_seconds": 2}, TooSlow),
        ({"kind": "cut"}, CutShort),
        ({"kind": "early_end"}, CutShort),
        ({"kind": "malformed_chunk"}, Malformed),
        ({"kind": "error_in_stream"}, ServerFault),
        ({"kind": "error_in_stream", "status": 429}, Overloaded),
        ({"kind": "wrong_content_type"}, Malformed),
        ({"kind": "wrong_content_type", "body": "answer"}, Malformed),
    ],
)
def test_every_fault_is_told_apart(simulator: Simulator, fault: dict[str, Any], kind: type[ProviderError]) -> None:
    """The failure says what the provider did, with the wait that it asked for."""
    simulator.admin("POST", "/admin/faults", fault)
    with pytest.raises(ProviderError) as caught:
        simulator.ask("struck", SHORT if kind is TooSlow else LIMITS)
    assert type(caught.value) is kind
    if kind is Overloaded and "retry_after_seconds" in fault:
        assert caught.value.retry_after_seconds == 2.0


@pytest.mark.parametrize(("fault", "known"), [("missing_usage", False), ("repeated_usage", True)])
def test_usage_is_the_last_or_missing(simulator: Simulator, fault: str, known: bool) -> None:
    """A usage in every chunk is not added up, and none is not made up."""
    simulator.admin("POST", "/admin/faults", {"kind": fault})
    end = simulator.ask(fault)[-1]
    record = simulator.truth()
    assert isinstance(end, End)
    assert end.usage == (Usage(record["prompt_tokens"], record["completion_tokens"]) if known else None)


def test_a_refused_connection_is_unreachable(simulator: Simulator) -> None:
    """While the listener is closed nothing answers; afterwards it does."""
    simulator.admin("POST", "/admin/faults", {"kind": "refused", "for_seconds": 5.0})
    with pytest.raises(Unreachable):
        simulator.ask("refused")
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(Unreachable):
            assert simulator.ask("again")
            break
        time.sleep(0.05)
    else:
        pytest.fail("the listener never came back")


def test_a_wrong_key_is_rejected(simulator: Simulator) -> None:
    """401 is not worth another attempt."""
    with pytest.raises(Rejected) as caught:
        simulator.ask("locked", key="wrong")
    assert caught.value.status == 401
    assert not caught.value.retryable


def test_the_simulator_sees_a_reader_leave(simulator: Simulator) -> None:
    """Closing an answer in its midst ends the request at the provider as left by its client."""
    simulator.admin("POST", "/admin/faults", {"kind": "stall_in_stream", "stall_seconds": 300})

    async def main() -> None:
        provider = simulator.provider()
        call = Call(MODEL, (Message("user", "Apa itu hukum?"),), 1_024, 0.0, "left")
        stream = provider.stream(call, LIMITS)
        assert isinstance(await anext(stream), Text)
        await stream.aclose()
        await provider.close()

    asyncio.run(main())
    assert simulator.truth()["ended"] == "client_closed"


def test_embeddings_of_the_simulator(simulator: Simulator) -> None:
    """A vector for each text, and the same one for the same text."""

    async def main() -> None:
        provider = simulator.provider()
        try:
            found = await provider.embed(["hukum perdata", "hukum pidana", "hukum perdata"], "embed", LIMITS)
        finally:
            await provider.close()
        assert found.vectors[0] == found.vectors[2] != found.vectors[1]
        assert found.usage is not None

    asyncio.run(main())
