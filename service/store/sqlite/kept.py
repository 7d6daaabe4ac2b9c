"""Results of reads, kept for as long as nobody has committed what could change them: a look costs a twentieth of a query.

Whatever anybody commits, in this process or another, has all results go (`Commits`), but for writes that say what they change: these change one
result at most, and say what it is from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from service.store.sqlite.commits import Commits
from service.store.store import Change, Key

Result = TypeVar("Result")
MOST_KEPT = 4096
"""Results, the oldest of which is let go first: some 3 MB of callers and conversations, and 60 where each question is as long as it may be."""


class Rewriting:
    """A write that is under way, and what it changes."""

    __slots__ = ("change", "spares", "state")

    def __init__(self, change: Change, state: int | None) -> None:
        """Begin.

        Args:
            change: what is changed.
            state: the state in which what it changes is known to be what the writer believes; None where it is not known.
        """
        self.change = change
        self.state = state
        self.spares = True
        """Whether the write has nothing go but what it changes; to be asked once it is committed."""


class Kept:
    """Results by name, and the state of the file that they belong to."""

    __slots__ = ("_commits", "_known", "_state", "_writing")

    def __init__(self, commits: Commits) -> None:
        """Nothing is kept yet."""
        self._commits = commits
        self._state: int | None = None
        self._known: dict[Key, object] = {}
        self._writing: dict[Key, list[Rewriting]] = {}

    def get(self, key: Key) -> object | None:
        """The result of that name, None when it must be read."""
        return self._known.get(key) if self._looked() is not None else None

    def read(self, key: Key, job: Callable[[], Result]) -> Result:
        """Read, and keep the result, if there is one, under that name."""
        # Looked at before it is read: what is committed between the two shows as another state at the next look.
        known = self._looked() is not None
        result = job()
        # What is being changed may be read as it was, and be changed before anybody looks again.
        if known and result is not None and key not in self._writing:
            self._put(key, result)
        return result

    def begin(self, change: Change) -> Rewriting:
        """A write that changes no more than this is about to be handed over: nobody is given the result until it has ended."""
        key = change.key
        state = self._looked()
        before = self._known.pop(key, None)
        rewriting = Rewriting(change, state if before is change.before else None)
        running = self._writing.setdefault(key, [])
        running.append(rewriting)
        if len(running) > 1:
            # None of them knows what the others leave.
            for one in running:
                one.state = None
        return rewriting

    def end(self, rewriting: Rewriting, *, durable: bool) -> None:
        """The write has ended, durable or not; who does not know has it spare nothing."""
        change = rewriting.change
        running = self._writing[change.key]
        running.remove(rewriting)
        if not running:
            del self._writing[change.key]
        if not durable:
            rewriting.spares = False
        # In the state in which it began nobody else has changed anything meanwhile.
        elif change.after is not None and rewriting.state is not None and rewriting.state == self._looked():
            self._put(change.key, change.after)

    def _looked(self) -> int | None:
        """The state of the file, with what belongs to another one let go; None: it cannot be told now."""
        state = self._commits.look()
        if state is not None and state != self._state:
            self._known.clear()
            self._state = state
        return state

    def _put(self, key: Key, result: object) -> None:
        known = self._known
        if len(known) >= MOST_KEPT and key not in known:
            del known[next(iter(known))]
        known[key] = result
