"""Generated specs of ours, of every kind and combination that a spec can hold."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Plain = dict[str, Any]

LABELS = {"tier": ["free", "paid"], "region": ["eu", "us-1", "AP.x_2"], "zone": ["eu", "b"]}
METRICS = st.sampled_from(["http_requests_total", "jobs_total", "orders:seen", "x_count"])
PERCENTS = st.one_of(
    st.sampled_from(["99.9%", "95 %", "80%", "50%", "99.99%", "0.1%", "99.999999999999999%", "12.345678901234567%"]),
    st.decimals("0.5", "99.9", places=3).map(lambda value: f"{value}%"),
)
TITLES = st.one_of(
    st.sampled_from(
        ["Requests answered", "x" * 200, "Jawaban — tepat waktu", ": #", "- a", "'", '"', "true", "1", " "]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=70).filter(
        lambda text: "{{" not in text and "}}" not in text
    ),
)
WINDOWS = st.sampled_from(["30d", "28d", "7d", "4w", "month", "90d", "26h", "1441m"])
EXPRESSIONS = st.sampled_from(
    [
        "sum(increase(done_total[$window]))",
        'sum by (shard) (increase(done_total{code=~"5..|{{x"}[$window]))',
        'count_over_time((up{job="x"} > 0)[$window:30s])',
    ]
)
SELECTORS = st.sampled_from(["done_total", 'done_total{code!~"5.."}', 'done_total{a="b", c!="d"}', "done_count{}"])


def _ratio() -> st.SearchStrategy[Plain]:
    where = st.sampled_from([{}, {"handler": "page"}, {"a": "é", "b": "$x"}])
    return st.builds(
        lambda metric, where: {
            "metric": metric,
            "label": "code",
            "good": ["2.."],
            "bad": ["5..", "429"],
            "where": where,
        },
        METRICS,
        where,
    )


def _latency(label: str | None) -> st.SearchStrategy[Plain]:
    one = st.sampled_from(["2s", "500ms", "1.5s", "60s"])
    by_value = st.fixed_dictionaries(dict.fromkeys(LABELS[label], one)) if label else st.nothing()
    with_default = st.builds(lambda a, b: {LABELS[label or "tier"][0]: a, "default": b}, one, one) if label else one
    return st.builds(
        lambda threshold, native: {"metric": "page_seconds", "threshold": threshold, "native": native},
        st.one_of(one, by_value, with_default) if label else one,
        st.booleans(),
    )


def _events(label: str | None) -> st.SearchStrategy[Plain]:
    mine = f'sum(increase(failed_total{{t="${label}"}}[$window]))' if label else "sum(increase(failed_total[$window]))"
    one = st.one_of(SELECTORS.map(lambda text: text.replace("done", "failed")), st.just(mine))
    valid = SELECTORS if label else st.one_of(SELECTORS, EXPRESSIONS)
    return st.builds(lambda side, one, valid: {"valid": valid, side: one}, st.sampled_from(["bad", "good"]), one, valid)


def _slices(label: str | None) -> st.SearchStrategy[Plain]:
    share = st.sampled_from(["99%", "50%", "100%", "0%"])
    counted = st.builds(
        lambda length, inner, limit: {"slice": length, inner[0]: inner[1], "at_least": limit},
        st.sampled_from(["1m", "30s", "2m", "95s"]),
        st.one_of(
            _ratio().map(lambda entry: ("ratio", entry)),
            _latency(label).map(lambda entry: ("latency", entry)),
            _events(label).map(lambda entry: ("events", entry)),
        ),
        share,
    )
    value = st.builds(
        lambda length, side, limit: {
            "slice": length,
            "value": f'max(max_over_time(age_seconds{{t="{f"${label}" if label else "x"}"}}[$window]))',
            side: limit,
        },
        st.sampled_from(["1m", "45s"]),
        st.sampled_from(["at_least", "at_most"]),
        st.sampled_from(["30s", 5, 0.25, "12.5", "-3"]),
    )
    return st.one_of(counted, value)


def _raw(label: str | None) -> st.SearchStrategy[Plain]:
    inside = f'{{t="${label}"}}' if label else ""
    return st.just({"error_ratio": f"1 - avg(avg_over_time(probe_success{inside}[$window]))"})


def _windows() -> st.SearchStrategy[Any]:
    table = [
        {"severity": "page", "budget_share": "1%", "long": "1h", "short": "301s", "for": "90s"},
        {"severity": "ticket", "budget_share": "0.123%", "long": "6h", "short": "30m", "for": "15m"},
    ]
    return st.sampled_from(["reachable", "none", table, table[:1]])


@st.composite
def slos(draw: st.DrawFn) -> Plain:
    """One family of SLOs."""
    each = draw(st.sampled_from([None, "tier", "region", ["region", "tier"], ["tier", "zone"]]))
    label = each if isinstance(each, str) else each[0] if each else None
    kinds = {
        "ratio": _ratio(),
        "latency": _latency(label),
        "events": _events(label),
        "raw": _raw(label),
        "time_slices": _slices(label),
    }
    kind = draw(st.sampled_from(sorted(kinds)))
    entry: Plain = {"title": draw(TITLES), kind: draw(kinds[kind])}
    per_value = st.fixed_dictionaries(dict.fromkeys(LABELS[label], PERCENTS)) if label else PERCENTS
    entry["objective"] = draw(st.one_of(PERCENTS, per_value))
    optional: dict[str, st.SearchStrategy[Any]] = {
        "window": WINDOWS,
        "owner": st.just("web-team"),
        "group_by": st.sampled_from(["shard", ["shard", "pod"]]),
        "labels": st.sampled_from(
            [{"area": "front"}, {"area": "a b", "_x": "y", "long": "z" * 80, "é2": "1"}, {"k": "v:w"}]
        ),
        "labels_by_severity": st.sampled_from(
            [{"page": {"key": "a b"}}, {"ticket": {"area": "x"}, "page": {"area": "y", "v": "#z"}}]
        ),
        "runbook": st.just("https://runbooks.example/a?b=c"),
        "alerting": _windows().map(lambda windows: {"windows": windows}),
        **({"least_events": st.integers(0, 50)} if kind in ("ratio", "latency", "events") else {}),
    }
    for key in draw(st.lists(st.sampled_from(sorted(optional)), unique=True, max_size=4)):
        entry[key] = draw(optional[key])
    if "labels" in entry:
        entry["labels"].pop("é2", None)
    if each:
        entry["for_each"] = each
    return entry


@st.composite
def specs(draw: st.DrawFn) -> Plain:
    """A spec; some of them our reader refuses, which is for the test to see."""
    names = draw(
        st.lists(st.sampled_from(["a", "pages", "pages-free", "x1-y2", "z" * 40]), unique=True, min_size=1, max_size=3)
    )
    found: Plain = {name: draw(slos()) for name in names}
    single = [name for name, entry in found.items() if "for_each" not in entry]
    if len(single) > 1 and draw(st.booleans()):
        weights = st.sampled_from([1, 2.5, "0.125"])
        found["whole"] = {
            "title": "Whole",
            "objective": draw(PERCENTS),
            "composite": {"components": {name: draw(weights) for name in single}},
        }
    head: Plain = {
        "spec": "courtsight/slo/v1",
        "service": "shop",
        "owner": "shop-team",
        "window": draw(WINDOWS),
        "labels": LABELS,
    }
    optional = {
        "deployment": "shop-eu",
        "selector": {"job": "shop"},
        "evidence_max_age": "2d",
        "links": {"runbooks": "https://git.example.com/shop", "dashboards": "http://grafana:3000/x"},
        "alerting": {"windows": "reachable"},
    }
    for key in draw(st.lists(st.sampled_from(sorted(optional)), unique=True)):
        head[key] = optional[key]
    return {**head, "slos": found}
