"""Finds Prometheus, promtool, Alertmanager and amtool: on PATH, else in the project's cache, else fetches Debian's packages there.

Fetching needs no root, starts no service and leaves the system alone: `apt-get` works on private lists and caches below
`.cache/apt`, and `dpkg-deb` unpacks into `.cache/tools`. Nothing here ends a run: what cannot be had is None, and one line
says what to install. `python -m harness.tools` shows what there is.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from target.monitoring import ToolPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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

_TEMPLATES: Final = b"/usr/share/prometheus/alertmanager"

_VERSION_DEADLINE = 20.0  # seconds; a cold start of a Go program on a busy machine takes under one
_FETCH_DEADLINE = 240.0  # seconds for one apt step; 14 MB of lists and 30 MB of packages


_ONLY_FETCH: Final = ("-y", "--no-install-recommends", "--download-only", "-o", "Debug::NoLocking=1", "install")
"""Nothing is installed, so the lock of the system's packages, which only root may take, is not needed."""


class FetchError(Exception):
    """A step of fetching failed; the message is one line."""


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


def apt_options(folder: Path) -> list[str]:
    """Options that make apt keep its lists, packages and logs below `folder`, and use the system's sources as they are."""
    options = {
        "Dir::State": f"{folder}/state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": f"{folder}/cache",
        "Dir::Log": f"{folder}/log",
        "APT::Sandbox::User": "",  # root would hand the download to a user who may not write here
        "APT::Get::List-Cleanup": "false",
        "Acquire::Languages": "none",
        "APT::Update::Error-Mode": "any",  # offline is an error, not a warning and an empty list
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "20",
        "Acquire::https::Timeout": "20",
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def fetch(
    packages: Sequence[str],
    root: Path,
    report: Callable[[str], object],
    *,
    into: str = "tools",
    size: str = "45 MB",
    with_dependencies: bool = False,
) -> None:
    """Downloads and unpacks Debian packages into `.cache/<into>` below `root`; raises FetchError with one line.

    The unpacked tree takes its place by a rename, so that a half-made one is never found. `with_dependencies` brings what the packages
    need and this system lacks, too.
    """
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or dpkg is None:
        raise FetchError("this system has no apt-get")
    private = root / ".cache" / "apt"
    incoming = private / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    for folder in ("state/lists/partial", "cache/archives/partial", "log", "incoming/tree"):
        (private / folder).mkdir(parents=True, exist_ok=True)
    options = apt_options(private)
    report(f"setup: fetching {' and '.join(packages)} into .cache/{into} (once, {size})")
    updated = _run([apt, "-q", *options, "update"], private)
    if with_dependencies:
        downloaded = _run([apt, "-q", *options, *_ONLY_FETCH, *packages], incoming)
        archives = sorted((private / "cache" / "archives").glob("*.deb"))
    else:
        downloaded = _run([apt, "-q", *options, "download", *packages], incoming)
        archives = sorted(incoming.glob("*.deb"))
    if downloaded is not None or not archives:
        raise FetchError(updated or downloaded or "apt-get download brought nothing")
    for archive in archives:
        broken = _run([dpkg, "-x", str(archive), str(incoming / "tree")], incoming)
        if broken is not None:
            raise FetchError(broken)
    alertmanager = incoming / "tree" / "usr" / "bin" / "prometheus-alertmanager"
    if alertmanager.is_file():
        alertmanager.write_bytes(relocate(alertmanager.read_bytes()))
    _take_place(incoming / "tree", root / ".cache" / into)
    shutil.rmtree(private)


def relocate(program: bytes) -> bytes:
    """Debian's Alertmanager with its templates beside it instead of at a fixed place of the system.

    Debian (0.25) takes the built-in templates out of the program and has it read them below /usr/share, and it does not start
    without them. The same path without its leading slash is relative to the working folder, and a trailing slash keeps the
    length, so that nothing else in the file moves. A program without that path comes back as it is.
    """
    return program.replace(_TEMPLATES, _TEMPLATES[1:] + b"/")


def _take_place(tree: Path, destination: Path) -> None:
    """Moves the unpacked tree to its place, over an older one."""
    shutil.rmtree(destination, ignore_errors=True)
    destination.parent.mkdir(parents=True, exist_ok=True)
    tree.rename(destination)


def _run(command: Sequence[str], folder: Path) -> str | None:
    """None when the command succeeded, else its last error in one line."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FETCH_DEADLINE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode == 0:
        return None
    errors = [line for line in lines if line.startswith("E:")]
    return next(iter(errors or lines), f"{command[0]} gave status {done.returncode}").removeprefix("E: ")


def how_to_install(missing: Sequence[str]) -> str:
    """The command that installs these tools on this kind of system."""
    if sys.platform == "darwin":
        return "brew install prometheus alertmanager"
    return f"apt-get install {' '.join(dict.fromkeys(PACKAGES[tool] for tool in missing))}"


def advice(missing: Sequence[str], reason: str) -> str:
    """The one line for tools that cannot be had: which, why, and what to install."""
    return f"Without {', '.join(missing)} ({reason}) some gates stay UNDECIDED; install with: {how_to_install(missing)}"


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Two programs at once must not unpack into one folder: the second waits, then finds the tools there."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
    """Fetches what is lacking and shows where each tool lies and its version; gives 0 also when some are missing."""
    tools = find_tools(Path(__file__).resolve().parent.parent)
    for name in NAMES:
        path = getattr(tools, name)
        print(f"{name:<13}{'missing' if path is None else f'{version_of(path)}  {path}'}")
    redis = find_redis(Path(__file__).resolve().parent.parent)
    print(f"redis-server {redis or 'missing'}")
    from harness.browser import find_chromium  # noqa: PLC0415 - which builds on this module

    print(f"chromium     {find_chromium(Path(__file__).resolve().parent.parent) or 'missing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
