"""Alertmanager's configuration: who hears of what, when, and what silences what.

Pages go out at once and at any hour, tickets are collected and wait for working hours, the watchdog's heartbeat goes to a receiver of
its own that misses it when it stops. Who is told stands in `alerts/receivers.yaml`, what silences what in `alerts.inhibition`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from alerts.absence import WATCHDOG
from alerts.catalogue import Catalogue, load_catalogue
from alerts.emit import to_yaml
from alerts.inhibition import inhibitions
from alerts.pace import MILLISECOND, Pace
from alerts.receivers import RECEIVERS_FILE, WEEKDAYS, Hours, Receivers, interval_of, load_receivers
from slo import names
from slo.errors import InvalidInput, Problem
from slo.quantities import UNITS, format_duration
from slo.spec import Severity, Spec

HEARTBEAT = "heartbeat"
WORKING_HOURS = "working-hours"
HOLIDAYS = "holidays"
TEMPLATES = "templates/*.tmpl"
"""Relative to the configuration, so that a copy of both can be checked anywhere."""
RESOLVE_TIMEOUT = Decimal(300)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How patient a route is, in seconds.

    Attributes:
        wait: Before the first notification of a group, to collect what starts together.
        interval: Before a changed group is told again; a resolution waits for it too.
        repeat: Before an unchanged group is told again.
    """

    wait: Decimal
    interval: Decimal
    repeat: Decimal


NIGHT = Decimal(12 * 3600)
"""Seconds, shorter than a night: Alertmanager remembers a ticket that it told in the evening, and while it does it keeps silent of one that
ended and fires again before the morning."""
LEAST_NIGHT = Decimal(3600)
"""Seconds; whoever works nearly around the clock waits for the usual repetition at most."""
RHYTHMS = {
    Severity.PAGE.value: Rhythm(Decimal(10), Decimal(60), Decimal(3600)),
    Severity.TICKET.value: Rhythm(Decimal(300), Decimal(1800), NIGHT),
    HEARTBEAT: Rhythm(Decimal(1), Decimal(60), Decimal(300)),
}


def alertmanager_config(
    spec: Spec,
    *,
    webhook_url: str | None = None,
    scale: int | Decimal = 1,
    receivers: Receivers | None = None,
    catalogue: Catalogue | None = None,
) -> bytes:
    """The configuration as YAML.

    Args:
        spec: A loaded spec.
        webhook_url: Base address of one webhook that takes everything, `<base>/page`, `/ticket` and `/heartbeat`, for drills. Tickets
            then go out at any hour, for a drill at night proves them too. Without it the receivers are those of the settings.
        scale: As for `alerts.rules.rule_file`; all but the first wait of a group stay at least a second.
        receivers: Who is told; None reads `alerts/receivers.yaml`.
        catalogue: The alerts that are set by hand; None reads `alerts/catalogue`.

    Raises:
        ValueError: The scale is under 1.
        InvalidInput: The settings or the catalogue are wrong, or a team in the settings owns no alert.
    """
    pace = Pace(scale)
    catalogue = catalogue or load_catalogue()
    told = (receivers or load_receivers()) if webhook_url is None else _drill_receivers(webhook_url)
    _require_owners(spec, catalogue, told)
    document = {
        "global": {"resolve_timeout": pace.range(RESOLVE_TIMEOUT)},
        "templates": [TEMPLATES],
        "route": _route(spec, told, pace),
        "inhibit_rules": inhibitions(spec, catalogue),
        **_time_intervals(told.hours),
        "receivers": [{"name": name, **configs} for name, configs in told.named],
    }
    return to_yaml(document, spec.service)


def _require_owners(spec: Spec, catalogue: Catalogue, told: Receivers) -> None:
    """Refuse a team that no alert belongs to: its channels would never hear anything, and nobody would notice."""
    prefix = f"{spec.service}-"
    owners = {f"{prefix}{entry.team}" for entry in catalogue.of(spec.deployment)}
    owners |= {spec.owner, *(slo.owner for slo in spec.slos)}
    known = sorted(owner.removeprefix(prefix) for owner in owners if owner.startswith(prefix))
    missing = sorted({team for team, _ in told.teams} - set(known))
    if missing:
        advice = f"teams with alerts: {', '.join(known)}"
        raise InvalidInput(
            tuple(
                Problem(RECEIVERS_FILE.name, None, f"teams.{team}", f"no alert has the owner {prefix}{team}", advice)
                for team in missing
            )
        )


