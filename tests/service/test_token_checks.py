"""Only tokens that this service made, and that still count, let anybody in."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from service.security.keyring import RotatingRing
from service.security.tokens import AUDIENCE, ISSUER, TokenSigner
from service.store.accounts import account_by_name, disable_account, set_password

LIFETIME = 3600


def claims(house: Any, **changes: Any) -> dict[str, Any]:
    now = int(house.wall_clock.now)
    good = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "id-judge", "jti": "j1", "iat": now, "nbf": now, "exp": now + LIFETIME,
        "since": 0.0,
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def code_for(house: Any, token: str) -> str:
    response = house.send("GET", "/v1/tools", headers={"Authorization": f"Bearer {token}"})
    return "" if response.status_code == 200 else f"{response.status_code} {response.json()['code']}"


def signed(house: Any, **changes: Any) -> str:
    return jwt.encode(claims(house, **changes), house.secret, algorithm="HS256")


def test_a_good_token_lets_in(house: Any) -> None:
    """The token of these tests, without a change, is accepted: what follows fails for its change alone."""
    assert code_for(house, signed(house)) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody-else"},
        {"iss": "somebody-else"},
        {"exp": None},
        {"jti": None},
        {"sub": None},
        {"iat": None},
        {"nbf": None},
        {"since": None},
        {"since": "today"},
        {"aud": None},
        {"exp": 10**30},
        {"exp": "tomorrow"},
        {"sub": "nobody"},
        {"nbf": 1_895_000_000},
    ],
)
def test_a_token_with_a_wrong_or_missing_claim_is_refused(house: Any, changes: dict[str, Any]) -> None:
    """Every claim must be there and be what this service would have written."""
    assert code_for(house, signed(house, **changes)) == "401 unauthenticated"


@pytest.mark.parametrize("algorithm", ["none", "nOnE"])
def test_an_unsigned_token_is_refused(house: Any, algorithm: str) -> None:
    """A token that claims to need no signature is not believed."""
    unsigned = jwt.encode(claims(house), None, algorithm="none")
    body = unsigned.split(".")[1]
    header = jwt.utils.base64url_encode(b'{"alg":"%s","typ":"JWT"}' % algorithm.encode()).decode()
    assert code_for(house, f"{header}.{body}.") == "401 unauthenticated"


def test_another_algorithm_or_key_is_refused(house: Any) -> None:
    """Only HS256 with our secret counts."""
    other = jwt.encode(claims(house), house.secret + house.secret, algorithm="HS512")
    assert code_for(house, other) == "401 unauthenticated"
    assert code_for(house, jwt.encode(claims(house), "x" * 40, algorithm="HS256")) == "401 unauthenticated"


def test_a_tampered_token_is_refused(house: Any) -> None:
    """Changing the payload breaks the signature."""
    head, _, signature = signed(house).split(".")
    body = signed(house, sub="id-admin").split(".")[1]
    assert code_for(house, f"{head}.{body}.{signature}") == "401 unauthenticated"


def test_a_critical_header_that_is_unknown_is_refused(house: Any) -> None:
    """A token that demands an extension nobody here knows is not read."""
    token = jwt.encode(claims(house), house.secret, algorithm="HS256", headers={"crit": ["x"], "x": 1})
    assert code_for(house, token) == "401 unauthenticated"


@pytest.mark.parametrize("kid", ["../../dev/null", "' UNION SELECT 'x'--", "nobody", ""])
def test_a_key_id_that_is_not_ours_is_refused(house: Any, kid: str) -> None:
    """A `kid` names a secret of the ring; a path, a query or another name lets nobody in, though the signature is right."""
    token = jwt.encode(claims(house), house.secret, algorithm="HS256", headers={"kid": kid})
    assert code_for(house, token) == "401 unauthenticated"


def test_an_expired_token_says_so(house: Any) -> None:
    """The client learns that logging in again helps."""
    token = house.token("judge")
    house.wall_clock.now += LIFETIME + 1
    assert code_for(house, token) == "401 token_expired"


def test_logging_out_revokes_durably(house: Any, build_house: Any) -> None:
    """A revoked token stays revoked, also after a restart; another token of the user still counts."""
    token = house.token("judge")
    other = signed(house)
    assert house.send("POST", "/v1/auth/logout", "judge").status_code == 204
    assert code_for(house, token) == "401 token_revoked"
    assert code_for(house, other) == ""
    house.stop()
    house.__init__(house.app, house.database, house.output, house.wall_clock)
    house.start()
    assert code_for(house, token) == "401 token_revoked"


def test_a_disabled_account_is_refused_at_once(house: Any) -> None:
    """The account decides now, not the token that was made when it was active; logging in fails too."""
    token = house.token("judge")
    store = house.app.state.services.store
    house.run(store.write(lambda: disable_account("a-judge", house.wall_clock())))
    assert code_for(house, token) == "401 unauthenticated"
    body = {"username": "a-judge", "password": house.password}
    assert house.send("POST", "/v1/auth/token", json=body).json()["code"] == "invalid_credentials"


def test_a_new_password_voids_old_tokens(house: Any) -> None:
    """Whoever held a token from before the change must log in again."""
    token = house.token("judge")
    store = house.app.state.services.store
    house.wall_clock.now += 1
    house.run(store.write(lambda: set_password("a-judge", "x", house.wall_clock())))
    assert code_for(house, token) == "401 token_revoked"


def test_a_clock_that_was_ahead_shuts_nobody_out(house: Any) -> None:
    """A password that was changed by a clock an hour ahead lets its owner in at once; the tokens of before stay void."""
    store = house.app.state.services.store
    before = house.token("judge")
    hashed = house.run(store.read(lambda: account_by_name("a-judge"))).password_hash
    house.run(store.write(lambda: set_password("a-judge", hashed, house.wall_clock() + 3600)))
    house.wall_clock.now += 1
    assert code_for(house, before) == "401 token_revoked"
    login = house.send("POST", "/v1/auth/token", json={"username": "a-judge", "password": house.password})
    assert code_for(house, login.json()["access_token"]) == ""


def test_a_token_of_a_clock_that_was_ahead_ends_with_the_password(house: Any) -> None:
    """What was made a while ahead of the clock, or in a login that the change overtook, is no younger than the change."""
    store = house.app.state.services.store
    house.wall_clock.now += 2
    token = house.token("judge")
    assert code_for(house, token) == ""
    house.wall_clock.now -= 2
    house.run(store.write(lambda: set_password("a-judge", "x", house.wall_clock())))
    assert code_for(house, token) == "401 token_revoked"


def test_the_role_is_read_from_the_account(house: Any) -> None:
    """A role that a client writes into its token or its body changes nothing."""
    token = signed(house, role="admin", sub="id-public")
    headers = {"Authorization": f"Bearer {token}"}
    body = {"message": "Apa itu hukum pidana?", "role": "admin"}
    assert house.send("POST", "/v1/chat", headers=headers, json=body).json()["role"] == "public"


def test_wrong_name_and_wrong_password_look_the_same(house: Any) -> None:
    """Nobody learns from an answer whether a name exists."""
    answers = []
    for name, password in (("a-judge", "wrong password"), ("nobody", "wrong password"), ("' OR 1=1--", "x")):
        response = house.send("POST", "/v1/auth/token", json={"username": name, "password": password})
        fields = response.json()
        answers.append((response.status_code, fields["code"], fields["detail"]))
    assert len(set(answers)) == 1
    assert answers[0][:2] == (401, "invalid_credentials")


def test_tokens_that_begin_alike_are_told_apart(house: Any) -> None:
    """Two tokens with the same first characters belong to two accounts."""
    one, two = house.token("judge"), house.token("public")
    assert one[:20] == two[:20]
    questions = {"message": "Apa itu hukum pidana?"}
    roles = [
        house.send("POST", "/v1/chat", headers={"Authorization": f"Bearer {token}"}, json=questions).json()["role"]
        for token in (one, two)
    ]
    assert roles == ["judge", "public"]


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer  ", "bearer x.y.z", "Bearer " + "a" * 5000])
def test_a_header_without_a_token_is_refused(house: Any, header: str) -> None:
    """Other schemes and nonsense are refused with a hint how to get in."""
    response = house.send("GET", "/v1/tools", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_reading_needs_the_secret_it_was_signed_with() -> None:
    """A signer reads what it issued and nothing of another's."""
    signer = TokenSigner(RotatingRing(lambda: ["s" * 40], (), lambda: 1_000.0), LIFETIME)
    token = signer.issue("account", "jti", 1_000.5, 900.1)
    assert signer.read(token, 1_001).account_id == "account"
    assert signer.read(token, 1_001).since == 900.1
