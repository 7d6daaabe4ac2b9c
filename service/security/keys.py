"""API keys: random, shown once, kept as a digest. A checksum at the end finds a mistyped key without asking the database."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from service.security.carriers import KEY_PREFIX

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES = 24
"""192 bits; a reader of the digests cannot try them, so a fast hash is enough where a password needs a slow one."""
_BODY_CHARACTERS = 33
_TAIL_CHARACTERS = 6
_LENGTH = len(KEY_PREFIX) + _BODY_CHARACTERS + _TAIL_CHARACTERS
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key at the one moment when it is known: its text, its digest for the database, and a hint for people."""

    text: str
    digest: str
    hint: str


def make_key(draw: Callable[[int], bytes]) -> FreshKey:
    """A new key out of `draw(bytes)`, which must be a source fit for secrets."""
    body = _base62(int.from_bytes(draw(_RANDOM_BYTES), "big"), _BODY_CHARACTERS)
    text = f"{KEY_PREFIX}{body}{_tail(body)}"
    return FreshKey(text, key_digest(text), f"{body[:_SHOWN]}…{text[-_SHOWN:]}")


def key_digest(text: str) -> str:
    """What a key is looked up by: SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_well_formed(text: str) -> bool:
    """Whether a text can be a key of ours: prefix, length and checksum."""
    if len(text) != _LENGTH or not text.startswith(KEY_PREFIX):
        return False
    body = text[len(KEY_PREFIX) : -_TAIL_CHARACTERS]
    return body.isascii() and text.endswith(_tail(body))


def _tail(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _TAIL_CHARACTERS)


def _base62(number: int, characters: int) -> str:
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
