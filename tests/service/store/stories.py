"""What the tests of keeping and losing share: people with conversations, answers and passages."""

from __future__ import annotations

import json
from dataclasses import replace

from service.store.answers import SavedAnswer, insert_answer
from service.store.conversations import Conversation, Message, append_messages, insert_conversation
from service.store.work import Work, run

ANSWER = SavedAnswer(
    message_id="", account_id="", conversation_id="", request_id="", trace_id="trace", asked_at=0.0, answered_at=0.0, hour=0,
    role="judge", complexity="simple", outcome="ok", refusal_reason=None, confidence=0.5, model="extractive", cached=0,
    input_tokens=10, output_tokens=20, usage_source="estimated", cost_usd=0.25, versions="{}", record="{}",
)  # fmt: skip


def turn(account_id: str, conversation_id: str, name: str, at: float, passages: tuple[str, ...] = ()) -> Work[None]:
    """A question and its answer, two seconds apart, resting on some passages."""
    question, answer = f"q-{name}", f"a-{name}"
    said = (
        Message(question, "user", f"words of {name}", at),
        Message(answer, "assistant", f"answer to {name}", at + 2, "[]"),
    )
    yield from append_messages(account_id, conversation_id, said)
    record = json.dumps({"passages": [{"number": n, "digest": digest} for n, digest in enumerate(passages)]})
    saved = replace(
        ANSWER, message_id=answer, account_id=account_id, conversation_id=conversation_id, request_id=f"request-{name}",
        asked_at=at, answered_at=at + 2, hour=int((at + 2) // 3600), record=record,
    )  # fmt: skip
    yield from insert_answer(saved, {digest: f'"{digest}"' for digest in passages})


def conversation(account_id: str, conversation_id: str, at: float, passages: tuple[str, ...] = ()) -> Work[None]:
    """A conversation of one turn."""
    yield from insert_conversation(account_id, Conversation(conversation_id, f"title of {conversation_id}", at, 0))
    yield from turn(account_id, conversation_id, conversation_id, at, passages)
    yield from run(
        "INSERT INTO feedback (message_id, score, comment, created_at, day) VALUES ($1, 5, $2, $3, $4)",
        f"a-{conversation_id}",
        f"comment on {conversation_id}",
        at,
        int(at // 86_400),
    )
