"""No pattern of the service takes long on a hostile text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.security.regex_census import LENGTH, MOST_SECONDS, seconds_of

CENSUS = Path(__file__).with_name("regex_census.py")


@pytest.mark.integration
def test_every_regex_is_done_with_hostile_text_at_once() -> None:
    """ReDoS: each pattern that the service compiles is through with 5,000 hostile characters within 50 ms of CPU time, the control's own bound."""
    done = subprocess.run([sys.executable, str(CENSUS)], capture_output=True, text=True, check=True, timeout=300)
    result = json.loads(done.stdout)
    assert result["patterns"] > 150, "the recorder was in place before the service was imported"
    assert result["slow"] == {}


def test_the_census_sees_a_slow_pattern() -> None:
    """A pattern that tries every way is over the bound, so that the census can fail."""
    assert seconds_of(re.compile(r"(?:a\s*)+\s*b$").search, " " * LENGTH) < MOST_SECONDS
    assert seconds_of(re.compile(r"\s+x").search, " " * 3 * LENGTH) > MOST_SECONDS
