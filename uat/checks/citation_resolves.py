"""`citation-resolves`: every [n] of the answer has a citation, and every quote stands in the document that it cites."""

from __future__ import annotations

import re

from slo.quantities import how_many
from uat.checks.check import NoArgs
from uat.exchange import CheckResult, Outcome, TurnResult, passed_if, shortened

_MARK = re.compile(r"\[(\d{1,3})\]")
# A quote may leave out whole sentences, and may mark any gap with an ellipsis; a reworded sentence is no quote.
_CUT = re.compile(r"\s*(?:…|\.\.\.)\s*|(?<=[.!?])\s+")


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """FAIL for a mark without a citation, a number that stands twice, or a quote that its document does not hold.

    A document whose text the tools did not give is counted as unseen and judged by its mark alone. N/A without any citation.
    """
    answer = turn.answer
    marks = {int(mark) for mark in _MARK.findall(answer.text)}
    numbers = [citation.number for citation in answer.citations]
    if not marks and not numbers:
        return CheckResult(Outcome.NOT_APPLICABLE, "every citation resolves", "the answer cites nothing")
    dangling = sorted(marks - set(numbers))
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    known = [citation for citation in answer.citations if citation.id in turn.exchange.sources]
    forged = [
        f"[{citation.number}] {citation.id}: {shortened(citation.quote, 60)!r}"
        for citation in known
        if not _stands_in(citation.quote, turn.exchange.sources[citation.id])
    ]
    problems = [
        *(f"[{number}] has no citation" for number in dangling),
        *(f"number {number} stands twice" for number in twice),
        *(f"quote is not in its document: {entry}" for entry in forged),
    ]
    seen = f"{how_many(len(numbers), 'citation')}, text of {len(known)} seen"
    return passed_if(
        not problems,
        "every [n] has a citation, every quote stands in its document",
        "; ".join(problems) or seen,
        "an engine may only cite what retrieval gave it; check the citation check of the chat flow",
    )


def _stands_in(quote: str, text: str) -> bool:
    """Whether the sentences of a quote stand in the text in their order; white space and case do not matter."""
    plain, place = _plain(text), 0
    for part in filter(None, (_plain(piece) for piece in _CUT.split(quote))):
        found = plain.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return True


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
