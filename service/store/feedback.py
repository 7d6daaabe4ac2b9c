"""What readers think of an answer: one score for each, by the owner of its conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.store.work import Work, rows, run

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Feedback:
    """A score from 1 to 5 and what was said to it; `created_at` is in seconds since the epoch."""

    message_id: str
    score: int
    comment: str
    created_at: float


def put_feedback(feedback: Feedback) -> Work[None]:
    """Set what is thought of an answer; what was said before is replaced."""
    yield from run(
        "INSERT INTO feedback (message_id, score, comment, created_at, day) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (message_id) DO UPDATE SET"
        " score = excluded.score, comment = excluded.comment, created_at = excluded.created_at, day = excluded.day",
        feedback.message_id,
        feedback.score,
        feedback.comment,
        feedback.created_at,
        int(feedback.created_at // _DAY_SECONDS),
    )


def feedback_on(conversation_id: str) -> Work[Mapping[str, Feedback]]:
    """What is thought of the answers of a conversation, by message."""
    found = yield from rows(
        "SELECT message_id, score, comment, created_at FROM feedback"
        " WHERE message_id IN (SELECT id FROM messages WHERE conversation_id = $1)",
        conversation_id,
    )
    return {row[0]: Feedback(*row) for row in found}


def feedback_to(message_id: str) -> Work[Feedback | None]:
    """What is thought of one answer."""
    found = yield from rows(
        "SELECT message_id, score, comment, created_at FROM feedback WHERE message_id = $1", message_id
    )
    return Feedback(*found[0]) if found else None
