"""The minutes of an answer: what somebody who examines it later needs to see how it came about.

They are written in the same transaction as the answer's words. Passages are kept as they were, once each under the digest of their own
content, because the corpus may say something else by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from service.chat.evidence import Evidence
from service.doings import done_for
from service.exchange import Answer, Turn
from service.llm.extractive import MODEL as EXTRACTIVE
from service.store.answers import SavedAnswer
from service.store.sums import HOUR_SECONDS
from service.values import value

_MOST_KNOWN = 50_000
"""Passages that are known to be stored: some 10 MB; a corpus of 100,000 is mostly asked about its best half."""

_SURE_SECONDS = 3600.0
"""A passage is written again after so long: what nobody refers to is swept out of the database a day after it was written last."""

_Key = tuple[str, str, int]


@value
class Versions:
    """What writes answers in this process. `prompt` says what language models are told, empty where there are none."""

    service: str
    deployment: str
    engine: str
    prompt: str = ""


@value
class Minutes:
    """The row of an answer, the passages that are perhaps not stored yet, and the keys under which they will be known."""

    saved: SavedAnswer
    fresh: Mapping[str, str]
    keys: Mapping[_Key, str]


class MinuteTaker:
    """Writes minutes, and remembers which passages are stored: mostly all of an answer's."""

    def __init__(self, versions: Versions, *, most_known: int = _MOST_KNOWN) -> None:
        """Nothing is known to be stored yet.

        Args:
            versions: what stands beside each answer.
            most_known: how many passages to remember.
        """
        self._versions = versions
        self._most_known = most_known
        self._known: dict[_Key, str] = {}
        self._known_since = 0.0
        self._told: dict[tuple[str, bool], str] = {}

    def of(self, turn: Turn, answer: Answer, now: float) -> Minutes:
        """The minutes of an answer; called where the answer is written, beside the event loop."""
        if now - self._known_since > _SURE_SECONDS:
            self._known.clear()
            self._known_since = now
        fresh: dict[str, str] = {}
        keys: dict[_Key, str] = {}
        cited = {citation.number for citation in answer.citations}
        passages = [
            {
                "number": item.number,
                "digest": self._digest(answer.corpus, item, fresh, keys),
                "id": item.document.id,
                "cited": item.number in cited,
                # Rounded by one multiplication: to so many digits takes three times as long, and an answer has twenty such numbers.
                "score": round(item.score * 10_000) / 10_000,
            }
            for item in answer.weighed
        ]
        return Minutes(self._saved(turn, answer, now, _record(answer, passages)), fresh, keys)

    def kept(self, minutes: Minutes) -> None:
        """Remember that the passages of these minutes are stored, durably."""
        if minutes.keys:
            if len(self._known) + len(minutes.keys) > self._most_known:
                self._known.clear()
            self._known.update(minutes.keys)

    def _digest(self, corpus: str, item: Evidence, fresh: dict[str, str], keys: dict[_Key, str]) -> str:
        """The digest of a passage; within one state of the corpus, id and place say which text it is."""
        key = (corpus, item.document.id, item.passage.place if item.passage else -1)
        known = self._known.get(key) if corpus else None
        if known:
            return known
        body = passage_body(item)
        digest = sha256(body).hexdigest()
        fresh[digest] = body.decode()
        if corpus:
            keys[key] = digest
        return digest

    def _saved(self, turn: Turn, answer: Answer, now: float, record: bytes) -> SavedAnswer:
        written, usage = answer.written, answer.written.usage
        return SavedAnswer(
            message_id=turn.id,
            account_id=turn.owner,
            conversation_id=turn.conversation_id,
            request_id=turn.question.request_id,
            trace_id=turn.trace_id,
            asked_at=turn.asked_at,
            answered_at=now,
            hour=int(now // HOUR_SECONDS),
            role=turn.question.role.name,
            complexity=answer.complexity,
            outcome=answer.outcome,
            refusal_reason=answer.refusal_reason,
            confidence=answer.confidence,
            model=written.model,
            cached=int(written.cached),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            usage_source=usage.source,
            cost_usd=written.cost_usd,
            versions=self._tell(answer.corpus, by_model=written.model != EXTRACTIVE),
            record=record,
        )

    def _tell(self, corpus: str, *, by_model: bool) -> str:
        """The versions as JSON text: the same for all answers out of one state of the corpus."""
        told = self._told.get((corpus, by_model))
        if told is None:
            own = self._versions
            told = orjson.dumps(
                {
                    "service": own.service,
                    "deployment": own.deployment,
                    "engine": own.engine,
                    "corpus": corpus,
                    "prompt": own.prompt if by_model else None,
                }
            ).decode()
            # Every generation of the corpus adds an entry: forgotten together with those before it.
            self._told = {**(self._told if len(self._told) < 8 else {}), (corpus, by_model): told}
        return told


def passage_body(item: Evidence) -> bytes:
    """A passage as it is kept: canonical JSON, so that the same passage has the same digest wherever it is kept."""
    document = item.document
    return orjson.dumps(
        {
            "id": document.id,
            "title": document.title,
            "law": document.law,
            "article": document.article,
            # A decision's holding belongs to its text: an answer may quote either.
            "text": " ".join(part for part in (item.text, document.holding) if part),
            "status": document.status,
            "as_of": document.as_of.isoformat(),
            "source": document.source,
            "verified": document.verified,
            "demo": document.demo,
        },
        option=orjson.OPT_SORT_KEYS,
    )


def _record(answer: Answer, passages: list[dict[str, Any]]) -> bytes:
    """What was done for the answer, as JSON text."""
    done = done_for(answer)
    return orjson.dumps(
        {
            "steps": done.steps,
            "tool_calls": done.tool_calls,
            "notices": answer.notices,
            "language": answer.language,
            "passages": passages,
            "confidence": {name: round(number * 1_000_000) / 1_000_000 for name, number in answer.features.items()},
        }
    )
