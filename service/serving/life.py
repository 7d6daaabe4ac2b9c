"""How far a process is in its life, as its routes see it: warming, ready, draining; and whom it has beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from service.telemetry.figures import Figures
    from service.telemetry.metrics import Metrics

WARMING_QUESTIONS = (
    "Apa itu perjanjian dan kapan perjanjian batal demi hukum?",
    "Bandingkan putusan tentang tindak pidana korupsi dengan putusan tentang penipuan, dan jelaskan unsur pasalnya.",
    "Apa bunyi Pasal 1 undang-undang tentang ketenagakerjaan menurut hukum yang berlaku tahun 2015?",
    "What is a breach of contract under Indonesian law?",
)
"""Asked of nobody's behalf before the first real question, so that every path of an answer has run once."""


class Siblings(Protocol):
    """The other workers behind the same address, as one of them reaches them."""

    async def open(self, metrics: Metrics, figures: Figures, clock: Callable[[], float]) -> None:
        """Begin to tell the others what is counted here; `clock` gives monotonic seconds."""

    async def close(self) -> None:
        """Leave what was counted here with them."""

    async def page(self, accept: str, *, packed: bool) -> tuple[bytes, str]:
        """The metrics of all workers as one page, `packed` by gzip or not, and its content type.

        Raises:
            NotReady: who gathers the page does not answer.
        """

    async def figures(self) -> Sequence[dict[str, float]]:
        """What each worker says of itself.

        Raises:
            NotReady: who gathers the figures does not answer.
        """


@dataclass(slots=True)
class Life:
    """One process.

    `questions` are asked before the process calls itself warm; with `hold` nothing is accepted before that. `siblings` is None
    where one process serves alone.
    """

    questions: Sequence[str] = ()
    hold: bool = False
    siblings: Siblings | None = None
    warm: bool = field(default=False)
    draining: bool = field(default=False)

    @property
    def ready(self) -> bool:
        """Whether new questions are welcome."""
        return self.warm and not self.draining
