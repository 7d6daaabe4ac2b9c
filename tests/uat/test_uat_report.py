"""Acceptance evidence: what was not measured never passes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.evidence import RunContext, read, write
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Kind, Phase
from slo.verdict import Verdict, judge
from target.scripted import ScriptedTarget
from uat.report import acceptance_item, evidence_of, security_item, transcripts
from uat.results import ScenarioResult, ScenarioVerdict, UatResult
from uat.scenario import SCENARIOS_FOLDER, Scenario, load_scenario, load_scenarios

SPEC = load_spec(SPECS_FOLDER / "courtsight.yaml")
GATE = SPEC.gate("acceptance")
SHIPPED = load_scenario(SCENARIOS_FOLDER / "public" / "waktu-tanggap-ktp.yaml")
TEXT = "turns:\n  - {message: Apa, checks: [demo-marked]}\n"


@pytest.fixture
def result(scenario: Callable[[str], Scenario], run_all: Callable[..., UatResult]) -> UatResult:
    """Twelve scenarios that passed."""
    return run_all(*[scenario(TEXT)] * 12)


def with_verdicts(result: UatResult, *verdicts: ScenarioVerdict, planned: int | None = None) -> UatResult:
    entries: list[ScenarioResult] = [replace(result.scenarios[0], verdict=verdict) for verdict in verdicts]
    return replace(result, scenarios=tuple(entries), planned=len(entries) if planned is None else planned)


P, F, E, FLAKY = ScenarioVerdict.PASS, ScenarioVerdict.FAIL, ScenarioVerdict.ERROR, ScenarioVerdict.FLAKY


@pytest.mark.parametrize(
    ("verdicts", "planned", "verdict"),
    [
        ([P] * 12, 12, Verdict.PASS),
        ([P] * 9, 9, Verdict.INCONCLUSIVE),
        ([P] * 11 + [F], 12, Verdict.FAIL),
        ([P] * 3 + [F], 4, Verdict.FAIL),
        ([P] * 11 + [E], 12, Verdict.ERROR),
        ([P] * 11 + [FLAKY], 12, Verdict.ERROR),
        ([P] * 12, 13, Verdict.ERROR),
        ([P] * 10 + [F, E], 12, Verdict.FAIL),
        ([], 12, Verdict.ERROR),
    ],
)
def test_the_gate_judges_the_scenarios(
    result: UatResult, verdicts: list[ScenarioVerdict], planned: int, verdict: Verdict
) -> None:
    """All passed is PASS from ten on; a failure is FAIL; an unmeasured or missing one is ERROR, and so is a flaky one."""
    assert acceptance_item(with_verdicts(result, *verdicts, planned=planned), GATE).verdict is verdict


@settings(deadline=None)
@given(
    verdicts=st.lists(st.sampled_from(list(ScenarioVerdict)), max_size=30),
    missing=st.integers(min_value=0, max_value=3),
)
def test_only_flawless_runs_pass(verdicts: list[ScenarioVerdict], missing: int) -> None:
    """Whatever the mixture, PASS means that at least ten scenarios were planned, and all of them run and passed."""
    at = datetime(2026, 11, 20, tzinfo=UTC)
    one = ScenarioResult(SHIPPED, P, (), 0.1, 1)
    found = UatResult(len(verdicts) + missing, tuple(replace(one, verdict=verdict) for verdict in verdicts), at, at)
    flawless = len(verdicts) >= 10 and not missing and set(verdicts) == {P}
    assert (acceptance_item(found, GATE).verdict is Verdict.PASS) == flawless


@settings(deadline=None)
@given(verdicts=st.lists(st.sampled_from(list(ScenarioVerdict)), min_size=1, max_size=30))
def test_the_verdict_follows_from_the_items_numbers(verdicts: list[ScenarioVerdict]) -> None:
    """Whoever reads the evidence and judges the share again comes to the same verdict, unless the item says ERROR."""
    at = datetime(2026, 11, 20, tzinfo=UTC)
    one = ScenarioResult(SHIPPED, P, (), 0.1, 1)
    found = UatResult(len(verdicts), tuple(replace(one, verdict=verdict) for verdict in verdicts), at, at)
    item = acceptance_item(found, GATE)
    assert item.verdict in {Verdict.ERROR, judge(GATE, (), Phase.BUILD, item.measurement).verdict}


def tagged(verdict: ScenarioVerdict, *tags: str) -> ScenarioResult:
    return ScenarioResult(replace(SHIPPED, tags=tags), verdict, (), 0.1, 1)


@pytest.mark.parametrize(
    ("scenarios", "missing", "verdict"),
    [
        ([tagged(P, "security")] * 6 + [tagged(F)], 0, Verdict.PASS),
        ([tagged(P, "security")] * 11 + [tagged(F, "security")], 0, Verdict.FAIL),
        ([tagged(P, "security")] * 5 + [tagged(E, "slow", "security")], 0, Verdict.ERROR),
        ([tagged(P, "security")] * 6, 1, Verdict.ERROR),
        ([tagged(P, "security")] * 5, 0, Verdict.INCONCLUSIVE),
        ([tagged(P)] * 20, 0, Verdict.INCONCLUSIVE),
    ],
)
def test_security_scenarios_have_a_gate_of_their_own(
    scenarios: list[ScenarioResult], missing: int, verdict: Verdict
) -> None:
    """Only scenarios tagged security count, each must pass, and one that was not run might have been one of them."""
    at = datetime(2026, 11, 20, tzinfo=UTC)
    found = UatResult(len(scenarios) + missing, tuple(scenarios), at, at)
    assert security_item(found, SPEC.gate("security")).verdict is verdict


def test_every_shipped_security_scenario_is_counted() -> None:
    """The gate's least n is the number of shipped scenarios tagged security: removing one is noticed."""
    shipped = [one for one in load_scenarios(SCENARIOS_FOLDER) if "security" in one.tags]
    assert SPEC.gate("security").requirements[Phase.BUILD].least_n[()] == len(shipped)
    assert {one.id for one in load_scenarios(SCENARIOS_FOLDER) if one.family in {"security", "access"}} <= {
        one.id for one in shipped
    }


