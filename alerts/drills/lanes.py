"""Independent drills side by side: as many places as cores, heavy ones alone, the longest first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from target.stack import uninterrupted

LOOK_SECONDS = 0.2
"""How often the waiting thread looks, and passes on what it was told."""


class Weighed(Protocol):
    """The drill of something that is to be played."""

    @property
    def weight(self) -> int:
        """How many places it takes; more than one runs alone."""


class Playable(Protocol):
    """Something that takes a place for a while."""

    @property
    def drill(self) -> Weighed:
        """Its drill."""

    @property
    def usual_seconds(self) -> float:
        """How long it takes, as a rule."""


One = TypeVar("One", bound=Playable)
Result = TypeVar("Result")


def side_by_side(
    ready: Sequence[One],
    play: Callable[[One], Result],
    places: int,
    enough: threading.Event,
    meanwhile: Callable[[], object],
) -> list[Result]:
    """Play everything, and give the results in the order asked.

    The places are threads that live until the last drill has ended: a process ends with the thread that started it (target/leash.py).

    Args:
        ready: What to play.
        play: Plays one; it must end soon after `enough` is set.
        places: How many at a time.
        enough: Set here when the caller is interrupted; then everything is taken down, and the interrupt goes on.
        meanwhile: Called in this thread while it waits.
    """
    results: dict[int, Result] = {}
    order = sorted(range(len(ready)), key=lambda place: -ready[place].usual_seconds)
    shared = [place for place in order if ready[place].drill.weight == 1]
    alone = [place for place in order if ready[place].drill.weight > 1]
    with ThreadPoolExecutor(places, thread_name_prefix="drill") as pool:
        try:
            for batch in (shared, *([place] for place in alone)):
                playing = {pool.submit(play, ready[place]): place for place in batch}
                _wait_for(set(playing), meanwhile)
                results |= {place: future.result() for future, place in playing.items()}
        except BaseException:
            with uninterrupted():
                enough.set()
                pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [results[place] for place in range(len(ready))]


def _wait_for(playing: set[Future[Result]], meanwhile: Callable[[], object]) -> None:
    while playing:
        done, playing = wait(playing, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        meanwhile()
