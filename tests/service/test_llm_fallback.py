"""Who writes when the models do not, and what the reader is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from service.chat.brief import Brief
from service.errors import AnswerTimeout, Problem, ProviderUnavailable, StorageUnavailable
from service.llm.calls import Usage
from service.llm.chain import NobodyAnswered
from service.llm.engine import Interrupted, Piece, WritingEvent, Written
from service.llm.extractive import ExtractiveEngine
from service.llm.fallback import FallbackEngine, FallbackRules
from service.store.work import rows
from service.switches import SwitchBoard, Switches

GOOD: tuple[Any, ...] = (Piece("Jawaban model [1]."), Written("big", "fake", Usage(100, 20), 0.5))
QUESTION = "Apa itu hukum pidana?"
NOTICE = "mesin ekstraktif"


@dataclass
class Scripted:
    """Plays its events; an exception among them is raised."""

    script: tuple[Any, ...]
    asked: int = 0
    name: str = "models"
    models: Mapping[str, str] = field(default_factory=lambda: {"big": "fake"})

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        self.asked += 1
        for event in self.script:
            if isinstance(event, Exception):
                raise event
            yield event


class Bench:
    """A fallback over a script, with its switch and its counts."""

    def __init__(self, *script: Any, allowed: bool = True) -> None:
        self.inner = Scripted(script)
        self.extractive_only = False
        self.fallbacks: list[tuple[str, str, str]] = []
        self.crashes: list[Exception] = []
        rules = FallbackRules(
            extractive_only=lambda: self.extractive_only,
            allowed=allowed,
            first=lambda complexity: "big",
            fell_back=lambda first, to, reason: self.fallbacks.append((first, to, reason)),
            crashed=self.crashes.append,
        )
        self.engine = FallbackEngine(self.inner, ExtractiveEngine(), rules)


def test_a_model_that_writes_needs_no_fallback(build_house: Any) -> None:
    """The answer names the model, has no notice of a fallback, and nothing is counted as one."""
    bench = Bench(*GOOD)
    answer = build_house(bench.engine).ask("judge", QUESTION)
    assert (answer["model"], answer["answer"], answer["usage"]["source"]) == ("big", "Jawaban model [1].", "provider")
    assert not any(NOTICE in notice for notice in answer["notices"])
    assert bench.fallbacks == []


def test_the_extractive_engine_stands_in_and_says_so(build_house: Any, settings: Any, tmp_path: Path) -> None:
    """The answer is whole, names its writer, carries the notice, and its usage holds what the failed calls spent."""
    plain = build_house().ask("judge", QUESTION)
    bench = Bench(NobodyAnswered("timeout", usage=Usage(100, 7), cost_usd=0.1, first="big"))
    house = build_house(bench.engine, settings.model_copy(update={"database": tmp_path / "second.db"}))
    answer = house.ask("judge", QUESTION)
    assert (answer["model"], answer["answer"]) == ("extractive", plain["answer"])
    assert NOTICE in answer["notices"][0]
    assert answer["usage"]["input_tokens"] == plain["usage"]["input_tokens"] + 100
    assert bench.fallbacks == [("big", "extractive", "timeout")]
    counted = house.sample(
        "chatbot_llm_tokens_total", role="judge", provider="embedded", model="extractive", type="input"
    )
    assert counted == plain["usage"]["input_tokens"]


def test_what_was_shown_is_told_to_be_void(build_house: Any) -> None:
    """A break after some text is announced once before the answer begins anew."""
    for script in (
        (Piece("Awal. "), NobodyAnswered("cut_short")),
        (Piece("Awal. "), Interrupted("cut_short"), NobodyAnswered("timeout")),
    ):
        bench = Bench(*script)

        async def work(bench: Bench = bench) -> list[WritingEvent]:
            async with aclosing(bench.engine.write(brief())) as events:
                return [event async for event in events]

        kinds = [type(event) for event in asyncio.run(work())]
        assert kinds[:2] == [Piece, Interrupted]
        assert kinds.count(Interrupted) == 1


def brief() -> Brief:
    from service.chat.registers import Register

    return Brief("x", "", Register("a", "b", "c", "d", "e", "f", numbered=False, notice="g"), ())


def test_an_engine_that_crashes_does_not_take_the_question_along() -> None:
    """What a model's text does to our own code is noted, and the extractive engine answers."""
    bench = Bench(ValueError("x"))

    async def work() -> list[WritingEvent]:
        async with aclosing(bench.engine.write(brief())) as events:
            return [event async for event in events]

    *_, last = asyncio.run(work())
    assert isinstance(last, Written)
    assert (last.model, last.fallback) == ("extractive", "engine_error")
    assert [type(error) for error in bench.crashes] == [ValueError]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (NobodyAnswered("circuit_open", retry_after_seconds=7.2, first="big"), ProviderUnavailable),
        (NobodyAnswered("timeout", timed_out=True, first="big"), AnswerTimeout),
    ],
)
def test_without_a_fallback_the_problem_is_clear(build_house: Any, failure: Exception, kind: type[Problem]) -> None:
    """503 with Retry-After, or 504, each with its code; the stream tells the same in its last event."""
    bench = Bench(failure, allowed=False)
    house = build_house(bench.engine)
    response = house.send("POST", "/v1/chat", "judge", json={"message": QUESTION})
    assert (response.status_code, response.json()["code"]) == (kind.status, kind.code)
    assert response.headers.get("retry-after") == ("8" if kind is ProviderUnavailable else None)
    assert house.stream("judge", QUESTION)[-1][1]["code"] == kind.code
    assert [to for _, to, _ in bench.fallbacks] == ["none", "none"]
    assert house.send("GET", "/v1/conversations", "judge").json()["conversations"] == []


