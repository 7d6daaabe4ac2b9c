"""Runs as the tests of pages take them: whole, broken, and full of hostile text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reports.checklist import Checklist
from reports.document import Inputs
from reports.trust import EvidenceSet
from reports.waivers import Waiver
from slo.evidence import Evidence, judged, with_digest
from slo.spec import Kind, Spec
from slo.statistics import p95, ratio

Run = dict[Kind, Evidence]
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}</script><!--\u202eevil\x00'


def inputs_of(spec: Spec, run: Run, checklists: tuple[Checklist, ...] = (), waivers: tuple[Waiver, ...] = ()) -> Inputs:
    return Inputs(
        spec, EvidenceSet({kind: with_digest(evidence) for kind, evidence in run.items()}), waivers, checklists
    )


def with_details(run: Run, kind: Kind, **changes: Any) -> Run:
    return run | {kind: replace(run[kind], details=dict(run[kind].details) | changes)}


def broken(spec: Spec, run: Run) -> Run:
    """A run with a slow cell, one in the warning band, a failed scenario and no drill."""
    gate, uat = spec.gate("latency-cell"), spec.gate("acceptance")
    values = {("judge", "complex"): 9.5, ("public", "simple"): 3.8}
    items = tuple(
        judged(gate, dict(item.labels), p95([values[key]] * 100))
        if item.gate == gate.id and (key := (dict(item.labels)["role"], dict(item.labels)["complexity"])) in values
        else item
        for item in run[Kind.LATENCY].items
    )
    check = {
        "check": "citation_count",
        "verdict": "FAIL",
        "expected": "3 citations",
        "got": "1",
        "advice": "look at the index",
    }
    listed = list(run[Kind.UAT].details["scenarios"])
    listed[0] = listed[0] | {"verdict": "FAIL", "title": EVIL, "turns": [{"number": 1, "checks": [check]}]}
    listed[1] = listed[1] | {"verdict": "FLAKY"}
    broken = run | {
        Kind.LATENCY: replace(run[Kind.LATENCY], items=items),
        Kind.UAT: replace(run[Kind.UAT], items=(judged(uat, {}, ratio(59, 60)),), details={"scenarios": listed}),
    }
    del broken[Kind.DRILL]
    return broken


def hostile(run: Run, text: str) -> Run:
    """A run whose evidence says one text wherever it may say any."""
    scenario = dict.fromkeys(("id", "title", "role", "complexity", "family", "severity", "verdict"), text)
    finding = dict.fromkeys(("turn", "check", "verdict", "expected", "got", "advice"), text)
    run = with_details(run, Kind.UAT, scenarios=[scenario | {"findings": [finding]}])
    run = with_details(
        run, Kind.DRILL, drills=[dict.fromkeys(("drill", "fault", "alert", "baseline", "runbook"), text)]
    )
    run = with_details(run, Kind.SLO, slos=[{"slo": "ttft", "query_bad": text, "query_valid": text}])
    run = with_details(run, Kind.LOAD, failures={text: 3}, stages=[{"name": text, text: text}], warnings=[text])
    return with_details(run, Kind.PROVENANCE, machine={text: text}, versions={text: text}, steps=[{"step": text}])
