"""Messages between supervisor and worker over a socket pair that only the two hold: a length, then one JSON object."""

from __future__ import annotations

import asyncio
import struct
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

import orjson

_LENGTH = struct.Struct("!I")
_LONGEST = 64 * 1024 * 1024


class Channel:
    """One end of the pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other side is gone or does not speak our language."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > _LONGEST:
                return None
            message = orjson.loads(await self._reader.readexactly(length))
        except (OSError, EOFError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def send(self, **message: Any) -> None:  # noqa: ANN401 - anything JSON can hold
        """Send a message; one to somebody who is gone is dropped."""
        text = orjson.dumps(message)
        self._writer.write(_LENGTH.pack(len(text)) + text)

    async def flushed(self) -> None:
        """Returns when everything has been handed over, or nobody takes it any more."""
        with suppress(OSError):
            await self._writer.drain()

    def close(self) -> None:
        """Let go of this end."""
        self._writer.close()


def as_text(body: bytes) -> str:
    """Bytes as JSON can hold them, a third longer."""
    return b64encode(body).decode("ascii")


def as_bytes(text: str) -> bytes:
    """What `as_text` was given."""
    return b64decode(text)
