"""Starts Prometheus and Alertmanager for a local stack: configuration made for the run, loopback only."""

from __future__ import annotations

import contextlib
import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from target.errors import StackError
from target.processes import LOOPBACK, ChildProcess, claim_port, start, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB = "courtsight"
"""The job label of the scraped service; `up{job="courtsight"}` is how a vanished service is seen."""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""What a monitoring process gets: no proxy, no home, nothing of the caller's."""


@dataclass(frozen=True, slots=True)
class ToolPaths:
    """Where the monitoring programs lie; None for one that this machine lacks."""

    prometheus: Path | None = None
    promtool: Path | None = None
    alertmanager: Path | None = None
    amtool: Path | None = None

    def missing(self) -> tuple[str, ...]:
        """The names of those that are lacking."""
        return tuple(
            name for name in ("prometheus", "promtool", "alertmanager", "amtool") if getattr(self, name) is None
        )


@dataclass(frozen=True, slots=True)
class PrometheusPlan:
    """How to start Prometheus: `target` and `alertmanager` are host:port, `blocks` a TSDB folder to start from (copied).

    `more_targets` are further instances of the same job; `dropped` is a pattern of metrics that scraping leaves out.
    """

    binary: Path
    folder: Path
    log: Path
    target: str
    scrape_interval_seconds: float = 5.0
    evaluation_interval_seconds: float = 5.0
    rule_files: tuple[Path, ...] = ()
    alertmanager: str | None = None
    blocks: Path | None = None
    port: int | None = None
    job: str = JOB
    extra_arguments: tuple[str, ...] = ()
    more_targets: tuple[str, ...] = ()
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class AlertmanagerPlan:
    """How to start Alertmanager: `config` is the text of its configuration."""

    binary: Path
    folder: Path
    log: Path
    config: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class RunningMonitor:
    """A Prometheus or an Alertmanager that is ready: its base address, its process, its folder."""

    url: str
    child: ChildProcess
    folder: Path

    @property
    def address(self) -> str:
        """host:port, as Prometheus wants it in its configuration."""
        return self.url.removeprefix("http://")


def duration(seconds: float) -> str:
    """A Prometheus duration: 1.5 becomes `1500ms`, 60 becomes `60s`."""
    return f"{seconds:.0f}s" if float(seconds).is_integer() else f"{seconds * 1000:.0f}ms"


def prometheus_config(plan: PrometheusPlan) -> str:
    """The configuration file of a plan: one scraped service, its rules, and where alerts go."""
    interval = plan.scrape_interval_seconds
    config: dict[str, object] = {
        "global": {
            "scrape_interval": duration(interval),
            "scrape_timeout": duration(min(interval, 10)),
            "evaluation_interval": duration(plan.evaluation_interval_seconds),
        },
        "rule_files": [str(path.resolve()) for path in plan.rule_files],
        "scrape_configs": [_scraped(plan)] if plan.target else [],
    }
    if plan.alertmanager is not None:
        managers = [{"static_configs": [{"targets": [plan.alertmanager]}]}]
        config["alerting"] = {"alertmanagers": managers}
    return yaml.safe_dump(config, sort_keys=True)


def _scraped(plan: PrometheusPlan) -> dict[str, object]:
    scraped: dict[str, object] = {"job_name": plan.job}
    scraped["static_configs"] = [{"targets": [plan.target, *plan.more_targets]}]
    if plan.dropped:
        rule = {"source_labels": ["__name__"], "regex": plan.dropped, "action": "drop"}
        scraped["metric_relabel_configs"] = [rule]
    return scraped


@contextlib.contextmanager
def reconfigured(monitor: RunningMonitor, plan: PrometheusPlan) -> Iterator[None]:
    """Have a running Prometheus follow another plan's configuration while this is entered (SIGHUP).

    Raises:
        StackError: It has ended already.
    """
    config = monitor.folder / "prometheus.yml"
    before = config.read_text(encoding="utf-8")
    if not monitor.child.alive():
        raise StackError(f"Prometheus has ended before it could be reconfigured; its log: {monitor.child.log}")
    config.write_text(prometheus_config(plan), encoding="utf-8")
    monitor.child.send(signal.SIGHUP)
    try:
        yield
    finally:
        config.write_text(before, encoding="utf-8")
        monitor.child.send(signal.SIGHUP)


def start_prometheus(plan: PrometheusPlan, *, deadline_seconds: float = 180.0) -> RunningMonitor:
    """Starts Prometheus and waits until it serves queries; raises StackError when it does not."""
    for path in plan.rule_files:
        if not path.is_file():
            raise StackError(f"The rule file {path} does not exist: run make generate")
    port = claim_port(plan.port, "prometheus")
    data = plan.folder / "data"
    plan.folder.mkdir(parents=True, exist_ok=True)
    if plan.blocks is not None:
        shutil.copytree(plan.blocks, data, dirs_exist_ok=True)
    config = plan.folder / "prometheus.yml"
    config.write_text(prometheus_config(plan), encoding="utf-8")
    command = [
        str(plan.binary),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
        *plan.extra_arguments,
    ]
    child = start("prometheus", command, log=plan.log, environment=ENVIRONMENT, folder=plan.folder)
    return _ready(child, port, plan.folder, deadline_seconds)


def template_folder(plan: AlertmanagerPlan) -> Path:
    """Where to start Alertmanager: one from the project's cache finds its templates relative to the folder it starts in."""
    prefix = plan.binary.parents[2] if len(plan.binary.parents) > 2 else plan.folder
    return prefix if (prefix / "usr" / "share" / "prometheus" / "alertmanager").is_dir() else plan.folder


def start_alertmanager(plan: AlertmanagerPlan, *, deadline_seconds: float = 180.0) -> RunningMonitor:
    """Starts Alertmanager and waits until it is ready; raises StackError when it does not get so.

    It has no cluster of its own: without the empty cluster address it would listen on every interface.
    """
    port = claim_port(plan.port, "alertmanager")
    plan.folder.mkdir(parents=True, exist_ok=True)
    config = plan.folder / "alertmanager.yml"
    config.write_text(plan.config, encoding="utf-8")
    command = [
        str(plan.binary),
        f"--config.file={config}",
        f"--storage.path={plan.folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    child = start("alertmanager", command, log=plan.log, environment=ENVIRONMENT, folder=template_folder(plan))
    return _ready(child, port, plan.folder, deadline_seconds)


def _ready(child: ChildProcess, port: int, folder: Path, deadline_seconds: float) -> RunningMonitor:
    url = f"http://{LOOPBACK}:{port}"
    try:
        wait_until_ready(child, f"{url}/-/ready", deadline_seconds=deadline_seconds)
    except BaseException:
        child.stop(grace_seconds=1.0)
        raise
    return RunningMonitor(url=url, child=child, folder=folder)
