"""What /health, /health/detailed and /metrics say, and to whom."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.errors import NotReady, StorageUnavailable
from service.serving import worker
from service.serving.life import Life
from service.serving.warming import warm_until_ready
from service.serving.worker import Post
from service.settings import Settings
from service.telemetry.pools import PoolConnections, PoolUse

TOKEN = "mt-83kdn20xmwqp47ahz"
SECOND = "Qm7vXz2pLk9sRt4wYb8nHc3gFd6jAe1uKo5i"


@pytest.fixture
def strict_house(build_house: Callable[..., Any], settings: Settings) -> Any:
    """A house whose health is closed as in production, with a token for metrics."""
    return build_house(
        wanted=settings.model_copy(
            update={"environment": "production", "log_level": "info", "metrics_token": SecretStr(TOKEN)}
        )
    )


def test_health_is_one_word_for_all_and_for_each(house: Any) -> None:
    """While everything answers it is healthy, with the names of what is leaned on and nothing else about it."""
    body = house.send("GET", "/health").json()
    assert body["status"] == "healthy"
    assert body["dependencies"] == {"database": {"status": "healthy"}, "index": {"status": "healthy"}}
    assert house.sample("chatbot_dependency_up", dependency="database") == 1
    assert house.sample("chatbot_dependency_up", dependency="index") == 1


def test_the_short_health_reads_no_histogram(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its uptime comes off the clock: to read every duration of every route took it milliseconds, and anybody may ask it."""

    def read() -> None:
        raise AssertionError("the histograms were read")

    house.send("GET", "/health")
    monkeypatch.setattr(house.app.state.services.figures._durations, "collect", read)
    answer = house.send("GET", "/health")
    assert answer.status_code == 200
    assert answer.json()["uptime_seconds"] >= 0


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_watchers_may_ask_without_a_body(house: Any, path: str) -> None:
    """HEAD has GET's status and length and no body, also when the answer is that it is not ready."""
    for warm in (True, False):
        house.app.state.services.life.warm = warm
        whole, head = house.send("GET", path), house.send("HEAD", path)
        assert (head.status_code, head.headers["content-type"]) == (whole.status_code, "application/json")
        assert head.content == b""
        assert int(head.headers["content-length"]) > 0
    house.app.state.services.life.warm = True


def test_a_key_file_that_was_not_taken_degrades(
    build_house: Callable[..., Any], settings: Settings, tmp_path: Path
) -> None:
    """A weak secret in the file leaves the old one and shows on /health and its metric until it is mended; questions go on."""
    file = tmp_path / "secret"
    file.write_text(SECOND)
    house = build_house(wanted=settings.model_copy(update={"jwt_secret": None, "jwt_secret_file": file}))
    assert house.send("GET", "/health").json()["dependencies"]["signing_keys"] == {"status": "healthy"}
    file.write_text("short")
    house.app.state.services.signer.ring.look()
    found = house.send("GET", "/health")
    assert (found.status_code, found.json()["status"]) == (200, "degraded")
    assert found.json()["dependencies"]["signing_keys"] == {"status": "unhealthy"}
    assert house.sample("chatbot_dependency_up", dependency="signing_keys") == 0
    assert house.send("GET", "/health/ready").status_code == 200
    file.write_text(SECOND[::-1])
    house.app.state.services.signer.ring.look()
    assert house.send("GET", "/health").json()["status"] == "healthy"
    assert house.sample("chatbot_dependency_up", dependency="signing_keys") == 1


