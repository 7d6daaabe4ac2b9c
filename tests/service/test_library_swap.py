"""A running service takes the next generation of its library, and no question notices."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.errors import ConfigurationError
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import Corpus
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.generation import open_generation
from service.retrieval.index import Index
from service.retrieval.lending import Shelf
from service.retrieval.library import Library
from service.retrieval.opening import LibraryWatch, open_corpus
from service.retrieval.retriever import Holdings
from service.settings import Settings
from tests.service.stream_reader import until

ROOT = Path(__file__).parents[2]
QUESTION = "Bagaimana cara mengurus surat cerai?"


@pytest.fixture
def library(tmp_path: Path, corpus: Corpus) -> Library:
    made = Library(tmp_path / "library")
    made.add(corpus.documents, corpus_hash="a" * 64)
    return made


class Told:
    def __init__(self) -> None:
        self.taken_ones: list[str] = []
        self.refused_ones: list[str] = []

    def taken(self, generation: str, holdings: Holdings) -> None:
        self.taken_ones.append(generation)

    def refused(self, generation: str, error: ConfigurationError) -> None:
        self.refused_ones.append(str(error))


def watch_of(library: Library) -> tuple[LibraryWatch, Shelf, Told]:
    opened, told = open_corpus(library.folder, time.perf_counter), Told()
    shelf = opened.shelf()
    return LibraryWatch(library, shelf, time.perf_counter, told, opened.stamp), shelf, told


def test_a_reader_keeps_what_it_began_with(library: Library, corpus: Corpus) -> None:
    """Who holds a retriever goes on reading it after a swap; it is closed when the last of them is done, and not before."""
    watch, shelf, told = watch_of(library)
    with shelf.lend() as before, shelf.lend() as other:
        assert before is other
        library.add(corpus.documents[:-1], corpus_hash="b" * 64)
        asyncio.run(watch.look())
        assert told.taken_ones == [library.current()]
        assert shelf.current.holdings.hash == "b" * 64
        assert asyncio.run(before.search(QUESTION)).hits
        assert before.holdings.hash == "a" * 64
    with pytest.raises(ValueError, match="released"):
        asyncio.run(before.search(QUESTION))
    shelf.close()


def test_a_closed_index_goes_with_its_last_reference(library: Library) -> None:
    """Its files and Tantivy's thread wait for no collector; searching it is an error."""
    index = open_generation(library.path(str(library.current())), Analyser(), time.perf_counter)
    gone = weakref.ref(index)
    index.close()
    with pytest.raises(ValueError, match="released"):
        index.unresolved("Pasal 378 KUHP")
    gc.disable()
    try:
        del index
        assert gone() is None
    finally:
        gc.enable()


def test_nothing_new_is_nothing_to_do(library: Library) -> None:
    """A look that finds the same publication opens nothing."""
    watch, shelf, told = watch_of(library)
    held = shelf.current
    for _ in range(3):
        asyncio.run(watch.look())
    assert shelf.current is held
    assert told.taken_ones == told.refused_ones == []


def test_a_broken_generation_is_refused_once_and_taken_when_mended(library: Library, corpus: Corpus) -> None:
    """The one before goes on answering; the same id, published again after a repair, is taken."""
    watch, shelf, told = watch_of(library)
    library.add(corpus.documents[:-1], corpus_hash="b" * 64)
    broken = library.path(str(library.current())) / "documents.bin"
    content = broken.read_bytes()
    broken.write_bytes(content[:-1])
    for _ in range(3):
        asyncio.run(watch.look())
    assert len(told.refused_ones) == 1
    assert "build it anew" in told.refused_ones[0]
    assert shelf.current.holdings.hash == "a" * 64
    broken.write_bytes(content)
    library.publish(str(library.current()))
    asyncio.run(watch.look())
    assert shelf.current.holdings.hash == "b" * 64


@pytest.mark.parametrize("pointer", [b"../outside", b"000009-gone", b"\xff\xfe"])
def test_a_pointer_to_nothing_is_refused(library: Library, pointer: bytes) -> None:
    """A pointer that names no generation of this library changes nothing, and is told once."""
    watch, shelf, told = watch_of(library)
    (library.folder / "current").write_bytes(pointer)
    for _ in range(2):
        asyncio.run(watch.look())
    assert len(told.refused_ones) == 1
    assert shelf.current.holdings.hash == "a" * 64


@pytest.mark.parametrize("lose", [shutil.rmtree, lambda folder: (folder / "current").write_text("")])
def test_a_library_that_is_gone_is_told_once(library: Library, corpus: Corpus, lose: Callable[[Path], object]) -> None:
    """A library that was removed, or whose pointer is empty, goes on answering; it is told once, and again after it came back."""
    watch, shelf, told = watch_of(library)
    for times in (1, 2):
        lose(library.folder)
        for _ in range(3):
            asyncio.run(watch.look())
        assert len(told.refused_ones) == times
        assert "make ingest" in told.refused_ones[-1]
        assert asyncio.run(shelf.current.search(QUESTION)).hits
        library.add(corpus.documents[:-times], corpus_hash="b" * 64)
        asyncio.run(watch.look())
        assert len(told.taken_ones) == times
    shelf.close()


