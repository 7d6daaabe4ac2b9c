"""What a client says that it accepts, by its own weights (RFC 9110, 12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

JSON = "application/json"
MOST_READ = 64
"""Members of a list that are read: browsers send some six. Thirty thousand fit into a header, and each costs microseconds."""
_WEIGHT = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that is accepted: a media type or a coding in lower case, its parameters, and its weight from 0 (not wanted) to 1."""

    name: str
    parameters: Mapping[str, str]
    weight: float


def choices(header: str) -> Iterator[Choice]:
    """What stands in `Accept` or `Accept-Encoding`, in its order, as far as it is read; a weight that is none counts as not said."""
    for one in header.lower().split(",", MOST_READ)[:MOST_READ]:
        name, *rest = (part.strip() for part in one.split(";"))
        parameters = {key.strip(): value.strip(' \t"') for key, _, value in (part.partition("=") for part in rest)}
        weight = parameters.pop("q", "1")
        yield Choice(name, parameters, float(weight) if _WEIGHT.fullmatch(weight) else 1.0)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip may be sent: only to those who name it, for `*` speaks of what may not exist yet."""
    return any(one.name == "gzip" and one.weight > 0 for one in choices(accept_encoding))


@lru_cache(maxsize=64)  # a program sends the same line with each of its requests
def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """The media type that is named with the greatest weight, None where none is named; of equals the first that is offered.

    A wildcard names nothing: whoever takes anything is given what a route gives by itself.
    """
    weights = dict.fromkeys(offered, 0.0)
    weights |= {one.name: one.weight for one in choices(accept) if one.name in weights}
    best = max(weights, key=weights.__getitem__)
    return best if weights[best] else None
