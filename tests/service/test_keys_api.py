"""API keys: shown once, kept as a digest, never more than their maker, and gone when they are revoked."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from service.deployments.model import ROLES
from service.store.accounts import disable_account
from service.store.work import Work, run


@pytest.fixture(scope="module")
def home(shipped: Any) -> Any:
    """One house for the tests of this module that leave its accounts as they are."""
    return shipped


def made(house: Any, role: str = "judge", **body: Any) -> dict[str, Any]:
    answer = house.send("POST", "/v1/keys", role, json={"name": "skrip", **body})
    assert answer.status_code == 201, answer.text
    fields: dict[str, Any] = answer.json()
    return fields


def by(key: str, *, header: bool = False) -> dict[str, str]:
    return {"X-API-Key": key} if header else {"Authorization": f"Bearer {key}"}


def me(house: Any, key: str) -> Any:
    return house.send("GET", "/v1/auth/me", headers=by(key))


def change(house: Any, sql: str, *values: Any) -> None:
    def job() -> Work[None]:
        yield from run(sql, *values)

    house.run(house.app.state.services.store.write(job))


def test_a_key_opens_what_its_maker_may(home: Any) -> None:
    """Both carriers take it; without words on scopes or end, it has its maker's rights for ninety days."""
    key = made(home)
    assert key["key"].startswith("cs_")
    for header in (True, False):
        answer = home.send("GET", "/v1/auth/me", headers=by(key["key"], header=header))
        assert answer.json()["username"] == "a-judge"
    assert key["scopes"] == sorted(home.app.state.services.deployment.roles["judge"].permissions)
    assert key["expires_at"].startswith("2027-02-")


def test_a_key_that_may_not_read_is_shown_no_tools(home: Any) -> None:
    """Who asks what a key may do hears of no tool that it would be refused."""
    key = made(home, scopes=["legal_analysis"])
    assert (me(home, key["key"]).json()["permissions"], me(home, key["key"]).json()["tools"]) == (
        ["legal_analysis"],
        [],
    )
    assert home.send("GET", "/v1/tools", headers=by(key["key"])).status_code == 403


def test_a_key_is_shown_once_and_kept_as_a_digest(home: Any) -> None:
    """No list, no line of the log, no error and no byte of the database holds it afterwards."""
    key = made(home)["key"]
    listed = home.send("GET", "/v1/keys", "judge")
    assert listed.json()["keys"][0]["hint"] == f"{key[3:7]}…{key[-4:]}"
    home.send("GET", "/v1/conversations/none", headers=by(key))
    refused = home.send("PUT", "/v1/switches/extractive-only", headers=by(key), json={"on": True})
    assert refused.status_code == 403
    home.run(home.app.state.services.audit.close())
    kept = b"".join(file.read_bytes() for file in home.database.parent.glob("*.db*"))
    for place in (listed.content, refused.content, home.output.getvalue(), home.page().encode(), kept):
        assert key.encode() not in place
        assert key[3:36].encode() not in place


@pytest.mark.parametrize("maker", ROLES)
@pytest.mark.parametrize("wanted", ROLES)
def test_a_key_never_may_more_than_its_maker(home: Any, deployment: Any, maker: str, wanted: str) -> None:
    """Of the twenty-five pairs, those are made whose rights the maker has; the others are 403 and make nothing."""
    scopes = sorted(deployment.roles[wanted].permissions)
    answer = home.send("POST", "/v1/keys", maker, json={"name": "x", "scopes": scopes})
    may = deployment.roles[wanted].permissions <= deployment.roles[maker].permissions
    assert answer.status_code == (201 if may else 403)
    if may:
        assert me(home, answer.json()["key"]).json()["permissions"] == scopes
        assert home.send("DELETE", f"/v1/keys/{answer.json()['key_id']}", maker).status_code == 204


def test_a_narrowed_key_may_only_its_scopes(home: Any) -> None:
    """The scopes cut the role: an administrator's key to read turns no switch."""
    key = made(home, "admin", scopes=["read"])["key"]
    assert home.send("GET", "/v1/conversations", headers=by(key)).status_code == 200
    assert home.send("GET", "/v1/switches/extractive-only", headers=by(key)).status_code == 403
    assert me(home, key).json()["permissions"] == ["read"]


def test_a_key_makes_and_revokes_no_keys(home: Any) -> None:
    """A leaked key must not make its own successor."""
    key = made(home, "admin")
    assert home.send("POST", "/v1/keys", headers=by(key["key"]), json={"name": "x"}).status_code == 403
    assert home.send("DELETE", f"/v1/keys/{key['key_id']}", headers=by(key["key"])).status_code == 403
    assert home.send("POST", "/v1/auth/logout", headers=by(key["key"])).status_code == 422


def test_a_revoked_key_is_refused_at_once(home: Any) -> None:
    """Its owner revokes it, twice does no harm, and a stranger's key looks missing unless one is an administrator."""
    one, two = made(home), made(home)
    assert home.send("DELETE", f"/v1/keys/{one['key_id']}", "lawyer").status_code == 404
    assert me(home, one["key"]).status_code == 200
    for _ in range(2):
        assert home.send("DELETE", f"/v1/keys/{one['key_id']}", "judge").status_code == 204
    assert me(home, one["key"]).json()["code"] == "key_revoked"
    assert home.send("DELETE", f"/v1/keys/{two['key_id']}", "admin").status_code == 204
    assert me(home, two["key"]).json()["code"] == "key_revoked"
    shown = {key["key_id"]: key["revoked_at"] for key in home.send("GET", "/v1/keys", "judge").json()["keys"]}
    assert shown[one["key_id"]]
    assert home.send("DELETE", "/v1/keys/none", "judge").status_code == 404


