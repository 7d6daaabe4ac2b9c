"""The story of one drill: calm, fault, page, delivery, release, resolution; watched from outside, against a clock.

All moments are seconds since the epoch, because evaluations carry Prometheus' own time and all run on one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from alerts.drills.drill import Drill
from alerts.drills.expectation import Expectation
from slo import names
from slo.spec import Severity
from target.prometheus import ActiveAlert
from target.receiver import Notification

LOOK_SECONDS = 0.2
"""How often the drill looks at Prometheus and at what was delivered."""


class Scene(Protocol):
    """What the drill can see and do on its stack. Every method raises TargetError when the stack itself is in trouble."""

    def alerts(self) -> Sequence[ActiveAlert]:
        """What is pending or firing in Prometheus now."""

    def notifications(self) -> Sequence[Notification]:
        """What Alertmanager has delivered so far."""

    def firing_times(self, labels: Mapping[str, str], since: float) -> Sequence[float]:
        """The evaluations from `since` on at which the alert with these labels fired, oldest first."""

    def check(self) -> None:
        """Raise when something that the drill needs is gone: the service, the questions."""

    def fault(self) -> AbstractContextManager[None]:
        """The fault, for as long as it is entered."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, and when."""

    at: float
    event: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen; a moment that never came is None.

    Attributes:
        fired: First evaluation at which the expected alert fired.
        delivered: Its notification arrived at the receiver.
        cleared: Last evaluation at which it fired.
        resolved: Its resolution arrived at the receiver.
        ended: When the watching ended.
        false_alarms: Pages and tickets that fired before the fault.
        others: Other pages and tickets that fired during it; they may be right.
    """

    warm_from: float
    fault: float | None
    fired: float | None = None
    delivered: float | None = None
    released: float | None = None
    cleared: float | None = None
    resolved: float | None = None
    ended: float = 0.0
    false_alarms: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()


Tell = Callable[[str], None]
"""Takes one sentence about what the drill is doing."""


@dataclass(slots=True)
class _Notes:
    """What is noted while the story runs."""

    scene: Scene
    tell: Tell
    moments: list[Moment] = field(default_factory=list)
    seen: dict[str, float] = field(default_factory=dict)

    def happened(self, event: str, at: float | None = None) -> float:
        """Note an event, told at once; give its time."""
        when = self.scene.now() if at is None else at
        self.moments.append(Moment(when, event))
        self.tell(event)
        return when

    def look(self) -> tuple[ActiveAlert, ...]:
        """The pages and tickets that fire now; each new one is noted."""
        self.scene.check()
        loud = loud_ones(self.scene.alerts())
        for alert in loud:
            name = described(alert)
            if name not in self.seen:
                self.seen[name] = self.happened(f"{name} is firing")
        return loud


def loud_ones(alerts: Iterable[ActiveAlert]) -> tuple[ActiveAlert, ...]:
    """The pages and tickets that fire; the watchdog always does, and wakes nobody."""
    return tuple(alert for alert in alerts if alert.firing and alert.labels.get(names.SEVERITY) in tuple(Severity))


def described(alert: ActiveAlert) -> str:
    """An alert's name, with its SLO and long window where it has them: `AvailabilityBudgetBurnPage (availability, 1h)`."""
    told = [alert.labels[name] for name in (names.SLO_NAME, names.LONG_WINDOW) if name in alert.labels]
    return f"{alert.name} ({', '.join(told)})" if told else alert.name


def watch(scene: Scene, drill: Drill, wanted: Expectation, tell: Tell) -> Observation:
    """Play the drill on a warm stack, and note what happens. The fault is always released.

    Raises:
        TargetError: The stack is in trouble; then the drill says nothing about the alert.
    """
    notes = _Notes(scene, tell)
    warm_from = notes.happened("live questions over the synthetic baseline")
    until = warm_from + drill.warm_up
    while scene.now() < until:
        notes.look()
        scene.sleep(LOOK_SECONDS)
    false_alarms = tuple(notes.seen)
    if false_alarms:  # a page that comes without a fault says nothing when it comes with one
        moments = tuple(notes.moments)
        return Observation(warm_from, None, ended=scene.now(), false_alarms=false_alarms, moments=moments)
    with scene.fault():
        fault = notes.happened(f"fault: {drill.fault}")
        seen = _until_delivered(notes, wanted, Observation(warm_from, fault), fault + drill.deadline)
    seen = replace(seen, released=notes.happened("fault released"))
    if seen.delivered is not None:
        seen = _until_resolved(notes, wanted, seen, fault + drill.deadline)
    expected = described(ActiveAlert(wanted.labels, "firing", fault))
    others = tuple(name for name in notes.seen if name != expected)
    return replace(seen, ended=scene.now(), others=others, moments=tuple(notes.moments))


def _until_delivered(notes: _Notes, wanted: Expectation, seen: Observation, deadline: float) -> Observation:
    scene, since = notes.scene, seen.warm_from
    while scene.now() < deadline:
        firing = any(wanted.met_by(alert.labels) for alert in notes.look())
        if firing and seen.fired is None:
            times = scene.firing_times(wanted.labels, since)
            if times:
                seen = replace(seen, fired=notes.happened(f"first evaluation that fires {wanted.alert}", times[0]))
        delivered = _told(scene.notifications(), wanted, "firing", since)
        if delivered is not None and seen.fired is not None:
            return replace(seen, delivered=notes.happened("page delivered", delivered))
        scene.sleep(LOOK_SECONDS)
    return seen


def _until_resolved(notes: _Notes, wanted: Expectation, seen: Observation, deadline: float) -> Observation:
    scene, since = notes.scene, seen.warm_from
    while scene.now() < deadline:
        firing = any(wanted.met_by(alert.labels) for alert in notes.look())
        if not firing and seen.cleared is None:
            last = max(scene.firing_times(wanted.labels, since), default=since)
            seen = replace(seen, cleared=notes.happened(f"last evaluation that fires {wanted.alert}", last))
        resolved = _told(scene.notifications(), wanted, "resolved", since)
        if resolved is not None and seen.cleared is not None:
            return replace(seen, resolved=notes.happened("resolution delivered", resolved))
        scene.sleep(LOOK_SECONDS)
    return seen


def _told(notifications: Iterable[Notification], wanted: Expectation, status: str, since: float) -> float | None:
    """When the first notification about the expected alert in this state arrived, from `since` on."""
    for notification in notifications:
        if notification.at.timestamp() < since:
            continue
        for alert in notification.alerts():
            labels = alert.get("labels")
            if alert.get("status") == status and isinstance(labels, dict) and wanted.met_by(labels):
                return notification.at.timestamp()
    return None