def test_a_problem_of_ours_stays_one() -> None:
    """A problem that is no provider's (a database that does not answer) is not hidden behind an answer."""
    bench = Bench(StorageUnavailable("x"))

    async def work() -> None:
        async for _ in bench.engine.write(brief()):
            pass

    with pytest.raises(StorageUnavailable):
        asyncio.run(work())


def test_the_switch_moves_all_traffic_at_once() -> None:
    """While it is on no model is asked, even where falling back is not allowed; afterwards they write again."""
    bench = Bench(*GOOD, allowed=False)

    async def model() -> str:
        async with aclosing(bench.engine.write(brief())) as events:
            written = [event async for event in events][-1]
        assert isinstance(written, Written)
        return written.model

    bench.extractive_only = True
    assert (asyncio.run(model()), bench.inner.asked, bench.engine.name) == ("extractive", 0, "extractive")
    assert bench.fallbacks == [("big", "extractive", "switched_off")]
    bench.extractive_only = False
    assert (asyncio.run(model()), bench.engine.name) == ("big", "models")


def test_an_administrator_turns_the_switch(house: Any) -> None:
    """The route shows and turns it, the audit trail and the log say so, and nobody else may."""
    path = "/v1/switches/extractive-only"
    assert house.send("PUT", path, "judge", json={"on": True}).status_code == 403
    assert house.send("GET", path, "admin").json() == {"switch": "extractive-only", "on": False}
    assert house.send("PUT", path, "admin", json={"on": True}).json()["on"] is True
    assert house.send("PUT", path, "admin", json={"on": "yes"}).status_code == 422
    assert [line["on"] for line in house.log_lines() if line["event"] == "switched"] == [True]
    services = house.app.state.services
    trail = house.run(services.store.read(lambda: rows("SELECT action, subject, actor FROM audit")))
    assert ("switch_turned", "extractive-only on", "id-admin") in trail


def test_the_command_line_turns_it_for_a_running_service(
    house: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The row that the command writes is seen at the next look, by whoever has the database open, and it stays."""
    monkeypatch.setenv("COURTSIGHT_DATABASE", str(house.database))
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    assert main(["switch", "extractive-only", "on"]) == 0
    board = house.app.state.services.switches
    house.run(board.look())
    assert board.extractive_only
    assert main(["switch", "extractive-only", "show"]) == 0
    assert main(["switch", "extractive-only", "off"]) == 0
    house.run(board.look())
    assert not board.extractive_only
    assert capsys.readouterr().out.split() == ["on", "on", "off"]


def test_the_switch_is_as_it_was_left(house: Any) -> None:
    """Whoever opens the database next, another worker or the next start, finds the switch on."""
    house.send("PUT", "/v1/switches/extractive-only", "admin", json={"on": True})
    services = house.app.state.services
    switches = Switches()
    house.run(SwitchBoard(switches, services.store, services.surroundings.log).look())
    assert switches.extractive_only
