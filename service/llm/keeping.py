"""How long and how much the answer cache keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheRules:
    """How long an answer is kept (seconds), how many, and how many bytes of texts and passages together."""

    seconds: float = 3_600.0
    entries: int = 2_000
    bytes: int = 33_554_432
