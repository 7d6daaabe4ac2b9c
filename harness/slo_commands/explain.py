"""`courtsight slo explain`: what each SLO allows and when its alerts speak, in plain words."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from harness.slo_commands.reading import EXIT_FINE, as_json
from harness.slo_commands.show import kind_of, window_of
from slo.budget import burn_rate_factor, detection_seconds, firing_ratio
from slo.errors import CourtSightError, InvalidInput, Problem
from slo.links import Links
from slo.quantities import UNITS, format_duration, format_number, format_ratio
from slo.spec import SLO, CompositeSLI, RawSLI, Severity, TimeSliceSLI, Window

SENTENCE = "say in plain words what each SLO allows, and when its alerts fire"
EXAMPLES = (
    "courtsight slo explain slo/specs/courtsight.yaml --requests-per-day 20000",
    "courtsight slo explain slo/specs/courtsight.yaml --slo availability --prometheus http://127.0.0.1:9090",
)
TOTAL = Decimal(1)
SLOWER = "Alerts over more than 1h may come up to 5 min later than said: they sum counts of five minutes, and are looked at every two."
SLOWEST = "Those over more than 3d may come up to 10 min later: they sum counts that are kept every five minutes, and are looked at every four."
TWICE = 2

Traffic = Callable[[SLO], "Events"]


@dataclass(frozen=True, slots=True)
class Events:
    """Valid events of a day, and where the number is from.

    Attributes:
        per_day: None when it is unknown; `source` then says why.
    """

    per_day: float | None
    source: str


def add(parser: argparse.ArgumentParser) -> None:
    """Which spec, and how much traffic there is."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a spec")
    parser.add_argument("--slo", action="append", default=[], metavar="ID", help="only this SLO (again for more)")
    traffic = parser.add_mutually_exclusive_group()
    traffic.add_argument("--requests-per-day", type=positive, metavar="N", help="valid events of a usual day")
    traffic.add_argument("--prometheus", metavar="URL", help="ask this Prometheus for the valid events of the last day")


def run(options: argparse.Namespace) -> int:
    """Explain every SLO of the spec, or those that are named.

    Raises:
        PrometheusDown: The traffic was asked for and Prometheus did not tell; everything else is printed before.
    """
    from alerts.lint import lint  # noqa: PLC0415 - imported when the command runs
    from alerts.ratios import LONGEST_DENSE_WINDOW, LONGEST_RAW_WINDOW  # noqa: PLC0415 - as above
    from slo.load import load_spec  # noqa: PLC0415 - as above
    from slo.window_table import load_policy  # noqa: PLC0415 - as above

    spec = load_spec(options.file)
    unknown = [name for name in options.slo if name not in {slo.id for slo in spec.slos}]
    if unknown:
        known = f"known: {', '.join(slo.id for slo in spec.slos)}"
        raise InvalidInput((Problem(str(options.file), None, "", f"there is no SLO {unknown[0]!r}", known),))
    told: dict[str, list[str]] = {}
    for finding in lint(spec, load_policy()):
        told.setdefault(finding.slo, []).append(f"{finding.severity}: {finding.message} ({finding.advice})")
    asked = None if options.prometheus is None else _Asked(options.prometheus, time.time())
    traffic = _traffic(options.requests_per_day, asked)
    entries = [
        explained(slo, traffic(slo), told.get(slo.id, []))
        for slo in spec.slos
        if not options.slo or slo.id in options.slo
    ]
    if options.json:
        print(as_json({"service": spec.service, "links": asdict(spec.links), "slos": entries}))
    else:
        longest = max((window.long for slo in spec.slos for window in slo.windows), default=LONGEST_RAW_WINDOW)
        late = [SLOWER] * (longest > LONGEST_RAW_WINDOW) + [SLOWEST] * (longest > LONGEST_DENSE_WINDOW)
        print("\n\n".join([*map(in_words, entries), *([" ".join(late)] if late else []), _links_words(spec.links)]))
    if asked is not None and asked.trouble is not None:
        raise asked.trouble
    return EXIT_FINE


def explained(slo: SLO, events: Events, findings: list[str]) -> dict[str, Any]:
    """Everything about one SLO as a plain document; seconds, shares between 0 and 1, None for what never happens."""
    days = slo.window / UNITS["d"]
    per_day = None if events.per_day is None else events.per_day * float(slo.error_budget)
    return {
        "id": slo.id,
        "title": slo.title,
        "kind": kind_of(slo),
        "objective": format_ratio(slo.objective),
        "window": window_of(slo),
        "group_by": list(slo.group_by),
        "budget_ratio": float(slo.error_budget),
        "outage_seconds": float(slo.window * slo.error_budget),
        "valid_events_per_day": events.per_day,
        "traffic_source": events.source,
        "bad_events_per_day": per_day,
        "bad_events_per_window": None if per_day is None else per_day * float(days),
        "alerts": [_alert(slo, window) for window in slo.windows],
        "findings": findings,
        "least_events": slo.least_events,
    }


def in_words(found: dict[str, Any]) -> str:
    """The same for people."""
    window = "a calendar month (reckoned as 30 days)" if found["window"] == "month" else f"any {found['window']}"
    lines = [f"{found['id']}: {found['title']}"]
    of = _what(found["kind"])
    lines.append(
        f"  {found['objective']} of {of} shall be good over {window}; {_percent(found['budget_ratio'])} may be bad."
    )
    if found["group_by"]:
        lines.append(f"  Each value of {', '.join(found['group_by'])} has this budget, and alerts, of its own.")
    lines.append(f"  An outage of everything may last {spoken(found['outage_seconds'])} in all.")
    lines.append(f"  {_traffic_words(found)}")
    lines += [f"  {_alert_words(alert)}" for alert in found["alerts"]] or ["  It has no burn-rate alert."]
    if found["least_events"]:
        lines.append(f"  Alerts keep silent under {found['least_events']} valid events in the long window.")
    return "\n".join([*lines, *(f"  {finding}" for finding in found["findings"])])


