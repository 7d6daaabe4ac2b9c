"""OpenAI's wire form: the body of a request, the chunks and errors of an answer. Pure, and lenient only where providers differ.

Nothing that a provider wrote goes into an error's message: it might repeat the question or the key. What it calls the error is told
where it stands in a closed list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from service.llm.calls import Call, Usage
from service.llm.failures import Filtered, Malformed, Overloaded, ProviderError, Rejected, ServerFault

DONE = b"[DONE]"
MOST_TOKENS = 1_000_000_000
"""A count beyond this is a lie of the provider's, and no usage at all."""
OutputLimit = Literal["max_tokens", "max_completion_tokens"]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]

_FINISHES = frozenset({"stop", "length", "tool_calls", "function_call"})
_FILTERS = frozenset({"content_filter", "safety", "content_policy_violation", "prohibited_content", "recitation"})
_WAITS = frozenset(
    {"rate_limit_error", "rate_limit_exceeded", "overloaded_error", "resource_exhausted", "too_many_requests"}
)
_FAULTS = frozenset({"server_error", "api_error", "internal_error", "internal_server_error", "timeout", "unavailable"})
_REFUSALS = frozenset(
    {
        "authentication_error",
        "billing_not_active",
        "context_length_exceeded",
        "insufficient_quota",
        "invalid_api_key",
        "invalid_argument",
        "invalid_request_error",
        "model_not_found",
        "not_found_error",
        "permission_denied",
        "permission_error",
        "unauthenticated",
    }
)


@dataclass(frozen=True, slots=True)
class Delta:
    """What one chunk brings: words (may be empty), why the answer ended (None while it goes on), usage if it says any."""

    text: str
    finish_reason: str | None = None
    usage: Usage | None = None


