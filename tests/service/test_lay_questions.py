"""The lay questions that retrieval is developed with: judged by id, never by text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from service.evaluation.judged import HALVES, half_of, read_judged

FOLDER = Path(__file__).parent / "data"
SETS = ("lay_questions", "lay_questions_more")


@pytest.mark.parametrize("name", SETS)
def test_every_lay_question_is_judged(name: str) -> None:
    """At least sixty questions, each with its articles, and no judgement of a question that nobody asks."""
    judged = read_judged(FOLDER / f"{name}.jsonl", [FOLDER / f"{name}.qrels"], ())
    assert len(judged.questions) >= 60
    assert (judged.unjudged, judged.unasked) == (0, 0)
    assert all(set(question.grades.values()) == {1} for question in judged.questions)


@pytest.mark.parametrize("name", SETS)
def test_both_halves_hold_enough_questions(name: str) -> None:
    """A half that is kept for the final figure must be large enough to say something."""
    judged = read_judged(FOLDER / f"{name}.jsonl", [FOLDER / f"{name}.qrels"], ())
    halves = Counter(half_of(question.qid) for question in judged.questions)
    assert min(halves[half] for half in HALVES) >= 30
