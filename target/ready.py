"""What a chatbot says of itself at `/health/ready`: whether it is ready, which engine answers, what its index holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from slo.spec import Engine
from target.errors import TargetDown


def ready_info(url: str) -> Mapping[str, Any]:
    """The body of `/health/ready`.

    Raises:
        TargetDown: The chatbot does not answer, or is not ready.
    """
    try:
        response = httpx.get(f"{url}/health/ready", timeout=10.0, trust_env=False)
        body = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise TargetDown(
            f"{url} gave no usable answer to /health/ready ({type(error).__name__}): is it running?"
        ) from None
    if response.status_code != httpx.codes.OK or not isinstance(body, dict):
        raise TargetDown(f"{url} is not ready: /health/ready answered {response.status_code}")
    return body


def engine_said(info: Mapping[str, Any]) -> Engine:
    """The engine by that body; a name that we do not know is a provider's, hence real."""
    said = str(info.get("engine", ""))
    return Engine(said) if said in tuple(Engine) else Engine.REAL
