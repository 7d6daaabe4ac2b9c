"""The class of a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.complexity import COMPLEXITIES, ComplexityRules, Signal, classify
from service.deployments.load import deployment_file, load_deployment

RULES = load_deployment(deployment_file("courtsight")).complexity
ORDER = {name: place for place, name in enumerate(COMPLEXITIES)}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Apa itu hukum pidana?", "simple"),
        ("Bagaimana cara mengurus KTP?", "simple"),
        ("Apa itu perceraian?", "simple"),
        ("Cara mengurus KTP", "simple"),
        ("Bagaimana cara mengurus surat cerai?", "simple"),
        ("Legal question 1 from user user_3", "simple"),
        ("Jelaskan prosedur gugatan perdata", "medium"),
        ("Apa perbedaan hukum pidana dan perdata?", "medium"),
        ("Bagaimana cara mengajukan banding?", "medium"),
        ("Dasar hukum gugatan wanprestasi kontrak bisnis", "medium"),
        ("Analisis preseden kasus korupsi dengan membandingkan 3 putusan terakhir", "complex"),
        ("Bandingkan pendekatan MA terhadap kasus KDRT sebelum dan sesudah UU TPKS", "complex"),
        ("Bagaimana evolusi yurisprudensi MA tentang wanprestasi kontrak bisnis?", "complex"),
        ("Apa preseden terkuat untuk membuktikan KDRT dalam perkara perceraian?", "complex"),
    ],
)
def test_the_required_questions_have_their_class(question: str, expected: str) -> None:
    """The questions of the requirements fall into the class that their latency target is stated for."""
    assert classify(question, RULES).complexity == expected


def test_no_rule_names_a_topic() -> None:
    """The rules speak of how something is asked, never of what: no signal holds a topic of the test questions."""
    topics = {"pidana", "perdata", "ktp", "cerai", "perceraian", "korupsi", "kdrt", "tpks", "wanprestasi", "kontrak"}
    assert not topics & {word for signal in RULES.signals for phrase in signal.words for word in phrase.split()}


def test_a_signal_counts_once() -> None:
    """Two words of one signal give its points once."""
    rules = ComplexityRules(2, 4, 100, (Signal("s", 2, ("satu", "dua")),))
    assert classify("satu dua satu", rules).points == 2


def test_the_signals_are_told() -> None:
    """The assessment names what it rests on."""
    assert classify("Analisis putusan", RULES).signals == ("analisis", "yurisprudensi")


@given(st.text(max_size=400))
def test_classification_is_pure(question: str) -> None:
    """The same question always gets the same class."""
    assert classify(question, RULES) == classify(question, RULES)


@given(st.text(max_size=200))
def test_demanding_words_never_make_a_question_simpler(question: str) -> None:
    """Adding a demand can only raise the class."""
    plain = ORDER[classify(question, RULES).complexity]
    assert ORDER[classify(f"{question} bandingkan", RULES).complexity] >= plain
