"""Load evidence from samples: nothing is proved by a generator that was killed or measured itself."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.latency_evidence import NEVER_SECONDS
from benchmarks.load.evidence import LoadResult, details, evidence_of, items, read_samples
from benchmarks.load.job import COLUMNS, GeneratorOutcome
from benchmarks.workload import Workload
from slo.evidence import Item, RunContext, read, write
from slo.spec import Engine, Kind, Spec
from slo.verdict import Verdict

OUTCOME = GeneratorOutcome(
    requests=3000, users=20, seconds=30.0, cpu_seconds=6.0, peak_in_flight=18, loop_lag_seconds=0.01
)
Make = Callable[..., LoadResult]


def row(number: int, seconds: float = 0.02, **changed: Any) -> dict[str, Any]:
    plain = {
        "started_seconds": number * 0.01,
        "duration_seconds": seconds,
        "ttft_seconds": None if number % 3 else seconds / 2,
        "role": ("judge", "public")[number % 2],
        "complexity": ("simple", "medium", "complex")[number % 3],
        "via": "json" if number % 3 else "stream",
        "status": 200,
        "outcome": "ok",
        "failure": "",
        "model": "extractive",
    }
    return {**plain, **changed}


@pytest.fixture
def make(shipped: Workload, clock: Callable[[], datetime]) -> Make:
    """A result of 3,000 good requests, with the first rows replaced."""

    def result(
        *first: dict[str, Any], n: int = 3000, outcome: GeneratorOutcome | None = OUTCOME, stopped: str = ""
    ) -> LoadResult:
        rows = [*first, *(row(number) for number in range(len(first), n))]
        frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"status": "Int64"})
        return LoadResult(shipped.load, frame, outcome, stopped, clock(), clock())

    return result


CONTEXT = RunContext(
    "20261120T211700Z-1a2b3c4", "", "courtsight", Engine.EXTRACTIVE, "1a2b3c4", dirty=False, hashes={}, seed=7
)


def by_gate(
    result: LoadResult, spec: Spec, kind: Kind = Kind.LOAD, engine: Engine = Engine.EXTRACTIVE
) -> dict[str, Item]:
    made = items(result, spec, replace(CONTEXT, engine=engine), kind)
    return {item.gate + "".join(f" {value}" for _, value in item.labels): item for item in made}


def test_a_good_run_passes_every_gate(make: Make, spec: Spec) -> None:
    """Success, mean, slowest and the p95 of each complexity have their items, each PASS."""
    found = by_gate(make(), spec)
    assert set(found) == {
        "load-success",
        "load-mean",
        "load-max",
        "load-p95 simple",
        "load-p95 medium",
        "load-p95 complex",
    }
    assert {item.verdict for item in found.values()} == {Verdict.PASS}
    assert found["load-success"].measurement.n == 3000


def test_too_many_failures_fail_the_success_gate(make: Make, spec: Spec) -> None:
    """Four of 3,000 are more than 0.1 %."""
    broken = [row(number, status=503, outcome="", failure="503 storage_unavailable") for number in range(4)]
    found = by_gate(make(*broken), spec)
    assert found["load-success"].verdict is Verdict.FAIL
    assert found["load-success"].measurement.value == pytest.approx(2996 / 3000)
    assert "4 failed requests are judged by load-success" in found["load-mean"].reason


def test_a_timeout_is_the_slowest_request(make: Make, spec: Spec) -> None:
    """A request that was given up after 30 s counts with its 30 s."""
    found = by_gate(make(row(0, 30.0, status=None, outcome="", failure="no answer: timed out")), spec)
    assert found["load-max"].verdict is Verdict.FAIL
    assert found["load-success"].verdict is Verdict.PASS


def test_a_complexity_that_mostly_fails_has_an_infinite_p95(make: Make, spec: Spec) -> None:
    """Every tenth complex question failed at once: quick failures do not make a quick p95."""
    broken = [
        row(number, 0.001, **({"failure": "500 internal", "status": 500, "outcome": ""} if number % 30 == 2 else {}))
        for number in range(3000)
    ]
    found = by_gate(make(*broken), spec)
    assert found["load-p95 complex"].verdict is Verdict.FAIL
    assert found["load-p95 complex"].measurement.value == NEVER_SECONDS
    assert found["load-p95 simple"].verdict is Verdict.PASS


def test_rate_limited_requests_stand_apart(make: Make, spec: Spec) -> None:
    """A 429 is no valid event: it makes the share neither better nor worse, and is said, in the reason and as a warning."""
    limited = [row(number, status=429, outcome="", failure="429 rate_limited") for number in range(10)]
    result = make(*limited, n=3010)
    assert details(result)["warnings"] == [
        "10 of 3010 requests were rate limited (429): no gate counts them; give the users quotas that fit such a load"
    ]
    found = by_gate(result, spec)["load-success"]
    assert (found.measurement.n, found.measurement.value, found.verdict) == (3000, 1.0, Verdict.PASS)
    assert "10 more were rate limited (429)" in found.reason


def test_fewer_requests_than_wanted_are_inconclusive_and_warned_of(
    make: Make, spec: Spec, context: RunContext, tmp_path: Path
) -> None:
    """2,999 flawless requests do not show 99.9 %."""
    result = make(n=2999)
    assert by_gate(result, spec)["load-success"].verdict is Verdict.INCONCLUSIVE
    assert (
        "2999 requests are fewer than the 3000" in evidence_of(result, spec, context, tmp_path).details["warnings"][0]
    )


def test_a_saturated_generator_proves_nothing_about_times(make: Make, spec: Spec) -> None:
    """Busy for 95 % of its core, it measured itself: ERROR, with the reason."""
    found = by_gate(make(outcome=replace(OUTCOME, cpu_seconds=28.5)), spec)
    assert {name for name, item in found.items() if item.verdict is Verdict.ERROR} == set(found) - {"load-success"}
    assert "95% busy" in found["load-mean"].reason


def test_a_late_generator_excuses_a_failure_and_no_more(make: Make, spec: Spec) -> None:
    """Its lag only makes times longer: a PASS stands, a FAIL is doubtful."""
    late = replace(OUTCOME, loop_lag_seconds=2.0)
    found = by_gate(make(row(0, 16.0), outcome=late), spec)
    assert found["load-max"].verdict is Verdict.ERROR
    assert "late for itself by 2.00 s" in found["load-max"].reason
    assert found["load-mean"].verdict is Verdict.PASS


BROKEN = [
    (None, "", "left no outcome"),
    (None, "the load generator ended with status -9: it said nothing", "status -9"),
    (replace(OUTCOME, error="only 3 of 20 users signed in within 60 s"), "", "only 3 of 20"),
    (OUTCOME, "it was interrupted", "interrupted"),
]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case[2])
def test_a_run_that_is_not_whole_is_an_error(
    make: Make, spec: Spec, context: RunContext, tmp_path: Path, case: tuple[GeneratorOutcome | None, str, str]
) -> None:
    """However good the samples that are left, every item is ERROR and the evidence incomplete."""
    outcome, stopped, said = case
    evidence = evidence_of(make(outcome=outcome, stopped=stopped), spec, context, tmp_path)
    assert not evidence.complete
    assert {item.verdict for item in evidence.items} == {Verdict.ERROR}
    assert all(said in item.reason for item in evidence.items)


def test_no_sample_at_all_is_no_pass(make: Make, spec: Spec, context: RunContext, tmp_path: Path) -> None:
    """A run in which nobody asked anything measures nothing."""
    evidence = evidence_of(make(n=0), spec, context, tmp_path)
    assert {item.verdict for item in evidence.items} == {Verdict.INCONCLUSIVE}


def test_details_explain_the_run(make: Make, spec: Spec, context: RunContext, tmp_path: Path) -> None:
    """Stage, timeline by second, generator; and the file reads back with its samples."""
    result = make(row(0, failure="500 internal", status=500, outcome=""))
    write(evidence_of(result, spec, context, tmp_path), tmp_path)
    details = read(tmp_path / "load.json").details
    assert details["stages"][0]["throughput_per_second"] == pytest.approx(2999 / 30)
    assert sum(second["requests"] for second in details["timeline"]) == 3000
    assert (details["timeline"][0]["second"], details["timeline"][0]["failures"]) == (0, 1)
    assert details["generator_cpu_share"] == pytest.approx(0.2)
    assert details["errors"] == {"500 internal": 1}
    assert (details["users"], details["requests"], details["failures"]) == (20, 3000, 1)
    assert {entry["role"] for entry in details["by_role"]} == {"judge", "public"}


def stalled(make: Make, seconds: float, answer: float = 0.02) -> LoadResult:
    """A request each 10 ms; those under way at second 10 wait for so long, and nobody asks meanwhile."""
    rows = [row(number, answer) for number in range(3000)]
    for number, one in enumerate(rows):
        if number >= 1000:
            one["started_seconds"] += seconds
        elif number >= 998:
            one["duration_seconds"] = seconds + 10.0 - one["started_seconds"]
    return make(*rows)


def test_seconds_in_which_nobody_asked_stand_in_the_timeline(make: Make, spec: Spec, context: RunContext) -> None:
    """A chatbot that stands still is asked nothing by users who wait: no requests then, and no p95, not a line drawn across."""
    told = list(details(stalled(make, 8.0))["timeline"])
    assert [one["second"] for one in told] == list(range(38))
    assert [(one["requests"], one["p95_seconds"]) for one in told[10:18]] == [(0, None)] * 8
    assert sum(one["requests"] for one in told) == 3000


def test_a_standstill_is_told_that_no_percentile_shows(make: Make, spec: Spec) -> None:
    """Ten seconds in which nobody was answered leave every p95 as it was; how long and when stands among the warnings."""
    result = stalled(make, 10.0)
    judged = by_gate(result, spec)
    assert {judged[f"load-p95 {name}"].verdict for name in ("simple", "medium", "complex")} == {Verdict.PASS}
    said = [warning for warning in details(result)["warnings"] if "nobody was answered" in warning]
    assert len(said) == 1
    assert said[0].startswith("for 10 s, from second 10.0 on, nobody was answered")


@pytest.mark.parametrize(("seconds", "answer"), [(0.0, 0.02), (0.9, 0.02), (3.0, 3.5)])
def test_short_or_usual_waits_are_no_standstill(make: Make, seconds: float, answer: float) -> None:
    """Under a second nothing is told, nor where a twentieth of the answers take as long anyway."""
    assert [one for one in details(stalled(make, seconds, answer))["warnings"] if "nobody" in one] == []


def test_samples_keep_every_digit(make: Make, spec: Spec, context: RunContext, tmp_path: Path) -> None:
    """From the generator's file to the evidence's raw file no time is rounded."""
    value = 0.1 + 0.2
    evidence_of(make(row(0, value)), spec, context, tmp_path)
    text = gzip.decompress((tmp_path / "load.samples.csv.gz").read_bytes()).decode()
    (tmp_path / "plain.csv").write_text(text, encoding="utf-8")
    assert read_samples(tmp_path / "plain.csv")["duration_seconds"][0] == value


def test_the_torso_of_a_killed_generator_is_read(tmp_path: Path) -> None:
    """Whole lines count, half a line does no harm, a missing file is no sample."""
    file = tmp_path / "samples.csv"
    assert read_samples(file).empty
    text = io.StringIO()
    pd.DataFrame([row(0), row(1)], columns=list(COLUMNS)).to_csv(text, index=False)
    file.write_text(text.getvalue() + "0.03,0.0", encoding="utf-8")
    assert len(read_samples(file)) == 2


def test_an_answer_of_another_engine_makes_every_item_an_error(make: Make, spec: Spec) -> None:
    """One answer that a fallback wrote hides in three thousand, and still nothing of the run is evidence for the engine."""
    found = by_gate(make(row(0, model="simulated-simple")), spec)
    assert {item.verdict for item in found.values()} == {Verdict.ERROR}
    assert (
        "1 of 3000 answers were written by simulated-simple, not by the extractive engine" in found["load-mean"].reason
    )


def test_an_answer_that_names_no_model_is_nobodys(make: Make, spec: Spec) -> None:
    """What does not say who wrote it is not taken for granted; a refusal needs no model."""
    assert by_gate(make(row(0, model="")), spec)["load-mean"].verdict is Verdict.ERROR
    assert by_gate(make(row(0, model="", outcome="refused")), spec)["load-mean"].verdict is Verdict.PASS


def test_a_simulated_model_has_items_of_its_own(make: Make, spec: Spec) -> None:
    """The gates of the simulated model are judged by their own least n, on answers that it wrote."""
    rows = [row(number, 1.5, model=f"simulated-{row(number)['complexity']}") for number in range(360)]
    found = by_gate(make(*rows, n=360), spec, Kind.LOAD_SIMULATED, Engine.SIMULATED)
    assert {name.split()[0] for name in found} == {
        "load-success-simulated",
        "load-mean-simulated",
        "load-max-simulated",
        "load-p95-simulated",
    }
    assert {item.verdict for item in found.values()} == {Verdict.PASS}
    slow = [{**one, "duration_seconds": 11.0} for one in rows]
    assert (
        by_gate(make(*slow, n=360), spec, Kind.LOAD_SIMULATED, Engine.SIMULATED)["load-mean-simulated"].verdict
        is Verdict.FAIL
    )
