"""Alertmanager itself on what is generated: where each alert goes, what is held back, and what people read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from alerts.alertmanager import alertmanager_config, with_plain_addresses
from alerts.catalogue import catalogue_rules, load_catalogue
from alerts.model import AlertRule, RuleFile
from alerts.receivers import parse_receivers
from slo.spec import Spec
from tests.alerts.receiving import ROOT, TEMPLATES, alert, alertmanager, inbox

pytestmark = pytest.mark.integration


def every_alert(spec: Spec, rules: RuleFile) -> list[AlertRule]:
    hand_set = [rule for one in catalogue_rules(load_catalogue(), spec).values() for rule in one.alerts()]
    return [*rules.alerts(), *hand_set]


def test_every_alert_reaches_the_receiver_of_its_severity(
    amtool: Path, spec: Spec, rules: RuleFile, tmp_path: Path
) -> None:
    """Amtool routes the labels of each alert of the spec and of the catalogue: page, ticket or heartbeat."""
    path = tmp_path / "alertmanager.yaml"
    path.write_bytes(with_plain_addresses((ROOT / "alerts" / "generated" / "alertmanager.yaml").read_bytes()))
    seen = set()
    for rule in every_alert(spec, rules):
        labels = {**dict(rule.labels), "alertname": rule.alert}
        kind = (rule.alert, labels["severity"], labels["owner"])
        if kind in seen:  # pairs of windows and members of a family differ in nothing that routes look at
            continue
        seen.add(kind)
        words = [f"{name}={value}" for name, value in labels.items() if "{{" not in value]
        command = [str(amtool), "config", "routes", "test", f"--config.file={path}", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        expected = "heartbeat" if rule.alert == "Watchdog" else labels["severity"]
        assert done.stdout.strip() == expected, (rule.alert, done.stderr)
    assert {severity for _, severity, _ in seen} == {"page", "ticket", "none"}
    assert {name for name, _, _ in seen} == {rule.alert for rule in every_alert(spec, rules)}


def test_what_explains_an_alert_holds_it_back_and_the_rest_is_grouped(spec: Spec, tmp_path: Path) -> None:
    """With the database down, failing and late answers are not told, two instances make one notification, and disks go on speaking."""
    with inbox() as box, alertmanager(alertmanager_config(spec, webhook_url=box.url, scale=60), tmp_path) as url:
        posted = [
            alert("DatabaseDown", severity="page", area="dependencies", instance="a"),
            alert("DatabaseDown", severity="page", area="dependencies", instance="b"),
            alert("ErrorRatioHigh", severity="page", area="service"),
            alert("DatabaseSlow", severity="ticket", area="dependencies"),
            alert("DiskSpaceHigh", severity="ticket", area="infrastructure"),
        ]
        assert httpx.post(f"{url}/api/v2/alerts", json=posted, timeout=60).status_code == 200
        tickets = box.wait("/ticket")
        pages = box.wait("/page")
        states = {
            one["labels"]["alertname"]: one["status"]["state"]
            for one in httpx.get(f"{url}/api/v2/alerts", timeout=60).json()
        }
    assert {one["labels"]["alertname"] for page in pages for one in page["alerts"]} == {"DatabaseDown"}
    assert {one["labels"]["instance"] for one in pages[0]["alerts"]} == {"a", "b"}
    assert {one["labels"]["alertname"] for ticket in tickets for one in ticket["alerts"]} == {"DiskSpaceHigh"}
    assert states["ErrorRatioHigh"] == states["DatabaseSlow"] == "suppressed"
    assert states["DiskSpaceHigh"] == "active"


def test_slack_gets_what_how_bad_since_when_runbook_and_board_and_no_marks_of_a_stranger(
    spec: Spec, tmp_path: Path
) -> None:
    """The rendered message names everything, and `<!channel>` in a label is text, not a call."""
    settings = (
        "receivers: courtsight/receivers/v1\nsecrets: /run/secrets\n"
        'page: [{slack: {channel: "#pages", api_url_file: u}}]\nticket: [{webhook: {url_file: u}}]\nheartbeat: [{webhook: {url_file: u}}]\n'
    )
    with inbox() as box:
        config = yaml.safe_load(alertmanager_config(spec, receivers=parse_receivers(settings.encode(), "r"), scale=60))
        config["receivers"][0]["slack_configs"][0].pop("api_url_file")
        config["receivers"][0]["slack_configs"][0]["api_url"] = f"{box.url}/slack"
        plain = with_plain_addresses(yaml.safe_dump(config).encode())
        with alertmanager(plain, tmp_path) as url:
            posted = [alert("RetrievalEmpty", severity="page", area="service")]
            assert httpx.post(f"{url}/api/v2/alerts", json=posted, timeout=60).status_code == 200
            message = box.wait("/slack")[0]["attachments"][0]
    assert message["title"].startswith("[PAGE] RetrievalEmpty")
    assert message["color"] == "danger"
    text = message["text"]
    for wanted in (
        "*RetrievalEmpty* since 20",
        "What happened",
        "docs/runbooks/RetrievalEmpty.md",
        "/d/courtsight-overview",
    ):
        assert wanted in text
    assert "<!channel>" not in text + message["title"]
    assert "&lt;!channel&gt; &amp; " in text


def rendered(
    amtool: Path,
    folder: Path,
    template: str,
    kind: str,
    status: str = "firing",
    base: str = "",
    strange: dict[str, str] | None = None,
) -> str:
    """A template of ours on one alert whose annotations hold marks of a stranger, as amtool renders it; or on labels and nothing else."""
    one = {**alert("RetrievalEmpty", base=base, severity="page"), "status": status}
    if strange is not None:
        one |= {"labels": strange, "annotations": {}}
    one |= {
        "startsAt": "2026-11-21T01:02:00Z",
        "endsAt": "2026-11-21T02:03:00Z",
        "generatorURL": "",
        "fingerprint": "f",
    }
    data = {
        "receiver": "page",
        "status": status,
        "alerts": [one],
        "groupLabels": {},
        "commonLabels": one["labels"],
        "commonAnnotations": one["annotations"],
        "externalURL": "http://127.0.0.1:9093",
    }
    (folder / "alerts.json").write_text(json.dumps(data), encoding="utf-8")
    command = [
        str(amtool),
        "template",
        "render",
        f"--template.glob={TEMPLATES}/*.tmpl",
        f'--template.text={{{{ template "{template}" . }}}}',
        f"--template.type={kind}",
        f"--template.data={folder / 'alerts.json'}",
    ]
    prefix = amtool.parents[2]  # Debian's program from the project's cache looks for its own templates from there
    home = prefix if (prefix / "usr").is_dir() else folder
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mail_says_everything_and_runs_no_markup_of_a_label(amtool: Path, tmp_path: Path) -> None:
    """The HTML has severity, time, owner, runbook and board, and a stranger's tags are text; the plain mail has the same."""
    html = rendered(amtool, tmp_path, "courtsight.email.html", "html")
    text = rendered(amtool, tmp_path, "courtsight.text", "text")
    for body in (html, text):
        for wanted in (
            "RetrievalEmpty",
            "page",
            "2026-11-21 01:02 UTC",
            "courtsight-operations",
            "docs/runbooks/RetrievalEmpty.md",
            "/d/courtsight-overview",
        ):
            assert wanted in body
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_a_resolution_says_so_and_how_long_it_lasted(amtool: Path, tmp_path: Path) -> None:
    """Title and time of an alert that is over."""
    text = rendered(amtool, tmp_path, "courtsight.text", "text", "resolved")
    assert text.strip().startswith("[RESOLVED]")
    assert "2026-11-21 01:02 UTC to 2026-11-21 02:03 UTC" in text


