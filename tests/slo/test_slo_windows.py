"""Alert windows: the workbook's where they work, derived ones where they come too late or never."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.errors import InvalidInput
from slo.load import load_windows
from slo.quantities import format_duration
from slo.spec import Severity, Window
from slo.window_table import load_policy
from slo.windows import alert_windows, outage_seconds

DAY = Decimal(86400)
POLICY = load_policy()


def factor(window: Window, period: Decimal) -> Decimal:
    return window.budget_share * period / window.long


def pairs(objective: str, days: int = 30) -> list[str]:
    found = alert_windows(Decimal(objective), days * DAY, POLICY)
    return [f"{window.severity} {format_duration(window.long)}/{format_duration(window.short)}" for window in found]


@pytest.mark.parametrize("objective", ["0.9999", "0.999", "0.995", "0.99"])
@pytest.mark.parametrize("days", [28, 30])
def test_good_objectives_keep_the_workbooks_table(objective: str, days: int) -> None:
    """From 99 % on nothing binds over four weeks or a month: shares, windows and `for` are the standard ones."""
    assert alert_windows(Decimal(objective), days * DAY, POLICY) == load_windows()


def test_derived_windows_by_objective() -> None:
    """95, 90 and 80 % get pages over ten to thirty minutes; under 76 % nothing pages."""
    assert pairs("0.95") == ["page 30m/5m", "page 3h/15m", "ticket 1d/2h", "ticket 3d/6h"]
    assert pairs("0.9") == ["page 15m/5m", "page 1h/5m", "ticket 1d/2h", "ticket 3d/6h"]
    assert pairs("0.8") == ["page 10m/5m", "page 45m/5m", "ticket 12h/1h", "ticket 3d/6h"]
    assert pairs("0.7") == ["ticket 6h/30m", "ticket 3d/6h"]


def test_a_week_has_shorter_windows() -> None:
    """Over seven days the workbook's shares would burn 0.23 times in three days; the long windows shrink instead."""
    assert pairs("0.999", days=7) == ["page 30m/5m", "page 2h/10m", "ticket 6h/30m", "ticket 12h/1h"]


@given(
    thousandths=st.integers(min_value=1, max_value=9999),
    days=st.integers(min_value=7, max_value=90),
)
def test_what_is_derived_keeps_every_promise(thousandths: int, days: int) -> None:
    """For any objective and period: in time, reachable with room, fast enough for its severity, share no larger than the standard."""
    objective, period = Decimal(thousandths) / 10000, days * DAY
    found = alert_windows(objective, period, POLICY)
    budget = 1 - objective
    standard = {severity: [row for row in POLICY.rows if row.standard.severity is severity] for severity in Severity}
    for window in found:
        rows = standard[window.severity]
        assert factor(window, period) * budget <= POLICY.highest_ratio
        assert factor(window, period) >= POLICY.least_factor(window.severity)
        assert outage_seconds(window, budget, period) <= max(row.latest for row in rows)
        assert window.short <= window.long / 2
        assert window.hold >= 120
        assert any(
            window.budget_share <= row.standard.budget_share and window.long <= row.standard.long for row in rows
        )
    if objective >= Decimal("0.77"):
        fastest = min(outage_seconds(window, budget, period) for window in found if window.severity is Severity.PAGE)
        assert fastest <= 600


@given(thousandths=st.integers(min_value=1, max_value=9998), days=st.sampled_from([7, 28, 30, 90]))
def test_a_derived_share_has_two_digits(thousandths: int, days: int) -> None:
    """People can read and check the numbers: no share has more than two significant digits."""
    for window in alert_windows(Decimal(thousandths) / 10000, days * DAY, POLICY):
        assert len(window.budget_share.normalize().as_tuple().digits) <= 2


def test_a_policy_needs_a_row_for_each_pair(tmp_path: Path) -> None:
    """A table of four pairs with three rows is refused, with the place of what is wrong."""
    text = (Path(__file__).parents[2] / "slo" / "windows.yaml").read_text(encoding="utf-8")
    path = tmp_path / "windows.yaml"
    path.write_text(text.replace("    - {latest: 1d, factor: 0.9}\n", ""), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"reachable\.rows"):
        load_policy(path)
