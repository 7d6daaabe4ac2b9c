"""Which evidence a decision may rest on: of this run, this commit, this deployment, this spec, whole and fresh.

Provenance is the anchor. Without it nothing says which run the other files belong to, and no gate can be decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reports.decision import Source
from reports.details import text
from slo.evidence import Evidence
from slo.spec import Engine, Kind, Spec

CLOCK_SLACK = timedelta(minutes=1)
"""How far evidence may seem to come from the future: the clocks of two machines differ."""

SPEC_HASH = "spec"


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """What was found in a run's folder; a kind in neither mapping is missing.

    Attributes:
        evidence: Files that could be read.
        refused: Why the others could not.
    """

    evidence: Mapping[Kind, Evidence] = field(default_factory=dict)
    refused: Mapping[Kind, str] = field(default_factory=dict)


def sources(spec: Spec, files: EvidenceSet, at: datetime) -> dict[Kind, Source]:
    """Say for every kind whether it may be used, and if not, why."""
    anchor = files.evidence.get(Kind.PROVENANCE)
    trouble = _own_trouble(spec, files, Kind.PROVENANCE, at) or (_misnamed(anchor) if anchor else "")
    found = {Kind.PROVENANCE: _source(files, Kind.PROVENANCE, trouble)}
    for kind in Kind:
        if kind is Kind.PROVENANCE:
            continue
        reason = _own_trouble(spec, files, kind, at)
        if not reason and (trouble or anchor is None):
            reason = "no usable provenance says which run it belongs to"
        elif not reason and anchor is not None:
            reason = _foreign(files.evidence[kind], anchor)
        found[kind] = _source(files, kind, reason)
    return {kind: found[kind] for kind in Kind}


def _source(files: EvidenceSet, kind: Kind, reason: str) -> Source:
    evidence = files.evidence.get(kind)
    missing = evidence is None and kind not in files.refused
    if evidence is None:
        return Source(kind, reason, missing, "", "", None, None)
    return Source(
        kind, reason, missing, evidence.digest, evidence.context.target, evidence.started_at, evidence.ended_at
    )


def _own_trouble(spec: Spec, files: EvidenceSet, kind: Kind, at: datetime) -> str:
    if kind in files.refused:
        return files.refused[kind]
    evidence = files.evidence.get(kind)
    if evidence is None:
        return f"there is no {kind} evidence"
    if evidence.kind is not kind:
        return f"it is {evidence.kind} evidence"
    if not evidence.complete:
        return f"it is incomplete: {_why_cut(evidence)}"
    return _wrong_time(spec, evidence, at) or _wrong_spec(spec, evidence)


def _why_cut(evidence: Evidence) -> str:
    """The writer's own words, cleaned like all text from outside."""
    said = (text(evidence.details.get(name)) for name in ("stopped", "broken"))
    return next((words for words in said if words), "the step that writes it was cut short")


def _wrong_time(spec: Spec, evidence: Evidence, at: datetime) -> str:
    if evidence.started_at > evidence.ended_at:
        return "it ended before it started"
    if evidence.ended_at - at > CLOCK_SLACK:
        return f"it comes from the future: it ended at {evidence.ended_at:%Y-%m-%d %H:%M:%S} UTC"
    age = (at - evidence.ended_at).total_seconds()
    limit = float(spec.evidence_max_age)
    if age > limit:
        return f"it is stale: {age / 3600:.1f} h old, at most {limit / 3600:g} h are allowed; measure again"
    return ""


def _wrong_spec(spec: Spec, evidence: Evidence) -> str:
    if evidence.context.deployment != spec.deployment:
        return f"it is about deployment {evidence.context.deployment!r}, the spec about {spec.deployment!r}"
    named = evidence.context.hashes.get(SPEC_HASH)
    if named is None:
        return "it does not name the spec that it was measured under"
    if named != spec.digest:
        return "it was measured under another version of the spec; measure again"
    return ""


def _misnamed(anchor: Evidence) -> str:
    """A run id carries its commit; one that carries another was put together by hand."""
    context = anchor.context
    ending = context.commit[:7] + ("-dirty" if context.dirty else "")
    if context.run.partition("-")[2] != ending:
        return f"its run id {context.run} does not belong to commit {ending}"
    return ""


def _foreign(evidence: Evidence, anchor: Evidence) -> str:
    """Why evidence belongs to another run than the provenance; empty when it belongs.

    A drill, and what is measured with the simulated model, runs on a stack of its own, so its target may differ; the engine of the
    latter is the simulated one, whatever the run's. Whatever the provenance names by its hash, the evidence names too.
    SLOs may look back over days, everything else is measured during the run.
    """
    own, run = evidence.context, anchor.context
    pairs: list[tuple[str, object, object]] = [
        ("run", own.run, run.run),
        ("commit", own.commit, run.commit),
        ("dirty flag", own.dirty, run.dirty),
        ("seed", own.seed, run.seed),
    ]
    if evidence.kind.simulated:
        if own.engine is not Engine.SIMULATED:
            return f"it is foreign: its answers came from the {own.engine} engine, not from the simulated one"
    else:
        pairs.append(("engine", str(own.engine), str(run.engine)))
    if evidence.kind is not Kind.DRILL and not evidence.kind.simulated:
        pairs.append(("target", own.target, run.target))
    pairs += [(f"hash of {name}", own.hashes.get(name, "not told"), run.hashes[name]) for name in run.hashes]
    for name, ours, theirs in pairs:
        if ours != theirs:
            return f"it is foreign: its {name} is {ours}, the provenance says {theirs}"
    began_too_soon = anchor.started_at - evidence.started_at > CLOCK_SLACK and evidence.kind is not Kind.SLO
    if began_too_soon or evidence.ended_at - anchor.ended_at > CLOCK_SLACK:
        return "it is foreign: it was not measured during the run that the provenance tells of"
    return ""
