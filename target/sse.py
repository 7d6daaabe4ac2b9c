"""Server-sent events, read as they arrive.

An own reader, because the library readers wait for blocks of a kilobyte and so report the first words late.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name (`message` when it has none) and its data lines joined."""

    name: str
    data: bytes


class EventReader:
    """Takes bytes in any cut and gives each event as soon as its blank line is there (WHATWG HTML, 9.2.6)."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this chunk completes."""
        events: list[Event] = []
        if b"\n" not in chunk and b"\r" not in chunk and not (self._rest and self._rest[-1].endswith(b"\r")):
            self._rest.append(chunk)  # joined once: a line that never ends would be copied with every chunk
            return events
        # A CR at the very end may be half of a CRLF: it waits for the next chunk.
        text = b"".join((*self._rest, chunk))
        held = b"\r" if text.endswith(b"\r") else b""
        lines = text.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = [lines.pop() + held]
        for line in lines:
            event = self.line(line)
            if event is not None:
                events.append(event)
        return events

    def line(self, line: bytes) -> Event | None:
        """Take one line without its end; gives the event when the line is blank and data came before it."""
        if line:
            self._field(line)
            return None
        name, data = self._name, self._data
        self._name, self._data = b"", []
        return Event(name.decode(errors="replace") or "message", b"\n".join(data)) if data else None

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._name = value
        elif name == b"data":
            self._data.append(value)
