"""Sessions that begin below a test give way to what measures beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.giving_way import PROC, pass_on

OURS, THEIRS = "/autogroup-7", "/autogroup-8"


def process(proc: Path, pid: int, group: str, *children: int) -> Path:
    """A process as /proc shows it, its children below its second thread; gives the file of its group."""
    for thread in (pid, pid + 1):
        (proc / str(pid) / "task" / str(thread)).mkdir(parents=True)
    (proc / str(pid) / "task" / str(pid) / "children").write_text("")
    (proc / str(pid) / "task" / str(pid + 1) / "children").write_text(" ".join(map(str, children)) + " ")
    file = proc / str(pid) / "autogroup"
    file.write_text(f"{group} nice 0\n")
    return file


def test_a_session_begun_far_below_gets_the_niceness_of_its_process(tmp_path: Path) -> None:
    """A grandchild with a group of its own hands its niceness to that group; what shares ours is left alone."""
    ours = [process(tmp_path, 100, OURS, 200), process(tmp_path, 200, OURS, 300)]
    theirs = process(tmp_path, 300, THEIRS)
    assert pass_on(100, tmp_path, {200: 19, 300: 19}.__getitem__) == [300]
    assert theirs.read_text() == "19"
    assert [file.read_text() for file in ours] == [f"{OURS} nice 0\n"] * 2


def test_who_was_started_by_the_first_process_lowers_sessions_too(tmp_path: Path) -> None:
    """Without a session between, a process is in the kernel's own group, whose file is empty; what is in it as well stays as it is."""
    for child in process(tmp_path, 100, OURS, 200, 300), process(tmp_path, 200, OURS):
        child.write_text("")
    theirs = process(tmp_path, 300, THEIRS)
    assert pass_on(100, tmp_path, {200: 19, 300: 19}.__getitem__) == [300]
    assert (theirs.read_text(), (tmp_path / "200" / "autogroup").read_text()) == ("19", "")


def test_a_group_that_is_as_nice_already_is_not_written_again(tmp_path: Path) -> None:
    """The kernel lets a group be changed ten times a second; there is nothing to do where niceness and group agree."""
    process(tmp_path, 100, OURS, 200)
    process(tmp_path, 200, THEIRS).write_text(f"{THEIRS} nice 19\n")
    assert pass_on(100, tmp_path, lambda _: 19) == []


def test_a_process_that_ends_meanwhile_is_left_out(tmp_path: Path) -> None:
    """A child that is listed and gone, or that nobody knows any more when it is asked about, stops nothing."""
    process(tmp_path, 100, OURS, 200, 400, 300)
    process(tmp_path, 200, THEIRS)
    process(tmp_path, 300, "/autogroup-9")

    def niceness(pid: int) -> int:
        if pid == 200:
            raise ProcessLookupError
        return 19

    assert pass_on(100, tmp_path, niceness) == [300]


def test_nothing_is_done_without_such_groups(tmp_path: Path) -> None:
    """A kernel without them has no such file, and every process counts for itself."""
    process(tmp_path, 100, OURS, 200).unlink()
    process(tmp_path, 200, THEIRS).unlink()
    assert pass_on(100, tmp_path, lambda _: 19) == []


SCRIPT = "import os, sys; os.setsid(); os.nice(7); print(flush=True); sys.stdin.read()"


@pytest.mark.integration
def test_a_real_session_is_lowered_where_linux_has_groups() -> None:
    """A child that calls setsid and has a niceness of its own weighs that little beside other sessions.

    Whoever does not administer the machine shares ten changes a second with everyone on it (EAGAIN): some looks find nothing left.
    """
    command = [sys.executable, "-I", "-S", "-c", SCRIPT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        before = os.getpriority(os.PRIO_PROCESS, child.pid)
        group = PROC / str(child.pid) / "autogroup"
        for _ in range(1_000):
            pass_on(os.getpid())
            if not group.exists() or group.read_text().endswith(f"nice {before}\n"):
                break
            time.sleep(0.1)
        assert not group.exists() or group.read_text().endswith(f"nice {before}\n")
        child.communicate(b"")
    assert before == min(os.getpriority(os.PRIO_PROCESS, 0) + 7, 19)
