"""PrecedentExplorer: the decisions that fit a question best."""

from __future__ import annotations

from service.retrieval.retriever import DECISIONS
from service.tools.tool import ToolRequest, ToolResult

_MOST = 6


class PrecedentExplorer:
    """Searches decisions only."""

    name = "PrecedentExplorer"
    description = "Menelusuri putusan pengadilan yang berkaitan dengan pertanyaan."

    async def run(self, request: ToolRequest) -> ToolResult:
        """The best decisions."""
        search = await request.retriever.search(request.query, filters=DECISIONS, limit=_MOST)
        return ToolResult(hits=search.hits, searches=(search,))
