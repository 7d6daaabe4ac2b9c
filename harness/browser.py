"""Finds a Chromium for the tests of the chat page: on PATH, else in the project's cache, else fetches Debian's packages there.

A browser leans on a hundred libraries, whose names differ from release to release; apt's own resolver says which of them this system lacks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from harness.debian import FetchError, fetch
from harness.locking import only_one

PACKAGES: Final = ("chromium-headless-shell", "fonts-dejavu-core")
"""Chromium without a window, and letters for it: a bare system has none."""

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
_CACHED: Final = Path("usr/lib/chromium/chromium-headless-shell")
_LETTERS: Final = Path("fonts.conf")
_LETTERS_TEXT: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{cache}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}/var/cache/fontconfig</cachedir>
</fontconfig>
"""
"""A browser without letters lays out nothing. The packages' own file names folders of the system, and with FONTCONFIG_SYSROOT fontconfig
answers paths without that root, which are not there. Letters that the system has are not fetched: its folder is named, too."""


def look_up_chromium(root: Path, search_path: str | None = None) -> Path | None:
    """The browser that only tests start: on `search_path` (None: PATH), else in the cache below `root`."""
    for name in _NAMES:
        found = shutil.which(name, path=search_path)
        if found is not None:
            return Path(found).absolute()
    cached = _cache(root) / _CACHED
    return cached if cached.is_file() else None


def chromium_environment(root: Path) -> Mapping[str, str]:
    """What a fetched browser needs to find its libraries and letters; harmless to one of the system, which has no cache here."""
    cache = _cache(root)
    if not (cache / _CACHED).is_file():
        return {}
    roots = sorted({*cache.glob("usr/lib/*-linux-gnu*"), *cache.glob("lib/*-linux-gnu*")})
    folders = [folder for one in roots for folder in (one, one / "nss", one / "pulseaudio")]
    found = {"LD_LIBRARY_PATH": ":".join(str(folder) for folder in folders if folder.is_dir())}
    if (cache / _LETTERS).is_file():
        found["FONTCONFIG_FILE"] = str(cache / _LETTERS)
    return found


def find_chromium(
    root: Path, *, search_path: str | None = None, report: Callable[[str], object] = print
) -> Path | None:
    """The browser for tests, fetched into the cache when it is lacking; None, and one line, where it cannot be had."""
    try:
        with only_one(root / ".cache" / "chromium.lock"):
            if look_up_chromium(root, search_path) is None:
                fetch(PACKAGES, root, report, into="chromium", size="160 MB", with_dependencies=True)
            _name_letters(_cache(root))
    except (FetchError, OSError) as failure:
        report(f"Without Chromium ({failure}) the tests of the chat page fail; install with: apt-get install chromium")
    return look_up_chromium(root, search_path)


def _name_letters(cache: Path) -> None:
    """Tell a fetched browser where its letters lie; nothing to do for one of the system."""
    told = _LETTERS_TEXT.format(cache=escape(str(cache)))
    letters = cache / _LETTERS
    if (cache / _CACHED).is_file() and (not letters.is_file() or letters.read_text(encoding="utf-8") != told):
        letters.write_text(told, encoding="utf-8")


def _cache(root: Path) -> Path:
    return root / ".cache" / "chromium"
