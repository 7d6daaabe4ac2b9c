"""What becomes of questions while the retrieval database is away, busy, replaced or not as it should be."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from service.errors import ConfigurationError, StorageUnavailable
from service.retrieval.corpus import Corpus
from service.retrieval.postgres.connecting import Address, Connections
from service.retrieval.postgres.opening import OpenedDatabase, PublicationWatch, open_database
from service.retrieval.postgres.publishing import publish
from service.retrieval.retriever import Holdings
from service.settings import Settings

pytestmark = pytest.mark.integration
QUESTION = "Bagaimana cara mengurus surat cerai?"
Addresses = tuple[Address, Address]


class Told:
    """Keeps what a watch tells."""

    def __init__(self) -> None:
        self.taken_ones: list[str] = []
        self.refused_ones: list[str] = []

    def taken(self, generation: str, holdings: Holdings) -> None:
        self.taken_ones.append(f"{generation} {holdings.hash}")

    def refused(self, generation: str, error: ConfigurationError) -> None:
        self.refused_ones.append(f"{generation}: {error}")


@pytest.fixture
def both(new_database: Callable[..., str], addresses: Callable[[str], Addresses]) -> Addresses:
    return addresses(new_database())


@pytest.fixture
def published(both: Addresses, corpus: Corpus) -> Addresses:
    asyncio.run(publish(both[0], corpus.documents, corpus_hash="a" * 64))
    return both


def with_settings(settings: Settings, address: Address) -> Settings:
    changes = {"corpus": None, "retrieval_database_url": SecretStr(address.url)}
    changes |= {"retrieval_database_timeout_seconds": address.timeout_seconds}
    return settings.model_copy(update=changes)


def test_a_service_answers_from_the_database(
    build_house: Callable[..., Any], settings: Settings, published: Addresses
) -> None:
    """A whole service over the database answers with citations, and its page of health names the corpus."""
    house = build_house(wanted=with_settings(settings, published[1]))
    answer = house.ask("judge", QUESTION)
    assert answer["citations"][0]["id"] == "panduan-surat-cerai"
    assert house.send("GET", "/health/ready").json()["corpus"]["hash"] == "a" * 64


def test_a_killed_server_is_a_clear_503_until_it_is_back(
    build_house: Callable[..., Any], settings: Settings, published: Addresses, server: Any
) -> None:
    """While the server is gone questions and readiness answer 503 and say nothing of the question; once it is back, they work again."""
    house = build_house(wanted=with_settings(settings, published[1]))
    house.ask("judge", QUESTION)
    server.kill()
    try:
        response = house.send("POST", "/v1/chat", "judge", json={"message": QUESTION})
        assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
        assert "Retry-After" in response.headers
        tool = house.send("POST", "/v1/tools/LegalRetriever", "judge", json={"query": QUESTION})
        assert tool.status_code == 503
        ready = house.send("GET", "/health/ready")
        assert (ready.status_code, ready.json()["checks"]) == (503, {"database": "ok", "index": "failing"})
        assert house.send("GET", "/health/live").status_code == 200
    finally:
        server.start()
    assert house.ask("judge", QUESTION)["outcome"] == "ok"
    assert house.send("GET", "/health/ready").status_code == 200
    assert b"cerai" not in house.output.getvalue()


def test_questions_meet_a_kill_only_as_storage_unavailable(published: Addresses, server: Any) -> None:
    """Ten askers at work when the server is killed see no other error, and all of them find again once it is back."""
    opened = open_database(published[1], time.perf_counter)
    problems: list[str] = []
    refused = asyncio.Event()

    async def ask(until: asyncio.Event) -> int:
        found = 0
        while not until.is_set() or not found:
            try:
                hits = (await opened.retriever.search(QUESTION)).hits
                found = found + 1 if hits and until.is_set() else found
            except StorageUnavailable as problem:
                problems.append(problem.code)
                refused.set()
                await asyncio.sleep(0.02)
        return found

    async def run() -> list[int]:
        back = asyncio.Event()
        asking = [asyncio.create_task(ask(back)) for _ in range(10)]
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.kill)
        await asyncio.wait_for(refused.wait(), 180)
        await asyncio.to_thread(server.start)
        back.set()
        found = await asyncio.wait_for(asyncio.gather(*asking), 180)
        await opened.close()
        return found

    assert min(asyncio.run(run())) >= 1
    assert set(problems) == {"storage_unavailable"}


def test_a_generation_is_taken_without_a_failed_question(published: Addresses, corpus: Corpus) -> None:
    """Four publications while five askers are at work: each search sees one whole corpus, none fails, and the last one is taken."""
    writer, reader = published

    async def run(opened: OpenedDatabase) -> tuple[int, Told, str]:
        shelf, told = opened.shelf(), Told()
        watch = PublicationWatch(opened, shelf, told)
        done, found, asked = asyncio.Event(), asyncio.Event(), 0

        async def ask() -> None:
            nonlocal asked
            while not done.is_set():
                with shelf.lend() as retriever:
                    hits = (await retriever.search(QUESTION)).hits
                    assert hits[0].document.id == "panduan-surat-cerai"
                    assert hits[0].document.source == retriever.holdings.hash
                    asked += 1
                    found.set()

        askers: list[asyncio.Task[None]] = []
        for letter in "bcde":
            name = letter * 64
            await publish(writer, [replace(one, source=name) for one in corpus.documents], corpus_hash=name, keep=2)
            await watch.look()
            askers = askers or [asyncio.create_task(ask()) for _ in range(5)]
        await asyncio.wait_for(found.wait(), 180)
        done.set()
        await asyncio.gather(*askers)
        last = shelf.current.holdings.hash
        await opened.close()
        return asked, told, last

    asked, told, last = asyncio.run(run(open_database(reader, time.perf_counter)))
    assert asked > 0
    assert told.refused_ones == []
    assert [one[-1] for one in told.taken_ones] == list("bcde")
    assert last == "e" * 64


def test_a_query_that_takes_too_long_is_given_up(published: Addresses, server: Any) -> None:
    """A table that somebody holds locked costs the limit and not more, and the connection is good again afterwards."""
    address = replace(published[1], timeout_seconds=0.2, connections=1)
    opened = open_database(published[1], time.perf_counter)
    given_up = ("statement timeout", "user request")

    async def run() -> None:
        slow = OpenedDatabase(Connections(address), opened.retriever, address, time.perf_counter)

        async def one_row() -> None:
            # Connecting has the same limit, which a busy machine may pass: it is the query's that is looked at here.
            for _ in range(100):
                with contextlib.suppress(StorageUnavailable):
                    assert await slow.connections.fetch("SELECT 1 AS one FROM courtsight_g000001.posting LIMIT 1")
                    return
            pytest.fail("no query was answered")

        connection = await asyncpg.connect(published[0].url)
        for _ in range(20):
            await one_row()
            async with connection.transaction():
                await connection.execute("LOCK TABLE courtsight_g000001.posting IN ACCESS EXCLUSIVE MODE")
                with pytest.raises(StorageUnavailable):
                    await slow.connections.fetch("SELECT * FROM courtsight_g000001.posting")
            if any(words in server.log() for words in given_up):
                break
        await one_row()
        await connection.close()
        await slow.close()

    asyncio.run(run())
    assert any(words in server.log() for words in given_up)


def test_a_wrong_password_ends_the_start_without_showing_it(server: Any, published: Addresses) -> None:
    """The refusal is one line that names the setting and holds no password."""
    assert published
    with pytest.raises(ConfigurationError, match="COURTSIGHT_RETRIEVAL_DATABASE_URL") as refused:
        open_database(Address(server.url(user="courtsight_reader", password="hunter2")), time.perf_counter)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://a:hunter2@127.0.0.1:1/x", "cannot be reached"),
        ("mysql://a:hunter2@127.0.0.1/x", "is not like postgresql://"),
        ("postgresql://a:hunter2@127.0.0.1:port/x", "is not like postgresql://"),
    ],
)
def test_an_address_that_leads_nowhere_ends_the_start(url: str, told: str) -> None:
    """What is wrong with the address is said in one line, without its password."""
    with pytest.raises(ConfigurationError, match=told) as refused:
        open_database(Address(url), time.perf_counter)
    assert "hunter2" not in str(refused.value)


def test_an_empty_database_says_what_to_run(both: Addresses) -> None:
    """Before the first publication a start ends with the command that makes one."""
    with pytest.raises(ConfigurationError, match="python -m service publish"):
        open_database(both[1], time.perf_counter)


def test_another_analysis_is_refused(published: Addresses, server: Any) -> None:
    """A generation whose words were read in another way would miss what is there: a start refuses it, a watch keeps the one before."""
    opened = open_database(published[1], time.perf_counter)
    name = published[1].url.rpartition("/")[2]
    server.execute("UPDATE courtsight.generation SET analysis = 'another'", name)
    server.execute("UPDATE courtsight.published SET publication = publication + 1", name)
    with pytest.raises(ConfigurationError, match="another version of the Indonesian analysis"):
        open_database(published[1], time.perf_counter)

    async def run() -> Told:
        shelf, told = opened.shelf(), Told()
        watch = opened.watch(shelf, told)
        for _ in range(3):
            await watch.look()
        assert shelf.current is opened.retriever
        await opened.close()
        return told

    assert len(asyncio.run(run()).refused_ones) == 1


def test_the_reader_may_not_write(published: Addresses, corpus: Corpus) -> None:
    """The service's role can neither change nor publish anything, even when it asks for a session that writes."""

    async def run() -> None:
        connection = await asyncpg.connect(published[1].url)
        for statement in (
            "UPDATE courtsight.published SET publication = 9",
            "DELETE FROM courtsight_g000001.passage",
            "DROP SCHEMA courtsight_g000001 CASCADE",
            "CREATE SCHEMA mine",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()

    asyncio.run(run())
    with pytest.raises(ConfigurationError, match=r"deploy/postgres/roles\.sql"):
        asyncio.run(publish(published[1], corpus.documents, corpus_hash="x"))
