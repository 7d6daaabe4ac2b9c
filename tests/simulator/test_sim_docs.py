"""docs/simulator.md says what the code does: every fault, mode, profile, member, header and option stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from simulator.faults import SETTINGS, Kind, read_order
from simulator.profile import PROFILES_FOLDER, Mode, _Profile, load_profile
from simulator.provider import KEY_HEADER, KIND_HEADER, MODE_HEADER
from simulator.strictness import known_keys
from simulator.truth import KEPT, Record

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def test_every_fault_stands_on_the_page_with_its_settings() -> None:
    """One row a kind, which names each setting and its default."""
    for kind in Kind:
        row = next(
            (line for line in PAGE.splitlines() if line.startswith("| `") and f"`{kind.value}`" in line.split("|")[1]),
            "",
        )
        assert row, kind
        for name, default in SETTINGS[kind].items():
            assert f"`{name}`" in row
            if isinstance(default, float):
                assert f"`{name}` ({default:g})" in row


def test_every_mode_profile_member_and_header_stands_on_the_page() -> None:
    """What one may write is written down."""
    modes = [mode.value for mode in Mode]
    shipped = [path.stem for path in PROFILES_FOLDER.glob("*.yaml")]
    headers = [header.decode().title() for header in (KEY_HEADER, KIND_HEADER, MODE_HEADER)]
    members = list(_Profile.model_fields)
    assert [name for name in (*modes, *shipped, *headers, *members) if f"`{name}`" not in PAGE] == []
    inner = known_keys(_Profile) - set(members)
    assert [name for name in sorted(inner) if not re.search(rf"\b{name}\b", PAGE)] == []


def test_every_member_of_the_truth_stands_on_the_page() -> None:
    """A log that nobody can read proves nothing."""
    told = json.loads(Record("r", "k", "/", 1.0).line())
    assert [name for name in told if f"`{name}`" not in PAGE] == []
    assert f"the newest {KEPT:,}" in PAGE


def test_the_published_numbers_on_the_page_are_those_of_the_profile() -> None:
    """Median, sigma, pace and lengths."""
    profile = load_profile(PROFILES_FOLDER / "published.yaml")
    counts = [count.least for count in profile.tokens.values()]
    assert counts == [60, 120, 240]
    assert (
        "TTFT lognormal with median 0.5 s and sigma 0.4, 90 tokens/s, 60, 120 and 240 tokens for simple, medium and complex"
        in PAGE
    )
    assert 1 / profile.inter_token.quantile(0.5) == pytest.approx(90)


def test_the_order_in_the_example_is_one_that_is_taken() -> None:
    """The command on the page can be pasted."""
    found = re.search(r"-d '(\{\"kind\".*?\})'", PAGE)
    assert found is not None
    assert read_order(found.group(1).encode(), "fault-1", 0.0).share == pytest.approx(0.05)
