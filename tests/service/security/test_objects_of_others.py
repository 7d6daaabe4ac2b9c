"""Ids of somebody else on every route that takes one (API1): by the address, the body and the header, read, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.service.test_access_table import BODIES, FOR_KNOWN_CALLERS, key_of, token_of

WITH_AN_ID = sorted(place for place in FOR_KNOWN_CALLERS if "_id}" in place[0] and "document_id" not in place[0])
SECRET_WORDS = "kebun anggrek di lereng utara"


@pytest.fixture
def theirs(house: Any) -> dict[str, str]:
    """What the judge `other` owns: a conversation with an answer, feedback and a title, a key, and an idempotent answer."""
    headers = {"Authorization": f"Bearer {token_of(house, 'other')}"}
    made = house.send("POST", "/v1/conversations", headers=headers, json={"title": SECRET_WORDS}).json()
    body = {"message": f"Apa itu hukum pidana? {SECRET_WORDS}", "conversation_id": made["conversation_id"]}
    answer = house.send("POST", "/v1/chat", headers={**headers, "Idempotency-Key": "theirs"}, json=body)
    assert answer.status_code == 200
    message_id = answer.json()["id"]
    feedback = {"score": 1, "comment": SECRET_WORDS}
    assert house.send("PUT", f"/v1/messages/{message_id}/feedback", headers=headers, json=feedback).status_code == 200
    key = house.send("POST", "/v1/keys", headers=headers, json={"name": SECRET_WORDS}).json()
    return {"conversation_id": made["conversation_id"], "message_id": message_id, "key_id": key["key_id"]}


def asked(house: Any, place: tuple[str, str], ids: Mapping[str, str], headers: Mapping[str, str]) -> Any:
    path = place[0].format(**ids)
    options = {"json": BODIES.get(place[0], {})} if place[1] in {"POST", "PUT", "PATCH"} else {}
    return house.send(place[1], path, headers=dict(headers), **options)


def without_ids(response: Any) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    return {name: value for name, value in body.items() if name not in {"request_id", "trace_id"}}


@pytest.mark.parametrize(("role", "carrier"), [("judge", "token"), ("public", "key"), ("admin", "cookie")])
def test_ids_of_others_look_missing_on_every_route(house: Any, theirs: dict[str, str], role: str, carrier: str) -> None:
    """Open WebUI CVE-2026-45349, a foreign chat was continued: the answer is the very one for an id that does not exist."""
    token = token_of(house, role)
    headers = {
        "token": {"Authorization": f"Bearer {token}"},
        "key": {"X-API-Key": key_of(house, role)},
        "cookie": {"Cookie": f"courtsight_session={token}", "Origin": "http://service"},
    }[carrier]
    missing = dict.fromkeys(theirs, "0" * 32)
    for place in WITH_AN_ID:
        if place == ("/v1/keys/{key_id}", "DELETE") and (role == "admin" or carrier == "key"):
            continue  # an administrator revokes anybody's key, and keys revoke none: both stand in the table of access
        for format_ in ("", "?format=bibtex") if "citations" in place[0] else ("",):
            one, other = (asked(house, (place[0] + format_, place[1]), ids, headers) for ids in (theirs, missing))
            assert (one.status_code, other.status_code) == (404, 404), place
            assert without_ids(one) == without_ids(other)
            assert SECRET_WORDS not in one.text
    own = house.send("GET", f"/v1/conversations/{theirs['conversation_id']}", headers={"Authorization": f"Bearer {token_of(house, 'other')}"})  # fmt: skip
    assert own.json()["title"] == SECRET_WORDS
    assert [message["author"] for message in own.json()["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/chat/completions"])
def test_a_conversation_of_others_is_not_continued(house: Any, theirs: dict[str, str], path: str) -> None:
    """Neither dialect takes its context, streamed or not, and nothing is written into it."""
    body = {**BODIES[path], "conversation_id": theirs["conversation_id"]}
    for stream in (False, True):
        answer = house.send("POST", path, "judge", json={**body, "stream": stream})
        assert answer.status_code == 404
        assert SECRET_WORDS not in answer.text


def test_an_idempotency_key_of_others_gives_nothing(house: Any, theirs: dict[str, str]) -> None:
    """The same key and the same question of another account is a question of its own, in no conversation of the first."""
    body = {"message": f"Apa itu hukum pidana? {SECRET_WORDS}"}
    answer = house.send("POST", "/v1/chat", "judge", headers={"Idempotency-Key": "theirs"}, json=body)
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers
    assert answer.json()["conversation_id"] != theirs["conversation_id"]


def test_lists_and_sums_hold_only_ones_own(house: Any, theirs: dict[str, str]) -> None:
    """Lists of conversations and keys, and usage without `scope=all`, are empty for somebody who has none; `all` is 403."""
    token = {"Authorization": f"Bearer {token_of(house, 'judge')}"}
    assert house.send("GET", "/v1/conversations", headers=token).json()["conversations"] == []
    assert house.send("GET", "/v1/keys", headers=token).json()["keys"] == []
    assert house.send("GET", "/v1/usage", headers=token).json()["usage"] == []
    for path in ("/v1/usage", "/v1/usage/conversations"):
        assert house.send("GET", path, headers=token, params={"scope": "all"}).status_code == 403
        for sneaky in ({"account_id": "id-other"}, {"owner": "id-other"}, {"role": "admin"}):
            assert SECRET_WORDS not in house.send("GET", path, headers=token, params=sneaky).text


FORGED = {
    "role": "admin", "account_id": "id-other", "owner": "id-other", "user_id": "id-other", "id": "mine", "created_at": 0,
    "key_id": "mine", "permissions": ["admin"], "is_admin": True, "disabled": False, "message_id": "x", "hint": "x", "revoked_at": None,
}  # fmt: skip


def test_members_that_nobody_asked_for_change_nothing(house: Any) -> None:
    """API3, mass assignment: owner, role, id, moments and rights in a body are not taken over, wherever they are sent."""
    made = house.send("POST", "/v1/conversations", "public", json={"title": "a", **FORGED}).json()
    assert made["conversation_id"] != "mine"
    assert made["created_at"].startswith("2026")
    assert house.send("GET", "/v1/conversations", "other").json()["conversations"] == []
    renamed = house.send(
        "PATCH", f"/v1/conversations/{made['conversation_id']}", "public", json={"title": "b", **FORGED}
    )
    assert renamed.json()["conversation_id"] == made["conversation_id"]
    key = house.send("POST", "/v1/keys", "public", json={"name": "k", **FORGED}).json()
    assert (key["key_id"] != "mine", key["scopes"]) == (True, ["read"])
    shown = house.send("GET", "/v1/auth/me", headers={"X-API-Key": key["key"]}).json()
    assert (shown["role"], shown["permissions"]) == ("public", ["read"])
    login = {"username": "a-public", "password": house.password, **FORGED}
    assert house.send("POST", "/v1/auth/token", json=login).json()["role"] == "public"
    answer = house.send("POST", "/v1/chat", "public", json={"message": "Bandingkan putusan korupsi", **FORGED}).json()
    assert answer["role"] == "public"
    assert "CaseComparator" not in {call["tool_name"] for call in answer["tool_calls"]}


IDS = ["%00", "a%00b", "..%2f..%2fetc%2fpasswd", "%2e%2e", "' OR 1=1--", "1;DROP TABLE accounts", "%25", "_", "\u202e", "a" * 5_000, "%c0%ae", "%ff", "-", "*", "{}"]  # fmt: skip


def test_an_id_that_is_none_is_a_missing_one(house: Any) -> None:
    """NUL, paths, SQL, wildcards and broken UTF-8 in the place of an id: 404, never a 5xx, on every route."""
    headers = {"Authorization": f"Bearer {token_of(house, 'admin')}"}
    for place in WITH_AN_ID:
        house.wall_clock.now += 60
        for junk in IDS:
            response = asked(house, place, dict.fromkeys(("conversation_id", "message_id", "key_id"), junk), headers)
            assert response.status_code in {404, 405}, (place, junk, response.text)


def test_no_statement_is_asked_for_a_key_with_a_zero_byte() -> None:
    """PostgreSQL refuses a text with NUL in it; such an id of a key is looked for nowhere."""
    from service.store.keys import find_key

    with pytest.raises(StopIteration) as ended:
        next(find_key("a\x00b"))
    assert ended.value.value is None
