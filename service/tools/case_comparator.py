"""CaseComparator: decisions on the same topic, in the order of time, for the period that the question names."""

from __future__ import annotations

from collections.abc import Sequence

from service.chat.language import Language
from service.retrieval.hits import Hit
from service.retrieval.retriever import DECISIONS
from service.tools.period import Period, read_period
from service.tools.tool import ToolRequest, ToolResult

_LOOKED_AT = 40
_MOST = 6
_NEAR_BEST = 0.4
"""A decision is on the same topic when it scores at least this share of the best one."""


class CaseComparator:
    """Sets decisions side by side."""

    name = "CaseComparator"
    description = "Menyusun putusan sejenis menurut waktu agar dapat dibandingkan."

    async def run(self, request: ToolRequest) -> ToolResult:
        """The most fitting decisions of the period, oldest first."""
        period = read_period(request.query, request.today)
        search = await request.retriever.search(request.query, filters=DECISIONS, limit=_LOOKED_AT)
        meant = [hit for hit in _on_topic(search.hits) if period.holds(hit.document.decided_on)]
        chosen = sorted(_choose(meant, period), key=lambda hit: (str(hit.document.decided_on), hit.document.id))
        return ToolResult(hits=tuple(chosen), searches=(search,), remark=_remark(chosen, period, request.language))


def _on_topic(hits: Sequence[Hit]) -> list[Hit]:
    floor = _NEAR_BEST * hits[0].score if hits else 0.0
    return [hit for hit in hits if hit.score >= floor]


def _choose(hits: Sequence[Hit], period: Period) -> list[Hit]:
    """The newest ones when the question counts them; an equal share of both sides of a law; else the best."""
    if period.newest is not None:
        return sorted(hits, key=lambda hit: str(hit.document.decided_on), reverse=True)[: period.newest]
    if period.pivot is None:
        return list(hits[:_MOST])
    before = [hit for hit in hits if _year(hit) < period.pivot]
    after = [hit for hit in hits if _year(hit) >= period.pivot]
    return [*before[: _MOST // 2], *after[: _MOST // 2]]


def _year(hit: Hit) -> int:
    return hit.document.decided_on.year if hit.document.decided_on else 0


def _remark(hits: Sequence[Hit], period: Period, language: Language) -> str:
    if period.pivot is not None:
        before = sum(_year(hit) < period.pivot for hit in hits)
        since = len(hits) - before
        if language == "en":
            return f"Decisions found in the corpus: {before} before {period.pivot}, {since} since {period.pivot}."
        return (
            f"Sebelum tahun {period.pivot}: {before} putusan; sejak tahun {period.pivot}: {since} putusan yang"
            " ditemukan di korpus."
        )
    if period.since is not None:
        if language == "en":
            return f"Decisions since {period.since.year} that were found in the corpus: {len(hits)}."
        return f"Putusan sejak {period.since.year} yang ditemukan di korpus: {len(hits)}."
    return ""
