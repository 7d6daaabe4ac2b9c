"""Who hears of alerts: the settings file `alerts/receivers.yaml`, read strictly, and its channels as Alertmanager writes them.

A secret never stands in the file: a channel names a file in the folder of secrets, which Alertmanager reads when it sends.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from slo.quantities import QuantityError
from slo.strict_yaml import Wire, load_strict, parse_strict

RECEIVERS_FILE = Path(__file__).parent / "receivers.yaml"
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")
LOCAL = "Local"
"""What Alertmanager calls the time of its own machine."""


def _holiday(text: str) -> str:
    found = _DAY.fullmatch(text)
    year, month, day = ("2024", "0", "0") if found is None else (part or "2024" for part in found.groups())
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError(f"{text!r} is no day: write 12-25 for every year, 2027-03-10 for one") from None
    return text


def _place(text: str) -> str:
    """A zone of the time zone database; where this machine has none of it, Alertmanager alone can tell."""
    known = zoneinfo.available_timezones()
    if known and text != LOCAL and text not in known:
        near = difflib.get_close_matches(text, known, 1)
        raise ValueError(
            f"{text!r} is no time zone" + (f": did you mean {near[0]!r}?" if near else ": write Asia/Jakarta")
        )
    return text


def _like(pattern: str, mend: str) -> AfterValidator:
    """A text of this form; people who wrote another are told in words what to write."""
    form = re.compile(pattern)

    def held(text: str) -> str:
        if form.fullmatch(text) is None:
            raise QuantityError(f"{text[:60]!r} cannot stand here", mend)
        return text

    return AfterValidator(held)


SecretFile = Annotated[
    str,
    _like(r"[A-Za-z0-9][A-Za-z0-9._-]*", "write the name of a file in the folder 'secrets': letters, digits, . _ -"),
]
Address = Annotated[str, _like(r"[^@\s]+@[^@\s]+", "write one address such as team@example.com; a channel for each")]
Clock = Annotated[str, _like(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", 'write hours and minutes in quotes: "08:00"')]
Weekday = Literal["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
Holiday = Annotated[str, AfterValidator(_holiday)]


class _Webhook(Wire):
    url_file: SecretFile


class _Slack(Wire):
    channel: Annotated[
        str, _like(r"[#@][^{}]+|[CDGU][A-Z0-9]{6,20}", 'write "#channel", "@person" or an id such as C024BE91L')
    ]
    api_url_file: SecretFile


class _Email(Wire):
    to: Address
    from_: Address = Field(alias="from")
    smarthost: Annotated[
        str, _like(r"([^:\s\[\]]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}", "write host and port: mail.example.com:587")
    ]
    username: str | None = None
    password_file: SecretFile | None = None
    require_tls: bool = True

    @model_validator(mode="after")
    def _both(self) -> _Email:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("'username' and 'password_file' come together or not at all")
        return self


class _PagerDuty(Wire):
    routing_key_file: SecretFile
    url: Annotated[str, _like(r"https?://[^\s/?#@{}]+(/[^\s{}]*)?", "write https://…")] | None = None


class _Channel(Wire):
    webhook: _Webhook | None = None
    slack: _Slack | None = None
    email: _Email | None = None
    pagerduty: _PagerDuty | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> _Channel:
        if sum(kind is not None for kind in (self.webhook, self.slack, self.email, self.pagerduty)) != 1:
            raise ValueError("a channel is exactly one of webhook, slack, email and pagerduty")
        return self


Channels = Annotated[list[_Channel], Field(min_length=1)]


class _Team(Wire):
    page: Channels | None = None
    ticket: Channels | None = None

    @model_validator(mode="after")
    def _some(self) -> _Team:
        if self.page is None and self.ticket is None:
            raise ValueError("a team has channels for 'page', for 'ticket' or for both")
        return self


class _Hours(Wire):
    location: Annotated[str, _like(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", "write Asia/Jakarta"), AfterValidator(_place)]
    weekdays: Annotated[list[Weekday], Field(min_length=2, max_length=2)]
    from_: Clock = Field(alias="from")
    to: Clock
    holidays: list[Holiday] = Field(default_factory=list)

    @model_validator(mode="after")
    def _some_time(self) -> _Hours:
        if self.from_ >= self.to:
            raise ValueError("working hours end after they begin, on the same day")
        return self


class _File(Wire):
    receivers: Literal["courtsight/receivers/v1"]
    secrets: Annotated[str, _like(r"/[A-Za-z0-9._/-]+", "write a folder from the root, such as /run/secrets")]
    page: Channels
    ticket: Channels
    heartbeat: Channels
    teams: dict[
        Annotated[str, _like(r"[a-z][a-z-]*", "write the team as its alerts have it, without the service")], _Team
    ] = Field(default_factory=dict)
    hours: _Hours | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """When tickets are told: weekdays from and to, `HH:MM`, in a place's time; never on a holiday (`MM-DD` or `YYYY-MM-DD`)."""

    location: str
    first: str
    last: str
    start: str
    end: str
    holidays: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receivers:
    """Receivers by name as Alertmanager writes them, the teams that have some of their own, and the hours of tickets.

    Attributes:
        named: `page`, `ticket`, `heartbeat`, and `<team>-page` or `<team>-ticket`, each with its `…_configs`.
        hours: None tells tickets at any hour.
    """

    named: tuple[tuple[str, dict[str, list[dict[str, Any]]]], ...]
    teams: tuple[tuple[str, str], ...]
    hours: Hours | None