@pytest.mark.parametrize(
    "key",
    [
        "cs_",
        "cs_' OR 1=1--",
        "cs_" + "a" * 39,
        "cs_" + "\u00e9" * 39,
        "cs_" + "0" * 5_000,
        "cs_%00",
        "cs_' UNION SELECT 1--",
    ],
)
def test_what_is_no_key_is_refused_in_both_carriers(home: Any, key: str) -> None:
    """Nonsense and SQL are 401 and reach no query."""
    for header in (True, False):
        headers = {name: value.encode() for name, value in by(key, header=header).items()}
        answer = home.send("GET", "/v1/auth/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_well_formed_key_of_nobody_is_refused(home: Any) -> None:
    """A right checksum is no proof."""
    from service.security.keys import make_key

    assert me(home, make_key(lambda count: b"\x07" * count).text).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": "a\nb"},
        {"name": "x" * 101},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "expires_at": "2030-01-01T00:00:00"},
        {"name": "x", "expires_at": "tomorrow"},
        {"name": "x", "expires_at": 1893456000},
        {"name": "x", "expires_at": 1893456000000},
        {"name": "x", "expires_at": "1893456000"},
        {"name": "x", "expires_at": "9999-12-31T23:59:59-12:00"},
        {"name": "x", "expires_at": "9999-12-31T23:59:59.999999Z"},
        {"name": "x", "expires_at": "0001-01-01T00:00:00+14:00"},
        {"name": "x", "quota": "A b"},
    ],
)
def test_a_key_that_cannot_be_is_named(home: Any, body: dict[str, Any]) -> None:
    """Each mistake is 422 and names its member."""
    answer = home.send("POST", "/v1/keys", "judge", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_a_quota_of_ones_own_is_for_administrators(home: Any) -> None:
    """Nobody lifts their own limits by naming a larger quota."""
    assert home.send("POST", "/v1/keys", "judge", json={"name": "x", "quota": "load-test"}).status_code == 403
    assert made(home, "admin", quota="load-test")["quota"] == "load-test"
    unknown = home.send("POST", "/v1/keys", "admin", json={"name": "x", "quota": "endless"})
    assert unknown.status_code == 422
    assert "load-test" in unknown.json()["errors"][0]["message"]


def test_an_account_has_fifty_live_keys_at_most(build_house: Any) -> None:
    """The fifty-first is refused until one is revoked."""
    house = build_house()
    keys = [made(house) for _ in range(50)]
    assert house.send("POST", "/v1/keys", "judge", json={"name": "x"}).status_code == 422
    house.send("DELETE", f"/v1/keys/{keys[0]['key_id']}", "judge")
    made(house)


def test_a_key_follows_its_account_and_ends(house: Any) -> None:
    """Demoted, the key loses what the role lost in mid-life; expired or suspended, key and token are 401 on the next request."""
    key = made(house, "admin", expires_at=None)
    assert key["expires_at"] is None
    assert house.send("GET", "/v1/switches/extractive-only", headers=by(key["key"])).status_code == 200
    token = house.token("admin")
    change(house, "UPDATE accounts SET role = 'public' WHERE id = 'id-admin'")
    for headers in (by(key["key"]), by(token)):
        assert house.send("GET", "/v1/switches/extractive-only", headers=headers).status_code == 403
        assert house.send("GET", "/v1/auth/me", headers=headers).json()["permissions"] == ["read"]
    house.run(house.app.state.services.store.write(lambda: disable_account("a-admin", house.wall_clock())))
    for headers in (by(key["key"]), by(token)):
        assert house.send("GET", "/v1/auth/me", headers=headers).status_code == 401
    short = made(house, "judge", expires_at="2026-11-20T00:00:00Z")
    assert me(house, short["key"]).status_code == 200
    house.wall_clock.now += 5 * 86_400
    assert me(house, short["key"]).json()["code"] == "key_expired"


def test_who_is_demoted_in_mid_stream_is_refused_next(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream that runs is finished; the very next request is judged by the role of now."""
    turns, store = house.app.state.services.turns, house.app.state.services.store
    keep = turns.keep

    def demotion() -> Work[None]:
        yield from run("UPDATE accounts SET role = 'public' WHERE id = 'id-admin'")

    async def demoted_meanwhile(*arguments: Any, **named: Any) -> Any:
        await store.write(demotion)
        return await keep(*arguments, **named)

    monkeypatch.setattr(turns, "keep", demoted_meanwhile)
    assert house.send("GET", "/v1/switches/extractive-only", "admin").status_code == 200
    assert house.stream("admin", "Apa itu hukum pidana?")[-1][0] == "done"
    assert house.send("GET", "/v1/switches/extractive-only", "admin").status_code == 403


def test_making_and_revoking_leave_lines_in_the_audit_trail(house: Any) -> None:
    """Both are written in the transaction that makes them, with who did it and in which request."""
    key = made(house)
    house.send("DELETE", f"/v1/keys/{key['key_id']}", "judge")
    connection = sqlite3.connect(house.database)
    found = connection.execute("SELECT action, subject, actor, request_id <> '' FROM audit WHERE action LIKE 'key_%'")
    assert found.fetchall() == [(f"key_{what}", key["key_id"], "id-judge", 1) for what in ("made", "revoked")]
    connection.close()


def test_a_name_of_a_key_holds_nothing_that_cannot_be_seen(house: Any) -> None:
    """Marks that turn the direction of text, escapes of terminals and spaces without width leave; a name of nothing else is refused."""
    made = house.send("POST", "/v1/keys", "judge", json={"name": "a\u202eb\u200bc\x9bd\u2028e"})
    assert (made.status_code, made.json()["name"]) == (201, "abcd e")
    assert house.send("POST", "/v1/keys", "judge", json={"name": "\u200b\u202e"}).status_code == 422
