"""The SLOs over a run, from Prometheus: exact counts, never rates, and no number where Prometheus did not look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slo import names
from slo.evidence import Item, judged, unmeasured
from slo.sli import bad_events, base_labels, matchers, named, valid_events
from slo.spec import SLO, Cell, Gate, RatioSLI, Spec
from slo.statistics import ratio
from target.errors import PrometheusDown
from target.prometheus import Counts, Coverage, Prometheus

GATE = "slo"


def measure_slos(
    prometheus: Prometheus | None, spec: Spec, start: datetime, end: datetime, scrape_interval: float
) -> tuple[tuple[Item, ...], dict[str, Any]]:
    """Measure every SLO that the spec's gate `slo` asks for, between two instants.

    Args:
        prometheus: Where the service was scraped; None when there is no Prometheus.
        spec: A loaded spec.
        start: Begin of the window; a scrape has to lie before it.
        end: End of the window; wait for one more scrape before measuring (`Prometheus.await_scrape`).
        scrape_interval: Seconds between two scrapes.

    Returns:
        One item for each SLO, and the evidence's details. What cannot be known is an ERROR with its reason, never a number.
    """
    gate = spec.gate(GATE)
    slos = tuple(slo for slo in spec.slos if _cell(slo) in gate.cells)
    window = (start.timestamp(), end.timestamp())
    coverage, reason = _coverage(prometheus, spec.selector, window, scrape_interval)
    items, details = [], []
    for slo in slos:
        counts = Counts(None, None, reason)
        if prometheus is not None and not reason:
            counts = _counts(prometheus, slo, window, scrape_interval)
        items.append(_item(gate, slo, counts))
        details.append(_details(slo, counts, coverage, window))
    return tuple(items), {"slos": details, "coverage_ratio": coverage.ratio, "scrape_interval_seconds": scrape_interval}


def counters(slo: SLO) -> tuple[str, ...]:
    """Selectors of the counters behind an SLI; a reset of one of them spoils the difference."""
    sli = named(slo)
    metric = sli.metric if isinstance(sli, RatioSLI) else sli.metric + names.COUNT
    return (metric + matchers(base_labels(sli, slo)),)


def _cell(slo: SLO) -> Cell:
    return (("slo", slo.id),)


def _coverage(
    prometheus: Prometheus | None, selector: Cell, window: tuple[float, float], scrape_interval: float
) -> tuple[Coverage, str]:
    """The coverage of the window, and why nothing can be measured in it; empty when it can."""
    if prometheus is None:
        return Coverage(0.0), "there was no Prometheus to ask: see make doctor"
    try:
        coverage = prometheus.coverage(selector, *window, scrape_interval)
    except PrometheusDown as error:
        return Coverage(0.0), str(error)
    return coverage, coverage.gap


def _counts(prometheus: Prometheus, slo: SLO, window: tuple[float, float], scrape_interval: float) -> Counts:
    try:
        return prometheus.counts(
            bad_events(slo, None), valid_events(slo, None), *window, counters=counters(slo), margin=2 * scrape_interval
        )
    except PrometheusDown as error:
        return Counts(None, None, str(error))


def _item(gate: Gate, slo: SLO, counts: Counts) -> Item:
    labels = dict(_cell(slo))
    if counts.bad is None or counts.valid is None:
        return unmeasured(gate, labels, counts.reason)
    return judged(gate, labels, ratio(counts.valid - counts.bad, counts.valid))


def _details(slo: SLO, counts: Counts, coverage: Coverage, window: tuple[float, float]) -> Mapping[str, Any]:
    return {
        "slo": slo.id,
        "title": slo.title,
        "window_seconds": window[1] - window[0],
        "query_bad": bad_events(slo, None),
        "query_valid": valid_events(slo, None),
        "bad": counts.bad,
        "valid": counts.valid,
        "coverage": coverage.ratio,
        "reason": counts.reason,
    }
