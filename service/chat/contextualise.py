"""Understands a follow-up question: adds what the conversation was about to what is asked now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.text import contains_phrase, words

_POINTING_BACK = ("tersebut", "tadi", "serupa", "sejenis", "demikian", "hal itu", "hal ini", "di atas", "yang sama")
_OPENING = (
    ("bandingkan", "dengan"),
    ("bagaimana", "dengan"),
    ("bagaimana", "kalau"),
    ("bagaimana", "jika"),
    ("lalu",),
    ("kalau", "begitu"),
    ("selain", "itu"),
    ("berapa", "lama"),
)
_ARTICLE = ("pasal ", "ps ", "ps. ", "psl ", "psl. ")
_NOT_A_PRONOUN = frozenset({
    "adanya", "akhirnya", "artinya", "biasanya", "bertanya", "hendaknya", "khususnya", "misalnya", "mulanya", "nyatanya",
    "pentingnya", "sebaiknya", "sebelumnya", "sebenarnya", "sebetulnya", "seharusnya", "selanjutnya", "seluruhnya", "semestinya",
    "umumnya",
})  # fmt: skip
"""Words that end in -nya ("its") without pointing back at anything."""


@dataclass(frozen=True, slots=True)
class Context:
    """What to search for: the question, and the words carried over from the conversation (empty when it stands alone)."""

    search: str
    carried: str


def is_follow_up(question: str, topic: Callable[[str], Sequence[str]]) -> bool:
    """Whether a question leans on what was said before: it points back, opens like one, or names no topic of its own."""
    asked = words(question)
    points_back = any(contains_phrase(asked, phrase) for phrase in _POINTING_BACK)
    has_pronoun = any(len(w) > 5 and w.endswith("nya") and w not in _NOT_A_PRONOUN for w in asked)
    opens_so = any(tuple(asked[: len(opening)]) == opening for opening in _OPENING)
    return points_back or has_pronoun or opens_so or not topic(question)


def contextualise(
    question: str, earlier: Sequence[str], title: str | None, topic: Callable[[str], Sequence[str]]
) -> Context:
    """Carry the topic of earlier questions over to a follow-up.

    Args:
        question: what is asked now.
        earlier: earlier questions of the conversation, the newest first.
        title: the conversation's title; it stands in when nothing was asked yet.
        topic: the words of a text, as written, that say what it is about.
    """
    if not is_follow_up(question, topic):
        return Context(search=question, carried="")
    carried: dict[str, None] = {}
    for text in earlier or ([title] if title else []):
        for word in topic(text):
            carried.setdefault(word, None)
        if not is_follow_up(text, topic):
            # A question that stands alone began the topic: what was asked before it was about something else.
            break
    known = {word.lower() for word in topic(question)}
    # "Bagaimana dengan pasal 1367?" keeps the law of the article before it, and not that article.
    other_article = any(word.startswith(_ARTICLE) for word in known)
    phrase = " ".join(
        word
        for word in carried
        if word.lower() not in known and not (other_article and word.lower().startswith(_ARTICLE))
    )
    full_phrase = " ".join(carried)
    return Context(search=f"{question} {phrase}".strip(), carried=full_phrase)
