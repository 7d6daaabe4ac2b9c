"""Server-sent events are read alike, whatever the packets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.failures import Malformed
from service.llm.sse import EventReader

PAYLOADS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12).filter(
        lambda text: not text.startswith(" ")
    ),
    min_size=1,
    max_size=6,
)
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes in pieces, some of them empty."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(payloads=PAYLOADS, end=LINE_ENDS, places=st.lists(st.integers(0, 10_000), max_size=20), mark=st.booleans())
def test_any_split_of_the_bytes_gives_the_same_events(
    payloads: list[str], end: str, places: list[int], mark: bool
) -> None:
    """Packets may cut lines, line ends, letters of several bytes and the byte order mark in two."""
    text = ("\ufeff" if mark else "") + "".join(
        f": remark{end}event: x{end}data: {payload}{end}{end}" for payload in payloads
    )
    reader = EventReader()
    found = [event for piece in cut(text.encode(), places) for event in reader.feed(piece)]
    # A line end of CR alone is told from CR LF only by what follows: the last empty line may still be under way.
    assert found == [payload.encode() for payload in payloads]


@given(data=st.binary(max_size=200), places=st.lists(st.integers(0, 300), max_size=10))
def test_no_bytes_upset_the_reader(data: bytes, places: list[int]) -> None:
    """Whatever comes, in one piece or many, gives the same events and no error."""
    whole, pieces = EventReader(), EventReader()
    at_once = whole.feed(data)
    assert [event for piece in cut(data, places) for event in pieces.feed(piece)] == at_once
    assert pieces.rest() == whole.rest()


def test_data_lines_of_one_event_are_joined() -> None:
    """An event of several data lines is one payload with line feeds, and a space after the colon is no part of it."""
    assert EventReader().feed(b"data: a\ndata:b\ndata\ndata:  c\nid: 7\n\n") == [b"a\nb\n\n c"]


def test_comments_and_empty_events_give_nothing() -> None:
    """Lines that keep a connection alive are no events."""
    assert EventReader().feed(b": OPENROUTER PROCESSING\n\n\n\nretry: 10\n\n") == []


def test_what_is_under_way_at_the_end_can_be_asked_for() -> None:
    """A last event without its empty line is not given as an event, and is not lost."""
    reader = EventReader()
    assert reader.feed(b"data: a\n\ndata: [DO") == [b"a"]
    assert reader.feed(b"NE]") == []
    assert reader.rest() == b"[DONE]"


@pytest.mark.parametrize("piece", [b"x" * 30, b"data: 1\n" * 4])
def test_an_endless_event_is_refused(piece: bytes) -> None:
    """A line, or an event of many lines, beyond the bound ends the reading instead of filling the memory."""
    reader = EventReader(most_bytes=100)
    with pytest.raises(Malformed, match="longer than 100 bytes"):
        [reader.feed(piece) for _ in range(100)]


def test_a_long_stream_of_short_events_is_no_long_event() -> None:
    """The bound is on one event, not on the stream."""
    reader = EventReader(most_bytes=100)
    assert sum(len(reader.feed(b"data: 0123456789\n\n")) for _ in range(1_000)) == 1_000
