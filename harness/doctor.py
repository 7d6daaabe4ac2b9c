"""`courtsight doctor`: which dependency, port or version is wrong on this machine, each with its mend.

Gathering looks at the machine; judging is a pure function of what was seen.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from harness import bootstrap, generate
from harness.project import Project
from harness.tools import NAMES, find_tools, how_to_install, version_of
from slo.errors import InvalidInput
from slo.load import load_spec
from target.processes import LOOPBACK, port_is_free

SERVE_PORT = 8000
LEAST_FREE_BYTES = 500_000_000
"""A run with its report and its time series takes under 100 MB; the rest is for a second one beside it."""
STACK_WORDS = ("prometheus", "alertmanager", "-m service", "locust")


class Level(StrEnum):
    """What a finding asks for: nothing, a look, a mend."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` is what to do about it, empty when it is ok."""

    name: str
    level: Level
    message: str
    mend: str = ""

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.level:<6} {self.name:<18} {self.message}" + (f"; mend: {self.mend}" if self.mend else "")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the machine looks like.

    Attributes:
        python: Version as (major, minor).
        venv_ready: Whether the environment's stamp fits the lock files, this Python and this folder.
        locked: Package to its locked versions (more than one where the lock tells Pythons apart).
        installed: Package to its installed version.
        tools: Tool to its version, None for one that is lacking.
        free_bytes: Free space where evidence and caches go.
        loopback: None when we can listen on 127.0.0.1, else the system's reason.
        serve_port_free: Whether the port of `make serve` is free.
        now: The clock, seconds since 1970 UTC.
        committed_at: The newest commit's time on the same scale, None outside a git checkout.
        leftovers: Processes of ours whose harness is gone: pid and the beginning of the command.
        drift: Lines that say which generated file is out of step.
    """

    python: tuple[int, int]
    venv_ready: bool
    locked: Mapping[str, frozenset[str]]
    installed: Mapping[str, str]
    tools: Mapping[str, str | None]
    free_bytes: int
    loopback: str | None
    serve_port_free: bool
    now: float
    committed_at: float | None
    leftovers: Mapping[int, str]
    drift: tuple[str, ...]


def diagnose(facts: Facts) -> list[Finding]:
    """Everything that was looked at, in the order in which it should be mended."""
    return [
        _python(facts),
        _environment(facts),
        _packages(facts),
        *_tools(facts),
        _disk(facts),
        _loopback(facts),
        _serve_port(facts),
        _clock(facts),
        *_leftovers(facts),
        *_generated(facts),
    ]


def _python(facts: Facts) -> Finding:
    text = ".".join(map(str, facts.python))
    try:
        bootstrap.check_version(facts.python)
    except bootstrap.SetupError as error:
        return Finding("python", Level.WRONG, text, str(error))
    return Finding("python", Level.OK, text)


def _environment(facts: Facts) -> Finding:
    if facts.venv_ready:
        return Finding("environment", Level.OK, ".venv was made from the lock files as they are")
    return Finding("environment", Level.WRONG, ".venv is not of these lock files or this Python", "make setup")


def _packages(facts: Facts) -> Finding:
    wrong = sorted(name for name, versions in facts.locked.items() if facts.installed.get(name) not in versions)
    if not wrong:
        return Finding("packages", Level.OK, f"{len(facts.locked)} as locked")
    shown = ", ".join(f"{name} {facts.installed.get(name, 'missing')}" for name in wrong[:5])
    return Finding("packages", Level.WRONG, f"{len(wrong)} not as locked: {shown}", "rm -r .venv && make setup")


def _tools(facts: Facts) -> Iterator[Finding]:
    for tool, version in facts.tools.items():
        if version is None:
            yield Finding(
                tool, Level.WRONG, "missing", f"make setup fetches it where it can; else {how_to_install([tool])}"
            )
        else:
            yield Finding(tool, Level.OK, version)


def _disk(facts: Facts) -> Finding:
    text = f"{facts.free_bytes / 1e9:.1f} GB free"
    if facts.free_bytes >= LEAST_FREE_BYTES:
        return Finding("disk", Level.OK, text)
    mend = f"free {LEAST_FREE_BYTES / 1e6:.0f} MB, for example by removing old runs below evidence/ and reports/out/"
    return Finding("disk", Level.WRONG, text, mend)


def _loopback(facts: Facts) -> Finding:
    if facts.loopback is None:
        return Finding("loopback", Level.OK, f"we can listen on {LOOPBACK}")
    return Finding("loopback", Level.WRONG, facts.loopback, f"bring the loopback interface up ({LOOPBACK})")


def _serve_port(facts: Facts) -> Finding:
    if facts.serve_port_free:
        return Finding("port", Level.OK, f"{SERVE_PORT} is free for make serve")
    mend = f"make serve PORT={SERVE_PORT + 1}; every other target takes free ports by itself"
    return Finding("port", Level.NOTE, f"{SERVE_PORT} is taken", mend)


def _clock(facts: Facts) -> Finding:
    if facts.committed_at is not None and facts.now < facts.committed_at:
        behind = facts.committed_at - facts.now
        mend = "set the clock: tokens, certificates and evidence depend on it"
        return Finding("clock", Level.WRONG, f"{behind:.0f} s before the newest commit", mend)
    return Finding("clock", Level.OK, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.now)))


def _leftovers(facts: Facts) -> Iterator[Finding]:
    for pid, command in facts.leftovers.items():
        yield Finding("leftover process", Level.WRONG, f"{pid} {command}", f"kill {pid}")
    if not facts.leftovers:
        yield Finding("leftover process", Level.OK, "none")


def _generated(facts: Facts) -> Iterator[Finding]:
    for line in facts.drift:
        yield Finding("generated files", Level.WRONG, line, "make generate")
    if not facts.drift:
        yield Finding("generated files", Level.OK, "in step with the spec")


def locked_versions(requirements: str, here: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The packages of a hash-locked requirements file that this Python needs, each with the versions that it may have.

    `here` holds the values of the markers' names; a name that it lacks is taken to fit.
    """
    versions: dict[str, set[str]] = {}
    for name, version, marker in re.findall(
        r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: ; ([^\\\n]*))?", requirements, re.MULTILINE
    ):
        if any(all(_fits(clause, here) for clause in way.split(" and ")) for way in marker.split(" or ")):
            versions.setdefault(normal_name(name), set()).add(version)
    return {name: frozenset(found) for name, found in versions.items()}


