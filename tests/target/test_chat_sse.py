"""Server-sent events arrive in any cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from target.sse import Event, EventReader

STREAM = b'event: start\r\ndata: {"a": 1}\r\n\r\nevent: delta\ndata: {"text": "satu"}\n\n: a comment\ndata: plain\ndata: two\n\nevent: done\rdata: {}\r\r'
EVENTS = [
    Event("start", b'{"a": 1}'),
    Event("delta", b'{"text": "satu"}'),
    Event("message", b"plain\ntwo"),
    Event("done", b"{}"),
]


@settings(deadline=None)
@given(cuts=st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=20))
def test_any_cut_gives_the_same_events(cuts: list[int]) -> None:
    """However the network cuts the bytes, also inside a CRLF, the events are the same."""
    places = [0, *sorted(cuts), len(STREAM)]
    reader = EventReader()
    found = [event for begin, end in pairwise(places) for event in reader.feed(STREAM[begin:end])]
    found += reader.feed(b"\n")  # the last CR waits for the LF that may follow it
    assert found == EVENTS


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    """The first words are not held back until the next event begins: time to the first words would be wrong."""
    reader = EventReader()
    assert reader.feed(b"event: delta\ndata: x\n") == []
    assert reader.feed(b"\n") == [Event("delta", b"x")]


def test_a_blank_line_without_data_is_no_event() -> None:
    """Keep-alive comments and stray blank lines make no event."""
    assert EventReader().feed(b"\n\n: ping\n\nevent: delta\n\n") == []


def test_line_by_line_reading_is_the_same() -> None:
    """A client that gets lines instead of chunks sees the same events."""
    reader = EventReader()
    lines = [b"event: delta", b"data: 1", b"", b"data: 2", b""]
    assert [event for line in lines if (event := reader.line(line))] == [Event("delta", b"1"), Event("message", b"2")]
