"""The questions of the requirements, asked of the corpus that ships."""

from __future__ import annotations

from typing import Any

import pytest

from service.retrieval.corpus import load_corpus
from service.settings import CORPORA

SIMPLE = ("Apa itu hukum pidana?", "Bagaimana cara mengurus KTP?", "Apa itu perceraian?")
MEDIUM = (
    "Jelaskan prosedur gugatan perdata",
    "Apa perbedaan hukum pidana dan perdata?",
    "Bagaimana cara mengajukan banding?",
)
COMPLEX = (
    "Analisis preseden kasus korupsi dengan membandingkan 3 putusan terakhir",
    "Bandingkan pendekatan MA terhadap kasus KDRT sebelum dan sesudah UU TPKS",
    "Bagaimana evolusi yurisprudensi MA tentang wanprestasi kontrak bisnis?",
)


def tools(answer: dict[str, Any]) -> set[str]:
    return {call["tool_name"] for call in answer["tool_calls"]}


def test_the_judges_workflow(shipped: Any) -> None:
    """Precedents with confidence and three citations, a comparison as follow-up, and an export that is not empty."""
    title = "Analisis preseden untuk kasus perceraian dengan kekerasan domestik"
    made = shipped.send("POST", "/v1/conversations", "judge", json={"title": title}).json()["conversation_id"]
    first = shipped.ask("judge", "Apa preseden terkuat untuk membuktikan KDRT dalam perkara perceraian?", made)
    assert len(first["citations"]) >= 3
    assert first["confidence_score"] > 0.8
    assert "PrecedentExplorer" in tools(first)
    second = shipped.ask("judge", "Bandingkan dengan putusan serupa di 5 tahun terakhir", made)
    assert "CaseComparator" in tools(second)
    years = {citation["year"] for citation in second["citations"] if citation["kind"] == "decision"}
    assert years
    assert min(years) >= 2021
    exported = shipped.send("GET", f"/v1/conversations/{made}/citations?format=ma_indonesia", "judge").json()
    assert exported["citations"]


def test_the_lawyers_workflow(shipped: Any) -> None:
    """A legal basis uses search and lookup; the comparison after it reasons in at least four steps."""
    first = shipped.ask("lawyer", "Dasar hukum gugatan wanprestasi kontrak bisnis")
    assert tools(first) >= {"LegalRetriever", "LawLookup"}
    assert first["confidence_score"] > 0.8
    question = "Bandingkan pendekatan MA terhadap wanprestasi vs perbuatan melawan hukum"
    second = shipped.ask("lawyer", question, first["conversation_id"])
    assert len(second["reasoning_steps"]) >= 4


def test_the_publics_workflow(shipped: Any) -> None:
    """A plain question gets a plain answer of more than fifty words, and never CaseComparator."""
    answer = shipped.ask("public", "Bagaimana cara mengurus surat cerai?")
    assert len(answer["answer"].split()) > 50
    assert "CaseComparator" not in tools(answer)
    assert answer["confidence_score"] > 0.8
    assert any("bukan nasihat hukum" in notice for notice in answer["notices"])


def test_a_guide_that_comes_first_is_quoted_whole(shipped: Any) -> None:
    """Steps are shown in full: what is left out of a procedure misleads."""
    answer = shipped.ask("public", "Bagaimana cara mengurus surat cerai?")
    texts = {document.id: document.text for document in load_corpus(CORPORA / "courtsight").documents}
    best = answer["citations"][0]
    assert best["kind"] == "guide"
    assert best["quote"].split() == texts[best["id"]].split()


def test_the_memory_case(shipped: Any) -> None:
    """A question about "its difference" still knows what the conversation is about."""
    first = shipped.ask("judge", "Jelaskan tentang hukum perdata Indonesia")
    second = shipped.ask("judge", "Apa perbedaannya dengan hukum pidana?", first["conversation_id"])
    assert second["outcome"] == "ok"
    assert "perdata" in second["answer"].lower()
    assert second["conversation_id"] == first["conversation_id"]
    shown = shipped.send("GET", f"/v1/conversations/{first['conversation_id']}", "judge").json()
    assert len(shown["messages"]) >= 4


@pytest.mark.parametrize("role", ["judge", "lawyer", "public"])
def test_every_benchmark_question_is_answered(shipped: Any, role: str) -> None:
    """All nine questions are answered from sources, at some length, in the class of their target."""
    for complexity, questions in (("simple", SIMPLE), ("medium", MEDIUM), ("complex", COMPLEX)):
        for question in questions:
            answer = shipped.ask(role, question)
            assert answer["complexity"] == complexity, question
            assert answer["outcome"] == "ok", question
            assert len(answer["answer"]) > 100, question
            assert answer["confidence_score"] > 0.75, question


@pytest.mark.parametrize(
    ("tool", "query", "least"),
    [
        ("LegalRetriever", "putusan mahkamah agung korupsi", 5),
        ("CaseComparator", "bandingkan putusan korupsi 2023", 2),
        ("PrecedentExplorer", "preseden hukum perdata", 3),
    ],
)
def test_tools_find_enough(shipped: Any, tool: str, query: str, least: int) -> None:
    """The tool benchmarks of the requirements find at least so many results."""
    results = shipped.send("POST", f"/v1/tools/{tool}", "judge", json={"query": query}).json()["results"]
    assert len(results) >= least


@pytest.mark.parametrize(
    "question",
    [
        "Legal question 1 from user user_3",
        "Bagaimana resep rendang padang?",
        "Siapa juara piala dunia 2022?",
        "Bagaimana cara merawat anak kucing persia?",
        "Apa hukum Newton kedua?",
        "What is the capital of France?",
        "Apa isi pasal 9999 KUHPerdata?",
    ],
)
def test_questions_outside_the_corpus_are_held_back(shipped: Any, question: str) -> None:
    """What the corpus does not carry is not answered, and its confidence says so."""
    answer = shipped.ask("public", question)
    assert answer["outcome"] == "abstained"
    assert answer["confidence_score"] < 0.4


def test_the_same_question_gets_the_same_answer(shipped: Any) -> None:
    """Answers are deterministic: text, citations and confidence."""
    answers = [shipped.ask("judge", COMPLEX[1]) for _ in range(2)]
    same = ("answer", "citations", "confidence_score", "notices", "reasoning_steps")
    assert [answers[0][name] for name in same] == [answers[1][name] for name in same]
