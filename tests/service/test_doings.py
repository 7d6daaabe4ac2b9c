"""Steps and tool calls of an answer as JSON."""

from __future__ import annotations

from dataclasses import replace

import orjson

from service.doings import done_for, step_fields
from service.exchange import Answer, Step
from service.llm.calls import Usage
from service.llm.engine import Written
from service.tools.toolbox import ToolRun

STEPS = (Step(1, "Membaca", "“pasal 362”"), Step(2, "Mencari", "\n"))
RUNS = (ToolRun("LawLookup", "pasal 362", None, 0.25, late=True),)


def answer() -> Answer:
    written = Written("extractive", "courtsight", Usage(0, 0, source="missing"))
    return Answer("Teks.", "ok", "simple", None, (), 0.5, RUNS, STEPS, (), written)


def test_what_was_done_is_written_once() -> None:
    """Whoever asks second gets what the first was given, and its members are those of the contract."""
    given = answer()
    done = done_for(given)
    assert done_for(given) is done
    told = orjson.loads(orjson.dumps({"steps": done.steps, "tool_calls": done.tool_calls}))
    assert told["steps"] == [step_fields(step) for step in STEPS]
    assert told["tool_calls"] == [
        {
            "tool_name": "LawLookup",
            "arguments": {"query": "pasal 362"},
            "outcome": "timeout",
            "results": 0,
            "duration_seconds": 0.25,
        }
    ]


def test_an_answer_with_other_steps_is_written_anew() -> None:
    """What is made of an answer by changing it does not tell what the first one did, and to be asked makes no answer another one."""
    given = answer()
    done_for(given)
    assert given == answer()
    changed = replace(given, steps=STEPS[:1])
    assert orjson.loads(orjson.dumps(done_for(changed).steps)) == [step_fields(STEPS[0])]
