"""Drills side by side: two at a time, heavy ones alone, results in order, an interrupt for all."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from alerts.drills.lanes import side_by_side


@dataclass(frozen=True)
class Weighed:
    weight: int = 1


@dataclass(frozen=True)
class Piece:
    name: str
    usual_seconds: float = 1.0
    drill: Weighed = field(default_factory=Weighed)


@dataclass
class Hall:
    """Counts who is on stage at the same time."""

    meeting: threading.Barrier | None = None
    present: set[str] = field(default_factory=set)
    crowds: list[frozenset[str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, piece: Piece) -> str:
        with self.lock:
            self.present.add(piece.name)
            self.crowds.append(frozenset(self.present))
        if self.meeting is not None and piece.drill.weight == 1:
            self.meeting.wait(60)
        with self.lock:
            self.present.discard(piece.name)
        return piece.name.upper()


def test_two_play_at_a_time() -> None:
    """Two drills are on stage together, never three, and each gives its result in the order asked."""
    hall = Hall(threading.Barrier(2))
    pieces = [Piece(name) for name in "abcd"]
    assert side_by_side(pieces, hall.play, 2, threading.Event(), lambda: None) == ["A", "B", "C", "D"]
    assert max(len(crowd) for crowd in hall.crowds) == 2


def test_a_heavy_one_plays_alone() -> None:
    """A drill that needs the whole machine waits until the others have ended."""
    hall = Hall()
    pieces = [Piece("heavy", 9.0, Weighed(2)), Piece("a"), Piece("b")]
    side_by_side(pieces, hall.play, 2, threading.Event(), lambda: None)
    assert frozenset({"heavy"}) in hall.crowds
    assert not any(len(crowd) > 1 and "heavy" in crowd for crowd in hall.crowds)


def test_the_longest_begins() -> None:
    """The longest drill begins first, so that nobody waits for it at the end."""
    hall = Hall()
    side_by_side([Piece("short", 1.0), Piece("long", 5.0)], hall.play, 1, threading.Event(), lambda: None)
    assert [next(iter(crowd)) for crowd in hall.crowds] == ["long", "short"]


def test_an_interrupt_ends_all_of_them() -> None:
    """Ctrl-C tells every drill to end, waits until they have, and goes on."""
    enough, ended = threading.Event(), []

    def play(piece: Piece) -> None:
        assert enough.wait(60)
        ended.append(piece.name)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side([Piece(name) for name in "abc"], play, 2, enough, interrupted)
    assert sorted(ended) == ["a", "b"]


def test_an_error_that_nobody_foresaw_ends_all() -> None:
    """A drill that breaks by an error of ours takes the others down and is told."""
    enough = threading.Event()

    def play(piece: Piece) -> None:
        if piece.name == "broken":
            raise ZeroDivisionError("ours")
        assert enough.wait(60)

    with pytest.raises(ZeroDivisionError):
        side_by_side([Piece("broken"), Piece("other")], play, 2, enough, lambda: None)
