"""The stack of a drill's own: service, database, Prometheus with scaled rules over a warm baseline, Alertmanager, receiver.

No SLO of a run is computed from it, and nothing of it is left when the drill ends, also by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx

from alerts.alertmanager import alertmanager_config
from alerts.drills.baseline import live_counters, openmetrics, write_blocks
from alerts.drills.drill import EVALUATION_SECONDS, SCRAPE_SECONDS, Drill
from alerts.drills.expectation import Expectation
from alerts.drills.traffic import TrafficLog, live_traffic
from alerts.drills.watching import LOOK_SECONDS, loud_ones
from alerts.emit import rules_yaml
from alerts.model import RuleFile
from slo import names
from slo.sli import matchers, valid_events
from slo.spec import Spec, cell
from target.courtsight import open_target
from target.errors import StackError, TargetDown
from target.faults import lock_database
from target.monitoring import (
    AlertmanagerPlan,
    PrometheusPlan,
    RunningMonitor,
    ToolPaths,
    start_alertmanager,
    start_prometheus,
)
from target.prometheus import ActiveAlert, Prometheus, connect
from target.receiver import Notification, WebhookReceiver
from target.stack import LocalStack, RunningService, StackPlan, uninterrupted

FIRST_SCRAPE_SECONDS = 30.0
"""Prometheus looks at a new target only five seconds after its start; this leaves room for a busy machine."""
SETTLE_SECONDS = 5.0
"""How long an alert about series that nobody had scraped yet may outlast the first scrape; later it is a false alarm."""
LEAST_WARMTH = 0.5
"""Share of the baseline's events that the long window must hold before the fault; less means that it was not read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to put on stage: the drill, the spec, the rules (scaled already), the programs, the checkout, a folder for logs."""

    drill: Drill
    spec: Spec
    wanted: Expectation
    rules: RuleFile
    tools: ToolPaths
    root: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs that a drill cannot do without."""

    prometheus: Path
    promtool: Path
    alertmanager: Path


class LiveScene:
    """`alerts.drills.watching.Scene` on a real stack."""

    def __init__(
        self,
        service: RunningService,
        prometheus: Prometheus,
        receiver: WebhookReceiver,
        traffic: TrafficLog,
        wish: Wish,
    ) -> None:
        self.service = service
        self.traffic = traffic
        self._prometheus = prometheus
        self._receiver = receiver
        self._wish = wish

    def alerts(self) -> tuple[ActiveAlert, ...]:
        """See `Scene.alerts`."""
        return self._prometheus.alerts()

    def notifications(self) -> tuple[Notification, ...]:
        """See `Scene.notifications`."""
        return self._receiver.notifications()

    def firing_times(self, labels: Mapping[str, str], since: float) -> tuple[float, ...]:
        """See `Scene.firing_times`; read from the samples that Prometheus keeps of every alert."""
        wanted = cell({**labels, "alertstate": "firing"})
        now = self.now()
        found = self._prometheus.raw("ALERTS" + matchers(wanted), now - since + SCRAPE_SECONDS, now)
        return tuple(sorted(at for series in found for at, _ in series.points if at >= since))

    def check(self) -> None:
        """See `Scene.check`."""
        if not self.service.child.alive():
            raise StackError(f"The drill's service ended by itself; its log: {self.service.log}")
        if self.traffic.trouble:
            raise StackError(f"The drill's questions ended by themselves: {self.traffic.trouble}")

    def fault(self) -> AbstractContextManager[None]:
        """See `Scene.fault`. The windows must be warm and the questions answered before, else the fault would prove nothing."""
        return self._checked_fault()

    @contextlib.contextmanager
    def _checked_fault(self) -> Iterator[None]:
        self._require_answers()
        self._require_warmth()
        with FAULTS[self._wish.drill.fault](self.service):
            yield

    def _require_answers(self) -> None:
        failed = [sent.failure for sent in self.traffic.between(0, self.now()) if sent.failure]
        if failed:
            raise StackError(f"{len(failed)} questions failed before the fault (the first: {failed[0]})")
        if not self.traffic.sent:
            raise StackError("No question was answered before the fault: the service is too slow here")

    def _require_warmth(self) -> None:
        wanted = self._wish.wanted
        window = f"{wanted.long_window:g}s"
        seen = self._prometheus.value(valid_events(wanted.slo, window), self.now())
        least = LEAST_WARMTH * self._wish.drill.traffic.rate * wanted.long_window
        if seen is None or seen < least:
            said = "nothing" if seen is None else f"{seen:.0f} events"
            raise StackError(
                f"The baseline is not warm: the last {window} hold {said}, at least {least:.0f} are needed"
            )

    def now(self) -> float:
        """See `Scene.now`; the same clock as Prometheus' evaluations."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """See `Scene.sleep`."""
        time.sleep(seconds)


