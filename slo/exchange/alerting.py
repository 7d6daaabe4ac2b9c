"""Alerts of others as pairs of windows, and pairs where only some alerts are wanted."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from slo.exchange.ledger import Ledger, Place
from slo.exchange.naming import from_shorthand, length_text, percent
from slo.quantities import UNITS, QuantityError, format_number, parse_duration
from slo.spec import Severity, Window
from slo.windows import SHORTS_IN_LONG, WindowPolicy, alert_windows

Plain = dict[str, Any]

_LOUD = ("page", "critical", "crit", "emergency", "fatal", "high", "sev1", "sev-1", "p1", "1", "pager", "urgent")
SHORTEST_HOLD = SHORTEST_SHORT = UNITS["m"]
"""Seconds that our alerts wait at least, and look back at least: hardly two scrapes lie in less."""
MOST_DIGITS, DIGITS = 6, 4
"""Significant digits of a budget share that are kept, and of one that would have more: people read it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A burn-rate condition of somebody's alert.

    Attributes:
        threshold: How many times too fast the budget burns.
        lookback: Over how long, as written.
        after: How long it must last, as written.
        short: A second, shorter look, as written, where there is one.
    """

    severity: str
    operator: str
    threshold: Decimal
    lookback: str
    after: str | None
    short: str | None
    place: Place


def window_of(
    condition: Condition, budget: Decimal, period: Decimal, ledger: Ledger, slices: Decimal | None = None
) -> Window | None:
    """The pair of windows of a condition; None when it can never be met, or when none is like it, which is then a finding.

    Args:
        condition: Of somebody's alert.
        budget: Error budget of the SLO.
        period: Seconds of the SLO window.
        ledger: Takes findings.
        slices: Seconds of the SLO's slices, where it has some: one has to fit into every window.
    """
    place = condition.place
    long = from_shorthand(condition.lookback)
    if long is None or long > period or condition.threshold <= 0:
        said = f"a burn rate of {condition.threshold} over {condition.lookback} is none"
        ledger.lost(place, said, "write a number over 0, and a length such as 1h within the SLO's window")
        return None
    share = condition.threshold * long / period
    if condition.threshold * budget >= 1 or share >= 1:
        said = f"can never fire: {format_number(condition.threshold)} times the budget of {percent(budget)} is more than all"
        ledger.lost(
            place, said, "take a smaller threshold, or leave the policy away: windows that work are chosen then"
        )
        return None
    least = max(SHORTEST_SHORT, slices or SHORTEST_SHORT)
    if long <= least:
        said = f"looks back {length_text(long)}: no shorter window of {length_text(least)} or more goes with it"
        ledger.lost(place, said, "look back longer, or leave the policy away: windows that work are chosen then")
        return None
    hold = _hold(condition)
    if hold >= long:
        said = f"waits {length_text(hold)} of the {length_text(long)} that it looks back, which ours cannot"
        ledger.lost(place, said, "shorten alertAfter, or look back longer")
        return None
    if condition.operator in ("lt", "lte"):
        said = f"op {condition.operator} would fire while the budget does not burn: gt is taken"
        ledger.approximated(place, said, "write op: gt")
    if len(share.normalize().as_tuple().digits) > MOST_DIGITS:
        share = share.quantize(Decimal(1).scaleb(share.adjusted() - DIGITS + 1), rounding=ROUND_FLOOR).normalize()
        factor = format_number((share * period / long).normalize())
        said = f"a burn rate of {format_number(condition.threshold)} is {factor}: {percent(share)} of the budget"
        ledger.approximated(place, said, "write the share that you mean in the table")
    if condition.after is None or from_shorthand(condition.after) is None:
        said = f"alertAfter {condition.after or '(none)'} is {length_text(hold)}"
        ledger.approximated(place, said, "our alerts wait a little, for one late scrape")
    return Window(_severity(condition, ledger), share, long, _short(condition, long, least, ledger), hold)


def table(windows: Iterable[Window]) -> list[Plain]:
    """Pairs of windows as specs write them."""
    return [
        {
            "severity": window.severity.value,
            "budget_share": percent(window.budget_share),
            "long": length_text(window.long),
            "short": length_text(window.short),
            "for": length_text(window.hold),
        }
        for window in windows
    ]


def only(
    severities: Container[Severity], objective: Decimal, period: Decimal, policy: WindowPolicy
) -> str | list[Plain]:
    """The windows that work, of some severities only: a word where it says the same."""
    windows = alert_windows(objective, period, policy)
    kept = [window for window in windows if window.severity in severities]
    if len(kept) == len(windows):
        return "reachable"
    return table(kept) if kept else "none"


def for_slices(
    length: Decimal, objective: Decimal, period: Decimal, policy: WindowPolicy, place: Place, ledger: Ledger
) -> str | list[Plain]:
    """Windows into whose shortest a slice fits."""
    windows = alert_windows(objective, period, policy)
    if all(window.short >= length for window in windows):
        return "reachable"
    fitting = [
        Window(window.severity, window.budget_share, window.long, max(window.short, length), window.hold)
        for window in windows
        if window.long > length
    ]
    said = f"slices of {length_text(length)} do not fit into the shortest windows: {len(fitting)} of {len(windows)} alerts are kept"
    ledger.approximated(place, said, "shorten the slices")
    return table(fitting) if fitting else "none"


def _severity(condition: Condition, ledger: Ledger) -> Severity:
    word = condition.severity.strip().lower()
    if word in (Severity.PAGE, Severity.TICKET):
        return Severity(word)
    made = Severity.PAGE if word in _LOUD else Severity.TICKET
    ledger.approximated(
        condition.place, f"severity {condition.severity[:60]!r} is a {made}", "change it in the table if not"
    )
    return made


def _short(condition: Condition, long: Decimal, least: Decimal, ledger: Ledger) -> Decimal:
    if condition.short is not None:
        try:
            short = parse_duration(condition.short)
        except QuantityError:
            short = Decimal(0)
        if least <= short < long and short % 1 == 0:
            return short
    minutes = (long / SHORTS_IN_LONG / UNITS["m"]).to_integral_value(ROUND_CEILING)
    short = max(min(minutes * UNITS["m"], long / 2), least)
    ledger.approximated(condition.place, f"a short window of {length_text(short)} is added", "it lets the alert end")
    return short


def _hold(condition: Condition) -> Decimal:
    hold = from_shorthand(condition.after) if condition.after is not None else None
    return SHORTEST_HOLD if hold is None else hold
