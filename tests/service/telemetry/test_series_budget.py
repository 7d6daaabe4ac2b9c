"""However many models an installation names, the page of metrics keeps its size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.app import _routes
from service.chosen import writers_of
from service.llm.attempt import CallRecord
from service.llm.calls import Model, Usage
from service.llm.endpoints import Providers
from service.telemetry.calls import CallMetrics
from service.telemetry.labels import SERIES_BUDGET, OwnLabel, most_models
from service.telemetry.metrics import Metrics

FIRST = Model("model-0", "provider-0", "model-0", 32_768, 1_024, 0.0, 0.0, 0.0)
MANY = 60


def models(number: int) -> list[Model]:
    return [replace(FIRST, name=f"model-{n}", provider=f"provider-{n}", input_usd=float(n % 2)) for n in range(number)]


def instruments(number: int, label: OwnLabel | None) -> tuple[Metrics, CallMetrics]:
    known = models(number)
    named = writers_of(None, Providers((), tuple(known), {}), label) if known else {"extractive": "embedded"}
    metrics = Metrics(_routes(), named, lambda: 0.0, label=label)
    calls = CallMetrics(metrics, known, [one.name for one in known[:3]])
    calls.watch_states(lambda: {one.name: "closed" for one in known}, lambda: dict.fromkeys(("judge", "public"), 0.5))
    return metrics, calls


def own_label(values: int) -> OwnLabel | None:
    return OwnLabel("channel", tuple(f"v{n}" for n in range(values)), "x-channel") if values else None


@pytest.mark.parametrize("values", [0, 1, 3, 6])
@pytest.mark.parametrize("number", [1, 5, 9, 12, MANY])
def test_the_page_stays_within_its_budget(values: int, number: int) -> None:
    """With as many values of an own label as a deployment may have, and with more models than anybody should name."""
    page = instruments(number, own_label(values))[0].render()[0].decode()
    assert sum(not line.startswith("#") for line in page.splitlines()) <= SERIES_BUDGET


def test_models_beyond_the_budget_are_counted_together() -> None:
    """The first ones have series of their own; calls, tokens, costs and fallbacks of the rest stand under `other`, none is lost."""
    metrics, calls = instruments(MANY, None)
    known = models(MANY)
    usage = Usage(input_tokens=10, output_tokens=5, source="provider")
    for one in known:
        calls.count(CallRecord(one, "judge", "ok", usage, 0.01, 1.0, 0.2))
        calls.fell_back("model-0" if one.name != "model-0" else "model-1", one.name, "timeout")
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.render()[0].decode())
        for sample in family.samples
    }

    def total(name: str, **labels: str) -> float:
        return sum(
            value for (one, held), value in samples.items() if one == name and labels.items() <= dict(held).items()
        )

    own = most_models(None)
    for name, label in (
        ("chatbot_llm_requests_total", "model"),
        ("chatbot_time_per_output_token_seconds_count", "model"),
        ("gen_ai_client_operation_duration_seconds_count", "gen_ai_request_model"),
        ("chatbot_llm_fallbacks_total", "to"),
    ):
        assert total(name, **{label: "model-0"}) == 1
        assert total(name, **{label: "other"}) == MANY - own
        assert total(name) == MANY
    assert total("chatbot_llm_tokens_total", type="input", model="other", provider="other") == 10 * (MANY - own)
    assert total("chatbot_llm_cost_usd_total", model="other") == pytest.approx(0.01 * (MANY - own))
