"""The service's door to what it keeps, whichever database is behind it."""

from __future__ import annotations

from typing import Protocol, TypeAlias, TypeVar

from service.store.work import Job
from service.telemetry.pools import PoolUse
from service.values import value

Result = TypeVar("Result")
Key: TypeAlias = tuple[str, ...]
"""The name of a result that is kept: what was read, and of whom."""


@value
class Change:
    """All that a write changes of what may be kept: the result of one name.

    `before` is the result that the writer knows, the very value that it was given, and None where there was none before; `after` is what a read
    would give once the write is durable, and None where the writer does not know.
    """

    key: Key
    before: object | None
    after: object | None


class Store(Protocol):
    """Runs work. Every method may be called from one event loop only."""

    async def read(self, job: Job[Result], keep: Key | None = None) -> Result:
        """Run work that changes nothing, and sees one state of the database.

        Args:
            job: begins the work.
            keep: the name under which `kept` gives the result again; what must not be given again has none.

        Raises:
            StorageUnavailable: the database did not answer.
        """

    def kept(self, key: Key) -> object | None:
        """What `read` gave under this name, when nobody, in whichever process, has committed anything since; None: it must be read.

        Raises:
            StorageUnavailable: the database did not answer.
        """

    async def write(self, job: Job[Result], change: Change | None = None) -> Result:
        """Run work in a transaction and return when it is durable.

        Args:
            job: begins the work.
            change: what it changes of what may be kept; None: perhaps all of it.

        Raises:
            StorageUnavailable: nothing was kept; trying again later may succeed.
            TakenError: a row that must be unique exists.
        """

    async def check(self) -> None:
        """Find out whether work can be read and written right now, without writing.

        Raises:
            StorageUnavailable: it cannot.
        """

    async def scrub(self) -> None:
        """After deleting: leave as little as possible of it in the database's files. Slow; for commands and rounds.

        Raises:
            StorageUnavailable: it could not be done now; trying again later may succeed.
        """

    def pool(self) -> PoolUse | None:
        """How many connections are in use right now; None where there is no pool."""

    async def close(self) -> None:
        """Finish what was begun and give everything back."""
