"""Documents over HTTP: sent, read by the job beside the requests, answered from."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.ingest.ingesting import LOCK, Order, ingest, locked
from service.ingest.progress import Silent
from service.intake import Intake
from service.retrieval.library import Library
from tests.service.conftest import NOW

GUIDE = "# Panduan penetapan wali\n\nPermohonan penetapan wali diajukan kepada pengadilan agama setempat dengan membawa akta kelahiran anak.\n"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with one guide in it."""
    from datetime import date

    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "awal.md").write_text(
        "# Gugatan cerai\n\nGugatan cerai diajukan oleh istri kepada pengadilan.\n"
    )
    made = tmp_path / "lib"
    ingest(Order(tmp_path / "sources", made, date(2026, 11, 1), 1), Silent(), lambda: 0.0)
    return made


@pytest.fixture
def house(build_house: Callable[..., Any], settings: Any, library: Path) -> Iterator[Any]:
    return build_house(wanted=settings.model_copy(update={"corpus": library}))


def send(house: Any, name: str, content: str | bytes) -> Any:
    return house.send("POST", "/v1/documents", "admin", params={"name": name}, content=content)


def settled(house: Any, document_id: str) -> dict[str, Any]:
    """The document once it is finished; the intake's rounds come every half second."""

    async def wait() -> None:
        await house.app.state.services.intake.work()
        await asyncio.sleep(0.01)

    for _ in range(200):
        house.run(wait())
        shown: dict[str, Any] = house.send("GET", f"/v1/documents/{document_id}", "admin").json()
        if shown["finished_at"]:
            return shown
    raise AssertionError(shown)


def test_a_document_that_is_acknowledged_keeps_its_name(
    house: Any, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes are synced first, then its folder, and the folders that were made for it: a power cut leaves no file without a name."""
    synced: list[int] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    house.run(house.app.state.services.intake.store_bytes("arrives", GUIDE.encode()))
    documents = library.with_name(f"{library.name}-documents")
    (file,) = documents.rglob("arrives")
    assert [file.stat().st_ino, file.parent.stat().st_ino] == synced[:2]
    assert {documents.stat().st_ino, library.parent.stat().st_ino} <= set(synced)


@pytest.mark.integration
def test_nobody_else_puts_documents_among_those_that_were_sent(house: Any, library: Path) -> None:
    """What lies in the folder of sent documents is answered from: it, its folders and their files are the service's alone, whatever the umask."""
    before = os.umask(0o000)
    try:
        sent = send(house, "wali.md", GUIDE).json()
        settled(house, sent["document_id"])
        house.run(house.app.state.services.intake.store_bytes("arrives", GUIDE.encode()))
    finally:
        os.umask(before)
    folder = library.with_name("lib-documents")
    modes = {str(path.relative_to(folder)): path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))}
    assert {name.rpartition("/")[2] for name in modes} >= {".", ".arriving", "arrives", "wali.md"}
    assert {name for name, others in modes.items() if others} <= {".intake.lock"}


def test_a_document_is_taken_into_the_library_and_answered_from(house: Any) -> None:
    """Queued at once, done after the job, and in the next generation, which the running service takes."""
    response = send(house, "wali.md", GUIDE)
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    sent = response.json()
    assert response.headers["location"] == f"/v1/documents/{sent['document_id']}"
    done = settled(house, sent["document_id"])
    assert (done["state"], done["detail"]) == ("done", "1 entries")
    for _ in range(400):
        house.run(asyncio.sleep(0.01))
        if house.send("GET", "/health/ready").json()["corpus"]["documents"] == 2:
            break
    answer = house.ask("judge", "Bagaimana permohonan penetapan wali diajukan?")
    assert "akta kelahiran" in answer["answer"]
    listed = house.send("GET", "/v1/documents", "admin").json()
    assert [one["document_id"] for one in listed["documents"]] == [sent["document_id"]]


