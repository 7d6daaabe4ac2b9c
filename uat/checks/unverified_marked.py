"""`unverified-marked`: when a cited source was not verified against the official text, a notice says so."""

from __future__ import annotations

from uat.checks.check import NoArgs
from uat.exchange import CheckResult, Outcome, TurnResult, passed_if, shortened


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """FAIL without the notice; N/A when every source is verified or is a marked demonstration."""
    answer = turn.answer
    unverified = [citation for citation in answer.citations if not citation.verified and not citation.demo]
    if not unverified:
        return CheckResult(Outcome.NOT_APPLICABLE, "unverified sources are named", "every source is verified")
    said = " ".join(text for text in answer.notices if "verifikasi" in text.casefold())
    missing = [f"[{citation.number}]" for citation in unverified if f"[{citation.number}]" not in said]
    return passed_if(
        bool(said) and not missing,
        "a notice names every unverified source by its number",
        f"missing {', '.join(missing)}" if missing else shortened(said),
        "see the notices of the chat flow",
    )
