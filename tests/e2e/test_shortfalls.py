"""A readiness run that is not GO names in the test's message what it lacks."""

from __future__ import annotations

from typing import Any

from tests.e2e.shortfalls import ASKING, MOST_LINES, asks_again, shortfalls, told


def decision(readiness: str, rows: list[dict[str, Any]], **rest: Any) -> dict[str, Any]:
    return {"readiness": readiness, "phase": "build", "rows": rows, "sources": [], "blocking": [], **rest}


def row(gate: str, verdict: str | None, reason: str = "", **labels: str) -> dict[str, Any]:
    return {"gate": gate, "labels": labels, "verdict": verdict, "reason": reason}


def test_a_good_decision_lacks_nothing() -> None:
    """Where every cell passed there is only the decision itself."""
    assert told(decision("GO", [row("slo", "PASS", slo="availability")])) == "GO for phase build"


def test_each_cell_without_a_pass_has_a_line_with_its_reason() -> None:
    """Gate, cell, verdict and reason stand in one line each, what was not measured among them; a PASS has none."""
    rows = [
        row("latency-cell", "INCONCLUSIVE", "n 40,\n59 are asked", role="judge", complexity="simple"),
        row("latency-cell", "PASS", "fine", role="public", complexity="simple"),
        row("drill-cycle", None, "no drill.json"),
    ]
    assert shortfalls(decision("UNDECIDED", rows)) == [
        "latency-cell complexity=simple role=judge: INCONCLUSIVE, n 40, 59 are asked",
        "drill-cycle: not measured, no drill.json",
    ]


def test_evidence_that_cannot_be_used_comes_first_and_other_reasons_last() -> None:
    """A file that is refused explains its cells; a waiver or a demand has no cell, so that its own words are told."""
    sources = [{"kind": "load", "reason": "incomplete: the service ended"}, {"kind": "uat", "reason": ""}]
    blocking = [{"subject": subject, "text": "told above"} for subject in ("load", "load-p95")]
    blocking.append({"subject": "waivers", "text": "one is active"})
    found = shortfalls(decision("UNDECIDED", [row("load-p95", "ERROR", "void")], sources=sources, blocking=blocking))
    assert found == ["load: incomplete: the service ended", "load-p95: ERROR, void", "waivers: one is active"]


def test_the_message_is_short() -> None:
    """However much failed, the message has twenty lines of it, and says how many it leaves out."""
    rows = [row("latency-cell", "FAIL", "slow", cell=str(number)) for number in range(103)]
    lines = told(decision("NO-GO", rows)).splitlines()
    assert (lines[0], len(lines), lines[-1]) == ("NO-GO for phase build", MOST_LINES + 2, "and 83 more")


def test_only_what_the_machine_spoilt_is_measured_again() -> None:
    """A decision asks for another run where each of its reasons does; one cell that failed by itself is enough for none."""
    busy = [
        row("ttft-cell-simulated", "ERROR", f"tokens left late: {ASKING[0]} (n 60)"),
        row("drill-cycle", "ERROR", ASKING[1]),
    ]
    assert asks_again(decision("UNDECIDED", busy))
    assert not asks_again(decision("NO-GO", [*busy, row("latency-cell", "FAIL", "slow")]))
    assert not asks_again(decision("GO", [row("latency-cell", "PASS")]))