@pytest.mark.integration
def test_what_cannot_be_read_is_refused_with_its_reason(house: Any, library: Path) -> None:
    """The reason and the advice of the ingest; the file is not kept."""
    done = settled(house, send(house, "gambar.pdf", b"%PDF-1.4 broken").json()["document_id"])
    assert done["state"] == "refused"
    assert done["detail"].startswith("damaged: ")
    assert not list(library.with_name("lib-documents").rglob("gambar.pdf"))


@pytest.mark.integration
def test_a_newer_document_of_the_same_name_replaces_the_older(house: Any, library: Path) -> None:
    """Only the newer one's text is in the library afterwards."""
    for text in ("Wali diangkat setelah lima hari.", "Wali diangkat setelah sembilan hari."):
        settled(house, send(house, "wali.md", f"# Wali\n\n{text}\n").json()["document_id"])
    (file,) = library.with_name("lib-documents").rglob("wali.md")
    assert "sembilan" in file.read_text()


@pytest.mark.integration
def test_the_newest_of_several_that_waited_together_stays(house: Any, library: Path) -> None:
    """Corrected before its turn came, a document is in the library once, as it was sent last; one of another name stays."""
    folder = library.with_name("lib-documents")
    folder.mkdir()
    with locked(folder / ".intake.lock"):
        sent = [
            send(house, name, f"# Wali\n\nWali diangkat setelah {days} hari.\n").json()["document_id"]
            for name, days in (
                ("wali.md", "lima"),
                ("lain.md", "tujuh"),
                ("wali.md", "delapan"),
                ("wali.md", "sembilan"),
            )
        ]
    assert {settled(house, one)["state"] for one in sent} == {"done"}
    assert sorted(file.read_text().split()[-2] for file in folder.rglob("*.md")) == ["sembilan", "tujuh"]


@pytest.mark.integration
def test_documents_wait_while_an_ingest_is_under_way(house: Any, library: Path) -> None:
    """The library has one lock: the document is taken in once it is free."""
    sent = send(house, "wali.md", GUIDE).json()
    with locked(library / LOCK):
        house.run(house.app.state.services.intake.work())
        assert house.send("GET", f"/v1/documents/{sent['document_id']}", "admin").json()["state"] in {
            "queued",
            "running",
        }
    assert settled(house, sent["document_id"])["state"] == "done"


@pytest.mark.integration
def test_a_restart_forgets_no_document(build_house: Any, settings: Any, library: Path) -> None:
    """What a process had marked as running is taken in by whichever comes next."""
    import sqlite3

    house = build_house(wanted=settings.model_copy(update={"corpus": library}))
    sent = send(house, "wali.md", GUIDE).json()
    with sqlite3.connect(house.database) as connection:
        connection.execute("UPDATE documents SET state = 'running' WHERE finished_at IS NULL")
    assert settled(house, sent["document_id"])["state"] == "done"


def test_what_was_never_acknowledged_is_cleared_away_at_the_start(house: Any, library: Path) -> None:
    """Of the old files that arrived, the one without a row goes; who waits for its turn stays, and so does a young one."""
    folder = library.with_name("lib-documents")
    arriving = folder / ".arriving"
    arriving.mkdir(parents=True)
    with locked(folder / ".intake.lock"):
        waiting = send(house, "wali.md", GUIDE).json()["document_id"]
        for name in ("of-a-killed-process", "of-a-request-under-way"):
            (arriving / name).write_text(GUIDE)
        for name, age in (("of-a-killed-process", 3700), (waiting, 3700), ("of-a-request-under-way", 3500)):
            os.utime(arriving / name, (NOW - age, NOW - age))
        started = Intake(library, house.app.state.services.store, lambda: NOW)
        house.run(started.work())
        assert {file.name for file in arriving.iterdir()} == {waiting, "of-a-request-under-way"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x.md",
        "a/b.md",
        "a\\b.md",
        "/etc/x.md",
        "a\x00.md",
        ".hidden.md",
        "x",
        "x.exe",
        " x.md",
        "x" * 300 + ".md",
        "a\n.md",
        "..",
    ],
)
def test_a_name_is_a_name_and_no_path(house: Any, name: str, library: Path) -> None:
    """Anything else is invalid, and nothing is written."""
    response = send(house, name, GUIDE)
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == "name"
    assert not library.with_name("lib-documents").exists()


