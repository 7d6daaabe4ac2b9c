"""What each role may spend on models in a day.

Money is set aside before a call and settled after it, so that calls under way at the same time cannot spend it twice. A day is a UTC day. What other processes spend arrives by `learn`; the ledger carries it between them and over restarts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_A_CENT_OF_A_CENT = 1e-9
"""Sums of floats may be off by less than anybody is charged."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """US dollars set aside for one call."""

    role: str
    day: str
    usd: float


class Budgets:
    """The budgets of all roles in one process."""

    def __init__(self, daily_usd: Mapping[str, float], wall_clock: Callable[[], float]) -> None:
        """Begin with nothing spent.

        Args:
            daily_usd: US dollars per role and day; a role that is missing may only use free models.
            wall_clock: seconds since the epoch.
        """
        self._daily_usd = daily_usd
        self._wall_clock = wall_clock
        self._settled: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._reserved: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._elsewhere: dict[tuple[str, str], float] = {}

    def today(self) -> str:
        """The UTC day, as 2026-11-21."""
        return self._now().date().isoformat()

    def seconds_left_today(self) -> float:
        """Seconds until the budgets are whole again."""
        now = self._now()
        return (datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1) - now).total_seconds()

    def reserve(self, role: str, usd: float) -> Reservation | None:
        """Set money aside; None when the role has not so much left. What costs nothing is always allowed."""
        day = self.today()
        left = self._daily_usd.get(role, 0.0) - self._used(day, role)
        if usd > max(0.0, left) + _A_CENT_OF_A_CENT:
            return None
        self._reserved[day, role] += usd
        return Reservation(role, day, usd)

    def settle(self, reservation: Reservation, usd: float) -> None:
        """Give a reservation back and note what the call really cost, on the day on which it began."""
        key = reservation.day, reservation.role
        self._reserved[key] = max(0.0, self._reserved[key] - reservation.usd)
        self._settled[key] += usd

    def used_ratio(self, role: str) -> float:
        """Spent and set aside today, over the budget; a role without a budget has used all of it."""
        limit = self._daily_usd.get(role, 0.0)
        return self._used(self.today(), role) / limit if limit > 0.0 else 1.0

    def of_this_process(self) -> dict[tuple[str, str], float]:
        """By day and role, US dollars spent or set aside here. After a kill, what was set aside counts as spent."""
        keys = {*self._settled, *self._reserved}
        return {key: self._settled[key] + self._reserved[key] for key in sorted(keys)}

    def learn(self, day: str, elsewhere: Mapping[str, float]) -> None:
        """Take over what all other processes spent on a day, by role; days before it are forgotten once they are settled."""
        self._elsewhere = {(day, role): usd for role, usd in elsewhere.items()}
        for key in [key for key in self._settled if key[0] < day and self._reserved[key] == 0.0]:
            del self._settled[key], self._reserved[key]

    def _used(self, day: str, role: str) -> float:
        key = day, role
        return self._settled.get(key, 0.0) + self._reserved.get(key, 0.0) + self._elsewhere.get(key, 0.0)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall_clock(), UTC)
