"""An answer under way: bytes in, words out, and whether it came to an orderly end. Pure: the connection stands in `client`."""

from __future__ import annotations

from typing import Protocol

from service.llm.calls import End, Usage
from service.llm.failures import CutShort, Malformed
from service.llm.sse import EventReader
from service.llm.wire import DONE, Delta, plain_words, read_chunk, read_whole

MOST_ANSWER_BYTES = 8_388_608
"""A provider that talks on and on is cut off here; 600 tokens are 150 kB of events."""


class Answer(Protocol):
    """Takes what a provider sends."""

    done: bool

    def take(self, data: bytes) -> list[str]:
        """The words that this piece completes, none of them empty; no bytes mean that the body ended.

        Raises:
            ProviderError: what came is wrong, says that the answer failed, or ended too early.
        """

    def end(self) -> End:
        """How the answer ended; to be asked once `done` is true."""


class StreamedAnswer:
    """An answer as server-sent events. Usage is what the last chunk with usage said: some providers repeat a growing one."""

    def __init__(self) -> None:
        self.done = False
        self._events = EventReader()
        self._bytes = 0
        self._spoke = False
        self._finish: str | None = None
        self._usage: Usage | None = None

    def take(self, data: bytes) -> list[str]:
        """As in Answer."""
        if not data:
            self._ended()
            return []
        self._bytes += len(data)
        if self._bytes > MOST_ANSWER_BYTES:
            raise Malformed(f"the answer is longer than {MOST_ANSWER_BYTES} bytes")
        words: list[str] = []
        for payload in self._events.feed(data):
            plain = plain_words(payload)
            if plain:
                words.append(plain)
                self._spoke = True
            elif payload == DONE:
                self._done()
                break
            else:
                self._note(read_chunk(payload), words)
        return words

    def end(self) -> End:
        """As in Answer."""
        return End(self._finish, self._usage)

    def _note(self, delta: Delta, words: list[str]) -> None:
        if delta.text:
            self._spoke = True
            words.append(delta.text)
        if delta.finish_reason is not None:
            self._finish = delta.finish_reason
        if delta.usage is not None:
            self._usage = delta.usage

    def _ended(self) -> None:
        """The body ended by itself: fine after a finish_reason, or where only the empty line after the end mark is missing."""
        if self._finish is None and self._events.rest() != DONE:
            raise CutShort("the stream ended without finish_reason and end mark")
        self._done()

    def _done(self) -> None:
        if not self._spoke:
            raise Malformed("the answer ended without a word")
        self.done = True


class WholeAnswer:
    """An answer as one JSON object, from a provider that was asked to stream and does not."""

    def __init__(self) -> None:
        self.done = False
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._end = End(None, None)

    def take(self, data: bytes) -> list[str]:
        """As in Answer; all words come with the end of the body."""
        if data:
            self._pieces.append(data)
            self._bytes += len(data)
            if self._bytes > MOST_ANSWER_BYTES:
                raise Malformed(f"the answer is longer than {MOST_ANSWER_BYTES} bytes")
            return []
        delta = read_whole(b"".join(self._pieces))
        if not delta.text:
            raise Malformed("the answer ended without a word")
        self._end = End(delta.finish_reason, delta.usage)
        self.done = True
        return [delta.text]

    def end(self) -> End:
        """As in Answer."""
        return self._end


def answer_of(content_type: str) -> Answer:
    """What reads a body of this type.

    Raises:
        Malformed: no answer has this type.
    """
    if content_type == "text/event-stream":
        return StreamedAnswer()
    if content_type == "application/json":
        return WholeAnswer()
    raise Malformed("the answer is neither an event stream nor JSON (a gateway's page, perhaps)")
