"""What the simulator says of itself, and what makes a measurement with it doubtful."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.doubt import AGAIN, doubts_of_cache, doubts_of_simulator, excuse, lateness_of_simulator, void
from benchmarks.truth import Truth, TruthError, read_truth
from slo.evidence import Evidence, RunContext, judged, unmeasured
from slo.spec import Kind, Spec
from slo.statistics import ratio
from slo.verdict import Verdict

AT = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
ANCHOR = {"anchor": {"monotonic": 1.0, "wall": 2.0}}


def record(arrived: float = 100.0, late: float = 0.001, **changed: Any) -> dict[str, Any]:
    """A question that came at `arrived`, whose two tokens left after half a second, `late` seconds after their plan."""
    planned = [arrived + 0.5, arrived + 0.51]
    plain = {"route": "/v1/chat/completions", "arrived": arrived, "ended": "complete", "fault": None}
    return {**plain, "planned": planned, "sent": [at + late for at in planned], **changed}


@pytest.fixture
def truth_file(tmp_path: Path) -> Path:
    return tmp_path / "truth.jsonl"


def written(path: Path, *records: dict[str, Any], rest: str = "") -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in (ANCHOR, *records)) + rest, encoding="utf-8")
    return path


def test_the_truth_is_summed_up(truth_file: Path) -> None:
    """Questions, whole answers, endings, faults, lateness of each token and time to the first one."""
    cut = record(200.0, 0.02, ended="reset", fault={"kind": "cut"})
    found = read_truth(written(truth_file, record(), cut))
    assert (found.requests, found.complete, found.faults, dict(found.endings)) == (2, 1, 1, {"complete": 1, "reset": 1})
    assert found.lateness == pytest.approx((0.001, 0.001, 0.02, 0.02))
    assert found.ttft == pytest.approx((0.501, 0.52))
    assert found.details()["lateness_max_seconds"] == pytest.approx(0.02)


def test_what_came_before_the_measurement_is_left_out(truth_file: Path) -> None:
    """A warm-up's answers count for nothing, and neither does another route."""
    embeddings = record(300.0, route="/v1/embeddings")
    found = read_truth(written(truth_file, record(100.0, 9.0), record(200.0), embeddings), since=150.0)
    assert found.requests == 1
    assert max(found.lateness) < 1


def test_half_a_line_is_passed_over(truth_file: Path) -> None:
    """A simulator that was killed while it wrote leaves the lines before."""
    assert read_truth(written(truth_file, record(), rest='{"route": "/v1/ch')).requests == 1


@pytest.mark.parametrize("rest", ["nonsense\n", '{"route": "/v1/chat/completions"}\n', "[1]\n", '"x"\n'])
def test_what_is_no_truth_is_refused(truth_file: Path, rest: str) -> None:
    """A file that cannot be understood vouches for nothing."""
    with pytest.raises(TruthError, match="truth is none"):
        read_truth(written(truth_file, record(), rest=rest))


def test_a_missing_truth_is_said(truth_file: Path) -> None:
    """Without the file nobody knows how late the tokens left."""
    with pytest.raises(TruthError, match="No such file"):
        read_truth(truth_file)


def truth(**changed: Any) -> Truth:
    plain: dict[str, Any] = {"requests": 100, "complete": 100, "endings": {"complete": 100}, "faults": 0}
    return Truth(**{**plain, "lateness": (0.001,) * 1000, "ttft": (0.5,) * 100, **changed})


def test_a_healthy_simulator_leaves_no_doubt() -> None:
    """All answers are its own and its tokens left in time; a single late one is no doubt."""
    assert doubts_of_simulator(truth(), 100) == []
    assert lateness_of_simulator(truth(), 0.05) == ""
    assert lateness_of_simulator(truth(lateness=(0.001,) * 999 + (3.0,)), 0.05) == ""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (truth(lateness=()), "sent no token"),
        (truth(complete=99), "wrote 99 answers, 100 came"),
        (truth(faults=2), "2 questions met a fault"),
    ],
)
def test_what_the_simulator_cannot_vouch_for_is_doubtful(found: Truth, said: str) -> None:
    """No token at all, fewer answers than came, or a fault that somebody ordered: each is a reason."""
    (reason,) = doubts_of_simulator(found, 100)
    assert said in reason


def test_late_tokens_are_the_machines() -> None:
    """More than a twentieth of them later than allowed: measure again. Where none left, that is another doubt's."""
    late = lateness_of_simulator(truth(lateness=(0.06,) * 1000), 0.05)
    assert late == f"the simulator's tokens left 60 ms late (p95), at most 50 ms are allowed: {AGAIN}"
    assert lateness_of_simulator(truth(lateness=()), 0.05) == ""


@given(
    st.none() | st.integers(min_value=0, max_value=9).map(float),
    st.none() | st.integers(min_value=0, max_value=9).map(float),
)
def test_only_new_hits_of_the_cache_are_doubtful(before: float | None, after: float | None) -> None:
    """Hits from before the measurement, and a service without a cache, leave no doubt."""
    assert bool(doubts_of_cache(before, after)) == ((after or 0) > (before or 0))


def test_a_doubtful_measurement_keeps_its_numbers_and_loses_its_verdicts(spec: Spec, context: RunContext) -> None:
    """Each item is ERROR with the reason; one that could not be measured at all keeps its own."""
    gate = spec.gate("load-success-simulated")
    items = (judged(gate, {}, ratio(400, 400)), unmeasured(gate, {}, "nobody answered"))
    made = Evidence(Kind.LOAD_SIMULATED, context, AT, AT, complete=True, items=items, details={"requests": 400})
    doubtful = void(made, ["the simulator was late"], {"cache_hits": 0})
    assert [item.verdict for item in doubtful.items] == [Verdict.ERROR] * 2
    assert doubtful.items[0].measurement == items[0].measurement
    assert doubtful.items[0].reason.startswith("the simulator was late (100 %")
    assert doubtful.items[1].reason == "nobody answered"
    assert doubtful.details == {"requests": 400, "cache_hits": 0, "void": ["the simulator was late"]}
    assert void(made, []).items == items


def test_lateness_excuses_what_failed_and_nothing_else(spec: Spec, context: RunContext) -> None:
    """A FAIL becomes ERROR with the reason; what passed in spite of it passed, and what needs more needs more."""
    gate = spec.gate("load-success-simulated")
    items = tuple(judged(gate, {}, ratio(good, of)) for good, of in ((4000, 4000), (100, 400), (3, 3)))
    assert [item.verdict for item in items] == [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]
    made = Evidence(Kind.LOAD_SIMULATED, context, AT, AT, complete=True, items=items, details={"requests": 400})
    excused = excuse(made, "the tokens were late")
    assert [item.verdict for item in excused.items] == [Verdict.PASS, Verdict.ERROR, Verdict.INCONCLUSIVE]
    assert excused.items[1].reason == f"the tokens were late ({items[1].reason})"
    assert excused.items[1].measurement == items[1].measurement
    assert excused.details == {"requests": 400, "late": "the tokens were late"}
    assert excuse(made, "") is made
