"""The story of a drill, played in virtual time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from alerts.drills.drill import Drill
from alerts.drills.expectation import Expectation
from alerts.drills.watching import Observation, described, watch
from target.errors import StackError
from target.prometheus import ActiveAlert
from target.receiver import Notification

START = 1_000.0
OTHER = {"alertname": "ServiceDown", "severity": "page"}
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


@dataclass
class ScriptedScene:
    """A stack whose alerts fire and resolve at given seconds after the fault; None never."""

    wanted: Expectation
    fires: float | None = 4.0
    delivers: float | None = 5.0
    clears_after_release: float | None = 5.0
    resolves_after_release: float | None = 6.0
    false_alarm_at: float | None = None
    other_at: float | None = None
    breaks_at: float | None = None
    time: float = START
    faulted: float | None = None
    released: float | None = None
    told: list[str] = field(default_factory=list)

    def _since_fault(self) -> float:
        return -1.0 if self.faulted is None else self.time - self.faulted

    def _over(self, after_release: float | None) -> bool:
        return self.released is not None and after_release is not None and self.time >= self.released + after_release

    def _firing(self) -> bool:
        fires = self.fires is not None and self._since_fault() >= self.fires
        return fires and not self._over(self.clears_after_release)

    def alerts(self) -> list[ActiveAlert]:
        found = [ActiveAlert(WATCHDOG, "firing", START), ActiveAlert(self.wanted.labels, "pending", START)]
        if self._firing():
            found.append(ActiveAlert(self.wanted.labels, "firing", self.time))
        if self.false_alarm_at is not None and self.time >= START + self.false_alarm_at:
            found.append(ActiveAlert(OTHER, "firing", self.time))
        if self.other_at is not None and self._since_fault() >= self.other_at:
            found.append(ActiveAlert(OTHER, "firing", self.time))
        return found

    def notifications(self) -> list[Notification]:
        found = []
        if self.delivers is not None and self._since_fault() >= self.delivers and self.fires is not None:
            found.append(self._notification("firing", (self.faulted or 0) + self.delivers))
        if self._over(self.resolves_after_release):
            found.append(self._notification("resolved", (self.released or 0) + (self.resolves_after_release or 0)))
        return found

    def _notification(self, status: str, at: float) -> Notification:
        alerts = [{"status": "firing", "labels": WATCHDOG}, {"status": status, "labels": dict(self.wanted.labels)}]
        return Notification(at, datetime.fromtimestamp(at, UTC), {"alerts": alerts})

    def firing_times(self, labels: Mapping[str, str], since: float) -> list[float]:
        if self.fires is None or self.faulted is None:
            return []
        last = (
            self.time if self.released is None else min(self.time, self.released + (self.clears_after_release or 1e9))
        )
        first = self.faulted + self.fires
        return [first + step for step in range(int(last - first) + 1)]

    def check(self) -> None:
        if self.breaks_at is not None and self._since_fault() >= self.breaks_at:
            raise StackError("The drill's service ended by itself")

    @contextmanager
    def fault(self) -> Iterator[None]:
        self.faulted = self.time
        try:
            yield
        finally:
            self.released = self.time

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time = round(self.time + seconds, 3)


def played(scene: ScriptedScene, drill: Drill) -> Observation:
    return watch(scene, drill, scene.wanted, scene.told.append)


def test_a_whole_cycle_is_seen(drill: Drill, wanted: Expectation) -> None:
    """Fired, delivered, released, cleared and resolved are all seen, at their own times and not when somebody looked."""
    seen = played(ScriptedScene(wanted), drill)
    assert seen.fault is not None
    assert (seen.fired, seen.delivered) == (seen.fault + 4, seen.fault + 5)
    assert seen.released is not None
    assert (seen.cleared, seen.resolved) == (pytest.approx(seen.released + 4.8, abs=1), seen.released + 6)
    assert (seen.false_alarms, seen.others) == ((), ())


def test_the_fault_is_held_until_the_page_arrived(drill: Drill, wanted: Expectation) -> None:
    """The database is not given back before somebody was told."""
    scene = ScriptedScene(wanted, delivers=30.0)
    seen = played(scene, drill)
    assert seen.delivered is not None
    assert scene.released is not None
    assert scene.released >= seen.delivered


def test_nothing_fires_in_the_calm(drill: Drill, wanted: Expectation) -> None:
    """The watchdog, which always fires, is no false alarm, and neither is a pending alert."""
    assert played(ScriptedScene(wanted), drill).false_alarms == ()


def test_a_false_alarm_ends_the_drill(drill: Drill, wanted: Expectation) -> None:
    """A page before the fault is noted by its name, and no fault is made any more."""
    scene = ScriptedScene(wanted, false_alarm_at=3.0)
    seen = played(scene, drill)
    assert seen.false_alarms == ("ServiceDown",)
    assert (seen.fault, scene.faulted) == (None, None)


def test_an_alert_that_never_fires_ends_at_the_deadline(drill: Drill, wanted: Expectation) -> None:
    """Silence is watched until the deadline, and the fault is released then."""
    scene = ScriptedScene(wanted, fires=None)
    seen = played(scene, drill)
    assert (seen.fired, seen.delivered, seen.resolved) == (None, None, None)
    assert seen.fault is not None
    assert seen.ended - seen.fault == pytest.approx(drill.deadline, abs=0.3)
    assert scene.released is not None


def test_a_page_that_is_never_delivered_is_not_resolved(drill: Drill, wanted: Expectation) -> None:
    """An alert that fires and reaches nobody leaves delivery and resolution empty."""
    seen = played(ScriptedScene(wanted, delivers=None), drill)
    assert seen.fired is not None
    assert (seen.delivered, seen.resolved) == (None, None)


def test_an_alert_that_stays_is_watched_to_the_deadline(drill: Drill, wanted: Expectation) -> None:
    """A page that does not go away after the release has no resolution."""
    seen = played(ScriptedScene(wanted, clears_after_release=None, resolves_after_release=None), drill)
    assert seen.delivered is not None
    assert (seen.cleared, seen.resolved) == (None, None)


def test_a_resolution_needs_prometheus_to_agree(drill: Drill, wanted: Expectation) -> None:
    """A resolved notification does not close the cycle while the alert still fires in Prometheus."""
    seen = played(ScriptedScene(wanted, clears_after_release=None), drill)
    assert seen.resolved is None


def test_other_alerts_of_the_fault_are_no_false_alarms(drill: Drill, wanted: Expectation) -> None:
    """What else fires during the fault is listed apart, because it may be right."""
    seen = played(ScriptedScene(wanted, other_at=2.0), drill)
    assert (seen.others, seen.false_alarms) == (("ServiceDown",), ())


def test_trouble_of_the_stack_releases_the_fault(drill: Drill, wanted: Expectation) -> None:
    """A stack that breaks in mid-drill ends the story at once, and the database is unlocked."""
    scene = ScriptedScene(wanted, breaks_at=2.0)
    with pytest.raises(StackError, match="ended by itself"):
        played(scene, drill)
    assert scene.released is not None


def test_each_step_is_told_once(drill: Drill, wanted: Expectation) -> None:
    """Whoever waits hears of the fault, the alert, the delivery, the release and the resolution, each once."""
    scene = ScriptedScene(wanted)
    seen = played(scene, drill)
    assert scene.told == [moment.event for moment in seen.moments]
    assert len(scene.told) == len(set(scene.told)) == 8


def test_alerts_are_named_with_slo_and_window(wanted: Expectation) -> None:
    """A reader can tell the pairs of windows of one alert apart."""
    alert = ActiveAlert(wanted.labels, "firing", 0.0)
    assert described(alert) == "AvailabilityBudgetBurnPage (availability, 1h)"
    assert described(ActiveAlert(OTHER, "firing", 0.0)) == "ServiceDown"
