"""The number of a file's state stays for what the writer says it knows, and changes with everything else that is committed."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.store.sqlite.commits import Commits


@dataclass
class Two:
    """The writer's connection and a stranger's, on one file, and what is known of their commits."""

    writer: sqlite3.Connection
    stranger: sqlite3.Connection
    commits: Commits

    def write(self, *, wrote: bool = True) -> None:
        """The writer takes the lock and commits."""
        self.writer.execute("BEGIN IMMEDIATE")
        self.commits.began()
        if wrote:
            self.writer.execute("INSERT INTO t VALUES (1)")
        self.writer.execute("COMMIT")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    path = tmp_path / "two.db"
    commits = Commits()
    with (
        closing(commits),
        closing(sqlite3.connect(path, isolation_level=None)) as writer,
        closing(sqlite3.connect(path, isolation_level=None)) as stranger,
    ):
        writer.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)")
        stranger.execute("SELECT * FROM t").fetchall()
        commits.open(tmp_path / "two.db-shm")
        yield Two(writer, stranger, commits)


def test_a_commit_that_spares_keeps_the_number(two: Two) -> None:
    """While the writer alone commits what spares everything, the number stays; meanwhile it cannot be told."""
    before = two.commits.look()
    assert before is not None
    for _ in range(3):
        two.write()
        assert two.commits.look() is None
        two.commits.ended(wrote=True, spares=True)
        assert two.commits.look() == before


def test_a_commit_that_spares_nothing_changes_the_number(two: Two) -> None:
    """A write that may have changed anything has everything go, and so has one that may have failed."""
    before = two.commits.look()
    two.write()
    two.commits.ended(wrote=True, spares=False)
    assert two.commits.look() not in (before, None)


def test_a_transaction_that_wrote_nothing_keeps_the_number(two: Two) -> None:
    """To take the lock and give it back changes nothing, whoever does it."""
    before = two.commits.look()
    two.write(wrote=False)
    two.commits.ended(wrote=False, spares=False)
    assert two.commits.look() == before


@pytest.mark.parametrize("wrote", [True, False])
def test_a_stranger_right_behind_the_writer_is_seen(two: Two, *, wrote: bool) -> None:
    """Who commits before the writer has looked again is not taken for the writer, also where the writer wrote nothing."""
    before = two.commits.look()
    two.write(wrote=wrote)
    two.stranger.execute("INSERT INTO t VALUES (2)")
    two.commits.ended(wrote=wrote, spares=True)
    assert two.commits.look() not in (before, None)


def test_a_stranger_right_before_the_writer_is_seen(two: Two) -> None:
    """Who committed since the last look, and before the writer took the lock, is seen behind the writer's commit."""
    before = two.commits.look()
    two.stranger.execute("INSERT INTO t VALUES (2)")
    two.write()
    two.commits.ended(wrote=True, spares=True)
    assert two.commits.look() not in (before, None)


def test_a_stranger_while_nobody_writes_is_seen_at_once(two: Two) -> None:
    """Each commit of a stranger gives another number at the very next look, which stays then; an emptied log changes it at most."""
    seen = {two.commits.look()}
    for number in range(5):
        two.stranger.execute("INSERT INTO t VALUES (2)")
        if number == 3:
            two.stranger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        now = two.commits.look()
        assert now is not None
        assert two.commits.look() == now
        seen.add(now)
    assert len(seen) == 6


def test_an_index_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    """Without an index, with one of another format, and with one that is just being written, no state is told."""
    head = bytearray(48)
    head[:4] = (3_007_000).to_bytes(4, sys.byteorder)
    head[12] = 1
    forms = {
        "whole": (bytes(head) * 2, True),
        "torn": (bytes(head) + bytes(head[:20]) + b"\x01" * 28, False),
        "of another format": ((b"\x01\x02\x03\x04" + bytes(head[4:])) * 2, False),
        "not begun": ((bytes(head[:12]) + bytes(36)) * 2, False),
        "too short": (bytes(head), False),
    }
    for name, (content, told) in forms.items():
        file = tmp_path / name
        file.write_bytes(content + bytes(32_768 - len(content)) if name != "too short" else content)
        with closing(Commits()) as commits:
            assert commits.look() is None
            commits.open(file)
            assert (commits.look() is not None) is told, name
    with closing(Commits()) as commits:
        commits.open(tmp_path / "nowhere")
        assert commits.look() is None
