"""The tools by themselves."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from service.retrieval.retriever import Retriever
from service.tools.case_comparator import CaseComparator
from service.tools.law_lookup import LawLookup
from service.tools.period import Period, read_period
from service.tools.tool import ToolRequest, ToolResult
from service.tools.toolbox import all_tools, run_together

TODAY = date(2026, 11, 18)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Bandingkan dengan putusan serupa di 5 tahun terakhir", Period(since=date(2021, 11, 18))),
        ("putusan lima tahun belakangan", Period(since=date(2021, 11, 18))),
        ("bandingkan putusan korupsi 2023", Period(years=(2023,))),
        ("bandingkan 3 putusan terakhir", Period(newest=3)),
        ("KDRT sebelum dan sesudah UU TPKS", Period(pivot=2022)),
        ("sebelum dan sesudah UU Nomor 1 Tahun 2023", Period(pivot=2023)),
        ("pasal 65 UU 27/2022", Period()),
        ("Apa itu hukum pidana?", Period()),
    ],
)
def test_the_period_is_read_from_the_question(question: str, expected: Period) -> None:
    """Spans, years, counts and both sides of a law are understood; the year of a law is no year of decisions."""
    assert read_period(question, TODAY) == expected


def test_years_before_a_leap_day() -> None:
    """Five years before 29 February is 28 February."""
    assert read_period("5 tahun terakhir", date(2024, 2, 29)).since == date(2019, 2, 28)


def run(tool: Any, query: str, retriever: Retriever) -> ToolResult:
    result: ToolResult = asyncio.run(tool.run(ToolRequest(query, TODAY, retriever)))
    return result


def test_the_comparator_keeps_to_the_year(retriever: Retriever) -> None:
    """A year in the question gives that year's decisions, oldest first."""
    result = run(CaseComparator(), "bandingkan putusan korupsi 2023", retriever)
    assert [hit.document.id for hit in result.hits] == ["demo-korupsi-2023a", "demo-korupsi-2023b"]


def test_the_comparator_takes_the_newest(retriever: Retriever) -> None:
    """A counted question gives the newest decisions on the topic."""
    result = run(CaseComparator(), "bandingkan 2 putusan terakhir tentang korupsi", retriever)
    assert [hit.document.decided_on.year for hit in result.hits if hit.document.decided_on] == [2023, 2026]


def test_the_comparator_shows_both_sides_of_a_law(retriever: Retriever) -> None:
    """Before and after a law, both sides are there and counted in the remark."""
    result = run(CaseComparator(), "Bandingkan KDRT perceraian sebelum dan sesudah UU TPKS", retriever)
    assert [hit.document.id for hit in result.hits] == ["demo-kdrt-2019", "demo-kdrt-2022", "demo-kdrt-2024"]
    assert "Sebelum tahun 2022: 1 putusan; sejak tahun 2022: 2 putusan" in result.remark


def test_the_lookup_puts_the_cited_article_first(retriever: Retriever) -> None:
    """An article that is cited comes before articles that merely fit."""
    result = run(LawLookup(), "Bagaimana korupsi menurut pasal 1320 KUHPerdata?", retriever)
    assert result.hits[0].document.id == "kuhperdata-1320"
    assert result.hits[1].document.id == "uu-1-2023-603"


def test_the_lookup_says_which_article_it_lacks(retriever: Retriever) -> None:
    """A cited article outside the corpus is named, and not said not to exist."""
    assert "pasal 9999 kuhperdata" in run(LawLookup(), "pasal 9999 KUHPerdata", retriever).remark


class Falling:
    name = "LawLookup"
    description = "-"

    async def run(self, request: ToolRequest) -> ToolResult:
        raise RuntimeError("inner")


def test_a_tool_that_fails_leaves_the_others_standing(retriever: Retriever) -> None:
    """Its run says `error`, in its place, and the others have their results."""
    failed: list[str] = []
    tools = {**all_tools(), "LawLookup": Falling()}
    names = ["LegalRetriever", "LawLookup", "PrecedentExplorer"]
    runs = asyncio.run(
        run_together(
            tools,
            names,
            ToolRequest("korupsi", TODAY, retriever),
            lambda: 0.0,
            lambda name, _: failed.append(name),
            dict.fromkeys(names, 5.0),
        )
    )
    assert [one.outcome for one in runs] == ["ok", "error", "ok"]
    assert failed == ["LawLookup"]


