"""The tools by themselves, without an answer around them."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Request, Response

from service import telling
from service.api.routing import router_of
from service.api.wire import Json, ToolQuestion, checked_length, hit_fields, read_body
from service.chat.language import spoken
from service.chat.scope import first_scope
from service.errors import AnswerTimeout, NotFound, Problem
from service.retrieval.retriever import NO_FILTERS
from service.services import enter, services_of
from service.telemetry.record import UNCLASSIFIED
from service.text import calmed
from service.tools.case_comparator import CaseComparator
from service.tools.precedent_explorer import PrecedentExplorer
from service.tools.tool import ToolRequest
from service.tools.toolbox import run_together

router = router_of("/v1/tools")
_OF_DECISIONS = frozenset({CaseComparator.name, PrecedentExplorer.name})
"""Tools that no day, kind or year of laws narrows."""


@router.get("")
async def list_tools(request: Request) -> Response:
    """Every tool, and whether the caller may use it."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    tools = [
        {"tool_name": tool.name, "description": tool.description, "permitted": tool.name in caller.role.tools}
        for tool in services.tools.values()
    ]
    return Json({"tools": tools})


@router.post("/{tool_name}")
async def run_tool(request: Request, tool_name: str) -> Response:
    """Run one tool on a query."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    if tool_name not in services.tools:
        raise NotFound(f"There is no such tool; there is {', '.join(services.tools)}")
    caller.require_tool(tool_name)
    body = await read_body(request, ToolQuestion, services.deployment.limits.body_bytes)
    query = calmed(checked_length(body.query, services.deployment.limits.message_characters, "query"))
    surroundings = services.surroundings
    today = datetime.fromtimestamp(surroundings.wall_clock(), UTC).date()
    watching = services.watching
    with services.shelf.lend() as retriever:
        filters = first_scope(body.filters, (query,), today)
        wanted = ToolRequest(query, today, retriever, spoken(query).answer, filters)
        (run,) = await run_together(
            services.tools,
            [tool_name],
            wanted,
            surroundings.clock,
            watching.tool_failed,
            services.deployment.tool_seconds,
        )
    watching.tool_ran(run, UNCLASSIFIED)
    if run.late:
        raise AnswerTimeout("The tool did not answer in time. Ask something narrower, or try again.")
    if isinstance(run.error, Problem):
        raise run.error
    if run.result is None:
        raise Problem("The tool failed. Try again in a moment.")
    narrowed = filters != NO_FILTERS and tool_name not in _OF_DECISIONS
    said = (telling.scope(filters, wanted.language) if narrowed else "", run.result.remark)
    return Json(
        {
            "tool_name": run.name,
            "outcome": run.outcome,
            "results": [hit_fields(hit) for hit in run.result.hits],
            "remark": " ".join(filter(None, said)),
            "duration_seconds": run.seconds,
        }
    )
