"""`tools-allowed {allow, deny}`: no tool was called that should not have been; deny wins, an extra call fails."""

from __future__ import annotations

from pydantic import Field, model_validator

from slo.strict_yaml import Wire
from uat.checks.check import Text
from uat.exchange import CheckResult, TurnResult, passed_if


class Args(Wire):
    """`allow`: the only tools that may be called, or all when it is left out; `deny`: tools that must not."""

    allow: list[Text] | None = None
    deny: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_list(self) -> Args:
        if self.allow is None and not self.deny:
            raise ValueError("needs 'allow' or 'deny'")
        return self


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when every call was allowed, also the failed ones: a refused attempt is an attempt."""
    called = [call.tool_name for call in turn.answer.tool_calls]
    extra = [tool for tool in called if tool in args.deny or (args.allow is not None and tool not in args.allow)]
    wanted = f"only {', '.join(args.allow)}" if args.allow is not None else "any tool"
    denied = f", never {', '.join(args.deny)}" if args.deny else ""
    return passed_if(
        not extra,
        wanted + denied,
        f"{', '.join(extra)} called" if extra else ", ".join(called) or "no tool",
        "compare the role's tools in the deployment with docs/http-api.md",
    )
