"""Nothing starts in production with a secret that is none, and all of them are named at once."""

from __future__ import annotations

import base64
import hashlib
import random
import secrets
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from service.app import create_app
from service.errors import ConfigurationError
from service.secrecy import (
    origin_weakness,
    password_weakness,
    placeholder_weakness,
    secret_weakness,
    setting_weakness,
    token_weakness,
)
from service.settings import Settings, refuse_weak_secrets

STRONG = "v8Zq1Nw5Xc3Rt7Ly9Pb2Kd4Mf6Hg0JsQaUeIo"


@pytest.mark.parametrize(
    "secret",
    [
        "", "secret", "x" * 31, "a" * 64, "changeme" * 5, "CHANGE-ME-" + "x1y2z3" * 5, "your-secret-key-change-in-production-please",
        "super_secret_key_for_development_only", "<put a long random text of your own here>", "abcd1234efgh5678" * 3,
        "${COURTSIGHT_JWT_SECRET_FROM_THE_VAULT_HERE}", "a-string-secret-at-least-256-bits-long",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "qwertyuiopasdfghjklzxcvbnm123456", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,", "!QAZ@WSX#EDC$RFV%TGB^YHN&UJM*IK<",
        "zyxwvutsrqponmlkjihgfedcba987654", bytes(range(32)).hex(), "".join(map(chr, range(33, 73))),
        "hunter2!-hunter2!-hunter2!-hunter2!", "Tr0ub4dor&3Tr0ub4dor&3Tr0ub4dor&3Tr0", "deadbeefcafebabedeadbeefcafebabe0123",
        "courtsight-courtsight-production-1", "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "correct horse battery staple correct", base64.b64encode(b"password" * 4).decode(), b"changethissecretnow!".hex(),
        base64.b64encode(b"Passwordpassword1234567890\n").decode(), base64.b64encode(base64.b64encode(b"rahasia123" * 3)).decode(),
        base64.urlsafe_b64encode(b"this is my jwt secret for courts").decode().rstrip("="),
        "aabbccddeeffgghhiijjkkllmmnnoopp", "00112233445566778899aabbccddeeff", "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6",
        "c0urts1ght-s3cr3t-k3y-2026-production", hashlib.sha256(b"password").hexdigest(), hashlib.sha512(b"secret\n").hexdigest().upper(),
    ],
)  # fmt: skip
def test_a_weak_signing_secret_is_told(secret: str) -> None:
    """Short, repeated, known and placeholder texts are no secrets, nor is what guides print."""
    assert secret_weakness(secret, strict=True)


@pytest.mark.parametrize(
    "secret",
    [
        "nobody will ever guess that this is our key", "kunci rahasia untuk layanan chat pengadilan", "NobodyWillEverGuessThatThisIsOurKey",
        "i love my wife and my two children very much", "we sell good books to all the lawyers in this town!",
        "Kunci ini tidak boleh diketahui oleh siapa pun di kantor 2026", base64.b64encode(b"nobody would think that this is it").decode(),
    ],
)  # fmt: skip
def test_a_sentence_of_ones_own_is_told(secret: str) -> None:
    """In either language, with or without spaces, and in other letters."""
    assert "sentences" in (secret_weakness(secret, strict=True) or "")


def test_words_that_dice_chose_pass() -> None:
    """Eight of them are a secret, also when three are as common as those of a sentence, and so is a sentence with a random text behind it."""
    diced = "cling-prune-wagon-amber-quilt-those-fetch-moral"
    assert secret_weakness(diced, strict=True) is None
    assert secret_weakness("of cling my prune wagon for amber quilt", strict=True) is None
    assert secret_weakness(f"this is the key of our chat: {STRONG}", strict=True) is None


@given(st.binary(min_size=32, max_size=64))
def test_random_secrets_of_every_usual_form_pass(drawn: bytes) -> None:
    """What `secrets` makes is never refused, in hexadecimal as well as in base64."""
    text = secrets.token_urlsafe(48)
    assert secret_weakness(text, strict=True) is None
    assert secret_weakness(secrets.token_hex(32), strict=True) is None
    assert secret_weakness(drawn.hex(), strict=False) is None


