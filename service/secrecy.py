"""Which secrets are none: too short, not random, known defaults and placeholders. Pure; the settings ask it at the start."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from service.guessable import is_guessable

SHORTEST_SECRET_BYTES = 32
_SHORTEST_TOKEN_BYTES = 16
_SHORTEST_PASSWORD = 8
_FEWEST_DISTINCT = 8
_FEWEST_PIECES = 20
"""That nobody could foresee: of 32 random characters some 30 are left, of a row of keys one."""
_FEWEST_PIECES_OF_A_TOKEN = 13
_FEWEST_DISTINCT_OF_A_PASSWORD = 5
KNOWN_DEFAULTS = frozenset(
    [
        "admin",
        "changeit",
        "changeme",
        "changethis",
        "courtsight",
        "default",
        "demo",
        "dev",
        "dummy",
        "example",
        "foobared",
        "guest",
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
        "qwerty",
        "redis",
        "replaceme",
        "root",
        "secret",
        "secretkey",
        "supersecret",
        "test",
        "todo",
        "token",
        "toor",
        "user",
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
    ]
)
"""Long enough and random to look at, and in everybody's hands."""
_TELLTALE = re.compile(
    "changeme|changethis|changeit|replaceme|replacethis|placeholder|yoursecret|yourapikey|yourkey|yourtoken|yourpassword|secretkey|supersecret"
    "|insecure|donotuse|notasecret|examplekey|examplesecret|inproduction|mysecret|apikeyhere|keyhere|abcdefghijkl|1234567890123"
    "|jwtsecret|signingsecret|signingkey|longsecret|verysecret|stringsecret|bitsecret|katasandi|rahasianegara|correcthorse|thequickbrownfox"
)
"""Words of seven letters and more: random text does not hold them by chance."""
_PLACEHOLDER = re.compile(
    r"<.*>|.*(?:\$|\{)\{.*\}.*|\.\.\.|…|(?:sk[-_])?(?:x+|\*+|0+|\.+)|.*(?:x{6}|\*{6}).*", re.IGNORECASE | re.DOTALL
)
_NOT_RANDOM = (
    "is not random (rows of keys, series, known words, sentences or repetitions, perhaps in base64 or hexadecimal)"
)
_LOOPBACK = frozenset({"", "localhost", "127.0.0.1", "::1"})


def is_known(text: str) -> bool:
    """Whether a text is a known default, or says of itself that somebody has to replace it."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return (
        plain in KNOWN_DEFAULTS
        or plain in _PUBLISHED
        or bool(_TELLTALE.search(plain))
        or bool(_PLACEHOLDER.fullmatch(text.strip()))
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


def password_weakness(url: str, *, needed: bool) -> str | None:
    """What is wrong with the password inside an address like `redis://:password@host`, None when nothing is.

    Args:
        url: the whole address.
        needed: whether one that goes to another machine must have a password.
    """
    try:
        parts = urlsplit(url)
        host, user, password = parts.hostname or "", parts.username, parts.password
    except ValueError:
        return "is no address"
    if password is None:
        return "has no password" if needed and host not in _LOOPBACK else None
    text = unquote(password)
    if is_known(text) or text == unquote(user or ""):
        return "has a password that is a known default"
    if len(text) < _SHORTEST_PASSWORD or len(set(text)) < _FEWEST_DISTINCT_OF_A_PASSWORD:
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
