"""Takes a person out of the store: the words, the keys, and the name wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.store.audit import OF_ACCOUNTS, note
from service.store.retention import remove_conversation
from service.store.work import Row, Work, rows, run

_ADDRESS = re.compile(r" address [0-9a-f]{16}$")
"""The keyed hash of an address at the end of a line about a login: very likely the person's own."""


def erase_conversations(account_id: str, pseudonym: str, most: int) -> Work[int]:
    """Delete some of a person's conversations, also out of the audit trail; how many."""
    sql = "SELECT id FROM conversations WHERE account_id = $1 ORDER BY id LIMIT $2 FOR UPDATE"
    found = yield from rows(sql, account_id, most)
    for (conversation_id,) in found:
        yield from remove_conversation(conversation_id)
        yield from run(
            "UPDATE audit SET conversation_id = '', request_id = '',"
            " subject = CASE WHEN subject = $1 THEN $2 ELSE subject END WHERE conversation_id = $1 OR subject = $1",
            conversation_id,
            pseudonym,
        )
    return len(found)


def conversations_of(account_id: str) -> Work[Sequence[str]]:
    """The ids of a person's conversations."""
    found = yield from rows("SELECT id FROM conversations WHERE account_id = $1 ORDER BY id", account_id)
    return [str(row[0]) for row in found]


def erase_names(username: str, marks: Sequence[str], pseudonym: str, after: int, most: int) -> Work[int | None]:
    """Put the pseudonym in the place of a person's name and marks in some lines of the audit trail.

    Args:
        username: the account's name. It may be any word, such as that of a role, so that it counts only where a line names an account.
        marks: what stands for this person alone: the account's id, and the keyed hashes of the name where somebody logged in with it.
        pseudonym: what stands there afterwards, so that lines of one person still belong together.
        after: the number of the last line that was looked at.
        most: how many lines at once.

    Returns:
        The number of the last line that was found, None when there was none.
    """
    texts = (username, *marks)
    places = range(3, len(texts) + 3)
    holding = " OR ".join(f"{text} LIKE ${at} ESCAPE '!'" for at in places for text in ("subject", "actor"))
    sql = f"SELECT seq, action, subject, actor FROM audit WHERE seq > $1 AND ({holding}) ORDER BY seq LIMIT $2"
    lines = yield from rows(sql, after, most, *map(_containing, texts))
    for line in lines:
        yield from _without(line, username, marks, pseudonym)
    return int(lines[-1][0]) if lines else None


def _containing(name: str) -> str:
    for sign in "!%_":
        name = name.replace(sign, f"!{sign}")
    return f"%{name}%"


def _without(line: Row, username: str, marks: Sequence[str], pseudonym: str) -> Work[None]:
    seq, action, subject, actor = line
    told = subject
    for mark in marks:
        told = told.replace(mark, pseudonym)
    named, space, rest = told.partition(" ")
    if action.startswith(OF_ACCOUNTS) and named == username:
        told = f"{pseudonym}{space}{rest}"
    by = pseudonym if actor in (username, *marks) else actor
    if (told, by) != (subject, actor):
        sql = "UPDATE audit SET subject = $1, actor = $2, request_id = '', conversation_id = '' WHERE seq = $3"
        yield from run(sql, _ADDRESS.sub("", told), by, seq)


def erase_account(
    account_id: str, username: str, pseudonym: str, now: float, *, by: str, keep_account: bool
) -> Work[None]:
    """Delete what else is a person's own, and note in the audit trail that it was done, by whom, and without the person's name."""
    for table in ("api_keys", "idempotency"):
        yield from run(f"DELETE FROM {table} WHERE account_id = $1", account_id)
    for name in (account_id, username):
        yield from run("UPDATE documents SET created_by = $1 WHERE created_by = $2", pseudonym, name)
        yield from run("UPDATE switches SET changed_by = $1 WHERE changed_by = $2", pseudonym, name)
    if not keep_account:
        yield from run("DELETE FROM accounts WHERE id = $1", account_id)
    yield from note(now, "erase", pseudonym, actor=by)
