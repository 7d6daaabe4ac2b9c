"""The class of a question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.complexity import COMPLEXITIES, MEASURES, ComplexityRules, Signal, classify, features
from service.chat.fitting import held_out
from service.commands.complexity import (
    ANCHORS,
    QUESTIONS,
    REVIEW,
    evaluate,
    fitted_rules,
    read_labelled,
    report_of,
    rewritten,
    wilson,
)
from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError

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


NO_MEASURES = dict.fromkeys(MEASURES, 0.0)


def test_a_signal_counts_once() -> None:
    """Two words of one signal give its weight once."""
    rules = ComplexityRules(2, 4, NO_MEASURES, (Signal("s", 2, ("satu", "dua")),))
    assert classify("satu dua satu", rules).points == 2


def test_beginnings_and_phrases_are_found() -> None:
    """A word that ends in a star stands for all that begin so, and a phrase only for its words in order."""
    rules = ComplexityRules(1, 9, NO_MEASURES, (Signal("b", 1, ("analis*",)), Signal("p", 1, ("dasar hukum",))))
    assert features("Analisislah dasar hukum ini", rules).keys() >= {"b", "p"}
    assert not features("hukum dasar, kanalisasi", rules).keys() & {"b", "p"}


def test_the_signals_are_told() -> None:
    """The assessment names what it rests on, the strongest first."""
    assert classify("Analisis putusan", RULES).signals[:1] == ("analisis",)


def test_a_greeting_makes_nothing_more_demanding() -> None:
    """Polite words around a question leave its features as they are."""
    assert (
        features("Halo min, mohon izin tanya apa itu somasi", RULES).keys() - {"koma"}
        == features("apa itu somasi", RULES).keys()
    )


def test_the_classes_agree_with_people_on_what_no_rule_was_tuned_on() -> None:
    """On the held-out third the accuracy is at least 0.88, and no class falls below a recall of 0.80."""
    rows = [row for row in read_labelled(QUESTIONS) if held_out(row.id)]
    report = evaluate(rows, RULES)
    assert report["n"] >= 100
    assert report["accuracy"] >= 0.88
    assert all(figures["recall"] >= 0.8 for figures in report["classes"].values())


def test_every_required_question_keeps_its_class() -> None:
    """Each question of the workloads and of the requirements falls into the class that its target is stated for."""
    assert evaluate(read_labelled(ANCHORS), RULES)["accuracy"] == 1.0


def test_there_are_enough_labelled_questions() -> None:
    """At least 330 questions, each class with a hundred, no question twice."""
    rows = read_labelled(QUESTIONS)
    assert len(rows) >= 330
    assert min(sum(row.label == one for row in rows) for one in COMPLEXITIES) >= 100
    assert len({row.question.lower() for row in rows}) == len(rows) == len({row.id for row in rows})


def test_the_weights_are_those_of_the_fit(tmp_path: Path) -> None:
    """Fitting again gives the weights that the deployment ships, and writes nothing else into the file."""
    blank = replace(
        RULES, medium_from=0.0, complex_from=0.0, signals=tuple(replace(one, weight=0.0) for one in RULES.signals)
    )
    again = fitted_rules(blank, QUESTIONS, REVIEW, ANCHORS, RULES.fitted.partition(",")[0])
    assert again == RULES
    shipped = deployment_file("courtsight").read_text(encoding="utf-8")
    assert rewritten(shipped, again) == shipped
    changed = tmp_path / "changed.yaml"
    changed.write_text(rewritten(shipped, replace(again, medium_from=1.25)), encoding="utf-8")
    assert load_deployment(changed).complexity == replace(again, medium_from=1.25)


def test_the_report_shows_table_and_json() -> None:
    """People read the confusion table, programs the JSON of the same figures."""
    printed = report_of(None, RULES)
    assert "held out: accuracy" in printed
    assert '"confusion"' in printed.splitlines()[-1]


def test_other_questions_are_judged_whole(tmp_path: Path) -> None:
    """A file of somebody else's labels is judged in full, without ids, and a class that nobody labelled has no recall."""
    mine = tmp_path / "mine.jsonl"
    mine.write_text('{"question": "Apa itu somasi?", "label": "simple"}\n\n', encoding="utf-8")
    assert "mine.jsonl: accuracy 1.0 (n 1" in report_of(mine, RULES)
    assert evaluate(read_labelled(mine), RULES)["classes"]["complex"] == {"precision": None, "recall": None}


@pytest.mark.parametrize("text", ["", "{}", '{"question": "a", "label": "hard"}', "[1]", "no json"])
def test_labels_in_another_form_are_refused(tmp_path: Path, text: str) -> None:
    """An empty file, a missing member and an unknown class end with a line that names the file."""
    mine = tmp_path / "mine.jsonl"
    mine.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"mine\.jsonl"):
        read_labelled(mine)


def test_the_interval_of_a_share() -> None:
    """Wilson's interval of 38 in 40 is 0.835 to 0.986; without cases nothing is known."""
    assert tuple(round(bound, 3) for bound in wilson(38, 40)) == (0.835, 0.986)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.text(max_size=400))
def test_classification_is_pure(question: str) -> None:
    """The same question always gets the same class."""
    assert classify(question, RULES) == classify(question, RULES)


@given(st.text(max_size=200))
def test_demanding_words_never_make_a_question_simpler(question: str) -> None:
    """Adding a demand can only raise the class."""
    plain = ORDER[classify(question, RULES).complexity]
    assert ORDER[classify(f"{question} bandingkan", RULES).complexity] >= plain


def test_a_reviewers_questions_keep_their_class() -> None:
    """On the half of a reviewer's questions that no weight was fitted to, at least 85 % have the reviewer's class."""
    rows = [row for row in read_labelled(REVIEW) if held_out(row.id, one_in=2)]
    assert len(rows) >= 60
    assert evaluate(rows, RULES)["accuracy"] >= 0.85
