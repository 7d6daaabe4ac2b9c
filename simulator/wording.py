"""Tokens as the simulator counts them: a word together with the white space before it."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\s*\S+")
# Sentences of one to six words that say nothing new: they fill an answer up to its exact length.
_CLOSERS = (
    "Demikian.",
    "Demikian adanya.",
    "Demikian menurut sumber.",
    "Demikian menurut sumber tersebut.",
    "Demikian isi sumber yang ada.",
    "Demikian isi sumber yang tersedia ini.",
)


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, in order; joined they are the text (white space at its end goes with the last one)."""
    found = _TOKEN.findall(text)
    if found:
        found[-1] += text[sum(map(len, found)) :]
    return found


def count_tokens(text: str) -> int:
    """How many tokens a text has."""
    return len(text.split())


def closing(count: int) -> str:
    """Neutral sentences of exactly `count` tokens together; empty for none."""
    sentences = [_CLOSERS[-1]] * (count // len(_CLOSERS))
    rest = count % len(_CLOSERS)
    return " ".join([*sentences, _CLOSERS[rest - 1]] if rest else sentences)
