"""The JSON that comes in, validated once, and the JSON that goes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service import waiting
from service.chat.citations import Citation, load_citations
from service.doings import done_for
from service.errors import BodyTimeout, EncodedBody, FieldError, InvalidRequest, TooLarge
from service.retrieval.retriever import NO_FILTERS, Filters
from service.sanitising import cleaned
from service.security.passwords import LONGEST_PASSWORD
from service.telemetry.record import HEADERS_KEY

if TYPE_CHECKING:
    from service.exchange import Answer
    from service.retrieval.hits import Hit
    from service.store.conversations import Conversation, Message

Model = TypeVar("Model", bound=BaseModel)

_BODY_SECONDS = 20.0
"""For 65,536 bytes; the slowest line that people still chat over sends them in ten."""
_AS_IT_STANDS = ("", "identity")
_JSON_TYPE = (b"content-type", b"application/json")


def _day(told: object) -> date:
    """A day as the contract writes it. Pydantic would also take seconds or milliseconds since 1970, and guess which."""
    if isinstance(told, str) and _DAY.fullmatch(told):
        with suppress(ValueError):
            return date.fromisoformat(told)
    raise PydanticCustomError("day", "Must be a day, like 2015-12-31")


def _written_moment(told: object) -> str:
    """A moment that begins with its day: a number says neither from when it counts nor in what."""
    if isinstance(told, str) and _DAY.match(told):
        return told
    raise PydanticCustomError("moment", "Must be a moment with a time zone, like 2027-01-31T00:00:00Z")


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Body(BaseModel):
    """What every body has: exact types, and members that nobody asked for are ignored."""

    # Unknown members are ignored: a client that sends a "role" gets the account's role all the same.
    model_config = ConfigDict(strict=True)


class Login(Body):
    """`POST /v1/auth/token`."""

    username: str = Field(min_length=1, max_length=256)
    password: str = Field(min_length=1, max_length=LONGEST_PASSWORD)
    cookie: bool = False
    """True for the chat page: the token goes into a cookie that no script reads, and not into the body."""


class NewKey(Body):
    """`POST /v1/keys`."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
    scopes: list[str] | None = Field(default=None, min_length=1, max_length=20)
    quota: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    expires_at: Annotated[datetime, BeforeValidator(_written_moment), Field(strict=False)] | None = None


class Scoped(Body):
    """Which law is meant, where the caller says so beside the text."""

    as_of: Annotated[date, BeforeValidator(_day)] | None = None
    # Made by a function: a list that stands here would be copied for each question, which takes as long as to check it.
    types: list[str] = Field(default_factory=list, max_length=20)
    year_from: int | None = Field(default=None, ge=1, le=9999)
    year_to: int | None = Field(default=None, ge=1, le=9999)

    @field_validator("year_to")
    @classmethod
    def _in_order(cls, year_to: int | None, told: ValidationInfo) -> int | None:
        """No year lies in a period that ends before it begins: an answer that nothing was found would mislead."""
        begins = told.data.get("year_from")
        if year_to is not None and begins is not None and year_to < begins:
            raise PydanticCustomError("period", "Must not lie before year_from")
        return year_to

    @property
    def filters(self) -> Filters:
        """The same for a search; mostly nothing was said."""
        if self.model_fields_set.isdisjoint(_SCOPES):
            return NO_FILTERS
        return Filters((), tuple(self.types), self.year_from, self.year_to, self.as_of)


_SCOPES = frozenset(Scoped.model_fields)


class ChatQuestion(Scoped):
    """`POST /v1/chat`."""

    message: str = Field(min_length=1)
    conversation_id: str | None = Field(default=None, min_length=1, max_length=128)
    stream: bool | None = None


class Switch(Body):
    """`PUT /v1/switches/{name}`."""

    on: bool


class NewConversation(Body):
    """`POST /v1/conversations`."""

    title: str | None = Field(default=None, min_length=1, max_length=200)


