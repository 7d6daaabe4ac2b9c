"""The page's metrics as a table for the documentation, made from the instruments themselves."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from service.deployments.model import ROLES
from service.llm.calls import Model
from service.telemetry.calls import CallMetrics
from service.telemetry.metrics import Metrics
from service.telemetry.pools import PoolUse

_HEAD = "| metric | type | labels | series | buckets | formula | unit |\n|---|---|---|---|---|---|---|"
BEGIN, END = "<!-- metrics -->", "<!-- /metrics -->"
_UNITS = (
    ("_seconds", "seconds"),
    ("_usd_total", "US dollars"),
    ("_ratio", "ratio"),
    ("_tokens_total", "tokens"),
    ("_token_usage", "tokens"),
)
EXAMPLES = (
    Model("model-1", "provider-1", "model-1", 32_768, 1_024, 1.0, 1.0, 1.0),
    Model("model-2", "provider-2", "model-2", 32_768, 1_024, 0.0, 0.0, 0.0),
)
"""Two models of two providers."""
_MOST_SHOWN = 25
EXAMPLE_ROUTES = (("/v1/chat", "POST"),)
"""One route: what stands for each route or model is counted once here."""

EXAMPLE_DEPENDENCIES = ("database", "index", "language_models", "signing_keys", "redis")
EXAMPLE_POOLS = ("database", "redis")


def example_registry(models: Iterable[Model]) -> CollectorRegistry:
    """Every instrument, for one route and these models."""
    known = list(models)
    writers = {model.name: model.provider for model in known} | {"extractive": "embedded"}
    metrics = Metrics(EXAMPLE_ROUTES, writers, lambda: 0.0)
    calls = CallMetrics(metrics, known, [known[0].name] if known else [])
    calls.watch_states(lambda: {model.name: "closed" for model in known}, lambda: dict.fromkeys(ROLES, 0.0))
    for name in EXAMPLE_DEPENDENCIES:
        metrics.dependency_up(name, up=True)
        metrics.dependency_latency(name, 0.0)
    for name in EXAMPLE_POOLS:
        metrics.pools.watch(name, lambda: PoolUse(0, 0, 1))
    return metrics.registry


def metric_table(registry: CollectorRegistry) -> str:
    """One row for each metric, by name."""
    rows = sorted(_row(family) for family in registry.collect())
    return "\n".join([_HEAD, *rows])


def _row(family: Metric) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    values: dict[str, set[str]] = {}
    for sample in family.samples:
        for label, value in sample.labels.items():
            values.setdefault(label, set()).add(value)
    edges = sorted((float(edge) for edge in values.pop("le", ())), key=float)
    labels = "; ".join(_label(label, found) for label, found in values.items())
    buckets = " ".join(f"{edge:g}" for edge in edges if edge != float("inf"))
    return f"| `{name}` | {family.type} | {labels} | {len(family.samples)} | {buckets} | {family.documentation} | {_unit(name)} |"


def _unit(name: str) -> str:
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "count")


def put_into(page: str, table: str) -> str:
    """A page with the table between its marks; a page without them is a mistake of ours and raises ValueError."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the page lacks the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _label(label: str, values: set[str]) -> str:
    shown = " ".join(sorted(filter(None, values)))
    return f"`{label}` ({shown})" if len(values) <= _MOST_SHOWN and label not in ("endpoint", "route") else f"`{label}`"
