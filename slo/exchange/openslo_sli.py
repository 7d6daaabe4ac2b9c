"""OpenSLO's indicators and budgeting methods as SLIs of ours."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from slo.exchange import openslo_wire as wire
from slo.exchange.counting import Indicator, Query, error_ratio, event_counts, mean_of_slices, value_slices
from slo.exchange.ledger import Ledger, Place
from slo.exchange.naming import from_shorthand, percent
from slo.exchange.notices import without_place
from slo.exchange.openslo_objects import Library
from slo.quantities import UNITS, format_duration, format_number

SAMPLED_SLICE = UNITS["m"]
"""Seconds of the slices that stand for the samples of a threshold metric, of which OpenSLO counts each."""
_QUERY_KEYS = ("query", "promql", "expr")


@dataclass(frozen=True, slots=True)
class Measured:
    """What an SLO of OpenSLO looks at.

    Attributes:
        spec: The SLI.
        place: Of the SLI's spec.
    """

    spec: wire.SLISpec
    place: Place


def measured(owner: wire.SLOSpec | wire.Objective, place: Place, library: Library, ledger: Ledger) -> Measured | None:
    """The SLI of an SLO or of a composite's objective: inline or by name."""
    if owner.indicator is not None and owner.indicator_ref is not None:
        ledger.wrong(place, "has both indicator and indicatorRef", "keep one of them")
        return None
    if owner.indicator is not None:
        return _held(owner.indicator.spec, owner.indicator.metadata, place / "indicator", ledger)
    if owner.indicator_ref is not None:
        found = library.referred("SLI", owner.indicator_ref, place / "indicatorRef", ledger)
        return None if found is None else _held(found.wire.spec, found.wire.metadata, found.place, ledger)
    ledger.wrong(place, "has neither indicator nor indicatorRef", "say what is measured")
    return None


def _held(spec: wire.SLISpec, metadata: wire.Metadata | None, place: Place, ledger: Ledger) -> Measured:
    if metadata is not None:
        without_place(metadata.labels, metadata.annotations, place / "metadata", ledger, what="SLIs")
    return Measured(spec, place / "spec")


def indicator_of(
    sli: Measured, method: str, objective: wire.Objective, place: Place, library: Library, ledger: Ledger
) -> Indicator | None:
    """Our SLI for theirs under a budgeting method; None when it cannot be carried or is invalid.

    Args:
        sli: What is measured.
        method: The budgeting method.
        objective: Its target for slices, and its limit for values.
        place: Of the objective.
        library: Where data sources are found.
        ledger: Takes findings and problems.
    """
    ratio, threshold = sli.spec.ratio_metric, sli.spec.threshold_metric
    if (ratio is None) == (threshold is None):
        ledger.wrong(sli.place, "needs exactly one of ratioMetric and thresholdMetric", "keep one of them")
        return None
    if method == "Occurrences" and (objective.time_slice_target, objective.time_slice_window) != (None, None):
        ledger.carried(
            place, "timeSliceTarget and timeSliceWindow are for slices: beside Occurrences they mean nothing"
        )
    length = _slice(objective, method, place, ledger)
    share = _slice_target(objective, method, place, ledger)
    if length is None or share is None:
        return None
    if threshold is not None:
        return _threshold(threshold, method, objective, length, share, Context(sli.place, place, library, ledger))
    if ratio is None:
        return None
    if objective.op is not None or objective.value is not None:
        ledger.carried(place, "op and value compare thresholds only: beside a ratio the specification ignores them")
    context = Context(sli.place / "ratioMetric", place, library, ledger)
    if ratio.raw is not None:
        return _raw(ratio, method, length, share, context)
    return _counted(ratio, method, length, share, context)


@dataclass(frozen=True, slots=True)
class Context:
    """Where an SLI and its objective stand."""

    sli: Place
    objective: Place
    library: Library
    ledger: Ledger


def _counted(
    ratio: wire.RatioMetric, method: str, length: Decimal, share: Decimal, context: Context
) -> Indicator | None:
    ledger = context.ledger
    sides = [side for side in ("good", "bad") if getattr(ratio, side) is not None]
    if len(sides) != 1 or ratio.total is None:
        ledger.wrong(context.sli, "needs exactly one of good and bad, and total", "or rawType and raw")
        return None
    side = sides[0]
    counter = ratio.counter is not False
    one = _query(getattr(ratio, side), context.sli / side, context, counter=counter)
    total = _query(ratio.total, context.sli / "total", context, counter=counter)
    if one is None or total is None:
        return None
    if method == "RatioTimeslices":
        return mean_of_slices(side, one, total, length, ledger)
    events = event_counts(side, one, total, ledger)
    if events is None or method == "Occurrences":
        return events
    return _sliced(events, length, share)


