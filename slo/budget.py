"""Error-budget arithmetic: burn-rate factors and when an alert would fire.

Source: Site Reliability Workbook, chapter 5.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Context, Decimal

from slo.spec import SLO, TimeSliceSLI, Window

FACTOR = Context(prec=6)
"""28 days make 0.9333…; six digits are more than any threshold needs, and people read them."""


def burn_rate_factor(window: Window, slo_window: Decimal) -> Decimal:
    """Burn rate that spends the window's budget share within its long window: 2 % of 30 d within 1 h is 14.4."""
    return FACTOR.create_decimal(window.budget_share * slo_window / window.long).normalize()


def firing_ratio(slo: SLO, window: Window) -> Decimal:
    """Error ratio above which both windows must lie for the alert to fire; 1 or more means that it never can."""
    return burn_rate_factor(window, slo.window) * slo.error_budget


def detection_seconds(slo: SLO, window: Window, error_ratio: Decimal) -> Decimal | None:
    """Seconds from the start of a constant fault to the firing alert, after a long time without errors.

    The larger of both windows' times, factor x (1 - objective) / error ratio x window, and then `for`.
    Of time slices the error ratio is the share of bad ones, and only whole ones count: it takes one more than the threshold allows.
    None when that error ratio never fires the alert.
    """
    threshold = firing_ratio(slo, window)
    if error_ratio <= threshold:
        return None
    longest = max(window.long, window.short)
    if isinstance(slo.sli, TimeSliceSLI):
        slices = longest / slo.sli.slice
        bad = (threshold * slices).to_integral_value(ROUND_FLOOR) + 1
        return min(bad / error_ratio, slices) * slo.sli.slice + window.hold
    return threshold / error_ratio * longest + window.hold
