"""What the page shows where an installation has providers, typed by hand, and what a call leaves there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from service.deployments.load import deployment_file
from service.llm.attempt import CallRecord
from service.llm.calls import Usage

ROLES = "admin judge lawyer researcher public"
QUESTION = "Apa itu hukum pidana?"
STATUSES = "ok unreachable overloaded server_fault timeout cut_short malformed rejected filtered cancelled superseded"
REASONS = (
    "unreachable overloaded server_fault timeout cut_short malformed rejected filtered budget circuit_open no_model"
    " switched_off unverified engine_error"
)
METRICS: dict[str, tuple[str, dict[str, str], str]] = {
    "chatbot_llm_requests": ("counter", {"model": "m0 m1", "status": STATUSES, "is_free_model": "true false"}, ""),
    "chatbot_llm_cost_usd": ("counter", {"role": ROLES, "model": "m0 m1"}, ""),
    "chatbot_budget_used_ratio": ("gauge", {"role": ROLES}, ""),
    "chatbot_llm_usage_source": ("counter", {"provider": "p0", "source": "provider estimated missing"}, ""),
    "chatbot_llm_fallbacks": (
        "counter",
        {"from": "m0 other", "to": "m0 m1 extractive none", "reason": REASONS},
        "",
    ),
    "chatbot_llm_circuit_state": ("gauge", {"model": "m0 m1"}, ""),
    "chatbot_free_model_efficiency_ratio": ("gauge", {}, ""),
    "chatbot_cache_requests": ("counter", {"cache": "answers", "result": "hit miss shared bypass"}, ""),
    "chatbot_guardrail_checks": (
        "counter",
        {
            "guardrail": "none unsafe injection out_of_domain citation quotation figure support instruction other",
            "stage": "input output",
            "action": "kept refused abstained repaired marked withheld other",
        },
        "",
    ),
    "chatbot_time_per_output_token_seconds": (
        "histogram",
        {"model": "m0 m1"},
        "0.005 0.01 0.025 0.05 0.075 0.1 0.15 0.25 0.5 1",
    ),
    "chatbot_generation_duration_seconds": (
        "histogram",
        {"model": "m0 m1 extractive other"},
        "0.1 0.25 0.5 1 2 3 5 8 10 15 30 60",
    ),
    "chatbot_llm_tokens": (
        "counter",
        {
            "role": ROLES,
            "provider": "p0 embedded other",
            "model": "m0 m1 extractive other",
            "type": "input output cached reasoning",
        },
        "",
    ),
}


def providers(folder: Path, models: int, each: int) -> Path:
    """A file of many models on a port where nobody listens; every second one costs nothing.

    The total leaves no time for a second try, so that the tests wait for nothing.
    """
    made = [
        {
            "name": f"m{number}",
            "wire_name": f"w{number}",
            "context_tokens": 32_768,
            "output_tokens": 1_024,
            "input_usd_per_million": float(number % 2),
            "output_usd_per_million": float(number % 2),
        }
        for number in range(models)
    ]
    listed = [
        {"name": f"p{place}", "base_url": "http://127.0.0.1:9/v1", "models": made[place * each : (place + 1) * each]}
        for place in range(models // each)
    ]
    path = folder / "providers.yaml"
    path.write_text(yaml.safe_dump({"providers": listed, "limits": {"total_seconds": 5.0}}), encoding="utf-8")
    return path


@pytest.fixture
def build_models(build_house: Callable[..., Any], settings: Any, tmp_path: Path) -> Callable[..., Any]:
    """Makes a house whose models are all unreachable."""

    def build(
        models: int = 2, each: int = 2, fallback: str = "extractive", deployment: str = "courtsight", **more: Any
    ) -> Any:
        file = str(providers(tmp_path, models, each))
        changes = {"providers": file, "fallback": fallback, "deployment": deployment}
        return build_house(wanted=settings.model_copy(update=changes), **more)

    return build


def test_these_metrics_come_with_providers(build_models: Any) -> None:
    """Names, kinds, labels with all their values from the start on, and bucket edges; counters begin at zero."""
    page = build_models().page()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    for name, (kind, labels, edges) in METRICS.items():
        family = families[name]
        assert family.type == kind, name
        for label, values in labels.items():
            assert {sample.labels[label] for sample in family.samples} == {*values.split()}, (name, label)
        found = {float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels} - {float("inf")}
        assert found == {float(edge) for edge in edges.split()}, name
        if kind == "counter":
            assert {sample.value for sample in family.samples} == {0.0}, name


def test_the_page_stays_small_with_a_dozen_models(build_models: Any) -> None:
    """Twelve models of four providers leave the page under five thousand series, and a model stands beside its provider only."""
    house = build_models(models=12, each=3)
    house.page()
    assert sum(not line.startswith("#") for line in house.page().splitlines()) < 5_000
    tokens = [line for line in house.page().splitlines() if line.startswith("chatbot_llm_tokens_total")]
    assert not any('model="m0"' in line and 'provider="p1"' in line for line in tokens)


def test_unreachable_models_leave_an_extractive_answer(build_models: Any) -> None:
    """The question is answered, each try counts once, tokens of nobody are counted, and the fallback shows."""
    house = build_models()
    answer = house.ask("judge", QUESTION)
    assert answer["model"] == "extractive"
    assert answer["cached"] is False
    for model, free in (("m0", "true"), ("m1", "false")):
        assert house.sample("chatbot_llm_requests_total", model=model, status="unreachable", is_free_model=free) == 1
    assert (
        house.sample("chatbot_llm_fallbacks_total", **{"from": "m0", "to": "extractive", "reason": "unreachable"}) == 1
    )
    assert house.sample("chatbot_llm_usage_source_total", provider="p0", source="missing") == 2
    assert house.sample("chatbot_llm_tokens_total", role="judge", provider="p0", model="m1", type="input") == 0
    failed = [line for line in house.log_lines() if line["event"] == "llm_call_failed"]
    assert [line["model"] for line in failed] == ["m0", "m1"]
    (asked,) = [line for line in house.log_lines() if line.get("request_id") == answer["request_id"]]
    assert {line["trace_id"] for line in failed} == {asked["trace_id"]}
    assert QUESTION not in house.output.getvalue().decode()


def test_tokens_that_nobody_counted_stand_in_no_span(build_models: Any) -> None:
    """The span of a call that reached no model says nothing of tokens: nought would look as if somebody had counted."""
    exporter = InMemorySpanExporter()
    house = build_models(spans=SimpleSpanProcessor(exporter))
    house.ask("judge", QUESTION)
    calls = [span.attributes for span in exporter.get_finished_spans() if span.name.startswith("chat m")]
    assert [call["error.type"] for call in calls] == ["unreachable"] * 2
    assert not any("usage" in name for call in calls for name in call)


def test_without_a_fallback_nobody_answers(build_models: Any) -> None:
    """COURTSIGHT_FALLBACK=none turns unreachable models into 503 with a time to wait."""
    house = build_models(fallback="none")
    response = house.send("POST", "/v1/chat", "judge", json={"message": QUESTION})
    assert (response.status_code, response.json()["code"]) == (503, "provider_unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert house.sample("chatbot_errors_total", error_type="provider_unavailable", endpoint="/v1/chat") == 1


def test_a_role_without_a_budget_is_not_answered_by_what_costs(build_models: Any, tmp_path: Path) -> None:
    """The deployment's budgets reach the chain: with nothing to spend only the free model is called, and the page shows it."""
    deployment = yaml.safe_load(deployment_file("courtsight").read_text(encoding="utf-8"))
    deployment["llm"]["budgets"] = dict.fromkeys(ROLES.split(), 0.0)
    path = tmp_path / "poor.yaml"
    path.write_text(yaml.safe_dump(deployment), encoding="utf-8")
    house = build_models(deployment=str(path))
    assert house.ask("judge", QUESTION)["model"] == "extractive"
    for model, free, calls in (("m0", "true", 1), ("m1", "false", 0)):
        counted = house.sample("chatbot_llm_requests_total", model=model, status="unreachable", is_free_model=free)
        assert counted == calls
    assert house.sample("chatbot_budget_used_ratio", role="judge") == 1.0


