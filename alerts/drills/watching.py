"""The story of one drill: calm, fault, alerts, deliveries, release, resolutions; watched from outside, against a clock.

All moments are seconds since the epoch, because evaluations carry Prometheus' own time and all run on one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from alerts.alertmanager import RHYTHMS
from alerts.drills.drill import Delivery, Drill
from alerts.drills.expectation import Expectation, told
from slo import names
from slo.spec import Severity
from target.prometheus import ActiveAlert
from target.receiver import Notification

LOOK_SECONDS = 0.2
"""How often the drill looks at Prometheus and at what was delivered."""
DECIDED_SECONDS = 2.0
"""Behind the moment at which a silenced alert would have been told: by then a busy Alertmanager, too, has decided."""


class Scene(Protocol):
    """What the drill can see and do on its stack. Every method raises TargetError when the stack itself is in trouble."""

    def alerts(self) -> Sequence[ActiveAlert]:
        """What is pending or firing in Prometheus now."""

    def notifications(self) -> Sequence[Notification]:
        """What Alertmanager has delivered so far."""

    def firing_times(self, labels: Mapping[str, str], since: float) -> Sequence[float]:
        """The evaluations from `since` on at which the alert with these labels fired, oldest first."""

    def scrape_seconds(self, since: float) -> float | None:
        """What nine of ten scrapes of the service that succeeded from `since` on took at most; None when none did."""

    def unrecorded(self, wanted: Expectation) -> float:
        """How many seconds of the long window of a burn-rate alert have no recorded count, now; none where it reads the counters."""

    def check(self) -> None:
        """Raise when something that the drill needs is gone: the service, the questions, the wish to go on."""

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


@dataclass(slots=True)
class Sighting:
    """What was seen of one expected alert; a moment that never came is None.

    Attributes:
        fired: First evaluation at which it fired.
        delivered: Its notification arrived at the receiver.
        cleared: Last evaluation at which it fired.
        resolved: Its resolution arrived at the receiver.
    """

    fired: float | None = None
    delivered: float | None = None
    cleared: float | None = None
    resolved: float | None = None


@dataclass(frozen=True, slots=True)
class Loud:
    """A page or ticket that fired: what people are told, its name, how loud it is, and when it was first seen."""

    told: str
    alert: str
    severity: str
    at: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen.

    Attributes:
        sightings: By expectation, in the drill's order.
        ended: When the watching ended.
        false_alarms: Pages and tickets that fired before the fault, or that it does not explain.
        others: Other pages and tickets that the fault explains.
        scrape_seconds: What nine of ten scrapes took at most: how busy the machine was. None when there was none.
        unrecorded: By expectation, the seconds of its long window without a recorded count when the fault came.
    """

    warm_from: float
    fault: float | None
    sightings: tuple[Sighting, ...] = ()
    released: float | None = None
    ended: float = 0.0
    false_alarms: tuple[Loud, ...] = ()
    others: tuple[Loud, ...] = ()
    moments: tuple[Moment, ...] = ()
    scrape_seconds: float | None = None
    unrecorded: tuple[float, ...] = ()


Tell = Callable[[str], None]
"""Takes one sentence about what the drill is doing."""


@dataclass(slots=True)
class _Notes:
    """What is noted while the story runs."""

    scene: Scene
    wanted: Sequence[Expectation]
    tell: Tell
    moments: list[Moment] = field(default_factory=list)
    seen: dict[str, Loud] = field(default_factory=dict)
    sightings: list[Sighting] = field(default_factory=list)

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
            name = told(alert.labels)
            if name not in self.seen:
                at = self.happened(f"{name} is firing")
                self.seen[name] = Loud(name, alert.name, alert.labels[names.SEVERITY], at)
        return loud


def loud_ones(alerts: Iterable[ActiveAlert]) -> tuple[ActiveAlert, ...]:
    """The pages and tickets that fire; the watchdog always does, and wakes nobody."""
    return tuple(alert for alert in alerts if alert.firing and alert.labels.get(names.SEVERITY) in tuple(Severity))


def watch(scene: Scene, drill: Drill, wanted: Sequence[Expectation], tell: Tell) -> Observation:
    """Play the drill on a warm stack, and note what happens. The fault is always released.

    Raises:
        TargetError: The stack is in trouble; then the drill says nothing about its alerts.
    """
    notes = _Notes(scene, wanted, tell, sightings=[Sighting() for _ in wanted])
    warm_from = notes.happened("live questions over the synthetic baseline")
    _let_pass(notes, warm_from + drill.warm_up)
    before = tuple(notes.seen.values())
    if before:  # an alert that comes without a fault says nothing when it comes with one
        return _observed(notes, drill, Observation(warm_from, None, ended=scene.now(), false_alarms=before))
    unrecorded = tuple(map(scene.unrecorded, wanted))
    with scene.fault():
        fault = notes.happened("quiet: nothing is broken" if drill.quiet else f"fault: {drill.fault}")
        _until(notes, fault + drill.deadline, lambda: _all_told(notes, drill), _note_firing, warm_from)
        _let_pass(notes, fault + drill.held)
    released = notes.happened("quiet phase over" if drill.quiet else "fault released")
    if all(sighting.fired is not None for sighting in notes.sightings):
        _until(notes, fault + drill.deadline, lambda: _all_over(notes), _note_ending, warm_from)
    seen = Observation(warm_from, fault, tuple(notes.sightings), released, scene.now(), unrecorded=unrecorded)
    return _observed(notes, drill, seen)


