"""The row of the language models: who was called and how that went, how fast they write, what they cost, what stood in for them.

Most of it exists only where an installation has providers; without one a panel says so instead of looking broken.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from dashboards import queries
from dashboards.panels import Line, Place, bars, lines, row, steps
from slo import names
from slo.spec import Spec

NO_PROVIDER: Final = "no provider"
P95: Final = "0.95"
_PER_HOUR: Final = "3600"


def language_model_row(spec: Spec, y: int) -> list[Any]:
    """Three lines of panels below their heading."""
    return [
        row("Language models", y),
        *_calls(spec, y + 1),
        *_means(spec, y + 9),
        *_around(spec, y + 17),
    ]


def _calls(spec: Spec, y: int) -> list[Any]:
    calls = queries.of_service(spec, names.LLM_REQUESTS_TOTAL)
    first = queries.of_service(spec, names.TIME_TO_FIRST_CHUNK + names.BUCKET)
    pace = queries.of_service(spec, names.TPOT + names.BUCKET)
    tokens = queries.of_service(spec, names.LLM_TOKENS_TOTAL, queries.ROLE_CHOICE)
    return [
        lines(
            "Calls of models",
            Place(0, y, 6, 8),
            [Line(queries.rate_by(f"{names.MODEL}, {names.STATUS}", calls), "{{model}} {{status}}")],
            unit="reqps",
            description="Calls that ended, by model and how; retries and hedges are calls of their own.",
            without=NO_PROVIDER,
        ),
        lines(
            "First token of a call, p95",
            Place(6, y, 6, 8),
            [Line(queries.quantile_by(P95, names.GEN_AI_MODEL, first), f"{{{{{names.GEN_AI_MODEL}}}}}")],
            unit="s",
            description="First text minus start of a call, by model; what readers wait for stands in the row Speed.",
            without=NO_PROVIDER,
        ),
        lines(
            "Time per output token, p95",
            Place(12, y, 6, 8),
            [Line(queries.quantile_by(P95, names.MODEL, pace), f"{{{{{names.MODEL}}}}}")],
            unit="s",
            description="(Call minus first token) / (output tokens - 1) of good calls, by model.",
            without=NO_PROVIDER,
        ),
        lines(
            "Tokens by model",
            Place(18, y, 6, 8),
            [Line(queries.rate_by(f"{names.MODEL}, {queries.LLM_TYPE}", tokens), "{{model}} {{type}}")],
            unit="short",
            description="Tokens per second; those of failed calls too. The extractive engine counts words.",
        ),
    ]


def _means(spec: Spec, y: int) -> list[Any]:
    cost = queries.of_service(spec, names.LLM_COST_USD_TOTAL, queries.ROLE_CHOICE)
    budget = queries.of_service(spec, names.BUDGET_USED_RATIO, queries.ROLE_CHOICE)
    fallbacks = queries.of_service(spec, names.LLM_FALLBACKS_TOTAL)
    circuits = queries.of_service(spec, names.LLM_CIRCUIT_STATE)
    return [
        lines(
            "Cost per hour",
            Place(0, y, 6, 8),
            [Line(f"{queries.rate_by(names.MODEL, cost)} * {_PER_HOUR}", f"{{{{{names.MODEL}}}}}")],
            unit="currencyUSD",
            description="US dollars an hour at the present pace, by model: tokens times price, failed calls too.",
            stacked=True,
            without=NO_PROVIDER,
        ),
        bars(
            "Budget used today",
            Place(6, y, 6, 8),
            Line(f"max by ({names.ROLE}) ({budget})", f"{{{{{names.ROLE}}}}}"),
            unit="percentunit",
            description="Spent and set aside since midnight UTC over the role's budget; at 100 % only free models are left.",
            colours=steps("green", ("orange", Decimal("0.8")), ("red", 1)),
            without=NO_PROVIDER,
        ),
        lines(
            "Fallbacks by reason",
            Place(12, y, 6, 8),
            [Line(queries.rate_by(names.REASON, fallbacks), f"{{{{{names.REASON}}}}}")],
            unit="reqps",
            description="Answers per second that somebody else wrote than the first model, by why.",
            stacked=True,
            without=NO_PROVIDER,
        ),
        lines(
            "Circuits",
            Place(18, y, 6, 8),
            [Line(f"max by ({names.MODEL}) ({circuits})", f"{{{{{names.MODEL}}}}}")],
            unit="none",
            description="0 closed, 1 half open, 2 open: an open one is not called for a while.",
            without=NO_PROVIDER,
        ),
    ]


def _around(spec: Spec, y: int) -> list[Any]:
    guards = queries.of_service(spec, names.GUARDRAIL_CHECKS_TOTAL)
    searches = queries.of_service(spec, names.RETRIEVAL_REQUESTS_TOTAL)
    by_guard = queries.rate_by(f"{names.STAGE}, {names.GUARDRAIL}, {names.ACTION}", guards)
    return [
        lines(
            "Answers from the cache",
            Place(0, y, 8, 8),
            [Line(f"{_cached(spec, 'hit|shared')} / ({_cached(spec, 'hit|shared|miss')} > 0)", "share")],
            unit="percentunit",
            description="Share of the questions that the cache may answer; those that asked for an answer of their own are left out.",
            without=NO_PROVIDER,
        ),
        lines(
            "Guard rails",
            Place(8, y, 8, 8),
            [Line(by_guard, "{{stage}} {{guardrail}} {{action}}")],
            unit="ops",
            description="Questions (input) and a model's sentences (output) per second, by guard rail and what was done.",
        ),
        lines(
            "Retrieval by outcome",
            Place(16, y, 8, 8),
            [Line(queries.rate_by(names.OUTCOME, searches), f"{{{{{names.OUTCOME}}}}}")],
            unit="ops",
            description="Searches per second; low_score: the best passage is weak. Their time stands in the row Inside.",
            stacked=True,
        ),
    ]


def _cached(spec: Spec, results: str) -> str:
    asked = queries.of_service(
        spec, names.CACHE_REQUESTS_TOTAL, f'{names.CACHE}="answers"', f'{names.RESULT}=~"{results}"'
    )
    return f"sum(rate({asked}[{queries.RATE}]))"
