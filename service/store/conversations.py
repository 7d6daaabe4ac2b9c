"""Conversations and their messages. Every query names the owner, so that a stranger's id finds nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from service.errors import NotFound

MISSING = "No conversation of yours has this id"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation and how many messages it has; `created_at` is in seconds since the epoch."""

    id: str
    title: str
    created_at: float
    messages: int


@dataclass(frozen=True, slots=True)
class Message:
    """What one side said. `citations` is the JSON text that the chat core wrote, or None."""

    id: str
    author: Literal["user", "assistant"]
    content: str
    created_at: float
    citations: str | None = None


def insert_conversation(connection: sqlite3.Connection, owner: str, conversation: Conversation) -> None:
    """Add a conversation without messages."""
    connection.execute(
        "INSERT INTO conversations (id, account_id, title, created_at) VALUES (?, ?, ?, ?)",
        (conversation.id, owner, conversation.title, conversation.created_at),
    )


def find_conversation(connection: sqlite3.Connection, owner: str, conversation_id: str) -> Conversation:
    """The owner's conversation.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    row = connection.execute(
        "SELECT id, title, created_at, (SELECT count(*) FROM messages WHERE conversation_id = conversations.id)"
        " FROM conversations WHERE id = ? AND account_id = ?",
        (conversation_id, owner),
    ).fetchone()
    if row is None:
        raise NotFound(MISSING)
    return Conversation(*row)


def list_conversations(connection: sqlite3.Connection, owner: str, limit: int) -> list[Conversation]:
    """The owner's conversations, newest first."""
    rows = connection.execute(
        "SELECT id, title, created_at, (SELECT count(*) FROM messages WHERE conversation_id = conversations.id)"
        " FROM conversations WHERE account_id = ? ORDER BY created_at DESC, rowid DESC LIMIT ?",
        (owner, limit),
    )
    return [Conversation(*row) for row in rows]


def delete_conversation(connection: sqlite3.Connection, owner: str, conversation_id: str) -> None:
    """Remove a conversation with its messages.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    found = connection.execute("DELETE FROM conversations WHERE id = ? AND account_id = ?", (conversation_id, owner))
    if found.rowcount == 0:
        raise NotFound(MISSING)


def list_messages(connection: sqlite3.Connection, conversation_id: str) -> list[Message]:
    """All messages of a conversation, in the order in which they were said."""
    rows = connection.execute(
        "SELECT id, author, content, created_at, citations FROM messages WHERE conversation_id = ? ORDER BY seq",
        (conversation_id,),
    )
    return [Message(*row) for row in rows]


def last_questions(connection: sqlite3.Connection, conversation_id: str, limit: int) -> Sequence[str]:
    """The latest questions of a conversation, the newest first."""
    rows = connection.execute(
        "SELECT content FROM messages WHERE conversation_id = ? AND author = 'user' ORDER BY seq DESC LIMIT ?",
        (conversation_id, limit),
    )
    return [content for (content,) in rows]


def append_messages(
    connection: sqlite3.Connection, owner: str, conversation_id: str, messages: Iterable[Message]
) -> None:
    """Add messages to the owner's conversation.

    Raises:
        NotFound: the conversation was deleted meanwhile.
    """
    find_conversation(connection, owner, conversation_id)
    connection.executemany(
        "INSERT INTO messages (id, conversation_id, author, content, created_at, citations) VALUES (?, ?, ?, ?, ?, ?)",
        [(m.id, conversation_id, m.author, m.content, m.created_at, m.citations) for m in messages],
    )
