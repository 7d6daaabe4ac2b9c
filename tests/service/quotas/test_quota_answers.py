"""Limits over the API: who is counted, what the answers say, and who is not counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError
from service.settings import Settings

SHIPPED = deployment_file("courtsight").read_text(encoding="utf-8")


def deployment_with(folder: Path, **quotas: Any) -> str:
    """The shipped deployment with other limits."""
    read = yaml.safe_load(SHIPPED)
    read["quotas"].update(quotas)
    path = folder / "courtsight.yaml"
    path.write_text(yaml.safe_dump(read, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return str(path)


@pytest.fixture
def limited(build_house: Callable[..., Any], settings: Settings, tmp_path: Path) -> Callable[..., Any]:
    """Makes a house in which loopback is counted like everybody."""

    def make(measuring: str = "none", **quotas: Any) -> Any:
        deployment = deployment_with(tmp_path, **quotas)
        return build_house(
            wanted=settings.model_copy(update={"deployment": deployment, "load_test_networks": measuring})
        )

    return make


ROLES_OF_TWO = {role: [{"requests": 2, "seconds": 60}] for role in ("admin", "judge", "lawyer", "researcher", "public")}


def test_every_answer_tells_the_limits_and_what_is_left(limited: Callable[..., Any]) -> None:
    """Both fields of the IETF draft stand on every answer: all policies, and the one that is nearest to its end."""
    house = limited(roles=ROLES_OF_TWO)
    response = house.send("GET", "/v1/conversations", "judge")
    assert response.headers["ratelimit-policy"] == (
        '"address-60s";q=1200;w=60, "address-86400s";q=50000;w=86400, "user-judge-60s";q=2;w=60'
    )
    name, left, reset = response.headers["ratelimit"].split(";")
    assert (name, left) == ('"user-judge-60s"', "r=1")
    assert 55 <= int(reset.removeprefix("t=")) <= 65


def test_a_kind_without_limits_leaves_no_gap_among_the_policies(limited: Callable[..., Any]) -> None:
    """Where a role has no limits and its key has, the list holds those of address and key and no empty member, which would make it none (RFC 9651)."""
    house = limited(roles={role: [] for role in ROLES_OF_TWO}, key=[{"requests": 9, "seconds": 60}])
    key = house.send("POST", "/v1/keys", "judge", json={"name": "skrip"}).json()["key"]
    policies = house.send("GET", "/v1/conversations", headers={"X-API-Key": key}).headers["ratelimit-policy"]
    assert policies == '"address-60s";q=1200;w=60, "address-86400s";q=50000;w=86400, "key-60s";q=9;w=60'


def test_a_user_who_asks_too_often_is_refused_until_the_told_time(limited: Callable[..., Any]) -> None:
    """429 rate_limited names the limit, carries Retry-After, and counts as the outcome rate_limited of a chat."""
    house = limited(roles=ROLES_OF_TWO)
    house.ask("judge", "Apa itu hukum pidana?")
    house.ask("judge", "Apa itu hukum perdata?")
    refused = house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu hukum?"})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert "At most 2 requests in 60 seconds are allowed for this account" in refused.json()["detail"]
    assert refused.headers["ratelimit"].startswith('"user-judge-60s";r=0;t=')
    assert house.sample("chatbot_requests_total", role="judge", complexity="none", outcome="rate_limited") == 1
    assert house.sample("chatbot_quota_decisions_total", role="judge", limit="user", decision="refused") == 1
    assert house.sample("chatbot_quota_decisions_total", role="judge", limit="user", decision="taken") == 2
    assert house.send("GET", "/v1/conversations", "other").status_code == 200, "another account of the same role"
    house.wall_clock.now += int(refused.headers["retry-after"])
    assert house.send("GET", "/v1/conversations", "judge").status_code == 200


def test_the_words_of_a_refusal_name_the_time_of_its_header(limited: Callable[..., Any]) -> None:
    """Whoever waits as long as the sentence says is not refused again: both are rounded up."""
    house = limited(roles=ROLES_OF_TWO)
    for _ in range(2):
        house.send("GET", "/v1/conversations", "judge")
    for _ in range(5):
        refused = house.send("GET", "/v1/conversations", "judge")
        assert refused.json()["detail"].endswith(f" Try again in {refused.headers['retry-after']} seconds.")
        house.wall_clock.now += 0.2


def test_an_address_is_counted_before_anybody_is_known(limited: Callable[..., Any]) -> None:
    """Wrong passwords and missing tokens use up the address's places, so that neither is tried without end."""
    house = limited(address=[{"requests": 5, "seconds": 60}])
    login = {"username": "a-judge", "password": "wrong"}
    codes = [house.send("POST", "/v1/auth/token", json=login).status_code for _ in range(3)]
    codes += [house.send("GET", "/v1/conversations").status_code for _ in range(3)]
    assert codes == [401, 401, 401, 401, 401, 429]
    assert house.sample("chatbot_quota_decisions_total", role="anonymous", limit="address", decision="refused") == 1