@pytest.mark.parametrize("seed", range(300))
def test_no_random_secret_is_taken_for_a_guessable_one(seed: int) -> None:
    """The shortest that are allowed are refused in none of the forms in which programs write them, twice encoded ones included."""
    drawn = random.Random(seed).randbytes(32)
    forms = [
        drawn[:16].hex(),
        drawn.hex(),
        base64.b64encode(drawn).decode(),
        base64.b64encode(drawn.hex().encode()).decode(),
    ]
    forms += [base64.urlsafe_b64encode(drawn[:24]).decode(), str(UUID(bytes=drawn[:16]))]
    assert [form for form in forms if secret_weakness(form, strict=True)] == []
    assert [form for form in (drawn[:12].hex(), base64.b64encode(drawn[:12]).decode()) if token_weakness(form)] == []


@pytest.mark.parametrize(
    ("url", "needed", "told"),
    [
        ("postgresql://reader:postgres@db/name", False, "known default"),
        ("postgresql://reader:reader@db/name", False, "known default"),
        ("postgresql://reader:abc@db/name", False, "too weak"),
        ("postgresql://reader:aaaaaaaaaaaa@db/name", False, "too weak"),
        ("postgresql://reader:change%2Dme@db/name", False, "known default"),
        ("postgresql://reader:Tq8vX2rN@db/name", False, None),
        ("postgresql://reader@db/name", False, None),
        ("postgresql://reader:password123@db/name", False, "too weak"),
        ("postgresql://reader:Courtsight2026!@db/name", False, "too weak"),
        ("postgresql://reader:Reader2026!@db/name", False, "too weak"),
        ("postgresql://reader:qwertyuiop@db/name", False, "too weak"),
        ("postgresql://reader:cGFzc3dvcmQ%3D@db/name", False, "too weak"),
        ("postgresql://reader:p%40ssw0rd@db/name", False, "known default"),
        ("postgresql://reader@db/name?password=postgres", False, "known default"),
        ("postgresql://db/name?user=reader&password=reader", False, "known default"),
        ("postgresql://reader:Tq8vX2rN@db/name?password=postgres", False, "known default"),
        ("postgresql://reader@db/name?password=Tq8vX2rN&sslmode=require", False, None),
        ("redis://cache:6379/0?password=Tq8vX2rN", True, None),
        ("redis://127.0.0.1:6379/0?password=redis", True, "known default"),
        ("redis://cache:6379/0", True, "no password"),
        ("redis://127.0.0.1:6379/0", True, None),
        ("redis://:foobared@127.0.0.1:6379/0", True, "known default"),
        ("redis://:Tq8vX2rN@cache:6379/0", True, None),
        ("redis://[", True, "no address"),
    ],
)
def test_the_password_of_an_address_is_judged(url: str, *, needed: bool, told: str | None) -> None:
    """Defaults, the user's own name and short texts are refused; a Redis elsewhere needs a password."""
    found = password_weakness(url, needed=needed)
    assert (told is None) == (found is None)
    assert (told or "") in (found or "")


@pytest.mark.parametrize(
    "key",
    [
        "", "your-api-key", "sk-xxxx", "<key>", "changeme", "...", "TODO", "sk-0000", "${KEY}", "sk-1234", "YOUR_OPENAI_API_KEY", "sk-ant-api03-...",
        "$OPENAI_API_KEY", "GEMINI_API_KEY", "fill-me-in",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_key(key: str) -> None:
    """What stands in an example file was never given out by a provider."""
    assert placeholder_weakness(key)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("otlp_headers", "authorization=Bearer <token>", "number 1"),
        ("otlp_headers", "x-tenant=courts,authorization=Bearer secret", "number 2"),
        ("otlp_headers", "x-tenant=courts,x-api-key=", "number 2"),
        ("otlp_headers", f"authorization=Basic {base64.b64encode(b'collector:admin').decode()}", "number 1"),
        ("otlp_headers", f"authorization=Basic {base64.b64encode(b'admin:L87sdfsdf').decode()}", None),
        ("otlp_headers", "authorization=Basic a", None),
        ("otlp_headers", "x-tenant=your-company,x-token=8fK2qLw9Zr4Tn7Vb", None),
        ("otlp_headers", "x-dataset=changeme", "number 1"),
        ("otlp_headers", "", "placeholder"),
        ("otlp_headers", "x-scope-orgid=demo,authorization=Bearer 8fK2qLw9Zr4Tn7Vb", None),
        ("sentry_dsn", "https://examplePublicKey@o0.ingest.sentry.io/0", "key"),
        ("sentry_dsn", "https://public@sentry.example.com/1", "key"),
        ("sentry_dsn", "https://[", "no address"),
        ("sentry_dsn", "https://5b8f2c1d9e3a4f7b8c6d5e4f3a2b1c0d@o0.ingest.sentry.io/0", None),
        ("metrics_token", "x://y", "shorter than 16 bytes"),
        ("redis_url", "redis://cache:6379/0", "no password"),
        ("database_url", "postgresql://reader@db/name", None),
        ("some_later_key", "changeme", "placeholder"),
    ],
)
def test_each_secret_is_judged_by_what_it_is(name: str, text: str, told: str | None) -> None:
    """Headers by the values of those that open something, Sentry's address by its key, and a token of ours as one, also where it looks like an address."""
    found = setting_weakness(name, text)
    assert (told is None) == (found is None)
    assert (told or "") in (found or "")


