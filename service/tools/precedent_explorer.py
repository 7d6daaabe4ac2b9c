"""PrecedentExplorer: the decisions that fit a question best."""

from __future__ import annotations

from service.retrieval.index import Index
from service.tools.tool import ToolRequest, ToolResult

_MOST = 6


class PrecedentExplorer:
    """Searches decisions only."""

    name = "PrecedentExplorer"
    description = "Menelusuri putusan pengadilan yang berkaitan dengan pertanyaan."

    def __init__(self, index: Index) -> None:
        self._index = index

    async def run(self, request: ToolRequest) -> ToolResult:
        """The best decisions."""
        search = self._index.search(request.query, kind="decision", limit=_MOST)
        return ToolResult(hits=search.hits, searches=(search,))
