"""One ingest from end to end in this process, with readers that start no child."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path

import orjson
import pytest

from service.errors import ConfigurationError
from service.ingest.entries import Origin
from service.ingest.finding import Found, find
from service.ingest.ingesting import LEDGER, LOCK, Busy, Order, ingest, locked
from service.ingest.ledger import Filed, Ledger
from service.ingest.parsing import frames_of
from service.ingest.progress import Shown, Silent
from service.ingest.reader import LineRefused, Reading, digest_of
from service.ingest.refusals import Refused
from service.ingest.report import Report, as_json, as_text
from tests.service.ingest.conftest import DAY


class HereReader:
    """Reads in this process, counts what it reads, and fails on command."""

    def __init__(self, seen: list[str], fails: dict[str, BaseException]) -> None:
        self._seen = seen
        self._fails = fails

    def read(self, found: Found, origin: Origin) -> Reading:
        self._seen.append(found.path)
        if found.path in self._fails:
            raise self._fails[found.path]
        frames = list(frames_of(found.file.read_bytes(), origin))
        done = frames[-1]["done"]
        return Reading(
            digest_of(found),
            tuple((frame.get("line", 0), frame["entry"]) for frame in frames if "entry" in frame),
            tuple(LineRefused(f["line_refused"], f["code"], f["detail"]) for f in frames if "line_refused" in f),
            done["kind"], done["form"], done["articles"], done["notes"], tuple(done["findings"]),
        )  # fmt: skip

    def close(self) -> None:
        pass

    def stop(self) -> None:
        pass


class Desk:
    """A folder of documents and a library beside it."""

    def __init__(self, folder: Path) -> None:
        self.documents = folder / "dokumen"
        self.documents.mkdir()
        self.library = folder / "library"
        self.seen: list[str] = []
        self.fails: dict[str, BaseException] = {}

    def put(self, name: str, text: str | bytes) -> Path:
        path = self.documents / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def ingest(self, *, dry_run: bool = False, source: Path | None = None) -> Report:
        self.seen.clear()
        order = Order(source or self.documents, self.library, DAY, 2, dry_run)
        ticks = itertools.count()
        return ingest(order, Silent(), lambda: float(next(ticks)), lambda: HereReader(self.seen, self.fails))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_unchanged_files_are_not_read_again(desk: Desk, law: str) -> None:
    """A second run over the same files reads none of them and publishes nothing new."""
    desk.put("kebun.txt", law)
    first = desk.ingest()
    second = desk.ingest()
    assert first.published is not None
    assert first.published.changed
    assert (second.read, second.unchanged, desk.seen) == (0, 1, [])
    assert second.published is not None
    assert not second.published.changed
    assert second.published.corpus_hash == first.published.corpus_hash
    assert second.exit_status == 0


def test_the_same_documents_make_the_same_corpus(tmp_path: Path, law: str) -> None:
    """Another library, another place and another order of reading give the same bytes."""
    hashes = []
    for place in ("satu", "dua/dalam"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        desk = Desk(folder)
        names = ["kebun.txt", "a.md", "b/c.md"]
        for name in names if place == "satu" else reversed(names):
            desk.put(name, law if name == "kebun.txt" else f"# Judul {name}\n\nIsi {name}.\n")
        published = desk.ingest().published
        assert published is not None
        hashes.append(published.corpus_hash)
    assert hashes[0] == hashes[1]


def test_a_changed_file_is_read_again_and_a_removed_one_leaves(desk: Desk) -> None:
    """Only what changed is read; entries of files that are gone leave the corpus."""
    desk.put("a.md", "# A\n\nIsi A.")
    gone = desk.put("b.md", "# B\n\nIsi B.")
    desk.put("c.md", "# C\n\nIsi C.")
    desk.ingest()
    desk.put("a.md", "# A\n\nIsi A yang baru.")
    gone.unlink()
    report = desk.ingest()
    assert desk.seen == ["a.md"]
    assert report.removed == ("b.md",)
    assert report.published is not None
    assert report.published.entries == 2


def test_another_folder_is_added_to_what_is_there(desk: Desk, tmp_path: Path) -> None:
    """Only files below the path that is ingested can count as removed; one file is told as one."""
    desk.put("a.md", "# A\n\nIsi A.")
    assert as_text(desk.ingest()).startswith("1 file read, 0 unchanged, 0 removed, 0 refused; 1 entry; ")
    other = tmp_path / "lain.md"
    other.write_text("# Lain\n\nIsi lain.", encoding="utf-8")
    report = desk.ingest(source=other)
    assert report.removed == ()
    assert report.published is not None
    assert report.published.entries == 2


def test_refused_files_do_not_stop_the_others(desk: Desk) -> None:
    """What is refused is in the report with its reason and an advice, and the rest is published."""
    desk.put("baik.md", "# Baik\n\nIsi.")
    desk.put("nul.txt", b"a\x00b")
    report = desk.ingest()
    assert report.exit_status == 1
    assert [(path, code) for path, code, _ in report.refused] == [("nul.txt", "binary")]
    assert as_json(report)["refused"][0]["advice"]
    assert "nul.txt: binary" in as_text(report)
    desk.ingest()
    assert desk.seen == []


def test_a_refusal_that_may_pass_is_tried_again(desk: Desk) -> None:
    """A file that took too long once is read again the next time; one that is broken is not."""
    desk.put("lambat.md", "# L\n\nIsi.")
    desk.put("baik.md", "# B\n\nIsi.")
    desk.fails["lambat.md"] = Refused("time", "the limit was reached")
    assert desk.ingest().exit_status == 1
    desk.fails.clear()
    report = desk.ingest()
    assert desk.seen == ["lambat.md"]
    assert report.exit_status == 0


def test_nothing_is_published_when_nothing_was_taken_in(desk: Desk) -> None:
    """Without an entry there is no generation, and the status says so."""
    desk.put("nul.txt", b"a\x00b")
    report = desk.ingest()
    assert report.published is None
    assert report.exit_status == 5
    assert not (desk.library / "current").exists()


def test_an_emptied_folder_leaves_what_was_published(desk: Desk) -> None:
    """A folder that lost its documents, such as a disk that is not mounted, does not empty the service."""
    path = desk.put("a.md", "# A\n\nIsi.")
    desk.ingest()
    before = (desk.library / "current").read_bytes()
    path.unlink()
    assert desk.ingest().exit_status == 5
    assert (desk.library / "current").read_bytes() == before


def test_a_dry_run_writes_nothing(desk: Desk, law: str) -> None:
    """A dry run reads and reports; no library comes to be."""
    desk.put("kebun.txt", law)
    report = desk.ingest(dry_run=True)
    assert report.exit_status == 0
    assert report.files[0].articles == 3
    assert not desk.library.exists()


def test_an_id_that_two_files_hold_is_told(desk: Desk, law: str) -> None:
    """The first file keeps its entries; what the other holds is counted and named, and is not silently lost."""
    desk.put("a.txt", law)
    desk.put("b.txt", law.replace("pagi hari", "sore hari"))
    report = desk.ingest()
    assert report.exit_status == 1
    assert [(one.name, one.holder, one.count) for one in report.repeated] == [("b.txt", "a.txt", 5)]
    assert report.published is not None
    assert report.published.entries == 5


def test_records_win_over_what_is_cut_from_files(desk: Desk, law: str) -> None:
    """A JSON line states what an entry is; the same id cut from a document stands behind it."""
    desk.put("a.txt", law)
    record = {
        "id": "uu-98-2031#pasal-1",
        "text": "Catatan.",
        "source": "s",
        "type": "UU",
        "doc_id": "d",
        "number": "98",
    }
    desk.put("z.jsonl", orjson.dumps(record))
    report = desk.ingest()
    assert [(one.name, one.holder) for one in report.repeated] == [("a.txt", "z.jsonl")]


def test_bad_records_are_named_by_their_line(desk: Desk) -> None:
    """The corpus's own reader has the last word on every line."""
    good = {"id": "x-1", "text": "Isi.", "source": "s", "type": "catatan"}
    desk.put("a.jsonl", orjson.dumps(good) + b"\n" + orjson.dumps({"id": "x-2"}))
    report = desk.ingest()
    assert [(path, code) for path, code, _ in report.refused] == [("a.jsonl:2", "bad_record")]
    assert report.exit_status == 1