def test_probes_and_metrics_are_never_counted(limited: Callable[..., Any]) -> None:
    """Kubernetes and Prometheus ask from one address for ever."""
    house = limited(address=[{"requests": 1, "seconds": 86400}])
    for path in ("/health/live", "/health/ready", "/metrics"):
        for _ in range(3):
            response = house.send("GET", path)
            assert response.status_code == 200
            assert "ratelimit" not in response.headers


def test_a_conversation_has_its_own_limit(limited: Callable[..., Any]) -> None:
    """Ten questions a minute in one conversation, as a deployment may say; another conversation goes on."""
    house = limited(session=[{"requests": 2, "seconds": 60}])
    first = house.ask("judge", "Apa itu hukum pidana?")["conversation_id"]
    for _ in range(2):
        house.ask("judge", "Apa itu hukum perdata?", first)
    body = {"message": "Apa itu korupsi?", "conversation_id": first}
    refused = house.send("POST", "/v1/chat", "judge", json=body)
    assert refused.status_code == 429
    assert "this conversation" in refused.json()["detail"]
    house.ask("judge", "Apa itu korupsi?")


def test_who_measures_has_a_quota_of_their_own_and_is_still_counted(limited: Callable[..., Any]) -> None:
    """Callers from a measuring network get the named quota instead of all usual ones; it is a limit, no open door."""
    house = limited(measuring="127.0.0.1", roles=ROLES_OF_TWO, named={"load-test": [{"requests": 4, "seconds": 60}]})
    token = house.token("judge")
    codes = [house.send("GET", "/v1/tools", headers={"Authorization": f"Bearer {token}"}).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]


def test_a_forged_forwarded_for_changes_nothing(limited: Callable[..., Any]) -> None:
    """Without a trusted proxy the header is nobody's word: rotating it does not buy places, nor reach a measuring network."""
    house = limited(measuring="10.0.0.0/8", address=[{"requests": 3, "seconds": 60}])
    codes = [
        house.send("GET", "/v1/tools", headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
        for number in range(4)
    ]
    assert codes == [401, 401, 401, 429]


def test_a_trusted_proxy_is_believed_about_the_last_address_only(
    build_house: Callable[..., Any], settings: Settings, tmp_path: Path
) -> None:
    """What the client wrote in front of the proxy's word does not count."""
    deployment = deployment_with(tmp_path, address=[{"requests": 2, "seconds": 60}])
    update = {"deployment": deployment, "load_test_networks": "none", "trusted_proxies": "127.0.0.0/8"}
    house = build_house(wanted=settings.model_copy(update=update))

    def ask(forwarded: str) -> int:
        code: int = house.send("GET", "/v1/tools", headers={"X-Forwarded-For": forwarded}).status_code
        return code

    assert [ask(f"198.51.100.{number}, 203.0.113.9") for number in range(3)] == [401, 401, 429]
    assert ask("203.0.113.9, 198.51.100.7") == 401


def test_a_key_with_a_named_quota_does_not_use_up_its_owners(limited: Callable[..., Any]) -> None:
    """A load-test key has a quota of its own (by name), other keys have the key's limits and their owner's."""
    rules = load_deployment(deployment_file("courtsight")).quotas
    assert [limit.name for limit in rules.limits("key", "judge", "load-test")] == ["key-load-test-60s"]
    assert rules.limits("key", "judge", "no-such-quota") == rules.key
    house = limited(key=[{"requests": 1, "seconds": 60}])
    shown = [(b"authorization", f"Bearer {house.token('judge')}".encode())]
    scope = {"type": "http", "method": "GET", "headers": shown}
    caller = house.run(house.app.state.services.gate.enter(scope))
    turnstile = house.app.state.services.turnstile
    from service.errors import QuotaExceeded
    from service.telemetry.record import RequestRecord

    plain = replace(caller, credential=replace(caller.credential, kind="key", id="k1"))
    named = replace(caller, credential=replace(caller.credential, kind="key", id="k2", quota="load-test"))
    record = RequestRecord("r", "t", 0.0, role="judge")
    house.run(turnstile.count_caller(record, plain))
    with pytest.raises(QuotaExceeded):
        house.run(turnstile.count_caller(record, plain))
    for _ in range(300):
        house.run(turnstile.count_caller(record, named))
    assert record.rate is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"adress": []}, "adress"),
        ({"address": [{"requests": 0, "seconds": 60}]}, "requests"),
        ({"roles": {"judge": []}}, "quotas.roles lacks admin"),
        ({"named": {"Bad Name": []}}, "Bad Name"),
        ({"exempt": ["metrics"]}, "exempt"),
    ],
)
def test_a_wrong_quota_in_a_deployment_stops_the_start(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """Typos and limits of nothing are named."""
    with pytest.raises(ConfigurationError, match=words):
        load_deployment(Path(deployment_with(tmp_path, **change)))
