"""Articles that a question names without their law, and what the conversation says of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.bare_articles import meant_articles
from service.chat.contextualise import contextualise
from service.retrieval.analysis import content_words

KUHP = "Pasal 603 UU 1/2023"


@pytest.mark.parametrize(
    ("turns", "meant"),
    [
        ([KUHP, "Pasal 604?"], ["pasal 604 UU 1/2023"]),
        ([KUHP, "Pasal sebelumnya?", "Pasal 604?"], ["pasal 604 UU 1/2023"]),
        ([KUHP, "Apa itu wanprestasi?", "Apakah ps. 604 berlaku bagi pejabat?"], ["ps. 604 UU 1/2023"]),
        ([KUHP, "Apa isi pasal 1320 KUHPerdata?", "Pasal 1338?"], ["pasal 1338 KUHPerdata"]),
        (["Apa yang diatur UU 27/2022?", "Apa isi pasal 65 ayat (1)?"], ["pasal 65 ayat (1) UU 27/2022"]),
        (["Pasal 603 Undang-Undang Nomor 1 Tahun 2023", "Pasal 604?"], ["pasal 604 uu nomor 1 tahun 2023"]),
        ([KUHP, "Pasal sebelumnya?"], ["pasal 602 UU 1/2023"]),
        ([KUHP, "Pasal berikutnya?", "Lalu pasal berikutnya?"], ["pasal 605 UU 1/2023"]),
        (["Pasal 1 UU 1/2023", "Pasal sebelumnya?"], []),
        (["Apa yang diatur UU 27/2022?", "Pasal berikutnya?"], []),
        ([KUHP, "Bandingkan dengan pasal sebelumnya dalam perkara ini"], []),
        ([KUHP, "Pasal 7 undang-undang perkawinan?"], []),
        ([KUHP, "Pasal 1320 KUHPerdata?"], []),
        ([KUHP, "Pasal 5 kontrak saya merugikan"], []),
        ([KUHP, "Apa itu hibah?"], []),
        (["Apa itu hibah?", "Pasal 604?"], []),
        (["Pasal 604?"], []),
    ],
)
def test_a_bare_article_takes_the_law_of_the_last_cited_one(turns: list[str], meant: list[str]) -> None:
    """Also over questions in between, by its place beside the last one, and never from a contract or against a law of its own."""
    assert [str(cited) for cited in meant_articles(turns[-1], turns[-2::-1])] == meant


def test_an_announced_change_of_topic_takes_no_law() -> None:
    """Who changes the topic leaves the law behind."""
    assert contextualise("Ganti topik: pasal 604?", [KUHP], None, content_words).carried == ""


def test_what_was_carried_is_not_said_twice() -> None:
    """A follow-up that carries the law right behind its article needs no second mention."""
    context = contextualise("Bagaimana dengan pasal 604?", [KUHP], None, content_words)
    assert context.search.count("UU 1/2023") == 1


@given(st.lists(st.sampled_from(["Pasal sebelumnya?", "Pasal berikutnya?"]), max_size=30))
def test_places_add_up(walk: list[str]) -> None:
    """However one walks through a law, the article is the first one plus the steps forth less those back."""
    wanted = 603 + sum(1 if step == "Pasal berikutnya?" else -1 for step in walk)
    found = meant_articles("Pasal berikutnya?", [*reversed(walk), KUHP])
    assert [str(cited) for cited in found] == [f"pasal {wanted + 1} UU 1/2023"]


@pytest.mark.parametrize(
    "turns",
    [
        [KUHP, "Pasal sebelumnya?", "Pasal 604?"],
        [KUHP, "terima kasih", "Pasal 604?"],
        ["What does article 603 of Law No. 1 of 2023 say?", "And article 604?"],
    ],
)
def test_the_article_is_answered_from_its_law(shipped: Any, turns: list[str]) -> None:
    """The service cites the article of the law that the conversation is about, and says what it carried over."""
    place = None
    for turn in turns:
        answer = shipped.ask("judge", turn, place)
        place = answer["conversation_id"]
    assert ("UU 1/2023", "604") in {(one["law"], one["article"]) for one in answer["citations"]}
    assert any("604" in step["detail"] and "1/2023" in step["detail"] for step in answer["reasoning_steps"])
