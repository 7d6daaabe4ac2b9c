"""An answer as OpenAI's API shows it: one object, or chunks of it; what else there is to say stands under `courtsight`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from service.api.cutting import Cutting
from service.api.openai_problems import openai_error
from service.errors import Problem
from service.exchange import Classified, Delta, Step
from service.telemetry.record import RequestRecord

EXTRAS = "courtsight"
_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Heading:
    """What every chunk of a completion repeats. `created` is in seconds since the epoch."""

    id: str
    created: int
    model: str
    system_fingerprint: str


class Completion:
    """The form of one completion."""

    hears = True

    def __init__(self, heading: Heading, question: str, cutting: Cutting, *, include_usage: bool) -> None:
        """Begin.

        Args:
            heading: of this completion.
            question: counted as its input where nothing was read for an answer.
            cutting: where the client wants it cut.
            include_usage: whether a stream ends with a chunk of usage.
        """
        self._question = question
        self._cutting = cutting
        self._include_usage = include_usage
        self._shown: list[str] = []
        self._rest = ""
        self._head(heading)

    def _head(self, heading: Heading) -> None:
        self._heading = heading
        members = orjson.dumps(self._shared())
        # The pieces of an answer differ in their text alone: the rest is written once.
        self._before = b"data: " + members[:-1] + b',"choices":[{"index":0,"delta":'

    def told(self, event: Classified | Step | Delta) -> bytes:
        """The role first, then the pieces; steps stand in the extras of the last chunk."""
        if isinstance(event, Delta):
            text = self._taken(event)
            return self._chunk({"content": text}) if text else b""
        return self._chunk({"role": "assistant", "content": ""}) if isinstance(event, Classified) else b""

    def heard(self, delta: Delta) -> None:
        """Gather a piece."""
        self._taken(delta)

    def _taken(self, delta: Delta) -> str:
        text = self._cutting.take(delta.text)
        self._shown.append(text)
        return text

    def _chunk(self, delta: dict[str, str]) -> bytes:
        return self._before + orjson.dumps(delta) + b',"logprobs":null,"finish_reason":null}]}\n\n'

    def whole(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The completion: the text that was shown, and the members of the native body under `courtsight`."""
        self._rest = self._cutting.rest()
        text = "".join(self._shown) + self._rest
        heading = self._heading
        return {
            "id": heading.id,
            "object": "chat.completion",
            "created": heading.created,
            "model": heading.model,
            "system_fingerprint": heading.system_fingerprint,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                    "logprobs": None,
                    "finish_reason": "length" if self._cutting.at_limit else "stop",
                }
            ],
            "usage": self._usage(fields["usage"], text),
            EXTRAS: {name: value for name, value in fields.items() if name != "answer"},
        }

    def _usage(self, counted: Mapping[str, Any], text: str) -> dict[str, int]:
        """Tokens as a client reckons with them: of what was read and shown. What was spent stands in the extras."""
        words = len(text.split())
        read = counted["input_tokens"] or len(self._question.split())
        written = min(counted["output_tokens"], words) if self._cutting.cut else counted["output_tokens"]
        written = written or words
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}

    def last(self, body: dict[str, Any]) -> bytes:
        """What was held back, the end with its reason and the extras, the usage where it was asked for, and `[DONE]`."""
        frames = [self._chunk({"content": self._rest})] if self._rest else []
        end = {
            **self._shared(),
            "choices": [
                {"index": 0, "delta": {}, "logprobs": None, "finish_reason": body["choices"][0]["finish_reason"]}
            ],
            EXTRAS: body[EXTRAS],
        }
        frames.append(_frame(end))
        if self._include_usage:
            frames.append(_frame({**self._shared(), "choices": [], "usage": body["usage"]}))
        return b"".join([*frames, _DONE])

    def _shared(self) -> dict[str, Any]:
        heading = self._heading
        return {
            "id": heading.id,
            "object": "chat.completion.chunk",
            "created": heading.created,
            "model": heading.model,
            "system_fingerprint": heading.system_fingerprint,
            **({"usage": None} if self._include_usage else {}),
        }

    def again(self, body: dict[str, Any]) -> Iterator[bytes]:
        """The chunks of a completion that was given before, its text in one piece."""
        self._head(Heading(body["id"], body["created"], body["model"], body["system_fingerprint"]))
        self._rest = ""
        yield self._chunk({"role": "assistant", "content": ""})
        yield self._chunk({"content": body["choices"][0]["message"]["content"]})
        yield self.last(body)

    def failed(self, problem: Problem, record: RequestRecord) -> bytes:
        """The error where a chunk would stand, and `[DONE]`."""
        return _frame(openai_error(problem, record)) + _DONE

    def ending(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The extras."""
        extras: Mapping[str, Any] = body[EXTRAS]
        return extras


def _frame(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
