"""Reads server-sent events out of bytes as they come, whatever the packets cut in two.

The form is that of https://html.spec.whatwg.org/multipage/server-sent-events.html: lines end in LF, CR LF or CR, an empty line ends an
event, `data` lines of one event are joined by LF, comments and other fields are passed over.
"""

from __future__ import annotations

from service.llm.failures import Malformed

MOST_EVENT_BYTES = 1_048_576
"""An event of a chat is a few hundred bytes; one beyond this is no answer."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventReader:
    """Gives the payload of each event once its empty line is there. One reader reads one stream."""

    def __init__(self, most_bytes: int = MOST_EVENT_BYTES) -> None:
        self._most = most_bytes
        self._line: list[bytes] = []  # pieces of the line under way, joined once: a drip of bytes costs no copies
        self._line_bytes = 0
        self._payload: list[bytes] = []
        self._payload_bytes = 0
        self._after_return = False
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that this piece completes, in order.

        Raises:
            Malformed: an event is longer than this reader takes.
        """
        if b"\r" in data or self._after_return:
            data = self._one_line_end(data)
        elif (
            # Just one event of one line: what nearly every packet of a paced stream is, read at a third of the cost.
            data.startswith(b"data: ")
            and data.find(b"\n") == len(data) - 2
            and data.endswith(b"\n\n")
            and not self._line_bytes
            and not self._payload
            and len(data) <= self._most
        ):
            self._begun = True
            return [data[6:-2]]
        first, *more = data.split(b"\n")
        self._line.append(first)
        self._line_bytes += len(first)
        events: list[bytes] = []
        if more:
            last = more.pop()
            self._take(b"".join(self._line), events)
            for line in more:
                self._take(line, events)
            self._line = [last]
            self._line_bytes = len(last)
        if self._line_bytes + self._payload_bytes > self._most:
            raise Malformed(f"an event is longer than {self._most} bytes")
        return events

    def rest(self) -> bytes:
        """The payload of an event whose empty line never came: what stands at the end of a stream that ended there."""
        line = b"".join(self._line)
        self._line = []
        if line:
            self._take(line, [])
        return b"\n".join(self._payload)

    def _one_line_end(self, data: bytes) -> bytes:
        if self._after_return and data:
            data = data.removeprefix(b"\n")
            self._after_return = False
        if data.endswith(b"\r"):
            self._after_return = True  # its LF may come with the next piece, and is then no line of its own
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            if self._payload:
                events.append(b"\n".join(self._payload))
                self._payload = []
                self._payload_bytes = 0
        elif line.startswith(b"data:"):
            value = line[6:] if line.startswith(b"data: ") else line[5:]
            self._payload.append(value)
            self._payload_bytes += len(value) + 1
        elif line == b"data":
            self._payload.append(b"")
            self._payload_bytes += 1