def _fits(clause: str, here: Mapping[str, str]) -> bool:
    """Whether one comparison of a marker holds: versions as numbers, everything else as text."""
    found = re.fullmatch(r"[( ]*(\w+) (<|>=|==|!=) '([^']*)'[) ]*", clause)
    if found is None or found[1] not in here:
        return True
    value, operator, wanted = here[found[1]], found[2], found[3]
    if operator in ("==", "!="):
        return (value == wanted) is (operator == "==")
    return (_numbers(value) < _numbers(wanted)) is (operator == "<")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def normal_name(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def leftover_processes(root: Path, processes: Path = Path("/proc")) -> dict[int, str]:
    """Stack processes that name a path of this checkout and have no parent but init: their harness is gone.

    Without a process file system (macOS) it finds none.
    """
    found: dict[int, str] = {}
    for entry in processes.glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            parent = re.search(r"^PPid:\s*(\d+)", (entry / "status").read_text(encoding="utf-8"), re.MULTILINE)
        except OSError:  # it ended meanwhile, or is another user's
            continue
        orphan = parent is not None and parent.group(1) == "1"
        if orphan and f"{root}/" in command and any(word in command for word in STACK_WORDS):
            found[int(entry.name)] = command[:100]
    return dict(sorted(found.items()))


def _loopback_trouble() -> str | None:
    with socket.socket() as listener:
        try:
            listener.bind((LOOPBACK, 0))
            listener.listen()
        except OSError as error:
            return f"cannot listen on {LOOPBACK}: {error.strerror}"
    return None


def _committed_at(root: Path) -> float | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(
        [git, "log", "-1", "--format=%ct"], cwd=root, capture_output=True, text=True, check=False, timeout=20
    )
    return float(done.stdout) if done.stdout.strip().isdecimal() else None


def _drift(project: Project) -> tuple[str, ...]:
    try:
        spec = load_spec(project.spec_file("courtsight"))
    except InvalidInput as error:
        return tuple(str(problem) for problem in error.problems)
    return tuple(
        f"{entry.path} {entry.message}" for entry in generate.drift(project.root, generate.generated_files(spec))
    )


def gather(project: Project, clock: Callable[[], float] = time.time) -> Facts:
    """Looks at this machine; changes nothing, and fetches no tool."""
    root = project.root
    tools = find_tools(root, may_fetch=False, report=lambda _: None)
    paths = {name: getattr(tools, name) for name in NAMES}
    return Facts(
        python=(sys.version_info.major, sys.version_info.minor),
        venv_ready=bootstrap.is_ready(root / ".venv", bootstrap.stamp_of(root, sys.version.split()[0])),
        locked=locked_versions(
            (root / "requirements.txt").read_text(encoding="utf-8"),
            {"python_full_version": platform.python_version(), "sys_platform": sys.platform},
        ),
        installed={normal_name(found.name): found.version for found in importlib.metadata.distributions()},
        tools={name: None if path is None else version_of(path) for name, path in paths.items()},
        free_bytes=shutil.disk_usage(root).free,
        loopback=_loopback_trouble(),
        serve_port_free=port_is_free(SERVE_PORT),
        now=clock(),
        committed_at=_committed_at(root),
        leftovers=leftover_processes(root),
        drift=_drift(project),
    )


def doctor_command(options: argparse.Namespace) -> int:
    """Prints every finding, as lines or as JSON; gives 1 when something must be mended, else 0."""
    findings = diagnose(gather(Project()))
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding)
    return 1 if any(finding.level is Level.WRONG for finding in findings) else 0
