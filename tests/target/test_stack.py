"""The local stack: up on entry, gone on exit, whatever happened in between."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from harness.tools import find_tools
from target.accounts import ROLES, Credentials, accounts_text, make_credentials, write_private
from target.errors import StackError, TargetError
from target.monitoring import JOB, PrometheusPlan, ToolPaths, duration, prometheus_config
from target.processes import port_is_free, probe
from target.receiver import WebhookReceiver
from target.stack import LocalStack, MonitoringPlan, StackPlan, interruptible, uninterrupted

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
FAKE = (sys.executable, str(Path(__file__).with_name("fake_service.py")))


@pytest.fixture
def plan(tmp_path: Path) -> StackPlan:
    """A stack of the fake service alone."""
    return StackPlan(root=ROOT, folder=tmp_path / "run", program=FAKE)


def in_mode(plan: StackPlan, mode: str) -> StackPlan:
    """The same stack with a service that fails in one way."""
    return replace(plan, settings={"FAKE_MODE": mode})


def listening(url: str) -> bool:
    """Whether somebody listens at the address."""
    return not port_is_free(int(url.rpartition(":")[2]))


def test_the_stack_is_up_inside_and_gone_outside(plan: StackPlan) -> None:
    """Inside, the service answers; outside, its port is free, the private folder is gone, and the log is kept."""
    with LocalStack(plan) as stack:
        url = stack.service.url
        assert probe(f"{url}/health/ready") == 200
        assert stack.service.child.alive()
        assert stack.service.database.exists()
    assert not listening(url)
    assert not plan.private.exists()
    assert (plan.folder / "logs" / "service.log").exists()


def test_one_account_per_role_from_a_private_file(plan: StackPlan) -> None:
    """Every role gets an account, by a file that only its owner reads and that is gone afterwards."""
    with LocalStack(plan) as stack:
        made = json.loads(stack.service.database.read_text(encoding="utf-8"))
        assert made == {"roles": list(ROLES), "mode": "0o600"}
        assert set(stack.credentials()) == set(ROLES)
        assert not (plan.private / "accounts.jsonl").exists()


def test_secrets_lie_in_private_files_only(plan: StackPlan) -> None:
    """The signing secret is in a 0600 file of a 0700 folder; the service gets its path, never the secret itself."""
    with LocalStack(plan) as stack:
        secret = plan.private / "jwt_secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert stat.S_IMODE(plan.private.stat().st_mode) == 0o700
        assert len(secret.read_bytes()) >= 32
        assert stack.service.environment["COURTSIGHT_JWT_SECRET_FILE"] == str(secret)
        assert secret.read_text(encoding="utf-8") not in repr(dict(stack.service.environment))


def test_the_service_gets_no_environment_of_ours(plan: StackPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting in the caller's shell cannot change what a run measures; one in the plan can."""
    monkeypatch.setenv("COURTSIGHT_CORPUS", "of the shell")
    with LocalStack(replace(plan, settings={"COURTSIGHT_LOG_LEVEL": "debug"})) as stack:
        seen = json.loads(stack.service.log.read_text(encoding="utf-8").splitlines()[0])
    assert "COURTSIGHT_CORPUS" not in seen
    assert seen["COURTSIGHT_LOG_LEVEL"] == "debug"


@pytest.mark.parametrize(("mode", "words"), [("exit", "no index"), ("no-accounts", "the database is locked")])
def test_a_failing_start_says_why_and_leaves_nothing(plan: StackPlan, mode: str, words: str) -> None:
    """A service that ends, or whose accounts cannot be made, is a StackError with its own words; nothing stays behind."""
    with pytest.raises(StackError, match=words), LocalStack(in_mode(plan, mode)):
        pass
    assert not plan.private.exists()


