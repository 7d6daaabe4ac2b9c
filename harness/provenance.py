"""Where a run comes from: commit, hashes of everything it depends on, machine, versions."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "fastapi",
    "grafanalib",
    "httpx",
    "jinja2",
    "locust",
    "opentelemetry-sdk",
    "pandas",
    "prometheus-api-client",
    "prometheus-client",
    "pydantic",
    "pytest",
    "tantivy",
    "uvicorn",
)
NO_COMMIT = "0" * 40


@dataclass(frozen=True, slots=True)
class Checkout:
    """The state of the source tree: its commit, and whether files differ from it."""

    commit: str
    dirty: bool


def checkout(root: Path) -> Checkout:
    """The commit that is checked out; without git, or outside a repository, zeros and dirty: nothing vouches for the files."""
    commit = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain")
    if not commit or status is None:
        return Checkout(NO_COMMIT, dirty=True)
    return Checkout(commit, dirty=bool(status))


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],  # noqa: S607 - looked up on PATH, as the user's shell does
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def hash_of_files(root: Path, files: Iterable[Path]) -> str:
    """`sha256:…` over paths and contents, in the order of the paths."""
    total = hashlib.sha256()
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return "sha256:" + total.hexdigest()


def project_version(root: Path) -> str:
    """The version that the source tree gives itself, or empty where it gives none."""
    try:
        return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
        return ""


def machine() -> Mapping[str, object]:
    """What the run ran on; no name of a host or a user."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> Mapping[str, str]:
    """Versions of the packages that shape the figures."""
    return {name: metadata.version(name) for name in PACKAGES}
