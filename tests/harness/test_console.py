"""Results in a terminal, and which verdict many verdicts make."""

from __future__ import annotations

from harness.console import table, worst
from slo.evidence import Item
from slo.statistics import Measurement
from slo.verdict import Verdict


def test_nothing_measured_is_an_error() -> None:
    """No verdict at all is ERROR, never PASS."""
    assert worst([]) is Verdict.ERROR


def test_a_failure_outweighs_an_error_and_an_error_a_doubt() -> None:
    """FAIL before ERROR before INCONCLUSIVE before PASS, in whatever order they come."""
    assert worst([Verdict.PASS, Verdict.ERROR, Verdict.FAIL]) is Verdict.FAIL
    assert worst([Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.PASS]) is Verdict.ERROR
    assert worst([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert worst([Verdict.PASS]) is Verdict.PASS


def test_the_table_shows_what_could_not_be_measured() -> None:
    """A cell without a value says none, and its reason stands at the end of its line; a PASS needs no reason."""
    good = Item(
        "latency-cell",
        (("role", "judge"),),
        Measurement(0.0123, 80),
        "seconds",
        8.0,
        Verdict.PASS,
        "12.3 ms against 8 s",
    )
    bad = Item("slo", (("slo", "ttft"),), Measurement(None, 0), "ratio", 0.95, Verdict.ERROR, "no Prometheus")
    head, first, second = table([good, bad]).splitlines()
    assert head.split() == ["gate", "cell", "value", "n", "verdict", "reason"]
    assert first.split() == ["latency-cell", "judge", "12.3", "ms", "80", "PASS"]
    assert second.split() == ["slo", "ttft", "none", "0", "ERROR", "no", "Prometheus"]
