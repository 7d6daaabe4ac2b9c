"""Which secrets are none: too short, not random, known defaults and placeholders. Pure; the settings ask it at the start."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

from service.guessable import is_guessable, spelt_out

SHORTEST_SECRET_BYTES = 32
_SHORTEST_TOKEN_BYTES = 16
_SHORTEST_PASSWORD = 8
_FEWEST_DISTINCT = 8
_FEWEST_PIECES = 20
"""That nobody could foresee: of 32 random characters some 30 are left, of a row of keys one."""
_FEWEST_PIECES_OF_A_TOKEN = 13
_FEWEST_DISTINCT_OF_A_PASSWORD = 5
_FEWEST_PIECES_OF_A_PASSWORD = 7
"""A known word or a row with a year and a sign behind it has six."""
KNOWN_DEFAULTS = frozenset(
    [
        "admin",
        "apikey",
        "changeit",
        "changeme",
        "changethis",
        "courtsight",
        "default",
        "demo",
        "dev",
        "dummy",
        "example",
        "fillmein",
        "foobared",
        "guest",
        "hunter2",
        "iloveyou",
        "indonesia",
        "key",
        "letmein",
        "minioadmin",
        "mysecret",
        "none",
        "null",
        "pass",
        "passwd",
        "password",
        "password1",
        "passw0rd",
        "postgres",
        "postgresql",
        "production",
        "public",
        "qwerty",
        "rahasia",
        "redis",
        "replaceme",
        "root",
        "secret",
        "secretkey",
        "sk1234",
        "sktest",
        "supersecret",
        "tbd",
        "test",
        "todo",
        "token",
        "toor",
        "user",
        "welcome",
        "xxx",
        "yourpassword",
        "yoursecret",
        "123456",
        "12345678",
        "123456789",
        "1234567890",
    ]
)
"""What images, templates and tutorials ship with, in lower case without punctuation."""
_PUBLISHED = frozenset(
    [
        # jwt.io's own token, and the one that PyJWT, Flask and FastAPI sign with in their guides.
        "astringsecretatleast256bitslong",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        # The key of the examples in FIPS 197 (AES), and so of every library's tests.
        "2b7e151628aed2a6abf7158809cf4f3c",
    ]
)
"""Long enough and random to look at, and in everybody's hands."""
_TELLTALE = re.compile(
    "changeme|changethis|changeit|replaceme|replacethis|placeholder|yoursecret|yourapikey|yourkey|yourtoken|yourpassword|secretkey|supersecret"
    "|insecure|donotuse|notasecret|examplekey|examplesecret|inproduction|mysecret|apikeyhere|keyhere|abcdefghijkl|1234567890123"
    "|jwtsecret|signingsecret|signingkey|longsecret|verysecret|stringsecret|bitsecret|katasandi|rahasianegara|correcthorse|thequickbrownfox|examplepublickey"
    "|your[a-z]{0,20}(?:key|token|secret|password)"
)
"""Words of seven letters and more: random text does not hold them by chance."""
_PLACEHOLDER = re.compile(
    r"<.*>|.*(?:\$|\{)\{.*\}.*|\$\w+|%\w+%|.*(?:\.\.\.|…)|(?:sk[-_])?(?:x+|\*+|0+|\.+)|.*(?:x{6}|\*{6}).*",
    re.IGNORECASE | re.DOTALL,
)
_NAME_OF_A_KEY = re.compile(r"[a-z]{0,20}apikey")
_DIGEST = re.compile(r"[0-9a-f]{32,128}")
_SECRET_HEADER = re.compile(r"auth|key|token|secret|pass|team", re.IGNORECASE)
"""Headers that open something; others, such as a tenant's name, hold what they like. Honeycomb calls its key a team."""
_NOT_RANDOM = (
    "is not random (rows of keys, series, known words, sentences or repetitions, perhaps in base64 or hexadecimal)"
)
_LOOPBACK = frozenset({"", "localhost", "127.0.0.1", "::1"})


def is_known(text: str) -> bool:
    """Whether a text is a known default, or its digest, or says of itself that somebody has to replace it."""
    plain = _bare(text.lower())
    return (
        plain in KNOWN_DEFAULTS
        or plain in _PUBLISHED
        or _bare(spelt_out(text)) in KNOWN_DEFAULTS
        or bool(_NAME_OF_A_KEY.fullmatch(plain))
        or _is_to_be_replaced(text)
        or (bool(_DIGEST.fullmatch(plain)) and plain in _digests())
    )


def _is_to_be_replaced(text: str) -> bool:
    return bool(_TELLTALE.search(_bare(text.lower())) or _PLACEHOLDER.fullmatch(text.strip()))


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text)


@cache
def _digests() -> frozenset[str]:
    """What `echo password | sha256sum` and its like make of nothing and of the known defaults: as easy to guess as these."""
    return frozenset(
        hashlib.new(kind, (word + end).encode(), usedforsecurity=False).hexdigest()
        for kind in ("md5", "sha1", "sha256", "sha384", "sha512")
        for word in ("", *KNOWN_DEFAULTS)
        for end in ("", "\n")
    )


