"""docs/benchmarks.md says what the code does: its numbers are those of the workload and of the constants."""

from __future__ import annotations

from pathlib import Path

from benchmarks.latency import GIVE_UP_AFTER
from benchmarks.latency_evidence import NEVER_SECONDS
from benchmarks.load.crowd import SILENT_ROUNDS
from benchmarks.load.evidence import BUSY_LIMIT, LAG_LIMIT_SECONDS
from benchmarks.workload import LEAST_QUESTIONS, Workload
from slo.spec import Kind, Spec

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8").split())


def test_every_gate_of_both_benchmarks_stands_on_the_page(spec: Spec) -> None:
    """A gate that is measured and not explained is a riddle."""
    measured = [gate.id for gate in spec.gates if gate.kind in {Kind.LATENCY, Kind.LOAD}]
    assert [gate for gate in measured if f"`{gate}`" not in PAGE] == []


def test_the_numbers_of_the_page_are_those_of_the_workload(shipped: Workload) -> None:
    """Warm-up, samples, users, duration, think time, shares: changed in one place only, they would mislead."""
    latency, load = shipped.latency, shipped.load
    least, most = (round(seconds * 1000) for seconds in load.think_seconds)
    words = {3: "three", 10: "ten", 12: "twelve"}
    for said in (
        f"a warm-up ({latency.warm_up} requests, thrown away), then {latency.streams} streamed and {latency.json} whole answers",
        f"tool alone, {latency.tool_runs} times",
        f"longer than {latency.least_characters} characters",
        f"The whole has {'two minutes' if latency.longest_seconds == 120 else '?'}",
        f"at least {words[LEAST_QUESTIONS]} of each complexity",
        f"{load.stream_share:.0%} streamed".replace("%", " %"),
        f"opens a new one ({load.new_conversation_share:.0%})".replace("%", " %"),
        f"thinks {least} to {most} ms",
        f"ends after {load.duration_seconds:g} s and {load.least_requests:,} requests, at the latest after {load.longest_seconds:g} s",
        f"written as {NEVER_SECONDS:,.0f} s",
        f"After {words[GIVE_UP_AFTER]} requests in a row without any answer",
        f"{words[SILENT_ROUNDS]} requests per user in a row",
        f"more than {BUSY_LIMIT:.0%}".replace("%", " %"),
        f"by more than {LAG_LIMIT_SECONDS:g} s",
    ):
        assert said in PAGE, said
