"""A page that is packed in parts is one plain gzip member, and what stands is packed once."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from service.telemetry.packing import GROUP_SERIES, Packer

GZIP = 31
"""zlib's name for gzip's head and tail."""
BLOCKS = st.lists(st.tuples(st.binary(max_size=400), st.integers(0, 200)), max_size=12)


@settings(deadline=None)
@given(st.lists(BLOCKS, min_size=1, max_size=5))
def test_every_reader_gets_the_page(pages: list[list[tuple[bytes, int]]]) -> None:
    """Whatever came before and whatever blocks are there: gzip's own reader, and one that takes a single member and has nothing left over."""
    packer = Packer()
    for blocks in pages:
        page, packed = b"".join(text for text, _ in blocks), b"".join(packer.packed(blocks))
        assert gzip.decompress(packed) == page
        reader = zlib.decompressobj(GZIP)
        assert reader.decompress(packed) + reader.flush() == page
        assert reader.eof
        assert not reader.unused_data


def lines(number: int, value: int = 0) -> tuple[bytes, int]:
    text = b"".join(b'chatbot_x_%d{model="%d"} %d\n' % (number, one, value) for one in range(GROUP_SERIES))
    return text, GROUP_SERIES


def test_what_stands_is_packed_once() -> None:
    """Of the next page only the group whose text is another one is packed again, even if it has become longer."""
    packer = Packer()
    before = [*packer.packed(lines(number) for number in range(5))]
    after = [*packer.packed(lines(number, 10**9 if number == 2 else 0) for number in range(5))]
    head, *groups, tail = zip(before, after, strict=True)
    assert [one is other for one, other in groups] == [True, True, False, True, True]
    assert head[0] == head[1]
    assert tail[0] != tail[1]


def test_a_page_is_packed_group_by_group() -> None:
    """Each group is packed when it is wanted; small blocks share one, and nothing in it changes with the time."""
    wanted: list[int] = []

    def blocks() -> list[tuple[bytes, int]]:
        return [(b"chatbot_x 1\n" * (GROUP_SERIES // 4), GROUP_SERIES // 4)] * 12

    def noted() -> Iterator[tuple[bytes, int]]:
        for number, block in enumerate(blocks()):
            wanted.append(number)
            yield block

    made = Packer().packed(noted())
    parts = [next(made), next(made)]
    assert wanted == [0, 1, 2, 3]
    parts += made
    assert len(parts) == 5
    assert b"".join(Packer().packed(blocks())) == b"".join(parts)
