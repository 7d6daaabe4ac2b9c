"""What a real Alertmanager sends by each kind of channel, with secrets out of files, and what it holds back outside of working hours."""

from __future__ import annotations

import base64
import re
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from alerts.alertmanager import alertmanager_config
from alerts.receivers import WEEKDAYS, parse_receivers
from harness.tools import find_tools
from slo.spec import Spec
from tests.alerts.receiving import ROOT, Inbox, alert, alertmanager, inbox

pytestmark = pytest.mark.integration

SOON = 3000
"""Scale at which tickets wait a tenth of a second."""
BASE = "https://git.example.com/shop"


class Mailbox:
    """A mail server on loopback that speaks the few commands that a sender needs, and keeps what it hears."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[str] = []
        self.rejects = 0
        box = self

        class Session(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 stand-in")
                while line := self.rfile.readline():
                    word, _, rest = line.decode().strip().partition(" ")
                    if word == "EHLO":
                        self.say("250-stand-in")
                        self.say("250 AUTH PLAIN")
                    elif word == "AUTH":
                        box.logins.append(base64.b64decode(rest.split()[-1]).decode())
                        self.say("235 welcome")
                    elif word == "MAIL" and box.rejects:
                        box.rejects -= 1
                        self.say("451 try later")
                    elif word == "DATA":
                        self.say("354 go on")
                        box.mails.append(self.mail())
                        self.say("250 kept")
                    elif word == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 fine")

            def mail(self) -> EmailMessage:
                lines = list(iter(self.rfile.readline, b".\r\n"))
                return message_from_bytes(b"".join(lines), policy=policy.default)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self.server.daemon_threads = True

    def wait(self, seconds: float = 180.0) -> EmailMessage:
        """The first mail, once it has come."""
        ends = time.monotonic() + seconds
        while not self.mails and time.monotonic() < ends:
            time.sleep(0.05)
        assert self.mails, "no mail came"
        return self.mails[0]


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    thread = threading.Thread(target=box.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield box
    finally:
        box.server.shutdown()
        box.server.server_close()
        thread.join()


def settings(folder: Path, box: Inbox, smarthost: str = "127.0.0.1:9", hours: str = "") -> bytes:
    """Every kind of channel, their secrets as files in a folder."""
    secrets = {
        "slack_url": f"{box.url}/slack/s3cret",
        "routing_key": "k" * 32,
        "smtp_password": "hunter2",
        "hook": f"{box.url}/hook/s3cret",
    }
    for name, content in secrets.items():
        # Alertmanager 0.25 takes the end of the line for a part of a password, and of nothing else.
        (folder / name).write_text(content if name == "smtp_password" else f"{content}\n", encoding="utf-8")
    return f"""
receivers: courtsight/receivers/v1
secrets: {folder}
page:
  - pagerduty: {{routing_key_file: routing_key, url: "{box.url}/pagerduty"}}
  - slack: {{channel: "#pages", api_url_file: slack_url}}
ticket:
  - email:
      to: team@example.test
      from: alerts@example.test
      smarthost: "{smarthost}"
      username: alerts
      password_file: smtp_password
      require_tls: false
heartbeat:
  - webhook: {{url_file: hook}}
{hours}""".encode()


def configured(spec: Spec, raw: bytes) -> bytes:
    """The configuration as it is generated; an Alertmanager before 0.26 gets what it cannot read from files by value."""
    config = alertmanager_config(spec, receivers=parse_receivers(raw, "r.yaml"), scale=SOON)
    binary = find_tools(ROOT).alertmanager
    assert binary is not None, "alertmanager is missing: run make setup"
    said = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=180, check=True)
    version = re.search(r"version (\d+)\.(\d+)", said.stdout + said.stderr)
    if version is None or (int(version[1]), int(version[2])) >= (
        0,
        26,
    ):  # one that was built without a version is a new one
        return config
    read: dict[str, Any] = yaml.safe_load(config)
    for receiver in read["receivers"]:
        for one in receiver.get("pagerduty_configs", []):
            one["routing_key"] = Path(one.pop("routing_key_file")).read_text(encoding="utf-8").strip()
        for one in receiver.get("webhook_configs", []):
            one["url"] = Path(one.pop("url_file")).read_text(encoding="utf-8").strip()
    return yaml.safe_dump(read).encode()


def post(url: str, *alerts: dict[str, Any]) -> None:
    assert httpx.post(f"{url}/api/v2/alerts", json=list(alerts), timeout=60).status_code == 200


def test_a_page_goes_to_pagerduty_and_slack_with_its_links(spec: Spec, tmp_path: Path) -> None:
    """PagerDuty hears critical, title, text and its key; Slack's address comes from its file, also after the file was written anew."""
    with inbox() as box:
        config = configured(spec, settings(tmp_path, box))
        with alertmanager(config, tmp_path) as url:
            post(url, alert("ErrorRatioHigh", base=BASE, severity="page", area="service"))
            event = box.wait("/pagerduty")[0]
            message = box.wait("/slack/s3cret")[0]["attachments"][0]
            (tmp_path / "slack_url").write_text(f"{box.url}/slack/n3w", encoding="utf-8")
            post(url, alert("IndexDown", severity="page", area="dependencies"))
            later = box.wait("/slack/n3w")[0]["attachments"][0]
    assert (event["routing_key"], event["event_action"]) == ("k" * 32, "trigger")
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["summary"].startswith("[PAGE] ErrorRatioHigh")
    text = event["payload"]["custom_details"]["text"]
    assert f"runbook: {BASE}/docs/runbooks/ErrorRatioHigh.md" in text
    assert f"board:   {BASE}/d/courtsight-overview" in text
    assert message["title_link"] == f"{BASE}/docs/runbooks/ErrorRatioHigh.md"
    assert later["title_link"].startswith("http://")
    assert "IndexDown" in later["text"]


