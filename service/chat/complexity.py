"""How demanding a question is: simple, medium or complex, by points that its words collect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.text import contains_phrase, words

Complexity = Literal["simple", "medium", "complex"]
COMPLEXITIES: tuple[Complexity, ...] = ("simple", "medium", "complex")


@dataclass(frozen=True, slots=True)
class Signal:
    """Words or phrases that make a question more demanding; any one of them gives the points, once."""

    name: str
    points: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComplexityRules:
    """The thresholds in points, the signals, and from how many words on a question is long (one point)."""

    medium_from: int
    complex_from: int
    long_question_words: int
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The class of a question, and what led to it."""

    complexity: Complexity
    points: int
    signals: tuple[str, ...]


def classify(question: str, rules: ComplexityRules) -> Assessment:
    """Class a question by the rules; depends on nothing but its words."""
    asked = words(question)
    found = [signal for signal in rules.signals if any(contains_phrase(asked, phrase) for phrase in signal.words)]
    points = sum(signal.points for signal in found)
    names = [signal.name for signal in found]
    if len(asked) >= rules.long_question_words:
        points += 1
        names.append("panjang")
    return Assessment(complexity=_class(points, rules), points=points, signals=tuple(names))


def _class(points: int, rules: ComplexityRules) -> Complexity:
    if points >= rules.complex_from:
        return "complex"
    return "medium" if points >= rules.medium_from else "simple"