class NewTitle(Body):
    """`PATCH /v1/conversations/{conversation_id}`."""

    title: str = Field(min_length=1, max_length=200)


class NewFeedback(Body):
    """`PUT /v1/messages/{message_id}/feedback`."""

    score: int = Field(ge=1, le=5)
    comment: str | None = Field(default=None, max_length=2_000)


class ToolQuestion(Scoped):
    """`POST /v1/tools/{tool_name}`."""

    query: str = Field(min_length=1)


class Json(Response):
    """A JSON response by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - Starlette's own signature: anything JSON can hold
        """Serialise."""
        return orjson.dumps(content)

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Length and type, as Starlette would put them; it looks for more than most of ours have."""
        if headers is None:
            self.raw_headers = [(b"content-length", b"%d" % len(self.body)), _JSON_TYPE]
        else:
            super().init_headers(headers)


def headers_of(request: Request, name: bytes) -> list[str]:
    """What a request's headers of this name say, in their order; the name in small letters. Each look through Starlette's own takes three times as long."""
    if name not in request.scope[HEADERS_KEY]:
        return []
    return [told.decode("latin-1") for one, told in request.scope["headers"] if one == name]


async def read_body(request: Request, model: type[Model], most: int, within: float = _BODY_SECONDS) -> Model:
    """The body of a request, of at most `most` bytes, `within` seconds.

    Raises:
        BodyTimeout, EncodedBody, TooLarge: as `read_raw`.
        InvalidRequest: as `parsed`.
    """
    return parsed(await read_raw(request, most, within), model)


async def read_raw(request: Request, most: int, within: float = _BODY_SECONDS) -> bytes:
    """The bytes of a body.

    Raises:
        BodyTimeout: it did not come in time: a client that stays silent must not be waited for without end.
        EncodedBody: it is compressed: nothing is unpacked, so that no small body becomes a large one.
        TooLarge: it is longer; no more than the limit was read.
    """
    codings = headers_of(request, b"content-encoding")
    if codings and any(coding.strip().lower() not in _AS_IT_STANDS for coding in codings):
        raise EncodedBody("The body is compressed. Send it as it is, without Content-Encoding.")
    try:
        # Nearly always it has come together with its head.
        return await waiting.within(within, _read(request, most))
    except TimeoutError as error:
        raise BodyTimeout(f"The body did not arrive within {within:g} seconds. Send it again.") from error


def parsed(raw: bytes, model: type[Model]) -> Model:
    """A body in a model's form.

    Raises:
        InvalidRequest: not JSON, or not of that form; names each wrong member.
    """
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("The body is not valid JSON") from error
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidRequest("The body does not have the expected form", errors=_wrong_members(error, body)) from error


