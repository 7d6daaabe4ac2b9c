"""Time in rules: written as it is, or divided for a drill that cannot wait an hour.

A drill at scale 60 turns an hour into a minute. Only durations that Prometheus acts on change (ranges, `for`, intervals);
names and labels keep saying `1h`, so that the scaled file differs from the real one in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from slo.quantities import format_duration

FLOOR = Decimal(1)
MILLISECOND = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much faster than life the rules run: 1 in production, 60 when an hour shall take a minute.

    Attributes:
        floor: No duration becomes shorter than this; Prometheus looks once a second at most, Alertmanager waits more finely.
    """

    scale: int | Decimal = 1
    floor: Decimal = FLOOR

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise ValueError(f"scale {self.scale} would slow the rules down: give 1 or more")

    def seconds(self, duration: Decimal) -> Decimal:
        """A duration as the rules shall use it, in whole milliseconds and never under the floor; nothing stays nothing."""
        if not duration:
            return duration
        return max(self.floor, (duration / Decimal(self.scale)).quantize(MILLISECOND))

    def range(self, duration: Decimal) -> str:
        """The same, written for a range selector: `5m`."""
        return format_duration(self.seconds(duration))
