"""One request shows one credential, and a browser's cookie counts from our own page only."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import AmbiguousCredentials, OriginRefused, Unauthenticated
from service.security.carriers import COOKIE, SECURE_COOKIE, Page, Shown, credential_shown
from service.security.keys import is_well_formed, key_digest, make_key

OPEN = Page(None, secure=False)
CARRIERS = {
    "token": (b"authorization", b"Bearer a.b.c"),
    "key by bearer": (b"authorization", b"Bearer cs_x"),
    "key header": (b"x-api-key", b"cs_x"),
    "cookie": (b"cookie", b"courtsight_session=a.b.c"),
}
ORIGIN = (b"origin", b"https://chat.example.id")
HOST = (b"host", b"chat.example.id")


@pytest.mark.parametrize("carrier", CARRIERS)
def test_each_carrier_is_read(carrier: str) -> None:
    """A credential is told by its form, wherever it stands."""
    shown = credential_shown([HOST, CARRIERS[carrier]], "GET", OPEN)
    assert shown.kind == ("key" if "key" in carrier else "token")
    assert shown.by_cookie == (carrier == "cookie")


@pytest.mark.parametrize("first", CARRIERS)
@pytest.mark.parametrize("second", CARRIERS)
def test_two_credentials_are_refused(first: str, second: str) -> None:
    """Neither is chosen, not even when both are the same."""
    with pytest.raises(AmbiguousCredentials):
        credential_shown([CARRIERS[first], CARRIERS[second]], "GET", OPEN)


def test_two_cookies_in_one_header_are_refused() -> None:
    """A second cookie of our name was planted by somebody."""
    with pytest.raises(AmbiguousCredentials):
        credential_shown([(b"cookie", b"courtsight_session=a; theme=x; courtsight_session=b")], "GET", OPEN)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Basic abc")],
        [(b"authorization", b"Bearer")],
        [(b"x-api-key", b"")],
        [(b"x-api-key", b"' OR 1=1--")],
        [(b"x-api-key", b"a.b.c")],
        [(b"cookie", b"courtsight_session=")],
        [(b"cookie", b"other=1; xcourtsight_session=a.b.c")],
    ],
)
def test_what_is_no_credential_is_unauthenticated(headers: list[tuple[bytes, bytes]]) -> None:
    """An empty or foreign value lets nobody in."""
    with pytest.raises(Unauthenticated):
        credential_shown(headers, "GET", OPEN)


def test_in_production_only_the_host_cookie_counts() -> None:
    """A cookie that a neighbour domain can plant is not looked at."""
    secure = Page(None, secure=True)
    with pytest.raises(Unauthenticated):
        credential_shown([(b"cookie", f"{COOKIE}=a.b.c".encode())], "GET", secure)
    shown = credential_shown([(b"cookie", f"{SECURE_COOKIE}=a.b.c".encode())], "GET", secure)
    assert shown == Shown("token", "a.b.c", by_cookie=True)


@pytest.mark.parametrize(
    ("origin", "host", "page", "ours"),
    [
        ("https://chat.example.id", "chat.example.id", Page(None, secure=True), True),
        ("https://chat.example.id", "other.example.id", Page(None, secure=True), False),
        ("http://chat.example.id", "chat.example.id", Page(None, secure=True), False),
        ("http://chat.example.id", "chat.example.id", OPEN, True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", Page(None, secure=True), True),
        ("http://127.0.0.1:8000", "127.0.0.1:9000", OPEN, False),
        ("https://chat.example.id", "10.0.0.7", Page("https://chat.example.id", secure=True), True),
        ("https://10.0.0.7", "10.0.0.7", Page("https://chat.example.id", secure=True), False),
        ("null", "chat.example.id", OPEN, False),
        ("null", "", OPEN, False),
        ("https://", "", OPEN, False),
        ("https://[", "[", OPEN, False),
        ("https://chat.example.id.evil", "chat.example.id", OPEN, False),
        ("https://chat.example.id/", "chat.example.id", OPEN, False),
    ],
)
def test_an_origin_is_ours_or_not(origin: str, host: str, page: Page, *, ours: bool) -> None:
    """The stated origin decides, or else the request's own host by https, by loopback, or in development."""
    cookie = (b"cookie", f"{page.cookie}=a.b.c".encode())
    headers = [cookie, (b"origin", origin.encode()), (b"host", host.encode())]
    if ours:
        assert credential_shown(headers, "POST", page).by_cookie
    else:
        with pytest.raises(OriginRefused):
            credential_shown(headers, "POST", page)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_a_change_by_cookie_needs_an_origin(method: str) -> None:
    """Without one, nothing says which page made it; reading needs none, and other carriers need none."""
    cookie = CARRIERS["cookie"]
    with pytest.raises(OriginRefused):
        credential_shown([cookie, HOST], method, OPEN)
    assert credential_shown([cookie, ORIGIN, HOST], method, OPEN).by_cookie
    assert credential_shown([cookie, (b"origin", b"https://evil.example"), HOST], "GET", OPEN).by_cookie
    assert credential_shown([CARRIERS["token"], (b"origin", b"https://evil.example")], method, OPEN).kind == "token"