def test_a_library_without_a_generation_ends_the_start(tmp_path: Path) -> None:
    """A service does not start on nothing, and says what to do."""
    (tmp_path / "generations").mkdir()
    with pytest.raises(ConfigurationError, match="make ingest"):
        open_corpus(tmp_path, time.perf_counter)


def test_a_shelf_closes_what_nobody_reads() -> None:
    """Replaced and unread, it is closed at once; read, by its last reader; the current one only when the shelf closes."""
    closed: list[str] = []
    index = EmbeddedRetriever.__new__(EmbeddedRetriever)
    shelf = Shelf(index, lambda: closed.append("first"))
    shelf.replace(index, lambda: closed.append("second"))
    assert closed == ["first"]
    with shelf.lend():
        shelf.replace(index, lambda: closed.append("third"))
        assert closed == ["first"]
    assert closed == ["first", "second"]
    shelf.close()
    assert closed == ["first", "second", "third"]


@pytest.mark.integration
def test_no_question_fails_while_generations_change(
    build_house: Callable[..., Any], settings: Settings, library: Library, corpus: Corpus
) -> None:
    """Questions are asked without a pause while generations and a pointer to none are published; all are answered from a source."""
    house = build_house(wanted=settings.model_copy(update={"corpus": library.folder}))
    new = replace(
        corpus.documents[-1],
        id="baru",
        title="[DEMO] Kapal karam",
        text="Kapal karam di perairan dangkal milik nelayan.",
    )
    token = {"Authorization": f"Bearer {house.token('judge')}"}

    async def ask(until: asyncio.Event) -> list[int]:
        codes = []
        while not until.is_set():
            response = await house.client.post("/v1/chat", json={"message": QUESTION}, headers=token)
            codes.append(response.status_code if response.json()["citations"] else 0)
            await asyncio.sleep(0)
        return codes

    async def hash_is(expected: str) -> None:
        async with asyncio.timeout(180):
            told = ""
            while told != expected:
                told = (await house.client.get("/health/ready")).json()["corpus"]["hash"]

    async def story() -> tuple[list[int], str]:
        over = asyncio.Event()
        asking = [asyncio.create_task(ask(over)) for _ in range(4)]
        await asyncio.to_thread(library.add, (*corpus.documents, new), corpus_hash="b" * 64)
        await hash_is("b" * 64)
        found = await house.client.post(
            "/v1/tools/LegalRetriever", json={"query": "kapal karam nelayan"}, headers=token
        )
        (library.folder / "current").write_text("000009-gone")
        async with asyncio.timeout(180):
            await until(lambda: house.sample("chatbot_corpus_generations_total", outcome="refused") > 0)
        # Each of them holds what the question is answered from: an answer without a source is none.
        await asyncio.to_thread(library.add, corpus.documents, corpus_hash="c" * 64)
        await hash_is("c" * 64)
        over.set()
        codes = [code for codes in await asyncio.gather(*asking) for code in codes]
        return codes, found.json()["results"][0]["id"]

    codes, found = house.run(story())
    assert codes
    assert set(codes) == {200}
    assert found == "baru"
    assert house.sample("chatbot_corpus_generations_total", outcome="taken") >= 2
    assert {line["generation"] for line in house.log_lines() if line["event"] == "generation_taken"} >= {
        "000002-" + "b" * 12
    }


_BUILD = """
import sys, time
from dataclasses import replace
from pathlib import Path
from service.retrieval.corpus import load_corpus
from service.retrieval.library import Library
base = load_corpus(Path(sys.argv[2])).documents
def endless():
    copy = 0
    while True:
        for document in base:
            yield replace(document, id=f"{document.id}-{copy}")
        copy += 1
        if copy == 20:
            print("building", flush=True)
Library(Path(sys.argv[1])).add(endless())
"""


@pytest.mark.integration
def test_a_build_that_is_killed_changes_nothing(library: Library, corpus: Corpus) -> None:
    """After SIGKILL in mid-build the library answers as before, and the next addition clears the rest away."""
    before = library.current()
    corpus_file = Path(__file__).parent / "corpus" / "fixture.jsonl"
    child = subprocess.Popen(
        [sys.executable, "-c", _BUILD, str(library.folder), str(corpus_file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"building\n"
        child.send_signal(signal.SIGKILL)
        child.wait(60)
    partial = [path.name for path in (library.folder / "generations").iterdir() if "partial" in path.name]
    assert partial
    assert library.current() == before
    assert isinstance(open_corpus(library.folder, time.perf_counter).index, Index)
    library.add(corpus.documents[1:])
    assert [path.name for path in (library.folder / "generations").iterdir() if "partial" in path.name] == []
    assert len(library.generations()) == 2


def test_opening_uses_an_analysis_of_its_own(library: Library) -> None:
    """Two openings share no stemmer: one may run beside answers."""
    first, second = (open_corpus(library.folder, time.perf_counter).index for _ in range(2))
    assert isinstance(first.analyser, Analyser)
    assert first.analyser is not second.analyser
