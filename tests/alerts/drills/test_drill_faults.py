"""What each fault does to the parts of a stack, and that it undoes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from alerts.drills import faults
from alerts.drills.drill import Fault
from alerts.drills.faults import FLOOD_RATE, INJECTION, LATE_SECONDS, Parts, made
from alerts.drills.traffic import Mood, TrafficLog
from target.errors import StackError
from target.monitoring import PrometheusPlan
from target.relay import Relay


@dataclass
class FakeServer:
    """Remembers what was done to it."""

    done: list[str] = field(default_factory=list)

    def kill(self) -> None:
        self.done.append("killed")

    def start(self) -> None:
        self.done.append("started")

    def freeze(self) -> None:
        self.done.append("frozen")

    def thaw(self) -> None:
        self.done.append("thawed")


@dataclass
class FakeChild:
    """A process that may be signalled while it lives."""

    name: str = "service"
    signals: list[str] = field(default_factory=list)

    def alive(self) -> bool:
        return True

    def send(self, number: Any) -> None:
        self.signals.append(number.name)


@dataclass
class FakeService:
    child: FakeChild = field(default_factory=FakeChild)
    secret: Path = Path("secret")


@dataclass
class FakeStack:
    """A stack with a service that can be started again; no simulator unless one is given."""

    service: FakeService = field(default_factory=FakeService)
    simulator: Any = None
    restarts: int = 0

    def restart_service(self) -> None:
        self.restarts += 1


def parts(**known: Any) -> Parts:
    stack = known.pop("stack", FakeStack())
    return Parts(cast("Any", stack), TrafficLog(mood=Mood(10.0, unlike=False)), **known)


def test_a_killed_service_is_started_again() -> None:
    """While it is dead its death is no trouble of the stack; at the end the supervisor's part is played."""
    stack = FakeStack()
    scene = parts(stack=stack)
    with made(Fault.KILL_SERVICE, scene):
        assert (scene.absent, stack.restarts, stack.service.child.signals) == (True, 0, ["SIGKILL"])
    assert (scene.absent, stack.restarts) == (False, 1)


def test_only_the_second_instance_is_killed() -> None:
    """The service that is asked goes on."""
    first, second = FakeService(), FakeService()
    with made(Fault.KILL_INSTANCE, parts(instances=[first, second])):
        assert (first.child.signals, second.child.signals) == ([], ["SIGKILL"])


@pytest.mark.parametrize(
    ("fault", "part", "done"),
    [
        (Fault.KILL_REDIS, "redis", ["killed", "started"]),
        (Fault.KILL_POSTGRESQL, "postgresql", ["killed", "started"]),
        (Fault.FREEZE_POSTGRESQL, "postgresql", ["frozen", "thawed"]),
    ],
)
def test_servers_come_back(fault: Fault, part: str, done: list[str]) -> None:
    """What was killed is started again, and what stood still goes on, whatever happened meanwhile."""
    server = FakeServer()
    with pytest.raises(KeyboardInterrupt), made(fault, parts(**{part: server})):
        raise KeyboardInterrupt
    assert server.done == done


def test_slow_retrieval_ends_with_a_way_as_short_as_before() -> None:
    """Each answer of the database comes later than a search may take, until the fault is over."""
    relay = Relay()
    with made(Fault.SLOW_RETRIEVAL, parts(relay=relay)):
        assert relay.delay_seconds == LATE_SECONDS > 0.5
    assert relay.delay_seconds == 0.0


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        (Fault.FLOOD, Mood(FLOOD_RATE, unlike=False)),
        (Fault.NEW_QUESTIONS, Mood(10.0, unlike=True)),
        (Fault.BAD_SCORES, Mood(10.0, unlike=False, score=1)),
        (Fault.INJECTIONS, Mood(10.0, unlike=False, instead=INJECTION)),
    ],
)
def test_people_change_their_ways_for_a_while(fault: Fault, changed: Mood) -> None:
    """Faults that are people's change how they ask, and nothing else."""
    scene = parts()
    with made(fault, scene):
        assert scene.traffic.mood == changed
    assert scene.traffic.mood == Mood(10.0, unlike=False)


@pytest.mark.parametrize(
    ("fault", "order"),
    [
        (Fault.REFUSE_QUESTIONS, {"kind": "status", "status": 400, "share": 0.5}),
        (Fault.OVERLOADED_PROVIDER, {"kind": "status", "status": 429}),
        (Fault.SLOW_FIRST_TOKEN, {"kind": "stall_before_first", "stall_seconds": 3.0}),
        (Fault.CUT_STREAMS, {"kind": "cut"}),
    ],
)
def test_the_provider_is_told(fault: Fault, order: Mapping[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator is ordered to misbehave as docs/simulator.md has it."""
    told: list[Mapping[str, object]] = []

    @contextmanager
    def provider_fault(_: object, given: Mapping[str, object]) -> Iterator[None]:
        told.append(given)
        yield

    monkeypatch.setattr(faults, "provider_fault", provider_fault)
    with made(fault, parts(stack=FakeStack(simulator=object()))):
        assert told == [order]


def test_prometheus_is_given_another_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that is forgotten, and series that are dropped, are changes of Prometheus' configuration alone."""
    plans: list[PrometheusPlan] = []

    @contextmanager
    def reconfigured(_: object, plan: PrometheusPlan) -> Iterator[None]:
        plans.append(plan)
        yield

    monkeypatch.setattr(faults, "reconfigured", reconfigured)
    plan = PrometheusPlan(Path("prometheus"), Path(), Path("log"), "127.0.0.1:1")
    scene = parts(monitor=cast("Any", object()), plan=plan)
    for fault in (Fault.FORGET_TARGET, Fault.DROP_SERIES):
        with made(fault, scene):
            pass
    assert (plans[0].target, plans[1].dropped) == ("", "chatbot_retrieval_duration_seconds_.*")


def test_a_generation_is_published_from_outside(tmp_path: Path) -> None:
    """The library's pointer names the empty generation, and the full one again afterwards."""
    pointer = tmp_path / "current"
    pointer.write_text("000001-full\n", encoding="utf-8")
    with made(Fault.EMPTY_INDEX, parts(library=tmp_path, empty_generation="000009-empty")):
        assert pointer.read_text(encoding="utf-8") == "000009-empty\n"
    assert pointer.read_text(encoding="utf-8") == "000001-full\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.KILL_REDIS, "has no Redis"),
        (Fault.FREEZE_POSTGRESQL, "has no PostgreSQL"),
        (Fault.SLOW_ANSWERS, "come from no simulator"),
        (Fault.EMPTY_INDEX, "has no library"),
        (Fault.FORGET_TARGET, "Prometheus is not up"),
    ],
)
def test_a_part_that_is_missing_is_named(fault: Fault, said: str) -> None:
    """A fault that has nothing to act on is trouble of the drill, never a fault that did nothing."""
    with pytest.raises(StackError, match=said), made(fault, parts()):
        pytest.fail("the fault was made")
