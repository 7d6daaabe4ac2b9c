"""Takes down security events without making anybody wait, and without letting an attacker fill the disk.

Events of requests are gathered and written twice a second in one transaction; what changes something (a key, a switch, an account)
writes its own line in its own transaction instead. Of one action, the first twenty in a minute are written one by one, the rest as a sum.
"""

from __future__ import annotations

from service.store.audit import AuditEvent, write_events
from service.store.store import Store
from service.store.work import Work

EACH_MINUTE = 20
"""Lines of one action in a minute: the three actions that strangers can cause come to some 13 MB a day at worst."""
_MINUTE_SECONDS = 60
_MOST_WAITING = 2_000


class AuditTrail:
    """Gathers events for the table `audit`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[AuditEvent] = []
        self._minute = 0
        self._counts: dict[str, int] = {}
        self._more: dict[tuple[int, str], int] = {}

    def note(self, event: AuditEvent) -> None:
        """Take an event down; costs less than a microsecond and never fails. A flood of one action becomes a sum."""
        minute = int(event.at // _MINUTE_SECONDS)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        count = self._counts[event.action] = self._counts.get(event.action, 0) + 1
        if count > EACH_MINUTE or len(self._waiting) >= _MOST_WAITING:
            place = minute, event.action
            self._more[place] = self._more.get(place, 0) + 1
        else:
            self._waiting.append(event)

    async def keep(self, now: float) -> None:
        """Write what waits, and the sums of minutes that are over; what cannot be written waits on.

        Raises:
            StorageUnavailable: nothing was written.
        """
        await self._write(int(now // _MINUTE_SECONDS))

    async def close(self) -> None:
        """Write everything, the sums of this minute too.

        Raises:
            StorageUnavailable: nothing was written.
        """
        await self._write(None)

    async def _write(self, current: int | None) -> None:
        events = list(self._waiting)
        sums = {place: times for place, times in self._more.items() if current is None or place[0] < current}
        if not events and not sums:
            return
        lines = [*events, *(_sum(place, times) for place, times in sums.items())]

        def job() -> Work[None]:
            yield from write_events(lines)

        await self._store.write(job)
        del self._waiting[: len(events)]
        for place in sums:
            # Events of a minute that is over are not counted any more, so the sum is whole.
            del self._more[place]


def _sum(place: tuple[int, str], times: int) -> AuditEvent:
    minute, action = place
    return AuditEvent(minute * _MINUTE_SECONDS, action, "more in this minute", times=times)
