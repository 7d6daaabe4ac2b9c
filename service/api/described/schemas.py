"""The forms of what goes out, as JSON Schema: every member is there, and no other, unless a form says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.chat.complexity import COMPLEXITIES
from service.deployments.model import ROLES, TOOLS
from service.errors import PROBLEM_CODES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def one_of(*words: str) -> Schema:
    """One of several words."""
    return {"type": "string", "enum": list(words)}


def items(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def members(*, optional: Mapping[str, Schema] | None = None, **required: Schema) -> Schema:
    """An object of these members and no others. A trailing underscore keeps a name out of Python's own words."""
    named = {name.removesuffix("_"): schema for name, schema in required.items()}
    return {
        "type": "object",
        "properties": {**named, **(optional or {})},
        "required": list(named),
        "additionalProperties": False,
    }


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_SECONDS: Schema = {"type": "number", "minimum": 0, "description": "Seconds"}
_RATIO: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_FLAG: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_OUTCOME = one_of("ok", "abstained", "refused")
_REASON = maybe(
    one_of("unsafe", "injection", "out_of_domain", "law_not_in_corpus", "article_not_in_law", "no_evidence")
)
_COMPLEXITY = one_of(*COMPLEXITIES)
_ROLE = one_of(*ROLES)
_CURSOR = maybe(_TEXT)
_LANGUAGE = one_of("id", "en")
_NAMED = {"conversation_id": _TEXT, "title": _TEXT, "created_at": _MOMENT}
_SAID = {"id": _TEXT, "author": one_of("user", "assistant"), "content": _TEXT, "created_at": _MOMENT}
_CITED = {"citations": items(ref("Citation"))}
_HEALTH = {
    "status": one_of("healthy", "degraded", "unhealthy"),
    "service": _TEXT,
    "version": _TEXT,
    "uptime_seconds": _NUMBER,
}
_STATE = one_of("healthy", "unhealthy")
_KEY = {
    "key_id": _TEXT,
    "name": _TEXT,
    "hint": _TEXT,
    "scopes": items(_TEXT),
    "quota": maybe(_TEXT),
    "created_at": _MOMENT,
    "expires_at": maybe(_MOMENT),
    "revoked_at": maybe(_MOMENT),
}
_ANSWERED: dict[str, Schema] = {
    "id": _TEXT,
    "conversation_id": _TEXT,
    "request_id": _TEXT,
    "role": _ROLE,
    "processing_time": _SECONDS,
    "model": _TEXT,
    "outcome": _OUTCOME,
    "refusal_reason": _REASON,
    "citations": items(ref("Citation")),
    "confidence_score": _RATIO,
    "complexity": _COMPLEXITY,
    "tool_calls": items(ref("ToolCall")),
    "reasoning_steps": items(ref("Step")),
    "notices": items(_TEXT),
    "language": _LANGUAGE,
    "cached": _FLAG,
    "usage": ref("Usage"),
}


_TALK: dict[str, Schema] = {
    "start": _MOMENT,
    "role": maybe(_TEXT),
    "model": maybe(_TEXT),
    "conversations": _COUNT,
    "begun": maybe(_COUNT),
    "users": _COUNT,
    "messages": _COUNT,
    "mean_turns": maybe(_NUMBER),
    "feedback": _COUNT,
    "feedback_mean": maybe(_NUMBER),
}
"""What is told of the conversations of a step."""


