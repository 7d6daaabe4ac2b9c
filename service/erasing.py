"""Erases a person: batch by batch, with the account closed first, so that nothing new is written behind the eraser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from service.errors import NotFound
from service.store.accounts import account_by_name, disable_account
from service.store.erasing import conversations_of, erase_account, erase_conversations, erase_names
from service.store.store import Store
from service.store.sums import settle, unsettled
from service.store.work import Work

_CONVERSATIONS_AT_ONCE = 10
_LINES_AT_ONCE = 200


Forget = Callable[[str, Sequence[str]], Awaitable[None]]
"""Forgets what is remembered beside the store of an account's conversations."""


async def erase_person(
    store: Store,
    username: str,
    pseudonym: str,
    now: float,
    *,
    by: str = "",
    keep_account: bool = False,
    forget: Forget | None = None,
    seen_as: Sequence[str] = (),
) -> int:
    """Remove everything of a person; how many conversations that was.

    When it is cut off in the middle, erasing the same person again goes on where it stopped.

    Args:
        store: where it is.
        username: the account's name.
        pseudonym: stands in the audit trail in the place of name and id; made for this person alone.
        now: seconds since the epoch.
        by: who erases, for the audit trail.
        keep_account: leave the account, with its name and role, so that the person may begin anew.
        seen_as: keyed hashes of the name, as logins with it stand in the audit trail.
        forget: called with the account's id and the conversations before they are deleted, and once more afterwards; None: nothing is kept elsewhere.

    Raises:
        NotFound: there is no such account.
        StorageUnavailable: the database did not answer; what was done until then stays done.
    """
    account = await store.read(lambda: account_by_name(username))
    if account is None:
        raise NotFound(f"There is no account {username!r}")
    if not keep_account:
        await store.write(lambda: disable_account(username, now, by=by))
    while await store.read(lambda: unsettled(now)):  # sums of usage name nobody, and stay
        await store.write(lambda: settle(now))
    known = await store.read(lambda: conversations_of(account.id)) if forget else ()
    if forget:
        await forget(account.id, known)
    erased = 0
    while done := await store.write(lambda: erase_conversations(account.id, pseudonym, _CONVERSATIONS_AT_ONCE)):
        erased += done
    marks = (account.id, *seen_as)
    line: int | None = -1
    while line is not None:
        line = await store.write(lambda after=line: erase_names(username, marks, pseudonym, after, _LINES_AT_ONCE))  # type: ignore[misc]  # mypy infers no type for a lambda with defaults

    def last() -> Work[None]:
        # A turn that was under way when the account was closed may have been kept meanwhile.
        while (yield from erase_conversations(account.id, pseudonym, _CONVERSATIONS_AT_ONCE)):
            pass
        yield from erase_account(account.id, username, pseudonym, now, by=by, keep_account=keep_account)

    await store.write(last)
    if forget:
        # An answer that was under way may have been remembered once more.
        await forget(account.id, known)
    await store.scrub()
    return erased
