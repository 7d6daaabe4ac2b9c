"""Lists by the page."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from service.api.described.operations import OPERATIONS
from service.api.paging import cursor_of, moment_and_id, sequence
from service.errors import InvalidRequest


def asking(cursor: str) -> Request:
    query = f"cursor={quote(cursor)}".encode()
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": []})


def make(house: Any, title: str) -> str:
    made: str = house.send("POST", "/v1/conversations", "judge", json={"title": title}).json()["conversation_id"]
    return made


def pages(house: Any, path: str, limit: int, between: Any = None) -> list[dict[str, Any]]:
    found, params = [], {"limit": str(limit)}
    while True:
        found.append(house.send("GET", path, "judge", params=params).json())
        if not found[-1]["next_cursor"]:
            return found
        params["cursor"] = found[-1]["next_cursor"]
        if between:
            between()


def test_pages_hold_every_conversation_once(house: Any) -> None:
    """Newest first, no conversation twice and none left out; the last page has no cursor."""
    made = [make(house, str(number)) for number in range(7)]
    found = pages(house, "/v1/conversations", 3)
    assert [len(one["conversations"]) for one in found] == [3, 3, 1]
    assert [one["conversation_id"] for page in found for one in page["conversations"]] == made[::-1]


def test_conversations_that_come_meanwhile_shift_nothing(house: Any) -> None:
    """A page goes on behind the last row seen, however many are made in front of it."""
    made = [make(house, str(number)) for number in range(6)]
    found = pages(house, "/v1/conversations", 2, lambda: make(house, "later"))
    assert [one["conversation_id"] for page in found for one in page["conversations"]] == made[::-1]


def test_a_page_goes_on_when_its_last_row_was_deleted(house: Any) -> None:
    """The cursor names a place, not a row."""
    made = [make(house, str(number)) for number in range(4)]
    first = house.send("GET", "/v1/conversations", "judge", params={"limit": "2"}).json()
    house.send("DELETE", f"/v1/conversations/{made[2]}", "judge")
    rest = house.send("GET", "/v1/conversations", "judge", params={"cursor": first["next_cursor"]}).json()
    assert [one["conversation_id"] for one in rest["conversations"]] == [made[1], made[0]]


def test_a_long_conversation_is_read_by_the_page(house: Any) -> None:
    """Messages come in the order in which they were said, also while more are said."""
    own = house.ask("judge", "Apa itu hukum pidana?")["conversation_id"]
    house.ask("judge", "Apa itu korupsi?", own)
    path = f"/v1/conversations/{own}"
    whole = house.send("GET", path, "judge").json()
    assert whole["next_cursor"] is None
    found = pages(house, path, 3)
    assert [one for page in found for one in page["messages"]] == whole["messages"]


def test_anothers_cursor_shows_nothing_of_theirs(house: Any) -> None:
    """A cursor is a place and no right."""
    for number in range(3):
        make(house, str(number))
    cursor = house.send("GET", "/v1/conversations", "judge", params={"limit": "1"}).json()["next_cursor"]
    response = house.send("GET", "/v1/conversations", "admin", params={"cursor": cursor})
    assert response.json() == {"conversations": [], "next_cursor": None}


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "W10", cursor_of(1.0), cursor_of("a", "b"), cursor_of(1.0, "a b"), "e30", "a" * 500]
)
def test_a_cursor_that_no_list_gave_is_invalid(house: Any, cursor: str) -> None:
    """It is refused by name, and the advice is to leave it out."""
    response = house.send("GET", "/v1/conversations", "judge", params={"cursor": cursor})
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == "cursor"


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: cursor_of(raw.decode("latin-1"))))
def test_no_cursor_breaks_a_list(cursor: str) -> None:
    """Whatever a client sends is a place or is refused."""
    for read in (moment_and_id, sequence):
        with suppress(InvalidRequest):
            assert read(asking(cursor)) is not None


@given(st.floats(allow_nan=False, allow_infinity=False), st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True))
def test_a_cursor_comes_back_as_it_was_given(moment: float, name: str) -> None:
    """No digit of a moment is lost: half a microsecond would repeat a row."""
    assert moment_and_id(asking(cursor_of(moment, name))) == (moment, name)


@pytest.mark.parametrize(("title", "status"), [("Perkara baru", 200), ("", 422), ("   ", 422), ("x" * 201, 422)])
def test_a_conversation_is_renamed(house: Any, title: str, status: int) -> None:
    """A title has 1 to 200 characters, one of them visible; the new one is listed."""
    own = make(house, "lama")
    response = house.send("PATCH", f"/v1/conversations/{own}", "judge", json={"title": title})
    assert response.status_code == status
    listed = house.send("GET", "/v1/conversations", "judge").json()["conversations"]
    assert listed[0]["title"] == (title if status == 200 else "lama")


@pytest.mark.parametrize(
    ("form", "media_type", "begin"),
    [
        ("bibtex", "application/x-bibtex", "@"),
        ("csl-json", "application/vnd.citationstyles.csl+json", "["),
        ("ris", "application/x-research-info-systems", "TY  - "),
    ],
)
def test_citations_are_downloaded_in_each_form(house: Any, form: str, media_type: str, begin: str) -> None:
    """By the address or by `Accept`: a file of the form's own type."""
    own = house.ask("judge", "Apa itu tindak pidana korupsi?")["conversation_id"]
    path = f"/v1/conversations/{own}/citations"
    named = house.send("GET", path, "judge", params={"format": form})
    accepted = house.send("GET", path, "judge", headers={"Accept": media_type})
    assert named.text == accepted.text
    assert named.text.startswith(begin)
    assert named.headers["content-type"].startswith(media_type)
    assert named.headers["content-disposition"].startswith("attachment; filename=")