def test_a_taken_port_is_said_before_anything_is_made(plan: StackPlan) -> None:
    """A port that was asked for and is taken ends the start at once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {port} .* is taken"), LocalStack(replace(plan, port=port)):
            pass
    assert not plan.private.exists()


def test_a_folder_that_cannot_be_made_is_said(plan: StackPlan) -> None:
    """A disk that refuses ends the start with the folder and the reason, and leaves nothing."""
    plan.folder.write_text("a file stands where the folder should be", encoding="utf-8")
    with pytest.raises(StackError, match=f"cannot be made below {re.escape(str(plan.folder))}: .*Not a directory"):
        LocalStack(plan).__enter__()
    assert plan.folder.is_file()


def test_a_folder_in_use_is_never_taken_over(plan: StackPlan) -> None:
    """A private folder that already exists belongs to another run: it is an error, and it stays untouched."""
    plan.private.mkdir(parents=True)
    (plan.private / "kept").touch()
    with pytest.raises(StackError, match="File exists"), LocalStack(plan):
        pass
    assert (plan.private / "kept").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_polite_kill_cleans_up(plan: StackPlan, number: signal.Signals) -> None:
    """SIGINT, SIGTERM and SIGHUP end the block as KeyboardInterrupt, with the service stopped and the handlers given back."""
    before = signal.getsignal(number)
    stack = LocalStack(plan)
    with pytest.raises(KeyboardInterrupt), stack:
        os.kill(os.getpid(), number)
    assert not stack.service.child.alive()
    assert not plan.private.exists()
    assert signal.getsignal(number) is before


def test_an_impatient_second_interrupt_waits() -> None:
    """While things are taken down, an interrupt does not stop that."""
    finished = False
    with interruptible(), uninterrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        finished = True
    assert finished


def test_an_error_inside_passes_through(plan: StackPlan) -> None:
    """The caller's own error is the one that comes out, and the stack is down."""
    stack = LocalStack(plan)
    with pytest.raises(ZeroDivisionError), stack:
        _ = 1 / 0
    assert not stack.service.child.alive()


def test_a_stubborn_service_is_ended_too(plan: StackPlan) -> None:
    """A service that ignores SIGTERM is gone after the block nevertheless."""
    stack = LocalStack(in_mode(plan, "stubborn"))
    with stack:
        assert stack.service.child.stop(grace_seconds=0.1) == -signal.SIGKILL
    assert not listening(stack.service.url)


def test_a_killed_service_comes_back_on_its_port(plan: StackPlan) -> None:
    """After a drill killed it, the service starts again at the same address with the same secret."""
    with LocalStack(plan) as stack:
        first = stack.service
        first.child.send(signal.SIGKILL)
        second = stack.restart_service()
        assert (second.url, second.database, dict(second.environment)) == (
            first.url,
            first.database,
            dict(first.environment),
        )
        assert second.pid != first.pid
        assert probe(f"{second.url}/health/ready") == 200
    assert not listening(second.url)


def test_monitors_that_the_machine_lacks_are_none(plan: StackPlan) -> None:
    """Without the programs the service still comes up, and the monitors are None rather than an error."""
    wish = MonitoringPlan(alertmanager_config=lambda _: "")
    with LocalStack(replace(plan, monitoring=wish, tools=ToolPaths())) as stack:
        assert (stack.prometheus, stack.alertmanager) == (None, None)
        assert probe(f"{stack.service.url}/health/ready") == 200


def test_the_service_of_a_stack_that_is_down_is_an_error(plan: StackPlan) -> None:
    """Asking for the service before entering is a TargetError, not a None that travels."""
    with pytest.raises(TargetError, match="not up"):
        _ = LocalStack(plan).service


def test_credentials_never_show_their_password() -> None:
    """A password is in no repr, hence in no traceback and no log."""
    account = make_credentials(("judge",), lambda: "pass-word-1")["judge"]
    assert account == Credentials("run-judge", "pass-word-1")
    assert "pass-word-1" not in repr(account)


def test_accounts_are_written_as_the_service_reads_them() -> None:
    """One JSON line per account with username, role and password, whatever the password holds."""
    lines = accounts_text(make_credentials(("judge", "public"), lambda: 'a"\n ü')).splitlines()
    assert [json.loads(line)["role"] for line in lines] == ["judge", "public"]
    assert json.loads(lines[0])["password"] == 'a"\n ü'


def test_a_private_file_is_never_written_into_anothers(tmp_path: Path) -> None:
    """A file that exists already, a planted link included, is refused."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "link", "secret")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("seconds", "text"), [(1, "1s"), (0.5, "500ms"), (15, "15s"), (1.5, "1500ms")])
def test_durations_are_written_as_prometheus_reads_them(seconds: float, text: str) -> None:
    """Whole seconds stay seconds, parts become milliseconds."""
    assert duration(seconds) == text


def test_the_configuration_scrapes_exactly_the_service(tmp_path: Path) -> None:
    """The generated file holds the interval, one target under our job name, absolute rule paths and the alertmanager."""
    plan = PrometheusPlan(
        binary=tmp_path,
        folder=tmp_path,
        log=tmp_path,
        target="127.0.0.1:1",
        scrape_interval_seconds=1,
        rule_files=(Path("alerts/rules.yaml"),),
        alertmanager="127.0.0.1:2",
    )
    config = yaml.safe_load(prometheus_config(plan))
    assert config["global"] == {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "5s"}
    assert config["scrape_configs"] == [{"job_name": JOB, "static_configs": [{"targets": ["127.0.0.1:1"]}]}]
    assert config["rule_files"] == [str(Path("alerts/rules.yaml").resolve())]
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["127.0.0.1:2"]}]}]
    assert "alerting" not in yaml.safe_load(prometheus_config(replace(plan, alertmanager=None)))


def post(url: str, body: bytes) -> int:
    """The status that a POST gets, refusals included."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data=body), timeout=60) as answer:  # noqa: S310 - a loopback address
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


