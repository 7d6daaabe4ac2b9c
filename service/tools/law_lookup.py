"""LawLookup: the articles that a question names, and those that fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from service.chat.language import Language
from service.retrieval.citing import Citation, law_keys
from service.retrieval.hits import Hit
from service.retrieval.retriever import NO_FILTERS, STATUTES
from service.retrieval.router import find_citations
from service.tools.tool import ToolRequest, ToolResult

_MOST = 5
_SAID: Mapping[Language, Mapping[str, str]] = {
    "id": {"unknown": "Tidak ditemukan di korpus layanan ini", "lapsed": "Menurut korpus ini tidak berlaku pada {}"},
    "en": {
        "unknown": "Not found in the sources of this service",
        "lapsed": "Not in force on {}, as far as these sources say",
    },
}


class LawLookup:
    """Looks articles up by their citation first, by their words after that."""

    name = "LawLookup"
    description = "Mencari pasal menurut sebutannya, misalnya “Pasal 1320 KUHPerdata”, atau menurut isinya."

    async def run(self, request: ToolRequest) -> ToolResult:
        """Cited articles in the order of the question, then the best articles by their words.

        Of several laws under one name ("KUHP", old and new) those of the day that is asked for are meant; an article that is cited by
        the number of its law and did not hold on it is given all the same, and the remark says so.
        """
        named = find_citations(request.query)
        day = request.filters.in_force_on
        filters = STATUTES if request.filters == NO_FILTERS else replace(request.filters, kinds=STATUTES.kinds)
        if not named:
            found = await request.retriever.search(request.query, filters=filters, limit=_MOST)
            return ToolResult(hits=found.hits, searches=(found,))
        exact = await request.retriever.lookup(named if day is None else _one_law_each(named))
        found = await request.retriever.search(request.query, filters=filters, limit=_MOST)
        cited, lapsed = _on_the_day(exact.hits, named, day)
        known = {hit.document.id for hit in cited}
        hits = (*cited, *(hit for hit in found.hits if hit.document.id not in known))
        unknown = [citation.label for citation in named if not await request.retriever.resolves(citation)]
        said = _SAID[request.language]
        remarks = [f"{said['unknown']}: {', '.join(unknown)}."] if unknown else []
        if lapsed:
            remarks.append(f"{said['lapsed'].format(day)}: {', '.join(lapsed)}.")
        return ToolResult(hits=hits, searches=(exact, found), remark=" ".join(remarks))


def _one_law_each(named: Sequence[Citation]) -> list[Citation]:
    """The citations with each law by itself: today's hides none that held before it."""
    return [replace(citation, laws=(law,)) for citation in named for law in citation.laws]


def _on_the_day(cited: Sequence[Hit], named: Sequence[Citation], day: date | None) -> tuple[Sequence[Hit], list[str]]:
    """The cited articles that are meant on a day, and the labels of those among them that did not hold on it."""
    if day is None:
        return cited, []
    numbered = {citation.laws[0] for citation in named if len(citation.laws) == 1}
    lapsed = [
        hit for hit in cited if not hit.document.in_force_on(day) and numbered & {*law_keys(hit.document.law or "")}
    ]
    meant = [hit for hit in cited if hit.document.in_force_on(day) or hit in lapsed]
    return meant, [hit.document.label for hit in lapsed]
