"""Every check: what passes, what fails, and what it cannot measure. Each row of the table is a claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from target.chat import Answer, Citation, Message, Passage, Session, ToolCall
from target.scripted import DOCUMENTS, scripted_answer
from uat.checks import CHECKS
from uat.exchange import Exchange, Outcome, TurnResult
from uat.judging import judge_check
from uat.scenario import PlannedCheck

ANSWER = scripted_answer(Session("judge", ""), "Apa?", "c1")
PASS, FAIL, ERROR, NA = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_APPLICABLE


def exchange(answer: Answer | None = ANSWER, **changed: Any) -> Exchange:
    plain = Exchange("chat", "judge", "Apa?", 200, 1.0, conversation_id="c1", answer=answer, sources=DOCUMENTS)
    return replace(plain, **changed)


def answered(**changed: Any) -> Exchange:
    return exchange(replace(ANSWER, **changed))


def cited(**changed: Any) -> Exchange:
    """The answer with its first citation changed."""
    return answered(citations=(replace(ANSWER.citations[0], **changed), *ANSWER.citations[1:]))


NOBODY = exchange(None, status=None, unreachable="connection refused")
REFUSED = exchange(None, status=403, code="permission_required")
RAW = exchange(None, status=404, code="not_found", text='{"code": "not_found", "request_id": "r1"}')
HISTORY = exchange(None, via="history", messages=(Message("user", "a"), Message("assistant", "b")))
DECLINED = answered(outcome="abstained", refusal_reason="out_of_domain", citations=())
UNCITED = answered(text="Tanpa sumber.", citations=())

CASES: Mapping[str, list[tuple[dict[str, Any], Exchange, Outcome]]] = {
    "answered": [
        ({}, exchange(), PASS),
        ({}, REFUSED, FAIL),
        ({}, exchange(None, code="stream_cut"), FAIL),
        ({}, NOBODY, ERROR),
    ],
    "latency": [
        ({"below": "1001ms"}, exchange(), PASS),
        ({"below": "1s"}, exchange(), FAIL),
        ({"below": "1s", "of": "mean"}, exchange(), FAIL),
        ({"below": "2s", "of": "max"}, exchange(), PASS),
        ({"below": "8s"}, NOBODY, ERROR),
        ({"below": "8s"}, REFUSED, ERROR),
    ],
    "total-time": [({"below": "3s"}, exchange(), PASS), ({"below": "2s"}, exchange(), FAIL)],
    "citation-count": [
        ({"min": 3}, exchange(), PASS),
        ({"min": 4}, exchange(), FAIL),
        ({"max": 2}, exchange(), FAIL),
        ({"min": 1}, REFUSED, ERROR),
    ],
    "citation-resolves": [
        ({}, exchange(), PASS),
        ({}, answered(text="Jawaban [1] dan [9]"), FAIL),
        ({}, cited(number=2), FAIL),
        ({}, cited(quote="Korupsi dipidana mati."), FAIL),
        ({}, cited(quote="KORUPSI yang\nmerugikan … 31/1999."), PASS),
        ({}, cited(quote="31/1999. … Korupsi yang"), FAIL),
        ({}, cited(id="never-seen", quote="apa pun"), PASS),
        ({}, UNCITED, NA),
        ({}, REFUSED, ERROR),
    ],
    "cites-article": [
        ({"law": "UU 1/2023", "article": ["603", "604"]}, exchange(), PASS),
        ({"law": "UU 1/2023", "article": ["604"]}, exchange(), FAIL),
        ({"law": "UU 31/1999", "article": ["603"]}, exchange(), FAIL),
    ],
    "complexity": [({"is": "simple"}, exchange(), PASS), ({"is": "complex"}, exchange(), FAIL)],
    "confidence": [
        ({"above": 0.8}, exchange(), PASS),
        ({"above": 0.9}, exchange(), FAIL),
        ({"below": 0.5}, exchange(), FAIL),
        ({"above": 0.8}, answered(confidence_score=None), ERROR),
    ],
    "tool-used": [
        ({"tool": "CaseComparator"}, exchange(), PASS),
        ({"tool": "WebSearch"}, exchange(), FAIL),
        ({"tool": "LawLookup", "min": 2}, exchange(), FAIL),
        ({"tool": "LawLookup", "max": 0, "min": 0}, exchange(), FAIL),
        ({"tool": "LawLookup"}, answered(tool_calls=(ToolCall("LawLookup", "error"),)), FAIL),
    ],
    "tools-allowed": [
        ({"deny": ["WebSearch"]}, exchange(), PASS),
        ({"deny": ["CaseComparator"]}, exchange(), FAIL),
        ({"allow": ["LegalRetriever"]}, exchange(), FAIL),
        (
            {"allow": ["CaseComparator"], "deny": ["CaseComparator"]},
            answered(tool_calls=(ToolCall("CaseComparator", "error"),)),
            FAIL,
        ),
        ({"allow": []}, answered(tool_calls=()), PASS),
    ],
    "word-count": [
        ({"min": 51}, exchange(), PASS),
        ({"max": 50}, exchange(), FAIL),
        ({"min": 3}, answered(text="dua kata"), FAIL),
    ],
    "step-count": [({"min": 4}, exchange(), PASS), ({"min": 5}, exchange(), FAIL)],
    "contains": [
        ({"text": "perdata"}, exchange(), PASS),
        ({"text": "Perdata"}, exchange(), FAIL),
        ({"any": ["x", "KDRT"]}, exchange(), PASS),
    ],
    "icontains": [
        ({"text": "PERDATA"}, exchange(), PASS),
        ({"any": ["rendang", "soto"]}, exchange(), FAIL),
        ({"text": "a"}, NOBODY, ERROR),
    ],
    "same-conversation": [
        ({}, exchange(), PASS),
        ({}, exchange(conversation_id="c2"), FAIL),
        ({}, exchange(conversation_id=None), ERROR),
    ],
    "history-length": [({"min": 2}, HISTORY, PASS), ({"min": 4}, HISTORY, FAIL), ({"min": 0}, exchange(), ERROR)],
    "export-not-empty": [
        ({}, exchange(None, exported=("Pasal 603.",)), PASS),
        ({}, exchange(None, exported=()), FAIL),
        ({}, exchange(None, exported=("Pasal 603.", " ")), FAIL),
        ({}, exchange(), ERROR),
    ],
    "status": [
        ({"is": 403}, REFUSED, PASS),
        ({"is": 403, "code": "not_found"}, REFUSED, FAIL),
        ({"is": 401}, REFUSED, FAIL),
        ({"is": 401}, NOBODY, ERROR),
    ],
    "is-refusal": [
        ({}, answered(outcome="refused", refusal_reason="unsafe"), PASS),
        ({}, answered(outcome="refused"), FAIL),
        ({}, answered(text="Tidak ada aturan yang mengaturnya; saya tidak dapat menjawab."), FAIL),
    ],
    "refusal-reason": [
        ({"is": "unsafe"}, answered(outcome="refused", refusal_reason="unsafe", citations=()), PASS),
        ({"any": ["no_evidence", "out_of_domain"]}, DECLINED, PASS),
        ({"is": "no_evidence"}, DECLINED, FAIL),
        ({"is": "out_of_domain"}, answered(outcome="abstained", refusal_reason="out_of_domain"), FAIL),
        ({"is": "unsafe"}, answered(outcome="abstained", refusal_reason="unsafe", citations=()), FAIL),
        ({"is": "unsafe"}, exchange(), FAIL),
        ({"is": "unsafe"}, REFUSED, ERROR),
    ],
    "abstains": [
        ({}, answered(outcome="abstained", citations=()), PASS),
        ({}, answered(outcome="abstained"), FAIL),
        ({}, exchange(), FAIL),
    ],
    "disclaimer-present": [
        ({}, exchange(), PASS),
        ({}, answered(notices=("Ini bahan kerja, bukan pengganti penilaian profesional Anda.",)), PASS),
        ({}, answered(notices=()), FAIL),
    ],
    "demo-marked": [
        ({}, exchange(), PASS),
        ({}, answered(notices=()), FAIL),
        ({}, answered(citations=(replace(ANSWER.citations[2], demo=False),)), FAIL),
        ({}, answered(citations=(replace(ANSWER.citations[2], title="KDRT dan perceraian"),)), FAIL),
        ({}, answered(citations=ANSWER.citations[:2]), NA),
    ],
    "unverified-marked": [
        ({}, exchange(), PASS),
        ({}, answered(notices=()), FAIL),
        ({}, answered(notices=("Belum diverifikasi: [7].",)), FAIL),
        ({}, answered(citations=ANSWER.citations[:1]), NA),
    ],
    "no-existence-oracle": [
        ({"like_turn": 1}, RAW, PASS),
        ({"like_turn": 1}, replace(RAW, text='{"code": "not_found", "request_id": "r2"}'), PASS),
        ({"like_turn": 1}, replace(RAW, text='{"code": "forbidden"}'), FAIL),
        ({"like_turn": 1}, replace(RAW, status=403), FAIL),
        ({"like_turn": 2}, RAW, ERROR),
        ({"like_turn": 1}, NOBODY, ERROR),
    ],
    "stream-equals-answer": [
        ({}, exchange(via="stream", text=ANSWER.text), PASS),
        ({}, exchange(via="stream", text=ANSWER.text + " "), FAIL),
        ({}, exchange(text=ANSWER.text), ERROR),
    ],
    "result-count": [
        ({"min": 1}, exchange(None, passages=(Passage("a"),)), PASS),
        ({"min": 1}, exchange(None, passages=()), FAIL),
        ({"min": 1}, REFUSED, ERROR),
    ],
}
ROWS = [
    pytest.param(name, args, turn, outcome, id=f"{name}-{number}-{outcome}")
    for name, rows in CASES.items()
    for number, (args, turn, outcome) in enumerate(rows)
]


def judged(name: str, args: dict[str, Any], came: Exchange) -> Outcome:
    turn = TurnResult(came, earlier=(RAW,), everyone=(came,), elapsed_seconds=2.5)
    check = CHECKS[name.removeprefix("not-")]
    return judge_check(PlannedCheck(name, check.args.model_validate(args)), turn).outcome


@pytest.mark.parametrize(("name", "args", "came", "outcome"), ROWS)
def test_a_check_judges_as_its_row_says(name: str, args: dict[str, Any], came: Exchange, outcome: Outcome) -> None:
    """PASS, FAIL, N/A, and ERROR where there is nothing to look at."""
    assert judged(name, args, came) is outcome


@pytest.mark.parametrize(("name", "args", "came", "outcome"), ROWS)
def test_not_turns_pass_and_fail_around_and_nothing_else(
    name: str, args: dict[str, Any], came: Exchange, outcome: Outcome
) -> None:
    """What could not be measured does not become a pass by being denied."""
    turned = {PASS: FAIL, FAIL: PASS}
    assert judged(f"not-{name}", args, came) is turned.get(outcome, outcome)


def test_a_failure_carries_what_was_expected_what_came_and_advice() -> None:
    """A finding can be acted upon without opening the code."""
    for name, rows in CASES.items():
        for args, came, outcome in rows:
            if outcome is FAIL:
                planned = PlannedCheck(name, CHECKS[name].args.model_validate(args))
                result = judge_check(planned, TurnResult(came, (RAW,), (came,), 2.5))
                assert result.expected, name
                assert result.got, name
                assert result.advice or name == "stream-equals-answer", name


def test_every_check_is_tested_and_documented() -> None:
    """A new check needs rows in this table and a row in docs/uat.md."""
    assert set(CASES) == set(CHECKS)
    page = (Path(__file__).parents[2] / "docs" / "uat.md").read_text(encoding="utf-8")
    assert [name for name in CHECKS if f"| `{name}`" not in page] == []


def test_every_check_passes_and_fails_somewhere() -> None:
    """A check that cannot fail shows nothing, one that cannot pass is broken."""
    for name, rows in CASES.items():
        assert {PASS, FAIL} <= {outcome for *_, outcome in rows}, name


def test_the_mean_over_users_hides_no_missing_answer() -> None:
    """One of twenty users without an answer leaves no mean: ERROR, not a mean of nineteen."""
    planned = PlannedCheck("latency", CHECKS["latency"].args.model_validate({"below": "10s", "of": "mean"}))
    everyone = (*[exchange()] * 19, NOBODY)
    assert judge_check(planned, TurnResult(exchange(), (), everyone, 1.0)).outcome is ERROR


def test_the_largest_over_users_is_the_slowest() -> None:
    """Nineteen fast users do not outweigh a slow one."""
    planned = PlannedCheck("latency", CHECKS["latency"].args.model_validate({"below": "15s", "of": "max"}))
    everyone = (*[exchange()] * 19, exchange(duration_seconds=15.1))
    assert judge_check(planned, TurnResult(exchange(), (), everyone, 1.0)).outcome is FAIL


def test_a_citation_without_its_mark_is_found_by_number() -> None:
    """Citation needs no mark in the text, but its numbers must be its own."""
    extra = (*ANSWER.citations, Citation(4, "kuhperdata-1320", quote="Perjanjian sah bila ada kesepakatan."))
    assert judged("citation-resolves", {}, answered(citations=extra)) is PASS
