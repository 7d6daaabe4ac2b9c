"""The Protocol between the chat core and whatever writes an answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from service.chat.brief import Brief
from service.llm.calls import Usage
from service.values import value

_NONE = Usage(0, 0, source="missing")


@value
class Piece:
    """A piece of the answer that may be shown: it was checked, or stands verbatim in a source."""

    text: str


@value
class Interrupted:
    """Who was writing failed after pieces were shown; the pieces that follow begin the answer anew. `reason` is a closed label."""

    reason: str


@value
class Written:
    """Told last: who wrote the (last) answer and what it cost.

    `withheld` counts sentences that failed the check and were left out, `repaired` those that were mended, `marked` those that
    stand with a remark. `usage` and `cost_usd` cover every attempt, failed ones too; `calls` is the part of the usage that went to
    providers before somebody else wrote. `fallback` says why the extractive engine stood in for the models, `cached` that the answer
    was written for an earlier question, `cut` that the model stopped at the limit of its length.
    """

    model: str
    provider: str
    usage: Usage
    cost_usd: float = 0.0
    withheld: int = 0
    repaired: int = 0
    marked: int = 0
    calls: Usage = _NONE
    fallback: str | None = None
    cached: bool = False
    cut: bool = False


WritingEvent = Piece | Interrupted | Written


class AnswerEngine(Protocol):
    """Writes an answer piece by piece. It may fail: then the request fails, and nothing is saved."""

    @property
    def name(self) -> str:
        """`extractive`, or the deployment's name for its models: what the readiness page calls the engine."""

    @property
    def models(self) -> Mapping[str, str]:
        """Every model that may write, and its provider: the closed labels of the metrics."""

    def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        """Pieces (with Interrupted among them when a writer fails), then one Written. Closing it stops the writing and its cost.

        Raises:
            Problem: nobody could write, and to fall back is switched off.
        """
