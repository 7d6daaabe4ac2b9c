"""LegalRetriever: the passages of any kind that fit a question best."""

from __future__ import annotations

from service.tools.tool import ToolRequest, ToolResult

_MOST = 8


class LegalRetriever:
    """Searches the whole corpus."""

    name = "LegalRetriever"
    description = "Mencari bagian peraturan, panduan, dan putusan yang paling sesuai dengan pertanyaan."

    async def run(self, request: ToolRequest) -> ToolResult:
        """The best passages of all kinds."""
        search = await request.retriever.search(request.query, filters=request.filters, limit=_MOST)
        return ToolResult(hits=search.hits, searches=(search,))