@pytest.mark.parametrize("form", ["ma_indonesia", "apa"])
def test_lists_of_lines_are_json_or_text(house: Any, form: str) -> None:
    """JSON as ever, and plain text for whoever asks for it."""
    own = house.ask("judge", "Apa itu tindak pidana korupsi?")["conversation_id"]
    path = f"/v1/conversations/{own}/citations?format={form}"
    body = house.send("GET", path, "judge").json()
    assert body["format"] == form
    text = house.send("GET", path, "judge", headers={"Accept": "text/plain"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.splitlines() == body["citations"]
    for usual in ("application/json, text/plain, */*", "text/plain;q=0", "*/*"):
        assert house.send("GET", path, "judge", headers={"Accept": usual}).json() == body, usual


_READ = [
    (method, path, parameter.name)
    for (path, method), operation in OPERATIONS.items()
    for parameter in operation.parameters
    if parameter.place == "query" and (path, method) != ("/v1/documents", "POST")
]
"""Sending documents needs a library, and has its test beside those."""


def test_a_parameter_that_is_given_twice_is_refused_by_name(house: Any) -> None:
    """Every parameter of every route, also with the same value twice: which of the two was meant cannot be known."""
    begun = house.send("POST", "/v1/conversations", "admin", json={}).json()["conversation_id"]
    for method, path, name in _READ:
        for second in ("x", "y"):
            place = path.replace("{conversation_id}", begun)
            answer = house.send(method, place, "admin", params=[(name, "x"), (name, second)])
            assert answer.status_code == 422, (method, path, name)
            assert (answer.json()["errors"][0]["path"], answer.json()["detail"]) == (name, f"{name} is given twice")


def test_parameters_that_no_route_reads_are_ignored(house: Any) -> None:
    """As members of bodies are, however often they come."""
    for path in ("/v1/conversations", "/v1/usage", "/health/live", "/"):
        assert house.send("GET", f"{path}?limt=x&utm=1&utm=2", "judge").status_code == 200
