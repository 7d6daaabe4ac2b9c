"""Publishing into the retrieval database: all or nothing, one at a time, and old generations go."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service.__main__ import main
from service.errors import ConfigurationError
from service.retrieval.corpus import Corpus
from service.retrieval.document import Document
from service.retrieval.library import Library
from service.retrieval.postgres.connecting import Address
from service.retrieval.postgres.opening import open_database
from service.retrieval.postgres.publishing import publish

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
Addresses = tuple[Address, Address]


@pytest.fixture
def both(new_database: Callable[..., str], addresses: Callable[[str], Addresses]) -> Addresses:
    return addresses(new_database())


def schemas(address: Address) -> list[str]:
    """The schemas of generations, in order."""

    async def run() -> list[str]:
        connection = await asyncpg.connect(address.url)
        rows = await connection.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'courtsight\\_g%' ORDER BY nspname"
        )
        await connection.close()
        return [row["nspname"] for row in rows]

    return asyncio.run(run())


def test_the_same_corpus_is_published_once(both: Addresses, corpus: Corpus) -> None:
    """Publishing again what is current changes nothing."""
    first = asyncio.run(publish(both[0], corpus.documents, corpus_hash="a"))
    second = asyncio.run(publish(both[0], corpus.documents, corpus_hash="a"))
    assert (first.made, second.made) == (True, False)
    assert (second.generation, second.holdings) == (first.generation, first.holdings)
    assert len(schemas(both[0])) == 1


def test_old_generations_go(both: Addresses, corpus: Corpus) -> None:
    """Of five publications the newest two stay, with their numbers."""
    for letter in "abcde":
        asyncio.run(publish(both[0], corpus.documents, corpus_hash=letter, keep=2))
    assert schemas(both[0]) == ["courtsight_g000004", "courtsight_g000005"]


def test_a_generation_that_is_read_is_left_for_later(both: Addresses, corpus: Corpus) -> None:
    """A reader's open transaction on an old generation delays its end and fails no publication."""
    for letter in "ab":
        asyncio.run(publish(both[0], corpus.documents, corpus_hash=letter, keep=2))

    async def run() -> None:
        reader = await asyncpg.connect(both[1].url)
        async with reader.transaction():
            await reader.fetch("SELECT number FROM courtsight_g000001.document")
            assert (await publish(both[0], corpus.documents, corpus_hash="c", keep=2)).made
        await reader.close()

    asyncio.run(run())
    assert len(schemas(both[0])) == 3
    asyncio.run(publish(both[0], corpus.documents, corpus_hash="d", keep=2))
    assert schemas(both[0]) == ["courtsight_g000003", "courtsight_g000004"]


def failing(corpus: Corpus) -> Iterator[Document]:
    yield from corpus.documents
    raise ConfigurationError("the corpus broke off")


@pytest.mark.parametrize("documents", ["none", "twice", "broken"])
def test_a_publication_that_fails_leaves_nothing(both: Addresses, corpus: Corpus, documents: str) -> None:
    """Neither no document, nor the same id twice, nor a corpus that breaks off makes a generation; what was current stays."""
    asyncio.run(publish(both[0], corpus.documents, corpus_hash="a"))
    given = {"none": [], "twice": [corpus.documents[0]] * 2, "broken": failing(corpus)}[documents]
    with pytest.raises(ConfigurationError):
        asyncio.run(publish(both[0], given, corpus_hash="b"))
    assert schemas(both[0]) == ["courtsight_g000001"]
    assert open_database(both[1], time.perf_counter).retriever.holdings.hash == "a"


def test_one_publisher_works_at_a_time(both: Addresses, corpus: Corpus) -> None:
    """A second publisher is told so at once; when the first one is done, it gets through."""

    async def run() -> None:
        holder = await asyncpg.connect(both[0].url)
        async with holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock($1)", 0x636F7572)
            with pytest.raises(ConfigurationError, match="another publisher is at work"):
                await publish(both[0], corpus.documents, corpus_hash="a")
        await holder.close()

    asyncio.run(run())
    assert asyncio.run(publish(both[0], corpus.documents, corpus_hash="a")).made


_ENDLESS = """
import asyncio, itertools, sys
from dataclasses import replace
from pathlib import Path
from service.retrieval.corpus import load_corpus
from service.retrieval.postgres.connecting import Address
from service.retrieval.postgres.publishing import publish
one = load_corpus(Path(sys.argv[2])).documents[0]
endless = (replace(one, id=f"d{number}") for number in itertools.count())
asyncio.run(publish(Address(sys.argv[1]), endless, corpus_hash="b", told=lambda done: print(done, flush=True)))
"""


def test_a_killed_publisher_leaves_nothing(both: Addresses, corpus: Corpus) -> None:
    """SIGKILL in the midst of writing: the generation before stays current, nothing of the other is seen, and the next one goes through."""
    asyncio.run(publish(both[0], corpus.documents, corpus_hash="a"))
    fixture = ROOT / "tests/service/corpus/fixture.jsonl"
    child = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, both[0].url, str(fixture)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    for _ in range(3):
        assert child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.wait(60)
    child.stdout.close()
    assert schemas(both[0]) == ["courtsight_g000001"]
    assert open_database(both[1], time.perf_counter).retriever.holdings.hash == "a"
    for _ in itertools.count():
        try:
            made = asyncio.run(publish(both[0], corpus.documents, corpus_hash="c"))
        except ConfigurationError as error:
            # The server notices a dead client when it next reads from it.
            assert "another publisher" in str(error)  # noqa: PT017 - the other outcome is the one that ends the loop
            time.sleep(0.05)
        else:
            break
    assert made.made


def test_the_command_publishes_a_library(
    both: Addresses, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m service publish LIBRARY --database-url-file FILE` puts the library's current generation into the database."""
    library = Library(tmp_path / "library")
    library.add(corpus.documents, corpus_hash="f" * 64)
    url = tmp_path / "url"
    url.write_text(both[0].url + "\n", encoding="utf-8")
    assert main(["publish", str(library.folder), "--database-url-file", str(url)]) == 0
    assert f"{len(corpus.documents)} documents" in capsys.readouterr().out
    assert open_database(both[1], time.perf_counter).retriever.holdings.hash == "f" * 64
    assert main(["publish", str(library.folder), "--database-url-file", str(url)]) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an address, with an empty file, or with one that is not there, one line says what to do and the status is 2."""
    empty = tmp_path / "empty"
    empty.touch()
    for options in ([], ["--database-url-file", str(empty)], ["--database-url-file", str(tmp_path / "none")]):
        assert main(["publish", str(tmp_path), *options]) == 2
        assert "database-url-file" in capsys.readouterr().err


def test_tables_of_a_later_version_are_left_alone(both: Addresses, corpus: Corpus, server: Any) -> None:
    """A store that a later version migrated is not written by this one."""
    asyncio.run(publish(both[0], corpus.documents, corpus_hash="a"))
    server.execute("INSERT INTO courtsight.version (version) VALUES (99)", both[0].url.rpartition("/")[2])
    with pytest.raises(ConfigurationError, match="later version"):
        asyncio.run(publish(both[0], [replace(corpus.documents[0])], corpus_hash="b"))