@given(st.binary(min_size=24, max_size=24))
def test_every_key_is_well_formed_and_a_slip_is_found(drawn: bytes) -> None:
    """A key carries its own checksum: changing one of its characters is noticed before the database is asked."""
    key = make_key(lambda count: drawn[:count])
    assert is_well_formed(key.text)
    assert key.digest == hashlib.sha256(key.text.encode()).hexdigest() == key_digest(key.text)
    for place in range(3, len(key.text), 5):
        other = "A" if key.text[place] != "A" else "B"
        assert not is_well_formed(key.text[:place] + other + key.text[place + 1 :])


@given(st.text(max_size=60))
def test_nonsense_is_no_key(text: str) -> None:
    """Whatever is sent, telling that it is no key raises nothing."""
    assert not is_well_formed(f"cs_{text}") or len(text) == 39


def test_two_keys_differ_by_their_random_bits() -> None:
    """The hint shows four characters at each end and not the key."""
    one, two = make_key(lambda count: b"\x00" * count), make_key(lambda count: b"\xff" * count)
    assert one.text != two.text
    assert one.text[7:-4] not in one.hint
    assert len(one.hint) == 9


def test_logging_in_by_cookie_shows_no_token(house: Any) -> None:
    """The token is in an HttpOnly cookie and nowhere else; the cookie reads, changes from our page, and ends with logging out."""
    body = {"username": "a-judge", "password": house.password, "cookie": True}
    answer = house.send("POST", "/v1/auth/token", json=body)
    assert set(answer.json()) == {"expires_in", "role"}
    header = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(header.split("; "))
    house.client.cookies.clear()
    cookie = {"Cookie": header.split(";")[0]}
    assert house.send("GET", "/v1/auth/me", headers=cookie).json()["username"] == "a-judge"
    refused = house.send("POST", "/v1/conversations", headers=cookie, json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")
    ours = {**cookie, "Origin": "http://service"}
    assert house.send("POST", "/v1/conversations", headers=ours, json={}).status_code == 201
    out = house.send("POST", "/v1/auth/logout", headers=ours)
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert house.send("GET", "/v1/auth/me", headers=cookie).json()["code"] == "token_revoked"


def test_another_site_cannot_log_a_browser_in(house: Any) -> None:
    """Logging in by cookie from a foreign page is refused before the password is looked at."""
    body = {"username": "a-judge", "password": house.password, "cookie": True}
    for origin in ("https://evil.example", "null"):
        refused = house.send("POST", "/v1/auth/token", json=body, headers={"Origin": origin})
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")
        assert "set-cookie" not in refused.headers


def test_who_am_i_says_what_the_credential_may(house: Any, deployment: Any) -> None:
    """Name, role, permissions, tools and end, as the account is now."""
    shown = house.send("GET", "/v1/auth/me", "lawyer").json()
    role = deployment.roles["lawyer"]
    assert shown["username"] == "a-lawyer"
    assert (shown["permissions"], shown["tools"]) == (sorted(role.permissions), sorted(role.tools))
    assert shown["expires_at"].endswith("Z")
