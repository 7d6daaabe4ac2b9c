"""What a client of OpenAI's API sends to have a question answered, and what we read of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from service.api.wire import Body, Scoped, checked_length
from service.errors import FieldError, InvalidRequest
from service.sanitising import cleaned

Member = TypeVar("Member")
Read = Annotated[list[Member], Field(fail_fast=True)]
"""A list that is read up to its first wrong member: a body holds 250,000 of them, and to tell of each takes the worker seconds. Clients are shown one."""

_NO_TOOLS = "This model runs its own tools; send no tools or functions"
_TEXT_ONLY = "Only text is read: send a string, or parts of type 'text'"


class _ToolChoice(Body):
    tool_calls: list[Any] | None = None
    function_call: Any = None


class ChatMessage(_ToolChoice):
    """One message of a conversation that the client keeps."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Read[dict[str, Any]] | None = None


class StreamOptions(Body):
    """`stream_options`."""

    include_usage: bool | None = None


class CompletionRequest(Scoped):
    """`POST /v1/chat/completions`; members that are not here are ignored."""

    model: str = Field(min_length=1, max_length=256)
    messages: Read[ChatMessage] = Field(min_length=1, max_length=1_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    n: int | None = Field(default=None, ge=1, le=1)
    stop: str | Read[str] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    modalities: Read[str] | None = None
    audio: Any = None
    conversation_id: str | None = Field(default=None, min_length=1, max_length=128)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: the last message of the user, and the user's earlier ones, the newest first."""

    text: str
    earlier: tuple[str, ...]


def asked_in(request: CompletionRequest, most_characters: int) -> Asked:
    """The question of a request. Only what the user said counts: instructions and answers that a client sends are nobody's word.

    Raises:
        InvalidRequest: nothing is asked, or for what there is not: images, audio, tools, a form other than text.
    """
    _refuse_what_is_not_there(request)
    said = [(place, _text(place, message)) for place, message in enumerate(request.messages) if message.role == "user"]
    if not said:
        raise _wrong("messages", "Must hold a message of role 'user'")
    place, text = said[-1]
    shown = (cleaned(one) for _, one in reversed(said[:-1]))
    earlier = tuple(one[:most_characters] for one in shown if one.strip())
    return Asked(checked_length(text, most_characters, f"messages.{place}.content"), earlier)


def _refuse_what_is_not_there(request: CompletionRequest) -> None:
    if request.tools or request.functions:
        raise _wrong("tools" if request.tools else "functions", _NO_TOOLS)
    if request.response_format and request.response_format.get("type") != "text":
        raise _wrong("response_format", "Only {'type': 'text'} is written")
    if request.audio is not None or (request.modalities and request.modalities != ["text"]):
        raise _wrong("audio" if request.audio is not None else "modalities", "Only text is written")
    if isinstance(request.stop, list) and len(request.stop) > _MOST_STOPS:
        raise _wrong("stop", f"May hold at most {_MOST_STOPS} sequences")
    for place, message in enumerate(request.messages):
        if message.role in ("tool", "function") or message.tool_calls or message.function_call:
            raise _wrong(f"messages.{place}", _NO_TOOLS)


_MOST_STOPS = 4


def _text(place: int, message: ChatMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    texts = []
    for number, part in enumerate(message.content or ()):
        text = part.get("text")
        if part.get("type") != "text" or not isinstance(text, str):
            raise _wrong(f"messages.{place}.content.{number}", _TEXT_ONLY)
        texts.append(text)
    return "\n".join(texts)


def _wrong(path: str, message: str) -> InvalidRequest:
    return InvalidRequest("The request cannot be answered", errors=[FieldError(path, message)])
