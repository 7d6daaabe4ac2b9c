"""The switches as the running service sees them: read a few times a second, asked for by every question without a query."""

from __future__ import annotations

from dataclasses import dataclass

from service.store.store import Store
from service.store.switches import EXTRACTIVE_ONLY, is_on, turn
from service.telemetry.logging import EventLog


@dataclass(slots=True)
class Switches:
    """Where each switch stands now."""

    extractive_only: bool = False


class SwitchBoard:
    """Keeps the switches as they stand in the database. While that cannot be read they stay as they were."""

    def __init__(self, switches: Switches, store: Store, log: EventLog) -> None:
        self._switches = switches
        self._store = store
        self._log = log

    @property
    def extractive_only(self) -> bool:
        """Whether every answer is written by the extractive engine."""
        return self._switches.extractive_only

    async def look(self) -> None:
        """Read the switches again; a change leaves a line in the log.

        Raises:
            StorageUnavailable: the database cannot be read.
        """
        self._see(on=await self._store.read(lambda: is_on(EXTRACTIVE_ONLY)))

    async def turn(self, *, on: bool, now: float, by: str) -> None:
        """Turn the switch for all workers and later starts.

        Raises:
            StorageUnavailable: it was not kept, and stays as it was.
        """
        await self._store.write(lambda: turn(EXTRACTIVE_ONLY, on=on, now=now, by=by))
        self._see(on=on)

    def _see(self, *, on: bool) -> None:
        if on != self._switches.extractive_only:
            self._switches.extractive_only = on
            self._log.write("warning", "switched", switch=EXTRACTIVE_ONLY, on=on)