def secret_weakness(secret: str, *, strict: bool) -> str | None:
    """What is wrong with a secret that signs or opens something, None when nothing is.

    Args:
        secret: the text itself.
        strict: production: known defaults and text that is visibly not random are refused too, not only short ones.
    """
    if len(secret.encode()) < SHORTEST_SECRET_BYTES:
        return f"is shorter than {SHORTEST_SECRET_BYTES} bytes"
    if not strict:
        return None
    if is_known(secret):
        return "is a known default or placeholder"
    if len(set(secret)) < _FEWEST_DISTINCT:
        return "is not random (few distinct characters)"
    if secret in (secret + secret)[1:-1]:
        return "is not random (one text repeated)"
    return _NOT_RANDOM if is_guessable(secret, KNOWN_DEFAULTS, is_known, _FEWEST_PIECES) else None


def token_weakness(text: str) -> str | None:
    """What is wrong with a token that the installation draws for itself and that opens one page, such as that of the metrics."""
    if is_known(text):
        return "is a known default or placeholder"
    if len(text.encode()) < _SHORTEST_TOKEN_BYTES:
        return f"is shorter than {_SHORTEST_TOKEN_BYTES} bytes"
    if len(set(text)) < _FEWEST_DISTINCT:
        return "is not random (few distinct characters)"
    return _NOT_RANDOM if is_guessable(text, KNOWN_DEFAULTS, is_known, _FEWEST_PIECES_OF_A_TOKEN) else None


def placeholder_weakness(text: str) -> str | None:
    """What is wrong with a key that somebody else gave out: only that it is none."""
    return "is a known default or placeholder" if not text.strip() or is_known(text) else None


def setting_weakness(name: str, text: str) -> str | None:
    """What is wrong with a setting that is a secret and signs nothing, None when nothing is.

    Args:
        name: the setting's, in small letters.
        text: its value; a setting that is not known here is an address when it looks like one, else a key that somebody gave out.
    """
    match name:
        case "metrics_token":
            return token_weakness(text)
        case "otlp_headers":
            return _headers_weakness(text)
        case "sentry_dsn":
            return _dsn_weakness(text)
    return password_weakness(text, needed="redis" in name) if "://" in text else placeholder_weakness(text)


def _headers_weakness(text: str) -> str | None:
    """What is wrong with headers like `authorization=Bearer …,x-tenant=…`; they are told by their number, since a value may hold anything."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    for number, (name, _, value) in enumerate(pairs, start=1):
        scheme, _, shown = value.strip().rpartition(" ")
        opens = bool(_SECRET_HEADER.search(name))
        if _is_to_be_replaced(shown) or (
            opens and any(map(placeholder_weakness, (shown, _password_of(scheme, shown))))
        ):
            return f"number {number} is a known default or placeholder"
    return None if pairs else "is a known default or placeholder"


def _password_of(scheme: str, shown: str) -> str:
    """The password within HTTP's Basic; what is shown itself by any other scheme, and where it is no base64."""
    if scheme.strip().lower() != "basic":
        return shown
    try:
        return base64.b64decode(shown).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return shown


def _dsn_weakness(url: str) -> str | None:
    """What is wrong with the key within an address of Sentry, where a user's name stands in others."""
    try:
        key = urlsplit(url).username
    except ValueError:
        return "is no address"
    return "has a key that is a known default or placeholder" if key and is_known(unquote(key)) else None


def password_weakness(url: str, *, needed: bool) -> str | None:
    """What is wrong with the password inside an address like `redis://:password@host`, None when nothing is.

    Args:
        url: the whole address; drivers also take `?user=…&password=…`.
        needed: whether one that goes to another machine must have a password.
    """
    try:
        parts = urlsplit(url)
        host, asked = parts.hostname or "", parse_qs(parts.query)
        users = [unquote(parts.username or ""), *asked.get("user", []), *asked.get("username", [])]
        given = [*([] if parts.password is None else [unquote(parts.password)]), *asked.get("password", [])]
    except ValueError:
        return "is no address"
    if not given:
        return "has no password" if needed and host not in _LOOPBACK else None
    return next((why for one in given if (why := _password_weakness(one, users))), None)


def _password_weakness(text: str, users: list[str]) -> str | None:
    if is_known(text) or text in users:
        return "has a password that is a known default"
    words = {*KNOWN_DEFAULTS, *(user.lower() for user in users)}
    if (
        len(text) < _SHORTEST_PASSWORD
        or len(set(text)) < _FEWEST_DISTINCT_OF_A_PASSWORD
        or is_guessable(text, words, is_known, _FEWEST_PIECES_OF_A_PASSWORD)
    ):
        return "has a password that is too weak"
    return None


def origin_weakness(origin: str, *, strict: bool) -> str | None:
    """What is wrong with the origin of the chat page; in production a cookie needs https, or a browser on this machine."""
    try:
        parts = urlsplit(origin)
        plain = f"{parts.scheme}://{parts.netloc}"
        local = (parts.hostname or "") in _LOOPBACK
    except ValueError:
        return "is no origin; write https://chat.example.id"
    if parts.scheme not in {"http", "https"} or not parts.hostname or plain != origin or "@" in parts.netloc:
        return "is no origin; write https://chat.example.id, without a path"
    if strict and parts.scheme != "https" and not local:
        return "is not https: the cookie that logs people in would travel in the clear"
    return None
