"""Makes `.venv` out of the lock files: the first step of every make target, with the standard library only.

Run as `python3 -I harness/bootstrap.py` by the system's Python. A stamp in the environment says for which lock files, Python
and folder it was made, so that the second run only compares hashes. An install that was interrupted leaves a mark and is
done again from nothing: pip cannot tell a half-written package from a whole one.

Exit status: 0 ready, 2 something is missing that one line names, 5 the install failed, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MINIMUM = (3, 11)
LOCKED = ("requirements.txt", "pyproject.toml")
NETWORK_SIGNS = (
    "Could not fetch URL",
    "Failed to establish a new connection",
    "Max retries exceeded",
    "NameResolutionError",
    "Network is unreachable",
    "ProxyError",
    "ReadTimeoutError",
    "Temporary failure in name resolution",
)


class SetupError(Exception):
    """The environment cannot be made; the message is the one line to show, `status` the exit status."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def check_version(version: tuple[int, int]) -> None:
    """Raises SetupError unless `version` (major, minor) is one that the lock was made for or later."""
    if version < MINIMUM:
        wanted, found = (".".join(map(str, pair)) for pair in (MINIMUM, version))
        raise SetupError(f"Python {wanted} or later is needed, this is {found}: run make PYTHON=python{wanted}")


def check_venv(*, available: bool, version: tuple[int, int], has_apt: bool) -> None:
    """Raises SetupError when Python cannot make environments, as on a Debian without the venv package.

    Debian ships `venv` without `ensurepip`, so it is `ensurepip` that tells (`available`).
    """
    if available:
        return
    if has_apt:
        package = f"python{version[0]}.{version[1]}-venv"
        raise SetupError(f"Python's venv module is missing: install it with: apt-get install {package}")
    raise SetupError("Python's venv module is missing: install a Python that has venv and ensurepip")


def stamp_of(root: Path, python: str) -> dict[str, str]:
    """What an environment depends on: the lock files' hash, the Python version, and the folder (scripts hold its path)."""
    digest = hashlib.sha256()
    for name in LOCKED:
        content = (root / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return {"locked": digest.hexdigest(), "python": python, "root": str(root)}


def read_stamp(venv: Path) -> dict[str, str]:
    """The stamp of the environment; empty when there is none, or none that can be read."""
    try:
        stamp = json.loads((venv / ".ready").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in stamp.items()} if isinstance(stamp, dict) else {}


def is_ready(venv: Path, wanted: dict[str, str]) -> bool:
    """Whether the environment is finished and was made for exactly these inputs."""
    return (venv / "bin" / "python").exists() and not (venv / ".installing").exists() and read_stamp(venv) == wanted


def must_start_over(venv: Path, wanted: dict[str, str]) -> bool:
    """Whether the folder must be removed first: half-made, without a working Python, or of another Python or place."""
    if not venv.exists():
        return False
    stamp = read_stamp(venv)
    elsewhere = any(stamp and stamp.get(key) != wanted[key] for key in ("python", "root"))
    return (venv / ".installing").exists() or not (venv / "bin" / "python").exists() or elsewhere


def check_maker(venv: Path, python: str) -> None:
    """Raises SetupError where somebody made the environment with another Python than `python`: packages of two would mix in it."""
    maker = venv / "bin" / "python"
    if read_stamp(venv) or not maker.exists() or maker.resolve() == Path(python).resolve():
        return
    raise SetupError(
        f"{venv.name} was made with {maker.resolve()}, this is {python}: move it away, or run make PYTHON={maker.resolve()}"
    )


def explain_failure(step: str, log: Path) -> SetupError:
    """One line for a failed step: the network's own if the log shows that it is missing, else the log's last words."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if any(sign in text for sign in NETWORK_SIGNS):
        advice = "connect to the network, or set PIP_INDEX_URL to an index that you can reach, and run make again"
        return SetupError(f"The package index cannot be reached: {advice} (details: {log})", status=5)
    errors = [line.strip() for line in text.splitlines() if line.startswith("ERROR")]
    lines = errors or [line.strip() for line in text.splitlines() if line.strip()] or ["no output"]
    return SetupError(f"{step} failed: {lines[-1]} (details: {log})", status=5)


def show_progress(line: str, done: int, total: int) -> int:
    """Counts pip's lines that begin a package, and redraws the progress line on a terminal; gives the new count."""
    if not line.startswith(("Collecting ", "Requirement already satisfied")):
        return done
    if sys.stdout.isatty():
        print(f"\rsetup: {min(done + 1, total)} of {total} packages", end="", flush=True)
    return done + 1


def run_step(step: str, command: Sequence[str], root: Path, log: Path, total: int = 0) -> None:
    """Runs one step of the install with its output in the log; raises SetupError when it fails."""
    done = 0
    with log.open("a", encoding="utf-8") as writer:
        with subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                for line in process.stdout or ():
                    writer.write(line)
                    done = show_progress(line, done, total) if total else done
            except BaseException:
                process.terminate()  # an interrupted setup leaves no pip behind
                raise
        if total and done and sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)
    if process.returncode:
        raise explain_failure(step, log)


