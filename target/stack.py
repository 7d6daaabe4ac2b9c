"""The chatbot under test on this machine: service, Prometheus, Alertmanager, accounts; up on entry, gone on exit.

Logs stay in the run's folder; database, secrets, passwords and time series lie in `private` below it (mode 0700) and are
removed at the end. Every listener is on loopback.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn, Self

from target import private
from target.accounts import ROLES, Credentials, accounts_text, make_credentials, write_private
from target.errors import StackError
from target.monitoring import (
    AlertmanagerPlan,
    PrometheusPlan,
    RunningMonitor,
    ToolPaths,
    start_alertmanager,
    start_prometheus,
)
from target.processes import LOOPBACK, ChildProcess, claim_port, start, wait_until_ready
from target.receiver import Notification, WebhookReceiver
from target.simulator import RunningSimulator, SimulatorPlan, provider_settings, start_simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = [
    "AlertmanagerPlan",
    "LocalStack",
    "MonitoringPlan",
    "Notification",
    "PrometheusPlan",
    "RunningMonitor",
    "RunningService",
    "RunningSimulator",
    "ServicePlan",
    "SimulatorPlan",
    "StackPlan",
    "ToolPaths",
    "WebhookReceiver",
    "create_accounts",
    "start_alertmanager",
    "start_prometheus",
    "start_service",
]

SECRET = "jwt_secret"  # noqa: S105 - the name of its file
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ACCOUNTS_DEADLINE = 180.0  # seconds; five argon2 hashes and a new database take about one


def service_program() -> tuple[str, ...]:
    """Our own service, run by this interpreter."""
    return (sys.executable, "-m", "service")


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """How to start the service from the checkout at `root`: `private` holds its secrets and its database.

    `settings` are further environment variables and win over ours; `port` None takes a free one.
    """

    root: Path
    private: Path
    log: Path
    deployment: str = "courtsight"
    port: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = field(default_factory=service_program)
    deadline_seconds: float = 180.0

    @property
    def database(self) -> Path:
        """The SQLite file of this service."""
        return self.private / "service.sqlite3"


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that is ready: its base address, its process, its database, its log, and the settings it runs with."""

    url: str
    child: ChildProcess
    database: Path
    log: Path
    environment: Mapping[str, str] = field(repr=False)

    @property
    def pid(self) -> int:
        """The process to send signals to in a drill."""
        return self.child.pid

    @property
    def address(self) -> str:
        """host:port, as Prometheus wants it in its configuration."""
        return self.url.removeprefix("http://")

    @property
    def secret(self) -> Path:
        """The file of the secret that it signs with; it reads it again when it changes."""
        return self.database.parent / SECRET