def test_the_reason_names_the_scenarios(result: UatResult) -> None:
    """A reader sees which scenario it was without opening another file."""
    item = acceptance_item(with_verdicts(result, P, F), GATE)
    assert "1 of 2 scenarios passed" in item.reason
    assert "FAIL: percobaan" in item.reason


def test_evidence_is_written_and_read_back_with_its_transcripts(
    result: UatResult, context: RunContext, tmp_path: Path
) -> None:
    """The file keeps every scenario with its checks; the transcripts beside it are named by their digest."""
    write(evidence_of(result, SPEC, context, tmp_path), tmp_path)
    evidence = read(tmp_path / "uat.json")
    assert evidence.complete
    assert set(evidence.raw) == {"uat.transcripts.jsonl.gz"}
    first = evidence.details["scenarios"][0]
    assert (first["id"], first["role"], first["family"], first["severity"], first["verdict"]) == (
        "percobaan",
        "judge",
        "test",
        "major",
        "PASS",
    )
    assert first["findings"] == []
    assert [check["check"] for check in first["turns"][0]["checks"]] == ["answered", "demo-marked"]
    lines = gzip.decompress((tmp_path / "uat.transcripts.jsonl.gz").read_bytes()).decode().splitlines()
    assert len(lines) == 12
    assert json.loads(lines[0])["asked"] == "Apa"


def test_what_a_simulated_model_answered_has_gates_and_a_file_of_its_own(
    result: UatResult, context: RunContext, tmp_path: Path
) -> None:
    """Neither item nor transcript can be taken for those of the engine at hand, and the models that wrote are counted."""
    write(evidence_of(result, SPEC, context, tmp_path, kind=Kind.UAT_SIMULATED), tmp_path)
    evidence = read(tmp_path / "uat-simulated.json")
    assert [item.gate for item in evidence.items] == ["acceptance-simulated", "security-simulated"]
    assert set(evidence.raw) == {"uat-simulated.transcripts.jsonl.gz"}
    answers = [entry for found in result.scenarios for entry in found.transcripts if entry["outcome"] == "ok"]
    assert sum(evidence.details["models"].values()) == len(answers) > 0


def test_a_reply_to_a_greeting_is_no_answer_of_a_model(result: UatResult, context: RunContext) -> None:
    """What looks nothing up and cites nothing no model wrote; one citation or tool is enough to ask which model it was."""
    first, *rest = result.scenarios
    spoken = {"outcome": "ok", "model": "extractive", "tools": [], "citations": []}
    told = [spoken, {**spoken, "tools": ["LegalRetriever"]}, {**spoken, "citations": ["kuhp"]}]
    heard = replace(result, scenarios=(replace(first, transcripts=tuple(told)), *rest))
    before = replace(result, scenarios=(replace(first, transcripts=()), *rest))
    counts = [
        evidence_of(one, SPEC, context, kind=Kind.UAT_SIMULATED).details["models"].get("extractive", 0)
        for one in (before, heard)
    ]
    assert counts[1] - counts[0] == 2


def test_a_cut_run_is_incomplete_evidence(result: UatResult, context: RunContext) -> None:
    """What was planned and not run shows as incomplete."""
    assert not evidence_of(with_verdicts(result, P, planned=2), SPEC, context).complete


def test_transcripts_repeat_byte_by_byte(result: UatResult) -> None:
    """The same result gives the same bytes: no time stamp hides in the archive."""
    assert transcripts(result) == transcripts(result)


def test_a_slow_role_reaches_the_verdict(
    scenario: Callable[[str], Scenario], run_all: Callable[..., UatResult], context: RunContext
) -> None:
    """A chatbot beyond its limit makes the acceptance gate FAIL, with the scenario named."""
    slow = scenario("turns:\n  - {message: Apa, checks: [latency: {below: 8s}]}\n")
    evidence = evidence_of(run_all(slow, target=ScriptedTarget(seconds=9.0)), SPEC, context)
    assert evidence.items[0].verdict is Verdict.FAIL
    finding = evidence.details["scenarios"][0]["findings"][0]
    assert (finding["turn"], finding["check"], finding["verdict"], finding["got"]) == (1, "latency", "FAIL", "9.000 s")
