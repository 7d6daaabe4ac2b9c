"""A whole service with a real Redis: what is shared, what stands in Redis, and what happens while it is away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from service.commands.accounts import Desk, Erased, erase
from service.deployments.load import deployment_file
from service.quotas.limits import Demand, Limit
from service.security.logins import BURST, PACE, LoginCounts
from service.settings import Settings
from service.sharing.naming import key_namer
from service.sharing.revocation_news import RevocationNews
from service.sharing.shared_quotas import SharedQuotas

pytestmark = pytest.mark.integration

FIRST = "Apa itu hukum perdata?"
THEN = "Apa perbedaannya dengan hukum pidana?"


@pytest.fixture
def sharing_house(
    build_house: Callable[..., Any], settings: Settings, redis_server: Any, tmp_path: Path
) -> Callable[..., Any]:
    """Makes houses with Redis; loopback is counted like everybody, and an account may ask `most` times a minute."""

    def make(most: int = 1_000) -> Any:
        read = yaml.safe_load(deployment_file("courtsight").read_text(encoding="utf-8"))
        read["quotas"]["roles"] = {role: [{"requests": most, "seconds": 60}] for role in read["quotas"]["roles"]}
        path = tmp_path / "courtsight.yaml"
        path.write_text(yaml.safe_dump(read, allow_unicode=True, sort_keys=False), encoding="utf-8")
        update = {"deployment": str(path), "load_test_networks": "none", "redis_url": SecretStr(redis_server.url)}
        return build_house(wanted=settings.model_copy(update=update))

    return make


def look(house: Any) -> None:
    """What the service does every few seconds by itself."""
    house.run(house.app.state.services.sharing.link.look())


def state(house: Any) -> tuple[str, float]:
    """What the probe and the metric say of Redis."""
    ready = house.send("GET", "/health/ready")
    assert ready.status_code == 200, "the service goes on without Redis"
    return ready.json()["checks"]["redis"], house.sample("chatbot_dependency_up", dependency="redis")


def list_own(house: Any, token: str) -> Any:
    return house.send("GET", "/v1/conversations", headers={"Authorization": f"Bearer {token}"})


def test_the_pool_of_connections_is_shown(sharing_house: Callable[..., Any]) -> None:
    """After a request no connection is at work, at least one is free, and the most is that of the docs."""
    house = sharing_house()
    list_own(house, house.token("judge"))
    states = {
        state: house.sample("chatbot_pool_connections", pool="redis", state=state) for state in ("used", "idle", "max")
    }
    assert (states["used"], states["max"]) == (0, 50)
    assert states["idle"] >= 1


def test_requests_are_counted_together_and_redis_learns_no_name(
    sharing_house: Callable[..., Any], redis_server: Any
) -> None:
    """Two processes allow together what one would; keys are keyed hashes that expire."""
    house = sharing_house(most=10)
    token = house.token("judge")
    codes = [list_own(house, token).status_code for _ in range(6)]
    link = house.app.state.services.sharing.link
    other = SharedQuotas(link, key_namer(house.secret, "courtsight"))
    limit = Limit("user", "user-judge-60s", 10, 60.0)
    decisions = [house.run(other.take([Demand(limit, "id-judge")], 0.0)).allowed for _ in range(6)]
    assert codes == [200] * 6
    assert decisions == [True] * 4 + [False] * 2
    refused = list_own(house, token)
    assert refused.status_code == 429
    assert 50 <= int(refused.headers["retry-after"]) <= 66
    names = redis_server.keys("quota:")
    assert names
    assert not any("judge" in name or "127.0.0.1" in name for name in names)
    for name in names:
        assert int(redis_server.command("PTTL", name).split(b":")[-1]) > 0


def test_one_account_takes_of_the_pace_of_logins_what_it_may_on_all_machines_together(
    sharing_house: Callable[..., Any],
) -> None:
    """Three machines let twenty attempts of a name in, and no more than one a second behind that: each by itself let sixty in."""
    house = sharing_house()
    link = house.app.state.services.sharing.link
    doors = [LoginCounts(SharedQuotas(link, key_namer(house.secret, "courtsight"))) for _ in range(3)]

    async def pushed() -> tuple[int, float]:
        began, let_in, tried, wait = time.monotonic(), 0, 0, 0.0
        # A longer wait than the pace ever asks for: that of the name.
        while wait <= 2 * BURST / PACE:
            wait = await doors[tried % 3].begin("ana", "10.0.0.1", time.time())
            tried, let_in = tried + 1, let_in + (wait == 0)
            await asyncio.sleep(0.01)
        return let_in, time.monotonic() - began

    let_in, seconds = house.run(pushed())
    assert let_in <= BURST + seconds


def test_a_follow_up_is_understood_out_of_short_memory_and_out_of_the_database(
    sharing_house: Callable[..., Any], redis_server: Any
) -> None:
    """The same answer with what Redis remembers, with nothing there, and with garbage there; a deleted conversation is gone from both."""
    house = sharing_house()
    conversation = house.ask("judge", FIRST)["conversation_id"]
    (name,) = redis_server.keys("memory:")
    assert "perdata" in house.ask("judge", THEN, conversation)["answer"]
    stored = redis_server.command("GET", name)
    assert json.loads(stored.split(b"\r\n")[1])[1] == [THEN, FIRST]
    for garbage in (b"\x80\x04garbage", b"[1, 2]", b'{"title": 1}', b"null", b"[" * 2_000):
        redis_server.command("SET", name, garbage)
        assert house.ask("judge", THEN, conversation)["outcome"] == "ok"
    redis_server.command("DEL", name)
    redis_server.command("LPUSH", name, "a list")
    assert house.ask("judge", THEN, conversation)["outcome"] == "ok"
    foreign = house.send("POST", "/v1/chat", "other", json={"message": THEN, "conversation_id": conversation})
    assert foreign.status_code == 404
    assert house.send("DELETE", f"/v1/conversations/{conversation}", "judge").status_code == 204
    gone = house.send("POST", "/v1/chat", "judge", json={"message": THEN, "conversation_id": conversation})
    assert gone.status_code == 404


def test_what_was_remembered_before_an_outage_is_not_believed_after_it(
    sharing_house: Callable[..., Any], redis_server: Any
) -> None:
    """A question that Redis missed is in the database; the older memory of it must not come back."""
    house = sharing_house()
    conversation = house.ask("judge", "Apa itu korupsi?")["conversation_id"]
    redis_server.freeze()
    house.ask("judge", FIRST, conversation)
    redis_server.thaw()
    look(house)
    assert "perdata" in house.ask("judge", THEN, conversation)["answer"]


@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_every_answer_comes_while_redis_is_away_and_it_is_taken_up_again(
    sharing_house: Callable[..., Any], redis_server: Any, fault: str
) -> None:
    """Frozen or killed in the middle: questions are answered and counted here, probe, metric and log say so, and it recovers by itself."""
    house = sharing_house(most=10)
    token = house.token("judge")
    assert state(house) == ("ok", 1.0)
    getattr(redis_server, fault)()
    codes = [list_own(house, token).status_code for _ in range(12)]
    assert codes == [200] * 10 + [429] * 2, "counted in this process"
    assert state(house) == ("degraded", 0.0)
    look(house)
    assert state(house) == ("degraded", 0.0)
    (redis_server.thaw if fault == "freeze" else redis_server.start)()
    look(house)
    assert state(house) == ("ok", 1.0)
    assert list_own(house, token).status_code == 200, "Redis has its own counts, and knows the script again"
    events = [line["event"] for line in house.log_lines() if line["event"].startswith("dependency_")]
    assert events == ["dependency_down", "dependency_up"], "one line for each change, no storm"


def test_nobody_waits_for_a_redis_that_is_known_to_be_away(
    sharing_house: Callable[..., Any], redis_server: Any
) -> None:
    """After the first time limit no request asks Redis again: only the look does."""
    house = sharing_house()
    link = house.app.state.services.sharing.link
    redis_server.freeze()
    list_own(house, house.token("judge"))
    assert not link.up
    asked: list[Any] = []
    link.client.execute_command = lambda *words, **_: asked.append(words)
    for _ in range(20):
        assert list_own(house, house.token("judge")).status_code == 200
    assert asked == []


def test_a_lying_redis_breaks_no_request(sharing_house: Callable[..., Any], redis_server: Any) -> None:
    """Wrong types, foreign fields and flushed scripts: every request is answered, and Redis stays in use."""
    house = sharing_house()
    token = house.token("judge")
    assert list_own(house, token).status_code == 200
    for name in redis_server.keys("quota:"):
        redis_server.command("DEL", name)
        redis_server.command("SET", name, "no hash")
    assert list_own(house, token).status_code == 200
    for name in redis_server.keys("quota:"):
        redis_server.command("HSET", name, "not a slot", "many", "99999999999999", "5")
    assert list_own(house, token).status_code == 200
    redis_server.command("SCRIPT", "FLUSH")
    assert list_own(house, token).status_code == 200
    redis_server.command("DEL", "courtsight:epoch")
    redis_server.command("LPUSH", "courtsight:epoch", "a list")
    house.app.state.services.sharing.link.missed()
    assert house.ask("judge", FIRST)["outcome"] == "ok"


@pytest.mark.parametrize(
    ("lie", "truth"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    ],
    ids=["a replica that takes no writes", "no room"],
)
def test_a_redis_that_takes_no_writes_counts_as_away(
    sharing_house: Callable[..., Any], redis_server: Any, lie: tuple[str, ...], truth: tuple[str, ...]
) -> None:
    """Answers come all the while, and it is taken up again when it takes writes."""
    house = sharing_house()
    token = house.token("judge")
    redis_server.command(*lie)
    assert list_own(house, token).status_code == 200
    assert house.ask("judge", FIRST)["outcome"] == "ok"
    look(house)
    assert state(house) == ("degraded", 0.0)
    redis_server.command(*truth)
    look(house)
    assert state(house) == ("ok", 1.0)


def test_a_wrong_password_is_an_absence_and_no_line_shows_it(
    build_house: Callable[..., Any], settings: Settings, redis_server: Any
) -> None:
    """The service goes on by itself; neither log nor probe shows the address."""
    wrong = redis_server.url.replace(redis_server.password, "wrong-password-9d2c")
    house = build_house(wanted=settings.model_copy(update={"redis_url": SecretStr(wrong)}))
    assert house.ask("judge", FIRST)["outcome"] == "ok"
    assert state(house) == ("degraded", 0.0)
    assert b"wrong-password" not in house.output.getvalue()


def test_a_logout_is_heard_by_all_and_holds_without_redis(sharing_house: Callable[..., Any], redis_server: Any) -> None:
    """The news spares the database; the database holds, also when Redis has lost everything."""
    house = sharing_house()
    token = house.token("judge")
    logged_out = house.send("POST", "/v1/auth/logout", headers={"Authorization": f"Bearer {token}"})
    assert logged_out.status_code == 204
    services = house.app.state.services
    claims = services.signer.read(token, house.wall_clock.now)
    named = key_namer(house.secret, "courtsight")
    other = RevocationNews(services.sharing.link, named)
    assert not other.known(claims.jti)
    house.run(other.look())
    assert other.known(claims.jti)
    redis_server.command("XADD", "courtsight:revoked", "*", "x", "no token")
    house.run(other.look())
    redis_server.command("FLUSHALL")
    newcomer = RevocationNews(services.sharing.link, named)
    house.run(newcomer.look())
    assert not newcomer.known(claims.jti)
    services.gate._revoked = newcomer.known
    assert list_own(house, token).json()["code"] == "token_revoked"


def test_a_start_without_redis_is_a_start(
    build_house: Callable[..., Any], settings: Settings, redis_server: Any
) -> None:
    """The service begins degraded and takes Redis up when it comes."""
    redis_server.kill()
    house = build_house(wanted=settings.model_copy(update={"redis_url": SecretStr(redis_server.url)}))
    assert state(house) == ("degraded", 0.0)
    assert house.ask("judge", FIRST)["outcome"] == "ok"
    redis_server.start()
    look(house)
    assert state(house) == ("ok", 1.0)


def test_a_forgotten_count_is_gone_from_redis(sharing_house: Callable[..., Any], redis_server: Any) -> None:
    """What is forgotten has all its places again, also for others."""
    house = sharing_house()
    link = house.app.state.services.sharing.link
    first, second = (SharedQuotas(link, key_namer(house.secret, "courtsight")) for _ in range(2))
    demand = Demand(Limit("user", "login-name", 3, 60.0), "x")
    for _ in range(3):
        house.run(first.take([demand], 0.0))
    house.run(second.forget(demand))
    assert house.run(first.take([demand], 0.0)).remaining == 2


def test_an_erased_person_is_forgotten_in_redis_too(
    sharing_house: Callable[..., Any], settings: Settings, redis_server: Any
) -> None:
    """The command takes the short memory of every conversation of the person, and nobody else's; it says when Redis was away."""
    house = sharing_house()
    house.ask("judge", FIRST)
    house.ask("judge", THEN)
    house.ask("lawyer", FIRST)
    assert len(redis_server.keys("memory:")) == 3
    wanted = settings.model_copy(update={"redis_url": SecretStr(redis_server.url)})
    desk = Desk(wanted, house.wall_clock.now, lambda: "f" * 32, "test")
    assert erase(desk, "a-judge", keep_account=True) == Erased(2, redis=True, logins=True)
    assert len(redis_server.keys("memory:")) == 1
    redis_server.kill()
    assert erase(desk, "a-lawyer", keep_account=False) == Erased(1, redis=False, logins=True)
