"""Documents over HTTP: sent, read by the job beside the requests, answered from."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.ingest.ingesting import LOCK, Order, ingest, locked
from service.ingest.progress import Silent
from service.intake import Intake
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


@pytest.mark.integration
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
