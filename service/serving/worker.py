"""One of several workers, started by the supervisor with descriptors of the listener, the channel and the table of quotas."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.api.streaming import cancel
from service.app import create_app
from service.chosen import surroundings_of
from service.errors import ConfigurationError, NotReady
from service.masking import without_passwords
from service.quotas.shared_windows import SharedWindows
from service.serving.channel import Channel, as_bytes
from service.serving.life import WARMING_QUESTIONS, Life
from service.serving.running import run_server, server_of
from service.serving.supervisor import descriptors
from service.settings import load_settings
from service.telemetry.figures import Figures
from service.telemetry.logging import StandardLogs
from service.telemetry.metrics import Metrics
from service.telemetry.snapshots import Teller

_ANSWER_SECONDS = 3.0
_COULD_NOT_START = 2


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted in this worker."""

    metrics: Metrics
    teller: Teller
    figures: Figures
    clock: Callable[[], float]

    async def state(self) -> dict[str, Any]:
        """What the supervisor keeps of a worker: its metrics, its active conversations and its figures."""
        self.metrics.active.forget_old()
        return {
            "families": await self.teller.told_in_turns(self.clock),
            "active": self.metrics.active.names(),
            "figures": self.figures.now(),
        }


class Post:
    """A worker's end of the channel: answers what it is asked, and asks for the truth of all."""

    def __init__(self, end: socket.socket) -> None:
        """Keep one end of the pair."""
        self._end = end
        self._on_alone: Callable[[], None] | None = None
        self._on_cut: Callable[[], None] | None = None
        self._counted: _Counted | None = None
        self._channel: Channel | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count()
        self._telling = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def open(self, metrics: Metrics, figures: Figures, clock: Callable[[], float]) -> None:
        """See `Siblings`."""
        self._counted = _Counted(metrics, Teller(metrics.reader), figures, clock)
        self._end.settimeout(0)
        self._channel = Channel(*await asyncio.open_connection(sock=self._end))
        self._task = asyncio.create_task(self._listen(self._channel))

    def when_alone(self, leave: Callable[[], None]) -> None:
        """Have something called when the supervisor is gone."""
        self._on_alone = leave

    def when_cut(self, cut: Callable[[], None]) -> None:
        """Have something called when the supervisor waits for no answer any more."""
        self._on_cut = cut

    def ready(self) -> None:
        """Tell that questions are taken from now on."""
        if self._channel:
            self._channel.send(say="ready")

    async def close(self) -> None:
        """See `Siblings`."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        await self._tell_state(channel)
        await channel.flushed()
        if self._task:
            await cancel(self._task)
        channel.close()

    async def page(self, accept: str, *, packed: bool) -> tuple[bytes, str]:
        """See `Siblings`."""
        answer = await self._ask(say="page", accept=accept, packed=packed)
        return as_bytes(answer["page"]), answer["content_type"]

    async def figures(self) -> Sequence[dict[str, float]]:
        """See `Siblings`."""
        answer = await self._ask(say="figures")
        figures: list[dict[str, float]] = answer["figures"]
        return figures

    async def _ask(self, **message: Any) -> dict[str, Any]:  # noqa: ANN401 - anything JSON can hold
        if self._channel is None:
            raise NotReady("The service is starting or stopping. Try again in a moment.")
        number = next(self._numbers)
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        self._channel.send(n=number, **message)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer: dict[str, Any] = await future
                return answer
        except TimeoutError as error:
            # Half of the truth would look like the whole: rather no page at all.
            raise NotReady("The supervisor of the workers does not answer.") from error
        finally:
            del self._answers[number]

    async def _listen(self, channel: Channel) -> None:
        while (message := await channel.receive()) is not None:
            if message.get("say") == "state":
                await self._tell_state(channel)
            elif message.get("say") == "there?":
                channel.send(say="here")
            elif message.get("say") == "cut":
                if self._on_cut:
                    self._on_cut()
            elif (future := self._answers.get(message["n"])) is not None and not future.done():
                future.set_result(message)
        if self._on_alone:
            self._on_alone()

    async def _tell_state(self, channel: Channel) -> None:
        # One at a time: an older state must not follow a newer one.
        async with self._telling:
            if self._counted is not None:
                channel.send(say="state", **await self._counted.state())


def main(arguments: Sequence[str]) -> int:
    """Serve as one of several; the exit status is that of `serve`."""
    listener_fd, channel_fd, quotas_fd = descriptors(arguments)
    listener = socket.socket(fileno=listener_fd)
    end = socket.socket(fileno=channel_fd)
    try:
        settings = load_settings()
        around = surroundings_of(settings)
        life = Life(WARMING_QUESTIONS, hold=True)
        app = create_app(settings, around, life=life, quotas=SharedWindows(quotas_fd))
    except ConfigurationError as error:
        sys.stderr.write(f"courtsight: {without_passwords(str(error))}\n")
        return _COULD_NOT_START
    logging.getLogger().addHandler(StandardLogs(around.log))
    post = life.siblings = Post(end)
    server = server_of(app, settings, life, post.ready)
    post.when_alone(server.drain)
    post.when_cut(server.cut)
    with around.log.aside():
        return run_server(server, listener)
