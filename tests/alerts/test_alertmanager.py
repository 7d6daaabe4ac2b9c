"""Alertmanager's configuration: routes, rhythms, what silences what."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from alerts.alertmanager import alertmanager_config, with_plain_addresses
from alerts.catalogue import load_catalogue
from alerts.catalogue.model import DEPLOYMENTS
from alerts.inhibition import inhibitions
from alerts.model import RuleFile
from alerts.rules import rule_file
from slo.quantities import parse_duration
from slo.spec import Spec

COMMITTED = Path(__file__).resolve().parents[2] / "alerts" / "generated" / "alertmanager.yaml"


def config(spec: Spec, **options: Any) -> dict[str, Any]:
    """The committed configuration; with options that of a drill."""
    read: dict[str, Any] = yaml.load(
        alertmanager_config(spec, **options) if options else COMMITTED.read_bytes(), yaml.CSafeLoader
    )
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
    """A page waits ten seconds and is repeated hourly; a ticket waits five minutes and is repeated twice a day."""
    rhythms = {route["receiver"]: route for route in config(spec)["route"]["routes"]}
    assert rhythms["page"]["group_wait"] == "10s"
    assert rhythms["page"]["repeat_interval"] == "1h"
    assert rhythms["ticket"]["group_wait"] == "5m"
    assert rhythms["ticket"]["repeat_interval"] == "12h"


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
        "ticket": ("5m", "30m", "12h"),
        "heartbeat": ("1s", "1m", "5m"),
    }


def test_alerts_are_grouped_by_slo_and_severity(spec: Spec) -> None:
    """Both pairs of windows of an SLO make one notification."""
    assert config(spec)["route"]["group_by"] == ["sloth_id", "severity", "alertname"]


def test_a_page_silences_the_ticket_of_its_slo_and_an_outage_everything(spec: Spec, rules: RuleFile) -> None:
    """Nobody is told of a slow burn while the fast one pages, nor of any SLO while the service is down."""
    page, *outages = config(spec)["inhibit_rules"][:4]
    assert page["source_matchers"] == ['severity="page"', 'sloth_id=~".+"']
    assert page["target_matchers"] == ['severity="ticket"', 'sloth_id=~".+"']
    assert page["equal"] == ["sloth_id", "sloth_service"]
    assert {rule["source_matchers"][0] for rule in outages} == {'alertname=~"ServiceDown|ServiceUnwatched"'}
    assert [rule["target_matchers"] for rule in outages] == [
        ['sloth_slo=~".+"'],
        ['area=~"service|business|dependencies"'],
        ['alertname="InstanceDown"'],
    ]
    assert {"ServiceDown", "ServiceUnwatched"} <= {rule.alert for rule in rules.alerts()}


def test_a_ticket_is_told_again_in_the_morning(spec: Spec) -> None:
    """What was told before closing time and fires again after a silence over night is not taken for told: a night is longer than the repetition."""
    read = config(spec)
    (working,) = next(one["time_intervals"] for one in read["time_intervals"] if one["name"] == "working-hours")
    (times,) = working["times"]
    night = 24 - (int(times["end_time"][:2]) - int(times["start_time"][:2]))
    ticket = next(route for route in read["route"]["routes"] if route["receiver"] == "ticket")
    assert parse_duration(ticket["repeat_interval"]) + parse_duration(ticket["group_interval"]) <= night * 3600


def test_a_page_of_one_group_leaves_the_tickets_of_others(spec: Spec) -> None:
    """A burn in one region explains the slow burn of that region only; nor does it explain late answers elsewhere."""
    slos = tuple(replace(slo, group_by=("region",)) if slo.id == "availability" else slo for slo in spec.slos)
    page, *others = inhibitions(replace(spec, slos=slos), load_catalogue())
    assert page["equal"] == ["sloth_id", "sloth_service", "region"]
    (failing,) = [rule for rule in others if "AvailabilityBudgetBurnPage" in rule["source_matchers"][0]]
    assert failing["equal"] == ["sloth_service", "region"]
    (hand_set,) = [
        rule
        for rule in others
        if rule["source_matchers"] == ['alertname="ErrorRatioHigh"'] and "|" in rule["target_matchers"][0]
    ]
    assert "TtftBudgetBurnPage" in hand_set["target_matchers"][0]


def test_a_page_of_one_team_wakes_for_no_other(spec: Spec) -> None:
    """Failing answers of one owner do not silence the late ones of another, whose owner would sleep."""
    slos = tuple(replace(slo, owner="payments") if slo.name == "ttft" else slo for slo in spec.slos)
    told = " ".join(
        rule["target_matchers"][0]
        for rule in inhibitions(replace(spec, slos=slos), load_catalogue())
        if "AvailabilityBudgetBurnPage" in rule["source_matchers"][0]
    )
    assert "RetrievalBudgetBurnPage" in told
    assert "TtftBudgetBurnPage" not in told


def test_nothing_is_silenced_by_labels_that_both_lack(spec: Spec) -> None:
    """Alertmanager takes two missing labels as equal: `sloth_id` joins only where both sides must have one."""
    for rule in config(spec)["inhibit_rules"]:
        for label in set(rule["equal"]) - {"sloth_service"}:
            for side in ("source_matchers", "target_matchers"):
                assert f'{label}=~".+"' in rule[side], rule


def test_a_ticket_never_silences_a_page(spec: Spec) -> None:
    """Whatever explains a page is itself a page, in every deployment: alerts of the catalogue, and those of the spec."""
    catalogue = load_catalogue()
    made = {rule.alert: dict(rule.labels)["severity"] for rule in rule_file(spec).alerts()}
    assert {"page", "ticket"} <= set(made.values())
    for deployment in DEPLOYMENTS:
        here = replace(spec, deployment=deployment)
        loud = made | {entry.name: str(entry.severity) for entry in catalogue.of(deployment)}
        pages, tickets = ({name for name, found in loud.items() if found == one} for one in ("page", "ticket"))
        for rule in inhibitions(here, catalogue):
            sources, targets = (
                set(re.findall(r"\w+", " ".join(rule[side]))) for side in ("source_matchers", "target_matchers")
            )
            assert not (tickets & sources and pages & targets), rule


def test_infrastructure_goes_on_speaking_during_an_outage(spec: Spec) -> None:
    """A full disk or a node that is away may be why the service is down."""
    outages = [rule for rule in config(spec)["inhibit_rules"] if "ServiceDown" in rule["source_matchers"][0]]
    assert outages
    assert not any("infrastructure" in matcher for rule in outages for matcher in rule["target_matchers"])


def test_tickets_wait_for_working_hours_and_pages_never(spec: Spec) -> None:
    """Only the route of tickets has time intervals, in Jakarta's time, and holidays are left out."""
    read = config(spec)
    with_hours = [route["receiver"] for route in read["route"]["routes"] if "active_time_intervals" in route]
    assert with_hours == ["ticket"]
    intervals = {one["name"]: one["time_intervals"] for one in read["time_intervals"]}
    (working,) = intervals["working-hours"]
    assert working["location"] == "Asia/Jakarta"
    assert working["weekdays"] == ["monday:friday"]
    assert {"days_of_month": ["17"], "months": ["8"], "location": "Asia/Jakarta"} in intervals["holidays"]


def test_a_drill_tells_tickets_at_any_hour(spec: Spec) -> None:
    """A drill at night proves tickets too."""
    drill = config(spec, webhook_url="http://127.0.0.1:9")
    assert "time_intervals" not in drill
    assert not any("active_time_intervals" in route for route in drill["route"]["routes"])


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
    assert (page["group_wait"], page["group_interval"], page["repeat_interval"]) == ("167ms", "1s", "1m")


def test_a_drill_changes_durations_addresses_and_hours_only(spec: Spec) -> None:
    """Routes, grouping and inhibitions of a drill are those of production."""
    real, drill = config(spec), config(spec, webhook_url="http://127.0.0.1:9", scale=60)
    assert real["inhibit_rules"] == drill["inhibit_rules"]
    timed = {"group_wait", "group_interval", "repeat_interval", "active_time_intervals", "mute_time_intervals"}
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
