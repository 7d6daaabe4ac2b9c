"""The secrets that sign and verify tokens, and how they change under a running process.

Vault's agent and Kubernetes rewrite the files of secrets when they rotate them. The ring reads such files again; what cannot be
read, or is too weak, leaves the ring as it was and is told.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from service.telemetry.logging import EventLog

_ID_CHARACTERS = 16
GRACE_SECONDS = 60.0
"""A replaced signing secret verifies for so long: the file of previous secrets may be written a moment later than the new one."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Secrets by their id; the one with the id `signing` signs."""

    signing: str
    secrets: Mapping[str, str]

    @property
    def secret(self) -> str:
        """What signs."""
        return self.secrets[self.signing]


def key_id(secret: str) -> str:
    """The `kid` of a secret: a keyed hash, the same in every worker, that tells no more than a signature does."""
    return hmac.new(secret.encode(), b"courtsight kid", hashlib.sha256).hexdigest()[:_ID_CHARACTERS]


def ring_of(secrets: Sequence[str]) -> KeyRing:
    """A ring of secrets; the first signs."""
    return KeyRing(key_id(secrets[0]), {key_id(secret): secret for secret in secrets})


class RotatingRing:
    """The ring as the files have it now."""

    def __init__(
        self,
        read: Callable[[], Sequence[str]],
        files: Sequence[Path],
        wall_clock: Callable[[], float],
        log: EventLog | None = None,
    ) -> None:
        """Read the ring for the first time.

        Args:
            read: gives the secrets, the signing one first; raises `ConfigurationError` for weak or unreadable ones.
            files: where they stand; without any, the ring never changes.
            wall_clock: seconds since the epoch.
            log: told of changes and of what keeps one from being taken; never a secret.

        Raises:
            ConfigurationError: `read` cannot give a ring to start with.
        """
        self._read = read
        self._files = tuple(files)
        self._wall_clock = wall_clock
        self._log = log
        self._seen = self._signature()
        self._retiring: dict[str, float] = {}
        """Replaced secrets, and until when each still verifies: another rotation may come before the first is through."""
        self._secrets = tuple(read())
        self.current = ring_of(self._secrets)
        self.trouble: str | None = None
        """Why a changed file was not taken, None while all is well."""

    @property
    def turns(self) -> bool:
        """Whether it may change while the process runs."""
        return bool(self._files)

    def look(self) -> None:
        """Take what changed in the files. Two calls of `stat` when nothing did, so the event loop does it itself."""
        self._retire()
        seen = self._signature()
        if seen == self._seen and self.trouble is None:
            return
        try:
            secrets = tuple(self._read())
        except ConfigurationError as error:
            self._complain(str(error))
            return
        self._seen = seen
        self._complain(None)
        if secrets != self._secrets:
            self._take(secrets)

    def _take(self, secrets: tuple[str, ...]) -> None:
        replaced = self._secrets[0]
        if replaced not in secrets:
            self._retiring[replaced] = self._wall_clock() + GRACE_SECONDS
        self._secrets = secrets
        self.current = ring_of([*secrets, *self._retiring])
        if self._log:
            self._log.write("info", "signing_keys_changed", kid=self.current.signing, keys=len(self.current.secrets))

    def _retire(self) -> None:
        over = [secret for secret, until in self._retiring.items() if self._wall_clock() >= until]
        if over:
            for secret in over:
                del self._retiring[secret]
            self.current = ring_of([*self._secrets, *self._retiring])

    def _complain(self, trouble: str | None) -> None:
        if trouble and trouble != self.trouble and self._log:
            self._log.write("error", "signing_keys_kept", reason=trouble)
        self.trouble = trouble

    def _signature(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes whenever a file is written or its link is turned."""
        return tuple(_stamp(file) for file in self._files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
