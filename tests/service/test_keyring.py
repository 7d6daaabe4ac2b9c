"""Signing secrets change under a running process, and no request fails for it."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest

from service.errors import ConfigurationError, Unauthenticated
from service.security.keyring import GRACE_SECONDS, RotatingRing, key_id, ring_of
from service.security.tokens import AUDIENCE, ISSUER, TokenSigner
from service.settings import Settings
from service.telemetry.logging import EventLog

OLD = "old-Xq3vN8rT1mZ5kW7yB2cD4fG6hJ9pL0sA"
NEW = "new-Ua1bV2cW3dX4eY5fZ6gA7hB8iC9jD0kE"
NOW = 1_795_000_000.0


class Files:
    """A folder as Vault's agent writes it: one file for the secret, one for those before."""

    def __init__(self, folder: Path) -> None:
        self.secret, self.previous = folder / "secret", folder / "previous"
        self.output = io.BytesIO()
        self.now = NOW
        self.write(OLD)

    def write(self, secret: str, *previous: str) -> None:
        for file, text in ((self.previous, "\n".join(previous)), (self.secret, secret)):
            fresh = file.with_suffix(".new")
            fresh.write_text(text + "\n")
            fresh.replace(file)

    def ring(self) -> RotatingRing:
        settings = Settings(
            environment="production", jwt_secret_file=self.secret, jwt_previous_secrets_file=self.previous
        )
        log = EventLog(self.output, "info", lambda: self.now)
        return RotatingRing(settings.signing_secrets, settings.signing_files, lambda: self.now, log)

    def events(self) -> list[str]:
        return [orjson.loads(line)["event"] for line in self.output.getvalue().splitlines()]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def readable(signer: TokenSigner, token: str, now: float = NOW) -> bool:
    try:
        signer.read(token, now)
    except Unauthenticated:
        return False
    return True


def test_a_rotated_secret_signs_and_the_previous_one_verifies(files: Files) -> None:
    """After a rotation both tokens count, each by the secret that its kid names; without the old one, only the new."""
    ring = files.ring()
    signer = TokenSigner(ring, 3600)
    before = signer.issue("ana", "j1", NOW)
    assert jwt.get_unverified_header(before)["kid"] == key_id(OLD)
    files.write(NEW, OLD)
    ring.look()
    after = signer.issue("ana", "j2", NOW)
    assert jwt.get_unverified_header(after)["kid"] == key_id(NEW)
    assert readable(signer, before)
    assert readable(signer, after)
    files.write(NEW)
    ring.look()
    assert not readable(signer, before)
    assert readable(signer, after)
    assert files.events() == ["signing_keys_changed"] * 2
    assert OLD not in files.output.getvalue().decode()


def test_a_secret_that_was_replaced_alone_verifies_for_a_minute(files: Files) -> None:
    """Two files are never written at one moment: in between no request fails, and afterwards the old secret is gone."""
    ring = files.ring()
    signer = TokenSigner(ring, 3600)
    before = signer.issue("ana", "j1", NOW)
    files.write(NEW)
    ring.look()
    assert readable(signer, before)
    files.now += GRACE_SECONDS
    ring.look()
    assert not readable(signer, before)


def test_two_rotations_within_a_minute_keep_the_grace_of_both(files: Files) -> None:
    """Each replaced secret verifies for its own minute, whatever is rotated meanwhile."""
    third = "third-Ka1bV2cW3dX4eY5fZ6gA7hB8iC9jD0kE"
    ring = files.ring()
    signer = TokenSigner(ring, 3600)
    first = signer.issue("ana", "j1", NOW)
    files.write(NEW)
    ring.look()
    second = signer.issue("ana", "j2", NOW)
    files.now += GRACE_SECONDS / 2
    files.write(third)
    ring.look()
    assert [readable(signer, token) for token in (first, second)] == [True, True]
    files.now += GRACE_SECONDS / 2
    ring.look()
    assert [readable(signer, token) for token in (first, second)] == [False, True]
    files.now += GRACE_SECONDS / 2
    ring.look()
    assert [readable(signer, token) for token in (first, second)] == [False, False]
    assert list(ring.current.secrets) == [key_id(third)]


def test_a_worker_that_has_not_looked_yet_takes_a_token_of_one_that_has(files: Files) -> None:
    """A kid that is unknown makes the ring look at its files before anybody is refused."""
    early, late = files.ring(), files.ring()
    files.write(NEW, OLD)
    early.look()
    token = TokenSigner(early, 3600).issue("ana", "j1", NOW)
    assert readable(TokenSigner(late, 3600), token)


@pytest.mark.parametrize("broken", ["", "short", "a" * 40, "changeme-" * 5, None])
def test_a_broken_file_keeps_the_ring(files: Files, broken: str | None) -> None:
    """What is missing or too weak is told once and changes nothing; the next good file is taken."""
    ring = files.ring()
    kept = ring.current
    if broken is None:
        files.secret.unlink()
    else:
        files.write(broken)
    for _ in range(3):
        ring.look()
    assert ring.current is kept
    assert "COURTSIGHT_JWT_SECRET" in str(ring.trouble)
    assert files.events() == ["signing_keys_kept"]
    files.write(NEW, OLD)
    ring.look()
    assert ring.trouble is None
    assert ring.current.signing == key_id(NEW)


