"""The chain of models, under a clock that jumps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.llm.calls import End, Message, Prompt, Text, Usage
from service.llm.chain import FALLBACK_REASONS, Ended, NobodyAnswered, Restarted
from service.llm.circuits import CircuitRules
from service.llm.failures import (
    CutShort,
    Filtered,
    Malformed,
    Overloaded,
    ProviderError,
    Rejected,
    ServerFault,
    TooSlow,
    Unreachable,
)
from service.llm.retries import RetryRules
from tests.service.scripted_chain import (
    TOLD,
    WHOLE,
    Bench,
    now,
    run,
    text_of,
)


def test_the_first_model_answers() -> None:
    """One good call gives its texts and its own account, and counts once."""
    bench = Bench(a=WHOLE)
    events = run(bench.ask)
    assert text_of(events) == "satu dua"
    assert events[-1] == Ended(bench.models[0], TOLD, 0.0, "stop")
    assert bench.statuses == [("a", "ok")]
    assert bench.seen.fallbacks == []


@pytest.mark.parametrize(
    ("failure", "retried"),
    [
        (Unreachable("x"), True),
        (Overloaded("x", status=429), True),
        (ServerFault("x", status=500), True),
        (CutShort("x"), True),
        (Malformed("x"), True),
        (TooSlow("connect", 1), True),
        (TooSlow("first_token", 4), False),
        (Rejected("x", status=400), False),
        (Filtered("x"), False),
    ],
    ids=str,
)
def test_only_what_may_pass_is_tried_again(failure: ProviderError, retried: bool) -> None:
    """A failure that may pass is retried once on the same model; after any other, and after a silence, the next one is asked."""
    bench = Bench(a=[(failure,)], b=WHOLE)
    events = run(bench.ask)
    assert text_of(events) == "satu dua"
    assert [name for name, _ in bench.fake.calls] == (["a", "a", "b"] if retried else ["a", "b"])
    assert bench.seen.fallbacks == [("a", "b", failure.reason)]


@pytest.mark.parametrize(
    "told",
    [Usage(999_999_999, 1), Usage(1, 999_999_999), Usage(7_900, 101), Usage(40, 0), None],
    ids=["input", "output", "together", "no output", "nothing"],
)
def test_usage_that_cannot_be_is_estimated(told: Usage | None) -> None:
    """More tokens than the model's window holds, or none for words, are not paid for: what is estimated is, and says so."""
    bench = Bench(a=("satu ", "dua", End("stop", told)), prices={"a": 1.0}, budgets={"judge": 1.0})
    ended = run(bench.ask)[-1]
    assert ended.usage == Usage(3, 2, source="estimated")
    assert bench.budgets.used_ratio("judge") == pytest.approx(5e-6)


def test_an_answer_without_an_end_is_cut() -> None:
    """Who sends far more than was asked for is closed, and what came within the limit is an answer that was cut for its length."""
    bench = Bench(a=("kata " * 1_000, *(["kata "] * 1_000), End("stop", TOLD)))
    events = run(bench.ask)
    assert len(text_of(events)) == 16 * 100
    assert events[-1].finish_reason == "length"
    assert events[-1].usage.source == "estimated"
    assert len(bench.fake.closed_at) == 1
    assert bench.statuses == [("a", "ok")]


def test_what_was_shown_before_a_failure_is_void() -> None:
    """A stream that breaks is announced before the next attempt's texts, and both attempts are in the account."""
    bench = Bench(a=[("lama ", CutShort("x")), WHOLE], prices={"a": 1.0}, budgets={"judge": 1.0})
    events = run(bench.ask)
    assert events[:2] == [Text("lama "), Restarted("cut_short")]
    assert text_of(events) == "satu dua"
    ended = events[-1]
    assert ended.usage == Usage(43, 3, 8, 1, "estimated")
    assert ended.cost_usd == pytest.approx(sum(record.cost_usd for record in bench.seen.records))
    assert bench.statuses == [("a", "cut_short"), ("a", "ok")]


