"""Alertmanager's configuration: routes, rhythms, what silences what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from alerts.alertmanager import alertmanager_config, with_plain_addresses
from alerts.model import RuleFile
from slo.spec import Spec

COMMITTED = Path(__file__).resolve().parents[2] / "alerts" / "generated" / "alertmanager.yaml"


def config(spec: Spec, **options: Any) -> dict[str, Any]:
    """The committed configuration; with options that of a drill."""
    read: dict[str, Any] = yaml.safe_load(alertmanager_config(spec, **options) if options else COMMITTED.read_bytes())
    return read


def test_every_severity_of_the_rules_has_a_route(spec: Spec, rules: RuleFile) -> None:
    """Pages, tickets and the watchdog each reach a receiver of their own."""
    routes = config(spec)["route"]["routes"]
    receivers = {matcher: route["receiver"] for route in routes for matcher in route["matchers"]}
    assert receivers == {'alertname="Watchdog"': "heartbeat", 'severity="page"': "page", 'severity="ticket"': "ticket"}
    severities = {dict(rule.labels)["severity"] for rule in rules.alerts() if rule.alert != "Watchdog"}
    assert severities == {"page", "ticket"}


def test_an_alert_without_known_severity_is_told_like_a_page(spec: Spec) -> None:
    """The root route leads to the page receiver, so that no alert falls between the routes."""
    assert config(spec)["route"]["receiver"] == "page"


def test_pages_go_out_before_tickets(spec: Spec) -> None:
    """A page waits ten seconds and is repeated hourly; a ticket waits five minutes and is repeated daily."""
    rhythms = {route["receiver"]: route for route in config(spec)["route"]["routes"]}
    assert rhythms["page"]["group_wait"] == "10s"
    assert rhythms["page"]["repeat_interval"] == "1h"
    assert rhythms["ticket"]["group_wait"] == "5m"
    assert rhythms["ticket"]["repeat_interval"] == "1d"


def test_every_route_keeps_its_rhythm(spec: Spec) -> None:
    """First wait, wait between changes, repetition: of the root as of a page, so that an unknown alert is as quick as one."""
    root = config(spec)["route"]
    rhythms = {
        name: (entry["group_wait"], entry["group_interval"], entry["repeat_interval"])
        for name, entry in [("root", root), *((route["receiver"], route) for route in root["routes"])]
    }
    assert rhythms == {
        "root": ("10s", "1m", "1h"),
        "page": ("10s", "1m", "1h"),
        "ticket": ("5m", "30m", "1d"),
        "heartbeat": ("1s", "1m", "5m"),
    }


def test_alerts_are_grouped_by_slo_and_severity(spec: Spec) -> None:
    """Both pairs of windows of an SLO make one notification."""
    assert config(spec)["route"]["group_by"] == ["sloth_id", "severity", "alertname"]


def test_a_page_silences_the_ticket_of_its_slo_and_an_outage_everything(spec: Spec, rules: RuleFile) -> None:
    """Nobody is told of a slow burn while the fast one pages, nor of any SLO while the service is down."""
    page, outage = config(spec)["inhibit_rules"]
    assert page["source_matchers"] == ['severity="page"']
    assert page["target_matchers"] == ['severity="ticket"']
    assert page["equal"] == ["sloth_id", "sloth_service"]
    assert outage["source_matchers"] == ['alertname=~"ServiceDown|ServiceUnwatched"']
    assert outage["target_matchers"] == ['sloth_slo=~".+"']
    assert outage["equal"] == ["sloth_service"]
    assert {"ServiceDown", "ServiceUnwatched"} <= {rule.alert for rule in rules.alerts()}


def test_production_reads_addresses_from_secrets(spec: Spec) -> None:
    """No address of a receiver stands in the committed file."""
    hooks = [hook for receiver in config(spec)["receivers"] for hook in receiver["webhook_configs"]]
    assert [set(hook) for hook in hooks] == [{"url_file", "send_resolved"}] * 3
    assert all(hook["send_resolved"] for hook in hooks)


def test_a_drill_gets_its_own_webhook_and_pace(spec: Spec) -> None:
    """One base address takes everything by receiver, and durations are divided but stay at least a second."""
    drill = config(spec, webhook_url="http://127.0.0.1:9/hook/", scale=60)
    urls = [receiver["webhook_configs"][0]["url"] for receiver in drill["receivers"]]
    assert urls == [
        "http://127.0.0.1:9/hook/page",
        "http://127.0.0.1:9/hook/ticket",
        "http://127.0.0.1:9/hook/heartbeat",
    ]
    page = drill["route"]["routes"][1]
    assert (page["group_wait"], page["group_interval"], page["repeat_interval"]) == ("1s", "1s", "1m")


def test_a_drill_changes_durations_and_addresses_only(spec: Spec) -> None:
    """Routes, grouping and inhibitions of a drill are those of production."""
    real, drill = config(spec), config(spec, webhook_url="http://127.0.0.1:9", scale=60)
    assert real["inhibit_rules"] == drill["inhibit_rules"]
    timed = {"group_wait", "group_interval", "repeat_interval"}
    for ours, theirs in zip(real["route"]["routes"], drill["route"]["routes"], strict=True):
        assert {key: ours[key] for key in ours if key not in timed} == {
            key: theirs[key] for key in theirs if key not in timed
        }


def test_plain_addresses_change_nothing_but_the_secrets(spec: Spec) -> None:
    """For an old amtool only the three secret files become addresses."""
    real = alertmanager_config(spec)
    plain = with_plain_addresses(real)
    assert b"url_file" not in plain
    changed = [pair for pair in zip(real.splitlines(), plain.splitlines(), strict=True) if pair[0] != pair[1]]
    assert len(changed) == 3
