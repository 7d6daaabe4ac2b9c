"""What strangers send, and what must not come of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api.wire import Login, read_body
from service.errors import PROBLEM_CODES, BodyTimeout, Problem, ServiceError, TooBusy
from service.sanitising import cleaned
from service.security.passwords import MOST_WAITING, PasswordCheck, hasher
from service.telemetry.record import HEADERS_KEY


@pytest.mark.parametrize(
    "message",
    [
        "a\x00b",
        "'; DROP TABLE messages; --",
        'who\'s role:admin OR (a-b) "quoted"',
        "<script>alert(1)</script>",
        "\u202eabc\u200f",
        "[1] [2] [999]",
        "x" * 5_000,
        "pasal " * 800,
        "\n\r\t event: done\n\ndata: {}",
        "🏛️ ⚖️",
        "الـقانون 法律",
    ],
)
def test_no_message_breaks_the_service(house: Any, message: str) -> None:
    """Whatever is asked is answered as JSON and as a stream, and kept as it was written but for what nobody sees."""
    answer = house.ask("judge", message)
    assert answer["outcome"] in {"ok", "abstained"}
    events = house.stream("judge", message)
    assert [event for event, _ in events].count("done") == 1
    shown = house.send("GET", f"/v1/conversations/{answer['conversation_id']}", "judge").json()
    assert shown["messages"][0]["content"] == cleaned(message)


def test_every_problem_has_a_code_of_the_closed_list() -> None:
    """A new error cannot leave the list of the contract, which is also a label."""

    def below(kind: type[ServiceError]) -> list[type[ServiceError]]:
        return [kind, *(one for child in kind.__subclasses__() for one in below(child))]

    assert {kind.code for kind in below(Problem)} <= set(PROBLEM_CODES)  # type: ignore[attr-defined]  # problems have codes


def test_a_client_that_leaves_before_its_body_is_whole(house: Any) -> None:
    """It counts as client_closed and not as an error of ours."""
    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat", "raw_path": b"/v1/chat", "query_string": b"",
        "headers": [(b"host", b"service"), (b"authorization", b"Bearer " + house.token("judge").encode())], "http_version": "1.1",
        "scheme": "http", "server": ("service", 80), "client": ("client", 1), "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip
    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b'{"mess', "more_body": True}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    house.run(house.app(scope, receive, send))
    assert sent == []
    assert house.sample("chatbot_requests_total", role="judge", complexity="none", outcome="client_closed") == 1
    assert house.sample("chatbot_http_requests_total", route="/v1/chat", method="POST", code="499") == 1


class Counting(PasswordCheck):
    """Counts how often a hash was compared, and holds the threads until told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.compared: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.two = threading.Event()
        self.go = threading.Event()
        self._count = threading.Lock()

    def _verify(self, password_hash: str, password: str) -> bool:
        with self._count:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.at_once == 2:
                self.two.set()
        assert self.go.wait(60)
        with self._count:
            self.at_once -= 1
            self.compared.append(password_hash)
        return True


def test_an_unknown_name_costs_a_comparison_too() -> None:
    """Without a hash a dummy of the same cost is compared, and the answer is no whatever it says."""
    check = Counting()
    check.go.set()
    assert asyncio.run(check.matches(None, "x")) is False
    (compared,) = check.compared
    assert compared.split("$")[1:4] == hasher().hash("y").split("$")[1:4]
    check.close()


def test_no_more_than_two_passwords_at_a_time_and_not_endlessly_many() -> None:
    """Two threads compare, twenty wait, and the next is told to come back."""

    async def flood(check: Counting) -> list[str]:
        waiting = [asyncio.ensure_future(check.matches("h", "x")) for _ in range(105)]
        assert await asyncio.to_thread(check.two.wait, 60), "one at a time"
        check.go.set()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        return [type(one).__name__ for one in done]

    check = Counting()
    outcomes = asyncio.run(flood(check))
    check.close()
    assert check.most_at_once == 2
    assert outcomes.count(TooBusy.__name__) == 105 - MOST_WAITING
    assert outcomes.count("bool") == MOST_WAITING == 22


def test_a_hash_that_is_none_matches_nothing() -> None:
    """A damaged hash in the database is a wrong password, not an error."""
    check = PasswordCheck()
    assert asyncio.run(check.matches("not a hash", "x")) is False
    check.close()


def test_a_body_that_never_comes_is_not_waited_for() -> None:
    """A client that announces a body and stays silent is answered in the end; nothing else ends its request."""

    async def silence() -> Message:
        await asyncio.sleep(60)
        return {}

    told = [(b"content-length", b"10")]
    request = Request({"type": "http", "method": "POST", "headers": told, HEADERS_KEY: dict(told)}, silence)
    with pytest.raises(BodyTimeout) as ended:
        asyncio.run(read_body(request, Login, 100, within=0.05))
    assert (ended.value.status, ended.value.code) == (408, "timeout")
