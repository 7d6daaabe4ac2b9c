"""Names of things in Redis: keyed hashes, so that whoever reads its keys learns no account, no address and no conversation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from service.sharing.redis_link import PREFIX

KeyNamer = Callable[..., str]


def key_namer(secret: str, deployment: str) -> KeyNamer:
    """Makes keys out of a kind and what it is of.

    Args:
        secret: the same for all workers; the hash is keyed with it.
        deployment: whose counts and answers these are; several may share one Redis.
    """
    key = hashlib.sha256(b"sharing:" + secret.encode()).digest()

    def named(kind: str, *parts: str) -> str:
        text = "\0".join((deployment, kind, *parts))
        return f"{PREFIX}{kind}:{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), key=key, digest_size=16).hexdigest()}"

    return named
