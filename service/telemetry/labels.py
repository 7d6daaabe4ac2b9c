"""The one label that a deployment may add to the counters of requests and tokens: a closed list, read from a header."""

from __future__ import annotations

from dataclasses import dataclass

OTHER = "other"


@dataclass(frozen=True, slots=True)
class OwnLabel:
    """Its name, its values, and the header (in small letters) that carries one; whatever else a client sends is `other`."""

    name: str
    values: tuple[str, ...]
    header: str

    def fold(self, value: str | None) -> str:
        """The value as it stands on the page."""
        return value if value in self.values else OTHER


SERIES_BUDGET = 5_000
_WITHOUT_MODELS = 2_750
"""Series of a page of all routes with the first things that come with any model, rounded up; a test counts them."""
_REQUESTS = 256
"""Series that each further value of the deployment's own label adds by itself."""
_PER_MODEL, _TOKENS_PER_MODEL = 215, 20
"""Series that each model adds, and of those the ones that every value of the own label repeats."""


def most_models(label: OwnLabel | None) -> int:
    """How many models have series of their own within the budget; those behind them share `other`, which takes the room of one."""
    further = len(label.values) if label else 0
    room = SERIES_BUDGET - _WITHOUT_MODELS - further * _REQUESTS
    return max(1, room // (_PER_MODEL + further * _TOKENS_PER_MODEL) - 1)
