"""What it means to speak to a chatbot under test, whoever made it: the Protocol, and the values that pass through it.

A refusal (403, 404, 422 …) is an answer to judge, so `ask`, `stream`, `run_tool` and `raw` carry it as status and code. No answer
at all raises `TargetDown`. All durations are seconds of a monotonic clock, unrounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from slo.spec import Engine
from target.accounts import Credentials

STREAM_CUT = "stream_cut"
"""Code of a stream that ended without `done` or `error`; the service never sends it."""
LARGEST_BYTES = 16 * 2**20
"""Most bytes of one answer, unpacked: one that pours without end must not take this machine's memory and all of a run's time."""
MALFORMED = "malformed_reply"
"""Code of a 2xx answer whose body does not keep docs/http-api.md; the service never sends it."""


EXTRACTIVE_MODEL: Final = "extractive"
SIMULATED_MODEL: Final = "simulated-"
"""How the model of an answer is called by the embedded engine, and how it begins in a stack whose provider is the simulator."""


def wrote(model: str) -> Engine | None:
    """The engine behind the model that an answer names; None when it names none."""
    if not model:
        return None
    if model == EXTRACTIVE_MODEL:
        return Engine.EXTRACTIVE
    return Engine.SIMULATED if model.startswith(SIMULATED_MODEL) else Engine.REAL


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that somebody else made, for a target whose passwords we do not have."""

    value: str = field(repr=False)


Login = Credentials | AccessToken


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in role; the token stays out of its repr."""

    role: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Citation:
    """One numbered source of an answer; the fields are those of docs/http-api.md, None or empty where it sent none."""

    number: int
    id: str
    title: str = ""
    law: str | None = None
    article: str | None = None
    year: int | None = None
    status: str | None = None
    as_of: str | None = None
    source: str | None = None
    kind: str = ""
    quote: str = ""
    demo: bool = False
    verified: bool = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool that the chatbot ran for an answer."""

    tool_name: str
    outcome: str = ""
    results: int | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answered question.

    Attributes:
        processing_time: Seconds as the service itself says; judge by the client's own clock.
        confidence_score: 0 to 1, or None where the target gives none.
        reasoning_steps: The steps' titles, in order.
    """

    id: str
    conversation_id: str
    text: str
    outcome: str
    refusal_reason: str | None
    citations: tuple[Citation, ...]
    confidence_score: float | None
    complexity: str
    role: str
    tool_calls: tuple[ToolCall, ...]
    reasoning_steps: tuple[str, ...]
    notices: tuple[str, ...]
    processing_time: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for a question: an answer, or a status and code that say why not.

    Attributes:
        code: The problem's code, `stream_cut`, `malformed_reply`, or empty for a good answer.
        duration_seconds: Request sent to last byte received.
        detail: The problem's own words, for findings.
    """

    status: int
    code: str
    duration_seconds: float
    answer: Answer | None
    detail: str = ""

    @property
    def failure(self) -> str:
        """Why this is no answer, `503 storage_unavailable`; empty when it is one."""
        return "" if self.answer is not None else f"{self.status} {self.code}".strip()


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """A streamed answer.

    Attributes:
        ttft_seconds: First non-empty delta received minus request sent; None when no words came.
        duration_seconds: Request sent to the end of the stream.
        gaps: Seconds between consecutive deltas, as received.
        text: The deltas joined, which the answer must equal.
    """

    reply: Reply
    ttft_seconds: float | None
    duration_seconds: float
    gaps: tuple[float, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation's history; `author` is `user` or `assistant`."""

    author: str
    content: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One result of a tool that was run alone."""

    id: str
    title: str = ""
    text: str = ""
    kind: str = ""
    demo: bool = False


@dataclass(frozen=True, slots=True)
class ToolReply:
    """What a tool that was run alone gave back; `code` is empty when it ran."""

    status: int
    code: str
    duration_seconds: float
    outcome: str = ""
    results: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as written, for security checks; `path` begins with `/`, so that no token leaves for another host."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response as it came; `headers` by lower-case name, `body` is the JSON value or None."""

    status: int
    code: str
    duration_seconds: float
    headers: Mapping[str, str]
    body: object
    text: str


class ChatTarget(Protocol):
    """A chatbot that can be asked. Every method raises `TargetDown` when nobody answers."""

    async def login(self, role: str) -> Session:
        """Sign in as a role.

        Raises:
            TargetRefused: The credentials were refused.
            InvalidInput: There are none for this role.
        """

    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        """Ask, and wait for the whole answer."""

    async def stream(self, session: Session, message: str, conversation_id: str | None = None) -> StreamedReply:
        """Ask, and take the answer word by word."""

    async def start_conversation(self, session: Session, title: str) -> str:
        """Open a conversation with a title and give its id; raises TargetRefused."""

    async def history(self, session: Session, conversation_id: str) -> tuple[Message, ...]:
        """The messages of a conversation, oldest first; raises TargetRefused."""

    async def export_citations(self, session: Session, conversation_id: str, form: str) -> tuple[str, ...]:
        """The citations of a conversation, written in a house style such as `ma_indonesia`; raises TargetRefused."""

    async def run_tool(self, session: Session, tool: str, query: str) -> ToolReply:
        """Run one tool alone."""

    async def raw(self, session: Session | None, request: RawRequest) -> RawResponse:
        """Send a request as written; without a session it carries no token."""