def base_python(venv: Path) -> str:
    """The interpreter to make the environment with: never the environment's own, which may be removed first."""
    if Path(sys.executable).is_relative_to(venv):
        return os.path.realpath(sys.executable)
    return sys.executable


def install(root: Path, venv: Path) -> None:
    """Makes the environment and fills it from the lock: hashes checked, wheels only, nothing built but our own links."""
    log = root / ".cache" / "setup.log"
    log.write_text("", encoding="utf-8")
    venv.mkdir(exist_ok=True)
    (venv / ".installing").touch()
    (venv / ".ready").unlink(missing_ok=True)
    total = sum("==" in line for line in (root / "requirements.txt").read_text(encoding="utf-8").splitlines())
    python = str(venv / "bin" / "python")
    pip = [python, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    run_step("Making .venv", [base_python(venv), "-I", "-m", "venv", str(venv)], root, log)
    locked = [*pip, "--only-binary", ":all:", "--require-hashes", "-r", "requirements.txt"]
    run_step("Installing the packages", locked, root, log, total)
    run_step("Linking the project", [*pip, "--no-deps", "--no-build-isolation", "--editable", "."], root, log)


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Holds the lock file while the environment is made; a second make waits for the first."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: another make is installing; waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(root: Path) -> None:
    """Makes `.venv` below `root` ready, or raises SetupError; does nothing when it is."""
    version = (sys.version_info.major, sys.version_info.minor)
    check_version(version)
    venv = root / ".venv"
    wanted = stamp_of(root, sys.version.split()[0])
    if is_ready(venv, wanted):
        return
    check_venv(
        available=all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
        version=version,
        has_apt=shutil.which("apt-get") is not None,
    )
    with only_one(root / ".cache" / "setup.lock"):
        if is_ready(venv, wanted):
            return
        if must_start_over(venv, wanted):
            shutil.rmtree(venv)
        check_maker(venv, base_python(venv))
        started = time.monotonic()
        print("setup: installing the locked packages into .venv (once, about a minute)", flush=True)
        install(root, venv)
        (venv / ".ready").write_text(json.dumps(wanted), encoding="utf-8")
        (venv / ".installing").unlink()
        print(f"setup: done in {time.monotonic() - started:.0f} s", flush=True)


def interrupt(_signal: int, _frame: object) -> NoReturn:
    """Treats a polite kill like Ctrl-C, so that both end the running step."""
    raise KeyboardInterrupt


def main() -> int:
    """Makes the environment of the checkout that this file lies in; gives the exit status."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        ensure(Path(__file__).resolve().parent.parent)
    except SetupError as error:
        print(error, file=sys.stderr)
        return error.status
    except OSError as error:  # a checkout that may not be written, a full disk
        print(f"setup: {error}; the checkout must be writable, with 1 GB to spare", file=sys.stderr)
        return 5
    except KeyboardInterrupt:
        print("setup: interrupted; the next make starts it over", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
