"""What was done for an answer, as JSON: steps and tool calls stand in what its reader gets and in its minutes alike, and are written once."""

from __future__ import annotations

from typing import Any

import orjson

from service.exchange import Answer, Done, Step
from service.tools.toolbox import ToolRun


def done_for(answer: Answer) -> Done:
    """Its steps and its tool calls; the second time what was made the first time."""
    if answer.done is not None:
        return answer.done
    done = Done(
        orjson.Fragment(orjson.dumps([step_fields(step) for step in answer.steps])),
        orjson.Fragment(orjson.dumps([tool_call_fields(run) for run in answer.tool_runs])),
    )
    # To everybody else an answer is a value that nobody changes.
    object.__setattr__(answer, "done", done)
    return done


def step_fields(step: Step) -> dict[str, Any]:
    """A reasoning step."""
    return {"number": step.number, "title": step.title, "detail": step.detail}


def tool_call_fields(run: ToolRun) -> dict[str, Any]:
    """A tool call."""
    return {
        "tool_name": run.name,
        "arguments": {"query": run.query},
        "outcome": run.outcome,
        "results": len(run.result.hits) if run.result else 0,
        "duration_seconds": run.seconds,
    }
