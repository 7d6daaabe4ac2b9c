"""Makes the secrets that docker-compose.yml mounts, as files below `secrets/`: `python3 -I harness/compose_secrets.py`.

Random ones are made once and never replaced; where Alertmanager delivers, only a person knows. The folder is closed to other users of the
machine (0700); the files can be read by whichever user a container runs as (0444), because a mounted file keeps its mode.

Exit status: 0 all are there, 2 some must be written by hand or contradict each other; a line names each.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path

PASSWORDS = ("database_password", "database_admin_password", "retrieval_database_password", "grafana_admin_password")
TOKENS = ("jwt_secret", "metrics_token")
BY_HAND = {
    "alertmanager_page_url": "where Alertmanager delivers pages",
    "alertmanager_ticket_url": "where Alertmanager delivers tickets",
    "alertmanager_heartbeat_url": "what Alertmanager tells every minute that it is alive",
}
_RIGHTS = "~courtsight:* &courtsight:* +@all -@admin -@dangerous"
"""What the service may do in Redis: everything with keys of its own, nothing that sees or changes the server."""


def redis_users(password: str) -> str:
    """Redis' list of users: the nameless one shut out, the service by the SHA-256 of its password."""
    return f"user default off\nuser courtsight on #{hashlib.sha256(password.encode()).hexdigest()} {_RIGHTS}\n"


def write_once(folder: Path, name: str, text: str) -> str:
    """Writes a secret unless it is there already; gives what is there, without the space around it."""
    path = folder / name
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(handle, "w", encoding="utf-8") as writer:
        os.fchmod(writer.fileno(), 0o444)
        writer.write(text)
    return text.strip()


def redis_password(folder: Path) -> str:
    """The password in the address of Redis, or a new one."""
    try:
        address = (folder / "redis_url").read_text(encoding="utf-8")
    except FileNotFoundError:
        return secrets.token_urlsafe(32)
    return address.partition("://")[2].rpartition("@")[0].partition(":")[2]


def make(folder: Path) -> list[str]:
    """Makes what is missing; gives a sentence for each secret that a person must still write or mend."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    for name in (*PASSWORDS, *TOKENS):
        write_once(folder, name, secrets.token_urlsafe(48 if name in TOKENS else 32))
    database = (folder / "database_password").read_text(encoding="utf-8").strip()
    derived = {"database_url": f"postgresql://courtsight:{database}@database:5432/courtsight"}
    password = redis_password(folder)
    derived["redis_url"] = f"redis://courtsight:{password}@redis:6379/0"
    derived["redis_users"] = redis_users(password)
    left = [
        f"{folder / name} does not fit the other secrets: remove it and run this again"
        for name, text in derived.items()
        if write_once(folder, name, text) != text.strip()
    ]
    missing = [name for name in BY_HAND if not (folder / name).is_file()]
    return left + [f"{folder / name} is missing: write the address there, {BY_HAND[name]}" for name in missing]


def main() -> int:
    """Makes the secrets of the checkout that this file lies in; gives the exit status."""
    left = make(Path(__file__).resolve().parent.parent / "secrets")
    for sentence in left:
        print(sentence, file=sys.stderr)
    return 2 if left else 0


if __name__ == "__main__":
    sys.exit(main())