def test_readiness_calls_no_model(build_models: Any) -> None:
    """A probe is answered without any provider: asking one costs money and says nothing of the next call."""
    house = build_models()
    told = house.send("GET", "/health/ready").json()
    assert (told["status"], told["engine"]) == ("ready", "p0")
    assert not any(line["event"] == "llm_call_failed" for line in house.log_lines())
    house.send("PUT", "/v1/switches/extractive-only", "admin", json={"on": True})
    assert house.send("GET", "/health/ready").json()["engine"] == "extractive"
    assert house.ask("judge", QUESTION)["model"] == "extractive"
    assert not any(line["event"] == "llm_call_failed" for line in house.log_lines())


def test_a_call_is_a_span_without_words(build_models: Any) -> None:
    """One span per call below the answer's, with tokens and outcome and nothing of the question."""
    exporter = InMemorySpanExporter()
    house = build_models(spans=SimpleSpanProcessor(exporter))
    house.token("judge")
    exporter.clear()
    house.ask("judge", QUESTION)
    spans = exporter.get_finished_spans()
    calls = [span for span in spans if span.name.startswith("chat m")]
    (root,) = [span for span in spans if span.name == "invoke_agent courtsight"]
    assert [span.name for span in calls] == ["chat m0", "chat m1"]
    assert {span.parent.span_id for span in calls if span.parent} == {root.context.span_id}
    assert {dict(span.attributes or {})["error.type"] for span in calls} == {"unreachable"}
    assert not any(span.status.is_unset for span in calls), "a call that failed looks like one that did not"
    (written,) = [span for span in spans if span.name == "chat extractive"]
    assert (written.status.is_unset, dict(written.attributes or {})["gen_ai.provider.name"]) == (True, "embedded")
    assert dict(root.attributes or {})["gen_ai.provider.name"] == "embedded"
    assert "hukum pidana" not in "".join(span.to_json() for span in spans)


