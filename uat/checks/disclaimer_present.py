"""`disclaimer-present`: a notice says that the answer is information and no legal advice."""

from __future__ import annotations

import re

from uat.checks.check import NoArgs
from uat.exchange import CheckResult, TurnResult, passed_if, shortened

# "bukan nasihat hukum", "bukan merupakan pengganti nasihat hukum", "tidak menggantikan konsultasi hukum", "bukan pendapat hukum"
_SAYS_SO = re.compile(
    r"\b(?:bukan|tidak)\b[^.]{0,60}\b(?:nasihat|nasehat|pendapat|konsultasi|pengganti)\b",
    re.IGNORECASE,
)


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """PASS when one of the notices, or the answer itself, says so."""
    answer = turn.answer
    said = any(_SAYS_SO.search(text) for text in (*answer.notices, answer.text))
    return passed_if(
        said,
        "a notice that this is no legal advice",
        shortened(" | ".join(answer.notices)) or "no notice",
        "see the role's register",
    )