def service_environment(plan: ServicePlan) -> dict[str, str]:
    """The whole environment of the service (docs/http-api.md, Settings): nothing of the caller's leaks in."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "COURTSIGHT_ENVIRONMENT": "development",
        "COURTSIGHT_DEPLOYMENT": plan.deployment,
        "COURTSIGHT_DATABASE": str(plan.database),
        "COURTSIGHT_JWT_SECRET_FILE": str(plan.private / SECRET),
        **plan.settings,
    }


def prepare_secret(plan: ServicePlan, secret: str) -> None:
    """Puts the signing secret where the service will read it, once per private folder."""
    plan.private.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = plan.private / SECRET
    if not path.exists():
        write_private(path, secret)


def create_accounts(plan: ServicePlan, credentials: Mapping[str, Credentials]) -> None:
    """Creates one account per role in the plan's database; raises StackError with the command's own words."""
    file = write_private(plan.private / "accounts.jsonl", accounts_text(credentials))
    try:
        done = subprocess.run(
            [*plan.program, "accounts", "create-many", str(file)],
            cwd=plan.root,
            env=service_environment(plan),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ACCOUNTS_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"Creating the accounts took longer than {_ACCOUNTS_DEADLINE:g} s: is the disk full?"
        ) from error
    finally:
        file.unlink()
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise StackError(f"Creating the accounts failed with status {done.returncode}:\n{words}")


def start_service(plan: ServicePlan) -> RunningService:
    """Starts the service and waits until `/health/ready` says so; raises StackError when it does not."""
    port = claim_port(plan.port, "the service")
    prepare_secret(plan, secrets.token_urlsafe(48))
    environment = service_environment(plan)
    command = [*plan.program, "serve", "--host", LOOPBACK, "--port", str(port)]
    child = start("service", command, log=plan.log, environment=environment, folder=plan.root)
    url = f"http://{LOOPBACK}:{port}"
    try:
        wait_until_ready(child, f"{url}/health/ready", deadline_seconds=plan.deadline_seconds)
    except BaseException:
        child.stop(grace_seconds=1.0)
        raise
    return RunningService(url, child, plan.database, plan.log, MappingProxyType(environment))


@dataclass(frozen=True, slots=True)
class MonitoringPlan:
    """What watches the service: intervals in seconds, rules, `blocks` to start Prometheus from.

    `alertmanager_config` makes Alertmanager's configuration from the address of the stack's webhook receiver; None starts
    neither of the two.
    """

    scrape_interval_seconds: float = 5.0
    evaluation_interval_seconds: float = 5.0
    rule_files: tuple[Path, ...] = ()
    blocks: Path | None = None
    alertmanager_config: Callable[[str], str] | None = None
    port: int | None = None
    prometheus_arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackPlan:
    """A whole local stack: `root` is the checkout, `folder` takes the logs, `monitoring` None starts the service alone.

    With a `simulator` the service's answers come from it, and from nothing else.
    """

    root: Path
    folder: Path
    tools: ToolPaths = field(default_factory=ToolPaths)
    deployment: str = "courtsight"
    roles: tuple[str, ...] = ROLES
    port: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    monitoring: MonitoringPlan | None = None
    program: tuple[str, ...] = field(default_factory=service_program)
    simulator: SimulatorPlan | None = None

    @property
    def private(self) -> Path:
        """What is removed at the end."""
        return self.folder / private.NAME

    def service_plan(self) -> ServicePlan:
        """The service's part of it."""
        return ServicePlan(
            root=self.root,
            private=self.private,
            log=self.folder / "logs" / "service.log",
            deployment=self.deployment,
            port=self.port,
            settings=self.settings,
            program=self.program,
        )


