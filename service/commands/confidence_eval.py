"""`python -m service confidence-eval`: whether confidence is the share of answers with a relevant passage, and the weights behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from service.chat.confidence import FEATURES, Calibration, confidence
from service.commands.retrieval_eval import progress, write
from service.deployments.calibration import CalibrationFile, FittedSet, calibration_text
from service.deployments.model import Deployment
from service.errors import ConfigurationError
from service.evaluation.asking import answerer_of, ask_all
from service.evaluation.calibration import Figure, Pairs, Quality, quality
from service.evaluation.judged import Half, Judged, half_of, read_judged, read_questions
from service.evaluation.logistic import Row, fit
from service.evaluation.report import left_out, table
from service.retrieval.corpus import load_corpora

SCHEMA = "courtsight/confidence-eval/v1"
_RIDGE = 0.5
_SET_WEIGHT = 100.0
"""What all questions of a set weigh together in the fit: no set rules by its size."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One corpus with the sets of questions that are judged on it, and files of questions that it answers nowhere."""

    corpus: tuple[Path, ...]
    queries: tuple[Path, ...]
    qrels: tuple[Path, ...]
    negatives: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure.

    `categories` leaves only these of the negatives, all of them when empty; `fit_to` names the calibration to write, fitted to the
    half `dev`; `json` is None for no file.
    """

    benches: tuple[Bench, ...]
    categories: tuple[str, ...] = ()
    half: Half = "final"
    fit_to: Path | None = None
    json: Path | None = None
    seed: int = 20261121


@dataclass(frozen=True, slots=True)
class Observed:
    """A question: its id, what spoke for the passages, whether one of them is relevant, and whether anybody judged it."""

    qid: str
    features: dict[str, float]
    relevant: bool
    judged: bool


@dataclass(frozen=True, slots=True)
class ObservedSet:
    """The questions of a set with the negatives of its corpus, and a hash of the files they came from."""

    name: str
    rows: tuple[Observed, ...]
    digest: str

    def of_half(self, half: Half) -> ObservedSet:
        """The questions of one half."""
        return replace(self, rows=tuple(row for row in self.rows if half in ("all", half_of(row.qid))))


def evaluate(
    order: Order, deployment: Deployment, today: date, clock: Callable[[], float], out: TextIO, told: TextIO
) -> None:
    """Ask, fit if that is wanted, measure, and print the tables to `out`; progress and what was left out go to `told`.

    Raises:
        ConfigurationError: a file is missing, empty or broken, or a half holds no question.
    """
    sets = [one for bench in order.benches for one in _observed(bench, order, deployment, today, clock, told)]
    calibration = deployment.calibration
    if order.fit_to is not None:
        file = fitted_file([one.of_half("dev") for one in sets], today)
        order.fit_to.write_text(calibration_text(file), encoding="utf-8")
        calibration = Calibration(file.intercept, file.weights, f"{file.fitted}, half {file.half}")
        print(f"{order.fit_to}: {len(file.weights)} weights fitted\n", file=out)
    halves = [one.of_half(order.half) for one in sets]
    empty = [one.name for one in halves if not one.rows]
    if empty:
        raise ConfigurationError(f"{', '.join(empty)}: no question falls into the half {order.half!r}")
    found = {one.name: _quality(one.rows, calibration, order.seed) for one in halves}
    # The negatives of a corpus stand in each of its sets, and once in the pool.
    pool = {(one.digest if row.judged else id(row), row.qid): row for one in halves for row in one.rows}
    found["pooled"] = _quality(list(pool.values()), calibration, order.seed)
    judged = {one.name: _quality([row for row in one.rows if row.judged], calibration, order.seed) for one in halves}
    print(f"half {order.half}, model: {calibration.fitted}\n", file=out)
    print(figures_table(found), file=out)
    print(
        f"\nquestions with a relevant passage in the corpus alone (hits against misses)\n{figures_table(judged)}",
        file=out,
    )
    print(f"\nreliability, pooled\n{reliability_table(found['pooled'])}", file=out)
    if order.json is not None:
        write(order.json, _value(order, calibration, found, judged))


def _observed(
    bench: Bench, order: Order, deployment: Deployment, today: date, clock: Callable[[], float], told: TextIO
) -> list[ObservedSet]:
    corpus = load_corpora(bench.corpus)
    ids = {document.id for document in corpus.documents}
    paired = len(bench.qrels) == len(bench.queries)
    sets = [
        read_judged(queries, (bench.qrels[at],) if paired else bench.qrels, ids)
        for at, queries in enumerate(bench.queries)
    ]
    answerer = answerer_of(deployment, corpus.documents, clock)

    def asked(name: str, questions: Sequence[tuple[str, str]], relevant: Sequence[set[str]]) -> list[Observed]:
        became = ask_all(
            answerer, deployment, questions, today, lambda done: progress(name, done, len(questions), told)
        )
        return [
            Observed(qid, dict(one.features), not good.isdisjoint(one.weighed), bool(good))
            for (qid, _), one, good in zip(questions, became, relevant, strict=True)
        ]

    unanswerable = _negatives(bench.negatives, order.categories)
    negatives = asked("negatives", unanswerable, [set() for _ in unanswerable])
    found = []
    for judged in sets:
        for sentence in left_out(judged):
            print(sentence, file=told)
        rows = asked(judged.name, [(one.qid, one.text) for one in judged.questions], _relevant(judged))
        files = (*bench.queries, *bench.qrels, *bench.negatives)
        found.append(ObservedSet(judged.name, (*rows, *negatives), _digest(judged.name, corpus.hash, files)))
    return found


def _relevant(judged: Judged) -> list[set[str]]:
    return [{document for document, grade in one.grades.items() if grade > 0} for one in judged.questions]


def _negatives(files: Iterable[Path], categories: Sequence[str]) -> list[tuple[str, str]]:
    asked = [one for file in files for one in read_questions(file)]
    return [(one.qid, one.text) for one in asked if not categories or one.kind in categories]


def _digest(name: str, corpus: str, files: Iterable[Path]) -> str:
    digest = hashlib.sha256(f"{name}\0{corpus}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def fitted_file(sets: Sequence[ObservedSet], today: date) -> CalibrationFile:
    """Weights fitted to these sets, each of which counts the same; a question without a cited passage teaches nothing.

    Raises:
        ConfigurationError: there is nothing to fit to.
    """
    rows = [
        Row(tuple(row.features[name] for name in FEATURES), row.relevant, _SET_WEIGHT / len(one.rows))
        for one in sets
        for row in one.rows
        if row.features
    ]
    if len({row.outcome for row in rows}) < 2:
        raise ConfigurationError(
            "--fit: the half dev needs questions with a relevant passage and without; add --negatives"
        )
    intercept, *weights = fit(rows, _RIDGE)
    return CalibrationFile(
        fitted=today.isoformat(),
        half="dev",
        sets=[FittedSet(name=one.name, questions=len(one.rows), sha256=one.digest) for one in sets if one.rows],
        intercept=round(intercept, 3),
        weights={name: round(weight, 3) for name, weight in zip(FEATURES, weights, strict=True)},
    )


def _quality(rows: Sequence[Observed], calibration: Calibration, seed: int) -> Quality:
    pairs: Pairs = [(confidence(row.features, calibration), row.relevant) for row in rows]
    return quality(pairs, seed)


def figures_table(found: dict[str, Quality]) -> str:
    """One row per set: n, how many had a relevant passage cited, and each figure with its interval."""
    rows = [["set", "n", "relevant", "ECE", "95 %", "AUC", "95 %", "Brier", "95 %"]]
    for name, one in found.items():
        cells = [name, str(one.n), str(one.positive)]
        for figure in (one.ece, one.auc, one.brier):
            cells += [_shown(figure.value), _interval(figure)]
        rows.append(cells)
    return table(rows)


def reliability_table(one: Quality) -> str:
    """One row per bin: from, to, predicted, observed, n."""
    rows = [["from", "to", "predicted", "observed", "n"]]
    rows += [[f"{b.low:.3f}", f"{b.high:.3f}", f"{b.predicted:.3f}", f"{b.observed:.3f}", str(b.n)] for b in one.bins]
    return table(rows)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(figure: Figure) -> str:
    return "-" if figure.low is None else f"{_shown(figure.low)} to {_shown(figure.high)}"


def _value(
    order: Order, calibration: Calibration, found: dict[str, Quality], judged: dict[str, Quality]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "half": order.half,
        "seed": order.seed,
        "model": asdict(calibration) | {"weights": dict(calibration.weights)},
        "sets": {name: asdict(one) for name, one in found.items()},
        "answerable": {name: asdict(one) for name, one in judged.items()},
    }
