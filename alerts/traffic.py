"""Made-up traffic for promtool: the counters behind an SLI, minute by minute.

A day of virtual time costs promtool a fraction of a second, so rules are proven over their whole windows here, and live drills only
show that the running stack behaves alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from slo import names
from slo.quantities import format_number
from slo.sli import base_labels, matchers, named
from slo.spec import SLO, LatencySLI, cell

EVENTS_PER_MINUTE = 1_000_000
"""So many that an error ratio of six decimals is a whole number of events."""
MINUTE = Decimal(60)
INFINITE = "+Inf"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some minutes of even traffic.

    Attributes:
        error_ratio: Share of bad among valid events.
        idle: No events at all.
        restart: The counters begin at zero again with the first minute.
    """

    minutes: int
    error_ratio: Decimal = Decimal(0)
    idle: bool = False
    restart: bool = False


@dataclass(frozen=True, slots=True)
class InputSeries:
    """One counter as promtool reads it: its name with labels, and its values a minute apart, `0 600+600x59`."""

    series: str
    values: str


def counters(slo: SLO, stretches: Iterable[Stretch]) -> tuple[InputSeries, ...]:
    """The two counters that the SLI needs: of a ratio its good and bad events, of a latency its count and its bucket."""
    stretches = tuple(stretches)
    sli = named(slo)
    base = dict(base_labels(sli, slo))
    if isinstance(sli, LatencySLI):
        # The client of the service writes edges as floats: le="4.0".
        edge = format_number(sli.threshold)
        bucket = cell({**base, names.LE: edge if "." in edge else f"{edge}.0"})
        every = cell({**base, names.LE: INFINITE})
        return (
            InputSeries(sli.metric + names.BUCKET + matchers(bucket), _values(stretches, bad=False)),
            InputSeries(sli.metric + names.BUCKET + matchers(every), _values(stretches, bad=None)),
            InputSeries(sli.metric + names.COUNT + matchers(cell(base)), _values(stretches, bad=None)),
        )
    good, bad = (cell({**base, sli.label: value}) for value in (sli.good[0], sli.bad[0]))
    return (
        InputSeries(sli.metric + matchers(good), _values(stretches, bad=False)),
        InputSeries(sli.metric + matchers(bad), _values(stretches, bad=True)),
    )


def _values(stretches: tuple[Stretch, ...], *, bad: bool | None) -> str:
    """Cumulative counts of bad events, of good ones, or with None of both."""
    total, parts = 0, ["0"]
    for stretch in stretches:
        step = _per_minute(stretch, bad=bad)
        first = step if stretch.restart else total + step
        parts.append(f"{first}+{step}x{stretch.minutes - 1}")
        total = first + step * (stretch.minutes - 1)
    return " ".join(parts)


def _per_minute(stretch: Stretch, *, bad: bool | None) -> int:
    if stretch.idle:
        return 0
    wrong = int((EVENTS_PER_MINUTE * stretch.error_ratio).to_integral_value())
    if bad is None:
        return EVENTS_PER_MINUTE
    return wrong if bad else EVENTS_PER_MINUTE - wrong
