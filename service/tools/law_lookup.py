"""LawLookup: the articles that a question names, and those that fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.chat.language import Language
from service.retrieval.citing import Citation, law_keys
from service.retrieval.hits import Hit
from service.retrieval.retriever import NO_FILTERS, STATUTES, Filters
from service.retrieval.router import find_citations
from service.tools.tool import ToolRequest, ToolResult

_MOST = 5
_SAID: Mapping[Language, Mapping[str, str]] = {
    "id": {
        "unknown": "Tidak ditemukan di korpus layanan ini",
        "lapsed": "Menurut korpus ini tidak berlaku pada {}",
        "outside": "Disebut dalam pertanyaan, tetapi di luar jenis atau tahun yang diminta",
    },
    "en": {
        "unknown": "Not found in the sources of this service",
        "lapsed": "Not in force on {}, as far as these sources say",
        "outside": "Named by the question, and outside of the kinds or years asked for",
    },
}


class LawLookup:
    """Looks articles up by their citation first, by their words after that."""

    name = "LawLookup"
    description = "Mencari pasal menurut sebutannya, misalnya “Pasal 1320 KUHPerdata”, atau menurut isinya."

    async def run(self, request: ToolRequest) -> ToolResult:
        """Cited articles in the order of the question, then the best articles by their words.

        Of several laws under one name ("KUHP", old and new) those are meant that fit the day, kinds and years that are asked for. An article that is
        cited by the number of its law is given all the same: whoever names it wants it, and the remark says what it does not fit.
        """
        named = find_citations(request.query)
        filters = STATUTES if request.filters == NO_FILTERS else replace(request.filters, kinds=STATUTES.kinds)
        if not named:
            found = await request.retriever.search(request.query, filters=filters, limit=_MOST)
            return ToolResult(hits=found.hits, searches=(found,))
        free = request.filters == NO_FILTERS
        exact = await request.retriever.lookup(named if free else _one_law_each(named))
        found = await request.retriever.search(request.query, filters=filters, limit=_MOST)
        cited = exact.hits if free else _as_asked(exact.hits, named, request.filters)
        known = {hit.document.id for hit in cited}
        hits = (*cited, *(hit for hit in found.hits if hit.document.id not in known))
        unknown = [citation.label for citation in named if not await request.retriever.resolves(citation)]
        said = _SAID[request.language]
        remarks = [f"{said['unknown']}: {', '.join(unknown)}."] if unknown else []
        day = request.filters.in_force_on
        if lapsed := [hit.document.label for hit in cited if day and not hit.document.in_force_on(day)]:
            remarks.append(f"{said['lapsed'].format(day)}: {', '.join(lapsed)}.")
        if outside := [
            hit.document.label for hit in cited if not _within(hit, filters) and hit.document.kind == "statute"
        ]:
            remarks.append(f"{said['outside']}: {', '.join(outside)}.")
        return ToolResult(hits=hits, searches=(exact, found), remark=" ".join(remarks))


def _one_law_each(named: Sequence[Citation]) -> list[Citation]:
    """The citations with each law by itself: today's hides none that held before it."""
    return [replace(citation, laws=(law,)) for citation in named for law in citation.laws]


def _as_asked(cited: Sequence[Hit], named: Sequence[Citation], asked: Filters) -> Sequence[Hit]:
    """The cited articles that are meant: of laws that share a name those that hold on the day, and that fit where any of them does."""
    day = asked.in_force_on
    numbered = {citation.laws[0] for citation in named if len(citation.laws) == 1}
    some_fit = any(_within(hit, asked) for hit in cited)

    def meant(hit: Hit) -> bool:
        if not numbered.isdisjoint(law_keys(hit.document.law or "")):
            return True
        return (day is None or hit.document.in_force_on(day)) and (not some_fit or _within(hit, asked))

    return [hit for hit in cited if meant(hit)]


def _within(hit: Hit, asked: Filters) -> bool:
    """Whether a law is of the kinds and years that are asked for."""
    document = hit.document
    if asked.types and document.instrument not in {name.upper() for name in asked.types}:
        return False
    if asked.year_from is None and asked.year_to is None:
        return True
    return document.year is not None and (asked.year_from or 0) <= document.year <= (asked.year_to or document.year)
