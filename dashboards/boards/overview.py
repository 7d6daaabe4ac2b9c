"""The overview: are the objectives kept, how fast is the budget spent, and where does it go.

Panels of the requirements: request rate, p95, active conversations, distribution of tool use, error rate. Ours: the SLO row, time to
first words, retrieval, tokens, requests in flight, and a row of the language models.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from grafanalib.core import Dashboard, DashboardLink, Template, Templating, Time

from dashboards import queries
from dashboards.boards.language_models import language_model_row
from dashboards.panels import DATASOURCE, Line, Place, bars, heat, lines, number, pie, row, steps, table
from slo import names
from slo.quantities import format_duration
from slo.spec import LatencySLI, Spec

SCHEMA_VERSION: Final = 39
P95: Final = "0.95"


def board_uid(spec: Spec) -> str:
    """Stable id of the board; links in alerts and imports lead to it."""
    return f"{spec.service}-overview"


def overview(spec: Spec) -> Dashboard:
    """The overview board of a service."""
    panels = [*_slo_row(spec, 0), *_traffic_row(spec, 14), *_speed_row(spec, 23), *_inside_row(spec, 41)]
    panels += language_model_row(spec, 51)
    return Dashboard(
        title=f"{spec.service}: overview",
        uid=board_uid(spec),
        description="Generated from the SLO spec by `make generate`; change the spec, not the board.",
        tags=["slo", spec.service],
        schemaVersion=SCHEMA_VERSION,
        timezone="browser",
        refresh="30s",
        time=Time("now-6h", "now"),
        graphTooltip=1,
        templating=Templating(list=_variables(spec)),
        links=_links(spec),
        panels=panels,
    ).auto_panel_ids()


def _links(spec: Spec) -> list[DashboardLink]:
    """The runbooks, where the spec says at which address they are; a path would lead nowhere in Grafana."""
    if spec.links.runbooks is None:
        return []
    where = spec.links.runbook("docs/runbooks")
    return [DashboardLink(title="Runbooks", type="link", uri=where, icon="doc", targetBlank=True, tooltip="What to do")]


def _variables(spec: Spec) -> list[Template]:
    datasource = Template(name="datasource", label="Data source", type="datasource", query="prometheus")
    return [datasource, *(_choice(spec, label) for label in (names.ROLE, names.COMPLEXITY))]


def _choice(spec: Spec, label: str) -> Template:
    return Template(
        name=label,
        label=label.capitalize(),
        dataSource=DATASOURCE,
        query=f"label_values({queries.of_service(spec, names.REQUESTS_TOTAL)}, {label})",
        includeAll=True,
        multi=True,
        allValue=".*",
        default="$__all",
    )


def _slo_row(spec: Spec, y: int) -> list[Any]:
    budget_left = queries.recorded(spec, names.PERIOD_BUDGET_REMAINING)
    burn = queries.recorded(spec, names.CURRENT_BURN_RATE)
    pages = "ALERTS" + f'{{alertstate="firing",{names.SEVERITY}="page",{names.SLO_SERVICE}="{spec.service}"}}'
    period = format_duration(spec.window)
    return [
        row("Service level objectives", y),
        number(
            "Instances up",
            Place(0, y + 1, 6, 4),
            Line(f"sum({queries.of_service(spec, names.UP)})"),
            unit="none",
            description="Instances that answer Prometheus.",
            colours=steps("red", ("green", 1)),
        ),
        number(
            "Pages firing",
            Place(6, y + 1, 6, 4),
            Line(f"count({pages}) or vector(0)"),
            unit="none",
            description="Alerts of severity page that fire now.",
            colours=steps("green", ("red", 1)),
        ),
        number(
            "Least budget left",
            Place(12, y + 1, 6, 4),
            Line(f"min({budget_left})"),
            unit="percentunit",
            description=f"Share of the error budget of {period} that the worst SLO has left; negative when overspent.",
            colours=steps("red", ("orange", 0), ("green", Decimal("0.25"))),
        ),
        number(
            "Fastest burn",
            Place(18, y + 1, 6, 4),
            Line(f"max({burn})"),
            unit="none",
            description=f"Largest burn rate over five minutes: at 1 the budget lasts exactly {period}.",
            colours=steps("green", ("orange", 1), ("red", 6)),
        ),
        table(
            "Objectives",
            Place(0, y + 5, 14, 9),
            {
                "Objective": (queries.recorded(spec, names.OBJECTIVE), "percentunit"),
                f"Bad events, {period}": (queries.recorded(spec, names.sli_error(period)), "percentunit"),
                "Budget left": (budget_left, "percentunit"),
                "Burn rate, 5m": (burn, "none"),
            },
            key=names.SLO_NAME,
            key_title="SLO",
            description="A cell without a value had no valid events: nothing is known, which is not the same as good.",
        ),
        bars(
            "Error budget left",
            Place(14, y + 5, 10, 9),
            Line(f"sort({budget_left})", f"{{{{{names.SLO_NAME}}}}}"),
            unit="percentunit",
            description=f"Share of the error budget of {period} that is left, the worst first.",
            colours=steps("red", ("orange", Decimal("0.01")), ("green", Decimal("0.25"))),
        ),
    ]


def _traffic_row(spec: Spec, y: int) -> list[Any]:
    requests = queries.chosen(spec, names.REQUESTS_TOTAL)
    in_flight = queries.of_service(spec, names.REQUESTS_IN_FLIGHT)
    return [
        row("Traffic", y),
        lines(
            "Questions by outcome",
            Place(0, y + 1, 8, 8),
            [Line(queries.rate_by(names.OUTCOME, requests), f"{{{{{names.OUTCOME}}}}}")],
            unit="reqps",
            description="Questions per second by outcome. ok, abstained and refused are good; timeout and error are bad.",
            stacked=True,
        ),
        lines(
            "Errors",
            Place(8, y + 1, 8, 8),
            [Line(queries.rate_by(queries.ERROR_TYPE, queries.of_service(spec, names.ERRORS_TOTAL)), "{{error_type}}")],
            unit="reqps",
            description="Errors per second by type, on all routes.",
        ),
        lines(
            "Conversations and questions in flight",
            Place(16, y + 1, 8, 8),
            [
                Line(f"sum({queries.of_service(spec, names.ACTIVE_CONVERSATIONS)})", "active conversations"),
                Line(f"sum({in_flight})", "in flight"),
            ],
            unit="none",
            description="Active conversations, and questions that are being answered now.",
        ),
    ]


def _speed_row(spec: Spec, y: int) -> list[Any]:
    durations = queries.chosen(spec, names.REQUEST_DURATION + names.BUCKET)
    first_words = queries.chosen(spec, names.TTFT + names.BUCKET)
    return [
        row("Speed", y),
        *(
            lines(
                f"Whole answer, p95 by {label}",
                Place(12 * column, y + 1, 12, 8),
                [Line(queries.quantile_by(P95, label, durations), f"{{{{{label}}}}}")],
                unit="s",
                description=f"95 % of the answers were complete within this time. Dashed: the limits by {label}.",
                limits=_limits(spec, names.REQUEST_DURATION, label),
            )
            for column, label in enumerate((names.COMPLEXITY, names.ROLE))
        ),
        lines(
            "First words, p95",
            Place(0, y + 9, 12, 9),
            [Line(queries.quantile_by(P95, names.COMPLEXITY, first_words), f"{{{{{names.COMPLEXITY}}}}}")],
            unit="s",
            description="First non-empty words sent minus question received; streams only.",
            limits=_limits(spec, names.TTFT, None),
        ),
        heat(
            "Whole answer, all durations",
            Place(12, y + 9, 12, 9),
            Line(f"sum by ({names.LE}) (increase({durations}[{queries.RATE}]))", f"{{{{{names.LE}}}}}"),
            unit="s",
            description="How many answers took how long: shows two humps where a quantile shows one number.",
        ),
    ]


def _inside_row(spec: Spec, y: int) -> list[Any]:
    calls = queries.of_service(spec, names.TOOL_CALLS_TOTAL)
    tools = queries.of_service(spec, names.TOOL_DURATION + names.BUCKET)
    stages = queries.of_service(spec, names.RETRIEVAL_DURATION + names.BUCKET)
    tokens = names.LLM_TOKENS_TOTAL + f"{{{', '.join([*_selector(spec), queries.ROLE_CHOICE])}}}"
    return [
        row("Inside", y),
        pie(
            "Tools used",
            Place(0, y + 1, 6, 9),
            Line(queries.increase_by(names.TOOL, calls), f"{{{{{names.TOOL}}}}}"),
            unit="short",
            description="Calls by tool, over the time that the board shows.",
        ),
        lines(
            "Tools, p95",
            Place(6, y + 1, 6, 9),
            [Line(queries.quantile_by(P95, names.TOOL, tools), f"{{{{{names.TOOL}}}}}")],
            unit="s",
            description="95 % of the calls of each tool took at most this long.",
        ),
        lines(
            "Retrieval, p95 by stage",
            Place(12, y + 1, 6, 9),
            [Line(queries.quantile_by(P95, names.STAGE, stages), f"{{{{{names.STAGE}}}}}")],
            unit="s",
            description="Finding passages, by stage. Dashed: the limit of the whole.",
            limits=_limits(spec, names.RETRIEVAL_DURATION, None),
        ),
        lines(
            "Tokens",
            Place(18, y + 1, 6, 9),
            [Line(queries.rate_by(queries.LLM_TYPE, tokens), "{{type}}")],
            unit="short",
            description="Tokens of the language model per second, by type.",
        ),
    ]


def _selector(spec: Spec) -> list[str]:
    return [f'{name}="{value}"' for name, value in spec.selector]


def _limits(spec: Spec, metric: str, label: str | None) -> list[Decimal]:
    """Thresholds of the latency SLOs on this metric, of those that are told apart by `label`."""
    return [
        slo.sli.threshold
        for slo in spec.slos
        if isinstance(slo.sli, LatencySLI) and slo.sli.metric == metric and label in {None, *dict(slo.labels)}
    ]