def test_hidden_files_links_and_devices_are_not_read(desk: Desk, tmp_path: Path) -> None:
    """Hidden files are passed over; links that lead out, pipes and dead links are refused."""
    desk.put("a.md", "# A\n\nIsi.")
    desk.put(".rahasia.md", "# R\n\nIsi.")
    desk.put(".git/x.md", "# R\n\nIsi.")
    outside = tmp_path / "luar.md"
    outside.write_text("# Luar\n\nIsi.", encoding="utf-8")
    (desk.documents / "keluar.md").symlink_to(outside)
    (desk.documents / "folder").symlink_to(tmp_path)
    (desk.documents / "mati.md").symlink_to(tmp_path / "tiada")
    (desk.documents / "dalam.md").symlink_to(desk.documents / "a.md")
    os.mkfifo(desk.documents / "pipa.md")
    found, passed_over = find(desk.documents)
    assert [one.path for one in found] == ["a.md", "dalam.md"]
    assert {one.path: one.code for one in passed_over} == {
        ".git": "hidden", ".rahasia.md": "hidden", "folder": "outside", "keluar.md": "outside", "mati.md": "unreadable",
        "pipa.md": "not_a_file",
    }  # fmt: skip


def test_a_name_that_is_no_text_is_refused_alone(desk: Desk) -> None:
    """A file whose name is not UTF-8 is named as well as it can be, and the others are taken in."""
    desk.put("a.md", "# A\n\nIsi.")
    try:
        (desk.documents / os.fsdecode(b"caf\xe9.md")).write_text("# B\n\nIsi.", encoding="utf-8")
    except OSError:
        # A file system that only takes UTF-8 names has no such file.
        return
    report = desk.ingest()
    assert [(one.path, one.code) for one in report.passed_over] == [("caf\ufffd.md", "bad_name")]
    assert report.read == 1


