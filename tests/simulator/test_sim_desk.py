"""The admin routes without a socket: who may, what they tell, and what they set in motion."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from simulator.faults import FaultBoard
from simulator.planning import Plan
from simulator.provider import Desk, HttpRequest

TOKEN = "a token of the tests"


class Bench:
    """A desk, and what it did."""

    def __init__(self) -> None:
        self.refused_until: list[float] = []
        self.desk = Desk(
            FaultBoard(7),
            TOKEN,
            truth={"r1": b'{"request":"r1"}'}.get,
            overview=lambda: {"running": [], "ended": ["r1"]},
            refuse=self.refused_until.append,
        )

    def ask(
        self, method: str, path: str, body: Any = None, *, query: str = "", token: str = TOKEN, near: bool = True
    ) -> Plan:
        headers = {b"authorization": f"Bearer {token}".encode()}
        request = HttpRequest(
            method, path, query, headers, b"" if body is None else orjson.dumps(body), from_loopback=near
        )
        return self.desk.respond(request, 50.0)


def told(plan: Plan) -> Any:
    return orjson.loads(plan.writes[0].payload)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_only_the_token_from_this_machine_is_heard(bench: Bench) -> None:
    """Another token is 401, another machine 403 even with the right one."""
    assert bench.ask("GET", "/admin/faults").status == 200
    assert bench.ask("GET", "/admin/faults", token="guess").status == 401
    assert bench.ask("GET", "/admin/faults", near=False).status == 403


def test_an_order_is_listed_shown_and_ended(bench: Bench) -> None:
    """201 with its id; the same under its own address; gone after DELETE."""
    made = bench.ask("POST", "/admin/faults", {"kind": "cut", "share": 0.5, "for_seconds": 10})
    assert (made.status, told(made)["id"], told(made)["seconds_left"]) == (201, "fault-1", 10.0)
    assert told(bench.ask("GET", "/admin/faults"))["faults"] == [told(made)]
    assert told(bench.ask("GET", "/admin/faults/fault-1")) == told(made)
    assert bench.ask("DELETE", "/admin/faults/fault-1").status == 200
    assert bench.ask("GET", "/admin/faults/fault-1").status == 404
    assert told(bench.ask("DELETE", "/admin/faults")) == {"deleted": 0}


def test_an_order_to_refuse_closes_the_door_until_its_time(bench: Bench) -> None:
    """The door hears the instant; other kinds do not reach it."""
    bench.ask("POST", "/admin/faults", {"kind": "cut"})
    bench.ask("POST", "/admin/faults", {"kind": "refused", "for_seconds": 3})
    assert bench.refused_until == [53.0]


def test_the_truth_is_told_by_name(bench: Bench) -> None:
    """One record, or the names; an unknown name and route are 404."""
    assert told(bench.ask("GET", "/admin/truth", query="request=r1")) == {"request": "r1"}
    assert told(bench.ask("GET", "/admin/truth"))["ended"] == ["r1"]
    assert bench.ask("GET", "/admin/truth", query="request=r2").status == 404
    assert bench.ask("PUT", "/admin/truth").status == 404


@pytest.mark.parametrize("body", [{"kind": "cutt"}, {}, "cut", {"kind": "status", "status": "429"}])
def test_a_wrong_order_is_400_with_advice(bench: Bench, body: Any) -> None:
    """Nothing is taken."""
    plan = bench.ask("POST", "/admin/faults", body)
    assert (plan.status, told(plan)["error"]["code"]) == (400, "invalid_fault")
    assert told(bench.ask("GET", "/admin/faults")) == {"faults": []}