def test_detailed_health_asks_for_rights(strict_house: Any) -> None:
    """In production: nobody 401, a judge 403, an administrator and whoever shows the metrics token 200."""
    path = "/health/detailed"
    assert strict_house.send("GET", path).status_code == 401
    assert strict_house.send("GET", path, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert strict_house.send("GET", path, "judge").status_code == 403
    assert strict_house.send("GET", path, "admin").status_code == 200
    assert strict_house.send("GET", path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert strict_house.send("GET", "/health").status_code == 200


def test_metrics_ask_for_their_token(strict_house: Any) -> None:
    """With a metrics token set, an administrator's own token opens nothing."""
    assert strict_house.send("GET", "/metrics").status_code == 401
    assert strict_house.send("GET", "/metrics", "admin").status_code == 401
    assert strict_house.send("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_detailed_health_has_the_figures_of_the_last_hour(house: Any) -> None:
    """Requests and their mean, latencies, memory, one worker; before the first request the mean is null."""
    before = house.send("GET", "/health/detailed").json()["performance"]
    assert (before["requests"], before["mean_response_seconds"], before["workers"]) == (0, None, 1)
    house.ask("judge", "Apa itu hukum pidana?")
    body = house.send("GET", "/health/detailed").json()
    after = body["performance"]
    assert after["requests"] >= 1
    assert after["mean_response_seconds"] > 0
    assert after["memory_bytes"] > 1_000_000
    assert after["active_requests"] == 0
    assert all(one["latency_seconds"] >= 0 for one in body["dependencies"].values())


class Silent:
    """Siblings whose supervisor says nothing."""

    async def open(self, metrics: Any, figures: Any, clock: Any) -> None:
        """Nothing to begin."""

    async def close(self) -> None:
        """Nothing to end."""

    async def page(self, accept: str, *, packed: bool) -> tuple[bytes, str]:
        """No answer."""
        raise NotReady("The supervisor of the workers does not answer.")

    async def figures(self) -> Sequence[dict[str, float]]:
        """No answer."""
        raise NotReady("The supervisor of the workers does not answer.")


def test_half_of_the_truth_is_no_page(house: Any) -> None:
    """Without its supervisor a worker answers 503 for metrics and figures of all, and goes on answering questions."""
    house.app.state.services.life.siblings = Silent()
    try:
        for path in ("/metrics", "/health/detailed"):
            response = house.send("GET", path)
            assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        house.ask("judge", "Apa itu hukum pidana?")
    finally:
        house.app.state.services.life.siblings = None


def test_a_silent_supervisor_is_not_waited_for(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's question that nobody answers ends as not ready, and the next one is asked anew."""
    monkeypatch.setattr(worker, "_ANSWER_SECONDS", 0.02)
    ours, theirs = socket.socketpair()

    async def ask() -> None:
        post = Post(ours)
        services = house.app.state.services
        await post.open(services.metrics, services.figures, services.surroundings.clock)
        for _ in range(2):
            with pytest.raises(NotReady, match="does not answer"):
                await post.page("", packed=False)
        await post.close()

    try:
        house.run(ask())
    finally:
        theirs.close()


def test_a_request_that_is_cut_by_the_end_is_told(house: Any) -> None:
    """Cancelled from outside, as the server does at a second signal, a request ends with 503 `not_ready`."""
    services = house.app.state.services
    token = house.token("judge")

    async def cut() -> httpx.Response:
        task = asyncio.create_task(house.client.get("/v1/conversations", headers={"Authorization": f"Bearer {token}"}))
        await waiting.begun.wait()
        task.cancel()
        return await task

    turnstile = services.turnstile
    waiting = _Waiting(turnstile)
    object.__setattr__(services, "turnstile", waiting)
    try:
        response = house.run(cut())
    finally:
        object.__setattr__(services, "turnstile", turnstile)
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")


class _Waiting:
    """A turnstile that never lets a caller through."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.begun = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def count_caller(self, *_: Any) -> None:
        self.begun.set()
        await asyncio.Event().wait()


class Absent:
    """A store that is away for some looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    async def check(self) -> None:
        """Away, until it was looked for often enough."""
        self.looks -= 1
        if self.looks >= 0:
            raise StorageUnavailable("away")


def test_warming_goes_on_until_what_was_away_is_there(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that cannot warm up is not ready, says so once, tries again, and asks its questions of nobody's behalf."""
    monkeypatch.setattr("service.serving.warming._PAUSE_SECONDS", 0.001)
    services, life = house.app.state.services, Life(["Apa itu hukum pidana?"])
    assert not life.ready
    processed = house.sample("chatbot_messages_processed_total")
    house.run(
        warm_until_ready(
            life,
            services.deployment,
            services.shelf,
            Absent(3),
            services.surroundings,  # type: ignore[arg-type]  # only checked
        )
    )
    assert life.ready
    assert [line["problem"] for line in house.log_lines() if line["event"] == "warming_failed"] == [
        "storage_unavailable"
    ]
    assert house.sample("chatbot_messages_processed_total") == processed
    assert house.send("GET", "/v1/conversations", "admin").json()["conversations"] == []


def test_a_process_that_is_told_to_stop_does_not_warm_on(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes back keeps no process from ending: a worker warms up before it listens, and would only be killed."""
    monkeypatch.setattr("service.serving.warming._PAUSE_SECONDS", 0.001)
    services, life, away = house.app.state.services, Life(["Apa itu hukum pidana?"]), Absent(1_000_000)

    async def stopped() -> None:
        store: Any = away  # only checked
        warming = asyncio.create_task(
            warm_until_ready(life, services.deployment, services.shelf, store, services.surroundings)
        )
        while away.looks > 1_000_000 - 3:  # noqa: ASYNC110 - what is away tells nobody that it was looked for
            await asyncio.sleep(0.001)
        life.draining = True
        await asyncio.wait_for(warming, 120)

    house.run(stopped())
    assert not life.warm


def test_a_process_that_is_not_warm_is_not_ready(house: Any) -> None:
    """Readiness is 503 and says why: warming, then serving, then draining."""
    life = house.app.state.services.life
    for warm, draining, status, phase in ((False, False, 503, "warming"), (True, True, 503, "draining"), (True, False, 200, "serving")):  # fmt: skip
        life.warm, life.draining = warm, draining
        response = house.send("GET", "/health/ready")
        assert (response.status_code, response.json()["phase"]) == (status, phase)


def test_pools_are_shown_as_they_are_when_the_page_is_made() -> None:
    """Used, idle and most of each pool; what has no pool has no series."""
    pools = PoolConnections()
    assert list(pools.collect()) == []
    use = [PoolUse(0, 5, 20)]
    pools.watch("database", lambda: use[0])
    use[0] = PoolUse(3, 2, 20)
    (family,) = pools.collect()
    found = {(sample.labels["pool"], sample.labels["state"]): sample.value for sample in family.samples}
    assert found == {("database", "used"): 3, ("database", "idle"): 2, ("database", "max"): 20}