def test_a_path_that_is_missing_is_a_usage_error(desk: Desk) -> None:
    """Nothing at the path: the message says what to give."""
    with pytest.raises(ConfigurationError, match=r"^path .*name the file or the folder"):
        desk.ingest(source=desk.documents / "tiada")


def test_the_library_inside_the_folder_is_not_ingested(desk: Desk) -> None:
    """A library below the documents does not read itself."""
    desk.library = desk.documents / "library"
    desk.put("a.md", "# A\n\nIsi.")
    desk.ingest()
    assert desk.ingest().read == 0


def test_one_ingest_at_a_time(tmp_path: Path) -> None:
    """A second ingest is told that one is under way, and by which process."""
    lock = tmp_path / LOCK
    with locked(lock), pytest.raises(Busy, match=str(os.getpid())), locked(lock):
        pass
    with locked(lock):
        pass


def test_a_run_that_breaks_off_keeps_what_was_read(desk: Desk) -> None:
    """An interrupt leaves the files that were done, publishes nothing, and the next run goes on."""
    desk.put("a.md", "# A\n\nIsi.")
    desk.ingest()
    before = (desk.library / "current").read_bytes()
    desk.put("b.md", "# B\n\nIsi.")
    desk.put("c.md", "# C\n\nIsi.")
    desk.fails["c.md"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        desk.ingest()
    assert (desk.library / "current").read_bytes() == before
    desk.fails.clear()
    report = desk.ingest()
    assert report.published is not None
    assert report.published.entries == 3


def test_a_newer_way_of_cutting_reads_everything_again(desk: Desk) -> None:
    """Files that another version of the readers took in are read anew."""
    desk.put("a.md", "# A\n\nIsi.")
    desk.ingest()
    with sqlite3.connect(desk.library / LEDGER) as connection:
        connection.execute("UPDATE files SET version = version - 1")
    connection.close()
    assert desk.ingest().read == 1


def test_the_ledger_is_whole_after_an_error(tmp_path: Path) -> None:
    """A file whose entries cannot all be written keeps what was known of it before."""
    filed = Filed("/a", "a", "digest", "text", "guide")
    with Ledger.open(tmp_path / LEDGER) as ledger:
        ledger.put(filed, [("x", b"{}")])
        with pytest.raises(sqlite3.IntegrityError):
            ledger.put(filed, [("y", None)])  # type: ignore[list-item]  # what a full disk does, at the same place
        assert [id_ for _, id_, _ in ledger.entries()] == ["x"]


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """A ledger that finds no room says so, and not that there is nothing to roll back; what it held stays."""
    file = tmp_path / LEDGER
    with Ledger.open(file) as ledger:
        ledger.put(Filed("/docs/a.md", "a.md", "1"), [("a", b"{}")])
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA max_page_count = 20")
    connection.execute("PRAGMA cache_size = 5")
    cramped = Ledger(connection)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        cramped.put(Filed("/docs/b.md", "b.md", "1"), [(f"b{number}", b"x" * 9_000) for number in range(50)])
    assert cramped.paths() == ("/docs/a.md",)
    connection.close()


def test_entries_may_be_let_go_after_the_ledger(tmp_path: Path) -> None:
    """Who was interrupted while reading entries lets go of them after the ledger was closed, without an error."""
    with Ledger.open(tmp_path / LEDGER) as ledger:
        ledger.put(Filed("/docs/a.md", "a.md", "1"), [("a", b"{}"), ("b", b"{}")])
        entries = iter(ledger.entries())
        assert next(entries)[1] == "a"
    assert isinstance(entries, Generator)
    entries.close()
    assert list(entries) == []


def test_a_bar_on_a_terminal_and_lines_elsewhere(tmp_path: Path) -> None:
    """A terminal gets a bar with rate and time to go; a file gets whole lines, and no control characters of a name."""
    written: dict[bool, str] = {}
    for bar in (True, False):
        file = tmp_path / f"{bar}.txt"
        with file.open("w", encoding="utf-8") as out:
            ticks = itertools.count(step=6)
            shown = Shown(out, lambda ticks=ticks: float(next(ticks)), bar)  # type: ignore[misc]  # bound for the loop
            shown.begin(2)
            shown.file_done("a\x1b[2J.md", "refused: binary (NUL)")
            shown.file_done("b.md", "taken in")
            shown.end()
        written[bar] = file.read_bytes().decode()
    assert "2/2 files, 0.2/s, 0s to go" in written[True]
    assert "\r" in written[True]
    assert "1/2 files" in written[False]
    assert "\x1b" not in written[False]


def test_a_report_says_how_laws_were_cut(desk: Desk, law: str) -> None:
    """Articles per document and gaps in their numbers stand in both reports."""
    desk.put("kebun.txt", law.replace("Pasal 3\nPemilik wajib", "Pasal 4\nPemilik wajib"))
    report = desk.ingest()
    file = as_json(report)["files"][0]
    assert file["articles"] == 3
    assert "articles not found between 1 and 4: 3" in file["warnings"]
    assert "warning: articles not found between 1 and 4: 3" in as_text(report)


def test_the_generation_holds_the_corpus(desk: Desk, law: str) -> None:
    """What is published is what the ledger holds."""
    desk.put("kebun.txt", law)
    report = desk.ingest()
    assert report.published is not None
    assert report.published.entries == 5
    assert (desk.library / "generations" / report.published.generation).is_dir()


def test_every_reader_is_closed(desk: Desk) -> None:
    """Readers are closed however the run ends."""
    closed: list[int] = []

    class Counting(HereReader):
        def close(self) -> None:
            closed.append(1)

    make: Callable[[], HereReader] = lambda: Counting([], {})  # noqa: E731 - one line says it
    desk.put("a.md", "# A\n\nIsi.")
    ingest(Order(desk.documents, desk.library, DAY, 1), Silent(), lambda: 0.0, make)
    assert closed == [1]
