"""`python -m service complexity-eval` and `complexity-fit`: how often the classes agree with people, and the weights behind them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from service.chat.complexity import COMPLEXITIES, MEASURES, Complexity, ComplexityRules, classify, features
from service.chat.fitting import Fitted, Labelled, fit, held_out
from service.errors import ConfigurationError

QUESTIONS = Path(__file__).parents[2] / "tests" / "service" / "data" / "complexity_questions.jsonl"
REVIEW = QUESTIONS.with_name("complexity_review.jsonl")
"""Questions that a reviewer wrote and labelled before reading the rules; half of them are held out."""
ANCHORS = QUESTIONS.with_name("complexity_anchors.jsonl")
_ANCHOR_WEIGHT = 6
"""The questions of the requirements count so often each: they must keep their class."""
_Z = 1.96
"""Two-sided 95 %."""


def read_labelled(path: Path) -> list[Labelled]:
    """The labelled questions of a file of JSON lines with `question`, `label` and, when there is one, `id`.

    Raises:
        ConfigurationError: the file or a line of it is not of this form.
    """
    rows: list[Labelled] = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            if row["label"] not in COMPLEXITIES:
                raise ConfigurationError(
                    f"{path}:{number}: label {row['label']!r} is none of {', '.join(COMPLEXITIES)}"
                )
            rows.append(Labelled(str(row.get("id", number)), str(row["question"]), row["label"]))
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror or error}; name a file of JSON lines with question and label"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path}: expected JSON lines with question and label ({error})") from error
    if not rows:
        raise ConfigurationError(f"{path}: holds no question")
    return rows


def wilson(right: int, count: int) -> tuple[float, float]:
    """The two-sided 95 % Wilson interval of a share; (0, 1) without cases."""
    if not count:
        return 0.0, 1.0
    share, z2 = right / count, _Z * _Z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def evaluate(rows: Sequence[Labelled], rules: ComplexityRules) -> dict[str, Any]:
    """Accuracy with its interval, the confusion table (label, then class) and precision and recall of each class."""
    pairs = Counter((row.label, classify(row.question, rules).complexity) for row in rows)
    right = sum(pairs[one, one] for one in COMPLEXITIES)
    return {
        "n": len(rows),
        "accuracy": round(right / len(rows), 4) if rows else None,
        "interval": [round(bound, 4) for bound in wilson(right, len(rows))],
        "confusion": {label: {found: pairs[label, found] for found in COMPLEXITIES} for label in COMPLEXITIES},
        "classes": {one: _class_figures(pairs, one) for one in COMPLEXITIES},
    }


def _class_figures(pairs: Counter[tuple[Complexity, Complexity]], one: Complexity) -> dict[str, float | None]:
    found = sum(pairs[label, one] for label in COMPLEXITIES)
    labelled = sum(pairs[one, other] for other in COMPLEXITIES)
    return {
        "precision": round(pairs[one, one] / found, 4) if found else None,
        "recall": round(pairs[one, one] / labelled, 4) if labelled else None,
    }


def table(title: str, report: dict[str, Any]) -> str:
    """A report for people."""
    low, high = report["interval"]
    lines = [f"{title}: accuracy {report['accuracy']} (n {report['n']}, 95 % {low} to {high})"]
    lines.append(
        f"{'label / class':14}" + "".join(f"{one:>10}" for one in COMPLEXITIES) + f"{'precision':>12}{'recall':>9}"
    )
    for label in COMPLEXITIES:
        counts = "".join(f"{report['confusion'][label][found]:>10}" for found in COMPLEXITIES)
        figures = report["classes"][label]
        lines.append(f"{label:14}{counts}{figures['precision']!s:>12}{figures['recall']!s:>9}")
    return "\n".join(lines)


def report_of(path: Path | None, rules: ComplexityRules) -> str:
    """The whole print-out: of our own questions the held-out third and the rest apart, of any other file all of it."""
    if path is not None and path != QUESTIONS:
        parts = {path.name: evaluate(read_labelled(path), rules)}
    else:
        rows, others = read_labelled(QUESTIONS), read_labelled(REVIEW)
        parts = {
            "held out": evaluate([row for row in rows if held_out(row.id)], rules),
            "tuned on": evaluate([row for row in rows if not held_out(row.id)], rules),
            "reviewer's, held out": evaluate([row for row in others if held_out(row.id, one_in=2)], rules),
            "reviewer's, tuned on": evaluate([row for row in others if not held_out(row.id, one_in=2)], rules),
        }
    tables = "\n\n".join(table(title, report) for title, report in parts.items())
    return f"{tables}\n\n{json.dumps({'fitted': rules.fitted, **parts})}"


def fitted_rules(rules: ComplexityRules, questions: Path, review: Path, anchors: Path, day: str) -> ComplexityRules:
    """The rules with weights fitted to two thirds of the questions, half of the reviewer's and the anchors, with the day and the files' hash."""
    rows = [row for row in read_labelled(questions) if not held_out(row.id)]
    rows += [row for row in read_labelled(review) if not held_out(row.id, one_in=2)]
    fixed = read_labelled(anchors)
    examples = [(features(row.question, rules), row.label) for row in rows + fixed * _ANCHOR_WEIGHT]
    expected = {signal.name: signal.expected for signal in rules.signals}
    names = [*MEASURES, *expected]
    rising = frozenset(name for name in names if expected.get(name, 0.0) >= 0)
    found: Fitted = fit(examples, names, rising, expected)
    digest = hashlib.sha256(questions.read_bytes() + review.read_bytes() + anchors.read_bytes()).hexdigest()[:12]
    return replace(
        rules,
        medium_from=found.medium_from,
        complex_from=found.complex_from,
        measures={name: found.weights[name] for name in MEASURES},
        signals=tuple(replace(signal, weight=found.weights[signal.name]) for signal in rules.signals),
        fitted=f"{day}, {len(rows)} questions, sha256 {digest}",
    )


def rewritten(text: str, rules: ComplexityRules) -> str:
    """A deployment's YAML with the numbers of these rules put in; every other character stays."""
    head, start, rest = text.partition("\ncomplexity:\n")
    block, end, tail = re.split(r"(\n(?=[a-z#]))", rest, maxsplit=1) if start else ("", "", "")
    values = {"fitted": json.dumps(rules.fitted), "medium_from": rules.medium_from, "complex_from": rules.complex_from}
    for name, value in {**values, **rules.measures}.items():
        block = re.sub(rf"(?m)^( +{re.escape(name)}: ).*$", lambda found, new=value: f"{found[1]}{new}", block, count=1)
    for signal in rules.signals:
        pattern = rf"(- name: {re.escape(signal.name)}\n(?: +(?:english|expected): .*\n)+ +weight: )\S+"
        block = re.sub(pattern, lambda found, new=signal.weight: f"{found[1]}{new}", block, count=1)
    return f"{head}{start}{block}{end}{tail}"
