"""OpenAI's wire form: what a request may say, and the bytes of answers, chunks and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulator.answers import Answer, Prompt
from simulator.errors import RejectedError
from simulator.wording import count_tokens

_Body = TypeVar("_Body", bound=BaseModel)
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A question to the model, as far as the simulator heeds it; all other members are accepted and passed over."""

    model: str
    prompt: Prompt
    prompt_tokens: int
    stream: bool
    include_usage: bool
    most_tokens: int | None
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts to turn into vectors; `dimensions` is None where the profile's number holds."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None
    base64: bool


class _Lenient(BaseModel):
    """Clients send members that the simulator does not know; those are passed over, the known ones are checked."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Part(_Lenient):
    type: str
    text: str | None = None


class _Message(_Lenient):
    role: str
    content: str | list[_Part] | None = None


class _StreamOptions(_Lenient):
    include_usage: bool = False


class _Chat(_Lenient):
    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[_Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    stop: str | list[str] | None = None


class _Embedding(_Lenient):
    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: str | Annotated[list[str], Field(min_length=1, max_length=256)]
    dimensions: Annotated[int, Field(ge=2, le=4096)] | None = None
    encoding_format: str | None = None


def read_chat(body: bytes) -> ChatRequest:
    """A chat request from its body.

    Raises:
        RejectedError: 400, with the member that is wrong as `param`.
    """
    wire = _read(_Chat, body)
    texts = [_text(message) for message in wire.messages]
    asked = [text for text, message in zip(texts, wire.messages, strict=True) if message.role == "user"]
    given = [text for text, message in zip(texts, wire.messages, strict=True) if message.role != "assistant"]
    stops = wire.stop or ()
    return ChatRequest(
        model=wire.model,
        prompt=Prompt(given, asked[-1] if asked else ""),
        prompt_tokens=sum(map(count_tokens, texts)),
        stream=bool(wire.stream),
        include_usage=wire.stream_options is not None and wire.stream_options.include_usage,
        most_tokens=wire.max_completion_tokens or wire.max_tokens,
        stops=(stops,) if isinstance(stops, str) else tuple(stops),
    )


def read_embedding(body: bytes) -> EmbeddingRequest:
    """A request for embeddings from its body.

    Raises:
        RejectedError: 400, with the member that is wrong as `param`.
    """
    wire = _read(_Embedding, body)
    texts = (wire.input,) if isinstance(wire.input, str) else tuple(wire.input)
    return EmbeddingRequest(wire.model, texts, wire.dimensions, wire.encoding_format == "base64")


def _read(form: type[_Body], body: bytes) -> _Body:
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        param = ".".join(str(part) for part in first["loc"])
        raise RejectedError(400, f"{param}: {first['msg']}" if param else first["msg"], param=param or None) from None


def _text(message: _Message) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    return "\n".join(part.text for part in message.content if part.text)


def error_body(status: int, message: str, *, param: str | None = None, code: str | None = None) -> bytes:
    """An error in OpenAI's form; the type follows from the status."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def usage_of(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """The usage object."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer with what its frames repeat; `created` is in whole seconds since 1970."""

    id: str
    created: int
    model: str
    answer: Answer
    prompt_tokens: int

    def body(self, *, usage: bool = True) -> bytes:
        """The whole answer as one JSON object."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.answer.text, "refusal": None},
            "logprobs": None,
            "finish_reason": self.answer.finish_reason,
        }
        whole: dict[str, Any] = {**self._head("chat.completion"), "choices": [choice]}
        if usage:
            whole["usage"] = usage_of(self.prompt_tokens, len(self.answer.tokens))
        return orjson.dumps(whole)

    def role_frame(self, *, usage_null: bool) -> bytes:
        """The first chunk: the role, and no words yet."""
        delta = {"role": "assistant", "content": "", "refusal": None}
        return self._frame(delta, None, {"usage": None} if usage_null else {})

    def token_frames(self, *, usage_null: bool, usage_each: bool) -> list[bytes]:
        """One chunk for each token; with `usage_each` every one repeats the usage so far."""
        if usage_each:
            return [
                self._frame({"content": token}, None, {"usage": usage_of(self.prompt_tokens, number)})
                for number, token in enumerate(self.answer.tokens, start=1)
            ]
        # The chunks differ in the token alone: everything else is made once, which is most of the cost of a long answer.
        mark = "\x00"
        before, _, after = self._frame({"content": mark}, None, {"usage": None} if usage_null else {}).partition(
            b'"\\u0000"'
        )
        return [before + orjson.dumps(token) + after for token in self.answer.tokens]

    def finish_frame(self, *, usage_null: bool) -> bytes:
        """The chunk that says why the answer ended."""
        return self._frame({}, self.answer.finish_reason, {"usage": None} if usage_null else {})

    def usage_frame(self) -> bytes:
        """The last chunk before the end mark: no choices, the usage of the whole."""
        usage = usage_of(self.prompt_tokens, len(self.answer.tokens))
        return _event({**self._head("chat.completion.chunk"), "choices": [], "usage": usage})

    def broken_frame(self) -> bytes:
        """A chunk whose JSON breaks off in the middle."""
        whole = self._frame({"content": "terputus"}, None, {})
        return whole[: len(whole) * 2 // 3] + b"\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": "fp_simulator",
        }

    def _frame(self, delta: dict[str, Any], finish_reason: str | None, more: dict[str, Any]) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice], **more})


def error_frame(status: int, message: str) -> bytes:
    """An error object in the midst of a stream."""
    return b"data: " + error_body(status, message, code="simulated_fault") + b"\n\n"


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def models_body(names: list[str], created: int) -> bytes:
    """The list of models."""
    return orjson.dumps({"object": "list", "data": [_model(name, created) for name in names]})


def model_body(name: str, created: int) -> bytes:
    """One model."""
    return orjson.dumps(_model(name, created))


def _model(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "simulator"}


def embeddings_body(request: EmbeddingRequest, vector_of: Callable[[str], list[float] | str]) -> bytes:
    """The vectors of all texts, in order."""
    data = [
        {"object": "embedding", "index": place, "embedding": vector_of(text)}
        for place, text in enumerate(request.texts)
    ]
    words = sum(map(count_tokens, request.texts))
    usage = {"prompt_tokens": words, "total_tokens": words}
    return orjson.dumps({"object": "list", "data": data, "model": request.model, "usage": usage})
