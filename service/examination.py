"""What an examiner of a disputed answer is given: the answer with its passages, versions, steps and tools; or the whole conversation.

An export carries the version of its own form and a digest of itself, so that a copy can be told from one that somebody edited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from service.store.answers import SavedAnswer, answers_behind, find_answer, passages_by
from service.store.audit import AuditEvent, events_of
from service.store.conversations import Conversation, Message, find_conversation, find_message, messages_behind
from service.store.feedback import Feedback, feedback_on, feedback_to
from service.store.work import Work

EXPORT_SCHEMA = "courtsight/conversation-export/v1"
_MESSAGES = "messages"
_AT_ONCE = 200
"""Answers or messages of a conversation by one query: on PostgreSQL what came is made into values in the event loop, where everybody waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A message with all that is known of it; `answer` is None for a question. `passages` hold JSON text by digest."""

    message: Message
    conversation_id: str
    answer: SavedAnswer | None
    feedback: Feedback | None
    passages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ExaminedConversation:
    """A conversation with all that is known of it."""

    conversation: Conversation
    messages: Sequence[Examined]
    events: Sequence[AuditEvent]


def examine_message(owner: str, message_id: str) -> Work[Examined]:
    """The owner's message.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    conversation_id, message = yield from find_message(owner, message_id)
    answer = yield from find_answer(message_id)
    feedback = yield from feedback_to(message_id)
    passages = yield from passages_by(_digests(answer) if answer else ())
    return Examined(message, conversation_id, answer, feedback, passages)


def examine_conversation(owner: str, conversation_id: str) -> Work[ExaminedConversation]:
    """The owner's conversation.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    conversation = yield from find_conversation(owner, conversation_id)
    answers: dict[str, SavedAnswer] = {}
    digests: list[str] = []
    place = 0
    while page := (yield from answers_behind(conversation_id, place, _AT_ONCE)):
        place = page[-1][0]
        for _, answer in page:
            answers[answer.message_id] = answer
            digests += _digests(answer)
    feedback = yield from feedback_on(conversation_id)
    passages = yield from passages_by(digests)
    messages: list[Examined] = []
    place = 0
    while said := (yield from messages_behind(conversation_id, place, _AT_ONCE)):
        place = said[-1][0]
        for _, message in said:
            examined = answers.get(message.id), feedback.get(message.id)
            messages.append(Examined(message, conversation_id, *examined, passages))
    return ExaminedConversation(conversation, messages, (yield from events_of(conversation_id)))


def passages_of(answer: SavedAnswer, stored: Mapping[str, str]) -> list[dict[str, Any]]:
    """The passages of an answer in their order: number, digest, whether it was cited, and the passage as it was.

    One that the store has lost says so (`missing`): an examiner must not take the rest for all.
    """
    record: dict[str, Any] = orjson.loads(answer.record)
    shown = []
    for one in record["passages"]:
        body = stored.get(one["digest"])
        shown.append({**one, "missing": body is None, **(orjson.loads(body) if body else {})})
    return shown


class Seal:
    """Reckons the digest of an export: SHA-256 of all of it but the digest, as JSON with sorted members, without spaces, in ASCII, as `json.dumps` writes it.

    A conversation may have thousands of messages, and `json.dumps` lets nobody else work meanwhile: so it is told one message after the other.
    """

    def __init__(self, rest: Mapping[str, Any]) -> None:
        """Begin; `rest` is all but the messages."""
        before, behind = ({name: rest[name] for name in rest if (name < _MESSAGES) is first} for first in (True, False))
        self._digest = sha256(_canonical(before)[:-1] + f',"{_MESSAGES}":['.encode())
        self._behind = b"]," + _canonical(behind)[1:]
        self._comma = b""

    def take(self, message: Mapping[str, Any]) -> None:
        """The next message."""
        self._digest.update(self._comma + _canonical(message))
        self._comma = b","

    def digest(self) -> str:
        """Of the whole, once all messages were taken."""
        whole = self._digest.copy()
        whole.update(self._behind)
        return whole.hexdigest()


def _canonical(part: Mapping[str, Any]) -> bytes:
    return json.dumps(part, sort_keys=True, separators=(",", ":")).encode()


def _digests(answer: SavedAnswer) -> Sequence[str]:
    record: dict[str, Any] = orjson.loads(answer.record)
    return [one["digest"] for one in record["passages"]]
