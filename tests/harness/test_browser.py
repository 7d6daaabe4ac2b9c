"""Where the browser of the page's tests comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import browser, debian


def unpack(_packages: Any, root: Path, _report: Any, *, into: str, **_: Any) -> None:
    """What a fetch leaves behind."""
    cache = root / ".cache" / into
    for folder in ("usr/lib/chromium", "usr/lib/x86_64-linux-gnu/nss", "lib/x86_64-linux-gnu"):
        (cache / folder).mkdir(parents=True)
    (cache / "usr/lib/chromium/chromium-headless-shell").write_bytes(b"")


def test_a_browser_that_is_lacking_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies in a cache of its own, where its libraries and letters are found; a second look fetches nothing."""
    monkeypatch.setattr(browser, "fetch", unpack)
    nowhere = str(tmp_path / "nowhere")
    found = browser.find_chromium(tmp_path, search_path=nowhere)
    monkeypatch.delattr(browser, "fetch")
    assert found == browser.find_chromium(tmp_path, search_path=nowhere) == browser.look_up_chromium(tmp_path, nowhere)
    told = browser.chromium_environment(tmp_path)
    cache = tmp_path / ".cache" / "chromium"
    assert f"{cache}/usr/lib/x86_64-linux-gnu/nss" in told["LD_LIBRARY_PATH"].split(":")
    letters = Path(told["FONTCONFIG_FILE"]).read_text(encoding="utf-8")
    # A system that has the package of letters already gets none into the cache.
    assert all(f"<dir>{folder}/usr/share/fonts</dir>" in letters for folder in (cache, ""))


def test_a_browser_of_the_system_comes_first_and_needs_nothing(tmp_path: Path) -> None:
    """One on the search path is taken as it is."""
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    assert browser.find_chromium(tmp_path, search_path=str(tmp_path)) == program
    assert browser.chromium_environment(tmp_path) == {}


def test_without_a_network_the_browser_is_missing_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be fetched is None, and one line says what to install."""

    def offline(*_: object, **__: object) -> None:
        raise debian.FetchError("no network")

    said: list[object] = []
    monkeypatch.setattr(browser, "fetch", offline)
    assert browser.find_chromium(tmp_path, search_path=str(tmp_path / "nowhere"), report=said.append) is None
    assert said == [
        "Without Chromium (no network) the tests of the chat page fail; install with: apt-get install chromium"
    ]