def _drill_receivers(webhook_url: str) -> Receivers:
    base = webhook_url.rstrip("/")
    hooks = {name: {"webhook_configs": [{"url": f"{base}/{name}", "send_resolved": True}]} for name in RHYTHMS}
    return Receivers(tuple(hooks.items()), (), None)


def _route(spec: Spec, told: Receivers, pace: Pace) -> dict[str, Any]:
    page, ticket = Severity.PAGE.value, Severity.TICKET.value
    hours = {} if told.hours is None else {"mute_time_intervals": [HOLIDAYS], "active_time_intervals": [WORKING_HOURS]}
    if told.hours is not None and not told.hours.holidays:
        del hours["mute_time_intervals"]
    teams = [
        {
            "matchers": [f'{names.OWNER}="{spec.service}-{team}"', f'{names.SEVERITY}="{severity}"'],
            "receiver": f"{team}-{severity}",
            **_rhythm(_rhythm_of(severity, told.hours), pace),
            **(hours if severity == ticket else {}),
        }
        for team, severity in told.teams
    ]
    # What carries no known severity is told like a page: better one page too many than an alert that nobody hears.
    return {
        "receiver": page,
        "group_by": [names.SLO_ID, names.SEVERITY, "alertname"],
        **_rhythm(RHYTHMS[page], pace),
        "routes": [
            _branch(f'alertname="{WATCHDOG}"', HEARTBEAT, pace),
            *teams,
            _branch(f'{names.SEVERITY}="{page}"', page, pace),
            {
                "matchers": [f'{names.SEVERITY}="{ticket}"'],
                "receiver": ticket,
                **_rhythm(_rhythm_of(ticket, told.hours), pace),
                **hours,
            },
        ],
    }


def _rhythm_of(severity: str, hours: Hours | None) -> Rhythm:
    """How patient a severity is: where the nights between its hours are short, a ticket is repeated sooner than they last."""
    rhythm = RHYTHMS[severity]
    if severity != Severity.TICKET.value or hours is None:
        return rhythm
    night = UNITS["d"] - (_of_day(hours.end) - _of_day(hours.start))
    return replace(rhythm, repeat=min(rhythm.repeat, night - rhythm.interval)) if night > LEAST_NIGHT else rhythm


def _of_day(clock: str) -> Decimal:
    hour, minute = clock.split(":")
    return Decimal(int(hour) * 3600 + int(minute) * 60)


def _time_intervals(hours: Hours | None) -> dict[str, Any]:
    if hours is None:
        return {}
    days = WEEKDAYS.index(hours.first), WEEKDAYS.index(hours.last)
    spans = (
        [f"{hours.first}:{hours.last}"] if days[0] <= days[1] else [f"{hours.first}:saturday", f"sunday:{hours.last}"]
    )
    times = [{"start_time": hours.start, "end_time": hours.end}]
    working = {"times": times, "weekdays": spans, "location": hours.location}
    intervals = [{"name": WORKING_HOURS, "time_intervals": [working]}]
    if hours.holidays:
        days_off = [{**interval_of(day), "location": hours.location} for day in hours.holidays]
        intervals.append({"name": HOLIDAYS, "time_intervals": days_off})
    return {"time_intervals": intervals}


def _branch(matcher: str, receiver: str, pace: Pace) -> dict[str, Any]:
    return {"matchers": [matcher], "receiver": receiver, **_rhythm(RHYTHMS[receiver], pace)}


def _rhythm(rhythm: Rhythm, pace: Pace) -> dict[str, str]:
    return {
        "group_wait": replace(pace, floor=MILLISECOND).range(rhythm.wait),
        "group_interval": pace.range(rhythm.interval),
        "repeat_interval": format_duration(pace.seconds(rhythm.repeat)),
    }


_SECRET_FILES = (
    (re.compile(rb"\burl_file: \S+"), b"url: http://127.0.0.1:9/"),
    (re.compile(rb"\bapi_url_file: \S+"), b"api_url: http://127.0.0.1:9/"),
    (re.compile(rb"\brouting_key_file: \S+"), b"routing_key: none"),
    (re.compile(rb"\bauth_password_file: \S+"), b"auth_password: none"),
)


def with_plain_addresses(config: bytes) -> bytes:
    """The same configuration with placeholders instead of files of secrets, for checking only.

    `amtool` before 0.26 (Debian 12 ships 0.25) knows no `url_file` and no `routing_key_file`, and would refuse the file for that alone.
    """
    for field, plain in _SECRET_FILES:
        config = field.sub(plain, config)
    return config
