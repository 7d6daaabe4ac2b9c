"""Every fault of the simulator, through a real service: who answered, what was counted, and the table of docs/llm-faults.md."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.service.fault_stand import (
    CANARY,
    OPEN_SECONDS,
    QUESTION,
    ROOT,
    TOTAL_SECONDS,
    WITHIN_SECONDS,
    Service,
    Stand,
    begin_stand,
    wait_for,
)

pytestmark = pytest.mark.integration

PAGE = ROOT / "docs" / "llm-faults.md"
GRACE_SECONDS = 60.0
"""For retrieval, checks and a machine that others use; no limit of the service. A stall takes longer than both together."""
TRIES = 5
"""How often a fault is ordered where the machine itself was too late for a limit: a call timed out that nobody had ordered to be slow."""
SLOW = frozenset({"stall_before_first", "stall_in_stream", "slow_drip"})
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("429 with Retry-After within the total", {"kind": "status", "status": 429, "retry_after_seconds": 1}),
    ("429 with Retry-After beyond the total", {"kind": "status", "status": 429, "retry_after_seconds": 30}),
    ("status 500", {"kind": "status", "status": 500}),
    ("status 503", {"kind": "status", "status": 503}),
    ("status 401", {"kind": "status", "status": 401}),
    ("refused", {"kind": "refused", "for_seconds": 4.0}),
    ("stall_before_first", {"kind": "stall_before_first", "stall_seconds": 120}),
    ("stall_in_stream", {"kind": "stall_in_stream", "stall_seconds": 120}),
    ("cut", {"kind": "cut"}),
    ("early_end", {"kind": "early_end"}),
    ("malformed_chunk", {"kind": "malformed_chunk"}),
    ("error_in_stream", {"kind": "error_in_stream"}),
    ("missing_usage", {"kind": "missing_usage"}),
    ("repeated_usage", {"kind": "repeated_usage"}),
    ("slow_drip", {"kind": "slow_drip", "gap_seconds": 0.3}),
    ("wrong_content_type", {"kind": "wrong_content_type"}),
    ("obeys_injection", {"kind": "obeys_injection"}),
)
HEADER = """# What each fault of a provider does to an answer

Written by `tests/service/test_llm_faults.py`, which orders each fault of [the simulator](simulator.md) at a real service and fails when this page
says something else (`UPDATE_DOCS=1` writes it anew). Two models, `first` and `second`, of one provider; limits of 2 s to the first token and between
tokens, 3.6 s an attempt, 8.8 s in all, one retry. In every case the answer or the problem came within the total, no answer of a model held what an instruction hidden in a passage wanted printed, and the calls
that `llm_requests_total` counted are those that the simulator saw.

- *calls of `first`*: the status under which its calls were counted; two, where it was tried again.
- *`first` struck*: who wrote, and the reason in `llm_fallbacks_total`.
- *all struck*: the same when every model had the fault.
- *no fallback*: what a service with `COURTSIGHT_FALLBACK=none` says when every model has the fault.

