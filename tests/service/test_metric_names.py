"""Every metric of the page, typed by hand: name, kind, labels with their closed values, bucket edges.

Alerts, boards and whoever queries the service rely on these words; none of them is taken from the service's own constants here.
"""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

ROLES = "admin judge lawyer researcher public"
CLASSES = "simple medium complex"
TOOLS = "LegalRetriever LawLookup CaseComparator PrecedentExplorer"
OUTCOMES = "ok abstained refused client_error unauthorized rate_limited client_closed timeout error"

METRICS: dict[str, tuple[str, dict[str, str | None], str]] = {
    # name: (kind, label -> its values, bucket edges)
    "chatbot_requests": (
        "counter",
        {"role": f"{ROLES} anonymous", "complexity": f"{CLASSES} none", "outcome": OUTCOMES},
        "",
    ),
    "chatbot_request_duration_seconds": (
        "histogram",
        {"role": ROLES, "complexity": CLASSES},
        "0.1 0.25 0.5 1 2 3 4 5 6 8 10 15 20 30 45 60 120",
    ),
    "chatbot_ttft_seconds": (
        "histogram",
        {"role": ROLES, "complexity": CLASSES},
        "0.1 0.25 0.5 0.75 1 1.5 2 3 5 8 15 30",
    ),
    "chatbot_stream_end": ("counter", {"reason": "complete client_closed upstream_error timeout"}, ""),
    "chatbot_quota_decisions": (
        "counter",
        {"role": f"{ROLES} anonymous", "limit": "address user key session", "decision": "taken refused"},
        "",
    ),
    "chatbot_requests_in_flight": ("gauge", {}, ""),
    "chatbot_messages_received": ("counter", {}, ""),
    "chatbot_messages_processed": ("counter", {}, ""),
    "chatbot_errors": ("counter", {"error_type": None, "endpoint": None}, ""),
    "chatbot_tool_calls": ("counter", {"tool": TOOLS, "outcome": "ok empty timeout error"}, ""),
    "chatbot_tool_duration_seconds": (
        "histogram",
        {"tool": TOOLS, "complexity": f"{CLASSES} none"},
        "0.01 0.025 0.05 0.1 0.25 0.5 1 2 3 5 8 10 30",
    ),
    "chatbot_feedback_score": ("histogram", {"role": ROLES}, "1 2 3 4 5"),
    "chatbot_reasoning_steps": ("histogram", {}, "1 2 3 5 8 10 15 20"),
    "chatbot_generation_duration_seconds": (
        "histogram",
        {"model": "extractive other"},
        "0.1 0.25 0.5 1 2 3 5 8 10 15 30 60",
    ),
    "chatbot_llm_tokens": (
        "counter",
        {
            "role": ROLES,
            "provider": "embedded other",
            "model": "extractive other",
            "type": "input output cached reasoning",
        },
        "",
    ),
    "chatbot_http_requests": (
        "counter",
        {
            "route": None,
            "method": None,
            "code": "200 201 204 400 401 403 404 405 408 409 413 422 429 499 500 503 504 other",
        },
        "",
    ),
    "chatbot_http_request_duration_seconds": (
        "histogram",
        {"route": None, "method": None},
        "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2 2.5 5 10 30",
    ),
    "chatbot_retrieval_duration_seconds": (
        "histogram",
        {"stage": "analyse search rank total"},
        "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5",
    ),
    "chatbot_retrieval_documents": ("histogram", {}, "0 1 2 3 5 8 10 20"),
    "chatbot_retrieval_requests": ("counter", {"outcome": "hit empty low_score error"}, ""),
    "chatbot_guardrail_checks": (
        "counter",
        {"guardrail": "none unsafe injection out_of_domain", "stage": "input", "action": "kept refused abstained"},
        "",
    ),
    "chatbot_retrieval_dense": ("counter", {"outcome": "fused late failed missing"}, ""),
    "chatbot_corpus_generations": ("counter", {"outcome": "taken refused"}, ""),
    "chatbot_telemetry_dropped": (
        "counter",
        {"signal": "traces logs errors", "reason": "queue_full unreachable refused unwritable closed"},
        "",
    ),
    "chatbot_dependency_up": ("gauge", {"dependency": "database index"}, ""),
    "chatbot_dependency_latency_seconds": ("gauge", {"dependency": "database index"}, ""),
    "chatbot_metric_series": ("gauge", {}, ""),
    "chatbot_retention_behind_seconds": ("gauge", {}, ""),
    "chatbot_active_conversations": ("gauge", {}, ""),
    "chatbot_build": ("info", {"version": None, "deployment": None, "engine": None, "corpus": None}, ""),
}


@pytest.fixture
def families(house: Any) -> dict[str, Metric]:
    """The page before the first question, by name."""
    found = {family.name: family for family in text_string_to_metric_families(house.page())}
    return {name.removesuffix("_info"): family for name, family in found.items()}


def test_these_metrics_are_on_the_page_and_no_others(families: dict[str, Metric]) -> None:
    """Names and kinds; the text format calls an info a gauge."""
    kinds = {name: "info" if name == "chatbot_build" else family.type for name, family in families.items()}
    assert kinds == {name: kind for name, (kind, _, _) in METRICS.items()}


def test_a_metric_has_its_labels_values_and_edges(families: dict[str, Metric]) -> None:
    """Label names, every value of each closed label from the start on, and the edges of the buckets."""
    for name, (_, labels, edges) in METRICS.items():
        samples = families[name].samples
        assert samples, name
        for sample in samples:
            assert {*sample.labels} - {"le"} == {*labels}, name
        for label, values in labels.items():
            if values is not None:
                assert {sample.labels[label] for sample in samples} == {*values.split()}, (name, label)
        found = {float(sample.labels["le"]) for sample in samples if sample.labels.get("le", "+Inf") != "+Inf"}
        assert found == {float(edge) for edge in edges.split()}, name


def test_every_counter_starts_at_zero(families: dict[str, Metric]) -> None:
    """`rate()` sees the first event only of a series that was there before it."""
    for name, (kind, *_) in METRICS.items():
        if kind in {"counter", "histogram"}:
            untouched = [sample for sample in families[name].samples if sample.labels.get("route") != "/metrics"]
            assert {sample.value for sample in untouched} <= {0.0}, name