def load_receivers(path: Path = RECEIVERS_FILE) -> Receivers:
    """Read the settings file.

    Raises:
        InvalidInput: It is missing or wrong.
    """
    return _receivers(load_strict(path, _File))


def parse_receivers(raw: bytes, name: str) -> Receivers:
    """The same from bytes; `name` is how problems call them.

    Raises:
        InvalidInput: They are wrong.
    """
    return _receivers(parse_strict(raw, name, _File))


def _receivers(wire: _File) -> Receivers:
    found = {"page": wire.page, "ticket": wire.ticket, "heartbeat": wire.heartbeat}
    teams: list[tuple[str, str]] = []
    for team, own in wire.teams.items():
        for severity, channels in (("page", own.page), ("ticket", own.ticket)):
            if channels is not None:
                found[f"{team}-{severity}"] = channels
                teams.append((team, severity))
    named = tuple((name, _configs(channels, wire.secrets.rstrip("/"))) for name, channels in found.items())
    return Receivers(named, tuple(teams), None if wire.hours is None else _hours(wire.hours))


def _hours(wire: _Hours) -> Hours:
    first, last = wire.weekdays
    return Hours(wire.location, first, last, wire.from_, wire.to, tuple(wire.holidays))


def _configs(channels: list[_Channel], folder: str) -> dict[str, list[dict[str, Any]]]:
    configs: dict[str, list[dict[str, Any]]] = {}
    for channel in channels:
        key, config = _config(channel, folder)
        configs.setdefault(key, []).append({**config, "send_resolved": True})
    return configs


def _config(channel: _Channel, folder: str) -> tuple[str, dict[str, Any]]:
    if channel.slack is not None:
        return "slack_configs", _slack(channel.slack, folder)
    if channel.email is not None:
        return "email_configs", _email(channel.email, folder)
    if channel.pagerduty is not None:
        return "pagerduty_configs", _pagerduty(channel.pagerduty, folder)
    assert channel.webhook is not None  # noqa: S101 - the model has exactly one kind
    return "webhook_configs", {"url_file": f"{folder}/{channel.webhook.url_file}"}


def _slack(wire: _Slack, folder: str) -> dict[str, Any]:
    return {
        "api_url_file": f"{folder}/{wire.api_url_file}",
        "channel": wire.channel,
        "color": '{{ template "courtsight.slack.color" . }}',
        "title": '{{ template "courtsight.slack.title" . }}',
        "title_link": '{{ template "courtsight.link" . }}',
        "fallback": '{{ template "courtsight.slack.title" . }}',
        "text": '{{ template "courtsight.slack.text" . }}',
    }


def _email(wire: _Email, folder: str) -> dict[str, Any]:
    login = (
        {}
        if wire.password_file is None
        else {"auth_username": wire.username, "auth_password_file": f"{folder}/{wire.password_file}"}
    )
    return {
        "to": wire.to,
        "from": wire.from_,
        "smarthost": wire.smarthost,
        **login,
        "require_tls": wire.require_tls,
        "headers": {"Subject": '{{ template "courtsight.title" . }}'},
        "html": '{{ template "courtsight.email.html" . }}',
        "text": '{{ template "courtsight.text" . }}',
    }


def _pagerduty(wire: _PagerDuty, folder: str) -> dict[str, Any]:
    return {
        "routing_key_file": f"{folder}/{wire.routing_key_file}",
        **({} if wire.url is None else {"url": wire.url}),
        "severity": '{{ template "courtsight.pagerduty.severity" . }}',
        "description": '{{ template "courtsight.title" . }}',
        "details": {"text": '{{ template "courtsight.text" . }}'},
    }


def interval_of(day: str) -> dict[str, Any]:
    """A holiday as Alertmanager's time interval."""
    parts = _DAY.fullmatch(day)
    assert parts is not None  # noqa: S101 - validated when the file was read
    year, month, number = parts.groups()
    years = {"years": [year]} if year else {}
    return {"days_of_month": [str(int(number))], "months": [str(int(month))], **years}
