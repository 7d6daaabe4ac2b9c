"""Answers as the load generator takes them: in pieces as they come, unpacked, and never more than anybody reads.

Only Locust's process imports this: geventhttpclient waits for sockets by gevent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import geventhttpclient.client
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse

from target.chat import LARGEST_BYTES

PACKED: Final = ("gzip", "x-gzip", "deflate")
_ANY_HEAD: Final = zlib.MAX_WBITS + 32
"""zlib's word for: gzip or deflate, as the first bytes say."""


class TooLarge(HTTPParseError):  # noqa: N818 - read as a sentence: "raise TooLarge"
    """An answer of more bytes than anybody reads; a failure of the request for Locust, as every error of its parser."""

    def __init__(self) -> None:
        super().__init__(f"an answer of more than {LARGEST_BYTES / 2**20:g} MiB")


class BoundedResponse(HTTPSocketPoolResponse):
    """A response that reads no more than `LARGEST_BYTES`, head and body together, and gives its body in pieces."""

    taken = 0

    def feed(self, data: str | bytes) -> None:
        """Take what came; the client calls it for each read, those of the head among them."""
        self.taken += len(data)
        if self.taken > LARGEST_BYTES:
            raise TooLarge
        super().feed(data)

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, without waiting for more; whatever ends it early is raised, and gives the connection up."""
        while True:
            if self._body_buffer:
                piece = bytes(self._body_buffer)
                self._body_buffer.clear()
                yield piece
            if self.message_complete:
                return
            if self._sock is None:
                raise HTTPConnectionClosed("connection closed")
            try:
                self.feed(self._sock.recv(self.block_size))
            except BaseException:
                self.release()
                raise


def bound_all_answers() -> None:
    """Let the client of this process make bounded responses; it names their class nowhere else."""
    geventhttpclient.client.HTTPSocketPoolResponse = BoundedResponse  # type: ignore[attr-defined] # it makes all of them by this name


def unpacked(response: BoundedResponse) -> Iterator[bytes]:
    """The pieces of a body as the chatbot meant them. A proxy may pack what nobody asked it to.

    Raises:
        TooLarge: Unpacked it is more than anybody reads.
        HTTPParseError: It is packed in a way that nobody asked for, or cut off.
    """
    coding = str(response.get("content-encoding") or "identity").strip().lower()
    if coding == "identity":
        yield from response.pieces()
        return
    if coding not in PACKED:
        raise HTTPParseError(f"the answer is packed as {coding[:20]!r}, which was not asked for")
    unpacker, taken = zlib.decompressobj(_ANY_HEAD), 0
    for piece in response.pieces():
        plain = unpacker.decompress(piece, LARGEST_BYTES + 1 - taken)
        taken += len(plain)
        if taken > LARGEST_BYTES:
            response.release()
            raise TooLarge
        if plain:
            yield plain
    if not unpacker.eof:
        raise HTTPParseError("the packed answer ends too soon")
