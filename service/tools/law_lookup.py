"""LawLookup: the articles that a question names, and those that fit it."""

from __future__ import annotations

from service.retrieval.retriever import STATUTES
from service.retrieval.router import find_citations
from service.tools.tool import ToolRequest, ToolResult

_MOST = 5


class LawLookup:
    """Looks articles up by their citation first, by their words after that."""

    name = "LawLookup"
    description = "Mencari pasal menurut sebutannya, misalnya “Pasal 1320 KUHPerdata”, atau menurut isinya."

    async def run(self, request: ToolRequest) -> ToolResult:
        """Cited articles in the order of the question, then the best articles by their words."""
        named = find_citations(request.query)
        exact = await request.retriever.lookup(named)
        found = await request.retriever.search(request.query, filters=STATUTES, limit=_MOST)
        known = {hit.document.id for hit in exact.hits}
        hits = (*exact.hits, *(hit for hit in found.hits if hit.document.id not in known))
        unknown = [citation.label for citation in named if not await request.retriever.resolves(citation)]
        said = (
            "Not found in the sources of this service"
            if request.language == "en"
            else "Tidak ditemukan di korpus layanan ini"
        )
        remark = f"{said}: {', '.join(unknown)}." if unknown else ""
        return ToolResult(hits=hits, searches=(exact, found) if named else (found,), remark=remark)
