"""The chatbot that a command measures: a local stack made for it, or one that runs elsewhere already."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from slo.errors import InvalidInput, Problem
from slo.spec import Cell, Engine
from target.chat import Login
from target.errors import PrometheusDown, TargetDown
from target.prometheus import Prometheus
from target.ready import engine_said, ready_info
from target.stack import LocalStack, MonitoringPlan, StackPlan, ToolPaths

SCRAPE_INTERVAL_SECONDS = 2.0
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
LOOKS_AT_THE_END = 3
SECONDS_BETWEEN_LOOKS = 2.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        url: Base address of the chatbot.
        info: Body of its `/health/ready`: version, deployment, engine, corpus.
        prometheus: Base address of a Prometheus that scrapes it, or None.
        why_no_prometheus: The reason for that None.
        trouble: Asks whether the subject still lives; gives the sentence for the user when it does not.
    """

    url: str
    info: Mapping[str, Any]
    credentials: Mapping[str, Login]
    prometheus: str | None
    why_no_prometheus: str
    trouble: Callable[[], str | None]
    local: bool

    @property
    def engine(self) -> Engine:
        """What composes its answers; a name that we do not know is a provider's, hence real."""
        return engine_said(self.info)

    @property
    def corpus(self) -> Mapping[str, Any]:
        """Its corpus as it says itself: hash, documents, demo, unverified; empty when it says nothing."""
        corpus = self.info.get("corpus")
        return corpus if isinstance(corpus, Mapping) else {}

    @property
    def corpus_hash(self) -> str:
        """Its corpus's `sha256:…`, or empty when it says none, or something else: evidence that named that could not be read."""
        said = str(self.corpus.get("hash", "")).removeprefix("sha256:")
        return f"sha256:{said}" if _SHA256.fullmatch(said) else ""

    @property
    def commit(self) -> str:
        """The commit that it says it was built from, or empty when it says none."""
        said = str(self.info.get("commit", "")).lower()
        return said if _COMMIT.fullmatch(said) else ""


@contextlib.contextmanager
def local_subject(
    root: Path, folder: Path, tools: ToolPaths, deployment: str, *, watched: bool, port: int | None = None
) -> Iterator[Subject]:
    """A stack of its own on loopback, with Prometheus when `watched` and this machine has it."""
    monitoring = None
    if watched:
        rules = root / "alerts" / "generated" / "rules.yaml"
        monitoring = MonitoringPlan(SCRAPE_INTERVAL_SECONDS, 5.0, rule_files=(rules,))
    plan = StackPlan(root=root, folder=folder, tools=tools, deployment=deployment, port=port, monitoring=monitoring)
    with LocalStack(plan) as stack:
        service = stack.service

        def trouble() -> str | None:
            if service.child.alive():
                return None
            return f"The service ended with status {service.child.exit_status()}; its log: {service.log}"

        prometheus = None if stack.prometheus is None else stack.prometheus.url
        why = "" if prometheus else "Prometheus is not installed (make setup tries to fetch it; make doctor says more)"
        yield Subject(service.url, ready_info(service.url), stack.credentials(), prometheus, why, trouble, local=True)


@contextlib.contextmanager
def remote_subject(
    url: str, credentials: Mapping[str, Login], prometheus: str | None, deployment: str
) -> Iterator[Subject]:
    """A chatbot that runs already; nothing is started or stopped.

    Raises:
        InvalidInput: It says that it is another deployment: its numbers would be told as those of this one.
    """
    base = checked_url(url, "--target")

    def trouble() -> str | None:
        return None

    watcher = None if prometheus is None else checked_url(prometheus, "--prometheus")
    why = "" if watcher else "no --prometheus was given for the target"
    info = ready_info(base)
    said = info.get("deployment")
    if isinstance(said, str) and said != deployment:
        found = f"is the deployment {said!r}, the spec is about {deployment!r}"
        raise InvalidInput((Problem("--target", None, "", found, "choose another spec with --deployment or --spec"),))
    yield Subject(base, info, credentials, watcher, why, trouble, local=False)


def changed_since(
    subject: Subject,
    ask: Callable[[str], Mapping[str, Any]] = ready_info,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """What a chatbot that runs elsewhere says of itself otherwise than when the run began; empty where it is the same.

    Somebody may deploy, or take documents in, while we measure: the numbers are then of two chatbots, and evidence would call them
    one. A stack of our own is changed by nobody.
    """
    if subject.local:
        return ""
    for look in range(1, LOOKS_AT_THE_END + 1):
        try:
            now = _told(ask(subject.url))
            break
        except TargetDown as error:
            if look == LOOKS_AT_THE_END:
                return f"nobody can say whether the chatbot is still what it was when the run began: {error}"
            sleep(SECONDS_BETWEEN_LOOKS)
    before = _told(subject.info)
    changes = [f"{name} was {before[name]}, is {now[name]}" for name in before if before[name] != now[name]]
    return f"the chatbot changed while it was measured: {'; '.join(changes)}" if changes else ""


def _told(info: Mapping[str, Any]) -> dict[str, str]:
    """What makes a chatbot another one, by name, as text."""
    corpus = info.get("corpus")
    held = corpus if isinstance(corpus, Mapping) else {}
    told = {name: info.get(name) for name in ("version", "commit", "deployment", "engine")}
    told |= {f"corpus {name}": held.get(name) for name in ("hash", "documents", "demo", "unverified")}
    return {name: "not told" if value is None else str(value) for name, value in told.items()}


def scrape_interval(prometheus: Prometheus, selector: Cell) -> float:
    """Seconds between two looks of a Prometheus at the target; our own where it does not tell, as the coverage will show."""
    try:
        return prometheus.scrape_interval(selector) or SCRAPE_INTERVAL_SECONDS
    except PrometheusDown:
        return SCRAPE_INTERVAL_SECONDS


def checked_url(text: str, option: str) -> str:
    """An http(s) address without its trailing slash.

    Raises:
        InvalidInput: It is none.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise InvalidInput((Problem(option, None, "", f"{text!r} is no address: {error}"),)) from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidInput((Problem(option, None, "", f"{text!r} is no http or https address"),))
    if url.userinfo or url.query or url.fragment:
        # Evidence and report name the address: a password in it would be published.
        said = "carries more than host and path", "write it like https://chat.example, and credentials into a file"
        raise InvalidInput((Problem(option, None, "", *said),))
    return text.rstrip("/")
