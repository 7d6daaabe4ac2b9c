"""Carries what was spent between the budgets in memory and the database, once a second and never within a request."""

from __future__ import annotations

from service.llm.budgets import Budgets
from service.store.database import Database
from service.store.spending import spent_by_others, write_spending


class Ledger:
    """The spending of one process. What is set aside is written as spent: a killed process leaves too much there, never too little."""

    def __init__(self, database: Database, budgets: Budgets, process: str) -> None:
        """Take over what the day has cost so far.

        Args:
            database: where sums are kept.
            budgets: the budgets of this process.
            process: an id that no other process ever had.

        Raises:
            StorageUnavailable: the database cannot be read.
        """
        self._database = database
        self._budgets = budgets
        self._process = process
        self._written: dict[tuple[str, str], float] = {}
        self._learn()

    async def keep(self) -> None:
        """Write what has changed here, and learn what other processes spent.

        Raises:
            StorageUnavailable: nothing was written; the next round tries again.
        """
        now = self._budgets.of_this_process()
        changed = {key: usd for key, usd in now.items() if self._written.get(key) != usd}
        if changed:
            await self._database.write(lambda connection: write_spending(connection, self._process, changed))
            self._written = now
        self._learn()

    def _learn(self) -> None:
        day = self._budgets.today()
        self._budgets.learn(
            day, self._database.read(lambda connection: spent_by_others(connection, day, self._process))
        )
