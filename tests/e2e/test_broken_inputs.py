"""Bad input ends a command with a clear line and the right status, before anything is measured, and never with GO."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def test_a_typo_in_the_spec_names_the_nearest_key(
    courtsight: Callable[..., Any], broken_copy: Callable[..., Path]
) -> None:
    """A mistyped key ends with 2, file, line, path and what was probably meant; nothing was started."""
    root = broken_copy("slo/specs/courtsight.yaml", lambda text: text.replace("objective: 99.9%", "objctive: 99.9%"))
    ended = courtsight("readiness", root=root)
    assert ended.status == 2
    assert re.search(
        r"courtsight\.yaml:\d+: slos\.availability\.objctive: unknown key .*did you mean 'objective'", ended.err
    )
    assert not (root / "evidence").exists()


def test_a_broken_line_of_the_corpus_is_named(courtsight: Callable[..., Any], broken_copy: Callable[..., Path]) -> None:
    """A corpus with a broken line stops the start with 2, and the line says file and number."""
    root = broken_copy("service/corpora/courtsight/pidana.jsonl", lambda text: text.replace("\n", '\n{"id": \n', 1))
    ended = courtsight("readiness", root=root)
    assert ended.status == 2
    assert "pidana.jsonl:2" in ended.err
    assert "GO" not in ended.out.split()


def test_a_taken_port_is_said(courtsight: Callable[..., Any]) -> None:
    """A port that somebody else listens on ends with 2 and the port's number."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = courtsight("readiness", "--port", str(port))
    assert ended.status == 2
    assert f"Port {port}" in ended.err
    assert "taken" in ended.err


def test_a_broken_scenario_is_found_before_anything_starts(
    courtsight: Callable[..., Any], broken_copy: Callable[..., Path]
) -> None:
    """A check that does not exist ends with 2 and the scenario's file."""
    scenario = next(path for path in sorted((Path(__file__).parents[2] / "uat/scenarios").rglob("*.yaml")))
    relative = str(scenario.relative_to(Path(__file__).parents[2]))
    root = broken_copy(relative, lambda text: text.replace("turns:", "tunrs:", 1))
    ended = courtsight("readiness", root=root)
    assert ended.status == 2
    assert scenario.name in ended.err
    assert "did you mean 'turns'" in ended.err


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "nonsense", "http://"])
def test_a_target_that_is_no_address_is_two(courtsight: Callable[..., Any], tmp_path: Path, url: str) -> None:
    """TARGET= must be an http or https address."""
    credentials = tmp_path / "roles.yaml"
    credentials.write_text("judge: {username: a, password: b}\n")
    ended = courtsight("uat", "--target", url, "--target-credentials", str(credentials))
    assert ended.status == 2
    assert "address" in ended.err


def test_a_target_needs_credentials(courtsight: Callable[..., Any]) -> None:
    """Without credentials there is nothing to sign in with, and the line says which option is missing."""
    ended = courtsight("uat", "--target", "http://127.0.0.1:9")
    assert ended.status == 2
    assert "--target-credentials" in ended.err


def test_a_report_of_a_run_that_does_not_exist_is_two(courtsight: Callable[..., Any]) -> None:
    """An unknown run is a usage error, also one that tries to leave the evidence folder."""
    assert courtsight("report", "--run", "20200101T000000Z-0000000").status == 2
    assert courtsight("report", "--run", "../docs").status == 2
