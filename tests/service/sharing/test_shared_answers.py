"""Answers shared by processes: given only for the very same key, read strictly, and never trusted."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from service.chat.brief import Brief, Reading
from service.chat.evidence import Evidence
from service.chat.registers import Register
from service.llm.answer_cache import CacheKey, CachingEngine, Versions
from service.llm.calls import Usage
from service.llm.engine import Piece, WritingEvent, Written
from service.llm.keeping import CacheRules
from service.retrieval.document import Document
from service.sharing.naming import key_namer
from service.sharing.redis_link import RedisLink
from service.sharing.shared_answers import SharedAnswers

pytestmark = pytest.mark.integration

DOCUMENT = Document(
    "id", "statute", "Judul", "Teks.", "UU 1/2023", "KUHP", "603", 2023, "berlaku", None, "s", date(2026, 11, 1), "x", demo=False
)  # fmt: skip
BRIEF = Brief(
    "Apa itu hukum pidana?",
    "",
    Register("a", "b", "c", "d", "e", "f", numbered=False, notice="g"),
    (Evidence(1, DOCUMENT, 0.9, "Teks."),),
)
KEY = CacheKey(BRIEF, "prompt", "routes", date(2026, 11, 21))
WRITTEN = Written("m", "p", Usage(10, 5), 0.25)
NAMED = key_namer("Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0", "courtsight")


@dataclass
class Models:
    """Writes one answer and counts how often."""

    ending: Written = WRITTEN
    calls: int = 0
    name: str = "models"
    models: Mapping[str, str] = field(default_factory=lambda: {"m": "p"})

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        self.calls += 1
        yield Piece(f"jawaban {brief.role}")
        yield self.ending


class Process:
    """A caching engine with a link of its own, as another worker would have."""

    def __init__(self, url: str, models: Models) -> None:
        self.link = RedisLink(url, lambda _up: None)
        self.results: list[str] = []
        self.answers = SharedAnswers(self.link, NAMED, 3_600.0)
        self.engine = CachingEngine(
            models,
            CacheRules(),
            Versions("prompt", "routes"),
            clock=lambda: 0.0,
            today=lambda: date(2026, 11, 21),
            counted=self.results.append,
            beyond=self.answers,
        )

    async def ask(self, brief: Brief) -> list[WritingEvent]:
        await self.link.look()
        events = [event async for event in self.engine.write(brief)]
        await self.link.close()
        return events


def test_an_answer_of_another_process_is_given_again_for_nothing(redis_server: Any) -> None:
    """One call for two processes; the second answer is marked as cached and costs nothing."""
    models = Models()
    first, second = Process(redis_server.url, models), Process(redis_server.url, models)
    asyncio.run(first.ask(BRIEF))
    piece, written = asyncio.run(second.ask(replace(BRIEF, request_id="another", reading=Reading())))
    assert models.calls == 1
    assert (first.results, second.results) == (["miss"], ["hit"])
    assert piece == Piece("jawaban public")
    assert isinstance(written, Written)
    assert (written.cached, written.cost_usd, written.usage.source) == (True, 0.0, "missing")


@pytest.mark.parametrize("change", [{"role": "judge"}, {"corpus": "b"}, {"language": "en"}, {"question": "Apa?"}])
def test_another_role_corpus_language_or_question_gets_an_answer_of_its_own(
    redis_server: Any, change: dict[str, Any]
) -> None:
    """Nothing crosses roles or states of the corpus."""
    models = Models()
    asyncio.run(Process(redis_server.url, models).ask(BRIEF))
    asyncio.run(Process(redis_server.url, models).ask(replace(BRIEF, **change)))
    assert models.calls == 2


def test_an_answer_with_remarks_is_not_shared(redis_server: Any) -> None:
    """What was cut, or had sentences withheld, is not given to others."""
    for ending in (replace(WRITTEN, cut=True), replace(WRITTEN, withheld=1), replace(WRITTEN, marked=1)):
        asyncio.run(Process(redis_server.url, Models(ending)).ask(BRIEF))
    assert redis_server.keys("answer:") == []


@pytest.mark.parametrize(
    "garbage", [b"\x80\x04\x95pickle", b"{}", b"[]", b"null", b'{"pieces": "text"}', b"9" * 300_000, b"[" * 5_000]
)
def test_what_is_no_answer_of_ours_is_written_anew(redis_server: Any, garbage: bytes) -> None:
    """Pickles, other JSON, oversized and deep values count as absent."""
    redis_server.command("SET", NAMED("answer", repr(KEY)), garbage)
    models = Models()
    events = asyncio.run(Process(redis_server.url, models).ask(BRIEF))
    assert (models.calls, events[-1]) == (1, WRITTEN)


def test_an_answer_copied_under_another_key_is_not_believed(redis_server: Any) -> None:
    """A value knows its own key: a judge's answer moved to the public's key is not given."""
    asyncio.run(Process(redis_server.url, Models()).ask(replace(BRIEF, role="judge")))
    (name,) = redis_server.keys("answer:")
    redis_server.command("RENAME", name, NAMED("answer", repr(KEY)))
    events = asyncio.run(Process(redis_server.url, Models()).ask(BRIEF))
    assert events[0] == Piece("jawaban public")


def test_a_key_is_the_same_in_every_process() -> None:
    """No set and no address in memory gets into the text that is hashed: other processes have other hash seeds."""
    program = "from tests.service.sharing.test_shared_answers import KEY, NAMED; print(NAMED('answer', repr(KEY)))"
    names = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert names == {f"{NAMED('answer', repr(KEY))}\n"}
