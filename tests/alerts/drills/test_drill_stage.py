"""The drill's own stack: what it is asked to start, what it refuses to prove, and that all of it ends."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import httpx
import pytest

from alerts.drills import runner, stage
from alerts.drills.drill import Drill
from alerts.drills.expectation import Expectation
from alerts.drills.faults import Parts
from alerts.drills.runner import DrillProgress, run_drills
from alerts.drills.stage import LiveScene, Wish, staged
from alerts.drills.traffic import Sent, TrafficLog
from alerts.drills.watching import Observation, Sighting
from alerts.model import RuleFile
from slo.evidence import RunContext
from slo.spec import Engine, Kind, Spec
from slo.verdict import Verdict
from target.errors import StackError
from target.monitoring import AlertmanagerPlan, PrometheusPlan, ToolPaths
from target.prometheus import Prometheus
from target.receiver import WebhookReceiver
from target.stack import RunningService, StackPlan

PAGE = """\
# TYPE chatbot_requests_total counter
chatbot_requests_total{role="judge",complexity="simple",outcome="ok"} 18.0
chatbot_requests_total{role="judge",complexity="simple",outcome="error"} 0.0
"""


@dataclass
class FakeChild:
    """A process that lives until it is stopped, and remembers the order of ends."""

    name: str
    ended: list[str]
    lives: bool = True

    def alive(self) -> bool:
        return self.lives

    def stop(self) -> int:
        self.ended.append(self.name)
        return 0


@dataclass
class FakeApi:
    """A Prometheus with a warm window; `seen` is what its valid events come to."""

    seen: str | None = "580"
    startup_alarms: int = 0
    firing: tuple[float, ...] = ()
    asked: list[str] = field(default_factory=list)

    def instant(self, query: str, at: float) -> Any:
        self.asked.append(query)
        if query.startswith("ALERTS"):
            return [{"metric": {}, "values": [[time, "1"] for time in self.firing]}]
        if query.startswith("up"):
            return [{"metric": {}, "values": [[at + 1, "1"]]}]
        return [] if self.seen is None else [{"metric": {}, "value": [at, self.seen]}]

    def range(self, query: str, start: float, end: float, step_seconds: float) -> Any:
        return []

    def targets(self) -> Any:
        return {}

    def get(self, path: str) -> Any:
        self.startup_alarms -= 1
        alert = {"labels": {"severity": "ticket"}, "state": "firing", "activeAt": "2026-11-20T21:17:00Z"}
        return {"alerts": [alert] if self.startup_alarms >= 0 else []}


@pytest.fixture
def wish(drill: Drill, spec: Spec, wanted: Expectation, rules: RuleFile, tmp_path: Path) -> Wish:
    tools = ToolPaths(*(tmp_path / name for name in ("prometheus", "promtool", "alertmanager", "amtool")))
    one_slo = replace(spec, slos=(spec.slo("availability"),))
    return Wish(drill, one_slo, (wanted,), rules, tools, tmp_path, tmp_path / "drill")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "service.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (text TEXT)")
        connection.commit()
    return path


def service(database: Path, child: FakeChild) -> RunningService:
    return RunningService("http://127.0.0.1:8000", cast("Any", child), database, database.with_suffix(".log"), {})


@dataclass
class FakeStack:
    """Holds the service of a scene."""

    service: RunningService


def scene(wish: Wish, database: Path, api: FakeApi, log: TrafficLog, *, lives: bool = True) -> LiveScene:
    stack = FakeStack(service(database, FakeChild("service", [], lives)))
    parts = Parts(cast("Any", stack), log)
    return LiveScene(parts, Prometheus(api, "http://p"), WebhookReceiver(), wish, {"availability": 10.0})


def answered() -> TrafficLog:
    return TrafficLog([Sent(1.0, 0.1, "") for _ in range(18)])


def writes(database: Path) -> bool:
    with contextlib.closing(sqlite3.connect(database, timeout=0)) as connection:
        try:
            connection.execute("INSERT INTO message VALUES ('x')")
        except sqlite3.OperationalError:
            return False
        return True


def test_the_fault_locks_the_drills_own_database(wish: Wish, database: Path) -> None:
    """Within the fault nobody can write, after it everybody can."""
    live = scene(wish, database, FakeApi(), answered())
    with live.fault():
        assert not writes(database)
    assert writes(database)


@pytest.mark.parametrize(
    ("api", "log", "said"),
    [
        (FakeApi(seen="12"), answered(), "12 events"),
        (FakeApi(seen=None), answered(), "hold nothing"),
        (FakeApi(), TrafficLog(), "No question was answered"),
        (FakeApi(), TrafficLog([Sent(1.0, 1.0, "500 internal")]), "500 internal"),
    ],
)
def test_a_fault_that_would_prove_nothing_is_not_made(
    wish: Wish, database: Path, api: FakeApi, log: TrafficLog, said: str
) -> None:
    """Cold windows, no answers, and answers that failed before: each ends the drill before the database is touched."""
    with pytest.raises(StackError, match=said), scene(wish, database, api, log).fault():
        pytest.fail("the fault was made")


def test_evaluations_come_from_prometheus_own_samples(wish: Wish, database: Path) -> None:
    """When the alert fired is read from the samples of the alert itself, those before the moment left out."""
    api = FakeApi(firing=(90.0, 104.0, 105.0))
    times = scene(wish, database, api, answered()).firing_times({"alertname": "A"}, 100.0)
    assert times == (104.0, 105.0)
    assert api.asked[0].startswith('ALERTS{alertname="A",alertstate="firing"}[')


@pytest.mark.parametrize(("long", "seen", "gap"), [(1440.0, "1430", 10.0), (1440.0, None, 30.0), (60.0, "50", 0.0)])
def test_the_seam_of_the_baseline_is_measured(
    wish: Wish, wanted: Expectation, database: Path, long: float, seen: str | None, gap: float
) -> None:
    """The seconds of a day without a recorded count are counted, up to the longest wait for a scrape; an hour's windows read the counters."""
    live = scene(wish, database, FakeApi(seen=seen), answered())
    assert live.unrecorded(replace(wanted, long_window=long)) == gap


