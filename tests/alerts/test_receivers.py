"""The settings of receivers: what is read, what is refused, and what Alertmanager gets."""

from __future__ import annotations

import pytest
import yaml

from alerts.alertmanager import alertmanager_config
from alerts.receivers import load_receivers, parse_receivers
from slo.errors import InvalidInput
from slo.spec import Spec

WHOLE = """
receivers: courtsight/receivers/v1
secrets: /run/secrets
page:
  - pagerduty: {routing_key_file: pagerduty_routing_key}
  - slack: {channel: "#pages", api_url_file: slack_url}
ticket:
  - email: {to: team@example.test, from: alerts@example.test, smarthost: "mail.example.test:587", username: alerts, password_file: smtp_password}
heartbeat:
  - webhook: {url_file: heartbeat_url}
teams:
  security:
    page:
      - slack: {channel: "#security", api_url_file: slack_url}
hours: {location: Asia/Jakarta, weekdays: [saturday, tuesday], from: "08:00", to: "17:00", holidays: ["12-25", "2027-03-10"]}
"""


def test_the_shipped_settings_are_webhooks_from_secrets() -> None:
    """Out of the box each receiver reads its address from a file, so that nothing of a company stands in the repository."""
    told = load_receivers()
    assert {name: list(configs) for name, configs in told.named} == {
        name: ["webhook_configs"] for name in ("page", "ticket", "heartbeat")
    }
    assert all(hook["url_file"].startswith("/run/secrets/") for _, c in told.named for hook in c["webhook_configs"])


def test_every_kind_of_channel_keeps_its_secret_in_a_file(spec: Spec) -> None:
    """Slack, e-mail, PagerDuty and webhooks name files; no field holds a key, a password or an address of a hook."""
    read = yaml.safe_load(alertmanager_config(spec, receivers=parse_receivers(WHOLE.encode(), "r.yaml")))
    receivers = {receiver["name"]: receiver for receiver in read["receivers"]}
    assert receivers["page"]["pagerduty_configs"][0]["routing_key_file"] == "/run/secrets/pagerduty_routing_key"
    assert receivers["page"]["slack_configs"][0]["api_url_file"] == "/run/secrets/slack_url"
    assert receivers["ticket"]["email_configs"][0]["auth_password_file"] == "/run/secrets/smtp_password"
    fields = {
        field
        for one in read["receivers"]
        for configs in one.values()
        if isinstance(configs, list)
        for c in configs
        for field in c
    }
    assert not fields & {"url", "api_url", "routing_key", "service_key", "auth_password"}


def test_a_teams_alerts_go_to_its_own_channel_before_the_general_one(spec: Spec) -> None:
    """The route of a team stands before that of its severity, and asks for owner and severity."""
    read = yaml.safe_load(alertmanager_config(spec, receivers=parse_receivers(WHOLE.encode(), "r.yaml")))
    routes = read["route"]["routes"]
    assert [route["receiver"] for route in routes] == ["heartbeat", "security-page", "page", "ticket"]
    assert routes[1]["matchers"] == ['owner="courtsight-security"', 'severity="page"']


def test_a_week_that_crosses_its_end_becomes_two_spans(spec: Spec) -> None:
    """Saturday to Tuesday is written as Alertmanager can read it, and a holiday of one year bears that year."""
    read = yaml.safe_load(alertmanager_config(spec, receivers=parse_receivers(WHOLE.encode(), "r.yaml")))
    intervals = {one["name"]: one["time_intervals"] for one in read["time_intervals"]}
    assert intervals["working-hours"][0]["weekdays"] == ["saturday:saturday", "sunday:tuesday"]
    once = {"days_of_month": ["10"], "months": ["3"], "years": ["2027"], "location": "Asia/Jakarta"}
    assert once in intervals["holidays"]


