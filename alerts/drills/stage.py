"""The stack of a drill's own: service, what it leans on, Prometheus with scaled rules over a warm baseline, Alertmanager, receiver.

No SLO of a run is computed from it, and nothing of it is left when the drill ends, also by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import httpx

from alerts.alertmanager import alertmanager_config
from alerts.drills.baseline import openmetrics, questions_of, warmths, write_blocks
from alerts.drills.building import Surroundings, simulator_plan, surroundings
from alerts.drills.drill import EVALUATION_SECONDS, SCRAPE_SECONDS, Drill, Fault
from alerts.drills.expectation import Expectation
from alerts.drills.faults import Parts, made, switched
from alerts.drills.traffic import TrafficLog, live_traffic
from alerts.drills.watching import LOOK_SECONDS, loud_ones
from alerts.emit import rules_yaml
from alerts.model import RuleFile
from alerts.pace import Pace
from alerts.recording import LONGEST_RAW_WINDOW, selected
from slo import names
from slo.quantities import how_many
from slo.sli import matchers, valid_events
from slo.spec import Spec, cell
from target.courtsight import open_target
from target.errors import StackError, TargetDown
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
ROUND_SECONDS = 60.0
"""Longest wait until every role has asked every question once: the proportions of the baseline come from that round."""
LOOK_BACK = Decimal(300)
RESEND = "10s"
"""Prometheus finds Alertmanager some seconds after its first evaluation, and without this tells again after a minute what nobody heard:
the watchdog was missing for so long. Not scaled: an alert that is not told again for four times as long counts as over, and a busy machine may stand still for seconds."""
"""How long Prometheus takes the last sample of a series for its present value, unscaled: its own default."""
LEAST_WARMTH = 0.5
"""Share of the baseline's events that the long window must hold before the fault; less means that it was not read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to put on stage: the drill, the spec, the rules (scaled already), the programs, the checkout, a folder for logs.

    Attributes:
        enough: Set when nobody wants the drill any more, as after Ctrl-C.
    """

    drill: Drill
    spec: Spec
    wanted: tuple[Expectation, ...]
    rules: RuleFile
    tools: ToolPaths
    root: Path
    folder: Path
    enough: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs that a drill cannot do without."""

    prometheus: Path
    promtool: Path
    alertmanager: Path