class Endless:
    name = "LawLookup"
    description = "-"

    async def run(self, request: ToolRequest) -> ToolResult:
        await asyncio.Event().wait()
        return ToolResult(hits=())


def test_a_tool_that_is_late_is_stopped_and_the_others_stand(retriever: Retriever) -> None:
    """Past its own limit a tool counts as `timeout`, is told as such, and takes no result from the others."""
    told: list[type[Exception]] = []
    tools = {**all_tools(), "LawLookup": Endless()}
    runs = asyncio.run(
        run_together(
            tools,
            ["LegalRetriever", "LawLookup"],
            ToolRequest("korupsi", TODAY, retriever),
            lambda: 0.0,
            lambda _, error: told.append(type(error)),
            {"LegalRetriever": 5.0, "LawLookup": 0.01},
        )
    )
    assert [(one.outcome, one.late) for one in runs] == [("ok", False), ("timeout", True)]
    assert told == [TimeoutError]


class Napping:
    """Waits twice, then gives what it was told, or fails."""

    name = "LawLookup"
    description = "-"

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.left_by = ""

    async def run(self, request: ToolRequest) -> ToolResult:
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        except BaseException as stopped:
            self.left_by = type(stopped).__name__
            raise
        if self.failure:
            raise self.failure
        return ToolResult(hits=(), remark="rested")


def one_run(tool: Any, retriever: Retriever, limit: float) -> Any:
    request = ToolRequest("korupsi", TODAY, retriever)
    return run_together(
        {"LawLookup": tool}, ["LawLookup"], request, lambda: 0.0, lambda *_: None, {"LawLookup": limit}, at_once=False
    )


@pytest.mark.parametrize(("failure", "outcome"), [(None, "empty"), (KeyError("inner"), "error")])
def test_a_tool_that_waits_ends_as_it_would_alone(
    retriever: Retriever, failure: Exception | None, outcome: str
) -> None:
    """What it gives or raises behind its waits is what its run tells."""
    (found,) = asyncio.run(one_run(Napping(failure), retriever, 60.0))
    assert (found.outcome, found.error) == (outcome, failure)
    assert failure or found.result.remark == "rested"


def test_a_tool_that_does_not_wait_is_never_late(retriever: Retriever) -> None:
    """Nothing can stop it on its way, and its result is there: a limit of no seconds does not take it away."""
    (found,) = asyncio.run(one_run(all_tools()["LawLookup"], retriever, 0.0))
    assert found.outcome == "ok"


def test_whoever_leaves_stops_the_tool_that_waits(retriever: Retriever) -> None:
    """A cancelled question cancels inside the tool, so that nothing goes on for nobody; a closed one closes it."""

    async def leave(tool: Napping) -> None:
        asking = asyncio.ensure_future(one_run(tool, retriever, 60.0))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    cancelled, closed = Napping(), Napping()
    asyncio.run(leave(cancelled))

    async def close() -> None:
        asking = one_run(closed, retriever, 60.0)
        asking.send(None)
        asking.close()

    asyncio.run(close())
    assert (cancelled.left_by, closed.left_by) == ("CancelledError", "GeneratorExit")


def test_tools_run_at_the_same_time(retriever: Retriever) -> None:
    """Two tools that wait for each other both finish: neither runs after the other."""

    class Meeting:
        description = "-"

        def __init__(self, name: str, barrier: asyncio.Barrier) -> None:
            self.name = name
            self._barrier = barrier

        async def run(self, request: ToolRequest) -> ToolResult:
            await self._barrier.wait()
            return ToolResult(hits=())

    async def meet() -> list[str]:
        barrier = asyncio.Barrier(2)
        tools = {name: Meeting(name, barrier) for name in ("a", "b")}
        async with asyncio.timeout(60):
            runs = await run_together(
                tools,
                ["a", "b"],
                ToolRequest("x", TODAY, retriever),
                lambda: 0.0,
                lambda *_: None,
                {"a": 60.0, "b": 60.0},
            )
        return [one.outcome for one in runs]

    assert asyncio.run(meet()) == ["empty", "empty"]


