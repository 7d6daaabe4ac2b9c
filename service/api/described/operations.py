"""What each route takes and gives: the table out of which the OpenAPI document is made, together with the models that validate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from service.api.openai_wire import CompletionRequest
from service.api.wire import (
    ChatQuestion,
    Login,
    NewConversation,
    NewFeedback,
    NewKey,
    NewTitle,
    Switch,
    ToolQuestion,
)
from service.chat.citing import FORMS
from service.deployments.model import TOOLS

JSON = "application/json"
STREAM = "text/event-stream"
TEXT = "text/plain"
BINARY = "application/octet-stream"

Example = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query, or a header."""

    name: str
    schema: Mapping[str, Any]
    description: str
    place: str = "query"
    required: bool = False
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. `gives` holds the media types of success with the name of each one's schema (empty: text or bytes).

    `also` are further statuses that give the same as success; `problems` those that this route has beside the ones of every route of its kind.
    """

    tag: str
    gives: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    body: type[BaseModel] | None = None
    binary: bool = False
    example: Example | None = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = ()
    also: tuple[int, ...] = ()
    open: bool = False
    openai: bool = False


def _number(name: str, default: int, most: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(name, schema, "How many a page holds")


_CURSOR = Parameter("cursor", {"type": "string", "maxLength": 400}, "The `next_cursor` of the page before")
_SCOPE = Parameter(
    "scope", {"type": "string", "enum": ["own", "all"], "default": "own"}, "Everybody's needs permission `admin`"
)
_FROM = Parameter(
    "from", {"type": "string"}, "A day or a moment; one without an offset is of UTC", example="2026-11-01"
)
_TO = Parameter("to", {"type": "string"}, "A day or a moment; behind `from`", example="2026-11-02T08:00:00+07:00")
_SPLIT = Parameter(
    "split",
    {"type": "string", "enum": ["none", "role", "model", "both"], "default": "none"},
    "For what each is counted by itself: distinct counts cannot be added",
)
_BY = Parameter("by", {"type": "string", "enum": ["hour", "day"], "default": "day"}, "How long a step is")
_FORMAT = Parameter(
    "format",
    {"type": "string", "enum": list(FORMS), "default": "ma_indonesia"},
    "The form; else the one that `Accept` names",
)
_NAME = Parameter("name", {"type": "string", "maxLength": 200}, "A plain file name with its suffix", required=True)
_KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "Sent again, the request gets the same answer once",
    place="header",
)
_QUESTION = "Apa itu hukum pidana?"
_FILES = {form.media_type: "CslItems" if name == "csl-json" else "" for name, form in FORMS.items()}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("/v1/auth/token", "POST"): Operation(
        "access",
        {JSON: "Token"},
        body=Login,
        example={"username": "ana", "password": "the password"},
        problems=(400, 401, 403, 429),
        open=True,
    ),
    ("/v1/auth/logout", "POST"): Operation("access", status=204, problems=(422,)),
    ("/v1/auth/me", "GET"): Operation("access", {JSON: "Me"}),
    ("/v1/keys", "GET"): Operation("access", {JSON: "Keys"}),
    ("/v1/keys", "POST"): Operation(
        "access", {JSON: "MadeKey"}, status=201, body=NewKey, example={"name": "skrip laporan", "scopes": ["read"]}
    ),
    ("/v1/keys/{key_id}", "DELETE"): Operation("access", status=204),
    ("/v1/chat", "POST"): Operation(
        "chat",
        {JSON: "Answer", STREAM: ""},
        body=ChatQuestion,
        example={"message": _QUESTION, "as_of": "2026-01-01"},
        parameters=(_KEY,),
        problems=(404, 409, 504),
    ),
    ("/v1/chat/completions", "POST"): Operation(
        "chat",
        {JSON: "Completion", STREAM: ""},
        body=CompletionRequest,
        example={"model": "courtsight", "messages": [{"role": "user", "content": _QUESTION}]},
        parameters=(_KEY,),
        problems=(404, 409, 504),
        openai=True,
    ),
    ("/v1/models", "GET"): Operation("chat", {JSON: "Models"}, openai=True),
    ("/v1/models/{model}", "GET"): Operation("chat", {JSON: "Model"}, openai=True),
    ("/v1/conversations", "POST"): Operation(
        "conversations", {JSON: "Conversation"}, status=201, body=NewConversation, example={"title": "Perkara cerai"}
    ),
    ("/v1/conversations", "GET"): Operation(
        "conversations", {JSON: "Conversations"}, parameters=(_number("limit", 20, 100), _CURSOR), problems=(422,)
    ),
    ("/v1/conversations/{conversation_id}", "GET"): Operation(
        "conversations",
        {JSON: "ConversationWithMessages"},
        parameters=(_number("limit", 200, 500), _CURSOR),
        problems=(422,),
    ),
    ("/v1/conversations/{conversation_id}", "PATCH"): Operation(
        "conversations", {JSON: "Conversation"}, body=NewTitle, example={"title": "Perkara waris"}
    ),
    ("/v1/conversations/{conversation_id}", "DELETE"): Operation("conversations", status=204),
    ("/v1/conversations/{conversation_id}/citations", "GET"): Operation(
        "conversations", {JSON: "CitationLines", **_FILES}, parameters=(_FORMAT,), problems=(422,)
    ),
    ("/v1/conversations/{conversation_id}/export", "GET"): Operation("conversations", {JSON: "Export"}),
    ("/v1/messages/{message_id}", "GET"): Operation("conversations", {JSON: "ExaminedMessage"}),
    ("/v1/messages/{message_id}/feedback", "PUT"): Operation(
        "conversations", {JSON: "Feedback"}, body=NewFeedback, example={"score": 4, "comment": "Jelas."}
    ),
    ("/v1/usage", "GET"): Operation(
        "usage", {JSON: "UsageReport"}, parameters=(_BY, _FROM, _TO, _SCOPE), problems=(422,)
    ),
    ("/v1/usage/conversations", "GET"): Operation(
        "usage", {JSON: "ConversationStatistics"}, parameters=(_BY, _SPLIT, _FROM, _TO, _SCOPE), problems=(422,)
    ),
    ("/v1/documents", "POST"): Operation(
        "documents",
        {JSON: "Document"},
        status=202,
        binary=True,
        parameters=(_NAME,),
        problems=(408, 409, 413, 415, 422),
    ),
    ("/v1/documents", "GET"): Operation(
        "documents", {JSON: "Documents"}, parameters=(_number("limit", 20, 100), _CURSOR), problems=(422,)
    ),
    ("/v1/documents/{document_id}", "GET"): Operation("documents", {JSON: "Document"}),
    ("/v1/tools", "GET"): Operation("tools", {JSON: "Tools"}),
    ("/v1/tools/{tool_name}", "POST"): Operation(
        "tools", {JSON: "ToolResult"}, body=ToolQuestion, example={"query": "korupsi"}, problems=(504,)
    ),
    ("/v1/switches/extractive-only", "GET"): Operation("operations", {JSON: "SwitchState"}),
    ("/v1/switches/extractive-only", "PUT"): Operation(
        "operations", {JSON: "SwitchState"}, body=Switch, example={"on": False}
    ),
    ("/health/live", "GET"): Operation("operations", {JSON: "Alive"}, open=True),
    ("/health/live", "HEAD"): Operation("operations", {JSON: ""}, open=True),
    ("/health/ready", "GET"): Operation("operations", {JSON: "Ready"}, also=(503,), open=True),
    ("/health/ready", "HEAD"): Operation("operations", {JSON: ""}, also=(503,), open=True),
    ("/health", "GET"): Operation("operations", {JSON: "Health"}, also=(503,), open=True),
    ("/health", "HEAD"): Operation("operations", {JSON: ""}, also=(503,), open=True),
    ("/health/detailed", "GET"): Operation(
        "operations", {JSON: "DetailedHealth"}, also=(503,), problems=(400, 401, 403), open=True
    ),
    ("/metrics", "GET"): Operation(
        "operations", {TEXT: "", "application/openmetrics-text": ""}, problems=(401,), open=True
    ),
    ("/openapi.json", "GET"): Operation("operations", {JSON: ""}, open=True),
    ("/", "GET"): Operation("page", {"text/html": ""}, open=True),
    ("/", "HEAD"): Operation("page", {"text/html": ""}, open=True),
    ("/assets/{version}/{name}", "GET"): Operation(
        "page", {"text/javascript": "", "text/css": "", "image/svg+xml": ""}, open=True
    ),
    ("/assets/{version}/{name}", "HEAD"): Operation(
        "page", {"text/javascript": "", "text/css": "", "image/svg+xml": ""}, open=True
    ),
}

PATH_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "tool_name": {"type": "string", "enum": list(TOOLS)},
}
"""Parameters of paths that are more than some text."""