def test_a_link_that_is_turned_is_noticed(tmp_path: Path) -> None:
    """Kubernetes turns one link to a folder with new files, whose names and times may be the same."""
    for name, text in (("one", OLD), ("two", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(text)
        os.utime(tmp_path / name / "secret", (NOW, NOW))
    link = tmp_path / "now"
    link.symlink_to(tmp_path / "one")
    settings = Settings(environment="production", jwt_secret_file=link / "secret")
    ring = RotatingRing(settings.signing_secrets, settings.signing_files, lambda: NOW)
    link.unlink()
    link.symlink_to(tmp_path / "two")
    ring.look()
    assert ring.current.signing == key_id(NEW)


def test_a_weak_previous_secret_does_not_start(files: Files) -> None:
    """What only verifies lets people in as well: it is held to the same."""
    files.write(NEW, "short")
    with pytest.raises(ConfigurationError, match=r"COURTSIGHT_JWT_PREVIOUS_SECRETS: number 1 is shorter"):
        files.ring()


def fixed(*secrets: str) -> RotatingRing:
    return RotatingRing(lambda: secrets, (), lambda: NOW)


def good() -> dict[str, Any]:
    times = {"iat": NOW, "nbf": NOW, "exp": NOW + 3600, "since": 0.0}
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "jti": "j", **times}


@pytest.mark.parametrize(
    "kid",
    ["../../../../dev/null", "/proc/self/environ", "' UNION SELECT 'x", "", "unknown", key_id(NEW), "secret", "0"],
)
def test_a_kid_is_a_name_in_the_ring_and_nothing_else(kid: str) -> None:
    """A path, a query or an unknown name opens no file and no table: the token is refused, even when rightly signed."""
    signer = TokenSigner(fixed(OLD), 3600)
    assert readable(signer, jwt.encode(good(), OLD, algorithm="HS256"))
    assert not readable(signer, jwt.encode(good(), OLD, algorithm="HS256", headers={"kid": kid}))


@pytest.mark.parametrize("kid", [None, 7, ["a"], {"a": 1}])
def test_a_kid_that_is_no_text_is_refused(kid: object) -> None:
    """Whatever JSON may hold there, it raises nothing but 401."""
    token = jwt.encode(good(), OLD, algorithm="HS256")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": kid}).encode()).rstrip(b"=").decode()
    assert not readable(TokenSigner(fixed(OLD), 3600), f"{header}.{token.split('.', 1)[1]}")


def test_a_secret_never_verifies_under_another_kid() -> None:
    """A token of the previous secret that claims the current kid is refused."""
    signer = TokenSigner(fixed(NEW, OLD), 3600)
    assert readable(signer, jwt.encode(good(), OLD, algorithm="HS256", headers={"kid": key_id(OLD)}))
    assert not readable(signer, jwt.encode(good(), OLD, algorithm="HS256", headers={"kid": key_id(NEW)}))


def test_a_public_key_is_no_secret() -> None:
    """Key confusion: a token signed with another algorithm's public key as HMAC secret is refused."""
    public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----"
    body = base64.urlsafe_b64encode(json.dumps(good()).encode()).rstrip(b"=").decode()
    header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    signature = jwt.api_jws.PyJWS().get_algorithm_by_name("HS256").sign(f"{header}.{body}".encode(), public.encode())
    forged = f"{header}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert not readable(TokenSigner(fixed(OLD), 3600), forged)


def test_a_remembered_token_ends_when_it_expires() -> None:
    """What is remembered is the signature and not the verdict: a second look at the same token asks for the time again."""
    signer = TokenSigner(fixed(OLD), 10)
    token = signer.issue("ana", "j", NOW)
    assert readable(signer, token, NOW + 9)
    with pytest.raises(Unauthenticated) as caught:
        signer.read(token, NOW + 10)
    assert caught.value.code == "token_expired"


def test_a_token_is_remembered_whole() -> None:
    """Two tokens that begin alike are two identities, and a good one with something behind it is none."""
    signer = TokenSigner(fixed(OLD), 3600)
    one, two = signer.issue("ana", "j1", NOW), signer.issue("budi", "j2", NOW)
    assert one[:20] == two[:20]
    assert [signer.read(token, NOW).account_id for token in (one, two, one, two)] == ["ana", "budi", "ana", "budi"]
    assert not readable(signer, one[:-1])
    assert not readable(signer, one + "A")


def test_what_is_remembered_is_bounded_and_only_good_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Junk takes no room, and the oldest good token makes room for the newest."""
    monkeypatch.setattr("service.security.tokens._MOST_KNOWN", 3)
    signer = TokenSigner(fixed(OLD), 3600)
    for number in range(9):
        assert readable(signer, signer.issue("ana", f"j{number}", NOW))
        assert not readable(signer, f"a.b.{number}")
    assert len(signer._known) == 3


def test_the_ids_of_secrets_do_not_repeat() -> None:
    """Each secret has an id of its own, which is not a part of it."""
    ring = ring_of([OLD, NEW])
    assert len(ring.secrets) == 2
    assert ring.secret == OLD
    assert not any(kid in OLD + NEW for kid in ring.secrets)
