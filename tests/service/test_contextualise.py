"""Follow-up questions."""

from __future__ import annotations

import pytest

from service.chat.contextualise import contextualise, is_follow_up
from service.retrieval.analysis import content_words
from service.retrieval.router import find_citations


@pytest.mark.parametrize(
    "question",
    [
        "Apa perbedaannya dengan hukum pidana?",
        "Bandingkan dengan putusan serupa di 5 tahun terakhir",
        "Bagaimana dengan anak di bawah umur?",
        "Apakah aturan tersebut masih berlaku?",
        "Lalu apa sanksinya?",
        "Mengapa?",
    ],
)
def test_a_question_that_leans_back_is_a_follow_up(question: str) -> None:
    """Pronouns, pointing words, openings and missing topics show a follow-up."""
    assert is_follow_up(question, content_words)


@pytest.mark.parametrize(
    "question",
    [
        "Apa itu hukum pidana?",
        "Bandingkan pendekatan MA terhadap wanprestasi vs perbuatan melawan hukum",
        "Hanya ingin tahu KTP",
    ],
)
def test_a_question_that_stands_alone_is_none(question: str) -> None:
    """A question with a topic of its own inherits nothing, even in a running conversation."""
    context = contextualise(question, ["Apa itu korupsi?"], "Judul", content_words)
    assert context.search == question
    assert context.carried == ""


def test_a_follow_up_carries_the_topic() -> None:
    """The civil law of the first question is searched with the criminal law of the second."""
    context = contextualise(
        "Apa perbedaannya dengan hukum pidana?", ["Jelaskan tentang hukum perdata Indonesia"], None, content_words
    )
    assert context.carried == "hukum perdata"
    assert "perdata" in context.search
    assert "pidana" in context.search


@pytest.mark.parametrize("opening", ["Ganti topik, ", "Oke, saya mau tanya: ", "Halo, "])
def test_what_opened_an_earlier_question_is_not_carried(opening: str) -> None:
    """The topic of a question is what followed the words that joined it to the conversation."""
    earlier = [f"{opening}gaji tidak dibayar", "Apa itu perceraian?"]
    assert contextualise("Lapor ke mana?", earlier, None, content_words).carried == "gaji dibayar"
    assert contextualise("Kembali ke soal gaji, berapa dendanya?", earlier, None, content_words).search.startswith(
        "gaji"
    )


def test_a_follow_up_keeps_the_article_it_is_about() -> None:
    """Article and law stay together, so that they can be looked up again."""
    context = contextualise("Apa unsur-unsurnya?", ["Jelaskan pasal 1365 KUHPerdata"], None, content_words)
    assert [citation.article for citation in find_citations(context.search)] == ["1365"]


def test_another_article_is_read_with_the_law_before_it() -> None:
    """A follow-up on another article means the same law."""
    context = contextualise("Bagaimana dengan pasal 1367?", ["Jelaskan pasal 1365 KUHPerdata"], None, content_words)
    assert [(found.laws[0], found.article) for found in find_citations(context.search)] == [("kuhperdata", "1367")]


def test_a_chain_of_follow_ups_reaches_its_beginning() -> None:
    """A second follow-up still knows the first topic, and nothing from before it."""
    earlier = ["Apa perbedaannya dengan hukum pidana?", "Jelaskan tentang hukum perdata", "Apa itu korupsi?"]
    context = contextualise("Berapa lama prosesnya?", earlier, None, content_words)
    assert "perdata" in context.carried
    assert "korupsi" not in context.carried


def test_the_title_stands_in_before_the_first_question() -> None:
    """A follow-up without a question before it leans on the conversation's title."""
    context = contextualise("Bandingkan dengan putusan serupa", [], "Analisis perceraian", content_words)
    assert context.carried == "perceraian"
