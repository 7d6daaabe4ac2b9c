"""Takes passwords out of what people are shown: values of settings, and sentences about them.

Whoever sets a variable may put a password where none belongs: into the address of a collector, a proxy or a page, or into the path of a file.
"""

from __future__ import annotations

from pathlib import Path

MASK = "********"
"""Stands for every secret, whatever its length."""
_QUOTES = "'\"(["
_NAMED = ("password=", "passwd=", "pwd=")


def without_passwords(text: str) -> str:
    """A value or a sentence without users, passwords, queries and fragments of the addresses in it, and without `password=…`."""
    return " ".join(_masked(word) for word in text.split(" "))


def _masked(word: str) -> str:
    opening = len(word) - len(word.lstrip(_QUOTES))
    quoted, bare = word[:opening], word[opening:]
    if bare.lower().startswith(_NAMED):
        return f"{quoted}{bare.partition('=')[0]}={MASK}"
    scheme, slashes, rest = _cut(bare)
    user, at, place = rest.rpartition("@")
    # A mail address or a user's name has no colon before its @.
    if at and (slashes or ":" in user):
        rest = f"{MASK}@{place}"
    if slashes == "://":
        for mark in "?#":
            rest = rest.partition(mark)[0]
    return f"{quoted}{scheme}{slashes}{rest}"


def _cut(word: str) -> tuple[str, str, str]:
    """Scheme, `://` and what follows; a path has lost one of the slashes. Without a scheme all of it follows."""
    for slashes in ("://", ":/"):
        scheme, found, rest = word.partition(slashes)
        if found:
            return scheme, found, rest
    return "", "", word


def told_path(file: Path) -> str:
    """A path for an error, or that it is not shown: whoever mixed up a variable and its `…_FILE` gave the secret itself.

    A path of which nothing exists is taken for one.
    """
    try:
        is_path = file.exists() or any(folder.name and folder.exists() for folder in file.parents)
    except OSError:
        is_path = False
    return str(file) if is_path else "what it says (not shown, it may be the secret itself)"