def test_retry_after_is_honoured_when_it_fits() -> None:
    """A provider that asks for three seconds gets them."""
    bench = Bench(a=[(Overloaded("x", status=429, retry_after_seconds=3.0),), WHOLE])
    assert text_of(run(bench.ask)) == "satu dua"
    assert [at for _, at in bench.fake.calls] == [0.0, pytest.approx(3.0)]


def test_retry_after_beyond_the_total_means_the_next_model() -> None:
    """A wait that leaves no time for an answer is not begun."""
    bench = Bench(a=(Overloaded("x", status=429, retry_after_seconds=18.0),), b=WHOLE)
    assert text_of(run(bench.ask)) == "satu dua"
    assert [name for name, _ in bench.fake.calls] == ["a", "b"]
    assert bench.fake.calls[1][1] < 0.1


def test_waits_are_drawn() -> None:
    """Half of the bound is waited for a draw of one half."""
    bench = Bench(a=[(ServerFault("x"),), WHOLE], retries=RetryRules(base_seconds=0.4))
    run(bench.ask)
    assert [at for _, at in bench.fake.calls] == [0.0, pytest.approx(0.2)]


@pytest.mark.parametrize("silence", [(1e6,), ("satu ", 1e6)], ids=["before", "amid"])
def test_a_provider_that_never_ends_is_left_within_the_total(silence: tuple[Any, ...]) -> None:
    """Even a provider that forgets every limit holds the answer no longer than the total, and the reason is the time."""
    bench = Bench(total=12.0, a=silence, b=silence)

    async def work() -> tuple[NobodyAnswered, float]:
        return await bench.nobody(), now()

    error, ended = run(work)
    assert error.timed_out
    assert error.reason == "timeout"
    assert ended <= 12.3
    assert bench.statuses == [("a", "timeout"), ("b", "timeout")]
    assert len(bench.fake.closed_at) == 2


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                (1e5,),
                ("x ", 1e5),
                (ServerFault("x"),),
                (Overloaded("x", retry_after_seconds=7.0),),
                (3.0, "x", CutShort("x")),
                (Rejected("x", status=400),),
                ("x", ValueError("bug")),
                (),
            ]
        ),
        min_size=1,
        max_size=6,
    ),
    st.floats(0.5, 30.0),
    st.sampled_from([None, 1.0]),
)
def test_every_answer_ends_in_time_and_is_accounted_once(
    scripts: list[tuple[Any, ...]], total: float, hedge: float | None
) -> None:
    """Whatever the models do, the answer ends within the total, each call has one record, and no money stays set aside."""
    names = [f"m{place}" for place in range(len(scripts))]
    plans: dict[str, Any] = dict(zip(names, scripts, strict=True))
    bench = Bench(total=total, hedge=hedge, prices=dict.fromkeys(names, 1.0), budgets={"judge": 5.0}, **plans)

    async def work() -> tuple[NobodyAnswered, float]:
        return await bench.nobody(), now()

    error, ended = run(work)
    assert ended <= total + 0.2
    assert error.reason in FALLBACK_REASONS
    assert len(bench.seen.records) == len(bench.fake.calls) == len(bench.fake.closed_at)
    spent = sum(record.cost_usd for record in bench.seen.records)
    assert error.cost_usd == pytest.approx(spent)
    assert sum(bench.budgets.of_this_process().values()) == pytest.approx(spent)


def test_a_reader_who_leaves_ends_the_call_and_is_accounted() -> None:
    """Closing the answer closes the provider's stream at once; the tokens so far are estimated and counted once."""
    bench = Bench(a=("satu ", "dua ", 5.0, "tiga", End("stop", TOLD)))

    async def work() -> None:
        prompt = Prompt((Message("user", "apa itu hukum"),), 100, 0.0, "1", "x")
        events = bench.chain.answer(prompt, role="judge", complexity="simple", request_id="r")
        assert [await anext(events), await anext(events)] == [Text("satu "), Text("dua ")]
        await events.aclose()

    run(work)
    (record,) = bench.seen.records
    assert (record.status, record.usage) == ("cancelled", Usage(3, 2, source="estimated"))
    assert bench.fake.closed_at == [0.0]


