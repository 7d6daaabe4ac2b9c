"""What evidence explains beside its verdicts: scenarios, timelines, drills, machine. Read forgivingly, for no verdict rests on it.

Another program may have written these parts, so whatever is absent or of another shape becomes None or an empty tuple, which the page
shows as "not recorded". Text is cut and stripped of control characters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slo.evidence import Evidence

MAX_TEXT = 600
_FORBIDDEN = dict.fromkeys([*range(9), *range(11, 32), 127, *range(8234, 8239), *range(8294, 8298)], "�")
"""Control characters, and the marks that turn the direction of text around: a title must not disguise the words beside it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check of an acceptance scenario saw."""

    turn: str
    check: str
    verdict: str
    expected: str
    got: str
    advice: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One acceptance scenario and how it went."""

    id: str
    title: str
    role: str
    complexity: str
    family: str
    severity: str
    verdict: str
    duration: float | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the load test."""

    second: float
    requests: float
    failures: float
    p95: float | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the load test; whatever figures it recorded, by name."""

    name: str
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """The load test as a whole."""

    users: float | None
    duration: float | None
    requests: float | None
    failures: float | None
    throughput: float | None
    generator_cpu: float | None
    timeline: tuple[Second, ...]
    stages: tuple[Stage, ...]
    errors: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Drill:
    """One alert drill; times in seconds after the fault began."""

    drill: str
    fault: str
    alert: str
    predicted: float | None
    measured: float | None
    delivered: float | None
    resolved: float | None
    cycle: float | None
    scale: float | None
    baseline: str
    runbook: str


@dataclass(frozen=True, slots=True)
class SloWindow:
    """Where the numbers of one SLO came from."""

    slo: str
    window: float | None
    query_bad: str
    query_valid: str
    bad: float | None
    valid: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the run."""

    step: str
    started_at: str
    ended_at: str
    outcome: str


def text(value: Any) -> str:  # noqa: ANN401 - details hold whatever JSON holds
    """A value as a short, harmless line of text; empty for nothing."""
    if value is None or isinstance(value, bool | Mapping | list | tuple):
        return "" if value is None else ("yes" if value is True else "no" if value is False else "")
    plain = str(value).translate(_FORBIDDEN)
    return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - 1] + "…"


def number(value: Any) -> float | None:  # noqa: ANN401 - as above
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def entries(evidence: Evidence | None, name: str) -> list[Mapping[str, Any]]:
    """The objects of a list in the details; what is no object is left out."""
    return _objects({} if evidence is None else evidence.details, name)


def table(evidence: Evidence | None, name: str) -> dict[str, str]:
    """An object of the details as text by key, sorted."""
    value: Any = None if evidence is None else evidence.details.get(name)
    return {text(key): text(value[key]) for key in sorted(value)} if isinstance(value, Mapping) else {}


def scenarios(evidence: Evidence | None) -> tuple[Scenario, ...]:
    """The acceptance scenarios: those that did not pass first, then in the order recorded."""
    found = [_scenario(entry) for entry in entries(evidence, "scenarios")]
    return tuple(sorted(found, key=lambda one: one.verdict == "PASS"))


def load(evidence: Evidence | None) -> Load:
    """The load test; all None without evidence."""
    own: Mapping[str, Any] = {} if evidence is None else evidence.details
    return Load(
        users=number(own.get("users")),
        duration=number(own.get("duration_seconds")),
        requests=number(own.get("requests")),
        failures=number(own.get("failures")),
        throughput=number(own.get("throughput_per_second")),
        generator_cpu=number(own.get("generator_cpu_share")),
        timeline=tuple(_seconds(_objects(own, "timeline"))),
        stages=tuple(_stage(entry) for entry in _objects(own, "stages")),
        errors=_errors(own),
    )


def drills(evidence: Evidence | None) -> tuple[Drill, ...]:
    """The alert drills."""
    return tuple(
        Drill(
            drill=text(entry.get("drill")),
            fault=text(entry.get("fault")),
            alert=text(entry.get("alert")),
            predicted=number(entry.get("predicted_seconds")),
            measured=number(entry.get("measured_seconds")),
            delivered=number(entry.get("delivered_seconds")),
            resolved=number(entry.get("resolved_seconds")),
            cycle=number(entry.get("cycle_seconds")),
            scale=number(entry.get("scale")),
            baseline=text(entry.get("baseline")),
            runbook=text(entry.get("runbook")),
        )
        for entry in entries(evidence, "drills")
    )


def slo_windows(evidence: Evidence | None) -> dict[str, SloWindow]:
    """Where each SLO's numbers came from, by its id."""
    return {
        text(entry.get("slo")): SloWindow(
            slo=text(entry.get("slo")),
            window=number(entry.get("window_seconds")),
            query_bad=text(entry.get("query_bad")),
            query_valid=text(entry.get("query_valid")),
            bad=number(entry.get("bad")),
            valid=number(entry.get("valid")),
        )
        for entry in entries(evidence, "slos")
    }


def steps(evidence: Evidence | None) -> tuple[Step, ...]:
    """The steps of the run, in their order."""
    return tuple(
        Step(*(text(entry.get(name)) for name in ("step", "started_at", "ended_at", "outcome")))
        for entry in entries(evidence, "steps")
    )


def _objects(own: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = own.get(name)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list | tuple) else []


def _scenario(entry: Mapping[str, Any]) -> Scenario:
    return Scenario(
        id=text(entry.get("id")),
        title=text(entry.get("title")),
        role=text(entry.get("role")),
        complexity=text(entry.get("complexity")),
        family=text(entry.get("family")),
        severity=text(entry.get("severity")),
        verdict=text(entry.get("verdict")),
        duration=number(entry.get("duration_seconds")),
        findings=tuple(_finding(finding) for finding in _objects(entry, "findings")),
    )


def _finding(entry: Mapping[str, Any]) -> Finding:
    return Finding(*(text(entry.get(name)) for name in ("turn", "check", "verdict", "expected", "got", "advice")))


def _seconds(timeline: list[Mapping[str, Any]]) -> list[Second]:
    found = []
    for entry in timeline:
        second, requests = number(entry.get("second")), number(entry.get("requests"))
        if second is not None and requests is not None:
            failures = number(entry.get("failures")) or 0.0
            found.append(Second(second, requests, failures, number(entry.get("p95_seconds"))))
    return sorted(found, key=lambda one: one.second)


def _stage(entry: Mapping[str, Any]) -> Stage:
    name = text(entry.get("name")) or text(entry.get("stage"))
    figures = tuple(
        (text(key).removesuffix("_seconds").replace("_", " "), _figure(key, value))
        for key, value in entry.items()
        if key not in {"name", "stage"} and not isinstance(value, Mapping | list | tuple)
    )
    return Stage(name, figures)


def _figure(key: str, value: Any) -> str:  # noqa: ANN401 - as above
    plain = number(value)
    if plain is None:
        return text(value)
    return f"{plain:.4g} s" if key.endswith("_seconds") else f"{plain:.4g}"


def _errors(own: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Errors of the load test: an object of counts, or a list of objects with a message and a count."""
    value = own.get("errors")
    if isinstance(value, Mapping):
        return tuple((text(key), text(value[key])) for key in sorted(value))
    listed = _objects(own, "errors")
    return tuple(
        (text(entry.get("error")) or text(entry.get("message")), text(entry.get("count") or entry.get("occurrences")))
        for entry in listed
    )