| fault | calls of `first` | `first` struck | all struck | no fallback |
|---|---|---|---|---|
"""


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with ExitStack() as ending:
        yield begin_stand(tmp_path_factory.mktemp("faults"), ending)


def wrote(before: Counter[Any], after: Counter[Any], answer: dict[str, Any]) -> str:
    """Who wrote and, where it was not `first`, why not; the counter and the answer have to agree."""
    fallbacks = [key[1:] for key in (after - before) if key[0] == "chatbot_llm_fallbacks_total"]
    model = answer["model"]
    if model == "first":
        assert fallbacks == []
        return "`first`"
    assert [(first, to) for first, to, _ in fallbacks] == [("first", model)]
    assert any("mesin ekstraktif" in notice for notice in answer["notices"]) == (model == "extractive")
    return f"`{model}`, {fallbacks[0][2]}"


def calls_of_first(before: Counter[Any], after: Counter[Any]) -> str:
    found = after - before
    calls = {
        key[2]: count for key, count in found.items() if key[0] == "chatbot_llm_requests_total" and key[1] == "first"
    }
    return ", ".join(f"{status} x {count:.0f}" if count > 1 else status for status, count in sorted(calls.items()))


def late(grown: Counter[Any], slow: tuple[str, ...]) -> bool:
    """Whether a call of another model than those that were ordered to be slow timed out: the machine was, and a row tells of that."""
    return any(key[0] == "chatbot_llm_requests_total" and key[2] == "timeout" and key[1] not in slow for key in grown)


def row(stand: Stand, name: str, order: dict[str, Any]) -> str:
    """One fault, ordered again where the machine was too late for the limits itself."""
    for _ in range(TRIES):
        before = stand.service.counts()
        cells = cells_of(stand, order)
        # A good answer between two faults: the models are well again, and circuits hold no grudge over rows.
        for service in (stand.service, stand.strict):
            wait_for(lambda service=service: service.ask()[0].json()["model"] == "first")
        assert before["chatbot_llm_circuit_state", "first"] == 0
        if cells is not None:
            return f"| {name} | {' | '.join(cells)} |"
    raise AssertionError(f"{name}: in each of {TRIES} tries a call timed out that was not ordered to be slow")


def cells_of(stand: Stand, order: dict[str, Any]) -> list[str] | None:
    """First on one model, then on all, and there beside a service that may not fall back; None where the machine was late."""
    cells: list[str] | None
    slow = order["kind"] in SLOW
    if order["kind"] == "refused":
        cells = ["as in the next column", "(one listener for all)"]
    else:
        with stand.fault(order, "first-sim"):
            cells = one_answer(stand.service, ("first",) if slow else ())
    strict: list[tuple[httpx.Response, float]] = []
    known = stand.strict.counts()
    with stand.fault(order):
        beside = threading.Thread(target=lambda: strict.append(stand.strict.ask()))
        beside.start()
        struck = one_answer(stand.service, ("first", "second") if slow else ())
        beside.join()
    ((response, seconds),) = strict
    assert seconds <= TOTAL_SECONDS + GRACE_SECONDS
    if cells is None or struck is None or late(stand.strict.counts() - known, ("first", "second") if slow else ()):
        return None
    told = response.json()
    without = f"`{told['model']}`" if response.status_code == 200 else f"{response.status_code} {told['code']}"
    if told.get("code") == "provider_unavailable":
        assert int(response.headers["retry-after"]) >= 1
    return [struck[0] if order["kind"] == "refused" else cells[0], cells[1], struck[1], without]


def one_answer(service: Service, slow: tuple[str, ...]) -> list[str] | None:
    """The calls of `first`, and who wrote; None where a model that was not ordered to be slow timed out."""
    before = service.counts()
    response, seconds = service.ask()
    after = service.counts()
    assert response.status_code == 200, response.text
    assert seconds <= TOTAL_SECONDS + GRACE_SECONDS
    answer = response.json()
    if answer["model"] != "extractive":
        # The extractive engine quotes the passage, and by that the instruction in it; it obeys nothing.
        assert CANARY not in answer["answer"]
    assert answer["outcome"] == "ok"
    return None if late(after - before, slow) else [calls_of_first(before, after), wrote(before, after, answer)]


def test_every_fault_ends_in_an_answer_or_a_clear_problem(stand: Stand) -> None:
    """Each fault of docs/simulator.md is survived as the table in the docs says, and the table is this one."""
    wait_for(lambda: stand.service.ask()[0].json()["model"] == "first")
    table = HEADER + "".join(f"{row(stand, name, order)}\n" for name, order in FAULTS)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(table, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == table


def test_calls_and_tokens_are_counted_once(stand: Stand) -> None:
    """Over all that was asked so far, calls are those that reached the simulator, and tokens and cost of a good call are its own."""
    order = {"kind": "repeated_usage"}
    for fault in (None, order):
        before, known = stand.service.counts(), stand.all_seen()
        if fault:
            with stand.fault(fault):
                answer = stand.service.ask()[0].json()
        else:
            answer = stand.service.ask()[0].json()
        grown = stand.service.counts() - before
        (truth,) = wait_for(lambda known=known: stand.seen()[known:])
        assert grown["chatbot_llm_tokens_total", "first", "input"] == truth["prompt_tokens"]
        assert grown["chatbot_llm_tokens_total", "first", "output"] == truth["completion_tokens"]
        assert answer["usage"] == {
            "input_tokens": truth["prompt_tokens"],
            "output_tokens": truth["completion_tokens"],
            "source": "provider",
        }
        cost = (truth["prompt_tokens"] + truth["completion_tokens"]) / 1_000_000
        assert grown["chatbot_llm_cost_usd_total", "first"] == pytest.approx(cost)
    stand.all_seen()
    counted = Counter({"first": 0, "second": 0})
    for service in (stand.service, stand.strict):
        for key, count in service.counts().items():
            if key[0] == "chatbot_llm_requests_total" and key[2] != "unreachable":
                counted[key[1]] += int(count)
    seen = Counter(line["model"].removesuffix("-sim") for line in stand.seen())
    assert counted == seen


def test_a_circuit_opens_and_closes_again(stand: Stand) -> None:
    """While a model only fails it stops being called, the gauge says so, and a good probe brings it back."""
    time.sleep(1.6)

    def ask(_: int) -> str:
        model: str = stand.service.ask()[0].json()["model"]
        return model

    def opened() -> bool:
        # Four at once: enough calls within the circuit's window also where an answer takes long.
        with ThreadPoolExecutor(4) as asking:
            assert set(asking.map(ask, range(4))) == {"second"}
        return stand.service.counts()["chatbot_llm_circuit_state", "first"] == 2

    def passed_by() -> bool:
        """Whether an open circuit was met; one that had been open for its time lets a probe through, and is open again behind it."""
        began = time.monotonic()
        wait_for(opened)
        before = stand.service.counts()
        assert ask(0) == "second"
        grown = stand.service.counts() - before
        called = any(key[:2] == ("chatbot_llm_requests_total", "first") for key in grown)
        assert called is not bool(grown["chatbot_llm_fallbacks_total", "first", "second", "circuit_open"])
        assert not called or time.monotonic() - began >= OPEN_SECONDS
        return not called

    with stand.fault({"kind": "status", "status": 500}, "first-sim"):
        wait_for(passed_by)
    time.sleep(OPEN_SECONDS)
    wait_for(lambda: ask(0) == "first")
    assert stand.service.counts()["chatbot_llm_circuit_state", "first"] == 0


def test_a_reader_who_leaves_stops_the_provider(stand: Stand) -> None:
    """A stream that is closed half-way ends the call at the simulator, which is counted once as cancelled."""
    before, known = stand.service.counts(), stand.all_seen()
    with stand.fault({"kind": "slow_drip", "gap_seconds": 0.1}, "first-sim"):
        body = {"message": QUESTION, "stream": True}
        with stand.service.client.stream("POST", "/v1/chat", json=body, headers=stand.service.headers) as response:
            for line in response.iter_lines():
                if line == "event: step":
                    break
            wait_for(lambda: stand.simulator.get("/admin/truth").json()["running"])
        deadline = time.monotonic() + WITHIN_SECONDS
        while not (grown := stand.service.counts() - before)["chatbot_llm_requests_total", "first", "cancelled"]:
            assert time.monotonic() < deadline, grown
            time.sleep(0.05)
    assert wait_for(lambda: stand.seen()[known:])[0]["ended"] == "client_closed"
    assert grown["chatbot_llm_usage_source_total", "estimated"] == 1
    assert sum(count for key, count in grown.items() if key[0] == "chatbot_llm_requests_total") == 1


def test_the_switch_reaches_a_running_service(stand: Stand) -> None:
    """The command moves all traffic of a running service within a second, and back; meanwhile no model is called."""
    known = stand.all_seen()
    stand.switch("on")
    assert wait_for(lambda: stand.strict.ask()[0].json()["model"] == "extractive")
    after = stand.all_seen()
    assert stand.strict.ask()[0].json()["model"] == "extractive"
    assert stand.all_seen() == after >= known
    stand.switch("off")
    assert wait_for(lambda: stand.strict.ask()[0].json()["model"] == "first")