def test_how_busy_the_machine_was_is_read_from_the_scrapes(wish: Wish, database: Path) -> None:
    """Of the scrapes of the service that succeeded, the time that nine of ten took at most."""
    api = FakeApi(seen="0.25")
    assert scene(wish, database, api, answered()).scrape_seconds(100.0) == 0.25
    assert "quantile_over_time(0.9, (scrape_duration_seconds{" in api.asked[0]
    assert 'up{job="courtsight"} == 1' in api.asked[0]


def test_a_service_that_ended_is_trouble(wish: Wish, database: Path) -> None:
    """A service that died by itself is no proof of an alert, and its log is named."""
    with pytest.raises(StackError, match=r"service\.log"):
        scene(wish, database, FakeApi(), answered(), lives=False).check()


def test_questions_that_ended_are_trouble(wish: Wish, database: Path) -> None:
    """Without live questions nothing fails, and nothing could fire."""
    log = answered()
    log.trouble = "signing in was refused"
    with pytest.raises(StackError, match="signing in was refused"):
        scene(wish, database, FakeApi(), log).check()


def test_a_service_that_was_killed_on_purpose_is_none(wish: Wish, database: Path) -> None:
    """While the fault is that the service is dead, its death is no trouble."""
    live = scene(wish, database, FakeApi(), answered(), lives=False)
    live.parts.absent = True
    live.check()


def test_a_drill_that_nobody_wants_any_more_ends(wish: Wish, database: Path) -> None:
    """After Ctrl-C the drills side by side end at their next look."""
    live = scene(wish, database, FakeApi(), answered())
    wish.enough.set()
    live.sleep(3600)
    with pytest.raises(StackError, match="broken off"):
        live.check()


