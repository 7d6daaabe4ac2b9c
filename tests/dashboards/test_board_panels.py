"""Every panel of the committed board, typed a second time: what it asks, in which unit, and where its colours and lines change.

A panel that draws something else than its title says misleads whoever is on call; nothing else in the project would notice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashboards.generate import FOLDER

ROOT = Path(__file__).resolve().parents[2]
CHOSEN = '{job="courtsight",role=~"$role",complexity=~"$complexity"}'
OWN = '{job="courtsight"}'
BY_ROLE = '{job="courtsight",role=~"$role"}'
SLOTH = '{sloth_service="courtsight"}'


def p95(label: str, histogram: str) -> str:
    return f"histogram_quantile(0.95, sum by (le, {label}) (rate({histogram}[$__rate_interval]))) >= 0"


def per_second(label: str, counter: str) -> str:
    return f"sum by ({label}) (rate({counter}[$__rate_interval]))"


def cached(results: str) -> str:
    series = f'chatbot_cache_requests_total{{job="courtsight",cache="answers",result=~"{results}"}}'
    return f"sum(rate({series}[$__rate_interval]))"


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel in short.

    Attributes:
        lines: Query by legend; an empty legend shows all labels or a single number.
        steps: `colour from value on`, the first without a value.
    """

    type: str
    unit: str | None
    lines: tuple[tuple[str, str], ...]
    steps: tuple[str, ...] = ()


LIMITS = ("transparent",)
BUDGET = f"slo:period_error_budget_remaining:ratio{SLOTH}"
BURN = f"slo:current_burn_rate:ratio{SLOTH}"
PAGES = 'count(ALERTS{alertstate="firing",severity="page",sloth_service="courtsight"}) or vector(0)'

PANELS = {
    "Service level objectives": Panel("row", None, ()),
    "Instances up": Panel("stat", "none", (("", f"sum(up{OWN})"),), ("red", "green 1")),
    "Pages firing": Panel("stat", "none", (("", PAGES),), ("green", "red 1")),
    "Least budget left": Panel("stat", "percentunit", (("", f"min({BUDGET})"),), ("red", "orange 0", "green 0.25")),
    "Fastest burn": Panel("stat", "none", (("", f"max({BURN})"),), ("green", "orange 1", "red 6")),
    "Objectives": Panel(
        "table",
        "",
        (
            ("", f"sum by (sloth_slo) (slo:objective:ratio{SLOTH})"),
            ("", f"sum by (sloth_slo) (slo:sli_error:ratio_rate30d{SLOTH})"),
            ("", f"sum by (sloth_slo) ({BUDGET})"),
            ("", f"sum by (sloth_slo) ({BURN})"),
        ),
    ),
    "Error budget left": Panel(
        "bargauge", "percentunit", (("{{sloth_slo}}", f"sort({BUDGET})"),), ("red", "orange 0.01", "green 0.25")
    ),
    "Traffic": Panel("row", None, ()),
    "Questions by outcome": Panel(
        "timeseries", "reqps", (("{{outcome}}", per_second("outcome", f"chatbot_requests_total{CHOSEN}")),), LIMITS
    ),
    "Errors": Panel(
        "timeseries", "reqps", (("{{error_type}}", per_second("error_type", f"chatbot_errors_total{OWN}")),), LIMITS
    ),
    "Conversations and questions in flight": Panel(
        "timeseries",
        "none",
        (
            ("active conversations", f"sum(chatbot_active_conversations{OWN})"),
            ("in flight", f"sum(chatbot_requests_in_flight{OWN})"),
        ),
        LIMITS,
    ),
    "Speed": Panel("row", None, ()),
    "Whole answer, p95 by complexity": Panel(
        "timeseries",
        "s",
        (("{{complexity}}", p95("complexity", f"chatbot_request_duration_seconds_bucket{CHOSEN}")),),
        (*LIMITS, "orange 4", "orange 6", "orange 10"),
    ),
    "Whole answer, p95 by role": Panel(
        "timeseries",
        "s",
        (("{{role}}", p95("role", f"chatbot_request_duration_seconds_bucket{CHOSEN}")),),
        (*LIMITS, "orange 4", "orange 6", "orange 8"),
    ),
    "First words, p95": Panel(
        "timeseries",
        "s",
        (("{{complexity}}", p95("complexity", f"chatbot_ttft_seconds_bucket{CHOSEN}")),),
        (*LIMITS, "orange 2"),
    ),
    "Whole answer, all durations": Panel(
        "heatmap",
        None,
        (
            (
                "{{le}}",
                f"sum by (le) (increase(chatbot_request_duration_seconds_bucket{CHOSEN}[$__rate_interval]))",
            ),
        ),
    ),
    "Inside": Panel("row", None, ()),
    "Tools used": Panel(
        "piechart",
        "short",
        (("{{tool}}", f"sum by (tool) (increase(chatbot_tool_calls_total{OWN}[$__range]))"),),
    ),
    "Tools, p95": Panel(
        "timeseries", "s", (("{{tool}}", p95("tool", f"chatbot_tool_duration_seconds_bucket{OWN}")),), LIMITS
    ),
    "Retrieval, p95 by stage": Panel(
        "timeseries",
        "s",
        (("{{stage}}", p95("stage", f"chatbot_retrieval_duration_seconds_bucket{OWN}")),),
        (*LIMITS, "orange 0.5"),
    ),
    "Tokens": Panel(
        "timeseries",
        "short",
        (("{{type}}", per_second("type", 'chatbot_llm_tokens_total{job="courtsight", role=~"$role"}')),),
        LIMITS,
    ),
    "Language models": Panel("row", None, ()),
    "Calls of models": Panel(
        "timeseries",
        "reqps",
        (("{{model}} {{status}}", per_second("model, status", f"chatbot_llm_requests_total{OWN}")),),
        LIMITS,
    ),
    "First token of a call, p95": Panel(
        "timeseries",
        "s",
        (
            (
                "{{gen_ai_request_model}}",
                p95("gen_ai_request_model", f"gen_ai_client_operation_time_to_first_chunk_seconds_bucket{OWN}"),
            ),
        ),
        LIMITS,
    ),
    "Time per output token, p95": Panel(
        "timeseries",
        "s",
        (("{{model}}", p95("model", f"chatbot_time_per_output_token_seconds_bucket{OWN}")),),
        LIMITS,
    ),
    "Tokens by model": Panel(
        "timeseries",
        "short",
        (("{{model}} {{type}}", per_second("model, type", f"chatbot_llm_tokens_total{BY_ROLE}")),),
        LIMITS,
    ),
    "Cost per hour": Panel(
        "timeseries",
        "currencyUSD",
        (("{{model}}", per_second("model", f"chatbot_llm_cost_usd_total{BY_ROLE}") + " * 3600"),),
        LIMITS,
    ),
    "Budget used today": Panel(
        "bargauge",
        "percentunit",
        (("{{role}}", f"max by (role) (chatbot_budget_used_ratio{BY_ROLE})"),),
        ("green", "orange 0.8", "red 1"),
    ),
    "Fallbacks by reason": Panel(
        "timeseries", "reqps", (("{{reason}}", per_second("reason", f"chatbot_llm_fallbacks_total{OWN}")),), LIMITS
    ),
    "Circuits": Panel(
        "timeseries", "none", (("{{model}}", f"max by (model) (chatbot_llm_circuit_state{OWN})"),), LIMITS
    ),
    "Answers from the cache": Panel(
        "timeseries",
        "percentunit",
        (("share", f"{cached('hit|shared')} / ({cached('hit|shared|miss')} > 0)"),),
        LIMITS,
    ),
    "Guard rails": Panel(
        "timeseries",
        "ops",
        (
            (
                "{{stage}} {{guardrail}} {{action}}",
                per_second("stage, guardrail, action", f"chatbot_guardrail_checks_total{OWN}"),
            ),
        ),
        LIMITS,
    ),
    "Retrieval by outcome": Panel(
        "timeseries", "ops", (("{{outcome}}", per_second("outcome", f"chatbot_retrieval_requests_total{OWN}")),), LIMITS
    ),
}


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    """The board as it is committed."""
    read: dict[str, Any] = json.loads((ROOT / FOLDER / "courtsight-overview.json").read_bytes())
    return read


