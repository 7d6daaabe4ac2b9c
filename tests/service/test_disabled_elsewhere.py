"""Whoever is disabled or demoted by another process is refused by the very next request, although nothing was read anew before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def accounts(house: Any, *arguments: str) -> None:
    """`python -m service accounts …` in a process of its own, on the database of the running app."""
    environment = os.environ | {"COURTSIGHT_DATABASE": str(house.database), "COURTSIGHT_ENVIRONMENT": "development"}
    command = [sys.executable, "-m", "service", "accounts", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=180)


def test_an_account_that_another_process_changes_is_known_to_the_next_request(house: Any) -> None:
    """A judge asks, is demoted and asks as what they are now; is disabled, and neither token nor anything that was kept lets them in."""
    for _ in range(3):
        assert house.send("GET", "/v1/conversations", "judge").status_code == 200
    accounts(house, "set-role", "--username", "a-judge", "--role", "public")
    assert house.send("GET", "/v1/auth/me", "judge").json()["role"] == "public"
    accounts(house, "disable", "--username", "a-judge")
    refused = house.send("GET", "/v1/conversations", "judge")
    assert refused.status_code == 401
