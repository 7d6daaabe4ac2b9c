"""What a stage is made of, and what the service is told of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from alerts.drills import building
from alerts.drills.building import simulator_plan, surroundings
from alerts.drills.drill import Database, Retrieval, Stage


@dataclass
class FakeServer:
    url: str
    states: list[str] = field(default_factory=list)
    port: int = 5432

    def url_at(self, port: int) -> str:
        return f"{self.url}:{port}"

    def start(self) -> None:
        self.states.append("started")

    def close(self) -> None:
        self.states.append("closed")


@dataclass
class FakeHouse:
    """Stands for programs: `ingest` makes a generation in its library, everything is noted."""

    redis: FakeServer = field(default_factory=lambda: FakeServer("redis://r"))
    postgresql: FakeServer = field(default_factory=lambda: FakeServer("postgresql://p"))
    ran: list[list[str]] = field(default_factory=list)

    def run(self, command: Sequence[str], _: Path, environment: Mapping[str, str]) -> None:
        words = [str(word) for word in command]
        self.ran.append(words)
        assert not any(name.endswith("_URL") for name in environment)
        if "ingest" in words:
            library = Path(words[-1])
            (library / "generations" / "000001-abc").mkdir(parents=True)
            (library / "current").write_text("000001-abc\n", encoding="utf-8")


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> FakeHouse:
    fake = FakeHouse()
    monkeypatch.setattr(building, "redis", lambda *_: fake.redis)
    monkeypatch.setattr(building, "postgresql", lambda *_: fake.postgresql)
    monkeypatch.setattr(building, "run_command", fake.run)
    return fake


def test_a_plain_stage_needs_nothing(house: FakeHouse, tmp_path: Path) -> None:
    """A stage without wishes starts nothing beside the service, which gets the drill's own settings."""
    with contextlib.ExitStack() as ending:
        made = surroundings(Stage(settings={"COURTSIGHT_WORKERS": "1"}), tmp_path, tmp_path / "around", ending)
    assert made.settings == {"COURTSIGHT_WORKERS": "1"}
    assert (house.ran, house.redis.states, house.postgresql.states) == ([], [], [])


def test_servers_are_told_of_and_ended(house: FakeHouse, tmp_path: Path) -> None:
    """Redis and PostgreSQL run before the service starts, and end with the stage."""
    stage = Stage(redis=True, database=Database.POSTGRESQL)
    with contextlib.ExitStack() as ending:
        made = surroundings(stage, tmp_path, tmp_path / "around", ending)
        assert (house.redis.states, house.postgresql.states) == (["started"], ["started"])
    assert made.settings == {"COURTSIGHT_REDIS_URL": "redis://r", "COURTSIGHT_DATABASE_URL": "postgresql://p"}
    assert (house.redis.states[-1], house.postgresql.states[-1]) == ("closed", "closed")


def test_a_library_has_an_empty_generation_beside_it(house: FakeHouse, tmp_path: Path) -> None:
    """The corpus that ships is current, and a generation in which nothing can be found waits beside it."""
    with contextlib.ExitStack() as ending:
        made = surroundings(Stage(retrieval=Retrieval.LIBRARY), tmp_path, tmp_path / "around", ending)
    assert made.library is not None
    assert made.settings == {"COURTSIGHT_CORPUS": str(made.library)}
    assert (made.library / "current").read_text(encoding="utf-8") == "000001-abc\n"
    assert (made.library / "generations" / made.empty_generation).is_dir()
    assert made.empty_generation != "000001-abc"


def test_passages_are_published_into_a_database(house: FakeHouse, tmp_path: Path) -> None:
    """A service that answers from PostgreSQL is given a relay's address and no corpus; the server's own stands in a file of ours."""
    with contextlib.ExitStack() as ending:
        made = surroundings(Stage(retrieval=Retrieval.POSTGRESQL), tmp_path, tmp_path / "around", ending)
    assert made.relay is not None
    assert made.settings == {"COURTSIGHT_RETRIEVAL_DATABASE_URL": f"postgresql://p:{made.relay.port}"}
    assert "publish" in house.ran[-1]
    assert Path(house.ran[-1][-1]).stat().st_mode & 0o077 == 0


def test_the_simulator_gets_price_and_fallback(tmp_path: Path) -> None:
    """A stage says what the simulator's tokens cost and whether the extractive engine stands in; without it there is none."""
    plan = simulator_plan(Stage(simulated=True, fallback=True, usd_per_million=100), tmp_path)
    assert plan is not None
    assert (plan.usd_per_million, plan.fallback) == (100, True)
    assert simulator_plan(Stage(), tmp_path) is None