def test_pagerduty_hears_a_page_as_critical(amtool: Path, tmp_path: Path) -> None:
    """A page is critical for PagerDuty."""
    assert rendered(amtool, tmp_path, "courtsight.pagerduty.severity", "text").strip() == "critical"


def test_an_alert_of_somebody_elses_rules_is_told_like_a_page(amtool: Path, tmp_path: Path) -> None:
    """Without severity and summary it says that it fires and what it is called, as loud as a page; its labels call no channel in Slack."""
    nothing = {"alertname": "DiskFull"}
    assert rendered(amtool, tmp_path, "courtsight.title", "text", strange=nothing).strip() == "[FIRING] DiskFull"
    assert rendered(amtool, tmp_path, "courtsight.slack.title", "text", strange=nothing).strip() == "[FIRING] DiskFull"
    assert rendered(amtool, tmp_path, "courtsight.slack.color", "text", strange=nothing).strip() == "danger"
    assert "#b71c1c" in rendered(amtool, tmp_path, "courtsight.email.html", "html", strange=nothing)
    strange = {"alertname": "A & <!channel>", "severity": "<!here>"}
    title = rendered(amtool, tmp_path, "courtsight.slack.title", "text", strange=strange).strip()
    assert title == "[&lt;!HERE&gt;] A &amp; &lt;!channel&gt;"


def test_addresses_are_links_and_paths_are_not(amtool: Path, tmp_path: Path) -> None:
    """With whole addresses mail has links and the title leads to the runbook; a path is text, and the title leads to Alertmanager."""
    base = "https://git.example.com/shop"
    html = rendered(amtool, tmp_path, "courtsight.email.html", "html", base=base)
    assert f'<a href="{base}/docs/runbooks/RetrievalEmpty.md">' in html
    assert f'<a href="{base}/d/courtsight-overview">' in html
    link = rendered(amtool, tmp_path, "courtsight.link", "text", base=base).strip()
    assert link == f"{base}/docs/runbooks/RetrievalEmpty.md"
    paths = rendered(amtool, tmp_path, "courtsight.email.html", "html")
    assert paths.count("<a href=") == 1
    assert rendered(amtool, tmp_path, "courtsight.link", "text").strip() == "http://127.0.0.1:9093"


def test_a_runbook_never_becomes_a_script(amtool: Path, tmp_path: Path) -> None:
    """An annotation that somebody else's rule brings along and that is no address of a page is no link."""
    html = rendered(amtool, tmp_path, "courtsight.email.html", "html", base="javascript:alert(1)//")
    assert 'href="javascript' not in html
    assert html.count("<a href=") == 1
