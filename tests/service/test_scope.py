"""Which law a question means: of a day, of a kind, of years; read from the text, or said beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.brief import Brief
from service.chat.scope import read_scope
from service.llm.calls import Usage
from service.llm.engine import Piece, WritingEvent, Written
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import Corpus
from service.retrieval.document import Document
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.index import Index
from service.retrieval.retriever import NO_FILTERS, Filters
from service.tools.law_lookup import LawLookup
from service.tools.legal_retriever import LegalRetriever
from service.tools.tool import ToolRequest

TODAY = date(2026, 11, 21)


def on(year: int, month: int, day: int) -> Filters:
    return Filters(in_force_on=date(year, month, day))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Apa syarat cerai menurut hukum yang berlaku tahun 2015?", on(2015, 12, 31)),
        ("Ketentuan pidana yang berlaku per 1 Maret 2019", on(2019, 3, 1)),
        ("hukum yang berlaku pada tanggal 17/08/2015", on(2015, 8, 17)),
        ("hukum yang berlaku pada 17-8-2015", on(2015, 8, 17)),
        ("hukum yang berlaku pada 1799-08-17", on(1799, 8, 17)),
        ("UU 1/2023 yang berlaku tahun 2025", on(2025, 12, 31)),
        ("Bagaimana aturan perzinaan per Desember 2025?", on(2025, 12, 31)),
        ("Apa sanksinya per 1 Januari 2025?", on(2025, 1, 1)),
        ("hukum yang berlaku pada Februari 2024", on(2024, 2, 29)),
        ("aturan yang berlaku sebelum 2 Januari 2026", on(2026, 1, 1)),
        ("hukum yang berlaku sebelum tahun 2026", on(2025, 12, 31)),
        ("Pada tahun 2015, aturan apa yang berlaku tentang korupsi?", on(2015, 12, 31)),
        ("menurut hukum tahun 1998", on(1998, 12, 31)),
        ("Aturan yang berlaku saat ini tentang cerai", on(2026, 11, 21)),
        ("hukum yang berlaku tahun 2026", on(2026, 11, 21)),
        ("hukum yang berlaku tahun 2030", on(2030, 12, 31)),
        ("What law was in force in 2015 on corruption?", on(2015, 12, 31)),
        ("Punishment of theft under the law as of March 1, 2015", on(2015, 3, 1)),
        ("PP tahun 2021 tentang PHK", Filters(types=("pp",), year_from=2021, year_to=2021)),
        ("Peraturan Menteri Ketenagakerjaan tahun 2016", Filters(types=("permenaker",), year_from=2016, year_to=2016)),
        ("UU antara tahun 2010 dan 2020 tentang pers", Filters(types=("uu",), year_from=2010, year_to=2020)),
        ("UU yang terbit setelah tahun 2019", Filters(types=("uu",), year_from=2020)),
        ("POJK sebelum tahun 2015", Filters(types=("pojk",), year_to=2014)),
        ("peraturan sejak tahun 2020 soal data pribadi", Filters(year_from=2020)),
        ("Apa syaratnya, hanya dari PP saja?", Filters(types=("pp",))),
    ],
)
def test_what_is_said_outright_narrows_the_search(question: str, expected: Filters) -> None:
    """Days, months, years, "before", "now", kinds and spans of years are read; a year means its last day, the running one today."""
    assert read_scope(question, TODAY) == expected


@pytest.mark.parametrize(
    "question",
    [
        "UU No. 13 Tahun 2003 pasal 5",
        "Undang-Undang Tahun 2003 Nomor 13",
        "UUD Negara Republik Indonesia Tahun 1945 pasal 28",
        "KUHP mulai berlaku 2 Januari 2026, benar?",
        "KUHP baru berlaku sejak 2 Januari 2026",
        "bandingkan putusan korupsi 2023",
        "Saya dipukul pada tahun 2015, apa yang dapat saya lakukan?",
        "SIM berlaku 5 tahun",
        "hukum yang berlaku tanggal 31 Februari 2024",
        "Apa itu perceraian?",
        "Gaji saya naik per Januari 2025, apakah pajaknya ikut naik?",
    ],
)
def test_years_that_mean_something_else_narrow_nothing(question: str) -> None:
    """Numbers of laws, the day on which a law begins, the year of a deed or a decision, and days that no calendar has are no filter."""
    assert read_scope(question, TODAY) == NO_FILTERS


@given(st.text(max_size=200), st.sampled_from(["berlaku pada ", "pp tahun ", "in force on ", ""]))
def test_any_text_can_be_read(text: str, opening: str) -> None:
    """No text makes the reader fail."""
    assert isinstance(read_scope(opening + text, TODAY), Filters)


def article(id_: str, law: str, number: str, **parts: Any) -> Document:
    made = Document(
        id_, "statute", f"Berita bohong {id_}", f"Menyebarkan berita bohong menurut {id_} dilarang.", law, None, number, 2000, "berlaku",
        None, "s", date(2026, 11, 1), "unverified", demo=False,
    )  # fmt: skip
    return replace(made, **parts)


LAWS = (
    article("awal", "UU 11/2008", "27", year=2008),
    article("tengah", "UU 19/2016", "27", year=2016),
    article("kini", "UU 1/2024", "27", year=2024),
    article("lama", "UU 5/1990", "3", year=1990, status="dicabut", in_force_until=date(2019, 7, 1)),
    article("pp", "PP 7/2021", "4", year=2021),
)


def looked_up(query: str, tool: Any = None) -> tuple[list[str], str]:
    index = Index.of(LAWS, Analyser(), lambda: 0.0)
    request = ToolRequest(query, TODAY, EmbeddedRetriever(index), "id", read_scope(query, TODAY))
    result = asyncio.run((tool or LawLookup()).run(request))
    return [hit.document.id for hit in result.hits], result.remark


@pytest.mark.parametrize(
    ("query", "first", "never"),
    [
        ("Pasal 27 UU ITE", "kini", set()),
        ("Pasal 27 UU ITE yang berlaku tahun 2010", "awal", {"tengah", "kini", "pp"}),
        ("Pasal 27 UU ITE yang berlaku tahun 2030", "kini", {"lama"}),
        ("berita bohong menurut hukum yang berlaku tahun 2005", "lama", {"awal", "tengah", "kini", "pp"}),
        ("berita bohong yang berlaku saat ini", "kini", {"lama"}),
        ("PP tahun 2021 tentang berita bohong", "pp", {"awal", "tengah", "kini", "lama"}),
    ],
)
def test_the_law_of_the_day_is_looked_up(query: str, first: str, never: set[str]) -> None:
    """Of laws under one name that of the day is cited; what came later, had ended, or is of another kind or year is not given."""
    found, _ = looked_up(query)
    assert found[0] == first
    assert not never & {*found}
    assert not never & {*looked_up(query, LegalRetriever())[0]}


def test_an_article_that_had_ended_is_given_with_a_remark() -> None:
    """Who cites an article by the number of its law gets it, and reads that it did not hold on the day that was asked for."""
    found, remark = looked_up("Pasal 3 UU 5/1990 menurut hukum yang berlaku tahun 2020")
    assert found[0] == "lama"
    assert remark == "Menurut korpus ini tidak berlaku pada 2020-12-31: Pasal 3 UU 5/1990."


@pytest.mark.parametrize(
    ("query", "asked", "first", "remark"),
    [
        ("Pasal 27 UU 1/2024", Filters(types=("pp",)), "kini", "Pasal 27 UU 1/2024."),
        ("Pasal 27 UU 1/2024", Filters(year_to=2010), "kini", "Pasal 27 UU 1/2024."),
        ("Pasal 27 UU 1/2024", Filters(types=("uu",), year_from=2024), "kini", ""),
        ("Pasal 27 UU ITE", Filters(year_to=2010), "awal", ""),
        (
            "Pasal 27 UU ITE",
            Filters(types=("PP",)),
            "kini",
            "Pasal 27 UU 1/2024, Pasal 27 UU 19/2016, Pasal 27 UU 11/2008.",
        ),
    ],
)
def test_an_article_outside_of_what_was_asked_for_is_given_with_a_remark(
    query: str, asked: Filters, first: str, remark: str
) -> None:
    """Kinds and years narrow what is searched for; an article that is cited is given all the same, of several laws under one name the one that fits."""
    request = ToolRequest(query, TODAY, EmbeddedRetriever(Index.of(LAWS, Analyser(), lambda: 0.0)), "id", asked)
    result = asyncio.run(LawLookup().run(request))
    assert result.hits[0].document.id == first
    said = "Disebut dalam pertanyaan, tetapi di luar jenis atau tahun yang diminta: "
    assert result.remark == (said + remark if remark else "")


def test_the_answer_says_to_which_law_it_was_held(house: Any) -> None:
    """A step names the day; nothing that came later is cited, and a follow-up keeps to the day."""
    first = house.ask("judge", "Apa ancaman korupsi menurut hukum yang berlaku tahun 2015?")
    steps = {step["title"]: step["detail"] for step in first["reasoning_steps"]}
    assert steps["Membatasi pencarian"] == "Hanya dicari: hukum yang berlaku pada 2015-12-31."
    assert all(citation["year"] <= 2015 for citation in first["citations"] if citation["kind"] != "decision")
    second = house.ask("judge", "Bagaimana ancaman pidananya kalau itu?", first["conversation_id"])
    assert "Membatasi pencarian" in {step["title"] for step in second["reasoning_steps"]}


def test_the_body_may_say_which_law_is_meant(house: Any) -> None:
    """Members of a body go before the text; a day that is none is refused by its name."""
    path = "/v1/tools/LawLookup"
    asked = {"query": "korupsi"}
    everything = house.send("POST", path, "public", json=asked).json()["results"]
    of_then = house.send("POST", path, "public", json={**asked, "as_of": "2015-06-30"}).json()["results"]
    assert any(hit["law"] == "UU 1/2023" for hit in everything)
    assert not any(hit["law"] == "UU 1/2023" for hit in of_then)
    of_2023 = house.send("POST", path, "public", json={**asked, "types": ["uu"], "year_from": 2023}).json()["results"]
    assert {hit["law"] for hit in of_2023} == {"UU 1/2023"}
    chat = house.send("POST", "/v1/chat", "public", json={"message": "Apa itu korupsi?", "as_of": "2015-06-30"}).json()
    assert any("2015-06-30" in step["detail"] for step in chat["reasoning_steps"])
    wrong = house.send("POST", path, "public", json={**asked, "as_of": "30 Juni 2015"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "as_of")


@dataclass
class Noting:
    """Keeps the briefs that it was given, and lets somebody act before it writes."""

    act: Callable[[], None] = lambda: None
    briefs: list[Brief] = field(default_factory=list)
    name: str = "noting"
    models: dict[str, str] = field(default_factory=lambda: {"noting": "here"})

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        self.briefs.append(brief)
        self.act()
        yield Piece("Lihat [1].")
        yield Written("noting", "here", Usage(1, 1))


def test_an_answer_belongs_to_the_corpus_it_was_begun_on(build_house: Callable[..., Any], corpus: Corpus) -> None:
    """What is published before the writing changes neither the hash nor the reading that the engine is given."""
    engine = Noting()
    house = build_house(engine)
    shelf = house.app.state.services.shelf
    before = shelf.current
    later = EmbeddedRetriever(Index.of(corpus.documents[:5], Analyser(), lambda: 0.0))
    search = before.search

    async def swapped(*args: Any, **options: Any) -> Any:
        shelf.replace(later, lambda: None)
        return await search(*args, **options)

    before.search = swapped
    house.ask("judge", "Apa ancaman korupsi?")
    assert shelf.current is later
    (brief,) = engine.briefs
    assert brief.corpus == before.holdings.hash != later.holdings.hash
    assert brief.reading.idf("korupsi") == before.idf("korupsi") != later.idf("korupsi")


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/chat/completions", "/v1/tools/LegalRetriever"])
def test_a_period_that_ends_before_it_begins_is_refused(house: Any, path: str) -> None:
    """Nothing can lie in it: the caller learns of the mistake, and not that no law was found; one year is a period."""
    asked = {
        "message": "Apa itu korupsi?", "query": "korupsi", "model": "courtsight", "messages": [{"role": "user", "content": "Apa itu korupsi?"}],
    }  # fmt: skip
    refused = house.send("POST", path, "judge", json={**asked, "year_from": 2020, "year_to": 2019})
    assert refused.status_code in (400, 422)
    assert "year_to" in refused.text
    assert "Must not lie before year_from" in refused.text
    assert house.send("POST", path, "judge", json={**asked, "year_from": 2020, "year_to": 2020}).status_code == 200


@pytest.mark.parametrize(
    "told", [0, 1420070400, 1420070400000.0, "1420070400", "2015-01-01T00:00:00Z", "2015-02-30", True]
)
def test_a_day_is_a_day_and_no_number(house: Any, told: object) -> None:
    """Numbers were read as seconds, or as milliseconds, since 1970: the answer was held to the law of a day that nobody had named."""
    refused = house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu korupsi?", "as_of": told})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"path": "as_of", "message": "Must be a day, like 2015-12-31"}]


def test_nothing_said_of_the_day_is_allowed(house: Any) -> None:
    """`null` says what a member that is left out says."""
    asked = {"message": "Apa itu korupsi?", "as_of": None}
    assert house.send("POST", "/v1/chat", "judge", json=asked).status_code == 200
