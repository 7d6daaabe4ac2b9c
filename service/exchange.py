"""What a question brings, and what is told of its answer as it comes about: values alone, known to all who ask and all who show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Literal

from orjson import Fragment

from service.chat.citations import Citation
from service.chat.complexity import Complexity
from service.chat.evidence import Evidence
from service.chat.guard import RefusalReason
from service.chat.language import Language
from service.deployments.model import Role
from service.llm.engine import Written
from service.retrieval.retriever import NO_FILTERS, Filters
from service.sharing.recent import Remembered
from service.tools.toolbox import ToolRun
from service.values import value

Outcome = Literal["ok", "abstained", "refused"]


@value
class Question:
    """What is asked, by whom, and what the conversation held so far (earlier questions, the newest first).

    `filters` are those that were asked for beside the text; without any, those that the text itself asks for hold.
    `extractive` asks for the extractive engine, whatever models there are.
    """

    text: str
    role: Role
    earlier: Sequence[str] = ()
    title: str | None = None
    request_id: str = ""
    cacheable: bool = True
    filters: Filters = NO_FILTERS
    extractive: bool = False

    def worded(self, text: str, earlier: tuple[str, ...], title: str | None) -> Question:
        """The same question in these words; mostly they are its own."""
        if (text, earlier, title) == (self.text, self.earlier, self.title):
            return self
        return replace(self, text=text, earlier=earlier, title=title)


@value
class Turn:
    """A question with its place: the conversation (new or not) and the id that its answer will have."""

    id: str
    conversation_id: str
    is_new: bool
    owner: str
    question: Question
    asked_at: float
    trace_id: str = ""
    recalled: Remembered | None = None
    """The conversation as the database had it, where it was asked."""


@value
class Step:
    """Something that was really done, for the reader: what was looked at and what it gave."""

    number: int
    title: str
    detail: str


@value
class Classified:
    """Told first: how demanding the question is."""

    complexity: Complexity


@value
class Delta:
    """A piece of the answer."""

    text: str


@value
class Done:
    """Steps and tool calls of an answer, as JSON."""

    steps: Fragment
    tool_calls: Fragment


@value
class Answer:
    """The whole answer, saved. Told last.

    `weighed` are the passages that were considered, cited or not, `features` what the confidence in them was reckoned from, and
    `corpus` the hash of the state of the corpus that they come from. `language` is that of our own words; quotations keep theirs.
    """

    text: str
    outcome: Outcome
    complexity: Complexity
    refusal_reason: RefusalReason | None
    citations: tuple[Citation, ...]
    confidence: float
    tool_runs: tuple[ToolRun, ...]
    steps: tuple[Step, ...]
    notices: tuple[str, ...]
    written: Written
    weighed: tuple[Evidence, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)
    corpus: str = ""
    language: Language = "id"
    done: Done | None = field(default=None, init=False, compare=False, repr=False)
    """Its steps and tool calls as JSON, once somebody has asked for them (`doings`)."""


Event = Classified | Step | Delta | Answer
Save = Callable[[Answer], Awaitable[None]]
