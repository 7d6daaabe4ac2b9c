"""The story of a drill, played in virtual time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from alerts.drills.drill import Delivery, Drill
from alerts.drills.expectation import Expectation
from alerts.drills.watching import Observation, Sighting, watch
from slo.spec import Severity
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
    scrapes_take: float | None = 0.02
    lacks: float = 0.0
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

    def scrape_seconds(self, since: float) -> float | None:
        return self.scrapes_take

    def unrecorded(self, wanted: Expectation) -> float:
        return self.lacks if self.faulted is None else -1.0

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
    return watch(scene, drill, (scene.wanted,), scene.told.append)


def sighting(seen: Observation) -> Sighting:
    (only,) = seen.sightings
    return only


def test_a_whole_cycle_is_seen(drill: Drill, wanted: Expectation) -> None:
    """Fired, delivered, released, cleared and resolved are all seen, at their own times and not when somebody looked."""
    seen = played(ScriptedScene(wanted), drill)
    one = sighting(seen)
    assert seen.fault is not None
    assert (one.fired, one.delivered) == (seen.fault + 4, seen.fault + 5)
    assert seen.released is not None
    assert (one.cleared, one.resolved) == (pytest.approx(seen.released + 4.8, abs=1), seen.released + 6)
    assert (seen.false_alarms, seen.others) == ((), ())


def test_what_was_not_recorded_is_asked_before_the_fault(drill: Drill, wanted: Expectation) -> None:
    """How much of its window an alert lacks is measured while nothing is broken yet, for each alert."""
    assert played(ScriptedScene(wanted, lacks=9.5), drill).unrecorded == (9.5,)


def test_the_fault_is_held_until_the_page_arrived(drill: Drill, wanted: Expectation) -> None:
    """The database is not given back before somebody was told."""
    scene = ScriptedScene(wanted, delivers=30.0)
    one = sighting(played(scene, drill))
    assert one.delivered is not None
    assert scene.released is not None
    assert scene.released >= one.delivered


def test_nothing_fires_in_the_calm(drill: Drill, wanted: Expectation) -> None:
    """The watchdog, which always fires, is no false alarm, and neither is a pending alert."""
    assert played(ScriptedScene(wanted), drill).false_alarms == ()


def test_a_false_alarm_ends_the_drill(drill: Drill, wanted: Expectation) -> None:
    """A page before the fault is noted by its name, and no fault is made any more."""
    scene = ScriptedScene(wanted, false_alarm_at=3.0)
    seen = played(scene, drill)
    assert [loud.told for loud in seen.false_alarms] == ["ServiceDown"]
    assert (seen.fault, scene.faulted) == (None, None)


def test_an_alert_that_never_fires_ends_at_the_deadline(drill: Drill, wanted: Expectation) -> None:
    """Silence is watched until the deadline, and the fault is released then."""
    scene = ScriptedScene(wanted, fires=None)
    seen = played(scene, drill)
    assert sighting(seen) == Sighting()
    assert seen.fault is not None
    assert seen.ended - seen.fault == pytest.approx(drill.deadline, abs=0.3)
    assert scene.released is not None


def test_a_page_that_is_never_delivered_is_not_resolved(drill: Drill, wanted: Expectation) -> None:
    """An alert that fires and reaches nobody leaves delivery and resolution empty."""
    one = sighting(played(ScriptedScene(wanted, delivers=None), drill))
    assert one.fired is not None
    assert (one.delivered, one.resolved) == (None, None)


def test_an_alert_that_stays_is_watched_to_the_deadline(drill: Drill, wanted: Expectation) -> None:
    """A page that does not go away after the release has no resolution."""
    one = sighting(played(ScriptedScene(wanted, clears_after_release=None, resolves_after_release=None), drill))
    assert one.delivered is not None
    assert (one.cleared, one.resolved) == (None, None)


def test_a_resolution_needs_prometheus_to_agree(drill: Drill, wanted: Expectation) -> None:
    """A resolved notification does not close the cycle while the alert still fires in Prometheus."""
    assert sighting(played(ScriptedScene(wanted, clears_after_release=None), drill)).resolved is None


def test_what_the_fault_explains_is_no_false_alarm(drill: Drill, wanted: Expectation) -> None:
    """Another alert that the drill says its fault explains is listed apart."""
    told = replace(drill, may={"ServiceDown": "a reason"})
    seen = played(ScriptedScene(wanted, other_at=2.0), told)
    assert ([loud.told for loud in seen.others], seen.false_alarms) == (["ServiceDown"], ())


def test_what_the_fault_does_not_explain_is_one(drill: Drill, wanted: Expectation) -> None:
    """A page that has nothing to do with the fault is a false alarm, though it comes with it."""
    seen = played(ScriptedScene(wanted, other_at=2.0), drill)
    assert (seen.others, [loud.told for loud in seen.false_alarms]) == ((), ["ServiceDown"])


def test_a_quiet_phase_only_listens(drill: Drill, wanted: Expectation) -> None:
    """Without a fault the drill lasts as long as it says, and what fires is a false alarm."""
    quiet = replace(drill, expects=(), held=30.0)
    scene = ScriptedScene(wanted, fires=None)
    seen = watch(scene, quiet, (), scene.told.append)
    assert seen.fault is not None
    assert (seen.ended - seen.fault, seen.false_alarms) == (pytest.approx(30.0, abs=0.3), ())
    scene = ScriptedScene(wanted, fires=None, other_at=20.0)
    assert [loud.alert for loud in watch(scene, quiet, (), scene.told.append).false_alarms] == ["ServiceDown"]


def test_a_ticket_that_is_held_back_is_awaited_after_the_release(drill: Drill, wanted: Expectation) -> None:
    """While a page speaks its ticket is silent; the fault is released when it fired, and it arrives afterwards."""
    held = replace(wanted, delivery=Delivery.HELD, severity=Severity.TICKET)
    scene = ScriptedScene(held, delivers=30.0, clears_after_release=None, resolves_after_release=None)
    seen = played(scene, drill)
    one = sighting(seen)
    assert seen.released is not None
    assert one.delivered is not None
    assert seen.released < one.delivered == pytest.approx((seen.fault or 0) + 30.0)


def test_the_outage_lasts_until_a_silenced_alert_would_have_been_told(drill: Drill, wanted: Expectation) -> None:
    """Only then its silence says something of the inhibition: it fires, a ticket's group waits, and Alertmanager decides."""
    silenced = replace(wanted, delivery=Delivery.SILENCED, severity=Severity.TICKET)
    seen = played(ScriptedScene(silenced, delivers=None), drill)
    assert seen.fault is not None
    assert seen.released is not None
    due = 4.0 + 300 / drill.scale
    assert due + 2.0 <= seen.released - seen.fault < due + 3.0
    assert sighting(seen).delivered is None


def test_a_silenced_alert_that_speaks_when_it_is_due_is_heard(drill: Drill, wanted: Expectation) -> None:
    """Where nothing silences it, its ticket comes while the outage lasts."""
    silenced = replace(wanted, delivery=Delivery.SILENCED, severity=Severity.TICKET)
    due = 4.0 + 300 / drill.scale
    seen = played(ScriptedScene(silenced, delivers=due), drill)
    assert sighting(seen).delivered is not None
    assert seen.released is not None
    assert sighting(seen).delivered < seen.released


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
