"""One account per role for a local stack: random passwords, in files that only their owner can read."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

ROLES: Final = ("admin", "judge", "lawyer", "researcher", "public")
"""The roles of the `courtsight` deployment (docs/http-api.md, Tools, names them); another deployment brings its own."""


_TOKEN = re.compile(r"[\x21-\x7e]+")


def fits_a_header(token: str) -> bool:
    """Whether a token can stand in a header; a client would refuse another one, and name it in its message."""
    return _TOKEN.fullmatch(token) is not None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one account signs in with; the password stays out of its repr, hence out of tracebacks and logs."""

    username: str
    password: str = field(repr=False)


def make_credentials(roles: Iterable[str], password: Callable[[], str]) -> dict[str, Credentials]:
    """One account per role, named after it; `password` gives a new secret at each call."""
    return {role: Credentials(username=f"run-{role}", password=password()) for role in roles}


def accounts_text(credentials: Mapping[str, Credentials]) -> str:
    """The JSON lines that `python -m service accounts create-many` reads (docs/http-api.md, Settings)."""
    lines = (
        json.dumps({"username": account.username, "role": role, "password": account.password})
        for role, account in credentials.items()
    )
    return "".join(f"{line}\n" for line in lines)


def write_private(path: Path, text: str) -> Path:
    """Writes a new file with mode 0600 from its first moment on; raises FileExistsError rather than write into another's."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as writer:
        writer.write(text)
    return path
