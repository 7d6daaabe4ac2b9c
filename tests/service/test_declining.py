"""What is declined, with which reason, and how a question that names several laws is answered for those that were found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.chat.confidence import confidence
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import Deployment
from service.evaluation.asking import answerer_of, answers, ask_all
from service.evaluation.judged import read_questions
from service.exchange import Answer
from service.retrieval.corpus import load_corpus
from service.settings import CORPORA
from service.text import fold

TODAY = date(2026, 11, 21)
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def shipped() -> Mapping[str, Any]:
    """The deployment over its own corpus, without HTTP."""
    deployment = load_deployment(deployment_file("courtsight"))
    documents = load_corpus(CORPORA / "courtsight").documents
    return {"deployment": deployment, "answerer": answerer_of(deployment, documents, lambda: 0.0)}


@pytest.fixture(scope="module")
def ask(shipped: Mapping[str, Any]) -> Ask:
    def asked(text: str, role: str = "judge") -> Answer:
        deployment: Deployment = shipped["deployment"]
        only = replace(deployment, roles={role: deployment.roles[role]})

        async def collect() -> list[Answer]:
            return [answer async for answer in answers(shipped["answerer"], only, [("q", text)], TODAY)]

        return asyncio.run(collect())[0]

    return asked


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Apa syarat sah perjanjian menurut Pasal 9999 KUHPerdata?", "article_not_in_law"),
        ("Apa isi Pasal 98765 KUHPerdata?", "article_not_in_law"),
        ("Apa hukuman pencurian menurut Pasal 476 UU 88/2031?", "law_not_in_corpus"),
        ("Bagaimana cara mengurus KTP menurut UU Nomor 77 Tahun 2033?", "law_not_in_corpus"),
        ("Apa itu korupsi menurut UU Antariksa Nusantara?", "law_not_in_corpus"),
    ],
)
def test_what_does_not_resolve_is_declined_though_words_match(ask: Ask, question: str, reason: str) -> None:
    """A law or article that leads nowhere is named as the reason, however well other words fit."""
    answer = ask(question)
    assert (answer.outcome, answer.refusal_reason) == ("abstained", reason)
    assert not answer.citations


def test_of_several_the_found_ones_are_answered_with_a_notice(ask: Ask) -> None:
    """A question that names an article that was found and one that was not is answered for the first, and names the second."""
    answer = ask("Apa isi Pasal 1320 KUHPerdata dan Pasal 9999 KUHPerdata?")
    assert answer.outcome == "ok"
    assert any(citation.article == "1320" for citation in answer.citations)
    assert any("9999" in notice and "tidak berarti" in notice for notice in answer.notices)


def test_an_english_question_hears_of_the_missing_article_in_english(ask: Ask) -> None:
    """The notice speaks the language of the answer."""
    answer = ask(
        "What are the conditions of a valid contract under article 1320 of the civil code and article 9999 of the civil code?"
    )
    assert answer.outcome == "ok"
    assert any("9999" in notice and "does not mean" in notice for notice in answer.notices)


def test_an_answer_in_full_has_no_such_notice(ask: Ask) -> None:
    """Who asks only for what is there hears nothing of what is not."""
    assert not any("tidak berarti" in notice for notice in ask("Apa isi Pasal 1320 KUHPerdata?").notices)


@pytest.mark.parametrize(
    "question", ["Apa itu wanprestasi?", "Bagaimana cara mengurus KTP?", "Apa isi Pasal 1320 KUHPerdata?"]
)
def test_the_role_never_enters_the_confidence(ask: Ask, shipped: Mapping[str, Any], question: str) -> None:
    """For every role the stated confidence is what its evidence alone gives, and the same evidence gives the same value."""
    calibration = shipped["deployment"].calibration
    seen: dict[tuple[str, ...], float] = {}
    for role in shipped["deployment"].roles:
        answer = ask(question, role)
        assert answer.confidence == confidence(answer.features, calibration)
        assert (
            seen.setdefault(tuple(item.document.id for item in answer.weighed), answer.confidence) == answer.confidence
        )


def test_most_needs_of_lay_people_are_met_and_other_fields_are_not(shipped: Mapping[str, Any]) -> None:
    """Of our labelled lay questions at most a tenth is wrongly declined, and nothing of other fields or missing laws is answered."""
    asked = list(read_questions(Path(__file__).parent / "data" / "needs.jsonl"))
    became = ask_all(
        shipped["answerer"], shipped["deployment"], [(one.qid, one.text) for one in asked], TODAY, lambda _: None
    )
    declined: dict[str, list[bool]] = {}
    for one, found in zip(asked, became, strict=True):
        declined.setdefault(one.kind, []).append(found.outcome != "ok")
    assert sum(declined["answerable"]) <= 0.1 * len(declined["answerable"])
    assert sum(declined["other_field"]) >= 0.95 * len(declined["other_field"])
    assert all(declined["unresolved"])


def test_a_refusal_never_says_that_a_law_does_not_exist(ask: Ask) -> None:
    """It was not found here: that is all that can be said."""
    said = fold(ask("Apa bunyi UU Nomor 88 Tahun 2031?").text)
    assert "tidak berarti" in said
    assert "tidak pernah ada" not in said
