"""Alertmanager's configuration: who hears of what, when, and what silences what.

Pages go out at once, tickets are collected, the watchdog's heartbeat goes to a receiver of its own that misses it when it stops.
A page silences the ticket of the same SLO; an outage silences everything about that service's SLOs, because it explains it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alerts.absence import OUTAGES, WATCHDOG
from alerts.emit import to_yaml
from alerts.pace import Pace
from slo import names
from slo.quantities import format_duration
from slo.spec import Severity, Spec

SECRETS = "/run/secrets"
HEARTBEAT = "heartbeat"
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


RHYTHMS = {
    Severity.PAGE.value: Rhythm(Decimal(10), Decimal(60), Decimal(3600)),
    Severity.TICKET.value: Rhythm(Decimal(300), Decimal(1800), Decimal(86400)),
    HEARTBEAT: Rhythm(Decimal(1), Decimal(60), Decimal(300)),
}


def alertmanager_config(spec: Spec, *, webhook_url: str | None = None, scale: int | Decimal = 1) -> bytes:
    """The configuration as YAML.

    Args:
        spec: A loaded spec.
        webhook_url: Base address of one webhook that takes everything, `<base>/page`, `/ticket` and `/heartbeat`, for drills. Without
            it each receiver reads its address from a mounted secret (`url_file`, Alertmanager 0.26 or later).
        scale: As for `alerts.rules.rule_file`; durations stay at least a second.

    Raises:
        ValueError: The scale is under 1.
    """
    pace = Pace(scale)
    document = {
        "global": {"resolve_timeout": pace.range(RESOLVE_TIMEOUT)},
        "route": _route(pace),
        "inhibit_rules": _inhibitions(),
        "receivers": [_receiver(name, webhook_url) for name in RHYTHMS],
    }
    return to_yaml(document, spec.service)


def _route(pace: Pace) -> dict[str, Any]:
    page = Severity.PAGE.value
    # What carries no known severity is told like a page: better one page too many than an alert that nobody hears.
    return {
        "receiver": page,
        "group_by": [names.SLO_ID, names.SEVERITY, "alertname"],
        **_rhythm(RHYTHMS[page], pace),
        "routes": [
            _branch(f'alertname="{WATCHDOG}"', HEARTBEAT, pace),
            _branch(f'{names.SEVERITY}="{page}"', page, pace),
            _branch(f'{names.SEVERITY}="{Severity.TICKET.value}"', Severity.TICKET.value, pace),
        ],
    }


def _branch(matcher: str, receiver: str, pace: Pace) -> dict[str, Any]:
    return {"matchers": [matcher], "receiver": receiver, **_rhythm(RHYTHMS[receiver], pace)}


def _rhythm(rhythm: Rhythm, pace: Pace) -> dict[str, str]:
    return {
        "group_wait": pace.range(rhythm.wait),
        "group_interval": pace.range(rhythm.interval),
        "repeat_interval": format_duration(pace.seconds(rhythm.repeat)),
    }


def _inhibitions() -> list[dict[str, Any]]:
    return [
        {
            "source_matchers": [f'{names.SEVERITY}="{Severity.PAGE.value}"'],
            "target_matchers": [f'{names.SEVERITY}="{Severity.TICKET.value}"'],
            # Alerts of the whole service carry no sloth_id, and a label that both lack counts as equal.
            "equal": [names.SLO_ID, names.SLO_SERVICE],
        },
        {
            "source_matchers": [f'alertname=~"{"|".join(OUTAGES)}"'],
            "target_matchers": [f'{names.SLO_NAME}=~".+"'],
            "equal": [names.SLO_SERVICE],
        },
    ]


def _receiver(name: str, webhook_url: str | None) -> dict[str, Any]:
    address = (
        {"url_file": f"{SECRETS}/alertmanager_{name}_url"}
        if webhook_url is None
        else {"url": f"{webhook_url.rstrip('/')}/{name}"}
    )
    return {"name": name, "webhook_configs": [{**address, "send_resolved": True}]}


def with_plain_addresses(config: bytes) -> bytes:
    """The same configuration with placeholder addresses instead of mounted secrets, for checking only.

    `amtool` before 0.26 (Debian 12 ships 0.25) knows no `url_file` and would refuse the file for that alone.
    """
    return re.sub(rb"url_file: \S+", b"url: http://127.0.0.1:9/", config)