def test_a_tool_answers_by_itself(house: Any) -> None:
    """The route gives passages in the contract's form, best first."""
    answer = house.send("POST", "/v1/tools/LegalRetriever", "public", json={"query": "surat cerai"}).json()
    assert set(answer) == {"tool_name", "outcome", "results", "remark", "duration_seconds"}
    passage = {"id", "title", "law", "article", "text", "score", "kind", "status", "as_of", "demo", "verified"}
    assert set(answer["results"][0]) == passage
    assert answer["remark"] == ""
    assert answer["results"][0]["id"] == "panduan-surat-cerai"
    assert house.sample("chatbot_tool_calls_total", tool="LegalRetriever", outcome="ok") == 1


@pytest.mark.parametrize(
    ("body", "remark"),
    [
        ({"query": "Apa isi pasal 9999 KUHPerdata?"}, "Tidak ditemukan di korpus layanan ini: pasal 9999 kuhperdata."),
        ({"query": "What does article 9999 KUHPerdata say?"}, "Not found in the sources of this service: article 9999"),
        ({"query": "pasal 1320 KUHPerdata", "types": ["PP"]}, "di luar jenis atau tahun yang diminta: Pasal 1320"),
        ({"query": "PP tahun 2021 tentang upah"}, "Hanya dicari: jenis PP; tahun 2021."),
        ({"query": "upah", "as_of": "2015-12-31"}, "Hanya dicari: hukum yang berlaku pada 2015-12-31."),
    ],
)
def test_a_tool_by_itself_says_what_a_chat_would(house: Any, body: dict[str, Any], remark: str) -> None:
    """Passages that fit by their words are not taken for the cited article, nor one outside of the kinds for one within."""
    assert remark in house.send("POST", "/v1/tools/LawLookup", "public", json=body).json()["remark"]


def test_a_tool_of_decisions_claims_no_narrower_search(house: Any) -> None:
    """Kinds and years of laws narrow no decisions, and its remark does not say so."""
    body = {"query": "korupsi", "types": ["PP"], "year_from": 2021}
    answer = house.send("POST", "/v1/tools/PrecedentExplorer", "judge", json=body).json()
    assert (answer["outcome"], answer["remark"]) == ("ok", "")


def test_a_tool_by_itself_marks_what_is_repealed_or_unverified(house: Any) -> None:
    """Who reads passages without an answer around them is told what its notices tell."""
    body = {"query": "pasal 1320 KUHPerdata"}
    first = house.send("POST", "/v1/tools/LawLookup", "public", json=body).json()["results"][0]
    asked = house.ask("public", body["query"])["citations"][0]
    members = ("id", "status", "as_of", "demo", "verified")
    assert {name: first[name] for name in members} == {name: asked[name] for name in members}


def test_a_tool_that_finds_nothing_says_so(house: Any) -> None:
    """No hits is `empty` with status 200."""
    answer = house.send("POST", "/v1/tools/LegalRetriever", "public", json={"query": "rendang"}).json()
    assert (answer["outcome"], answer["results"]) == ("empty", [])
    assert house.sample("chatbot_retrieval_requests_total", outcome="empty") == 1


def test_an_unknown_tool_is_not_found(house: Any) -> None:
    """The answer names the tools that exist."""
    response = house.send("POST", "/v1/tools/Other", "admin", json={"query": "x"})
    assert response.status_code == 404
    assert "LegalRetriever" in response.json()["detail"]


def test_an_answer_without_a_single_working_tool_is_an_error(house: Any) -> None:
    """When every tool fails the service does not abstain, because it knows nothing about its sources; one failing is borne."""
    tools = house.app.state.services.tools
    whole = dict(tools)
    tools["LawLookup"] = Falling()
    answer = house.ask("judge", "Dasar hukum gugatan wanprestasi kontrak bisnis")
    assert {call["tool_name"]: call["outcome"] for call in answer["tool_calls"]}["LawLookup"] == "error"
    assert answer["outcome"] == "ok"
    tools.update(dict.fromkeys(whole, Falling()))
    response = house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu hukum pidana?"})
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert house.stream("judge", "Apa itu hukum pidana?")[-1][0] == "error"
    assert house.sample("chatbot_tool_calls_total", tool="LawLookup", outcome="error") == 1
    assert house.sample("chatbot_retrieval_requests_total", outcome="error") == 3
