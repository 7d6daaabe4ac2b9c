"""How good alerts are: precision, recall, detection time and reset time of the Site Reliability Workbook, chapter 5, made exact.

- An event is *significant* when it costs at least a given share of the error budget.
- *Precision*: of the times that the alert fired, the share in which the events it saw cost that much together; seen is what overlaps the time from
  its long window before it fired until it ended.
- *Recall*: of the significant events, the share of which the alert told: it fired already, or its expression began to hold before the event was
  over, even where its `for` ended later.
- *Detection time*: from the begin of a significant event to the alert; an alert that fires already takes no time and is counted as masked.
- *Reset time*: from the end of a significant event to the end of the alert, where no later event prolongs it.

Without alerts there is no precision, without significant events no recall: None, not zero and not one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from slo.simulation.events import Event
from slo.simulation.firing import Span

GRACE = 600.0
"""Seconds after the end of an event within which the expression of an alert that tells of it may begin to hold: slow rules look seldom, and sum
counts that span five minutes."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a set of alerts was worth.

    Attributes:
        alerts: How often it fired.
        precise: How many of these were for something significant.
        significant: Significant events.
        alerted: How many of them were told.
        masked: How many of those began while it fired already.
        detection: Seconds from begin of event to alert, each of the alerted events, in order of time.
        reset: Seconds from end of event to end of alert, where that can be told.
        firing: Seconds that it fired in all.
    """

    alerts: int
    precise: int
    significant: int
    alerted: int
    masked: int
    detection: tuple[float, ...]
    reset: tuple[float, ...]
    firing: float

    @property
    def precision(self) -> float | None:
        """Share of the alerts that were for something significant; None without alerts."""
        return self.precise / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """Share of the significant events that were told; None without any."""
        return self.alerted / self.significant if self.significant else None

    @property
    def median_detection(self) -> float | None:
        """Median of the detection times."""
        return median(self.detection) if self.detection else None

    @property
    def median_reset(self) -> float | None:
        """Median of the reset times."""
        return median(self.reset) if self.reset else None


def score(spans: Sequence[Span], events: Sequence[Event], threshold: float) -> Score:
    """Hold alerts against events, of which those that cost at least `threshold` of the budget are significant."""
    large = significant(events, threshold)
    detection, reset, masked = [], [], 0
    for event in large:
        told = telling(spans, event)
        if not told:
            continue
        detection.append(max(0.0, told[0].start - event.start))
        masked += told[0].start < event.start
        after = _reset(told[-1], event, events)
        if after is not None:
            reset.append(after)
    return Score(
        alerts=len(spans),
        precise=sum(_seen(span, events) >= threshold * (1 - 1e-6) for span in spans),
        significant=len(large),
        alerted=len(detection),
        masked=masked,
        detection=tuple(detection),
        reset=tuple(reset),
        firing=sum(span.seconds for span in spans),
    )


def telling(spans: Sequence[Span], event: Event) -> tuple[Span, ...]:
    """The times that an alert fired which tell of an event, oldest first."""
    return tuple(span for span in spans if span.pending <= event.end + GRACE and span.end > event.start)


def significant(events: Sequence[Event], threshold: float) -> tuple[Event, ...]:
    """The events that cost at least so much of the budget."""
    return tuple(event for event in events if event.cost >= threshold * (1 - 1e-6))


def _seen(span: Span, events: Sequence[Event]) -> float:
    since = span.start - span.looked_back
    return sum(event.cost for event in events if event.end > since and event.start < span.end)


def _reset(span: Span, event: Event, events: Sequence[Event]) -> float | None:
    if span.open or event.open or any(event.end <= other.start < span.end for other in events):
        return None
    return max(0.0, span.end - event.end)
