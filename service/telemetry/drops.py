"""Counts what telemetry could not deliver: it never waits and never grows, so it drops, and says so."""

from __future__ import annotations

from typing import Literal, get_args

from prometheus_client import Counter

Signal = Literal["traces", "logs", "errors"]
Reason = Literal["queue_full", "unreachable", "refused", "unwritable", "closed"]
SIGNALS: tuple[str, ...] = get_args(Signal)
REASONS: tuple[str, ...] = get_args(Reason)


class Drops:
    """Counter `chatbot_telemetry_dropped_total`. It belongs to no registry yet, because what counts here is made before the app."""

    def __init__(self) -> None:
        # Spans, log lines and error reports that nobody got. Unit: spans, lines, reports.
        self.counter = Counter(
            "chatbot_telemetry_dropped",
            "Spans, log lines and error reports that were not delivered",
            ("signal", "reason"),
            registry=None,
        )
        self._children = {
            (signal, reason): self.counter.labels(signal, reason) for signal in SIGNALS for reason in REASONS
        }

    def count(self, signal: Signal, reason: Reason, number: int = 1) -> None:
        """Count what was dropped; any thread may."""
        self._children[signal, reason].inc(number)