FAULTS: dict[str, Callable[[RunningService], AbstractContextManager[None]]] = {
    "lock-database": lambda service: lock_database(service.database),
}


def required(tools: ToolPaths) -> Programs:
    """The programs of a drill; amtool is none of them.

    Raises:
        StackError: One is missing.
    """
    prometheus, promtool, alertmanager = tools.prometheus, tools.promtool, tools.alertmanager
    if prometheus is None or promtool is None or alertmanager is None:
        missing = ", ".join(name for name in tools.missing() if name != "amtool")
        raise StackError(f"A drill needs {missing}: make setup fetches them, make doctor says more")
    return Programs(prometheus, promtool, alertmanager)


@contextlib.contextmanager
def staged(wish: Wish, tell: Callable[[str], None]) -> Iterator[LiveScene]:
    """Bring the drill's stack up, warm, with live questions; take all of it down at the end.

    Raises:
        StackError: A program is missing, or a part of the stack did not come up.
    """
    programs = required(wish.tools)
    settings = {"COURTSIGHT_DATABASE_TIMEOUT_SECONDS": f"{wish.drill.database_timeout:g}"}
    plan = StackPlan(root=wish.root, folder=wish.folder, deployment=wish.spec.deployment, settings=settings)
    tell("starting a service of its own")
    with LocalStack(plan) as stack, contextlib.ExitStack() as watchers:
        service = stack.service
        tell(f"writing {wish.drill.baseline / 60:g} minutes of synthetic baseline")
        blocks = _baseline(wish, service, programs.promtool)
        traffic = watchers.enter_context(
            live_traffic(lambda: open_target(service.url, stack.credentials()), wish.drill.traffic, time.time)
        )
        receiver = watchers.enter_context(WebhookReceiver())
        tell("starting Alertmanager and Prometheus")
        config = alertmanager_config(wish.spec, webhook_url=receiver.url, scale=wish.drill.scale).decode()
        log = wish.folder / "logs" / "alertmanager.log"
        alertmanager = start_alertmanager(
            AlertmanagerPlan(programs.alertmanager, plan.private / "alertmanager", log, config)
        )
        watchers.callback(_stop, alertmanager)
        rules = plan.private / "rules.yaml"
        rules.write_bytes(rules_yaml(wish.rules))
        monitor = start_prometheus(
            PrometheusPlan(
                binary=programs.prometheus,
                folder=plan.private / "prometheus",
                log=wish.folder / "logs" / "prometheus.log",
                target=service.address,
                scrape_interval_seconds=SCRAPE_SECONDS,
                evaluation_interval_seconds=EVALUATION_SECONDS,
                rule_files=(rules,),
                alertmanager=alertmanager.address,
                blocks=blocks,
                job=dict(wish.spec.selector).get(names.JOB, wish.spec.service),
            )
        )
        watchers.callback(_stop, monitor)
        prometheus = connect(monitor.url)
        _await_first_scrape(prometheus, wish)
        _let_the_start_pass(prometheus)
        yield LiveScene(service, prometheus, receiver, traffic, wish)


def _stop(monitor: RunningMonitor) -> None:
    with uninterrupted():
        monitor.child.stop()


def _baseline(wish: Wish, service: RunningService, promtool: Path) -> Path:
    drill, slo = wish.drill, wish.wanted.slo
    try:
        page = httpx.get(f"{service.url}/metrics", timeout=10.0, trust_env=False).text
    except httpx.HTTPError as error:
        raise TargetDown(f"{service.url}/metrics gave no answer ({type(error).__name__})") from error
    lines = openmetrics(
        slo,
        live_counters(page, slo, service.address),
        service.address,
        end=time.time(),
        length=drill.baseline,
        rate=drill.traffic.rate,
        scale=drill.scale,
    )
    return write_blocks(promtool, lines, service.database.parent / "baseline")


def _await_first_scrape(prometheus: Prometheus, wish: Wish) -> None:
    prometheus.await_scrape(
        wish.spec.selector, time.time(), deadline_seconds=FIRST_SCRAPE_SECONDS, clock=time.time, sleep=time.sleep
    )


def _let_the_start_pass(prometheus: Prometheus) -> None:
    """On a slow machine the first scrape comes late, and the absence alerts, scaled as well, are right to fire until then."""
    until = time.monotonic() + SETTLE_SECONDS
    while loud_ones(prometheus.alerts()) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
