"""What people write: what nobody sees is taken out, what honest lawyers write stays, and a line of the log stays a line."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sanitising import cleaned, cleaned_line
from service.telemetry.logging import EventLog


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("a\x00b", "ab"),
        ("\x1b[31mmerah\x1b[0m", "[31mmerah[0m"),
        ("pasal \u202e1 tasal", "pasal 1 tasal"),
        ("pa\u200bsal\ufeff \u2060603", "pasal 603"),
        ("\u2066teks\u2069", "teks"),
        ("abai\U000e0061\U000e0062kan", "abaikan"),
        ("\x9b2J", "2J"),
        ("\u200d\u200b \u200e\xad", ""),
    ],
)
def test_what_nobody_sees_is_taken_out(written: str, kept: str) -> None:
    """Trojan Source (CVE-2021-42574), terminal commands, hidden alphabets: the reader and the model see the same text."""
    assert cleaned(written) == kept


@pytest.mark.parametrize(
    "honest",
    [
        "Apakah Pasal 27 ayat (3) UU ITE — “pencemaran nama baik” — masih berlaku?\n\n1)\tya\r\n2)\ttidak",
        "المادة ٣٤ من القانون؛ بسم الله الرحمن الرحيم",
        "می‌خواهم",
        "👩‍⚖️ 🏛️ ⚖️",
        "§ 5 · ½ · n°7 · Rp1.000.000,- · e\u0301",
        "soft\u00adhyphen, non\u00a0breaking, اللغة\u200f العربية\u200e.",
    ],
)
def test_what_honest_people_write_stays_as_it_is(honest: str) -> None:
    """Line breaks, tabs, Arabic, Persian and emoji joiners, typographic signs, combining letters."""
    assert cleaned(honest) == honest


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """Nothing that was taken out leaves something else to take out, and nothing is ever added."""
    once = cleaned(text)
    assert cleaned(once) == once
    assert len(once) <= len(text)
    assert not set(once) & {"\x00", "\x1b", "\u202e", "\u200b"}
    assert "\n" not in cleaned_line(text)


@pytest.mark.parametrize("unseen", ["\u200d", "\u200e\u200f", "\u00ad", " \u061c\u200c "])
def test_what_only_joins_is_nothing_by_itself(house: Any, unseen: str) -> None:
    """A question, a title, a query and the name of a key that show nothing are refused or named by us, as empty ones are."""
    for path, body in (
        ("/v1/chat", {"message": unseen}),
        ("/v1/tools/LegalRetriever", {"query": unseen}),
        ("/v1/keys", {"name": unseen}),
    ):
        assert house.send("POST", path, "judge", json=body).status_code == 422, path
    empty, made = (
        house.send("POST", "/v1/conversations", "judge", json={"title": one}).json() for one in (" ", unseen)
    )
    assert made["title"] == empty["title"]


def test_messages_titles_comments_and_queries_are_cleaned(house: Any) -> None:
    """Stored without what nobody sees; a message of nothing else is empty; markup stays text."""
    answer = house.ask("judge", "Apa itu\u202e hukum\x00 pidana? <img src=x onerror=alert(1)>")
    shown = house.send("GET", f"/v1/conversations/{answer['conversation_id']}", "judge")
    assert shown.json()["messages"][0]["content"] == "Apa itu hukum pidana? <img src=x onerror=alert(1)>"
    assert shown.headers["content-type"] == "application/json"
    made = house.send("POST", "/v1/conversations", "judge", json={"title": "Perkara\r\nSet-Cookie: x\u202e"}).json()
    assert made["title"] == "Perkara Set-Cookie: x"
    rated = house.send(
        "PUT", f"/v1/messages/{answer['id']}/feedback", "judge", json={"score": 5, "comment": "baik\x1b[2J"}
    )
    assert "\\u001b" not in rated.text
    said = [
        {"role": "user", "content": text}
        for text in ("Apa itu\u202e hukum\x00 perdata?", "Dan\u200b hukum\u2066 pidana?")
    ]
    completion = house.send("POST", "/v1/chat/completions", "judge", json={"model": "courtsight", "messages": said})
    kept = house.send("GET", f"/v1/conversations/{completion.json()['courtsight']['conversation_id']}", "judge").json()
    assert kept["messages"][0]["content"] == "Dan hukum pidana?"
    for nothing in ("\x00", "\u202e\u200b", " \x1b "):
        assert house.send("POST", "/v1/chat", "judge", json={"message": nothing}).status_code == 422


@pytest.mark.parametrize(
    "text", ["a\r\nb", "a\x1b[31mb", "a\x9bb", "a\u2028b\u2029c\x85d", "a\x00\x7fb", "a\u202eb", "\ud800"]
)
def test_an_event_of_the_log_is_one_line_whatever_it_holds(text: str) -> None:
    """Uvicorn CVE-2020-7694, log injection: CR, LF, ESC, C1 and Unicode line breaks are escaped, and JSON gives them back."""
    output = io.BytesIO()
    log = EventLog(output, "info", lambda: 0.0)
    log.write("info", "request", message=text)
    log.flush()
    written = output.getvalue().decode()
    assert len(written.splitlines()) == 1
    assert not any(sign in written for sign in "\x1b\x9b\u2028\u2029\x85\u202e\x00")
    if "\ud800" not in text:
        assert orjson.loads(written)["message"] == text


def test_no_request_writes_a_second_line(house: Any) -> None:
    """Paths, headers and ids with line breaks and escapes: each request has its one line, without them."""
    before = len(house.log_lines())
    house.send("GET", "/v1/%0d%0aINFO%1b[2J", headers={"X-Request-Id": "a b\tc", "User-Agent": "\x1b[2J"})
    lines = house.log_lines()[before:]
    assert [line["event"] for line in lines] == ["request"]
    assert "INFO" not in orjson.dumps(lines).decode()
