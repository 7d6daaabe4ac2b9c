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
from target.trust import distrust_said, trusted_certificates

READ_SECONDS = 10.0
WHOLE_SECONDS = 30.0
"""Longest time of the whole answer, however it trickles: a run asks at its end, too, and must get there."""
LARGEST_BYTES = 2**20


def ready_info(url: str, timer: Callable[[], float] = time.monotonic) -> Mapping[str, Any]:
    """The body of `/health/ready`.

    Raises:
        TargetDown: The chatbot does not answer, or is not ready, or something else answers in its place.
        InvalidInput: The environment names certificates that cannot be used.
    """
    try:
        status, content, elsewhere = _asked(f"{url}/health/ready", timer)
    except (httpx.HTTPError, ValueError) as error:
        distrust = distrust_said(error)
        why = (
            f": {distrust}" if distrust else f" gave no usable answer to /health/ready ({_said(error)}): is it running?"
        )
        raise TargetDown(f"{url}{why}") from None
    if elsewhere:
        raise TargetDown(
            f"{url} sends /health/ready on to {elsewhere} ({status}): name the address where the chatbot itself answers"
        )
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if status != httpx.codes.OK:
        raise TargetDown(
            f"{url} is not ready: /health/ready answered {status}" + ("" if isinstance(body, dict) else ", and no JSON")
        )
    if not isinstance(body, dict):
        raise TargetDown(f"{url} gave no usable answer to /health/ready (no JSON object): does a chatbot answer there?")
    return body


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _asked(address: str, timer: Callable[[], float]) -> tuple[int, bytes, str]:
    """Status, body, and where it sends who asks (nobody follows); one that trickles or pours without end is cut, and then no answer."""
    until, content = timer() + WHOLE_SECONDS, bytearray()
    trusting = not is_loopback(address)
    with httpx.stream(
        "GET", address, timeout=READ_SECONDS, trust_env=trusting, verify=trusted_certificates()
    ) as response:
        for chunk in response.iter_bytes():
            content += chunk
            if timer() > until or len(content) > LARGEST_BYTES:
                raise ValueError("no end of it")
        return (
            response.status_code,
            bytes(content),
            response.headers.get("location", "")[:200] if response.is_redirect else "",
        )


def engine_said(info: Mapping[str, Any]) -> Engine:
    """The engine by that body; a name that we do not know is a provider's, hence real."""
    said = str(info.get("engine", ""))
    return Engine(said) if said in tuple(Engine) else Engine.REAL
