"""The command as people run it: by make, killed, on a full disk, and under a service that answers meanwhile."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import orjson
import pytest

from service.errors import ConfigurationError
from service.retrieval.library import Library

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SECRET = "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0"
PASSWORD = "a long enough password"


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COURTSIGHT_")}
    own = {
        "COURTSIGHT_DATABASE": str(folder / "service.db"),
        "COURTSIGHT_CORPUS": str(folder / "library"),
        "COURTSIGHT_LIBRARY": str(folder / "library"),
        "COURTSIGHT_JWT_SECRET": SECRET,
    }
    return {**kept, **own}


def command(folder: Path, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]  # options of several kinds go through
        [sys.executable, "-m", "service", *words],
        cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=400, check=False, **options,
    )  # fmt: skip


@pytest.fixture
def documents(tmp_path: Path, law: str) -> Path:
    folder = tmp_path / "dokumen"
    folder.mkdir()
    (folder / "kebun.txt").write_text(law, encoding="utf-8")
    return folder


def test_the_command_publishes_and_reports(tmp_path: Path, documents: Path) -> None:
    """Status, JSON and both reports agree; a second run has nothing to do."""
    done = command(tmp_path, "ingest", str(documents), "--json")
    said = orjson.loads(done.stdout)
    assert (done.returncode, said["exit_status"], said["read"]) == (0, 0, 1)
    written = orjson.loads((tmp_path / "library" / "ingest-report.json").read_bytes())
    assert written == said
    assert "published generation" in (tmp_path / "library" / "ingest-report.txt").read_text(encoding="utf-8")
    again = orjson.loads(command(tmp_path, "ingest", str(documents), "--json").stdout)
    assert again["published"]["changed"] is False


def test_wrong_words_are_told_with_status_two(tmp_path: Path) -> None:
    """A missing path and a wrong option are usage errors."""
    assert command(tmp_path, "ingest", str(tmp_path / "tiada")).returncode == 2
    assert command(tmp_path, "ingest", str(tmp_path), "--jobs", "0").returncode == 2


def test_a_kill_loses_at_most_the_file_under_way(tmp_path: Path, documents: Path) -> None:
    """After SIGKILL at any moment the published generation is whole, and the next run finishes the work."""
    assert command(tmp_path, "ingest", str(documents)).returncode == 0
    library = Library(tmp_path / "library")
    before = library.current()
    for number in range(60):
        (documents / f"p{number}.md").write_text(f"# Panduan {number}\n\nIsi {number}.", encoding="utf-8")
    for pause in (0.25, 0.4, 0.55):
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "ingest", str(documents)],
            cwd=ROOT, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(pause)
        process.kill()
        process.wait()
        current = library.current()
        assert current is not None
        assert library.path(current).is_dir()
    done = command(tmp_path, "ingest", str(documents), "--json")
    assert done.returncode == 0
    assert orjson.loads(done.stdout)["published"]["entries"] == 65
    assert library.current() != before


def test_an_interrupt_ends_with_130(tmp_path: Path, documents: Path) -> None:
    """SIGTERM while documents are read ends the run in good order."""
    ledger = tmp_path / "library" / "ingest.sqlite3"
    for attempt in range(5):
        for number in range(400):
            (documents / f"p{attempt}-{number}.md").write_text(f"# Panduan {number}\n\nIsi.", encoding="utf-8")
        shutil.rmtree(ledger.parent, ignore_errors=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "ingest", str(documents)],
            cwd=ROOT, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        ends = time.monotonic() + 180
        while not ledger.exists() and time.monotonic() < ends:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=180)
        if process.returncode != 0:  # else it was through before the word reached it: more to read gives more time
            break
    assert process.returncode == 130
    assert "run it again to go on" in errors


def test_a_full_disk_leaves_the_old_index(tmp_path: Path, documents: Path) -> None:
    """When files cannot grow, one line says so, the status is 5, and what was published stays."""
    assert command(tmp_path, "ingest", str(documents)).returncode == 0
    library = Library(tmp_path / "library")
    before = library.current()
    # Small, so that it is read in time on any machine: one that is given up for its time is refused before the disk is full.
    (documents / "besar.md").write_text("# Besar\n\n" + "kata lain\n\n" * 2_000, encoding="utf-8")

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))

    done = command(tmp_path, "ingest", str(documents), preexec_fn=no_room)
    assert done.returncode == 5
    assert "untouched" in done.stderr
    assert library.current() == before
    assert command(tmp_path, "ingest", str(documents)).returncode == 0


@pytest.mark.parametrize("words", [(), ("LIBRARY=x y",)])
def test_make_takes_path_and_keeps_the_search_path(words: tuple[str, ...]) -> None:
    """`make ingest PATH=…` names documents; programs are still found where they were."""
    make = shutil.which("make")
    assert make is not None
    probe = 'probe:\n\t@echo "[$(documents)]"; command -v sh; printenv PATH\n'
    done = subprocess.run(
        [make, "-s", "-f", "Makefile", "-f", "-", "probe", "PATH=docs saya/", *words],
        cwd=ROOT, input=probe, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}, timeout=180,
    )  # fmt: skip
    assert done.stdout.splitlines()[0] == "[docs saya/]"
    assert done.stdout.splitlines()[-1] == "/usr/bin:/bin"
    without = subprocess.run([make, "-n", "ingest"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert "say which documents" in without.stdout


@pytest.mark.parametrize("folder", ["docs saya", "Jum'at", 'kutip "dua" `x` 50%', "a;b & c"])
def test_make_hands_over_any_folder_as_one_word(folder: str) -> None:
    """Spaces, quotation marks and signs of the shell in PATH= and LIBRARY= are parts of names."""
    make = shutil.which("make")
    assert make is not None
    probe = "probe:\n\t@printf '[%s]' $(call quoted,$(documents)) $(call quoted,$(LIBRARY))\n"
    done = subprocess.run(
        [make, "-s", "-f", "Makefile", "-f", "-", "probe", f"PATH={folder}", f"LIBRARY={folder}/lib"],
        cwd=ROOT, input=probe, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.stdout == f"[{folder}][{folder}/lib]"
    recipe = subprocess.run(
        [make, "-n", "ingest", "PATH=Jum'at", "LIBRARY=it's"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert "service ingest 'Jum'\\''at' --library 'it'\\''s'" in recipe.stdout


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    ends = time.monotonic() + 180
    while time.monotonic() < ends and process.poll() is None:
        for line in log.read_bytes().splitlines():
            event = orjson.loads(line)
            if event["event"] == "listening":
                return int(event["port"])
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_a_running_service_takes_the_new_index(tmp_path: Path, documents: Path) -> None:
    """Questions are asked without a break while a document is ingested: none fails, and the new document answers."""
    assert command(tmp_path, "ingest", str(documents)).returncode == 0
    account = orjson.dumps({"username": "ana", "role": "judge", "password": PASSWORD}).decode()
    assert command(tmp_path, "accounts", "create-many", "-", input=account).returncode == 0
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", "0"],
            cwd=ROOT,
            env=environment(tmp_path),
            stderr=errors,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{_port(log, process)}", timeout=180) as client:
            _ask_while_ingesting(client, tmp_path, documents)
    finally:
        process.terminate()
        process.wait(timeout=180)


def _ask_while_ingesting(client: httpx.Client, folder: Path, documents: Path) -> None:
    ends = time.monotonic() + 180
    while client.get("/health/ready").status_code != 200 and time.monotonic() < ends:
        time.sleep(0.05)
    token = client.post("/v1/auth/token", json={"username": "ana", "password": PASSWORD}).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    published = threading.Event()
    statuses: list[int] = []

    def ingest() -> None:
        title = "# Tata cara menangkap kupu-kupu\n\nKupu-kupu langka ditangkap dengan jaring halus bersertifikat.\n"
        (documents / "kupu.md").write_text(title, encoding="utf-8")
        assert command(folder, "ingest", str(documents)).returncode == 0
        published.set()

    worker = threading.Thread(target=ingest)
    worker.start()
    found = False
    while not found and time.monotonic() < ends:
        answer = client.post(
            "/v1/chat", json={"message": "Bagaimana tata cara menangkap kupu-kupu langka?"}, headers=headers
        )
        statuses.append(answer.status_code)
        found = published.is_set() and "jaring halus" in answer.text
        time.sleep(0.4)  # a public account has sixty questions a minute
    worker.join()
    assert found
    assert set(statuses) == {200}


def test_a_library_says_what_to_do_without_a_generation(tmp_path: Path) -> None:
    """A pointer to nothing names the command that mends it."""
    with pytest.raises(ConfigurationError, match="make ingest"):
        Library(tmp_path).path("../x")
