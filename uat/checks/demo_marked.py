"""`demo-marked`: every citation of an invented decision says that it is for demonstration, and so does a notice."""

from __future__ import annotations

from slo.quantities import how_many
from uat.checks.check import NoArgs
from uat.exchange import CheckResult, Outcome, TurnResult, passed_if


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """FAIL for a decision that is not marked; N/A when no decision is cited.

    The shipped corpus holds no real decision, so an unmarked one is a defect of the mark or an invention of the engine.
    """
    answer = turn.answer
    decisions = [citation for citation in answer.citations if citation.kind == "decision" or citation.demo]
    if not decisions:
        return CheckResult(
            Outcome.NOT_APPLICABLE, "every decision is marked as a demonstration", "no decision is cited"
        )
    unmarked = [citation.id for citation in decisions if not citation.demo or "demo" not in citation.title.casefold()]
    notice = any("demo" in text.casefold() for text in answer.notices)
    problems = [f"not marked: {', '.join(unmarked)}"] if unmarked else []
    problems += [] if notice else ["no notice says it"]
    return passed_if(
        not problems,
        "every decision says DEMO in its title, and a notice says so",
        "; ".join(problems) or f"{how_many(len(decisions), 'decision')}, all marked",
        "set demo: true on the document; the notice follows from it",
    )
