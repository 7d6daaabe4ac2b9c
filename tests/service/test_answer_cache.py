"""The answer cache: what is the same question, who shares an answer, and who does not."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.chat.arranging import Part, Point
from service.chat.brief import Brief, Reading
from service.chat.evidence import Evidence
from service.chat.registers import Register
from service.llm.answer_cache import AnswerCache, CacheKey, CachingEngine, Versions
from service.llm.calls import Usage
from service.llm.chain import NobodyAnswered
from service.llm.engine import Interrupted, Piece, WritingEvent, Written
from service.llm.keeping import CacheRules
from service.retrieval.document import Document

REGISTER = Register("a", "b", "c", "d", "e", "f", numbered=False, notice="g")
DOCUMENT = Document(
    "id", "statute", "Judul", "Teks.", "UU 1/2023", "KUHP", "603", 2023, "berlaku", None, "s", date(2026, 11, 1), "x", demo=False
)  # fmt: skip
BRIEF = Brief("Apa itu hukum pidana?", "", REGISTER, (Evidence(1, DOCUMENT, 0.9, "Teks."),), request_id="r1")
WRITTEN = Written("m", "p", Usage(10, 5), 0.25)


@dataclass
class Slow:
    """Writes two pieces with a turn of the loop between them, or fails."""

    ending: list[WritingEvent | Exception] = field(default_factory=lambda: [WRITTEN])
    calls: int = 0
    closed: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = "models"
    models: Mapping[str, str] = field(default_factory=lambda: {"m": "p"})

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        self.calls += 1
        try:
            yield Piece("satu ")
            await self.gate.wait()
            yield Piece("dua")
            for event in self.ending:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed += 1


class Desk:
    """A caching engine with its clock, its day and its counts."""

    def __init__(self, inner: Slow | None = None, rules: CacheRules | None = None) -> None:
        self.inner = inner or Slow()
        self.inner.gate.set()
        self.now = 0.0
        self.day = date(2026, 11, 21)
        self.results: list[str] = []
        self.engine = CachingEngine(
            self.inner,
            rules or CacheRules(),
            Versions("prompt", "routes"),
            clock=lambda: self.now,
            today=lambda: self.day,
            counted=self.results.append,
        )

    async def ask(self, brief: Brief = BRIEF) -> list[WritingEvent]:
        async with aclosing(self.engine.write(brief)) as events:
            return [event async for event in events]


def run(work: Any) -> Any:
    return asyncio.run(work)


def test_the_same_question_is_answered_again_for_nothing() -> None:
    """The second answer has the same pieces, costs nothing and says that it was cached; another request id, or that nobody streams it, changes nothing."""

    async def work() -> None:
        desk = Desk()
        first = await desk.ask()
        second = await desk.ask(replace(BRIEF, request_id="r2", followed=False))
        assert second[:2] == first[:2]
        assert second[2] == replace(WRITTEN, usage=Usage(0, 0, source="missing"), cost_usd=0.0, cached=True)
        assert (desk.inner.calls, desk.results) == (1, ["miss", "hit"])

    run(work())


OTHER_PARTS: dict[str, Any] = {
    "question": "Apa itu hukum perdata?",
    "register": replace(REGISTER, opening="lain"),
    "evidence": (Evidence(1, replace(DOCUMENT, text="Teks lain."), 0.9, "Teks."),),
    "comparison": (1,),
    "remark": "lain",
    "role": "judge",
    "complexity": "complex",
    "language": "en",
    "parts": (Part("Apa itu", (Point(1, "Teks."),)),),
    "corpus": "newer",
    "extractive": True,
}
IN_NO_KEY = {"request_id", "followed", "reading", "carried", "cacheable"}
"""Three that change nothing, and the two that are never kept at all."""


def test_every_part_of_a_brief_is_tried_below() -> None:
    """A part that is added to the brief has to be added to the property below."""
    assert {part.name for part in fields(BRIEF)} - IN_NO_KEY <= {*OTHER_PARTS}


@settings(deadline=None)
@given(st.sets(st.sampled_from([*sorted(OTHER_PARTS), "prompt", "routes", "day"]), min_size=1))
def test_any_difference_in_a_part_of_the_key_is_a_miss(different: set[str]) -> None:
    """Role, language, passages, corpus, prompt, routes, day or anything else: one difference is enough."""
    cache = AnswerCache(CacheRules())
    key = CacheKey(replace(BRIEF, request_id=""), "prompt", "routes", date(2026, 11, 21))
    cache.put(key, ("satu",), WRITTEN, 0.0)
    brief = replace(key.brief, **{name: OTHER_PARTS[name] for name in different & {*OTHER_PARTS}})
    around: dict[str, Any] = dict.fromkeys(different - {*OTHER_PARTS, "day"}, "other")
    if "day" in different:
        around["day"] = date(2026, 11, 22)
    assert cache.get(replace(key, brief=brief, **around), 0.0) is None
    assert cache.get(replace(key), 0.0)


def test_what_is_kept_holds_no_corpus_open() -> None:
    """The key of a kept answer has the corpus's hash and not its reading, which would keep a closed index in memory."""

    async def work() -> None:
        desk = Desk()
        reading = Reading(lambda text: [text], lambda _term: 2.0)
        await desk.ask(replace(BRIEF, reading=reading))
        await desk.ask()
        assert desk.results == ["miss", "hit"]
        known = weakref.ref(reading.terms_of)
        del reading
        gc.collect()
        assert known() is None

    run(work())


