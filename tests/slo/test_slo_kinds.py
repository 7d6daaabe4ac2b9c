"""What the wire form of each kind of SLI becomes, by the example of a shop."""

from __future__ import annotations

from decimal import Decimal

import pytest

from slo.load import SPECS_FOLDER, examine_spec, load_spec, parse_spec
from slo.spec import (
    CompositeSLI,
    Direction,
    EventsSLI,
    LatencySLI,
    RatioSLI,
    RawSLI,
    Severity,
    Spec,
    TimeSliceSLI,
)

EXAMPLE = SPECS_FOLDER / "examples" / "shop.yaml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
DAY = 86400


@pytest.fixture(scope="module")
def shop() -> Spec:
    return load_spec(EXAMPLE)


def _changed(old: str, new: str) -> Spec:
    assert old in TEXT
    return parse_spec(TEXT.replace(old, new, 1).encode(), "shop.yaml")


def test_a_ratio(shop: Spec) -> None:
    """Good and bad values of a label, with the tags and the runbook of its alerts."""
    slo = shop.slo("availability")
    assert slo.sli == RatioSLI("http_requests_total", "code", ("2..", "3..", "404"), ("5..",))
    assert (slo.tags, slo.runbook) == ((("area", "storefront"),), "https://runbooks.example/shop/availability")


def test_members_have_objectives_and_thresholds_of_their_own(shop: Spec) -> None:
    """Free pages: 95 % in 2 s; paid ones: 99 % in 500 ms; each asks only its own series."""
    free, paid = shop.slo("pages-free"), shop.slo("pages-paid")
    assert [slo.objective for slo in (free, paid)] == [Decimal("0.95"), Decimal("0.99")]
    where = (("handler", "page"), ("tier", "paid"))
    assert paid.sli == LatencySLI("http_request_duration_seconds", Decimal("0.5"), where)
    assert (free.name, free.labels) == ("pages", (("tier", "free"),))


def test_default_stands_for_the_rest() -> None:
    """A map may name some members and a default."""
    spec = _changed("{free: 95%, paid: 99%}", "{paid: 99%, default: 90%}")
    assert spec.slo("pages-free").objective == Decimal("0.9")


def test_two_labels_make_the_product() -> None:
    """A list under `for_each` makes one SLO for each pair of values, in the order of the list."""
    text = TEXT.replace("  tier: [free, paid]", "  tier: [free, paid]\n  region: [eu, us]").replace(
        "for_each: tier", "for_each: [tier, region]"
    )
    spec = parse_spec(text.replace("pages-paid: 1", "pages-paid-eu: 1").encode(), "shop.yaml")
    assert [slo.id for slo in spec.slos if slo.name == "pages"] == [
        "pages-free-eu",
        "pages-free-us",
        "pages-paid-eu",
        "pages-paid-us",
    ]


def test_native_histograms(shop: Spec) -> None:
    """`native: true` marks a histogram without buckets."""
    sli = shop.slo("search").sli
    assert isinstance(sli, LatencySLI)
    assert sli.native


def test_a_calendar_month(shop: Spec) -> None:
    """Alerts reckon with 30 days, the budget is that of the month; owner and guard are the SLO's own."""
    slo = shop.slo("checkout")
    assert (slo.calendar, slo.window, slo.owner, slo.least_events) == (True, 30 * DAY, "payments-team", 20)


def test_selectors_get_the_labels_of_the_service(shop: Spec) -> None:
    """The spec's selector joins each counter's, and a label that stands there already is not repeated."""
    sli = shop.slo("checkout").sli
    assert sli == EventsSLI('orders_total{job="shop"}', bad='orders_total{outcome=~"declined|error",job="shop"}')
    kept = _changed("valid: orders_total\n", 'valid: orders_total{job=~"shop|till"}\n').slo("checkout").sli
    assert isinstance(kept, EventsSLI)
    assert kept.valid == 'orders_total{job=~"shop|till"}'


def test_expressions_of_members_name_their_value() -> None:
    """`$tier` becomes the member's value; a selector without it gets the label by itself."""
    events = '{valid: "orders_total", bad: "sum(increase(orders_failed_total{tier=\\"$tier\\"}[$window]))"}'
    spec = _changed(
        "  regions:\n",
        f"  orders:\n    title: Orders\n    objective: 99%\n    for_each: tier\n    events: {events}\n  regions:\n",
    )
    sli = spec.slo("orders-paid").sli
    assert sli == EventsSLI(
        'orders_total{job="shop",tier="paid"}', bad='sum(increase(orders_failed_total{tier="paid"}[$window]))'
    )


def test_a_label_whose_name_begins_the_words_window_is_put_in_where_it_stands() -> None:
    """`$w` is the member's value and `$window` still the range; a comment is left out, for a rule goes on behind the expression."""
    events = "{valid: orders_total, bad: 'sum(increase(failed_total{w=\"$w\"}[$window])) # all'}"
    added = f"  orders: {{title: Orders, objective: 99%, for_each: w, events: {events}}}\n"
    spec = _changed("  tier: [free, paid]\n\nslos:\n", f"  tier: [free, paid]\n  w: [a, b]\n\nslos:\n{added}")
    sli = spec.slo("orders-b").sli
    assert isinstance(sli, EventsSLI)
    assert sli.bad == 'sum(increase(failed_total{w="b"}[$window]))'


