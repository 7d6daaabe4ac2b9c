"""Whose series an SLI counts: without a label of the targets, two services that export one metric are added up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slo import names
from slo.promql import PromQLError, read_expression
from slo.spec import SLI, SLO, Cell, CompositeSLI, EventsSLI, LatencySLI, RatioSLI, RawSLI, TimeSliceSLI

TARGET_LABELS = frozenset(
    {
        *(names.JOB, names.INSTANCE, "exported_job", "service", "exported_service", "service_name", "target", "host"),
        *("app", "application", "component", "deployment", "app_kubernetes_io_name", "app_kubernetes_io_instance"),
        *("namespace", "exported_namespace", "kubernetes_namespace", "service_namespace", "pod", "container"),
    }
)
"""Labels by which Prometheus, its operator and OpenTelemetry tell whose target a series is from."""
_PICKS = ("=", "=~")


def shared_metrics(slos: Iterable[SLO], selector: Cell) -> tuple[str, ...]:
    """Metrics that other services may export too, and that nothing in selector and SLI tells apart, each once.

    A selector that names a target's label answers for all of them; one that is empty is another matter, of which the reader warns. A
    metric called after the service, `shop_orders_total`, is taken for its own, and so is one that a recording rule made.
    """
    if not selector or TARGET_LABELS & {label for label, _ in selector}:
        return ()
    found = (metric for slo in slos for metric in _unaddressed(slo.sli) if not _own(metric, slo.service))
    return tuple(dict.fromkeys(found))


def _own(metric: str, service: str) -> bool:
    return ":" in metric or metric.startswith(service.replace("-", "_") + "_")


def _unaddressed(sli: SLI | str) -> Iterator[str]:
    if isinstance(sli, CompositeSLI):
        return
    if isinstance(sli, RatioSLI | LatencySLI):
        if not TARGET_LABELS & {label for label, _ in sli.where}:
            yield sli.metric
    elif isinstance(sli, TimeSliceSLI):
        yield from _unaddressed(sli.of)
    elif isinstance(sli, EventsSLI):
        for text in (sli.valid, sli.bad, sli.good):
            yield from _unaddressed(text) if text is not None else ()
    else:
        yield from _of_expression(sli.error_ratio if isinstance(sli, RawSLI) else sli)


def _of_expression(text: str) -> Iterator[str]:
    try:
        read = read_expression(text)
    except PromQLError:  # what cannot be read is told by the reader of the spec
        return
    if not any(one.label in TARGET_LABELS and one.operator in _PICKS for one in read.matchers):
        yield from read.metrics