@dataclass
class FakeMonitor:
    url: str
    child: FakeChild

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")


@dataclass
class FakeHouse:
    """Everything that a stage starts, faked: it notes plans and the order of ends."""

    database: Path
    ended: list[str] = field(default_factory=list)
    plan: StackPlan | None = None
    prometheus: PrometheusPlan | None = None
    alertmanager: AlertmanagerPlan | None = None
    page: str = PAGE

    def __call__(self, plan: StackPlan) -> Self:
        self.plan = plan
        plan.private.mkdir(parents=True)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.append("service")

    @property
    def service(self) -> RunningService:
        return service(self.database, FakeChild("service", self.ended))

    def credentials(self) -> Mapping[str, Any]:
        return {}

    @contextlib.contextmanager
    def live_traffic(self, *_: object) -> Iterator[TrafficLog]:
        try:
            yield answered()
        finally:
            self.ended.append("questions")

    def start_prometheus(self, plan: PrometheusPlan) -> FakeMonitor:
        self.prometheus = plan
        return FakeMonitor("http://127.0.0.1:9090", FakeChild("prometheus", self.ended))

    def start_alertmanager(self, plan: AlertmanagerPlan) -> FakeMonitor:
        self.alertmanager = plan
        return FakeMonitor("http://127.0.0.1:9093", FakeChild("alertmanager", self.ended))

    def get(self, url: str, **_: object) -> httpx.Response:
        return httpx.Response(200, text=self.page)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, wish: Wish, database: Path) -> FakeHouse:
    fake = FakeHouse(database)
    monkeypatch.setattr(stage, "LocalStack", fake)
    for name in ("live_traffic", "start_prometheus", "start_alertmanager"):
        monkeypatch.setattr(stage, name, getattr(fake, name))
    monkeypatch.setattr(stage.httpx, "get", fake.get)
    monkeypatch.setattr(stage, "connect", lambda url: Prometheus(FakeApi(), url))
    tool = wish.tools.promtool
    assert tool is not None
    tool.write_text('#!/bin/sh\nmkdir "$6" && cp "$5" "$6/copy"\n')
    tool.chmod(0o755)
    return fake


def test_the_stack_is_brought_up_warm_and_scaled(wish: Wish, house: FakeHouse) -> None:
    """Service with the drill's timeout, Prometheus from the baseline with scaled rules and routes, everything on loopback."""
    told: list[str] = []
    with staged(wish, told.append) as live:
        assert live.alerts() == ()
        assert live.notifications() == ()
        assert house.prometheus is not None
        rules = house.prometheus.rule_files[0].read_text()
        assert house.prometheus.blocks is not None
        assert 'instance="127.0.0.1:8000"' in (house.prometheus.blocks / "copy").read_text()
    assert "[60s]" in rules or "[1m]" in rules
    assert "[1h]" not in rules
    assert (house.prometheus.target, house.prometheus.alertmanager) == ("127.0.0.1:8000", "127.0.0.1:9093")
    assert house.plan is not None
    assert dict(house.plan.settings) == {"COURTSIGHT_DATABASE_TIMEOUT_SECONDS": "1"}
    assert house.alertmanager is not None
    assert "http://127.0.0.1:" in house.alertmanager.config
    # The second lets Alertmanager hear of the watchdog, which fires before anybody is there to hear it, within ten seconds.
    assert house.prometheus.extra_arguments == ("--query.lookback-delta=5s", "--rules.alert.resend-delay=10s")
    assert any("synthetic" in text for text in told)