def test_the_order_of_groups_means_nothing() -> None:
    """A composite by region and tier joins components by tier and region."""
    sli = "ratio: {metric: orders_total, label: outcome, good: [ok], bad: [error]}"
    added = (
        f"  one: {{title: One, objective: 99%, group_by: [region, tier], {sli}}}\n"
        f"  two: {{title: Two, objective: 99%, group_by: [tier, region], {sli}}}\n"
        "  both: {title: Both, objective: 99%, group_by: [region, tier], composite: {components: {one: 1, two: 1}}}\n"
    )
    assert _changed("\nslos:\n", f"\nslos:\n{added}").slo("both").group_by == ("region", "tier")


def test_an_expression_may_keep_its_groups_in_many_ways() -> None:
    """Only what surely drops a label of `group_by` is refused."""
    for kept in (
        "sum by (tier, region) (increase(failed_total[$window]))",
        "sum without (pod) (increase(failed_total[$window]))",
        "increase(failed_total[$window])",
        "topk(3, increase(failed_total[$window]))",
        'label_replace(sum(increase(failed_total[$window])), "region", "eu", "", "")',
        "sum by (region) (increase(a_total[$window])) / scalar(sum(increase(b_total[$window])))",
    ):
        events = f"{{valid: orders_total, bad: '{kept}'}}"
        added = f"  orders: {{title: Orders, objective: 99%, group_by: region, events: {events}}}\n"
        assert _changed("\nslos:\n", f"\nslos:\n{added}").slo("orders").group_by == ("region",)


def test_groups_are_no_members(shop: Spec) -> None:
    """`group_by` makes one SLO whose rules keep the label."""
    slo = shop.slo("regions")
    assert (slo.group_by, slo.labels) == (("region",), ())
    assert isinstance(slo.sli, EventsSLI)
    assert slo.sli.good is not None
    assert slo.sli.bad is None


def test_time_slices(shop: Spec) -> None:
    """A slice of a minute is good while the value lies at most at 30 seconds."""
    sli = shop.slo("queue").sli
    assert isinstance(sli, TimeSliceSLI)
    assert (sli.slice, sli.direction, sli.limit) == (60, Direction.AT_MOST, 30)
    assert shop.slo("queue").window == 28 * DAY


@pytest.mark.parametrize(
    ("limit", "value"),
    [("30", "30"), ("1m30s", "90"), ("99.5%", "0.995"), ("0.25", "0.25"), ("-1", "-1"), ("500ms", "0.5")],
)
def test_limits_of_values(limit: str, value: str) -> None:
    """A limit is a number, a percent as a share, or a duration in seconds."""
    sli = _changed("at_most: 30s", f"at_most: {limit}").slo("queue").sli
    assert isinstance(sli, TimeSliceSLI)
    assert sli.limit == Decimal(value)


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        ("ratio: {metric: jobs_total, label: outcome, good: [ok], bad: [failed]}", RatioSLI),
        ("latency: {metric: job_seconds, threshold: 5s}", LatencySLI),
        ("events: {valid: jobs_total, bad: jobs_failed_total}", EventsSLI),
    ],
)
def test_slices_of_events(of: str, kind: type) -> None:
    """A slice may look at the share of good events of any counted SLI."""
    value = 'value: max(max_over_time(queue_oldest_message_age_seconds{job="shop"}[$window]))\n      at_most: 30s'
    sli = _changed(value, f"{of}\n      at_least: 99%").slo("queue").sli
    assert isinstance(sli, TimeSliceSLI)
    assert isinstance(sli.of, kind)
    assert (sli.direction, sli.limit) == (Direction.AT_LEAST, Decimal("0.99"))


def test_raw_with_windows_of_its_own(shop: Spec) -> None:
    """An own table is taken as it stands."""
    slo = shop.slo("probe")
    assert isinstance(slo.sli, RawSLI)
    assert [(window.severity, window.long) for window in slo.windows] == [
        (Severity.PAGE, 3600),
        (Severity.TICKET, 3 * DAY),
    ]


def test_a_composite(shop: Spec) -> None:
    """Components keep the order of the spec, weights are exact."""
    assert shop.slo("shopping").sli == CompositeSLI(
        (("availability", Decimal(3)), ("checkout", Decimal(2)), ("pages-paid", Decimal(1)))
    )


def test_standard_windows_are_the_workbooks() -> None:
    """At 90 % `standard` keeps 14.4 at an hour, which cannot fire; `reachable` does not."""
    spec = _changed("window: 30d\nselector", "window: 30d\nalerting: {windows: standard}\nselector")
    assert [window.long for window in spec.slo("search").windows] == [3600, 6 * 3600, DAY, 3 * DAY]
    assert load_spec(EXAMPLE).slo("search").windows != spec.slo("search").windows


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("metric: http_requests_total", "metric: http_requests", "no counter by its name"),
        (
            "metric: http_request_duration_seconds",
            "metric: http_request_duration",
            "does not say that it counts seconds",
        ),
        ("{availability: 3, checkout: 2, pages-paid: 1}", "{availability: 3}", "one component only"),
    ],
)
def test_what_is_doubtful_is_a_warning(old: str, new: str, said: str) -> None:
    """Allowed and probably not meant: the spec is made, and a warning has line and mend."""
    examined = examine_spec(TEXT.replace(old, new, 1).encode(), "shop.yaml")
    assert examined.spec is not None
    (warning,) = examined.warnings
    assert said in warning.message
    assert warning.line is not None
    assert warning.advice
