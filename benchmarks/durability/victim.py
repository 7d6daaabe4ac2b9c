"""The service under the drill: started, killed at once, started again on its port, as a process of its own each time."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from target.errors import StackError
from target.processes import LOOPBACK, ChildProcess, free_port, probe, start
from target.stack import ServicePlan, service_environment

_READY_SECONDS = 180.0
_LOOK_SECONDS = 0.02
_PREPARED_SECONDS = 180.0
_PROGRAM = (
    "service",
    "+service.commands.line",
    "+service.commands.serve",
    "+service.sharing.redis_client",
)


@dataclass(slots=True)
class Victim:
    """One service and the launcher that starts it. Make it with `launched`."""

    launcher: ChildProcess
    orders: socket.socket
    port: int

    @property
    def url(self) -> str:
        """Where it listens, from each start to the next kill."""
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self) -> float:
        """Start it and wait until it is ready; gives the seconds that this took.

        Raises:
            StackError: it did not become ready; the message holds its last words.
        """
        begun = time.monotonic()
        await self._order({"start": ["serve", "--host", LOOPBACK, "--port", str(self.port)]})
        while time.monotonic() - begun < _READY_SECONDS:
            if await asyncio.to_thread(probe, f"{self.url}/health/ready") == 200:
                return time.monotonic() - begun
            await asyncio.sleep(_LOOK_SECONDS)
        raise StackError(f"The service was not ready after {_READY_SECONDS:g} s:\n{self.launcher.last_lines()}")

    async def kill(self) -> int:
        """SIGKILL, this very moment; gives the status, which is -9 unless it had ended by itself before."""
        return await self._order({"kill": True})

    async def _order(self, order: dict[str, Any]) -> int:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.orders, f"{json.dumps(order)}\n".encode())
        try:
            async with asyncio.timeout(_PREPARED_SECONDS):
                answer = await loop.sock_recv(self.orders, 4096)
        except TimeoutError:
            answer = b""
        if not answer:
            raise StackError(f"The launcher of the service ended:\n{self.launcher.last_lines()}")
        number: int = json.loads(answer)
        return number

    def close(self) -> None:
        """End launcher and service."""
        self.orders.close()
        self.launcher.stop(grace_seconds=0.5)


def launched(plan: ServicePlan, python: str, preludes: tuple[Path, ...] = ()) -> Victim:
    """The launcher of a service on a free port; `preludes` are scripts that change the program beforehand (red proofs of tests)."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    command = [python, "-m", "benchmarks.durability.forking", *_PROGRAM, *map(str, preludes)]
    try:
        launcher = start(
            "service",
            command,
            log=plan.log,
            environment=service_environment(plan),
            folder=plan.root,
            stdin=theirs.fileno(),
        )
    finally:
        theirs.close()
    return Victim(launcher, ours, free_port())
