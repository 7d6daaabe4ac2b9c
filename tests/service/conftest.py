"""A whole service in one process: the real app over a corpus of fifteen entries, with fake time, ids and log."""

from __future__ import annotations

import asyncio
import io
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor
from pydantic import SecretStr

from service.app import create_app
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import ROLES, Deployment
from service.llm.engine import AnswerEngine
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import Corpus, load_corpus
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.index import Index
from service.retrieval.retriever import Retriever
from service.services import Surroundings
from service.settings import CORPORA, Settings
from service.store.accounts import Account, insert_accounts
from service.store.migrating import bring_to
from service.store.opening import dialect_of, once
from service.store.work import Work
from service.telemetry.logging import EventLog
from service.telemetry.unhandled import Reports
from tests.service.postgres_server import new_database, server  # noqa: F401 - fixtures of both PostgreSQL stores

CORPUS = Path(__file__).parent / "corpus" / "fixture.jsonl"
SECRET = "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0"
PASSWORD = "correct horse battery"
NOW = 1_795_000_000.0
"""2026-11-18: the day on which the tests ask."""


class Ticking:
    """A clock that moves by a fixed step whenever somebody looks at it, and by hand."""

    def __init__(self, start: float, step: float) -> None:
        self.now = start
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class House:
    """A started app and a client that speaks to it in its own event loop."""

    def __init__(self, app: FastAPI, database: Path, output: io.BytesIO, wall_clock: Ticking) -> None:
        self.app = app
        self.database = database
        self.output = output
        self.wall_clock = wall_clock
        self.secret = SECRET
        self.password = PASSWORD
        self._runner = asyncio.Runner()
        self._lifespan = app.router.lifespan_context(app)
        self._tokens: dict[str, str] = {}

    def start(self) -> None:
        self._runner.run(self._enter())

    def stop(self) -> None:
        self._runner.run(self._leave())
        self._runner.close()

    async def _enter(self) -> None:
        await self._lifespan.__aenter__()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://service")

    async def _leave(self) -> None:
        await self.client.aclose()
        await self._lifespan.__aexit__(None, None, None)

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def send(self, method: str, path: str, role: str | None = None, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if role:
            headers["Authorization"] = f"Bearer {self.token(role)}"
        response: httpx.Response = self.run(self.client.request(method, path, headers=headers, **options))
        return response

    def token(self, role: str) -> str:
        if role not in self._tokens:
            body = {"username": f"a-{role}", "password": PASSWORD}
            self._tokens[role] = self.send("POST", "/v1/auth/token", json=body).json()["access_token"]
        return self._tokens[role]

    def ask(self, role: str, message: str, conversation_id: str | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {"message": message}
        if conversation_id:
            body["conversation_id"] = conversation_id
        response = self.send("POST", "/v1/chat", role, json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def stream(self, role: str, message: str) -> list[tuple[str, dict[str, Any]]]:
        response = self.send("POST", "/v1/chat", role, json={"message": message, "stream": True})
        assert response.status_code == 200, response.text
        frames = [frame.split("\n") for frame in response.text.strip().split("\n\n")]
        return [(event.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))) for event, data in frames]

    def sample(self, name: str, **labels: str) -> float:
        """The value of one series, read from the app's own registry."""
        value = self.app.state.services.metrics.registry.get_sample_value(name, labels)
        assert value is not None, f"no series {name}{labels}"
        found: float = value
        return found

    def page(self) -> str:
        return self.send("GET", "/metrics").text

    def log_lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.output.getvalue().splitlines()]


@pytest.fixture(scope="session")
def password_hash() -> str:
    """One hash for all accounts, cheap to check: a login takes 20 ms on purpose, and hundreds of tests begin with one."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture(scope="session")
def deployment() -> Deployment:
    return load_deployment(deployment_file("courtsight"))


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return load_corpus(CORPUS)


@pytest.fixture(scope="session")
def index(corpus: Corpus) -> Index:
    return Index.of(corpus.documents, Analyser(), Ticking(0.0, 0.001))


@pytest.fixture(scope="session")
def retriever(index: Index) -> Retriever:
    return EmbeddedRetriever(index)


def settings_in(folder: Path) -> Settings:
    return Settings(
        environment="development",
        database=folder / "service.db",
        database_timeout_seconds=0.1,
        corpus=CORPUS,
        jwt_secret=SecretStr(SECRET),
        jwt_secret_file=None,
        log_level="debug",
        trace_share=1.0,
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@contextmanager
def building(settings: Settings, password_hash: str) -> Iterator[Callable[..., House]]:
    """Makes started houses; every one is stopped at the end."""
    houses: list[House] = []

    def build(
        engine: AnswerEngine | None = None,
        wanted: Settings | None = None,
        spans: SpanProcessor | None = None,
        reports: Reports | None = None,
    ) -> House:
        chosen = wanted or settings
        named = [*((role, role) for role in ROLES), ("other", "judge")]
        accounts = [
            Account(
                f"id-{name}", f"a-{name}", role, password_hash, disabled=False, created_at=NOW, tokens_valid_after=0.0
            )
            for name, role in named
        ]

        def furnish() -> Work[None]:
            yield from bring_to(dialect_of(chosen), NOW)
            yield from insert_accounts(accounts)

        asyncio.run(once(chosen, furnish()))
        output, wall_clock, ids = io.BytesIO(), Ticking(NOW, 0.001), itertools.count(1)
        around = Surroundings(
            clock=Ticking(0.0, 0.0001),
            wall_clock=wall_clock,
            new_id=lambda: f"id{next(ids):06d}",
            log=EventLog(output, chosen.log_level, wall_clock),
            spans=spans,
            reports=reports,
        )
        house = House(create_app(chosen, around, engine), chosen.database, output, wall_clock)
        house.start()
        houses.append(house)
        return house

    yield build
    for house in houses:
        house.stop()


@pytest.fixture
def build_house(settings: Settings, password_hash: str) -> Iterator[Callable[..., House]]:
    """Makes started houses for one test."""
    with building(settings, password_hash) as build:
        yield build


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Iterator[House]:
    """A house with the corpus of the product, one for all tests of a module: nothing that they ask changes it."""
    settings = settings_in(tmp_path_factory.mktemp("shipped"))
    with building(settings.model_copy(update={"corpus": CORPORA / "courtsight"}), password_hash) as build:
        yield build()


@pytest.fixture
def house(build_house: Callable[..., House]) -> House:
    return build_house()


@pytest.fixture
def lock(house: House) -> Iterator[sqlite3.Connection]:
    """Another connection that holds the house's database exclusively until the test lets go."""
    connection = sqlite3.connect(house.database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield connection
    connection.close()