def test_versions_and_days_are_asked_for_each_time() -> None:
    """An answer from a new corpus, and one after midnight, is written anew."""

    async def work() -> None:
        desk = Desk()
        await desk.ask()
        await desk.ask(replace(BRIEF, corpus="newer"))
        desk.day = date(2026, 11, 22)
        await desk.ask(replace(BRIEF, corpus="newer"))
        assert desk.results == ["miss"] * 3

    run(work())


@pytest.mark.parametrize("brief", [replace(BRIEF, carried="hukum perdata"), replace(BRIEF, cacheable=False)])
def test_what_leans_on_a_conversation_or_was_asked_to_be_new_passes_by(brief: Brief) -> None:
    """A follow-up, and a question with no-store, are neither taken from the cache nor kept."""

    async def work() -> None:
        desk = Desk()
        await desk.ask(brief)
        await desk.ask(brief)
        assert (desk.inner.calls, desk.results) == (2, ["bypass", "bypass"])

    run(work())


@pytest.mark.parametrize(
    "ending",
    [
        [replace(WRITTEN, withheld=1)],
        [replace(WRITTEN, marked=1)],
        [replace(WRITTEN, cut=True)],
        [Interrupted("cut_short"), Piece("baru"), WRITTEN],
        [NobodyAnswered("timeout")],
        [ValueError("bug")],
        [],
    ],
    ids=["withheld", "marked", "cut", "interrupted", "nobody", "crash", "no end"],
)
def test_only_whole_and_checked_answers_are_kept(ending: list[Any]) -> None:
    """An answer with a sentence that failed its check, cut at its limit, with a break or no end is written anew for the next reader."""

    async def work() -> None:
        desk = Desk(Slow(ending=ending))
        for _ in range(2):
            try:
                await desk.ask()
            except (NobodyAnswered, ValueError):
                continue
        assert desk.results == ["miss", "miss"]

    run(work())


def test_an_answer_grows_old() -> None:
    """After its time it is written anew."""

    async def work() -> None:
        desk = Desk(rules=CacheRules(seconds=3_600))
        await desk.ask()
        desk.now = 3_599.9
        await desk.ask()
        desk.now = 3_600.0
        await desk.ask()
        assert desk.results == ["miss", "hit", "miss"]

    run(work())


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 400)), max_size=40), st.integers(0, 5), st.integers(0, 900))
def test_the_cache_stays_within_its_room(puts: list[tuple[int, int]], entries: int, room: int) -> None:
    """Never more answers or bytes than allowed, whatever is put in."""
    cache = AnswerCache(CacheRules(entries=entries, bytes=room))
    for name, size in puts:
        key = CacheKey(replace(BRIEF, question=f"q{name}"), "p", "r", date(2026, 11, 21))
        cache.put(key, ("x" * size,), WRITTEN, 0.0)
        assert len(cache) <= entries
        assert 0 <= cache.bytes <= room


async def turns() -> None:
    """As many turns of the loop as everybody needs to come as far as the gate: all of it happens in the loop, whatever the time."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_those_who_ask_together_share_one_answer() -> None:
    """Three at once cost one call; the two who joined pay nothing and say that the answer was cached."""

    async def work() -> None:
        desk = Desk()
        desk.inner.gate.clear()
        asking = [asyncio.create_task(desk.ask()) for _ in range(3)]
        await turns()
        desk.inner.gate.set()
        answers = await asyncio.gather(*asking)
        assert desk.inner.calls == 1
        assert desk.results == ["miss", "shared", "shared"]
        written = [answer[-1] for answer in answers]
        assert [one.cached for one in written] == [False, True, True]
        assert sum(one.usage.input_tokens for one in written) == 10

    run(work())


def test_the_first_to_ask_may_leave() -> None:
    """Who joined gets the whole answer although the one who asked first was cancelled."""

    async def work() -> None:
        desk = Desk()
        desk.inner.gate.clear()
        first, second = asyncio.create_task(desk.ask()), asyncio.create_task(desk.ask())
        await turns()
        first.cancel()
        await turns()
        desk.inner.gate.set()
        answer = await second
        assert answer[:2] == [Piece("satu "), Piece("dua")]
        assert (desk.inner.calls, desk.inner.closed) == (1, 1)

    run(work())


def test_the_last_to_leave_ends_the_call() -> None:
    """When nobody reads any more the writing is cancelled at once, and nothing of it is kept."""

    async def work() -> None:
        desk = Desk()
        desk.inner.gate.clear()
        asking = [asyncio.create_task(desk.ask()) for _ in range(2)]
        await turns()
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert desk.inner.closed == 1
        desk.inner.gate.set()
        await desk.ask()
        assert desk.results == ["miss", "shared", "miss"]

    run(work())


def test_those_who_share_a_failure_each_learn_of_it() -> None:
    """Everybody gets the reason, and only the first the cost."""

    async def work() -> None:
        failure = NobodyAnswered("timeout", usage=Usage(9, 1), cost_usd=0.5, timed_out=True, first="m")
        desk = Desk(Slow(ending=[failure]))
        desk.inner.gate.clear()
        asking = [asyncio.create_task(desk.ask()) for _ in range(2)]
        await turns()
        desk.inner.gate.set()
        first, second = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(first, NobodyAnswered)
        assert isinstance(second, NobodyAnswered)
        assert (first.cost_usd, second.cost_usd) == (0.5, 0.0)
        assert second.timed_out

    run(work())