def _map_of(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


_OF_ERRORS: dict[str, Schema] = {
    "Problem": members(
        type_=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        code=one_of(*PROBLEM_CODES),
        request_id=_TEXT,
        trace_id=_TEXT,
        optional={"errors": items(members(path=_TEXT, message=_TEXT))},
    ),
    "OpenAIError": members(
        error=members(
            message=_TEXT,
            type_=_TEXT,
            code=one_of(*PROBLEM_CODES),
            param=maybe(_TEXT),
            request_id=_TEXT,
            trace_id=_TEXT,
        )
    ),
}
_OF_ACCESS: dict[str, Schema] = {
    "Token": {
        "anyOf": [
            members(access_token=_TEXT, token_type=one_of("bearer"), expires_in=_COUNT, role=_ROLE),
            members(expires_in=_COUNT, role=_ROLE),
        ]
    },
    "Me": members(
        username=_TEXT,
        role=_ROLE,
        permissions=items(_TEXT),
        tools=items(one_of(*TOOLS)),
        expires_at=maybe(_MOMENT),
    ),
    "Key": members(**_KEY),
    "MadeKey": members(**_KEY, key=_TEXT),
    "Keys": members(keys=items(ref("Key"))),
}
_OF_ANSWERS: dict[str, Schema] = {
    "Citation": members(
        number={"type": "integer", "minimum": 1},
        id=_TEXT,
        title=_TEXT,
        law=maybe(_TEXT),
        article=maybe(_TEXT),
        year=maybe({"type": "integer"}),
        status=_TEXT,
        as_of={"type": "string", "format": "date"},
        source=_TEXT,
        kind=one_of("statute", "guide", "decision"),
        quote=_TEXT,
        demo=_FLAG,
        verified=_FLAG,
    ),
    "ToolCall": members(
        tool_name=one_of(*TOOLS),
        arguments=members(query=_TEXT),
        outcome=one_of("ok", "empty", "timeout", "error"),
        results=_COUNT,
        duration_seconds=_SECONDS,
    ),
    "Step": members(number={"type": "integer", "minimum": 1}, title=_TEXT, detail=_TEXT),
    "Usage": members(input_tokens=_COUNT, output_tokens=_COUNT, source=one_of("provider", "estimated", "missing")),
    "Answer": members(**_ANSWERED, answer=_TEXT),
    "Completion": members(
        id=_TEXT,
        object_=one_of("chat.completion"),
        created=_COUNT,
        model=_TEXT,
        system_fingerprint=_TEXT,
        choices=items(
            members(
                index=_COUNT,
                message=members(
                    role=one_of("assistant"), content=_TEXT, refusal={"type": "null"}, annotations=items({})
                ),
                logprobs={"type": "null"},
                finish_reason=one_of("stop", "length"),
            )
        ),
        usage=members(prompt_tokens=_COUNT, completion_tokens=_COUNT, total_tokens=_COUNT),
        courtsight=members(**_ANSWERED),
    ),
    "Model": members(id=_TEXT, object_=one_of("model"), created=_COUNT, owned_by=_TEXT),
    "Models": members(object_=one_of("list"), data=items(ref("Model"))),
}
_OF_CONVERSATIONS: dict[str, Schema] = {
    "Conversation": members(**_NAMED),
    "Conversations": members(conversations=items(members(**_NAMED, messages=_COUNT)), next_cursor=_CURSOR),
    "Message": members(**_SAID, optional={**_CITED, "notices": items(_TEXT), "language": _LANGUAGE, "model": _TEXT}),
    "ConversationWithMessages": members(**_NAMED, messages=items(ref("Message")), next_cursor=_CURSOR),
    "CitationLines": members(format_=one_of("ma_indonesia", "apa"), citations=items(_TEXT)),
    "CslItems": items({"type": "object", "required": ["id", "type"]}),
    "Passage": members(
        number={"type": "integer", "minimum": 1},
        digest=_DIGEST,
        id=_TEXT,
        cited=_FLAG,
        score=_NUMBER,
        missing=_FLAG,
        optional={
            "title": _TEXT,
            "law": maybe(_TEXT),
            "article": maybe(_TEXT),
            "text": _TEXT,
            "status": _TEXT,
            "as_of": _TEXT,
            "source": _TEXT,
            "verified": _FLAG,
            "demo": _FLAG,
        },
    ),
    "Minutes": members(
        request_id=_TEXT,
        trace_id=_TEXT,
        asked_at=_MOMENT,
        answered_at=_MOMENT,
        role=_TEXT,
        complexity=_COMPLEXITY,
        outcome=_OUTCOME,
        refusal_reason=_REASON,
        confidence_score=_RATIO,
        confidence_features=_map_of(_NUMBER),
        model=_TEXT,
        cached=_FLAG,
        usage=ref("Usage"),
        cost_usd=_NUMBER,
        versions=members(service=_TEXT, deployment=_TEXT, engine=_TEXT, corpus=_TEXT, prompt=maybe(_TEXT)),
        reasoning_steps=items(ref("Step")),
        tool_calls=items(ref("ToolCall")),
        notices=items(_TEXT),
        language=maybe(_LANGUAGE),
        passages=items(ref("Passage")),
    ),
    "Feedback": members(
        message_id=_TEXT,
        score={"type": "integer", "minimum": 1, "maximum": 5},
        comment=maybe(_TEXT),
        created_at=_MOMENT,
    ),
    "ExaminedMessage": members(
        **_SAID,
        conversation_id=_TEXT,
        response=maybe(ref("Minutes")),
        feedback=maybe(ref("Feedback")),
        optional=_CITED,
    ),
    "Export": members(
        schema=one_of("courtsight/conversation-export/v1"),
        exported_at=_MOMENT,
        **_NAMED,
        messages=items(ref("ExaminedMessage")),
        audit=items(members(at=_MOMENT, action=_TEXT, subject=_TEXT, actor=_TEXT, request_id=_TEXT, times=_COUNT)),
        digest=_DIGEST,
    ),
}
_OF_THE_REST: dict[str, Schema] = {
    "UsageReport": members(
        by=one_of("hour", "day"),
        scope=one_of("own", "all"),
        from_=_MOMENT,
        to=_MOMENT,
        usage=items(
            members(
                start=_MOMENT,
                role=_TEXT,
                model=_TEXT,
                requests=_COUNT,
                input_tokens=_COUNT,
                output_tokens=_COUNT,
                cost_usd=_NUMBER,
                mean_seconds=_NUMBER,
            )
        ),
        free_model_ratio=maybe(_RATIO),
    ),
    "ConversationStatistics": members(
        by=one_of("hour", "day"),
        split=one_of("none", "role", "model", "both"),
        scope=one_of("own", "all"),
        from_=_MOMENT,
        to=_MOMENT,
        optional={
            "days": items(members(day={"type": "string", "format": "date"}, **_TALK)),
            "hours": items(members(**_TALK)),
        },
    ),
    "Document": members(
        document_id=_TEXT,
        name=_TEXT,
        media_type=_TEXT,
        bytes=_COUNT,
        digest=_DIGEST,
        state=one_of("queued", "running", "done", "refused", "failed"),
        detail=maybe(_TEXT),
        created_at=_MOMENT,
        finished_at=maybe(_MOMENT),
    ),
    "Documents": members(documents=items(ref("Document")), next_cursor=_CURSOR),
    "Tools": members(tools=items(members(tool_name=one_of(*TOOLS), description=_TEXT, permitted=_FLAG))),
    "ToolResult": members(
        tool_name=one_of(*TOOLS),
        outcome=one_of("ok", "empty"),
        results=items(
            members(
                id=_TEXT,
                title=_TEXT,
                law=maybe(_TEXT),
                article=maybe(_TEXT),
                text=_TEXT,
                score=_NUMBER,
                kind=one_of("statute", "guide", "decision"),
                status=_TEXT,
                as_of={"type": "string", "format": "date"},
                demo=_FLAG,
                verified=_FLAG,
            )
        ),
        remark=_TEXT,
        duration_seconds=_SECONDS,
    ),
    "SwitchState": members(switch=one_of("extractive-only"), on=_FLAG),
    "Alive": members(status=one_of("alive")),
    "Ready": members(
        status=one_of("ready", "not_ready"),
        version=_TEXT,
        deployment=_TEXT,
        engine=_TEXT,
        corpus=members(hash=_TEXT, documents=_COUNT, demo=_COUNT, unverified=_COUNT),
        phase=one_of("warming", "serving", "draining"),
        checks=_map_of(one_of("ok", "failing", "degraded")),
    ),
    "Health": members(**_HEALTH, dependencies=_map_of(members(status=_STATE))),
    "DetailedHealth": members(
        **_HEALTH,
        dependencies=_map_of(members(status=_STATE, latency_seconds=_NUMBER)),
        performance=members(
            requests=_NUMBER,
            mean_response_seconds=maybe(_NUMBER),
            memory_bytes=_NUMBER,
            cpu_ratio=_NUMBER,
            active_requests=_NUMBER,
            workers=_COUNT,
        ),
    ),
}

SCHEMAS: Mapping[str, Schema] = {**_OF_ERRORS, **_OF_ACCESS, **_OF_ANSWERS, **_OF_CONVERSATIONS, **_OF_THE_REST}
