"""Progress tells the time left from the plan, and shrinks as work is done."""

from __future__ import annotations

import io

from harness.progress import ProgressView, StepPlan

PLANS = (StepPlan("first", "First things", 30.0), StepPlan("second", "Second things", 90.0))


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def view(clock: Clock) -> tuple[ProgressView, io.StringIO]:
    stream = io.StringIO()
    return ProgressView(PLANS, stream, clock), stream


def test_the_first_step_counts_what_lies_ahead() -> None:
    """Entering the first of two steps announces the sum of both."""
    shown, stream = view(Clock())
    with shown.step("first"):
        assert shown.left_seconds() == 120.0
    assert "[1/2] First things (about 2 min 00 s left)" in stream.getvalue()


def test_half_of_a_step_leaves_half_of_its_time() -> None:
    """The running step counts by the share that is still to do."""
    shown, _ = view(Clock())
    with shown.step("second"):
        shown.advance(0.5)
        assert shown.left_seconds() == 45.0


def test_a_step_slower_than_planned_is_foretold_by_its_pace() -> None:
    """Half done after twice its planned time, a step has as much time left as it took so far."""
    clock = Clock()
    shown, _ = view(clock)
    with shown.step("second"):
        clock.now = 180.0
        shown.advance(0.5)
        assert shown.left_seconds() == 180.0


def test_a_start_foretells_no_hours() -> None:
    """One request of three thousand that came after ten seconds of starting up is no pace of eight hours."""
    clock = Clock()
    shown, _ = view(clock)
    with shown.step("second"):
        clock.now = 10.0
        shown.advance(1 / 3000)
        assert 90.0 < shown.left_seconds() < 200.0


def test_progress_never_goes_back() -> None:
    """A smaller share than before changes nothing."""
    shown, _ = view(Clock())
    with shown.step("second"):
        shown.advance(0.6)
        shown.advance(0.2)
        assert shown.left_seconds() == 36.0


def test_plain_lines_come_at_intervals_only() -> None:
    """Without a terminal a line is written every ten seconds, not for every event."""
    clock = Clock()
    shown, stream = view(clock)
    with shown.step("first"):
        for second in range(25):
            clock.now = float(second)
            shown.advance(second / 30, "asking")
    lines = [line for line in stream.getvalue().splitlines() if "asking" in line]
    assert [line.split()[0] for line in lines] == ["33%", "67%"]


def test_nothing_runs_nothing_is_left() -> None:
    """Outside of steps there is no time left."""
    shown, _ = view(Clock())
    assert shown.left_seconds() == 0.0