@pytest.mark.parametrize("seed", range(100))
def test_no_random_password_is_taken_for_a_weak_one(seed: int) -> None:
    """Nine random bytes are enough, in hexadecimal or base64."""
    drawn = random.Random(seed).randbytes(9)
    forms = [drawn.hex(), base64.urlsafe_b64encode(drawn).decode()]
    assert [form for form in forms if password_weakness(f"postgresql://u:{form}@db/name", needed=False)] == []


@pytest.mark.parametrize(
    "token",
    ["abc", "changeme-changeme-1", "a" * 40, "15-bytes-only-x", "qwertyuiop123456", "cHJvbWV0aGV1cy1wcm9tZXRoZXVz"],
)
def test_a_token_of_the_metrics_is_judged_like_a_secret(settings: Settings, token: str) -> None:
    """Who guesses it reads how much every role asks: production refuses one that is short or not random, by its name."""
    given = settings.model_copy(update={"environment": "production", "metrics_token": SecretStr(token)})
    assert [found for found in given.weaknesses() if "COURTSIGHT_METRICS_TOKEN" in found]
    better = given.model_copy(update={"metrics_token": SecretStr("token-of-prometheus-51c8")})
    assert not [found for found in better.weaknesses() if "COURTSIGHT_METRICS_TOKEN" in found]


def test_a_key_of_a_provider_passes_whatever_its_form() -> None:
    """Providers decide how their keys look."""
    assert placeholder_weakness("sk-proj-8fK2qLw9Zr4Tn7Vb") is None
    assert placeholder_weakness("AIzaSyB3xk") is None


@pytest.mark.parametrize(
    ("origin", "strict", "told"),
    [
        ("https://chat.example.id", True, None),
        ("http://127.0.0.1:8000", True, None),
        ("http://chat.example.id", True, "not https"),
        ("http://chat.example.id", False, None),
        ("https://chat.example.id/", False, "without a path"),
        ("chat.example.id", False, "no origin"),
        ("https://[", False, "no origin"),
        ("*", False, "no origin"),
    ],
)
def test_the_origin_of_the_page_is_judged(origin: str, *, strict: bool, told: str | None) -> None:
    """An origin has no path; in production it is https or this machine."""
    found = origin_weakness(origin, strict=strict)
    assert (told is None) == (found is None)
    assert (told or "") in (found or "")


def test_production_names_every_weak_secret_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One start tells all that is wrong, by name and never by value; nothing is built before."""
    monkeypatch.setenv("COURTSIGHT_GEMINI_API_KEY", "your-api-key-here")
    settings = Settings(
        environment="production",
        database=tmp_path / "a.db",
        jwt_secret=SecretStr("changeme-" * 5),
        jwt_previous_secrets=SecretStr(f"{STRONG},too-short-by-far"),
        retrieval_database_url=SecretStr("postgresql://reader:postgres@db/name"),
        public_origin="http://chat.example.id",
    )
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings)
    told = str(caught.value)
    for name in (
        "JWT_SECRET ",
        "JWT_PREVIOUS_SECRETS: number 2",
        "RETRIEVAL_DATABASE_URL",
        "PUBLIC_ORIGIN",
        "GEMINI_API_KEY",
    ):
        assert f"COURTSIGHT_{name}" in told
    assert not [value for value in ("changeme", "too-short-by-far", "postgres@", "your-api-key-here") if value in told]
    assert "\n" not in told


def test_development_asks_for_length_only(tmp_path: Path) -> None:
    """On one's own machine a readable secret of 32 bytes is enough."""
    settings = Settings(environment="development", jwt_secret=SecretStr("changeme-" * 5))
    refuse_weak_secrets(settings)
    with pytest.raises(ConfigurationError, match="shorter than 32 bytes"):
        refuse_weak_secrets(settings.model_copy(update={"jwt_secret": SecretStr("12345678")}))