def test_a_cancelled_task_is_accounted_too() -> None:
    """A task that is cancelled while it waits for a token ends the call and counts it once."""
    bench = Bench(a=("satu ", 50.0))

    async def work() -> None:
        task = asyncio.create_task(bench.ask())
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work)
    assert bench.statuses == [("a", "cancelled")]
    assert bench.fake.closed_at == [pytest.approx(1.0)]


def test_a_circuit_opens_and_closes_again() -> None:
    """After enough failures a model is not called; after a while one call tries, and its success lets all through."""
    failing, well = (ServerFault("x"),), WHOLE
    rules = CircuitRules(window_seconds=60, least_calls=3, failure_share=0.5, open_seconds=10)
    bench = Bench(a=[failing, failing, failing, well], b=WHOLE, circuit=rules, retries=RetryRules(tries_per_model=1))

    async def work() -> None:
        for _ in range(5):
            await bench.ask()
        assert bench.chain.circuit("a").state(now()) == "open"
        await asyncio.sleep(10.0)
        assert bench.chain.circuit("a").state(now()) == "half_open"
        await bench.ask()
        assert bench.chain.circuit("a").state(now()) == "closed"

    run(work)
    called = [name for name, _ in bench.fake.calls]
    assert called == ["a", "b", "a", "b", "a", "b", "b", "b", "a"]
    assert bench.seen.fallbacks[-1] == ("a", "b", "circuit_open")


def test_a_probe_that_says_nothing_leaves_room_for_the_next() -> None:
    """A probe that ends by our own wrong request neither closes nor keeps the circuit: the next question probes again."""
    failing, ours = (ServerFault("x"),), (Rejected("x", status=400),)
    rules = CircuitRules(window_seconds=60, least_calls=3, failure_share=0.5, open_seconds=10)
    bench = Bench(
        a=[failing, failing, failing, ours, WHOLE], b=WHOLE, circuit=rules, retries=RetryRules(tries_per_model=1)
    )

    async def work() -> None:
        for _ in range(3):
            await bench.ask()
        await asyncio.sleep(10.0)
        await bench.ask()
        assert bench.chain.circuit("a").state(now()) == "half_open"
        await bench.ask()
        assert bench.chain.circuit("a").state(now()) == "closed"

    run(work)
    assert [name for name, _ in bench.fake.calls].count("a") == 5


def test_what_is_our_own_fault_leaves_the_circuit_closed() -> None:
    """Requests that a model rejects as wrong, and answers it filters, do not open its circuit; a key that is refused does."""
    once = RetryRules(tries_per_model=1)
    for failure, state in (
        (Rejected("x", status=400), "closed"),
        (Filtered("x"), "closed"),
        (Rejected("x", status=401), "open"),
        (Rejected("x", status=404), "open"),
    ):
        bench = Bench(a=(failure,), b=WHOLE, retries=once)

        async def work(bench: Bench = bench, state: str = state) -> None:
            for _ in range(6):
                await bench.ask()
            assert bench.chain.circuit("a").state(now()) == state

        run(work)


def test_retries_do_not_multiply_an_outage() -> None:
    """Of a hundred failing questions, the retries stay near their share."""
    rules = RetryRules(share=0.1, reserve=3.0)
    bench = Bench(a=(ServerFault("x"),), retries=rules, circuit=CircuitRules(least_calls=10_000))

    async def work() -> None:
        for _ in range(100):
            await bench.nobody()

    run(work)
    assert 100 + 3 <= len(bench.fake.calls) <= 100 + 3 + 10


