"""Conversations and their messages. Every query names the owner, so that a stranger's id finds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from service.errors import NotFound
from service.store.naming import is_id
from service.store.retention import remove_conversation
from service.store.work import Value, Work, found, one, rows, run
from service.values import value

MISSING = "No conversation of yours has this id"
NO_MESSAGE = "No message of yours has this id"


@value
class Conversation:
    """A conversation and how many messages it has; `created_at` is in seconds since the epoch."""

    id: str
    title: str
    created_at: float
    messages: int


@value
class Message:
    """What one side said. `citations` is the JSON text that the chat core wrote, or None."""

    id: str
    author: Literal["user", "assistant"]
    content: str
    created_at: float
    citations: str | None = None


_MESSAGE = (
    "SELECT c.id, m.id, m.author, m.content, m.created_at, m.citations"
    " FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.id = $1 AND c.account_id = $2"
)
_COUNTED = "id, title, created_at, (SELECT count(*) FROM messages WHERE conversation_id = conversations.id)"
_FIND = f"SELECT {_COUNTED} FROM conversations WHERE id = $1 AND account_id = $2"
_HOLD = "SELECT id FROM conversations WHERE id = $1 AND account_id = $2 FOR UPDATE"
"""Turns of one conversation are kept one after the other, so that an answer stands behind its own question."""
_RECALL = (
    "SELECT c.title, m.content FROM conversations c"
    " LEFT JOIN messages m ON m.conversation_id = c.id AND m.author = 'user'"
    " WHERE c.id = $1 AND c.account_id = $2 ORDER BY m.seq DESC LIMIT $3"
)
"""One statement, because every question asks it: two would need a transaction around them to see one state."""
_INSERT = (
    "INSERT INTO messages (conversation_id, id, author, content, created_at, citations) VALUES ($1, $2, $3, $4, $5, $6)"
)
_INSERT_TWO = f"{_INSERT}, ($1, $7, $8, $9, $10, $11)"
"""A question and its answer, in this order: one statement costs two thirds of two."""
_NEWEST = "ORDER BY created_at DESC, id DESC"
_LIST = f"SELECT {_COUNTED} FROM conversations WHERE account_id = $1 {_NEWEST} LIMIT $2"
_LIST_BEHIND = (
    f"SELECT {_COUNTED} FROM conversations WHERE account_id = $1 AND (created_at, id) < ($3, $4) {_NEWEST} LIMIT $2"
)


def insert_conversation(owner: str, conversation: Conversation) -> Work[None]:
    """Add a conversation without messages."""
    yield from run(
        "INSERT INTO conversations (id, account_id, title, created_at) VALUES ($1, $2, $3, $4)",
        conversation.id,
        owner,
        conversation.title,
        conversation.created_at,
    )


def find_conversation(owner: str, conversation_id: str) -> Work[Conversation]:
    """The owner's conversation.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    row = (yield from one(_FIND, conversation_id, owner)) if is_id(conversation_id) else None
    if row is None:
        raise NotFound(MISSING)
    return Conversation(*row)


def list_conversations(owner: str, limit: int, behind: tuple[float, str] | None = None) -> Work[Sequence[Conversation]]:
    """The owner's conversations, newest first; those behind a moment and an id where these are given."""
    found = rows(_LIST_BEHIND, owner, limit, *behind) if behind else rows(_LIST, owner, limit)
    return [Conversation(*row) for row in (yield from found)]


def rename_conversation(owner: str, conversation_id: str, title: str) -> Work[Conversation]:
    """Give the owner's conversation another title.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    yield from find_conversation(owner, conversation_id)
    yield from run(
        "UPDATE conversations SET title = $3 WHERE id = $1 AND account_id = $2", conversation_id, owner, title
    )
    return (yield from find_conversation(owner, conversation_id))


def delete_conversation(owner: str, conversation_id: str) -> Work[None]:
    """Remove a conversation with its messages.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    if not (is_id(conversation_id) and (yield from found(_HOLD, conversation_id, owner))):
        raise NotFound(MISSING)
    yield from remove_conversation(conversation_id)


def list_messages(conversation_id: str) -> Work[Sequence[Message]]:
    """All messages of a conversation, in the order in which they were said."""
    said = yield from rows(
        "SELECT id, author, content, created_at, citations FROM messages WHERE conversation_id = $1 ORDER BY seq",
        conversation_id,
    )
    return [Message(*row) for row in said]


def citations_of(conversation_id: str) -> Work[Sequence[str]]:
    """What the messages of a conversation cite, as the JSON text of each, in the order in which they were said."""
    cited = yield from rows(
        "SELECT citations FROM messages WHERE conversation_id = $1 AND citations IS NOT NULL ORDER BY seq",
        conversation_id,
    )
    return [row[0] for row in cited]


def messages_behind(conversation_id: str, place: int, limit: int) -> Work[Sequence[tuple[int, Message]]]:
    """Messages behind a place of a conversation, in the order in which they were said, each with its place."""
    said = yield from rows(
        "SELECT seq, id, author, content, created_at, citations FROM messages"
        " WHERE conversation_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        conversation_id,
        place,
        limit,
    )
    return [(row[0], Message(*row[1:])) for row in said]


def find_message(owner: str, message_id: str) -> Work[tuple[str, Message]]:
    """The id of the conversation, and the message in it, of the owner.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    row = (yield from one(_MESSAGE, message_id, owner)) if is_id(message_id) else None
    if row is None:
        raise NotFound(NO_MESSAGE)
    return row[0], Message(*row[1:])


def recall(owner: str, conversation_id: str, limit: int) -> Work[tuple[str, tuple[str, ...]]]:
    """The title of the owner's conversation, and its latest questions, the newest first; `limit` is at least 1.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    found = (yield from rows(_RECALL, conversation_id, owner, limit)) if is_id(conversation_id) else ()
    if not found:
        raise NotFound(MISSING)
    # A conversation without questions has one row, and nothing in it.
    return found[0][0], tuple(row[1] for row in found if row[1] is not None)


def append_messages(owner: str, conversation_id: str, messages: Iterable[Message]) -> Work[None]:
    """Add messages to the owner's conversation.

    Raises:
        NotFound: the conversation was deleted meanwhile.
    """
    if not (yield from found(_HOLD, conversation_id, owner)):
        raise NotFound(MISSING)
    yield from insert_messages(conversation_id, messages)


def insert_messages(conversation_id: str, messages: Iterable[Message]) -> Work[None]:
    """Add messages to a conversation that is known to be the owner's."""
    said = list(messages)
    while len(said) > 1:
        yield from run(_INSERT_TWO, conversation_id, *_values(said[0]), *_values(said[1]))
        del said[:2]
    for message in said:
        yield from run(_INSERT, conversation_id, *_values(message))


def _values(message: Message) -> tuple[Value, ...]:
    return message.id, message.author, message.content, message.created_at, message.citations
