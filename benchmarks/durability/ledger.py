"""What was asked and what was acknowledged, noted outside of the service, and its comparison with what the service has kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_SHOWN = 5
"""So many examples of a finding are told; the count says the rest."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that differs from all others; `key` is the idempotency key that every try of it carries.

    Without `keyed` the key is not sent, and the question is sent only once: nobody knows what became of it without an answer.
    """

    account: str
    text: str
    key: str
    conversation_id: str | None
    streamed: bool
    keyed: bool = True


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the client was told of the answer, all of it before anything was compared."""

    message_id: str
    conversation_id: str
    answer: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message as the service gives it back."""

    id: str
    author: str
    content: str


@dataclass(slots=True)
class Ledger:
    """Grows while the drill runs. `tries` counts requests; `unexpected` holds answers that no documented fault explains."""

    asked: dict[str, Asked] = field(default_factory=dict)
    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    tries: int = 0

    def ask(self, question: Asked) -> None:
        """Note a question before it is sent."""
        self.asked[question.key] = question

    def acknowledge(self, question: Asked, answer: Acknowledged) -> None:
        """Note an answer the moment it is whole; a second answer to one key must be the same."""
        known = self.acknowledged.setdefault(question.key, answer)
        if known != answer:
            self.unexpected.append(f"{question.text}: answered as {known.message_id}, then as {answer.message_id}")

    @property
    def open(self) -> int:
        """Questions that still wait for their answer."""
        return len(self.unanswered)

    @property
    def unanswered(self) -> list[Asked]:
        """Questions that must get an answer and have none."""
        return [question for key, question in self.asked.items() if question.keyed and key not in self.acknowledged]


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which it went wrong, how often, and a few examples."""

    name: str
    count: int
    examples: tuple[str, ...]


Kept = Mapping[str, Mapping[str, Sequence[Said]]]
"""Account -> conversation -> its messages, in the order in which the service gives them."""


def compare(ledger: Ledger, kept: Kept) -> tuple[Finding, ...]:
    """Everything that is wrong; nothing when all that was acknowledged is there, once, and each question has its answer."""
    wrong: dict[str, list[str]] = {
        "acknowledged and lost": _lost(ledger, kept),
        "stored twice": _twice(kept),
        "question never answered": [question.text for question in ledger.unanswered],
        "message without its answer": _unpaired(kept),
        "stored and never asked": _strange(ledger, kept),
        "unexpected answer": ledger.unexpected,
    }  # fmt: skip
    return tuple(Finding(name, len(found), tuple(found[:_SHOWN])) for name, found in wrong.items() if found)


def _lost(ledger: Ledger, kept: Kept) -> list[str]:
    """Acknowledged answers that do not stand in their conversation, word for word, behind their question."""
    lost = []
    for key, answer in ledger.acknowledged.items():
        question = ledger.asked[key]
        said = kept.get(question.account, {}).get(answer.conversation_id, ())
        place = next((number for number, one in enumerate(said) if one.id == answer.message_id), None)
        if place is None:
            lost.append(f"{question.text}: message {answer.message_id} is not there")
        elif said[place].content != answer.answer:
            lost.append(f"{question.text}: message {answer.message_id} has another text")
        elif not place or said[place - 1].content != question.text:
            lost.append(f"{question.text}: message {answer.message_id} does not stand behind it")
    return lost


def _messages(kept: Kept) -> list[Said]:
    return [one for conversations in kept.values() for said in conversations.values() for one in said]


def _twice(kept: Kept) -> list[str]:
    texts = Counter(one.content for one in _messages(kept) if one.author == "user")
    ids = Counter(one.id for one in _messages(kept))
    return [f"{what}: {count} times" for found in (texts, ids) for what, count in found.items() if count > 1]


def _unpaired(kept: Kept) -> list[str]:
    """Conversations in which questions and answers do not take turns."""
    return [
        conversation_id
        for conversations in kept.values()
        for conversation_id, said in conversations.items()
        if not said or [one.author for one in said] != ["user", "assistant"] * (len(said) // 2)
    ]


def _strange(ledger: Ledger, kept: Kept) -> list[str]:
    texts = {question.text for question in ledger.asked.values()}
    return [one.content for one in _messages(kept) if one.author == "user" and one.content not in texts]
