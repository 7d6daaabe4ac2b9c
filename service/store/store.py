"""The service's door to what it keeps, whichever database is behind it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from service.store.work import Job
from service.telemetry.pools import PoolUse

Result = TypeVar("Result")


class Store(Protocol):
    """Runs work. Every method may be called from one event loop only."""

    async def read(self, job: Job[Result]) -> Result:
        """Run work that changes nothing, and sees one state of the database.

        Raises:
            StorageUnavailable: the database did not answer.
        """

    async def write(self, job: Job[Result]) -> Result:
        """Run work in a transaction and return when it is durable.

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