def in_short(entry: dict[str, Any]) -> Panel:
    defaults = entry.get("fieldConfig", {}).get("defaults", {})
    steps = [
        step["color"] if step["value"] is None else f"{step['color']} {step['value']:g}"
        for step in defaults.get("thresholds", {}).get("steps", ())
    ]
    lines = [(target["legendFormat"], target["expr"]) for target in entry.get("targets") or () if not target["hide"]]
    return Panel(entry["type"], defaults.get("unit"), tuple(lines), tuple(steps))


def test_the_board_has_these_panels_in_this_order(board: dict[str, Any]) -> None:
    """A panel that disappears, changes its title or its row is noticed."""
    assert [entry["title"] for entry in board["panels"]] == list(PANELS)


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_shows_what_its_title_says(board: dict[str, Any], title: str) -> None:
    """Type, unit, queries with their legends, and the values at which colours and lines stand."""
    (entry,) = (entry for entry in board["panels"] if entry["title"] == title)
    assert in_short(entry) == PANELS[title]


def test_the_columns_of_the_table_bear_the_names_of_their_queries(board: dict[str, Any]) -> None:
    """Objective, bad events, budget and burn rate stand in the order of the queries, in percent where they are shares."""
    (entry,) = (entry for entry in board["panels"] if entry["title"] == "Objectives")
    names = entry["transformations"][1]["options"]["renameByName"]
    assert [names[f"Value #{letter}"] for letter in "ABCD"] == [
        "Objective",
        "Bad events, 30d",
        "Budget left",
        "Burn rate, 5m",
    ]
    units = {
        override["matcher"]["options"]: override["properties"][0]["value"]
        for override in entry["fieldConfig"]["overrides"]
    }
    assert units == {name: "percentunit" for name in names.values() if name in units} | {"Burn rate, 5m": "none"}
    assert len(units) == 4


def test_the_heat_map_is_in_seconds(board: dict[str, Any]) -> None:
    """Its axis carries the unit, as its panel type has none of its own."""
    (entry,) = (entry for entry in board["panels"] if entry["type"] == "heatmap")
    assert entry["options"]["yAxis"]["unit"] == "s"


def test_the_board_opens_on_the_last_six_hours(board: dict[str, Any]) -> None:
    """Recent enough to see an incident, long enough to see the page's windows."""
    assert board["time"] == {"from": "now-6h", "to": "now"}
    assert board["refresh"] == "30s"
