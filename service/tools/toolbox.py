"""The four tools of this service, and how several of them run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from service.tools.case_comparator import CaseComparator
from service.tools.law_lookup import LawLookup
from service.tools.legal_retriever import LegalRetriever
from service.tools.precedent_explorer import PrecedentExplorer
from service.tools.tool import Tool, ToolRequest, ToolResult
from service.values import value
from service.waiting import within


@value
class ToolRun:
    """One run of a tool: what it was asked, what came of it (None after an error), the seconds it took, whether it was late, and why it failed."""

    name: str
    query: str
    result: ToolResult | None
    seconds: float
    late: bool = False
    error: Exception | None = None

    @property
    def outcome(self) -> str:
        """`ok`, `empty`, `timeout` or `error`."""
        if self.result:
            return self.result.outcome
        return "timeout" if self.late else "error"


def all_tools() -> dict[str, Tool]:
    """Every tool by its name."""
    tools: tuple[Tool, ...] = (LegalRetriever(), LawLookup(), CaseComparator(), PrecedentExplorer())
    return {tool.name: tool for tool in tools}


async def run_together(
    tools: Mapping[str, Tool],
    names: Iterable[str],
    request: ToolRequest,
    clock: Callable[[], float],
    on_error: Callable[[str, Exception], None],
    limits: Mapping[str, float],
    *,
    at_once: bool = True,
) -> list[ToolRun]:
    """Run tools at the same time, or one after the other, which costs less where none of them waits. One that fails or is late takes no other with it: its run says `error` or `timeout`.

    Args:
        tools: every tool by its name.
        names: which to run; the results come in this order.
        request: what to look up.
        clock: monotonic seconds.
        on_error: told the name of a tool that failed, and why.
        limits: the seconds that each tool may take; then it is stopped and the others stand.
        at_once: whether to run them at the same time.
    """

    async def run(name: str) -> ToolRun:
        started = clock()
        result: ToolResult | None = None
        late = False
        failure: Exception | None = None
        try:
            result = await within(limits[name], tools[name].run(request))
        except TimeoutError as error:
            late = True
            on_error(name, error)
        except Exception as error:  # noqa: BLE001 - any failure of one tool must leave the others standing
            on_error(name, error)
            failure = error
        return ToolRun(name, request.query, result, clock() - started, late, failure)

    if not at_once:
        return [await run(name) for name in names]
    return list(await asyncio.gather(*(run(name) for name in names)))
