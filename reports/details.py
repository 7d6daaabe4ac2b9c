"""What evidence explains beside its verdicts: scenarios, timelines, drills, machine. Read forgivingly, for no verdict rests on it.

Another program may have written these parts, so whatever is absent or of another shape becomes None or an empty tuple, which the page
shows as "not recorded". Text is cut and stripped of control characters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reports.formats import count
from slo.evidence import Evidence
from slo.spec import Unit
from slo.verdict import shown

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
class Figures:
    """Figures of several parts of a measurement, by name of the figure; seconds are written with their unit.

    Attributes:
        parts: Name of each part and its figures, in the order of `columns`.
    """

    columns: tuple[str, ...]
    parts: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """The load test as a whole."""

    users: float | None
    duration: float | None
    requests: float | None
    failures: float | None
    throughput: float | None
    generator_busy: float | None
    timeline: tuple[Second, ...]
    stages: Figures
    by_complexity: Figures
    by_role: Figures
    errors: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


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
    trouble: str
    timeline: tuple[tuple[float, str], ...]


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


def warnings(evidence: Evidence | None) -> tuple[str, ...]:
    """What a measurement warns of beside its numbers."""
    return () if evidence is None else _texts(evidence.details.get("warnings"))


def load(evidence: Evidence | None) -> Load:
    """The load test; all None without evidence."""
    own: Mapping[str, Any] = {} if evidence is None else evidence.details
    stages = _objects(own, "stages")
    generator = own.get("generator")
    busy = generator.get("busy_ratio") if isinstance(generator, Mapping) else None
    return Load(
        users=_either(own, "users", [number(stage.get("users")) for stage in stages], max),
        duration=_either(own, "duration_seconds", [number(stage.get("seconds")) for stage in stages], sum),
        requests=_either(own, "requests", [number(stage.get("requests")) for stage in stages], sum),
        failures=_either(own, "failures", [number(stage.get("failed")) for stage in stages], sum),
        throughput=_either(
            own, "throughput_per_second", [number(stage.get("throughput_per_second")) for stage in stages], max
        ),
        generator_busy=_either(own, "generator_cpu_share", [number(busy)], max),
        timeline=tuple(_seconds(_objects(own, "timeline"))),
        stages=_figures(stages, ("name", "stage")),
        by_complexity=_figures(_objects(own, "by_complexity"), ("complexity",)),
        by_role=_figures(_objects(own, "by_role"), ("role",)),
        errors=_errors(own),
        warnings=_texts(own.get("warnings")),
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
            trouble=text(entry.get("trouble")),
            timeline=tuple(_moments(entry)),
        )
        for entry in entries(evidence, "drills")
    )


def simulator(evidence: Evidence | None) -> dict[str, str]:
    """What stood behind the answers of a simulated model, and how late it was: name and figure, as recorded."""
    own = None if evidence is None else evidence.details.get("simulator")
    if not isinstance(own, Mapping):
        return {}
    plain = {text(key): _figure(str(key), value) for key, value in own.items() if not isinstance(value, Mapping)}
    return {key.removesuffix("_seconds").replace("_", " "): value for key, value in plain.items()}


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
        findings=tuple(_findings(entry)),
    )


def _findings(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What the checks of a scenario saw: listed as findings, else as the checks of each turn.

    Checks that passed, or had nothing to look at, are left out. Who lists findings may tell the turns as well: each stands once.
    """
    listed = [(text(one.get("turn")), one) for one in _objects(entry, "findings")]
    if not listed:
        turns = _objects(entry, "turns")
        listed = [(text(turn.get("number")), check) for turn in turns for check in _objects(turn, "checks")]
    for number_of_turn, one in listed:
        found = Finding(
            number_of_turn, *(text(one.get(name)) for name in ("check", "verdict", "expected", "got", "advice"))
        )
        if found.verdict not in {"PASS", "N/A"}:
            yield found


def _moments(entry: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    for moment in _objects(entry, "timeline"):
        at = number(moment.get("seconds"))
        if at is not None:
            yield at, text(moment.get("event"))


def _either(
    own: Mapping[str, Any], name: str, parts: list[float | None], join: Callable[[list[float]], float]
) -> float | None:
    """A figure of the whole where it was recorded, else what its parts come to."""
    whole = number(own.get(name))
    known = [part for part in parts if part is not None]
    return whole if whole is not None or not known else float(join(known))


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as above
    return tuple(said for one in value if (said := text(one))) if isinstance(value, list | tuple) else ()


def _seconds(timeline: list[Mapping[str, Any]]) -> list[Second]:
    found = []
    for entry in timeline:
        second, requests = number(entry.get("second")), number(entry.get("requests"))
        if second is not None and requests is not None:
            failed = entry.get("failures", entry.get("failed"))
            failures = number(failed) or 0.0
            found.append(Second(second, requests, failures, number(entry.get("p95_seconds"))))
    return sorted(found, key=lambda one: one.second)


def _figures(entries_of: list[Mapping[str, Any]], names: tuple[str, ...]) -> Figures:
    """Figures of parts as a table; the columns are those of all parts, in the order of their first mention."""
    keys = [
        key
        for key in dict.fromkeys(str(key) for entry in entries_of for key in entry)
        if key not in names and not any(isinstance(entry.get(key), Mapping | list | tuple) for entry in entries_of)
    ]
    parts = tuple(
        (
            next((name for key in names if (name := text(entry.get(key)))), ""),
            tuple(_figure(key, entry.get(key)) for key in keys),
        )
        for entry in entries_of
    )
    return Figures(tuple(text(key).removesuffix("_seconds").replace("_", " ") for key in keys), parts)


def _figure(key: str, value: Any) -> str:  # noqa: ANN401 - as above
    plain = number(value)
    if plain is None:
        return text(value)
    if key.endswith("seconds"):
        return shown(plain, Unit.SECONDS)
    # A seed is a name made of digits: nobody counts it.
    return f"{plain:.0f}" if key == "seed" else count(plain)


def _errors(own: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Errors of the load test: an object of counts under `errors` or `failures`, or a list of objects with a message and a count."""
    failures = own.get("failures")
    value = own.get("errors", failures if isinstance(failures, Mapping) else None)
    if isinstance(value, Mapping):
        return tuple((text(key), text(value[key])) for key in sorted(value))
    listed = _objects(own, "errors")
    return tuple(
        (text(entry.get("error")) or text(entry.get("message")), text(entry.get("count") or entry.get("occurrences")))
        for entry in listed
    )