def _wrong_members(error: ValidationError, body: object) -> list[FieldError]:
    """Each wrong member once for each thing that is wrong with it, by its place in the body as it was sent."""
    found = [
        (_place(finding["loc"], body, missing=finding["type"] == "missing"), finding)
        for finding in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    # Of what may be a text or a list, and is a list, its wrong member is told; not that the list is no text.
    inner = {place[:size] for place, _ in found for size in range(1, len(place))}
    return [
        FieldError(".".join(place) or "body", _OBJECT if finding["type"] in _NO_OBJECT else finding["msg"])
        for place, finding in found
        if place not in inner
    ]


def _place(loc: tuple[int | str, ...], body: object, *, missing: bool) -> tuple[str, ...]:
    """Where in a body something is wrong. Pydantic also names which of several types it tried ("stop.str"): nobody sent a member called so."""
    place: list[str] = []
    at: Any = body
    for part in loc:
        if isinstance(part, str):
            if not isinstance(at, dict) or (part not in at and not missing):
                continue
            at = at.get(part)
        else:
            at = at[part]
        place.append(str(part))
    return tuple(place)


_OBJECT = "Must be an object"
_NO_OBJECT = ("model_type", "dict_type")
"""What Pydantic tells in words of Python, with the name of a class of ours."""


async def _read(request: Request, most: int) -> bytes:
    declared = headers_of(request, b"content-length")
    if declared and declared[0].isdecimal() and int(declared[0][:12]) > most:
        raise TooLarge(f"The body may have at most {most} bytes")
    gathered, more = await _chunk(request)
    if more:
        # Whoever sends in pieces sends much: each is copied once.
        pieces = bytearray(gathered)
        while more and len(pieces) <= most:
            piece, more = await _chunk(request)
            pieces += piece
        gathered = bytes(pieces)
    if len(gathered) > most:
        raise TooLarge(f"The body may have at most {most} bytes")
    return gathered


async def _chunk(request: Request) -> tuple[bytes, bool]:
    """The next piece of a body, and whether more follows."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def checked_length(text: str, most: int, path: str) -> str:
    """The text without what cannot be seen, when a visible character is left and it is no longer than allowed.

    Raises:
        InvalidRequest: naming the member.
    """
    text = cleaned(text)
    if not text.strip():
        raise InvalidRequest(
            f"'{path}' is empty", errors=[FieldError(path, "Must hold at least one visible character")]
        )
    if len(text) > most:
        raise InvalidRequest(
            f"'{path}' has {len(text)} characters, at most {most} are allowed",
            errors=[FieldError(path, f"Must have at most {most} characters")],
        )
    return text


def moment(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def citation_fields(citation: Citation) -> dict[str, Any]:
    """A citation as the contract shows it; the long title, the court and the day are kept for the export alone."""
    # Written out: to go through the fields of a citation takes three times as long.
    return {
        "number": citation.number,
        "id": citation.id,
        "title": citation.title,
        "law": citation.law,
        "article": citation.article,
        "year": citation.year,
        "status": citation.status,
        "as_of": citation.as_of,
        "source": citation.source,
        "kind": citation.kind,
        "quote": citation.quote,
        "demo": citation.demo,
        "verified": citation.verified,
    }


def answer_fields(answer: Answer) -> dict[str, Any]:
    """The part of a chat response that the answer itself decides."""
    usage, done = answer.written.usage, done_for(answer)
    return {
        "answer": answer.text,
        "language": answer.language,
        "outcome": answer.outcome,
        "refusal_reason": answer.refusal_reason,
        "citations": [citation_fields(citation) for citation in answer.citations],
        "confidence_score": answer.confidence,
        "complexity": answer.complexity,
        "tool_calls": done.tool_calls,
        "reasoning_steps": done.steps,
        "notices": list(answer.notices),
        "cached": answer.written.cached,
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "source": usage.source,
        },
    }


def hit_fields(hit: Hit) -> dict[str, Any]:
    """A passage that a tool found. A decision's holding belongs to its text: an answer may quote either."""
    document = hit.document
    return {
        "id": document.id,
        "title": document.title,
        "law": document.law,
        "article": document.article,
        "text": " ".join(part for part in (document.text, document.holding) if part),
        "score": round(hit.score, 4),
        "kind": document.kind,
        "status": document.status,
        "as_of": document.as_of.isoformat(),
        "demo": document.demo,
        "verified": document.verified,
    }


def conversation_fields(conversation: Conversation) -> dict[str, Any]:
    """A conversation without its messages."""
    return {
        "conversation_id": conversation.id,
        "title": conversation.title,
        "created_at": moment(conversation.created_at),
    }


def message_fields(message: Message) -> dict[str, Any]:
    """A message; only what the assistant said carries citations."""
    fields: dict[str, Any] = {
        "id": message.id,
        "author": message.author,
        "content": message.content,
        "created_at": moment(message.created_at),
    }
    if message.author == "assistant":
        fields["citations"] = [citation_fields(citation) for citation in load_citations(message.citations)]
    return fields
