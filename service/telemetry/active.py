"""Counts the conversations that go on right now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

ACTIVE_SECONDS = 900.0
"""A conversation is active for so long after its last answer."""
_MOST_ACTIVE = 100_000


class ActiveConversations(Collector):
    """Gauge `chatbot_active_conversations`: conversations with an answer saved in the last 900 s by this process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: OrderedDict[str, float] = OrderedDict()

    def touch(self, conversation_id: str) -> None:
        """Note an answer in a conversation."""
        self._last[conversation_id] = self._clock()
        self._last.move_to_end(conversation_id)
        if len(self._last) > _MOST_ACTIVE:
            self._last.popitem(last=False)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Count those that are still active; rendering may run beside `touch`, so it only reads a copy."""
        since = self._clock() - ACTIVE_SECONDS
        active = sum(moment >= since for moment in list(self._last.values()))
        yield GaugeMetricFamily("chatbot_active_conversations", "Conversations answered in the last 900 s", active)

    def names(self) -> list[str]:
        """The active conversations, for whoever counts those of several workers once."""
        since = self._clock() - ACTIVE_SECONDS
        return [name for name, moment in list(self._last.items()) if moment >= since]

    def forget_old(self) -> None:
        """Drop what is no longer active."""
        since = self._clock() - ACTIVE_SECONDS
        while self._last and next(iter(self._last.values())) < since:
            self._last.popitem(last=False)
