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
