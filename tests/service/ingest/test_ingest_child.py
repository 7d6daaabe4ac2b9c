"""Real children: their limits, and what they cannot do."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.ingest.entries import Origin
from service.ingest.finding import Found
from service.ingest.limits import Limits
from service.ingest.reader import Reader
from service.ingest.refusals import Refused
from tests.service.ingest.conftest import DAY

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LEISURE = Limits(cpu_seconds=60, wall_seconds=180.0)
"""For what is to be read: how long a busy machine takes is not looked at."""


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


def found(folder: Path, name: str, content: bytes) -> Found:
    path = folder / name
    path.write_bytes(content)
    return Found(path, name, len(content), path.resolve())


def origin(name: str) -> Origin:
    return Origin(name, DAY)


def test_a_child_reads_a_document(reader: Reader, tmp_path: Path, law: str, make_pdf: Callable[..., bytes]) -> None:
    """A PDF read under all limits gives its articles."""
    lines = law.splitlines()
    reading = reader.read(found(tmp_path, "a.pdf", make_pdf([lines[:20], lines[20:]])), origin("a.pdf"), LEISURE)
    assert (reading.kind, reading.form, reading.articles) == ("pdf", "regulation", 3)


def test_memory_and_time_are_limited_for_each_document(reader: Reader, tmp_path: Path) -> None:
    """A document that needs more than it may is refused with that reason, and the next one is read as ever."""
    large = found(tmp_path, "besar.md", b"# A\n\n" + b"kata *miring* [a](b)\n\n" * 400_000)
    with pytest.raises(Refused) as memory:
        reader.read(large, origin("besar.md"), Limits(150 * 1024 * 1024, 30, 180.0))
    assert memory.value.code in {"memory", "crashed"}
    with pytest.raises(Refused) as processor:
        reader.read(large, origin("besar.md"), Limits(2**32, 1, 180.0))
    assert processor.value.code == "time"
    with pytest.raises(Refused) as clock:
        reader.read(large, origin("besar.md"), Limits(2**32, 30, 0.3))
    assert clock.value.code == "time"
    assert reader.read(found(tmp_path, "kecil.md", b"# K\n\nIsi."), origin("kecil.md"), LEISURE).entries


def test_a_killed_nursery_costs_one_document(reader: Reader, tmp_path: Path) -> None:
    """When the nursery dies the document under way is refused, and another nursery reads the next."""
    small = found(tmp_path, "a.md", b"# A\n\nIsi.")
    reader.read(small, origin("a.md"), LEISURE)
    assert reader._process is not None
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.wait()
    assert reader.read(small, origin("a.md"), LEISURE).entries


def test_a_device_in_a_files_place_is_refused(reader: Reader, tmp_path: Path) -> None:
    """A file that became a pipe after it was found does not make the ingest wait."""
    pipe = tmp_path / "a.md"
    os.mkfifo(pipe)
    with pytest.raises(Refused):
        reader.read(Found(pipe, "a.md", 10, pipe), origin("a.md"))


def test_a_link_put_in_a_files_place_is_not_followed(reader: Reader, tmp_path: Path) -> None:
    """Who may write into the folder cannot have a file elsewhere read by swapping it, or a folder above it, behind the look."""
    secret = found(tmp_path, "rahasia.md", b"# R\n\nRahasia.")
    swapped = found(tmp_path, "a.md", b"# A\n\nIsi.")
    swapped.file.unlink()
    swapped.file.symlink_to(secret.file)
    (tmp_path / "folder").mkdir()
    inside = found(tmp_path / "folder", "rahasia.md", b"# A\n\nIsi.")
    inside.file.unlink()
    (tmp_path / "folder").rmdir()
    (tmp_path / "folder").symlink_to(tmp_path)
    assert inside.file.read_bytes() == secret.file.read_bytes()
    for one in (swapped, inside) if sys.platform.startswith("linux") else (swapped,):
        with pytest.raises(Refused) as refused:
            reader.read(one, origin("a.md"))
        assert refused.value.code == "outside"


def _kernel_gives_networks() -> bool:
    """Whether this kernel lets a process of ours into a network of its own: util-linux is asked, for ours may be the code that is broken."""
    unshare = shutil.which("unshare")
    if unshare is None or not sys.platform.startswith("linux"):
        return False
    kinds = (["--net"], ["--user", "--net"])
    return any(
        subprocess.run([unshare, *kind, "true"], capture_output=True, timeout=180, check=False).returncode == 0
        for kind in kinds
    )


def test_documents_are_read_in_no_network(reader: Reader, tmp_path: Path) -> None:
    """The process that reads stands in another network than ours, where the kernel gives one: native code has no way out either."""
    if not _kernel_gives_networks():
        pytest.skip("this kernel gives no network of one's own")
    reader.read(found(tmp_path, "a.md", b"# A\n\nIsi."), origin("a.md"), LEISURE)
    assert reader._process is not None
    theirs = Path(f"/proc/{reader._process.pid}/ns/net").readlink()
    assert theirs != Path("/proc/self/ns/net").readlink()


NATIVE = """
import ctypes, os, resource, sys
sys.path.insert(0, sys.argv[1])
from service.ingest.limits import Limits, confine
confine(Limits(2**31, 7))
libc = ctypes.CDLL(None)
file = libc.open(sys.argv[2].encode(), os.O_WRONLY | os.O_CREAT, 0o600)
libc.write(file, b"x", 1)
kinds = (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_AS)
print(*(resource.getrlimit(kind)[1] for kind in kinds))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="macOS holds no limit on address space")
def test_native_code_is_held_by_the_kernel(tmp_path: Path) -> None:
    """The audit hook sees Python alone: a parser in C that was taken over writes no file, leaves no core, and has its memory and time."""
    file = tmp_path / "x"
    command = [sys.executable, "-I", "-c", NATIVE, str(ROOT), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True, env={})
    assert done.stdout.split() == ["0", "0", "8", str(2**31)]
    assert not file.exists() or file.stat().st_size == 0


CONFINED = """
import os, socket, subprocess, sys
sys.path.insert(0, sys.argv[1])
from service.ingest.limits import Limits, confine, leave_the_network
leave_the_network()
confine(Limits())
tries = {
    "socket": lambda: socket.socket(),
    "program": lambda: subprocess.run(["/bin/true"]),
    "shell": lambda: os.system("true"),
    "file": lambda: open(sys.argv[2], "w"),
    "remove": lambda: os.remove(sys.argv[1]),
    "descriptor": lambda: os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT),
}
for name, attempt in tries.items():
    try:
        attempt()
        print(name, "allowed")
    except OSError:
        pass
print(dict(os.environ))
"""


def test_a_confined_process_reaches_nothing(tmp_path: Path) -> None:
    """No socket, no program, no file to write, nothing in the environment."""
    command = [sys.executable, "-I", "-c", CONFINED, str(ROOT), str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True, env={})
    said = done.stdout.strip().splitlines()
    assert len(said) == 1
    assert "COURTSIGHT" not in said[0]
    assert not (tmp_path / "x").exists()


def test_a_nursery_ends_with_its_socket(tmp_path: Path) -> None:
    """Nothing is left running when the ingest goes away."""
    reader = Reader()
    reader.read(found(tmp_path, "a.md", b"# A\n\nIsi."), origin("a.md"), LEISURE)
    process = reader._process
    assert process is not None
    assert isinstance(reader._requests, socket.socket)
    reader.close()
    assert process.poll() == 0
