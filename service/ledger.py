"""Carries what was spent between the budgets in memory and the database, once a second and never within a request."""

from __future__ import annotations

from service.llm.budgets import Budgets
from service.store.spending import spent_by_others, write_spending
from service.store.store import Store


class Ledger:
    """The spending of one process. What is set aside is written as spent: a killed process leaves too much there, never too little."""

    def __init__(self, store: Store, budgets: Budgets, process: str) -> None:
        """Nothing is known yet of what others spent: `learn` first.

        Args:
            store: where sums are kept.
            budgets: the budgets of this process.
            process: an id that no other process ever had.
        """
        self._store = store
        self._budgets = budgets
        self._process = process
        self._written: dict[tuple[str, str], float] = {}

    async def keep(self) -> None:
        """Write what has changed here, and learn what other processes spent.

        Raises:
            StorageUnavailable: nothing was written; the next round tries again.
        """
        now = self._budgets.of_this_process()
        changed = {key: usd for key, usd in now.items() if self._written.get(key) != usd}
        if changed:
            await self._store.write(lambda: write_spending(self._process, changed))
            self._written = now
        await self.learn()

    async def learn(self) -> None:
        """Take over what the day has cost elsewhere.

        Raises:
            StorageUnavailable: the database cannot be read.
        """
        day = self._budgets.today()
        self._budgets.learn(day, await self._store.read(lambda: spent_by_others(day, self._process)))