def test_a_spent_budget_leaves_the_free_models() -> None:
    """A role without money skips what costs and is answered by what does not, for the reason of the budget."""
    bench = Bench(dear=WHOLE, free=WHOLE, prices={"dear": 1_000.0}, budgets={"judge": 0.05, "lawyer": 5.0})
    events = run(bench.ask)
    assert events[-1].model.name == "free"
    assert bench.seen.fallbacks == [("dear", "free", "budget")]
    assert run(lambda: bench.ask("lawyer"))[-1].model.name == "dear"


def test_without_money_and_free_models_nobody_answers() -> None:
    """The reason is the budget, and the wait is until the next day."""
    bench = Bench(dear=WHOLE, prices={"dear": 1_000.0})
    error = run(bench.nobody)
    assert (error.reason, error.first, bench.fake.calls) == ("budget", "dear", [])
    assert 0 < error.retry_after_seconds <= 86_400


def test_calls_under_way_hold_their_money() -> None:
    """Two questions at once cannot spend the same dollars."""
    slow = (1.0, *WHOLE)
    bench = Bench(dear=slow, prices={"dear": 1_000.0}, budgets={"judge": 0.15})

    async def work() -> list[Any]:
        return await asyncio.gather(bench.ask(), bench.ask(), return_exceptions=True)

    outcomes = run(work)
    assert [type(outcome) for outcome in outcomes] == [list, NobodyAnswered]
    assert bench.budgets.used_ratio("judge") == pytest.approx(0.042 / 0.15)


def test_an_answer_without_words_is_no_answer() -> None:
    """An end before any text is a failure, and what the provider counted is still paid."""
    bench = Bench(a=(End("length", TOLD),), b=WHOLE)
    run(bench.ask)
    assert bench.statuses == [("a", "malformed"), ("a", "malformed"), ("b", "ok")]
    assert bench.seen.records[0].usage == TOLD


def test_hedging_is_off_unless_it_is_asked_for() -> None:
    """A silent model is waited for, and nobody else is asked meanwhile."""
    bench = Bench(a=(3.0, *WHOLE), b=WHOLE)
    assert run(bench.ask)[-1].model.name == "a"
    assert bench.statuses == [("a", "ok")]


def test_the_first_to_speak_wins() -> None:
    """With hedging the next model starts after the silence; the loser is cancelled and accounted."""
    bench = Bench(a=(3.5, *WHOLE), b=(0.5, "lain", End("stop", TOLD)), hedge=1.0)
    events = run(bench.ask)
    assert text_of(events) == "lain"
    assert sorted(bench.statuses) == [("a", "superseded"), ("b", "ok")]
    assert bench.fake.calls == [("a", 0.0), ("b", pytest.approx(1.0))]
    assert max(bench.fake.closed_at) < 2.0
    assert bench.seen.fallbacks == [("a", "b", "timeout")]
    assert events[-1].usage == Usage(43, 2, 8, 1, "estimated")


def test_a_slow_hedge_loses() -> None:
    """When the first model speaks first after all, the hedge is cancelled and accounted, and nothing fell back."""
    bench = Bench(a=(1.5, *WHOLE), b=(9.0, *WHOLE), hedge=1.0)
    assert run(bench.ask)[-1].model.name == "a"
    assert sorted(bench.statuses) == [("a", "ok"), ("b", "superseded")]
    assert bench.seen.fallbacks == []


def test_a_reader_who_leaves_ends_both_sides_of_a_race() -> None:
    """No call goes on after its question was given up."""
    bench = Bench(a=(50.0,), b=(50.0,), hedge=1.0)

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await bench.ask()

    run(work)
    assert sorted(bench.statuses) == [("a", "cancelled"), ("b", "cancelled")]
    assert bench.fake.closed_at == [pytest.approx(2.0)] * 2


def test_no_candidate_means_nobody() -> None:
    """A question that is too long for every model is answered by none of them."""
    bench = Bench()
    error = run(bench.nobody)
    assert (error.reason, error.first, error.timed_out) == ("no_model", None, False)
