"""Embeddings that mean a little: texts that share words lie near each other, the same text always at the same place.

A word's direction is drawn from the seed and the word; a text is the sum of its words' directions, of length 1.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from hashlib import shake_128

_WORD = re.compile(r"\w+")
_MIDDLE = 0xFFFF / 2  # of the 16-bit numbers that a direction is drawn in


def embed(text: str, dimensions: int, seed: int) -> list[float]:
    """The vector of a text, of length 1; a text without words lies on the first axis."""
    total = [0.0] * dimensions
    for word in sorted(set(_WORD.findall(text.lower()))):
        drawn = struct.unpack(f"<{dimensions}H", shake_128(f"{seed}/embedding/{word}".encode()).digest(2 * dimensions))
        total = [there + part - _MIDDLE for there, part in zip(total, drawn, strict=True)]
    length = math.sqrt(math.fsum(part * part for part in total))
    if length == 0:
        return [1.0, *total[1:]]
    return [part / length for part in total]


def packed(vector: list[float]) -> str:
    """A vector as base64 of little-endian 32-bit floats, the form that OpenAI's own client asks for."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