class LocalStack:
    """Brings a `StackPlan` up while it is entered, and takes everything down in reverse, whatever happened.

    While it is entered (in the main thread), SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt; while it takes things down they
    wait. A monitor whose program this machine lacks is None: whoever needs it decides what its absence means.
    """

    def __init__(
        self,
        plan: StackPlan,
        *,
        token: Callable[[], str] = lambda: secrets.token_urlsafe(24),
        receiver: WebhookReceiver | None = None,
    ) -> None:
        self.plan = plan
        self.prometheus: RunningMonitor | None = None
        self.alertmanager: RunningMonitor | None = None
        self.simulator: RunningSimulator | None = None
        self._provider_settings: Mapping[str, str] = {}
        self.receiver = receiver or WebhookReceiver()
        self._service: RunningService | None = None
        self._credentials = make_credentials(plan.roles, token)
        self._cleanup = contextlib.ExitStack()
        self._signals = contextlib.ExitStack()

    @property
    def service(self) -> RunningService:
        """The running service; raises StackError before it is entered."""
        if self._service is None:
            raise StackError("The stack is not up")
        return self._service

    def credentials(self) -> Mapping[str, Credentials]:
        """One account per role."""
        return MappingProxyType(self._credentials)

    def __enter__(self) -> Self:
        """Starts private folder, accounts, service, then what watches it; on any failure nothing stays."""
        self._signals.enter_context(interruptible())
        try:
            self._prepare_folder()
            self._start_simulator()
            self._start_service()
            if self.plan.monitoring is not None:
                self._start_monitoring(self.plan.monitoring)
        except OSError as error:
            self._take_down()
            raise StackError(f"The stack cannot be made below {self.plan.folder}: {error}") from error
        except BaseException:
            self._take_down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends every process, then removes the private folder."""
        self._take_down()

    def restart_service(self) -> RunningService:
        """Starts the service again on its port and its database, after a drill killed it or to end one."""
        old = self.service
        old.child.stop()
        port = int(old.address.rpartition(":")[2])
        self._service = start_service(replace(self._service_plan(), port=port))
        self._cleanup.callback(self._service.child.stop)
        return self._service

    def start_another(self) -> RunningService:
        """Starts one more service on the same database, at a port of its own: a second instance under the same job."""
        log = self.plan.folder / "logs" / "service-2.log"
        another = start_service(replace(self._service_plan(), log=log, port=None))
        self._cleanup.callback(another.child.stop)
        return another

    def _take_down(self) -> None:
        with self._signals, uninterrupted():
            self._cleanup.close()

    def _prepare_folder(self) -> None:
        self._cleanup.enter_context(private.owned(self.plan.private))

    def _start_simulator(self) -> None:
        if self.plan.simulator is None:
            return
        log = self.plan.folder / "logs" / "simulator.log"
        self.simulator = start_simulator(self.plan.simulator, self.plan.private, log)
        self._cleanup.callback(self.simulator.child.stop)
        wish = self.plan.simulator
        self._provider_settings = provider_settings(
            self.simulator.url, self.plan.private, usd_per_million=wish.usd_per_million, fallback=wish.fallback
        )

    def _service_plan(self) -> ServicePlan:
        plan = self.plan.service_plan()
        return replace(plan, settings={**self._provider_settings, **plan.settings})

    def _start_service(self) -> None:
        plan = self._service_plan()
        claim_port(plan.port, "the service")  # a taken port is said before anything is made
        prepare_secret(plan, secrets.token_urlsafe(48))
        create_accounts(plan, self._credentials)
        self._service = start_service(plan)
        self._cleanup.callback(self._service.child.stop)

    def _start_monitoring(self, wish: MonitoringPlan) -> None:
        tools, folder = self.plan.tools, self.plan.folder
        if wish.alertmanager_config is not None and tools.alertmanager is not None:
            self._cleanup.enter_context(self.receiver)
            self.alertmanager = start_alertmanager(
                AlertmanagerPlan(
                    binary=tools.alertmanager,
                    folder=self.plan.private / "alertmanager",
                    log=folder / "logs" / "alertmanager.log",
                    config=wish.alertmanager_config(self.receiver.url),
                )
            )
            self._cleanup.callback(self.alertmanager.child.stop)
        if tools.prometheus is not None:
            self.prometheus = start_prometheus(self._prometheus_plan(wish, tools.prometheus))
            self._cleanup.callback(self.prometheus.child.stop)

    def _prometheus_plan(self, wish: MonitoringPlan, binary: Path) -> PrometheusPlan:
        return PrometheusPlan(
            binary=binary,
            folder=self.plan.private / "prometheus",
            log=self.plan.folder / "logs" / "prometheus.log",
            target=self.service.address,
            scrape_interval_seconds=wish.scrape_interval_seconds,
            evaluation_interval_seconds=wish.evaluation_interval_seconds,
            rule_files=wish.rule_files,
            alertmanager=None if self.alertmanager is None else self.alertmanager.address,
            blocks=wish.blocks,
            port=wish.port,
            extra_arguments=wish.prometheus_arguments,
        )


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _handling(handler: Callable[[int, object], object]) -> Iterator[None]:
    """Gives the interrupting signals to `handler` for a while; only the main thread may, elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def interruptible() -> contextlib.AbstractContextManager[None]:
    """Lets SIGTERM and SIGHUP interrupt like Ctrl-C, so that a polite kill cleans up as well."""
    return _handling(_interrupt)


def uninterrupted() -> contextlib.AbstractContextManager[None]:
    """Holds interrupts off while things are taken down; each step there has its own deadline."""
    return _handling(lambda _signal, _frame: None)