def test_a_ticket_goes_by_mail_and_again_when_the_server_was_busy(spec: Spec, tmp_path: Path) -> None:
    """Login with the password of the file, subject, and both forms of the text; a server that refuses once gets it once more."""
    with inbox() as box, mailbox() as post_office:
        post_office.rejects = 1
        host, port = post_office.server.server_address[:2]
        config = configured(spec, settings(tmp_path, box, f"{host!s}:{port}"))
        with alertmanager(config, tmp_path) as url:
            post(url, alert("DiskSpaceHigh", base=BASE, severity="ticket", area="infrastructure"))
            mail = post_office.wait()
    assert set(post_office.logins) == {"\0alerts\0hunter2"}
    assert (mail["To"], mail["From"]) == ("team@example.test", "alerts@example.test")
    assert mail["Subject"].startswith("[TICKET] DiskSpaceHigh")
    html, plain = (mail.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert plain is not None
    assert f'<a href="{BASE}/docs/runbooks/DiskSpaceHigh.md">' in html.get_content()
    assert f"runbook: {BASE}/docs/runbooks/DiskSpaceHigh.md" in plain.get_content()
    assert "&lt;b&gt;" in html.get_content()


def hours_of(days: tuple[str, str], holidays: tuple[str, ...] = ()) -> str:
    listed = ", ".join(f'"{day}"' for day in holidays)
    return f'hours: {{location: UTC, weekdays: [{days[0]}, {days[1]}], from: "00:00", to: "24:00", holidays: [{listed}]}}\n'


def around_now(now: datetime) -> dict[str, str]:
    """Hours that are now, on other days, and now but on a holiday; each holds past a midnight."""
    today = now.isoweekday() % 7
    others = WEEKDAYS[(today + 3) % 7], WEEKDAYS[(today + 4) % 7]
    days = tuple((now + timedelta(days=ahead)).strftime("%m-%d") for ahead in (0, 1))
    whole = ("sunday", "saturday")
    return {"now": hours_of(whole), "other days": hours_of(others), "a holiday": hours_of(whole, days)}


@pytest.mark.parametrize("when", ["other days", "a holiday"])
def test_a_ticket_waits_for_working_hours_and_is_told_then(spec: Spec, tmp_path: Path, when: str) -> None:
    """Outside of them a page is told and a ticket is not; once the hours are those of now, the same ticket is."""
    hours = around_now(datetime.now(UTC))
    with inbox() as box, mailbox() as post_office:
        smarthost = f"127.0.0.1:{post_office.server.server_address[1]}"
        muted, told = (
            configured(spec, settings(tmp_path, box, smarthost, hours=hours[which])) for which in (when, "now")
        )
        with alertmanager(muted, tmp_path) as url:
            post(url, alert("DiskSpaceHigh", severity="ticket", area="infrastructure"))
            time.sleep(0.5)  # five times as long as a ticket waits for others
            post(url, alert("ErrorRatioHigh", severity="page", area="service"))
            box.wait("/pagerduty")
            time.sleep(0.5)
            assert post_office.mails == []
            (tmp_path / "alertmanager.yml").write_bytes(told)
            assert httpx.post(f"{url}/-/reload", timeout=60).status_code == 200
            mail = post_office.wait()
    assert "DiskSpaceHigh" in mail["Subject"]
