"""Finds Prometheus, promtool, Alertmanager and amtool: on PATH, else in the project's cache, else fetches Debian's packages there.

Nothing here ends a run: what cannot be had is None, and one line says what to install. `python -m harness.tools` shows what there is.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.browser import find_chromium
from harness.debian import FetchError, fetch
from harness.locking import only_one
from target.monitoring import ToolPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES: Final = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),  # upstream's and Homebrew's name, then Debian's
    "amtool": ("amtool",),
}
"""Each tool, and the file names it goes by."""

PACKAGES: Final = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}
"""The Debian package that holds each tool."""

REDIS_PACKAGES: Final = ("redis-server", "redis-tools", "libatomic1", "libjemalloc2", "liblzf1")
"""The server for tests, its program, and the libraries that a bare system lacks."""

_VERSION_DEADLINE = 20.0  # seconds; a cold start of a Go program on a busy machine takes under one


def version_of(binary: Path) -> str | None:
    """The version a tool gives of itself (`2.42.0+ds`), or None when it does not run."""
    try:
        done = subprocess.run(
            [str(binary), "--version"], capture_output=True, text=True, timeout=_VERSION_DEADLINE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = (done.stdout + done.stderr).split()
    if done.returncode or "version" not in words[:-1]:
        return None
    return words[words.index("version") + 1].rstrip(",")


def look_up(tool: str, cache: Path, search_path: str | None = None) -> Path | None:
    """The first program of that name on `search_path` (None: PATH), then in the cache, that also runs."""
    for folder in (search_path, str(cache / "usr" / "bin")):
        for name in NAMES[tool]:
            found = shutil.which(name, path=folder)
            if found is not None and version_of(Path(found)) is not None:
                return Path(found).absolute()  # programs start in folders of their own
    return None


def look_up_all(cache: Path, search_path: str | None = None) -> ToolPaths:
    """Every tool that is already there."""
    return ToolPaths(**{tool: look_up(tool, cache, search_path) for tool in NAMES})


def how_to_install(missing: Sequence[str]) -> str:
    """The command that installs these tools on this kind of system."""
    if sys.platform == "darwin":
        return "brew install prometheus alertmanager"
    return f"apt-get install {' '.join(dict.fromkeys(PACKAGES[tool] for tool in missing))}"


def advice(missing: Sequence[str], reason: str) -> str:
    """The one line for tools that cannot be had: which, why, and what to install."""
    return f"Without {', '.join(missing)} ({reason}) some gates stay UNDECIDED; install with: {how_to_install(missing)}"


def find_tools(
    root: Path,
    *,
    may_fetch: bool = True,
    search_path: str | None = None,
    report: Callable[[str], object] = print,
) -> ToolPaths:
    """The tools of this machine, fetched into the cache below `root` if they are lacking and `may_fetch`.

    Never raises for what it cannot get: the path is None, and `report` takes the one line that says what to install.
    """
    cache = root / ".cache" / "tools"
    found = look_up_all(cache, search_path)
    if not found.missing():
        return found
    reason = "not installed"
    if may_fetch:
        try:
            with only_one(root / ".cache" / "tools.lock"):
                found = look_up_all(cache, search_path)
                if found.missing():
                    fetch(sorted(set(PACKAGES.values())), root, report)
                    found = look_up_all(cache, search_path)
        except FetchError as failure:
            reason = str(failure)
        except OSError as error:
            reason = f"the cache cannot be written: {error.strerror}"
    if found.missing():
        report(advice(found.missing(), reason))
    return found


def look_up_redis(root: Path, search_path: str | None = None) -> Path | None:
    """The `redis-server` that only tests start: on `search_path` (None: PATH), else in the cache below `root`."""
    for folder in (search_path, str(root / ".cache" / "redis" / "usr" / "bin")):
        found = shutil.which("redis-server", path=folder)
        if found is not None:
            return Path(found).absolute()
    return None


def redis_libraries(root: Path) -> str:
    """Where a fetched `redis-server` finds its libraries, as LD_LIBRARY_PATH has it."""
    return ":".join(str(folder) for folder in sorted((root / ".cache" / "redis" / "usr" / "lib").glob("*-linux-gnu*")))


def find_redis(root: Path, *, search_path: str | None = None, report: Callable[[str], object] = print) -> Path | None:
    """The server for tests, fetched into the cache when it is lacking; None, and one line, where it cannot be had."""
    try:
        with only_one(root / ".cache" / "redis.lock"):
            if look_up_redis(root, search_path) is None:
                fetch(REDIS_PACKAGES, root, report, into="redis", size="2 MB")
    except (FetchError, OSError) as failure:
        report(f"Without redis-server ({failure}) the tests of Redis fail; install with: apt-get install redis-server")
    return look_up_redis(root, search_path)


def main() -> int:
    """Fetches what is lacking, side by side, and shows where each tool lies and its version; gives 0 also when some are missing."""
    root = Path(__file__).resolve().parent.parent
    with ThreadPoolExecutor() as pool:  # each waits for the network and for its archives to unpack
        browser, server = pool.submit(find_chromium, root), pool.submit(find_redis, root)
        tools, redis, chromium = find_tools(root), server.result(), browser.result()
    for name in NAMES:
        path = getattr(tools, name)
        print(f"{name:<13}{'missing' if path is None else f'{version_of(path)}  {path}'}")
    print(f"redis-server {redis or 'missing'}")
    print(f"chromium     {chromium or 'missing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
