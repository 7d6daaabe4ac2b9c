"""`python -m service decline-eval`: which questions a deployment does not answer, by category and reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from service.commands.complexity import wilson
from service.commands.retrieval_eval import progress, write
from service.deployments.model import Deployment
from service.errors import ConfigurationError
from service.evaluation.asking import Became, answerer_of, ask_all
from service.evaluation.judged import Half, half_of, read_questions
from service.evaluation.report import table
from service.retrieval.corpus import Corpus, load_corpora

SCHEMA = "courtsight/decline-eval/v1"
SWEEP = (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)
"""The values of `abstain_below` that a sweep tries."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask: files of `qid`, `query` and `category` or `kind`.

    `show` prints each question of the categories it names; `json` is None for no file.
    """

    corpus: tuple[Path, ...]
    queries: tuple[Path, ...]
    half: Half = "all"
    sweep: bool = False
    show: tuple[str, ...] = ()
    json: Path | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what became of it."""

    category: str
    qid: str
    text: str
    became: Became

    @property
    def declined(self) -> bool:
        """Whether no answer was given, for whatever reason."""
        return self.became.outcome != "ok"


def evaluate(
    order: Order, deployment: Deployment, today: date, clock: Callable[[], float], out: TextIO, told: TextIO
) -> None:
    """Ask each question, and print what was declined to `out`; progress goes to `told`.

    Raises:
        ConfigurationError: a file is missing, empty or broken, or the half holds no question.
    """
    corpus = load_corpora(order.corpus)
    questions = _questions(order)
    found = _ask(questions, corpus, deployment, today, clock, told)
    print(f"half {order.half}, abstain_below {deployment.abstain_below}\n\n{declined_table(found)}", file=out)
    for one in found:
        if one.category in order.show:
            said = one.became.reason or "answered"
            print(f"{one.category}  {one.qid}  {one.became.confidence:.3f}  {said}  {one.text}", file=out)
    value: dict[str, Any] = {"schema": SCHEMA, "half": order.half, "abstain_below": deployment.abstain_below}
    value["categories"] = {name: _value(rows) for name, rows in by_category(found).items()}
    if order.sweep:
        swept = {at: _ask(questions, corpus, replace(deployment, abstain_below=at), today, clock, told) for at in SWEEP}
        print(f"\n{sweep_table(swept)}", file=out)
        value["sweep"] = {
            str(at): {name: _share(rows) for name, rows in by_category(one).items()} for at, one in swept.items()
        }
    if order.json is not None:
        write(order.json, value)


def _questions(order: Order) -> list[tuple[str, str, str]]:
    """Category, qid and text; a question without a category takes its file's name."""
    found = [
        (one.kind or file.stem, one.qid, one.text)
        for file in order.queries
        for one in read_questions(file)
        if order.half in ("all", half_of(one.qid))
    ]
    if not found:
        raise ConfigurationError(f"--queries: no question falls into the half {order.half!r}; leave --half out")
    return found


def _ask(
    questions: Sequence[tuple[str, str, str]],
    corpus: Corpus,
    deployment: Deployment,
    today: date,
    clock: Callable[[], float],
    told: TextIO,
) -> list[Asked]:
    answerer = answerer_of(deployment, corpus.documents, clock)
    asked = [(qid, text) for _, qid, text in questions]
    became = ask_all(answerer, deployment, asked, today, lambda done: progress("asking", done, len(asked), told))
    return [Asked(*question, one) for question, one in zip(questions, became, strict=True)]


def by_category(found: Sequence[Asked]) -> dict[str, list[Asked]]:
    """The questions of each category, by name."""
    groups: dict[str, list[Asked]] = {}
    for one in sorted(found, key=lambda one: one.category):
        groups.setdefault(one.category, []).append(one)
    return groups


def declined_table(found: Sequence[Asked]) -> str:
    """One row per category: n, how many were declined, the share with its Wilson interval, and why."""
    rows = [["category", "n", "declined", "share", "95 %", "reasons"]]
    for name, group in by_category(found).items():
        declined = sum(one.declined for one in group)
        low, high = wilson(declined, len(group))
        reasons = Counter(one.became.reason or "none" for one in group if one.declined)
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        rows.append(
            [name, str(len(group)), str(declined), f"{_share(group):.3f}", f"{low:.3f} to {high:.3f}", told or "-"]
        )
    return table(rows)


def sweep_table(swept: dict[float, list[Asked]]) -> str:
    """The share that is declined of each category, by the confidence below which the service abstains."""
    names = list(by_category(next(iter(swept.values()))))
    rows = [["abstain_below", *names]]
    for at, found in swept.items():
        groups = by_category(found)
        rows.append([f"{at:g}", *(f"{_share(groups[name]):.3f}" for name in names)])
    return table(rows)


def _share(group: Sequence[Asked]) -> float:
    return sum(one.declined for one in group) / len(group)


def _value(group: Sequence[Asked]) -> dict[str, Any]:
    declined = sum(one.declined for one in group)
    reasons = Counter(one.became.reason for one in group if one.became.reason)
    low, high = wilson(declined, len(group))
    return {"n": len(group), "declined": declined, "share": _share(group), "low": low, "high": high, "reasons": reasons}