def test_a_good_call_is_timed_and_priced(build_models: Any) -> None:
    """Time per token is the rest after the first over the gaps; tokens, cost and the share of free calls follow."""
    house = build_models()
    counts = house.app.state.services.answerer.engine._rules.fell_back.__self__
    dear = next(
        model for model in house.app.state.services.answerer.engine._models._inner._chain.models if not model.free
    )
    counts.called(CallRecord(dear, "judge", "ok", Usage(100, 11, 40, 3), 0.25, 3.0, 1.0))
    assert house.sample("chatbot_time_per_output_token_seconds_sum", model="m1") == pytest.approx(0.2)
    assert house.sample("chatbot_llm_cost_usd_total", role="judge", model="m1") == 0.25
    for kind, tokens in (("input", 100), ("output", 11), ("cached", 40), ("reasoning", 3)):
        assert house.sample("chatbot_llm_tokens_total", role="judge", provider="p0", model="m1", type=kind) == tokens
    assert house.sample("chatbot_free_model_efficiency_ratio") == 0.0
    labels = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "p0", "gen_ai_request_model": "m1"}
    assert house.sample("gen_ai_client_operation_duration_seconds_sum", **labels, error_type="") == 3.0
    assert house.sample("gen_ai_client_operation_time_to_first_chunk_seconds_sum", **labels) == 1.0
    assert house.sample("gen_ai_client_token_usage_sum", **labels, gen_ai_token_type="output") == 11
