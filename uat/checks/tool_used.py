"""`tool-used {tool, min, max}`: the chatbot ran this tool for the answer."""

from __future__ import annotations

from slo.strict_yaml import Wire
from uat.checks.check import Count, Text
from uat.exchange import CheckResult, TurnResult, passed_if


class Args(Wire):
    """`tool`: its name; `min`, `max`: how often."""

    tool: Text
    min: Count = 1
    max: Count | None = None


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when the number of calls lies within; a call that failed is not a use."""
    calls = [call for call in turn.answer.tool_calls if call.tool_name == args.tool]
    used = sum(call.outcome != "error" for call in calls)
    bound = f"at least {args.min}" if args.max is None else f"{args.min} to {args.max}"
    said = ", ".join(f"{call.tool_name} ({call.outcome})" for call in turn.answer.tool_calls) or "no tool"
    return passed_if(
        used >= args.min and (args.max is None or used <= args.max),
        f"{args.tool} used {bound} times",
        said,
        "see the plan of tools for this question, and whether the role may use it",
    )
