"""Dense re-ranking: around every store, within its time, and never worse off than the order by words."""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import ConfigurationError, StorageUnavailable
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import Corpus
from service.retrieval.dense import DenseReranker, DenseRules, NoVectors, QueryVectors, Vector, Vectors, fused
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.hits import Hit
from service.retrieval.index import Index
from service.retrieval.library import Library
from service.retrieval.opening import open_corpus
from service.retrieval.postgres.connecting import Address
from service.retrieval.postgres.opening import open_database
from service.retrieval.postgres.publishing import publish
from service.retrieval.retriever import Retriever
from service.retrieval.vectors import MatrixVectors, embed_all, open_vectors, write_vectors

QUESTION = "putusan KDRT dan perceraian"
Addresses = tuple[Address, Address]


class Letters:
    """An embedder that counts letters: vectors that anybody can compute again. It can be slow, or fail."""

    name = "fake/letters"

    def __init__(self, seconds: float = 0.0, *, fails: bool = False) -> None:
        self.asked: list[str] = []
        self._seconds = seconds
        self._fails = fails

    async def vectors(self, texts: Sequence[str]) -> Sequence[Vector]:
        self.asked += texts
        await asyncio.sleep(self._seconds)
        if self._fails:
            raise NoVectors("fake/letters: it fails")
        return [[1.0 + text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


class Broken:
    """Vectors that cannot be read now."""

    embedding = Letters.name

    async def likeness(self, query: Vector, rows: Sequence[int]) -> Mapping[int, float]:
        raise StorageUnavailable("away")


def dressed(
    retriever: Retriever, vectors: Vectors | None, embedder: Letters, **rules: Any
) -> tuple[DenseReranker, list[str]]:
    outcomes: list[str] = []
    chosen = DenseRules(**({"seconds": 5.0} | rules))
    return DenseReranker(retriever, vectors, QueryVectors(embedder), chosen, outcomes.append), outcomes


@pytest.fixture
def vectors(index: Index) -> MatrixVectors:
    width, values = asyncio.run(embed_all(index.passages(), Letters()))
    return MatrixVectors(Letters.name, width, values)


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.document.id for hit in hits]


def test_both_orders_count(index: Index, vectors: MatrixVectors) -> None:
    """What both orders like comes first, nothing comes in that words did not find, and scores stay those of the places."""
    searched, outcomes = dressed(EmbeddedRetriever(index), vectors, Letters(), weight=10.0)
    words = index.search(QUESTION, limit=50).hits
    found = asyncio.run(searched.search(QUESTION)).hits
    assert set(ids(found)) <= set(ids(words))
    assert ids(found) != ids(words[:10])
    assert [hit.score for hit in found] == [hit.score for hit in words[: len(found)]]
    assert outcomes == ["fused"]


def test_without_weight_words_decide(index: Index, vectors: MatrixVectors) -> None:
    """A weight of zero leaves the order of the search."""
    searched, _ = dressed(EmbeddedRetriever(index), vectors, Letters(), weight=0.0)
    assert asyncio.run(searched.search(QUESTION)).hits == index.search(QUESTION).hits


@pytest.mark.parametrize(
    ("embedder", "rules", "outcome"),
    [(Letters(fails=True), {}, "failed"), (Letters(60.0), {"seconds": 0.01}, "late")],
)
def test_a_model_that_fails_or_is_late_costs_nothing_but_its_time(
    index: Index, vectors: MatrixVectors, embedder: Letters, rules: dict[str, float], outcome: str
) -> None:
    """The order by words stands, and the outcome is counted."""
    searched, outcomes = dressed(EmbeddedRetriever(index), vectors, embedder, **rules)
    assert asyncio.run(searched.search(QUESTION)).hits == index.search(QUESTION).hits
    assert outcomes == [outcome]


def test_vectors_that_are_away_or_of_another_model_are_not_used(index: Index, vectors: MatrixVectors) -> None:
    """A store that fails, none at all, another model's and another length leave the order by words; the model is not asked in vain."""
    other = MatrixVectors("another/model", 26, array("f", [1.0]))
    short = MatrixVectors(Letters.name, 2, array("f", [1.0, 0.0]))
    for given_ones, outcome in ((Broken(), "failed"), (None, "missing"), (other, "missing"), (short, "failed")):
        embedder = Letters()
        searched, outcomes = dressed(EmbeddedRetriever(index), given_ones, embedder)
        assert asyncio.run(searched.search(QUESTION)).hits == index.search(QUESTION).hits
        assert outcomes == [outcome]
        assert bool(embedder.asked) == (outcome != "missing")


def test_a_question_is_embedded_once(index: Index, vectors: MatrixVectors) -> None:
    """The vector of a question is remembered, by a hash and not by its text."""
    embedder = Letters()
    searched, _ = dressed(EmbeddedRetriever(index), vectors, embedder)
    for _ in range(3):
        asyncio.run(searched.search(QUESTION))
    assert embedder.asked == [QUESTION]
    assert QUESTION not in repr(vars(searched._queries))


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.floats(0, 10))
def test_fusing_loses_and_doubles_nothing(index: Index, likeness: list[float], weight: float) -> None:
    """Every hit comes out once, whatever is known of it; a hit that both orders put first stays first."""
    hit = index.search("korupsi").hits[0]
    hits = [replace(hit, row=row) for row in range(len(likeness))]
    known = dict(enumerate(likeness[: len(likeness) // 2]))
    rows = [one.row for one in fused(hits, known, DenseRules(weight=weight))]
    assert sorted(rows, key=str) == sorted(range(len(likeness)), key=str)
    assert fused(hits, {0: 1.0}, DenseRules(weight=weight))[0].row == 0


def test_a_library_keeps_vectors_beside_its_generation(tmp_path: Path, corpus: Corpus) -> None:
    """Vectors that were written are found again with their generation, and cut or foreign ones are as good as none."""
    library = Library(tmp_path / "library")
    library.add(corpus.documents)
    opened = open_corpus(library.folder, time.perf_counter)
    generation = library.generations()[0]
    width, values = asyncio.run(embed_all(opened.index.passages(), Letters()))
    write_vectors(library.folder, generation, Letters.name, width, values)
    stored = open_vectors(library.folder, generation)
    assert stored is not None
    query = asyncio.run(Letters().vectors([QUESTION]))[0]
    likeness = asyncio.run(stored.likeness(query, [0, 3, 10_000]))
    assert set(likeness) == {0, 3}
    assert all(0 < value <= 1 + 1e-6 for value in likeness.values())
    outcomes: list[str] = []
    shelf = opened.shelf(
        lambda retriever, given_ones: DenseReranker(
            retriever, given_ones, QueryVectors(Letters()), DenseRules(), outcomes.append
        )
    )
    assert asyncio.run(shelf.current.search(QUESTION)).hits
    assert outcomes == ["fused"]
    file = library.folder / "vectors" / f"{generation}.f32"
    file.write_bytes(file.read_bytes()[:-4])
    assert open_vectors(library.folder, generation) is None
    assert open_vectors(library.folder, "another") is None


@pytest.mark.integration
def test_pgvector_says_what_the_file_says(
    new_database: Callable[..., str],
    addresses: Callable[[str], Addresses],
    index: Index,
    corpus: Corpus,
    vectors: MatrixVectors,
) -> None:
    """Both stores hold the same vectors under the same rows, and order a question alike."""
    writer, reader = addresses(new_database(vector=True))
    asyncio.run(publish(writer, corpus.documents, corpus_hash="a", embedder=Letters()))
    query = asyncio.run(Letters().vectors([QUESTION]))[0]

    async def run() -> None:
        opened = open_database(reader, time.perf_counter)
        stored = opened.vectors(opened.retriever.generation)
        assert stored is not None
        rows = list(range(index.holdings.passages))
        expected = await vectors.likeness(query, rows)
        found = await stored.likeness(query, rows)
        assert found.keys() == expected.keys()
        assert all(math.isclose(found[row], expected[row], abs_tol=1e-5) for row in rows)
        ours, _ = dressed(EmbeddedRetriever(index), vectors, Letters())
        theirs, outcomes = dressed(opened.retriever, stored, Letters())
        assert ids((await theirs.search(QUESTION)).hits) == ids((await ours.search(QUESTION)).hits)
        with pytest.raises(StorageUnavailable):
            await stored.likeness([1.0], rows)
        assert outcomes == ["fused"]
        await opened.close()

    asyncio.run(run())


@pytest.mark.integration
def test_a_missing_extension_is_named(
    server: Any, new_database: Callable[..., str], addresses: Callable[[str], Addresses], corpus: Corpus
) -> None:
    """Where pgvector was not made and may not be, publishing with vectors says what to do and changes nothing; once it is there, it works."""
    name = new_database()
    writer, reader = addresses(name)
    assert asyncio.run(publish(writer, corpus.documents, corpus_hash="a")).generation == 1
    with pytest.raises(ConfigurationError, match="CREATE EXTENSION vector"):
        asyncio.run(publish(writer, corpus.documents, corpus_hash="a", embedder=Letters()))
    assert open_database(reader, time.perf_counter).retriever.generation.embedding is None
    server.execute("CREATE EXTENSION vector", name)
    assert asyncio.run(publish(writer, corpus.documents, corpus_hash="a", embedder=Letters())).generation == 2
    assert not asyncio.run(publish(writer, corpus.documents, corpus_hash="a", embedder=Letters())).made


@pytest.mark.integration
def test_a_model_that_fails_ends_a_publication(
    new_database: Callable[..., str], addresses: Callable[[str], Addresses], corpus: Corpus
) -> None:
    """Vectors of half a corpus would order it unfairly: nothing is published."""
    writer, reader = addresses(new_database(vector=True))
    with pytest.raises(ConfigurationError, match="publish again"):
        asyncio.run(publish(writer, corpus.documents, corpus_hash="a", embedder=Letters(fails=True)))
    with pytest.raises(ConfigurationError, match="nothing is published yet"):
        open_database(reader, time.perf_counter)


def test_an_analyser_is_passed_on(index: Index, vectors: MatrixVectors) -> None:
    """What is no search is the wrapped retriever's own."""
    searched, _ = dressed(EmbeddedRetriever(index), vectors, Letters())
    assert isinstance(searched.analyser, Analyser)
    assert searched.holdings == index.holdings
    assert searched.idf("korupsi") == index.idf("korupsi")
    assert asyncio.run(searched.references("pasal 1320 KUHPerdata", [])) == (1, 1)
    assert asyncio.run(searched.unresolved("pasal 1320 KUHPerdata")) == ()
    asyncio.run(searched.check())