def test_a_document_has_a_limit_of_its_own(house: Any) -> None:
    """Larger than a chat's body, and no larger than the deployment says; an empty one is none."""
    assert send(house, "leer.md", b"").status_code == 422
    most = house.app.state.services.deployment.limits.document_bytes
    assert most > house.app.state.services.deployment.limits.body_bytes
    response = send(house, "besar.md", b"x" * (most + 1))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_documents_are_for_administrators(house: Any) -> None:
    """A judge may neither send nor see them."""
    for method, path in (("POST", "/v1/documents?name=a.md"), ("GET", "/v1/documents"), ("GET", "/v1/documents/x")):
        assert house.send(method, path, "judge").status_code == 403


def test_a_document_with_two_names_is_refused(house: Any) -> None:
    """Nobody can know which of the two was meant, and nothing is kept."""
    answer = house.send("POST", "/v1/documents?name=a.md&name=b.md", "admin", content=b"# A")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "name")
    assert house.send("GET", "/v1/documents", "admin").json()["documents"] == []


@pytest.mark.integration
def test_what_a_document_is_called_and_says_stands_in_no_log(
    build_house: Callable[..., Any],
    settings: Any,
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Taken in, refused, failed, answered from, and its generation broken afterwards: no line, span, label or reader's standard error holds its name, title or text."""
    seeded = {
        "name": "putusan-zebracrossing",
        "nik": "3174092811770042",
        "mail": "zebra@contoh.example",
        "text": "rahasiaperceraian",
    }
    exporter = InMemorySpanExporter()
    house = build_house(wanted=settings.model_copy(update={"corpus": library}), spans=SimpleSpanProcessor(exporter))
    text = f"# Penetapan wali {seeded['mail']}\n\nPermohonan penetapan wali {seeded['text']} diajukan kepada pengadilan {seeded['nik']}.\n"
    whole = "{name}-{nik} {mail}".format(**seeded)
    sent = [
        send(house, f"{whole}.md", text),
        send(house, f"{whole}.html", f"<title>{seeded['text']}</title><p>{text}</p>"),
        send(house, f"{whole}.pdf", b"%PDF-1.4 /Author (" + seeded["mail"].encode() + b") broken"),
        send(house, f"{whole}.docx", b"PK\x03\x04" + seeded["text"].encode()),
        send(house, f"{whole}.jsonl", '{{"id": "{nik}", "title": "{name}", "text": ["{text}"'.format(**seeded)),
    ]
    assert {one.status_code for one in sent} == {202}
    states = [settled(house, one.json()["document_id"])["state"] for one in sent]
    assert (states[0], set(states[2:])) == ("done", {"refused"})
    assert send(house, f"../{whole}.exe", text).status_code == 422
    answer = house.ask("judge", f"Bagaimana permohonan penetapan wali {seeded['text']} diajukan?")
    assert house.send("GET", f"/v1/documents/{whole}", "admin").status_code == 404
    with monkeypatch.context() as failing:
        failing.setattr(Intake, "_ingest", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error", whole)))
        assert settled(house, send(house, f"{whole}.md", text).json()["document_id"])["state"] == "failed"
    stored = Library(library)
    stamp = stored.stamp()
    assert stamp is not None
    broken = stored.path(stamp.generation) / "documents.bin"
    # Another file in its place: what is mapped must not shrink.
    (half := broken.with_suffix(".half")).write_bytes(broken.read_bytes()[:-1])
    half.replace(broken)
    stored.publish(stamp.generation)
    for _ in range(1_000):
        if any(line["event"] == "generation_refused" for line in house.log_lines()):
            break
        house.run(asyncio.sleep(0.01))
    else:
        raise AssertionError("the broken generation was not looked at")
    told = (
        house.output.getvalue().decode()
        + house.page()
        + "".join(span.to_json() for span in exporter.get_finished_spans())
    )
    told += "".join(capfd.readouterr())
    assert seeded["text"] in answer["answer"], "what was sent is read and answered from"
    assert [word for word in seeded.values() if word in told] == []
