"""Takes a person out of the store: the words, the keys, and the name wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.store.audit import note
from service.store.retention import remove_conversation
from service.store.work import Row, Work, rows, run

_FIND_AUDIT = (
    "SELECT seq, action, subject, actor FROM audit WHERE seq > $1 AND"
    " (action LIKE $2 ESCAPE '!' OR subject LIKE $2 ESCAPE '!' OR actor LIKE $2 ESCAPE '!'"
    " OR action LIKE $3 ESCAPE '!' OR subject LIKE $3 ESCAPE '!' OR actor LIKE $3 ESCAPE '!') ORDER BY seq LIMIT $4"
)
_NAME_SIGN = "A-Za-z0-9._@-"
"""The signs of a username: a name is replaced where it stands by itself, not within a longer one."""


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


def erase_names(names: Sequence[str], pseudonym: str, after: int, most: int) -> Work[int | None]:
    """Put the pseudonym in the place of a person's name and id in some lines of the audit trail.

    Args:
        names: the username and the account's id.
        pseudonym: what stands there afterwards, so that lines of one person still belong together.
        after: the number of the last line that was looked at.
        most: how many lines at once.

    Returns:
        The number of the last line that was found, None when there was none.
    """
    username, account_id = (_containing(name) for name in names)
    lines = yield from rows(_FIND_AUDIT, after, username, account_id, most)
    for line in lines:
        yield from _without(line, names, pseudonym)
    return int(lines[-1][0]) if lines else None


def _containing(name: str) -> str:
    for sign in "!%_":
        name = name.replace(sign, f"!{sign}")
    return f"%{name}%"


def _without(line: Row, names: Sequence[str], pseudonym: str) -> Work[None]:
    pattern = re.compile(rf"(?<![{_NAME_SIGN}])(?:{'|'.join(map(re.escape, names))})(?![{_NAME_SIGN}])")
    seq, *texts = line
    changed = [pattern.sub(pseudonym, text) for text in texts]
    if changed != texts:
        sql = "UPDATE audit SET action = $1, subject = $2, actor = $3, request_id = '', conversation_id = '' WHERE seq = $4"
        yield from run(sql, *changed, seq)


def erase_account(account_id: str, username: str, pseudonym: str, now: float, *, keep_account: bool) -> Work[None]:
    """Delete what else is a person's own, and note in the audit trail that it was done, without the name."""
    for table in ("api_keys", "idempotency"):
        yield from run(f"DELETE FROM {table} WHERE account_id = $1", account_id)
    for name in (account_id, username):
        yield from run("UPDATE documents SET created_by = $1 WHERE created_by = $2", pseudonym, name)
        yield from run("UPDATE switches SET changed_by = $1 WHERE changed_by = $2", pseudonym, name)
    if not keep_account:
        yield from run("DELETE FROM accounts WHERE id = $1", account_id)
    yield from note(now, "erase", pseudonym)