def _links_words(links: Links) -> str:
    runbooks = links.runbook("docs/runbooks/<Alert>.md")
    return (
        f"Alerts lead to runbooks at {runbooks} (an SLO may name its own) and to boards at {links.board('/d/<board>')}."
    )


def spoken(seconds: float) -> str:
    """Seconds for people, in at most two units, the smaller one rounded: `43 min 12 s`, `1 d 12 h`, `2.6 s`."""
    if 0 < seconds < 0.1:
        return f"{_plain(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    smaller = 3600 if seconds >= 86400 else 60 if seconds >= 3600 else 1
    left = round(seconds / smaller) * smaller
    parts: list[str] = []
    for word, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {word}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def _alert(slo: SLO, window: Window) -> dict[str, Any]:
    outage = detection_seconds(slo, window, TOTAL)
    twice = detection_seconds(slo, window, min(TOTAL, TWICE * slo.error_budget))
    return {
        "severity": window.severity.value,
        "long": format_duration(window.long),
        "short": format_duration(window.short),
        "for": float(window.hold),
        "factor": float(burn_rate_factor(window, slo.window)),
        "fires_over_ratio": float(firing_ratio(slo, window)),
        "outage_detected_seconds": None if outage is None else float(outage),
        "twice_detected_seconds": None if twice is None else float(twice),
    }


def _alert_words(alert: dict[str, Any]) -> str:
    loud = "pages" if alert["severity"] == Severity.PAGE else "opens a ticket"
    outage, twice = alert["outage_detected_seconds"], alert["twice_detected_seconds"]
    first = "never fires on a total outage" if outage is None else f"{loud} {spoken(outage)} into a total outage"
    second = (
        "never at twice the budget's rate" if twice is None else f"after {spoken(twice)} at twice the budget's rate"
    )
    rate = rate_words(f"{alert['factor']:.4g}")
    limit = f"over {_percent(alert['fires_over_ratio'])} bad, {rate}"
    return f"{alert['long']}/{alert['short']} ({limit}): {first}, {second}."


def rate_words(factor: str) -> str:
    """A burn rate for people; the budget's own rate is no multiple of itself."""
    return "the budget's own rate" if factor == "1" else f"{factor} times the budget's rate"


def _traffic_words(found: dict[str, Any]) -> str:
    if found["valid_events_per_day"] is None:
        return f"How many may fail a day is unknown: {found['traffic_source']}."
    a_day, a_window = _count(found["bad_events_per_day"]), _count(found["bad_events_per_window"])
    said = f"{_count(found['valid_events_per_day'])} events a day ({found['traffic_source']}): {a_day} may fail a day"
    return f"{said}, {a_window} in the window."


def _what(kind: str) -> str:
    words = {"time_slices": "the time slices", "raw": "what it measures", "composite": "its weighted components"}
    return words.get(kind, "the events")


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else _plain(number)


def _plain(number: float) -> str:
    """Two digits that count, without an exponent: `0.00002`."""
    return format_number(Decimal(f"{number:.2g}"))


def _percent(ratio: float) -> str:
    return f"{format_number(Decimal(f'{ratio * 100:.4g}'))} %"


# --- traffic ---


def _traffic(requests_per_day: float | None, asked: _Asked | None) -> Traffic:
    if requests_per_day is not None:
        given, shared = (Events(requests_per_day, said) for said in ("as given", "as given, all groups together"))
        return lambda slo: _uncounted(slo) if not _countable(slo) else shared if slo.group_by else given
    if asked is not None:
        return lambda slo: asked(slo) if _countable(slo) else _uncounted(slo)
    unknown = Events(None, "give --requests-per-day or --prometheus")
    return lambda slo: unknown if _countable(slo) else _uncounted(slo)


def _countable(slo: SLO) -> bool:
    return not isinstance(slo.sli, (RawSLI, CompositeSLI, TimeSliceSLI))


def _uncounted(slo: SLO) -> Events:
    if isinstance(slo.sli, TimeSliceSLI):
        return Events(float(UNITS["d"] / slo.sli.slice), "slices, if there is always traffic")
    return Events(None, f"{kind_of(slo)} counts no events")


class _Asked:
    """Valid events of the last day out of a Prometheus, which is not asked again once it gave no answer: many SLOs would wait in turn.

    Attributes:
        trouble: Why it gave none.
    """

    def __init__(self, url: str, now: float) -> None:
        self._url = url
        self._now = now
        self.trouble: CourtSightError | None = None

    def __call__(self, slo: SLO) -> Events:
        from slo.sli import valid_events  # noqa: PLC0415 - imported when the command runs
        from target.errors import PrometheusDown  # noqa: PLC0415 - as above
        from target.prometheus import connect  # noqa: PLC0415 - as above

        if self.trouble is None:
            try:
                found = connect(self._url).value(f"sum({valid_events(slo, '1d')})", self._now)
            except PrometheusDown as error:
                self.trouble = error
            else:
                unseen = "Prometheus has no such series of the last day"
                return Events(found, unseen if found is None else "the last day, in Prometheus")
        return Events(None, str(self.trouble).rstrip("?."))


def positive(text: str) -> float:
    """A count of requests from the command line; `_` may part its digits."""
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        number = 0.0
    if not 0 < number < 1e15:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of requests: write one over zero, such as 20000")
    return number
