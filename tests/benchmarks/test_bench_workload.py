"""Workload files are read strictly, and the shipped one asks what the requirements ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.workload import COMPLEXITIES, WORKLOADS_FOLDER, Workload, load_workload, parse_workload
from slo.errors import InvalidInput
from slo.spec import Kind, Spec, cell
from slo.statistics import least_n_for_quantile

RAW = (WORKLOADS_FOLDER / "courtsight.yaml").read_bytes()


def test_the_nine_questions_of_the_requirements_are_asked(shipped: Workload) -> None:
    """Section 6.2, three of each complexity, word by word."""
    assert shipped.questions["simple"][:3] == (
        "Apa itu hukum pidana?",
        "Bagaimana cara mengurus KTP?",
        "Apa itu perceraian?",
    )
    assert shipped.questions["medium"][:3] == (
        "Jelaskan prosedur gugatan perdata",
        "Apa perbedaan hukum pidana dan perdata?",
        "Bagaimana cara mengajukan banding?",
    )
    assert shipped.questions["complex"][:3] == (
        "Analisis preseden kasus korupsi dengan membandingkan 3 putusan terakhir",
        "Bandingkan pendekatan MA terhadap kasus KDRT sebelum dan sesudah UU TPKS",
        "Bagaimana evolusi yurisprudensi MA tentang wanprestasi kontrak bisnis?",
    )


def test_the_tools_are_asked_as_the_requirements_say(shipped: Workload) -> None:
    """Three tools, each with the query of section 6.2."""
    assert {work.tool: work.queries for work in shipped.tools} == {
        "LegalRetriever": ("putusan mahkamah agung korupsi",),
        "CaseComparator": ("bandingkan putusan korupsi 2023",),
        "PrecedentExplorer": ("preseden hukum perdata",),
    }


def test_the_load_is_that_of_the_requirements(shipped: Workload) -> None:
    """Twenty users for at least 30 s and 3,000 requests."""
    load = shipped.load
    assert (load.users, load.duration_seconds, load.least_requests, load.longest_seconds) == (20, 30.0, 3000, 75.0)


def test_what_slows_or_thins_the_load_is_as_measured(shipped: Workload) -> None:
    """All users at once, short pauses, 3 of 10 answers streamed, 1 of 4 conversations new; 30 s are twice the slowest allowed answer."""
    load = shipped.load
    assert (load.spawn_rate, load.think_seconds) == (20, (0.08, 0.2))
    assert (load.stream_share, load.new_conversation_share) == (0.3, 0.25)
    assert load.timeout_seconds == 30


def test_latency_is_measured_warm_and_on_whole_answers(shipped: Workload) -> None:
    """Five requests warm each cell up, 60 streams and 20 JSON answers per cell count, each tool runs 60 times for a judge, all in two minutes."""
    plan = shipped.latency
    assert (plan.warm_up, plan.streams, plan.json, plan.tool_runs) == (5, 60, 20, 60)
    assert (plan.least_characters, plan.tool_role, plan.longest_seconds) == (100, "judge", 120)


def test_no_question_of_the_benchmark_is_lost(shipped: Workload) -> None:
    """Fourteen simple, twelve medium, twelve complex questions, none twice, so that a cache does not answer the benchmark."""
    assert {name: len(set(asked)) for name, asked in shipped.questions.items()} == {
        "simple": 14,
        "medium": 12,
        "complex": 12,
    }
    assert shipped.roles == ("admin", "judge", "lawyer", "researcher", "public")


def test_think_time_lets_enough_requests_come(shipped: Workload) -> None:
    """With answers of 15 ms, twenty users reach 3,000 requests within the 30 s."""
    load = shipped.load
    think = sum(load.think_seconds) / 2
    assert load.users * load.duration_seconds / (think + 0.015) >= load.least_requests


def test_samples_suffice_for_what_the_gates_ask(shipped: Workload, spec: Spec) -> None:
    """Each cell gets as many samples as its gate needs for a PASS in a build."""
    plan = shipped.latency
    assert plan.streams >= least_n_for_quantile(0.95)
    offered = {
        "latency-cell": plan.streams + plan.json,
        "latency-mean": (plan.streams + plan.json) * len(shipped.roles),
        "ttft-cell": plan.streams,
        "tool-mean": plan.tool_runs,
        "tool-p95": plan.tool_runs,
        "tool-results": plan.tool_runs,
    }
    for gate in spec.gates:
        if gate.kind is Kind.LATENCY:
            assert offered[gate.id] >= max(min(entry.least_n.values()) for entry in gate.requirements.values()), gate.id


def test_every_cell_of_the_gates_is_measured(shipped: Workload, spec: Spec) -> None:
    """No role, complexity or tool of the spec is left out of the workload."""
    cells = {cell({"role": role, "complexity": complexity}) for role in shipped.roles for complexity in COMPLEXITIES}
    assert set(spec.gate("latency-cell").cells) == cells
    assert {dict(key)["tool"] for key in spec.gate("tool-p95").cells} <= {work.tool for work in shipped.tools}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"users: 20", b"usres: 20", r"load\.usres: unknown key 'usres' \(did you mean 'users'"),
        (b"streams: 30%", b"streams: 0.3", "as a percent"),
        (b"duration: 30s", b"duration: 30", "with its unit"),
        (b"longest: 75s", b"longest: 7s", "shorter than 'duration'"),
        (b"{min: 80ms", b"{min: 800ms", "longer than 'max'"),
        (
            b"    - Apa itu hukum pidana?\n    - Bagaimana cara mengurus KTP?\n    - Apa itu perceraian?\n",
            b"",
            "needs 12 distinct questions, has 11",
        ),
        (b"streams: 60", b"streams: 0", "greater than or equal to 1"),
        (b"  complex:", b"  komplex:", "komplex"),
    ],
)
def test_a_mistake_is_named(old: bytes, new: bytes, said: str) -> None:
    """A typo or a number without its unit is an error, and never a silent default."""
    assert old in RAW
    with pytest.raises(InvalidInput, match=said):
        parse_workload(RAW.replace(old, new, 1), "w.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path stands in the error."""
    with pytest.raises(InvalidInput, match=r"none\.yaml: cannot be read"):
        load_workload(tmp_path / "none.yaml")