def notice(alertname: str, status: str) -> bytes:
    """A delivery as Alertmanager sends it, with one alert."""
    return json.dumps({"version": "4", "alerts": [{"status": status, "labels": {"alertname": alertname}}]}).encode()


def test_the_receiver_keeps_what_arrives_with_both_times() -> None:
    """Each delivery is kept in order with its monotonic and its UTC time, and can be waited for by alert and state."""
    ticks = iter((1.5, 2.5))
    with WebhookReceiver(monotonic=lambda: next(ticks)) as receiver:
        assert post(receiver.url, notice("Page", "firing")) == 200
        assert post(receiver.url, notice("Page", "resolved")) == 200
        resolved = receiver.wait_for(lambda one: one.has("Page", "resolved"), timeout_seconds=180)
    assert resolved is not None
    assert [one.monotonic for one in receiver.notifications()] == [1.5, 2.5]
    assert resolved.monotonic == 2.5
    assert resolved.at.utcoffset() is not None
    assert not resolved.has("Page", "firing")


def test_waiting_for_what_never_comes_gives_none() -> None:
    """A notification that does not arrive is None after the deadline, never an older one."""
    with WebhookReceiver() as receiver:
        assert post(receiver.url, notice("Other", "firing")) == 200
        assert receiver.wait_for(lambda one: one.has("Page", "firing"), timeout_seconds=0.05) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_the_receiver_refuses_what_is_no_notification(body: bytes) -> None:
    """A body that is no JSON object is answered 400 and not kept."""
    with WebhookReceiver() as receiver:
        assert post(receiver.url, body) == 400
        assert receiver.notifications() == ()


ALERTMANAGER = "route: {{receiver: hook, group_wait: 0s, group_interval: 1s}}\nreceivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n"
RULES = "groups: [{name: g, interval: 1s, rules: [{alert: ServiceSeen, expr: 'up == 1'}]}]\n"


def listeners_of(pids: set[int]) -> set[str]:
    """The addresses that these processes listen on (Linux), in the hexadecimal of /proc/net."""
    inodes = {
        match.group(1)
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if (match := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink() if link.is_symlink() else "")))
    }
    rows = [
        row.split()
        for name in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{name}").read_text(encoding="utf-8").splitlines()
    ]
    return {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


@pytest.mark.integration
def test_the_whole_stack_delivers_an_alert_on_loopback(plan: StackPlan, tmp_path: Path) -> None:
    """Prometheus scrapes the service, its alert reaches our receiver through Alertmanager, all of it on loopback only."""
    tools = find_tools(ROOT)
    assert tools.missing() == (), "make setup fetches the monitoring tools"
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES, encoding="utf-8")
    wish = MonitoringPlan(1, 1, rule_files=(rules,), alertmanager_config=ALERTMANAGER.format)
    with LocalStack(replace(plan, tools=tools, monitoring=wish)) as stack:
        arrived = stack.receiver.wait_for(lambda one: one.has("ServiceSeen", "firing"), timeout_seconds=180)
        assert arrived is not None
        assert stack.prometheus is not None
        assert stack.alertmanager is not None
        urls = (stack.service.url, stack.prometheus.url, stack.alertmanager.url)
        if sys.platform == "linux":
            pids = {stack.service.pid, stack.prometheus.child.pid, stack.alertmanager.child.pid}
            assert listeners_of(pids) == {"0100007F"}
    assert not any(listening(url) for url in urls)
    assert not plan.private.exists()


@pytest.mark.integration
def test_a_missing_rule_file_is_named_and_the_service_ended(plan: StackPlan, tmp_path: Path) -> None:
    """A rule file that is not there is a StackError that says how to make it, and the service does not stay."""
    wish = MonitoringPlan(rule_files=(tmp_path / "absent.yaml",))
    stack = LocalStack(replace(plan, tools=find_tools(ROOT), monitoring=wish))
    with pytest.raises(StackError, match=r"absent\.yaml does not exist: run make generate"), stack:
        pass
    assert not stack.service.child.alive()


def labels(credentials: Mapping[str, Credentials]) -> set[str]:
    """The usernames of a stack."""
    return {account.username for account in credentials.values()}


def test_each_stack_has_passwords_of_its_own(plan: StackPlan) -> None:
    """Two stacks share no password, and no two roles of one do."""
    first, second = LocalStack(plan).credentials(), LocalStack(plan).credentials()
    passwords = [account.password for stack in (first, second) for account in stack.values()]
    assert len(set(passwords)) == len(passwords)
    assert labels(first) == labels(second)
