"""What has come together so far for one question."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from service import telling
from service.chat.complexity import Assessment
from service.chat.language import Language
from service.exchange import Delta, Step
from service.listening import Understood
from service.retrieval.retriever import Retriever
from service.text import NOTHING_SAID, Said
from service.tools.toolbox import ToolRun
from service.weighing import Weighed


@dataclass(slots=True)
class Draft:
    """What has come together so far for one question, and the state of the corpus that it is answered from."""

    assessment: Assessment
    today: date
    retriever: Retriever
    understood: Understood
    steps: list[Step] = field(default_factory=list)
    runs: list[ToolRun] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    waiting: list[Step | Delta] = field(default_factory=list)
    weighed: Weighed | None = None
    least: float = 0.0
    asked: Said = NOTHING_SAID
    language: Language = field(init=False)

    def __post_init__(self) -> None:
        self.language = self.understood.spoken.answer

    def step(self, kind: str, detail: str, name: str = "") -> None:
        """Note a step, to be told."""
        made = Step(len(self.steps) + 1, telling.title(kind, self.language, name), detail)
        self.steps.append(made)
        self.waiting.append(made)

    def say(self, text: str) -> None:
        """Add to the text, to be told."""
        self.pieces.append(text)
        self.waiting.append(Delta(text))

    def untold(self) -> list[Step | Delta]:
        """What has come together since it was told last."""
        told, self.waiting = self.waiting, []
        return told

    @property
    def text(self) -> str:
        """All that was said so far."""
        return "".join(self.pieces)
