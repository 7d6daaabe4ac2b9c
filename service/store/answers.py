"""What is kept of an answer beside its words: who wrote it, out of which passages, by which versions, at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter

from service.store.work import Work, one, rows, run
from service.values import value


@value
class SavedAnswer:
    """One row of `answers`; the members are its columns.

    Moments are seconds since the epoch, `hour` counts whole ones since then; `versions` and `record` are JSON text, the latter in UTF-8 where it has
    just been made: the database has it so, and to have it made into a string and back costs more than to write the row.
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
    record: str | bytes


_values = attrgetter(*(field.name for field in fields(SavedAnswer)))
_COLUMNS = ", ".join(field.name for field in fields(SavedAnswer))
_COLUMNS_OF_A = ", ".join(f"a.{field.name}" for field in fields(SavedAnswer))
_PLACES = ", ".join(
    f"CAST(${place} AS TEXT)" if field.name == "record" else f"${place}"
    for place, field in enumerate(fields(SavedAnswer), start=1)
)
_INSERT = f"INSERT INTO answers ({_COLUMNS}) VALUES ({_PLACES})"
_INSERT_PASSAGE = (
    "INSERT INTO passages (digest, body, kept_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (digest) DO UPDATE SET kept_at = excluded.kept_at"
)
"""A passage that was kept not long ago is not swept away, though nothing refers to it yet."""
_AT_ONCE = 100
"""Passages by one query: an answer has some ten, and a conversation that is exported thousands, each of which would be a way to the server and back."""
_PASSAGES = (
    f"SELECT digest, body FROM passages WHERE digest IN ({', '.join(f'${place + 1}' for place in range(_AT_ONCE))})"
)


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


def answers_behind(conversation_id: str, place: int, limit: int) -> Work[Sequence[tuple[int, SavedAnswer]]]:
    """The first answers behind a place of a conversation, in the order in which they were said, each with its place."""
    found = yield from rows(
        f"SELECT m.seq, {_COLUMNS_OF_A} FROM messages m JOIN answers a ON a.message_id = m.id"
        " WHERE m.conversation_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3",
        conversation_id,
        place,
        limit,
    )
    return [(row[0], SavedAnswer(*row[1:])) for row in found]


def records_behind(conversation_id: str, place: int, limit: int) -> Work[dict[str, tuple[str, str]]]:
    """Who wrote the first answers behind a place of a conversation, and their records as JSON text, by message."""
    found = yield from rows(
        "SELECT m.id, a.model, a.record FROM messages m JOIN answers a ON a.message_id = m.id"
        " WHERE m.conversation_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3",
        conversation_id,
        place,
        limit,
    )
    return {row[0]: (row[1], row[2]) for row in found}


def passages_by(digests: Sequence[str]) -> Work[dict[str, str]]:
    """The passages of these digests, as JSON text."""
    found: dict[str, str] = {}
    wanted = list(dict.fromkeys(digests))
    for begin in range(0, len(wanted), _AT_ONCE):
        some = wanted[begin : begin + _AT_ONCE]
        # One text for any number: what is short of it is filled with what was asked already.
        page = yield from rows(_PASSAGES, *some, *some[:1] * (_AT_ONCE - len(some)))
        found |= {str(digest): str(body) for digest, body in page}
    return found
