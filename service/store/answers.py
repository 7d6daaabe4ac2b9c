"""What is kept of an answer beside its words: who wrote it, out of which passages, by which versions, at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

from service.store.work import Work, one, rows, run


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """One row of `answers`; the members are its columns.

    Moments are seconds since the epoch, `hour` counts whole ones since then; `versions` and `record` are JSON text.
    Account and conversation stand here once more, so that usage is counted without the messages.
    """

    message_id: str
    account_id: str
    conversation_id: str
    request_id: str
    trace_id: str
    asked_at: float
    answered_at: float
    hour: int
    role: str
    complexity: str
    outcome: str
    refusal_reason: str | None
    confidence: float
    model: str
    cached: int
    input_tokens: int
    output_tokens: int
    usage_source: str
    cost_usd: float
    versions: str
    record: str


_values = attrgetter(*(field.name for field in fields(SavedAnswer)))
_COLUMNS = ", ".join(field.name for field in fields(SavedAnswer))
_PLACES = ", ".join(f"${place}" for place, _ in enumerate(fields(SavedAnswer), start=1))
_INSERT = f"INSERT INTO answers ({_COLUMNS}) VALUES ({_PLACES})"
_INSERT_PASSAGE = (
    "INSERT INTO passages (digest, body, kept_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (digest) DO UPDATE SET kept_at = excluded.kept_at"
)
"""A passage that was kept not long ago is not swept away, though nothing refers to it yet."""


def insert_answer(saved: SavedAnswer, passages: Mapping[str, str]) -> Work[None]:
    """Add an answer, and those of its passages that may be new.

    Args:
        saved: the answer; its message is there already.
        passages: JSON text by digest. They are written in the order of digests, so that two transactions cannot wait for each other.
    """
    yield from run(_INSERT, *_values(saved))
    for digest in sorted(passages):
        yield from run(_INSERT_PASSAGE, digest, passages[digest], saved.answered_at)


def find_answer(message_id: str) -> Work[SavedAnswer | None]:
    """The answer of a message; None for a question, and for an answer that was given before answers were kept."""
    row = yield from one(f"SELECT {_COLUMNS} FROM answers WHERE message_id = $1", message_id)
    return SavedAnswer(*row) if row else None


def answers_of(conversation_id: str) -> Work[Sequence[SavedAnswer]]:
    """All answers of a conversation, in the order in which they were given."""
    found = yield from rows(
        f"SELECT {_COLUMNS} FROM answers WHERE message_id IN (SELECT id FROM messages WHERE conversation_id = $1)"
        " ORDER BY answered_at, message_id",
        conversation_id,
    )
    return [SavedAnswer(*row) for row in found]


def passages_by(digests: Sequence[str]) -> Work[dict[str, str]]:
    """The passages of these digests, as JSON text."""
    found: dict[str, str] = {}
    for digest in dict.fromkeys(digests):
        row = yield from one("SELECT body FROM passages WHERE digest = $1", digest)
        if row:
            found[digest] = row[0]
    return found