@pytest.mark.parametrize(
    ("found", "changed", "said"),
    [
        ("slack_url}\nticket", 'slack_url, api_url: "https://h"}\nticket', "unknown key 'api_url'"),
        ("routing_key_file: pagerduty_routing_key", "routing_key_file: ../key", "routing_key_file"),
        ("pagerduty: {", "pagerdty: {", "did you mean 'pagerduty'?"),
        ("password_file: smtp_password", "require_tls: true", "come together or not at all"),
        ('"12-25"', '"25-12"', "is no day"),
        ('from: "08:00", to: "17:00"', 'from: "17:00", to: "08:00"', "end after they begin"),
        ("page:\n  - pagerduty", "page:\n  - webhook: {url_file: a}\n    pagerduty", "exactly one of"),
        ("secrets: /run/secrets", "secrets: secrets", "secrets"),
        ("heartbeat:", "heartbeats:", "heartbeat"),
        ('"12-25"', '"20270310"', "is no day"),
        ('"12-25"', '"W10-3"', "is no day"),
        ('"2027-03-10"', '"2027-W10-3"', "is no day"),
        ('"2027-03-10"', '"2027-02-29"', "is no day"),
        ("Asia/Jakarta", "Asia/Jakrta", "did you mean 'Asia/Jakarta'?"),
        ("Asia/Jakarta", "Mars/Olympus-Mons", "is no time zone"),
        ("security:\n    page:", "security: {}\n  business:\n    page:", "for 'page', for 'ticket' or for both"),
        ("/run/secrets", "/run/my secrets", "write a folder from the root"),
        ("url_file: heartbeat_url", "url_file: ../heartbeat", "the name of a file in the folder 'secrets'"),
        ('"#security"', "security", "C024BE91L"),
        ('"#security"', '"#{{ x }}"', "C024BE91L"),
        ("to: team@example.test", 'to: "a@example.test, b@example.test"', "a channel for each"),
        ("mail.example.test:587", "mail.example.test", "mail.example.com:587"),
        ('"08:00"', '"8:00"', "in quotes"),
        ("Asia/Jakarta", "../Jakarta", "write Asia/Jakarta"),
        ("routing_key_file: pagerduty_routing_key", "routing_key_file: k, url: ftp://x", "write https://"),
        ("security:\n", "Security:\n", "without the service"),
    ],
)
def test_a_wrong_setting_names_its_place_and_mend(found: str, changed: str, said: str) -> None:
    """A typo, a secret in clear, an impossible day: each is an error with file and path."""
    assert found in WHOLE
    with pytest.raises(InvalidInput) as caught:
        parse_receivers(WHOLE.replace(found, changed, 1).encode(), "receivers.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("receivers.yaml")


@pytest.mark.parametrize("channel", ["#pages", "@asha", "C024BE91L", "G0123456789"])
def test_a_slack_channel_may_be_its_id(channel: str, spec: Spec) -> None:
    """Slack shows the id of a channel, which stays when the channel is renamed."""
    told = parse_receivers(WHOLE.replace('"#pages"', f'"{channel}"').encode(), "r.yaml")
    read = yaml.safe_load(alertmanager_config(spec, receivers=told))
    assert {"page": channel}.items() <= {
        one["name"]: config["channel"] for one in read["receivers"] for config in one.get("slack_configs", ())
    }.items()


@pytest.mark.parametrize("host", ["[::1]:25", "10.0.0.1:587"])
def test_a_mail_server_may_be_an_address(host: str, spec: Spec) -> None:
    """Of either family."""
    told = parse_receivers(WHOLE.replace("mail.example.test:587", host).encode(), "r.yaml")
    read = yaml.safe_load(alertmanager_config(spec, receivers=told))
    mails = [config for one in read["receivers"] for config in one.get("email_configs", ())]
    assert [config["smarthost"] for config in mails] == [host]


@pytest.mark.parametrize(
    "place", ["Asia/Jakarta", "Asia/Kathmandu", "Etc/GMT-7", "UTC", "America/North_Dakota/New_Salem"]
)
def test_a_place_is_any_zone_of_the_database(place: str) -> None:
    """Zones with digits, of half hours and of three parts are places like others; Alertmanager's own time too."""
    told = parse_receivers(WHOLE.replace("Asia/Jakarta", place).encode(), "r.yaml")
    assert told.hours is not None
    assert told.hours.location == place


def test_a_team_that_owns_no_alert_is_a_typo(spec: Spec) -> None:
    """Channels of a team that nothing belongs to would never hear anything: an error that names the teams there are."""
    told = parse_receivers(WHOLE.replace("security:", "secruity:").encode(), "receivers.yaml")
    with pytest.raises(InvalidInput, match=r"no alert has the owner courtsight-secruity.*security") as caught:
        alertmanager_config(spec, receivers=told)
    assert str(caught.value).startswith("receivers.yaml")


@pytest.mark.parametrize(
    ("begins", "ends", "again"),
    [("08:00", "17:00", "12h"), ("06:00", "22:00", "450m"), ("00:00", "24:00", "12h"), ("05:30", "24:00", "5h")],
)
def test_tickets_are_repeated_before_a_short_night_is_over(spec: Spec, begins: str, ends: str, again: str) -> None:
    """What ended in the evening and fires again in the morning is not taken for told, however short the nights between the hours are."""
    hours = f'from: "{begins}", to: "{ends}"'
    told = parse_receivers(WHOLE.replace('from: "08:00", to: "17:00"', hours).encode(), "r.yaml")
    read = yaml.safe_load(alertmanager_config(spec, receivers=told))
    routes = {route["receiver"]: route["repeat_interval"] for route in read["route"]["routes"]}
    assert (routes["ticket"], routes["page"], routes["security-page"]) == (again, "1h", "1h")
