"""A writer that takes its first jobs together: whether its thread wakes between two of them is up to the interpreter otherwise."""

from __future__ import annotations

import queue
import threading
from types import SimpleNamespace
from typing import Any

import pytest


def take_together(monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    """Have writers made from now on take nothing before so many jobs were handed over."""

    class Together(queue.SimpleQueue[Any]):
        def __init__(self) -> None:
            super().__init__()
            self.whole = threading.Event()

        def put(self, item: Any, *how: Any) -> None:
            super().put(item, *how)
            if self.qsize() >= jobs:
                self.whole.set()

        def get(self, *how: Any) -> Any:
            assert self.whole.wait(60), "fewer jobs"
            return super().get(*how)

    # The module `queue` itself stays as it is: asyncio's threads stand on it too.
    monkeypatch.setattr("service.store.sqlite.writer.queue", SimpleNamespace(SimpleQueue=Together, Empty=queue.Empty))
