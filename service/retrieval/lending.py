"""Lends out the retriever of the day: it can be replaced while answers run, and each of them finishes on the one it began with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from service.retrieval.retriever import Retriever

Close = Callable[[], None]


@dataclass(slots=True)
class _Copy:
    """A retriever, how to give back what it holds, and how many have it at the moment."""

    retriever: Retriever
    close: Close
    readers: int = 0
    current: bool = True


class _Loan:
    """A copy that somebody reads. By hand, because a generator would cost every answer three times as much."""

    __slots__ = ("_copy",)

    def __init__(self, copy: _Copy) -> None:
        self._copy = copy

    def __enter__(self) -> Retriever:
        self._copy.readers += 1
        return self._copy.retriever

    def __exit__(self, *_: object) -> None:
        self._copy.readers -= 1
        _close_unused(self._copy)


class Shelf:
    """Holds one current retriever. Used from one event loop; a retriever that was replaced is closed by its last reader."""

    def __init__(self, retriever: Retriever, close: Close) -> None:
        self._copy = _Copy(retriever, close)

    @property
    def current(self) -> Retriever:
        """The retriever of the day, to look at and not to keep."""
        return self._copy.retriever

    def lend(self) -> AbstractContextManager[Retriever]:
        """One state of the corpus for as long as the block lasts."""
        return _Loan(self._copy)

    def replace(self, retriever: Retriever, close: Close) -> None:
        """Lend this one from now on."""
        before, self._copy = self._copy, _Copy(retriever, close)
        before.current = False
        _close_unused(before)

    def close(self) -> None:
        """Lend no longer; whoever still reads finishes first."""
        self._copy.current = False
        _close_unused(self._copy)


def _close_unused(copy: _Copy) -> None:
    if not copy.current and not copy.readers:
        copy.close()