def _sliced(inner: Indicator, length: Decimal, share: Decimal) -> Indicator:
    entry: dict[str, Any] = {
        "slice": format_duration(length),
        inner.kind: inner.entry,
        "at_least": percent(share),
    }
    return Indicator("time_slices", entry, inner.group_by, length)


def _raw(ratio: wire.RatioMetric, method: str, length: Decimal, share: Decimal, context: Context) -> Indicator | None:
    ledger = context.ledger
    if ratio.raw is None or ratio.raw_type is None:
        ledger.wrong(context.sli, "raw needs rawType", "write rawType: success or failure")
        return None
    if ratio.good is not None or ratio.bad is not None or ratio.total is not None:
        ledger.wrong(context.sli, "has raw beside good, bad or total", "keep one of both")
        return None
    query = _query(ratio.raw, context.sli / "raw", context)
    if query is None:
        return None
    success = ratio.raw_type == "success"
    if method != "Timeslices":
        return error_ratio(query, ledger, success=success)
    side, limit = ("at_least", share) if success else ("at_most", 1 - share)
    return value_slices(query, side, percent(limit), length, ledger)


def _threshold(
    metric: wire.Metric, method: str, objective: wire.Objective, length: Decimal, share: Decimal, context: Context
) -> Indicator | None:
    ledger = context.ledger
    if objective.op is None or objective.value is None:
        ledger.wrong(context.objective, "a thresholdMetric needs op and value", "write op: lte and value: 0.5, say")
        return None
    query = _query(metric, context.sli / "thresholdMetric", context)
    if query is None:
        return None
    if objective.op in ("lt", "gt"):
        said = f"op {objective.op}: a value that equals the limit is good too"
        ledger.approximated(context.objective / "op", said, "move the value by a hair where that matters")
    if method == "Occurrences":
        ledger.approximated(
            context.objective, "minutes are counted instead of samples", "use Timeslices to say how long"
        )
    elif share < 1:
        said = f"a slice is good when its worst value is, not when {percent(share)} of its values are"
        ledger.approximated(context.objective, said, "shorten the slices, or set timeSliceTarget: 1")
    elif method == "RatioTimeslices":
        ledger.approximated(context.objective, "a slice is good or bad, without a share", "shorten the slices")
    side = "at_most" if objective.op in ("lte", "lt") else "at_least"
    return value_slices(query, side, format_number(objective.value), length, ledger)


def _slice(objective: wire.Objective, method: str, place: Place, ledger: Ledger) -> Decimal | None:
    """Length of a slice in seconds; a stand-in where events are counted."""
    if method == "Occurrences":
        return SAMPLED_SLICE
    if objective.time_slice_window is None:
        ledger.wrong(place, f"{method} needs timeSliceWindow", "write the length of a slice, such as 1m")
        return None
    length = from_shorthand(objective.time_slice_window)
    if length is None:
        said = f"{objective.time_slice_window[:60]!r} is no length of a slice"
        ledger.wrong(place / "timeSliceWindow", said, "write a whole number and m, h or d: 5m")
    return length


def _slice_target(objective: wire.Objective, method: str, place: Place, ledger: Ledger) -> Decimal | None:
    """Share of a slice that must be good; of other methods all of it."""
    if method != "Timeslices":
        return Decimal(1)
    if objective.time_slice_target is None:
        ledger.wrong(place, "Timeslices needs timeSliceTarget", "write the share that makes a slice good, such as 0.95")
        return None
    if not 0 < objective.time_slice_target <= 1:
        ledger.wrong(place / "timeSliceTarget", "must lie over 0, and at most at 1", "write a share such as 0.95")
        return None
    return objective.time_slice_target


def _query(metric: wire.Metric, place: Place, context: Context, *, counter: bool = True) -> Query | None:
    """The PromQL of a metric; None where it asks something else than Prometheus."""
    source, here, ledger = metric.metric_source, place / "metricSource", context.ledger
    kind = source.type
    if source.metric_source_ref is not None:
        found = context.library.find("DataSource", source.metric_source_ref)
        kind = kind or (None if found is None else found.wire.spec.type)
    if kind is not None and kind.lower() != "prometheus":
        ledger.lost(here, f"asks {kind[:60]}, not Prometheus", "write the same in PromQL, and type: Prometheus")
        return None
    spec = source.spec or {}
    key = next((key for key in _QUERY_KEYS if isinstance(spec.get(key), str) and spec[key].strip()), None)
    if key is None:
        ledger.lost(here / "spec", "holds no query", "write it in PromQL under query")
        return None
    if kind is None:
        ledger.approximated(here, "names no type of source: its query is read as PromQL", "write type: Prometheus")
    for other in spec:
        if other != key:
            ledger.lost(here / "spec" / str(other), "our specs hold the query only", "put it into the query")
    return Query(spec[key], here / "spec" / key, counter)
