"""What a chatbot says of itself at `/health/ready`: whether it is ready, which engine answers, what its index holds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from slo.spec import Engine
from target.errors import TargetDown
from target.loopback import is_loopback

READ_SECONDS = 10.0
WHOLE_SECONDS = 30.0
"""Longest time of the whole answer, however it trickles: a run asks at its end, too, and must get there."""
LARGEST_BYTES = 2**20


def ready_info(url: str, timer: Callable[[], float] = time.monotonic) -> Mapping[str, Any]:
    """The body of `/health/ready`.

    Raises:
        TargetDown: The chatbot does not answer, or is not ready.
    """
    try:
        status, content = _asked(f"{url}/health/ready", timer)
        body = json.loads(content)
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        raise TargetDown(
            f"{url} gave no usable answer to /health/ready ({type(error).__name__}): is it running?"
        ) from None
    if status != httpx.codes.OK or not isinstance(body, dict):
        raise TargetDown(f"{url} is not ready: /health/ready answered {status}")
    return body


def _asked(address: str, timer: Callable[[], float]) -> tuple[int, bytes]:
    """Status and body; one that trickles or pours without end is cut, and then no JSON."""
    until, content = timer() + WHOLE_SECONDS, bytearray()
    trusting = not is_loopback(address)
    with httpx.stream("GET", address, timeout=READ_SECONDS, trust_env=trusting) as response:
        for chunk in response.iter_bytes():
            content += chunk
            if timer() > until or len(content) > LARGEST_BYTES:
                raise ValueError("no end of it")
        return response.status_code, bytes(content)


def engine_said(info: Mapping[str, Any]) -> Engine:
    """The engine by that body; a name that we do not know is a provider's, hence real."""
    said = str(info.get("engine", ""))
    return Engine(said) if said in tuple(Engine) else Engine.REAL