class LiveScene:
    """`alerts.drills.watching.Scene` on a real stack."""

    def __init__(
        self, parts: Parts, prometheus: Prometheus, receiver: WebhookReceiver, wish: Wish, rates: Mapping[str, float]
    ) -> None:
        self.parts = parts
        self._prometheus = prometheus
        self._receiver = receiver
        self._wish = wish
        self._rates = rates

    @property
    def service(self) -> RunningService:
        """The service that is drilled."""
        return self.parts.service

    @property
    def traffic(self) -> TrafficLog:
        """What became of the live questions."""
        return self.parts.traffic

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

    def scrape_seconds(self, since: float) -> float | None:
        """See `Scene.scrape_seconds`."""
        now = self.now()
        lasted = max(SCRAPE_SECONDS, now - since)
        own = matchers(self._wish.spec.selector)
        took = f"scrape_duration_seconds{own} and {names.UP}{own} == 1"
        return self._prometheus.value(f"max(quantile_over_time(0.9, ({took})[{lasted:.0f}s:{SCRAPE_SECONDS:g}s]))", now)

    def unrecorded(self, wanted: Expectation) -> float:
        """See `Scene.unrecorded`. The baseline's last count and the first one of live traffic are some seconds apart."""
        window, scaled = wanted.long_window, Pace(self._wish.drill.scale)
        if wanted.slo is None or window is None or window <= scaled.seconds(LONGEST_RAW_WINDOW):
            return 0.0
        counts = selected(names.VALID_EVENTS_5M, wanted.slo)
        seen = self._prometheus.value(f"max(count_over_time({counts}[{window:g}s]))", self.now())
        # More is no seam of the baseline: counts that are not recorded at all shall not excuse an early alert.
        return min(FIRST_SCRAPE_SECONDS, max(0.0, window - (seen or 0.0) * EVALUATION_SECONDS))

    def check(self) -> None:
        """See `Scene.check`."""
        if self._wish.enough.is_set():
            raise StackError("The drill was broken off")
        if not self.parts.absent and not self.service.child.alive():
            raise StackError(f"The drill's service ended by itself; its log: {self.service.log}")
        if self.traffic.trouble:
            raise StackError(f"The drill's questions ended by themselves: {self.traffic.trouble}")

    def fault(self) -> AbstractContextManager[None]:
        """See `Scene.fault`. The windows must be warm and the questions answered before, else the fault would prove nothing."""
        return self._checked_fault()

    @contextlib.contextmanager
    def _checked_fault(self) -> Iterator[None]:
        self._require_answers()
        for wanted in self._wish.wanted:
            self._require_warmth(wanted)
        with made(self._wish.drill.fault, self.parts):
            yield

    def _require_answers(self) -> None:
        failed = [sent.failure for sent in self.traffic.between(0, self.now()) if sent.failure]
        if failed:
            raise StackError(f"{how_many(len(failed), 'question')} failed before the fault (the first: {failed[0]})")
        if not self.traffic.sent:
            raise StackError("No question was answered before the fault: the service is too slow here")

    def _require_warmth(self, wanted: Expectation) -> None:
        if wanted.slo is None or wanted.long_window is None:
            return
        window = f"{wanted.long_window:g}s"
        seen = self._prometheus.value(valid_events(wanted.slo, window), self.now())
        least = LEAST_WARMTH * self._rates.get(wanted.slo.id, 0.0) * wanted.long_window
        if seen is None or seen < least or not least:
            said = "nothing" if seen is None else f"{seen:.0f} events"
            raise StackError(
                f"The baseline is not warm: the last {window} hold {said} of {wanted.slo.id}, at least {least:.0f} are needed"
            )

    def now(self) -> float:
        """See `Scene.now`; the same clock as Prometheus' evaluations."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """See `Scene.sleep`; ends early when nobody wants the drill any more."""
        self._wish.enough.wait(seconds)


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
    stage = wish.drill.stage
    with contextlib.ExitStack() as ending:
        around = _surroundings(wish, ending, tell)
        plan = StackPlan(
            root=wish.root,
            folder=wish.folder,
            deployment=wish.spec.deployment,
            settings=around.settings,
            simulator=simulator_plan(stage, wish.root),
        )
        tell("starting a service of its own")
        stack = ending.enter_context(LocalStack(plan))
        instances = [stack.service, *(stack.start_another() for _ in range(stage.instances - 1))]
        parts = Parts(
            stack=stack,
            traffic=TrafficLog(),
            instances=instances,
            redis=around.redis,
            postgresql=around.postgresql,
            relay=around.relay,
            library=around.library,
            empty_generation=around.empty_generation,
        )
        if wish.drill.fault is Fault.EXPENSIVE_MODEL:
            switched(parts, "on")
        yield ending.enter_context(_watched(wish, parts, programs, tell))


def _surroundings(wish: Wish, ending: contextlib.ExitStack, tell: Callable[[str], None]) -> Surroundings:
    folder = wish.folder / "around"
    ending.callback(shutil.rmtree, folder, ignore_errors=True)
    stage = wish.drill.stage
    if stage.redis or stage.database != "sqlite" or stage.retrieval != "embedded":
        tell("making what the service leans on")
    return surroundings(stage, wish.root, folder, ending)


@contextlib.contextmanager
def _watched(wish: Wish, parts: Parts, programs: Programs, tell: Callable[[str], None]) -> Iterator[LiveScene]:
    """Live questions, then what watches the service, over the baseline."""
    service, stack = parts.service, parts.stack
    with contextlib.ExitStack() as watchers:
        parts.traffic = watchers.enter_context(
            live_traffic(
                lambda: open_target(service.url, stack.credentials(), remembered=wish.drill.traffic.remembered),
                wish.drill.traffic,
                time.time,
            )
        )
        _await_round(wish, parts)
        tell(f"writing {wish.drill.baseline / 60:g} minutes of synthetic baseline")
        blocks, rates = _baseline(wish, parts, programs.promtool)
        parts.traffic.go_on.set()
        receiver = watchers.enter_context(WebhookReceiver())
        tell("starting Alertmanager and Prometheus")
        alertmanager = start_alertmanager(
            AlertmanagerPlan(
                programs.alertmanager,
                stack.plan.private / "alertmanager",
                wish.folder / "logs" / "alertmanager.log",
                alertmanager_config(wish.spec, webhook_url=receiver.url, scale=wish.drill.scale).decode(),
            )
        )
        watchers.callback(_stop, alertmanager)
        parts.plan = _prometheus_plan(wish, parts, programs, alertmanager, blocks)
        parts.monitor = start_prometheus(parts.plan)
        watchers.callback(_stop, parts.monitor)
        prometheus = connect(parts.monitor.url)
        _await_first_scrape(prometheus, wish)
        _let_the_start_pass(prometheus)
        yield LiveScene(parts, prometheus, receiver, wish, rates)


def _prometheus_plan(
    wish: Wish, parts: Parts, programs: Programs, alertmanager: RunningMonitor, blocks: Path
) -> PrometheusPlan:
    private = parts.stack.plan.private
    rules = private / "rules.yaml"
    rules.write_bytes(rules_yaml(wish.rules))
    first, *more = (instance.address for instance in parts.instances)
    return PrometheusPlan(
        binary=programs.prometheus,
        folder=private / "prometheus",
        log=wish.folder / "logs" / "prometheus.log",
        target=first,
        more_targets=tuple(more),
        scrape_interval_seconds=SCRAPE_SECONDS,
        evaluation_interval_seconds=EVALUATION_SECONDS,
        rule_files=(rules,),
        alertmanager=alertmanager.address,
        blocks=blocks,
        job=dict(wish.spec.selector).get(names.JOB, wish.spec.service),
        extra_arguments=(
            f"--query.lookback-delta={Pace(wish.drill.scale).range(LOOK_BACK)}",
            f"--rules.alert.resend-delay={RESEND}",
        ),
    )


def _stop(monitor: RunningMonitor) -> None:
    with uninterrupted():
        monitor.child.stop()


def _await_round(wish: Wish, parts: Parts) -> None:
    """Until every role has asked every question once, so that the page shows the proportions of the traffic."""
    until = time.monotonic() + ROUND_SECONDS
    while len(parts.traffic.sent) < wish.drill.traffic.round and time.monotonic() < until and not wish.enough.is_set():
        if parts.traffic.trouble:
            raise StackError(f"The drill's questions ended by themselves: {parts.traffic.trouble}")
        wish.enough.wait(LOOK_SECONDS)


def _baseline(wish: Wish, parts: Parts, promtool: Path) -> tuple[Path, Mapping[str, float]]:
    """The storage folder to start Prometheus from, and how many valid events a second each warm SLO has in it."""
    drill, service = wish.drill, parts.service
    warm = warmths(_page_of_a_round(wish, parts), wish.spec.slos, service.address)
    lines = openmetrics(
        warm,
        dict(wish.spec.selector),
        [instance.address for instance in parts.instances],
        end=time.time(),
        length=drill.baseline,
        rate=drill.traffic.rate,
        scale=drill.scale,
    )
    blocks = write_blocks(promtool, lines, parts.stack.plan.private / "baseline")
    return blocks, {one.slo.id: one.per_question * drill.traffic.rate for one in warm}


def _page_of_a_round(wish: Wish, parts: Parts) -> str:
    """The service's own page after one round; it counts an answer a moment after it is given."""
    url, until = f"{parts.service.url}/metrics", time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            page = httpx.get(url, timeout=10.0, trust_env=False).text
        except httpx.HTTPError as error:
            raise TargetDown(f"{url} gave no answer ({type(error).__name__})") from error
        if questions_of(page) >= wish.drill.traffic.round or time.monotonic() > until:
            return page
        wish.enough.wait(LOOK_SECONDS)


def _await_first_scrape(prometheus: Prometheus, wish: Wish) -> None:
    prometheus.await_scrape(
        wish.spec.selector, time.time(), deadline_seconds=FIRST_SCRAPE_SECONDS, clock=time.time, sleep=time.sleep
    )


def _let_the_start_pass(prometheus: Prometheus) -> None:
    """On a slow machine the first scrape comes late, and the absence alerts, scaled as well, are right to fire until then."""
    until = time.monotonic() + SETTLE_SECONDS
    while loud_ones(prometheus.alerts()) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
