"""Generations on the disk: whole or not there, opened only when they are what was written."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from service.errors import ConfigurationError
from service.retrieval.analysis import Analyser
from service.retrieval.building import IndexWriter
from service.retrieval.corpus import Corpus
from service.retrieval.generation import build_generation, open_generation, read_meta
from service.retrieval.index import Index
from service.retrieval.library import Library
from service.retrieval.places import MemoryPlace
from service.settings import CORPORA

ROOT = Path(__file__).parents[2]
QUESTIONS = ("Bagaimana cara mengurus surat cerai?", "korupsi", "wanprestasi perjanjian", "putusan KDRT", "pasal 1320")


def opened(folder: Path) -> Index:
    return open_generation(folder, Analyser(), time.perf_counter)


@pytest.fixture
def generation(tmp_path: Path, corpus: Corpus) -> Path:
    folder = tmp_path / "one"
    build_generation(corpus.documents, folder)
    return folder


def test_a_generation_answers_like_memory(generation: Path, index: Index) -> None:
    """The same documents give the same hits, passages and scores, from the disk and from memory."""
    stored = opened(generation)
    for question in QUESTIONS:
        assert stored.search(question).hits == index.search(question).hits
    assert list(stored.documents()) == list(index.documents())
    stored.close()


def test_a_generation_tells_what_it_holds(generation: Path, index: Index) -> None:
    """Counts are those of the corpus, and the hash that of the documents, wherever they were read from."""
    told = read_meta(generation).holdings
    assert replace(told, hash="") == replace(index.holdings, hash="")
    assert len(told.hash) == 64


def test_the_hash_follows_the_documents(tmp_path: Path, corpus: Corpus) -> None:
    """Other documents have another hash, the same ones the same."""
    hashes = [
        build_generation(documents, tmp_path / name).holdings.hash
        for name, documents in (("a", corpus.documents), ("b", corpus.documents), ("c", corpus.documents[1:]))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_several_segments_answer_like_one(corpus: Corpus, index: Index) -> None:
    """Where Tantivy had to write more than one segment, rows still lead to their own passages."""
    place = MemoryPlace()
    writer = IndexWriter(place, Analyser())
    for document in corpus.documents:
        writer.add(document)
        if len(document.id) % 3 == 0:
            writer._writer.commit()
    several = Index(place, writer.finish(), Analyser(), time.perf_counter)
    assert several._searcher.num_segments > 1
    for question in QUESTIONS:
        assert [hit.document.id for hit in several.search(question).hits] == [
            hit.document.id for hit in index.search(question).hits
        ]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("harm", [cut, flip, remove])
@pytest.mark.parametrize("name", ["documents.bin", "passages_starts.col", "search/meta.json", "meta.json"])
def test_a_broken_generation_is_refused(generation: Path, harm: Callable[[Path], None], name: str) -> None:
    """A file that was cut, changed or lost is found out at opening, and the message says how to mend it."""
    harm(generation / name)
    with pytest.raises(ConfigurationError, match="build it anew"):
        opened(generation)


def test_another_analysis_is_refused(generation: Path) -> None:
    """An index whose words were read in another way would miss what is there: it is refused."""
    meta = orjson.loads((generation / "meta.json").read_bytes())
    meta["analysis"] = "another"
    (generation / "meta.json").write_bytes(orjson.dumps(meta))
    with pytest.raises(ConfigurationError, match="another version of the Indonesian analysis"):
        opened(generation)


def test_a_folder_that_exists_is_not_overwritten(generation: Path, corpus: Corpus) -> None:
    """A generation never changes once it is there."""
    with pytest.raises(ConfigurationError, match="exists already"):
        build_generation(corpus.documents, generation)


@pytest.mark.parametrize("documents", ["none", "twice"])
def test_a_build_that_fails_leaves_nothing(tmp_path: Path, corpus: Corpus, documents: str) -> None:
    """Neither no document nor the same id twice makes a generation, and nothing of the attempt stays."""
    given = [] if documents == "none" else [corpus.documents[0], corpus.documents[0]]
    with pytest.raises(ConfigurationError):
        build_generation(given, tmp_path / "bad")
    assert list(tmp_path.iterdir()) == []


def test_a_library_publishes_keeps_and_prunes(tmp_path: Path, corpus: Corpus) -> None:
    """Each addition becomes current; the newest ones stay and the others go."""
    library = Library(tmp_path / "library")
    assert not Library.is_one(library.folder)
    for skipped in range(4):
        library.add(corpus.documents[skipped:], keep=2)
    assert [name[:6] for name in library.generations()] == ["000003", "000004"]
    assert library.current() == library.generations()[-1]
    assert Library.is_one(library.folder)


def test_pruning_spares_what_is_current(tmp_path: Path, corpus: Corpus) -> None:
    """After a step back to an older generation, that one stays whatever its age."""
    library = Library(tmp_path)
    for skipped in range(3):
        library.add(corpus.documents[skipped:])
    oldest = library.generations()[0]
    library.publish(oldest)
    library.prune(1)
    assert library.generations() == [oldest]


def test_only_a_whole_generation_is_published(tmp_path: Path, corpus: Corpus) -> None:
    """The pointer never names what is not there, or what lies outside of the library."""
    library = Library(tmp_path)
    library.add(corpus.documents)
    before = library.current()
    for wrong in ("000009-missing", "../elsewhere", ""):
        with pytest.raises(ConfigurationError):
            library.publish(wrong)
    assert library.current() == before


def test_what_a_dead_build_left_is_swept(tmp_path: Path, corpus: Corpus) -> None:
    """Folders of builds whose process is gone are removed by the next addition; those of a live one are not."""
    library = Library(tmp_path)
    library.add(corpus.documents)
    dead, alive = (tmp_path / "generations" / f"000009.partial-{process}" for process in (2**22 + 1, 1))
    for folder in (dead, alive):
        folder.mkdir()
    library.add(corpus.documents[1:])
    assert not dead.exists()
    assert alive.exists()
    assert len(library.generations()) == 2


@pytest.mark.integration
@pytest.mark.parametrize("limit", [60_000, 1_000])
def test_a_disk_that_is_full_ends_the_build_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    """Whichever file does not fit any more, ours or Tantivy's, the build says what to do and its folder is gone."""
    program = f"""
import resource
from pathlib import Path
from service.errors import ConfigurationError
from service.retrieval.corpus import load_corpus
from service.retrieval.generation import build_generation
documents = load_corpus(Path({str(CORPORA / "courtsight")!r})).documents
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    build_generation(documents, Path({str(tmp_path / "full")!r}))
except ConfigurationError as error:
    print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=180, check=True
    )
    assert "free space" in ran.stdout
    assert list(tmp_path.iterdir()) == []
