"""`export-not-empty`: the export of citations holds at least one, none of them blank (a turn `via: export`)."""

from __future__ import annotations

from uat.checks.check import NoArgs
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if, shortened


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """PASS with at least one citation and no blank one."""
    exported = turn.exchange.exported
    if exported is None:
        raise UnmeasuredError(f"there is no export to look at ({turn.exchange.said()})")
    blank = sum(not entry.strip() for entry in exported)
    got = f"{len(exported)}, {blank} blank" if blank else f"{len(exported)}: {shortened('; '.join(exported))}"
    return passed_if(
        bool(exported) and not blank,
        "at least one citation",
        got,
        "see whether the answers of this conversation cited anything",
    )