def _let_pass(notes: _Notes, until: float) -> None:
    while notes.scene.now() < until:
        notes.look()
        notes.scene.sleep(LOOK_SECONDS)


def _until(
    notes: _Notes,
    deadline: float,
    done: Callable[[], bool],
    note: Callable[[_Notes, Sequence[ActiveAlert], float], None],
    since: float,
) -> None:
    while not done() and notes.scene.now() < deadline:
        note(notes, notes.look(), since)
        if not done():
            notes.scene.sleep(LOOK_SECONDS)


def _all_told(notes: _Notes, drill: Drill) -> bool:
    """Whether every alert fired, everybody was told who is told at once, and the outage lasted until what it silences was due.

    Released earlier, an alert could end before it is due and be silent without any inhibition; or its outage just before itself, in the
    moment in which it is due.
    """
    return all(
        seen.fired is not None
        and (wanted.delivery is not Delivery.AT_ONCE or seen.delivered is not None)
        and (wanted.delivery is not Delivery.SILENCED or notes.scene.now() >= seen.fired + _due(wanted, drill))
        for wanted, seen in zip(notes.wanted, notes.sightings, strict=True)
    )


def _due(wanted: Expectation, drill: Drill) -> float:
    """Seconds from an alert's firing until it would have been told, if nothing silenced it."""
    return float(RHYTHMS[wanted.severity.value].wait) / drill.scale + DECIDED_SECONDS


def _all_over(notes: _Notes) -> bool:
    """Whether every page that was told of is resolved, and every ticket that was held back has come."""
    return all(
        wanted.delivery in (Delivery.SILENCED, Delivery.EITHER)
        or (seen.delivered is not None and (wanted.severity is not Severity.PAGE or seen.resolved is not None))
        for wanted, seen in zip(notes.wanted, notes.sightings, strict=True)
    )


def _note_firing(notes: _Notes, loud: Sequence[ActiveAlert], since: float) -> None:
    notifications = notes.scene.notifications()
    for wanted, seen in zip(notes.wanted, notes.sightings, strict=True):
        if seen.fired is None and any(wanted.met_by(alert.labels) for alert in loud):
            times = notes.scene.firing_times(wanted.labels, since)
            if times:
                seen.fired = notes.happened(f"first evaluation that fires {wanted.name}", times[0])
        _note_delivery(notes, wanted, seen, notifications, since)


def _note_ending(notes: _Notes, loud: Sequence[ActiveAlert], since: float) -> None:
    notifications = notes.scene.notifications()
    for wanted, seen in zip(notes.wanted, notes.sightings, strict=True):
        if seen.cleared is None and not any(wanted.met_by(alert.labels) for alert in loud):
            last = max(notes.scene.firing_times(wanted.labels, since), default=since)
            seen.cleared = notes.happened(f"last evaluation that fires {wanted.name}", last)
        _note_delivery(notes, wanted, seen, notifications, since)
        if seen.resolved is None and seen.cleared is not None and seen.delivered is not None:
            at = _arrival(notifications, wanted, "resolved", seen.delivered)
            if at is not None:
                seen.resolved = notes.happened(f"resolution of {wanted.name} delivered", at)


def _note_delivery(
    notes: _Notes, wanted: Expectation, seen: Sighting, notifications: Sequence[Notification], since: float
) -> None:
    if seen.delivered is None and seen.fired is not None:
        at = _arrival(notifications, wanted, "firing", since)
        if at is not None:
            seen.delivered = notes.happened(f"{wanted.severity} delivered: {wanted.name}", at)


def _arrival(notifications: Iterable[Notification], wanted: Expectation, status: str, since: float) -> float | None:
    """When the first notification about the expected alert in this state arrived, from `since` on."""
    for notification in notifications:
        if notification.at.timestamp() < since:
            continue
        for alert in notification.alerts():
            labels = alert.get("labels")
            if alert.get("status") == status and isinstance(labels, dict) and wanted.met_by(labels):
                return notification.at.timestamp()
    return None


def _observed(notes: _Notes, drill: Drill, seen: Observation) -> Observation:
    """The observation with everything else that fired: explained by the fault, or a false alarm."""
    expected = {wanted.name for wanted in notes.wanted} if seen.fault is not None else set()
    rest = [loud for loud in notes.seen.values() if loud.told not in expected]
    explained = [loud for loud in rest if seen.fault is not None and loud.alert in drill.may]
    return replace(
        seen,
        false_alarms=tuple(loud for loud in rest if loud not in explained),
        others=tuple(explained),
        moments=tuple(notes.moments),
        scrape_seconds=notes.scene.scrape_seconds(seen.warm_from),
    )
