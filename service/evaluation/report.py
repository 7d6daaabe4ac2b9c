"""What an evaluation found, as a table for people and as a value for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from service.evaluation.judged import Judged
from service.evaluation.measures import MEASURES, Estimate

SCHEMA = "courtsight/retrieval-eval/v1"
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of one set: over all of its questions, and of each kind by itself where more than one is given."""

    judged: Judged
    by_kind: Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the ablation: a component was added, and the sets gave these means (set or set and kind to measure to mean)."""

    name: str
    means: Mapping[str, Mapping[str, float]]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells under a heading: the first column to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def measures_table(found: Sequence[Measured]) -> str:
    """Set, kind, measure, value, interval and n, one measure per row."""
    rows = [["set", "kind", "measure", "value", "95 % interval", "n"]]
    for one in found:
        for kind, measures in one.by_kind.items():
            for name in MEASURES:
                estimate = measures[name]
                interval = f"{estimate.low:.3f} to {estimate.high:.3f}"
                rows.append([one.judged.name, kind, name, f"{estimate.value:.3f}", interval, str(estimate.n)])
    return table(rows)


def ablation_table(steps: Sequence[Step]) -> str:
    """One row per component: recall@10 and mrr@10 of each set once it was added, and what that changed in recall@10."""
    columns = list(steps[0].means)
    head = ["component"]
    for column in columns:
        head += [f"{column} recall@10", "change", "mrr@10"]
    rows = [head]
    before: Mapping[str, Mapping[str, float]] = {}
    for step in steps:
        row = [step.name]
        for column in columns:
            now = step.means[column]
            change = f"{now['recall@10'] - before[column]['recall@10']:+.3f}" if before else ""
            row += [f"{now['recall@10']:.3f}", change, f"{now['mrr@10']:.3f}"]
        rows.append(row)
        before = step.means
    return table(rows)


def left_out(judged: Judged) -> list[str]:
    """A sentence for everything that does not count, or counts as lost."""
    said = [
        (judged.unjudged, "without a relevant document in the qrels, left out"),
        (judged.unasked, "judged but not asked, left out"),
    ]
    found = [f"{judged.name}: {count} questions {what}" for count, what in said if count]
    if judged.absent:
        found.append(f"{judged.name}: {judged.absent} relevant documents are not in the corpus, and count as not found")
    return found


def measured_value(one: Measured) -> dict[str, Any]:
    """A set for JSON."""
    judged = one.judged
    return {
        "set": judged.name,
        "questions": len(judged.questions),
        "unjudged": judged.unjudged,
        "unasked": judged.unasked,
        "absent": judged.absent,
        "kinds": {kind: {name: asdict(measures[name]) for name in MEASURES} for kind, measures in one.by_kind.items()},
    }


def kinds_of(judged: Judged) -> tuple[str, ...]:
    """`all`, and each kind when there is more than one."""
    kinds = sorted({question.kind for question in judged.questions if question.kind})
    return (_ALL, *kinds) if kinds else (_ALL,)


def of_kind(judged: Judged, kind: str) -> list[int]:
    """The places of the questions of a kind."""
    return [at for at, question in enumerate(judged.questions) if kind in (_ALL, question.kind)]