def request_body(
    call: Call, output_limit: OutputLimit = "max_tokens", reasoning_effort: ReasoningEffort | None = None
) -> bytes:
    """The body of a chat request that streams and asks for usage in the last chunk.

    `output_limit` is the member that this provider reads the limit from; `reasoning_effort` is left out when None.
    """
    body: dict[str, Any] = {
        "model": call.model.wire_name,
        "messages": [{"role": message.role, "content": message.content} for message in call.messages],
        "temperature": call.temperature,
        output_limit: min(call.max_output_tokens, call.model.output_tokens),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if reasoning_effort is not None:
        body["reasoning_effort"] = reasoning_effort
    return orjson.dumps(body)


def read_chunk(payload: bytes) -> Delta:
    """One event of a stream.

    Raises:
        Malformed: it is no chunk.
        Filtered: the provider's filter ended the answer.
        ProviderError: it is an error object; of the kind that its type says.
    """
    return _delta(_object(payload), "delta")


def plain_words(payload: bytes) -> str | None:
    """The words of a chunk that brings nothing but words, as nearly all of them do; None for any other, which `read_chunk` reads.

    At half of the cost of `read_chunk`, and never in disagreement with it.
    """
    try:
        found = orjson.loads(payload)
        choice = found["choices"][0]
        said = choice["delta"]
        words = said["content"]
        if (
            type(words) is not str
            or choice.get("finish_reason")
            or choice.get("index", 0) != 0
            or found.get("usage")
            or found.get("error")
            or said.get("refusal")
        ):
            return None
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        return None
    else:
        return words


def read_whole(payload: bytes) -> Delta:
    """A whole answer as one JSON object, from a provider that does not stream.

    Raises:
        ProviderError: as for `read_chunk`; Malformed also when there is no choice.
    """
    found = _object(payload)
    if not found.get("choices") and "error" not in found:
        raise Malformed("the answer holds no choice")
    return _delta(found, "message")


def read_vectors(payload: bytes, count: int) -> tuple[tuple[tuple[float, ...], ...], Usage | None]:
    """The vectors of an embedding answer in the order of the texts, and what they cost.

    Raises:
        ProviderError: as for `read_chunk`; Malformed also when a vector is missing, or lengths differ.
    """
    found = _object(payload)
    if found.get("error"):
        raise _from_object(found["error"])
    try:
        by_index = {int(one["index"]): tuple(map(float, one["embedding"])) for one in found["data"]}
        vectors = tuple(by_index[number] for number in range(count))
    except (KeyError, TypeError, ValueError):
        vectors = ()
    if len(vectors) != count or len({len(vector) for vector in vectors}) > 1 or not all(vectors):
        raise Malformed("the answer is no list of one vector for each text")
    return vectors, read_usage(found.get("usage"))


def read_usage(found: object) -> Usage | None:
    """Usage as OpenAI writes it; None when it is missing or cannot be.

    Tokens of reasoning are part of the output (OpenAI). Providers that count them only in the total (Gemini) are brought to that form:
    what the total holds beyond prompt and completion was written, and is paid, as output.
    """
    if not isinstance(found, dict):
        return None
    read, written = _count(found.get("prompt_tokens")), _count(found.get("completion_tokens", 0))
    if read is None or written is None:
        return None
    total = _count(found.get("total_tokens")) or 0
    beyond = max(0, total - read - written)
    cached = _detail(found, "prompt_tokens_details", "cached_tokens")
    reasoned = max(_detail(found, "completion_tokens_details", "reasoning_tokens"), beyond)
    return Usage(read, written + beyond, min(cached, read), min(reasoned, written + beyond))


def failure_of(status: int, payload: bytes, retry_after_seconds: float | None) -> ProviderError:
    """What an HTTP status other than 200 means, with the body's error object where there is one."""
    kind = _kind(_error_in(payload))
    told = f"status {status}" + (f", {kind}" if kind else "")
    if kind in _FILTERS:
        return Filtered(told, status=status)
    if status == 429 and kind in _REFUSALS:
        return Rejected(f"{told}: nothing more is given with this key", status=status)
    if status in (429, 529) or (status == 503 and retry_after_seconds is not None):
        return Overloaded(told, status=status, retry_after_seconds=retry_after_seconds)
    return _by_class(status, told)


def _by_class(status: int, told: str) -> ProviderError:
    if status >= 500 or status == 408:
        return ServerFault(told, status=status)
    if status >= 400:
        return Rejected(told, status=status)
    if status >= 300:
        return Rejected(f"{told}: redirects are not followed, mend base_url", status=status)
    return Malformed(f"{told}: an answer has status 200", status=status)


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        found = None  # the decoder's error holds the text: it must not become the cause of ours
    if not isinstance(found, dict):
        raise Malformed("what came is no JSON object")
    return found


def _delta(found: dict[str, Any], member: str) -> Delta:
    if found.get("error"):
        raise _from_object(found["error"])
    usage = found.get("usage")
    counted = read_usage(usage) if usage else None
    choices = found.get("choices")
    if not choices:
        if choices is None and usage is None:
            raise Malformed("a chunk holds neither choices nor usage")
        return Delta("", None, counted)
    choice = choices[0] if isinstance(choices, list) else None
    if not isinstance(choice, dict):
        raise Malformed("a choice is no object")
    said = choice.get(member) or {}
    if not isinstance(said, dict):
        raise Malformed(f"{member} is no object")
    if choice.get("index", 0) != 0:
        return Delta("", None, counted)
    if said.get("refusal"):
        raise Filtered("the model refused to answer")
    return Delta(_text(said.get("content")), _finish(choice.get("finish_reason")), counted)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(part for part in parts if isinstance(part, str))
    raise Malformed("content is no text")


def _finish(reason: object) -> str | None:
    if reason is None or reason == "":
        return None
    word = str(reason).lower()
    if word in _FILTERS:
        raise Filtered("the provider's filter stopped the answer")
    if word == "error":
        raise ServerFault("the provider says that the answer failed")
    return word if word in _FINISHES else "other"


def _from_object(error: object) -> ProviderError:
    """The failure that an error object inside a good status stands for."""
    kind = _kind(error)
    status = _status(error)
    if status is not None:
        return failure_of(status, orjson.dumps({"error": {"type": kind}}), None)
    told = f"an error object, {kind or 'of a kind that we do not know'}"
    if kind in _FILTERS:
        return Filtered(told)
    if kind in _WAITS:
        return Overloaded(told)
    if kind in _REFUSALS:
        return Rejected(told)
    return ServerFault(told)


def _error_in(payload: bytes) -> object:
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if isinstance(found, list) and found:  # Gemini wraps its errors in a list
        found = found[0]
    return found.get("error") if isinstance(found, dict) else None


def _kind(error: object) -> str | None:
    """The word of our closed lists that the error calls itself by, the more telling `code` before `type`."""
    if not isinstance(error, dict):
        return None
    words = [str(error.get(member, "")).lower() for member in ("code", "type", "status")]
    return next((word for word in words if word in _FILTERS | _WAITS | _FAULTS | _REFUSALS), None)


def _status(error: object) -> int | None:
    """The HTTP status that some gateways put into the error object."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        return None
    return value


def _detail(found: dict[str, Any], group: str, member: str) -> int:
    details = found.get(group)
    return (_count(details.get(member)) or 0) if isinstance(details, dict) else 0
