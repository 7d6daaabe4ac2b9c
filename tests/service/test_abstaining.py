"""What is said of laws and articles that were not found, beside an answer or in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.chat.abstaining import left_out, reason_of, without
from service.chat.translating import translate
from service.deployments.load import deployment_file, load_deployment
from service.retrieval.router import Unresolved
from service.settings import CORPORA

DEPLOYMENT = load_deployment(deployment_file("courtsight"))


NAMED = (
    ("Jelaskan Pasal 1365 KUHPerdata dan Pasal 9999 KUHPerdata", "9999", "pasalnya"),
    ("Jelaskan Pasal 1365 KUHPerdata dan UU 77/2091", "77/2091", "peraturannya"),
    ("Jelaskan Pasal 1365 KUHPerdata dan UU Kapal Selam Wisata", "Kapal Selam Wisata", "peraturannya"),
    ("Explain Article 1365 of the Civil Code and Law No. 77 of 2091", "77/2091", "the law"),
)


def test_the_known_is_answered_and_the_unknown_is_named(build_house: Callable[..., Any], settings: Any) -> None:
    """Of two laws or articles, one of them unknown, the known one is cited and a notice names the other with its reason."""
    house = build_house(wanted=settings.model_copy(update={"corpus": CORPORA / "courtsight"}))
    for question, named, reason in NAMED:
        answer = house.ask("judge", question)
        assert answer["outcome"] == "ok", question
        assert any("1365" in (citation["article"] or "") for citation in answer["citations"])
        notice = next(notice for notice in answer["notices"] if named in notice)
        assert reason in notice
        assert "tidak berarti" in notice or "does not mean" in notice


def test_without_anything_known_the_answer_is_withheld(house: Any) -> None:
    """Where the question cites nothing that was found, a name that was not found is still the reason."""
    answer = house.ask("judge", "Apa isi UU Kapal Selam Wisata?")
    assert (answer["outcome"], answer["refusal_reason"]) == ("abstained", "law_not_in_corpus")


def test_each_reason_has_a_sentence_and_no_law_is_named_twice() -> None:
    """A law that is called by its title is not named again by its folded label."""
    unresolved = (
        Unresolved("uu kapal selam", (), "law_not_in_corpus"),
        Unresolved("pasal 9999 kuhp", ("kuhp",), "article_not_in_law"),
    )
    told = left_out(("UU Kapal Selam Wisata",), unresolved, "id")
    assert len(told) == 2
    assert "uu kapal selam" not in told[0]
    assert left_out((), (), "en") == ()


def test_names_are_taken_out_of_a_search_whatever_their_case() -> None:
    """What is left of a search are the other words, once spaced."""
    assert without("Pasal 5 KUHP dan uu X Y", ["UU x y"]) == "Pasal 5 KUHP dan"


@pytest.mark.parametrize(
    ("question", "citation"),
    [
        ("What is Law 99 of 2090 about?", "uu 99/2090"),
        ("Explain Government Regulation No. 9 of 1975", "pp 9/1975"),
        ("Articles 1320 and 1338 of the Civil Code", "pasal 1320 KUHPerdata pasal 1338 KUHPerdata"),
        ("What do article 372, article 378 of the penal code say?", "pasal 372 KUHP pasal 378 KUHP"),
        ("Article 65 of Law No. 27 of 2022", "pasal 65 uu 27/2022"),
    ],
)
def test_english_citations_are_read_as_the_sources_write_them(question: str, citation: str) -> None:
    """Laws by number and year, and articles of a code, keep their numbers together in the search."""
    assert translate(question, DEPLOYMENT.glossary).search.startswith(citation)


@pytest.mark.parametrize(("near", "reason"), [(True, "no_evidence"), (False, "out_of_domain")])
def test_a_question_near_the_sources_is_not_called_another_field(near: bool, reason: str) -> None:
    """Without a word of law, sources that come near make it a question without enough evidence; a recipe stays another field."""
    assert reason_of("Can I withdraw it?", DEPLOYMENT.domain, (), (), near=near) == reason
    assert reason_of("Resep soto ayam", DEPLOYMENT.domain, (), (), near=near) == "out_of_domain"