def test_the_page_is_read_when_the_round_is_counted(
    wish: Wish, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that lacks the last answers of the round shows other proportions: it is read again until it counts them all."""
    pages = [house.page.replace(" 18.0", " 17.0"), house.page]
    short = replace(
        wish, drill=replace(wish.drill, traffic=replace(wish.drill.traffic, roles=("judge",), questions=("a",) * 18))
    )
    read: list[str] = []

    def get(url: str, **_: object) -> httpx.Response:
        read.append(url)
        return httpx.Response(200, text=pages[min(len(read), 2) - 1])

    monkeypatch.setattr(stage.httpx, "get", get)
    with staged(short, lambda _: None):
        assert len(read) == 2


def test_an_alarm_of_the_start_passes(wish: Wish, house: FakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fires because nobody had scraped yet has gone before the drill looks for false alarms."""
    api = FakeApi(startup_alarms=2)
    monkeypatch.setattr(stage, "connect", lambda url: Prometheus(api, url))
    with staged(wish, lambda _: None) as live:
        assert live.alerts() == ()
    assert house.ended[-1] == "service"


def test_everything_ends_in_reverse(wish: Wish, house: FakeHouse) -> None:
    """Watchers end before what they watch, also when the drill is interrupted."""
    with pytest.raises(KeyboardInterrupt), staged(wish, lambda _: None):
        raise KeyboardInterrupt
    assert house.ended == ["prometheus", "alertmanager", "questions", "service"]


@pytest.mark.parametrize("name", ["prometheus", "promtool", "alertmanager"])
def test_a_missing_program_is_named(wish: Wish, house: FakeHouse, name: str) -> None:
    """Without one of the three programs nothing is started, and the message names it and its mend."""
    lacking = replace(wish, tools=replace(wish.tools, **{name: None}))
    with pytest.raises(StackError, match=f"needs {name}: make setup"), staged(lacking, lambda _: None):
        pytest.fail("the stack came up")
    assert house.plan is None


def test_a_page_without_questions_is_trouble(wish: Wish, house: FakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that counts no question cannot be drilled, and ends with the stack."""
    monkeypatch.setattr(stage, "SETTLE_SECONDS", 0.0)
    house.page = ""
    with pytest.raises(StackError, match="answered no question yet"), staged(wish, lambda _: None):
        pytest.fail("the stack came up")
    assert house.ended == ["questions", "service"]


def now() -> datetime:
    return datetime(2026, 11, 20, 21, 17, tzinfo=UTC)


def test_without_tools_the_evidence_is_an_error(drill: Drill, spec: Spec, context: RunContext, tmp_path: Path) -> None:
    """A machine without Prometheus gets evidence that says so, which never passes."""
    evidence = run_drills((drill,), spec, ToolPaths(), context, tmp_path, on_event=lambda _: None, clock=now)
    assert (evidence.kind, evidence.complete) == (Kind.DRILL, True)
    assert [item.verdict for item in evidence.items] == [Verdict.ERROR]
    assert "prometheus, promtool, alertmanager" in evidence.items[0].reason
    assert evidence.details["drills"][0]["timeline"] == []


def test_a_drill_tells_how_far_it_is(
    wish: Wish, house: FakeHouse, context: RunContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Progress names the drill and what it does; the evidence holds the observation, where the stack was, and which engine answered."""
    one = Sighting(1004.0, 1005.0, 1010.0, 1011.0)
    seen = Observation(990.0, 1000.0, (one,), 1005.1, 1011.2)
    monkeypatch.setattr(runner, "watch", lambda *_: seen)
    monkeypatch.setattr(runner, "ready_info", lambda _: {"engine": "simulated"})
    told: list[DrillProgress] = []
    evidence = run_drills(
        (wish.drill,), wish.spec, wish.tools, context, tmp_path / "work", on_event=told.append, clock=now
    )
    assert [item.verdict for item in evidence.items] == [Verdict.PASS]
    assert evidence.details["drills"][0]["stack"] == "http://127.0.0.1:8000"
    assert evidence.context.engine is Engine.SIMULATED
    assert {progress.drill for progress in told} == {"database-locked"}
    assert all(0 <= progress.share < 1 for progress in told)
    assert house.ended[-1] == "service"
