"""What a phase asks beside its gates: a real engine, real documents, a clean commit, signed checklists, days of measured SLOs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from reports.checklist import Checklist, ChecklistItem
from reports.decision import CheckState, Demand, Row
from reports.details import table
from reports.formats import seconds as span
from slo.evidence import Evidence
from slo.quantities import how_many
from slo.spec import Engine, PhaseDemands
from slo.verdict import Verdict

REAL_ENGINE = "real-engine"


def demands_of(
    asked: PhaseDemands, provenance: Evidence | None, slo: Evidence | None, checks: Sequence[CheckState]
) -> tuple[Demand, ...]:
    """How each demand of a phase stands; evidence that may not be used comes as None."""
    made: list[Demand] = []
    if asked.real_engine:
        made.append(_real_engine(provenance))
    if asked.real_documents:
        made.append(_real_documents(provenance))
    if asked.clean_commit:
        made.append(_clean_commit(provenance))
    if asked.slo_window is not None:
        made.append(_slo_window(float(asked.slo_window), slo))
    made += [_checklist(name, checks) for name in asked.checklists]
    return tuple(made)


def check_states(
    names: Iterable[str], checklists: Sequence[Checklist], rows: Sequence[Row], at: datetime
) -> tuple[CheckState, ...]:
    """The state of every item of the named checklists; a checklist that does not exist has no states."""
    wanted = tuple(names)
    return tuple(
        _check_state(checklist.id, item, rows, at)
        for checklist in checklists
        if checklist.id in wanted
        for item in checklist.items
    )


def _check_state(checklist: str, item: ChecklistItem, rows: Sequence[Row], at: datetime) -> CheckState:
    gaps = [gap for gate in item.gates if (gap := _gate_gap(gate, rows))]
    if item.sign_off and (gap := item.signature_gap(at)):
        gaps.append(gap)
    said = "; ".join(gaps) or ("shown by " + ", ".join(item.gates) if item.gates else "signed")
    signed_on = "" if item.signed_on is None else item.signed_on.isoformat()
    evidence = item.evidence or (("gate " + ", ".join(item.gates)) if item.gates else "")
    return CheckState(
        checklist, item.id, item.text, None if gaps else Verdict.PASS, said, item.owner, signed_on, evidence
    )


def _gate_gap(gate: str, rows: Sequence[Row]) -> str:
    own = [row for row in rows if row.gate == gate]
    if not own:
        return f"gate {gate} is not asked here"
    passed = sum(row.verdict is Verdict.PASS for row in own)
    return "" if passed == len(own) else f"gate {gate}: {passed} of {len(own)} pass"


def _real_engine(provenance: Evidence | None) -> Demand:
    title = "Latency with a real model"
    if provenance is None:
        return Demand(REAL_ENGINE, title, None, "no usable provenance says which engine answered")
    engine = provenance.context.engine
    if engine is not Engine.REAL:
        return Demand(REAL_ENGINE, title, None, f"all answers came from the {engine} engine; measure with a provider")
    return Demand(REAL_ENGINE, title, Verdict.PASS, "the answers came from a real provider")


def _real_documents(provenance: Evidence | None) -> Demand:
    title = "Verified documents only"
    corpus = corpus_counts(provenance)
    demo, unverified = corpus.get("demo"), corpus.get("unverified")
    documents = corpus.get("documents")
    if documents is None or demo is None or unverified is None:
        return Demand("real-documents", title, None, "the provenance does not say what the index holds")
    said = f"of {documents} documents, {demo} are for demonstration and {unverified} are unverified"
    if documents < 1:
        return Demand("real-documents", title, Verdict.FAIL, "the index holds no documents")
    return Demand("real-documents", title, Verdict.FAIL if demo or unverified else Verdict.PASS, said)


def corpus_counts(provenance: Evidence | None) -> Mapping[str, int]:
    """The counts of documents in `details.corpus`; what is not a count is left out, never zero."""
    corpus: Any = None if provenance is None else provenance.details.get("corpus")
    if not isinstance(corpus, Mapping):
        return {}
    names = ("documents", "demo", "unverified")
    return {name: value for name in names if type(value := corpus.get(name)) is int and value >= 0}


def _clean_commit(provenance: Evidence | None) -> Demand:
    title = "A commit without local changes"
    if provenance is None:
        return Demand("clean-commit", title, None, "no usable provenance names the commit")
    if provenance.context.dirty:
        return Demand("clean-commit", title, None, "the checkout had local changes; commit them and measure again")
    if told := other_commit(provenance):
        return Demand("clean-commit", title, None, told)
    return Demand("clean-commit", title, Verdict.PASS, f"measured at {provenance.context.commit[:7]}")


def other_commit(provenance: Evidence) -> str:
    """What the chatbot says of itself that cannot be the checkout which measured it; empty where nothing contradicts.

    The run's commit is the checkout's. A chatbot that ran elsewhere already may be of another one, and then no verdict is about it.
    """
    said = table(provenance, "service")
    commit, version, ours = said.get("commit", ""), said.get("version", ""), said.get("checkout_version", "")
    of_the_run = provenance.context.commit
    told = []
    if commit and not (commit.startswith(of_the_run) or of_the_run.startswith(commit)):
        told.append(f"commit {commit[:7]}, this run's is {of_the_run[:7]}")
    if version and ours and version != ours:
        told.append(f"version {version}, the checkout holds {ours}")
    return f"the chatbot says that it is of {' and '.join(told)}" if told else ""


def _slo_window(seconds: float, slo: Evidence | None) -> Demand:
    title = f"SLOs measured over {seconds / 86400:g} days"
    if slo is None:
        return Demand("slo-window", title, None, "there is no usable SLO evidence")
    measured = (slo.ended_at - slo.started_at).total_seconds()
    if measured < seconds:
        return Demand("slo-window", title, Verdict.INCONCLUSIVE, f"measured over {span(measured)} so far")
    return Demand("slo-window", title, Verdict.PASS, f"measured over {span(measured)}")


def _checklist(name: str, checks: Sequence[CheckState]) -> Demand:
    own = [check for check in checks if check.checklist == name]
    title = f"Checklist: {name} readiness"
    if not own:
        return Demand(f"checklist-{name}", title, None, f"there is no checklist {name!r}")
    opened = [check for check in own if check.verdict is not Verdict.PASS]
    if not opened:
        return Demand(f"checklist-{name}", title, Verdict.PASS, f"all {len(own)} items are shown")
    return Demand(
        f"checklist-{name}",
        title,
        None,
        f"{len(opened)} of {how_many(len(own), 'item')} {'is' if len(opened) == 1 else 'are'} open, first: {opened[0].text}",
    )
