"""Fetches Debian packages and unpacks them into the project's cache.

It needs no root, starts no service and leaves the system alone: `apt-get` works on private lists and caches below `.cache/apt-<what>`, and
`dpkg-deb` unpacks into `.cache/<what>`.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TEMPLATES: Final = b"/usr/share/prometheus/alertmanager"

_FETCH_DEADLINE = 240.0  # seconds for one apt step; 14 MB of lists and 30 MB of packages

_ONLY_FETCH: Final = ("-y", "--no-install-recommends", "--download-only", "-o", "Debug::NoLocking=1", "install")
"""Nothing is installed, so the lock of the system's packages, which only root may take, is not needed."""


class FetchError(Exception):
    """A step of fetching failed; the message is one line."""


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
    private = root / ".cache" / f"apt-{into}"  # of its own: several things are fetched at a time
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
