"""Processor time that the host took: read from what the kernel counts, told where it matters, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stolen import Ticks, stolen_share, ticks, told

COUNTS = st.integers(min_value=0, max_value=10**12)
LINE = "cpu  3854085 676223 349503 2260781 54536 7 23537 514432 9000 50\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "stat"
    path.write_text(text, encoding="utf-8")
    return path


def test_guests_are_counted_once(tmp_path: Path) -> None:
    """All ticks are the first eight figures; what guests used stands in the first two of them already."""
    assert ticks(written(tmp_path, LINE)) == Ticks(
        3854085 + 676223 + 349503 + 2260781 + 54536 + 7 + 23537 + 514432, 514432
    )


@pytest.mark.parametrize(
    "text", ["", "cpu", "cpu 1 2 3 4\n", "cpu a b c d e f g h\n", "cpu0 1 2 3 4 5 6 7 8\n", "\n", "ö"]
)
def test_what_the_kernel_does_not_tell_is_unknown(tmp_path: Path, text: str) -> None:
    """An old kernel, another system, a file of something else: nobody knows, and nothing is told."""
    assert ticks(written(tmp_path, text)) is None
    assert ticks(tmp_path / "none") is None


def test_a_share_is_of_what_was_counted_meanwhile() -> None:
    """Three tenths of a thousand ticks; nothing where either count is missing, or too few ticks went by."""
    share = stolen_share(Ticks(50_000, 9_000), Ticks(51_000, 9_300))
    assert share == pytest.approx(0.3)
    assert told(share) == "the host took 30% of the processors' time away meanwhile"
    assert stolen_share(None, Ticks(1, 0)) is stolen_share(Ticks(1, 0), None) is None
    assert stolen_share(Ticks(50_000, 9_000), Ticks(50_100, 9_090)) is None


def test_little_is_not_told() -> None:
    """What a shared host usually takes, and what nobody knows, is no line of a report."""
    assert told(0.049) == told(0.0) == told(None) == ""
    assert told(0.05)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_share_is_never_beyond_none_and_all(first: int, second: int, third: int, fourth: int) -> None:
    """Kernels have counted backwards: what comes of it is still a share."""
    share = stolen_share(Ticks(first, second), Ticks(third, fourth))
    assert share is None or 0 <= share <= 1
