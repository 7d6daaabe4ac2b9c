"""`python -m service retrieval-eval`: how good the ranking is on judged questions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO, TypeVar

import orjson

from service.errors import ConfigurationError
from service.evaluation.judged import HALVES, Judged, only_half, read_judged
from service.evaluation.measures import MEASURES, SEED, estimates, quantile, scores
from service.evaluation.report import (
    SCHEMA,
    Measured,
    Step,
    ablation_table,
    kinds_of,
    left_out,
    measured_value,
    measures_table,
    of_kind,
)
from service.evaluation.systems import WHOLE, Rank, build, build_dense, ladder
from service.llm.embedding import ProviderEmbedder
from service.retrieval.corpus import Corpus, load_corpora
from service.retrieval.dense import NoVectors

__all__ = ["HALVES", "SEED", "Order", "evaluate", "paths"]
_BAR = 30
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class Order:
    """What to evaluate; `half` is empty for all questions, `json` None for no file."""

    corpus: tuple[Path, ...]
    queries: tuple[Path, ...]
    qrels: tuple[Path, ...]
    half: str = ""
    json: Path | None = None
    ablation: bool = False
    latency: bool = False
    seed: int = SEED
    dense: ProviderEmbedder | None = None


def evaluate(order: Order, clock: Callable[[], float], out: TextIO, told: TextIO) -> None:
    """Measure, and print the tables to `out`; progress and what was left out go to `told`.

    Raises:
        ConfigurationError: a file is missing, empty or broken.
    """
    corpus = load_corpora(order.corpus)
    sets = _judged(order, corpus)
    for sentence in chain.from_iterable(left_out(judged) for judged in sets):
        print(sentence, file=told)
    rank = build(corpus.documents, WHOLE, clock)
    seconds: list[float] = []
    found = [_measured(judged, _timed(rank, clock, seconds), order.seed, told) for judged in sets]
    print(measures_table(found), file=out)
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "corpus": {"hash": corpus.hash, "documents": len(corpus.documents)},
        "half": order.half or None,
        "seed": order.seed,
        "sets": [measured_value(one) for one in found],
    }
    if order.latency:
        value["latency_seconds"] = {"p50": quantile(seconds, 0.5), "p95": quantile(seconds, 0.95), "n": len(seconds)}
        print(f"\na call: {_latency(seconds)}", file=out)
    if order.ablation:
        steps = [_step(name, build(corpus.documents, at, clock), sets, told) for name, at in ladder()]
        if order.dense:
            steps.append(_dense_step(order.dense, corpus, sets, clock, told))
        value["ablation"] = [{"component": step.name, "means": step.means} for step in steps]
        print(f"\n{ablation_table(steps)}", file=out)
    if order.json is not None:
        write(order.json, value)


def _judged(order: Order, corpus: Corpus) -> list[Judged]:
    """The sets in the order of their files: as many qrels as queries are pairs, otherwise all qrels hold for all queries."""
    ids = {document.id for document in corpus.documents}
    paired = len(order.qrels) == len(order.queries)
    sets = []
    for at, queries in enumerate(order.queries):
        judged = read_judged(queries, (order.qrels[at],) if paired else order.qrels, ids)
        sets.append(only_half(judged, order.half) if order.half else judged)
    return sets


def _measured(judged: Judged, rank: Rank, seed: int, told: TextIO) -> Measured:
    rows = _rows(judged, rank, judged.name, told)
    by_kind = {kind: estimates([rows[at] for at in of_kind(judged, kind)], seed) for kind in kinds_of(judged)}
    return Measured(judged, by_kind)


def _step(name: str, rank: Rank, sets: Sequence[Judged], told: TextIO) -> Step:
    means = {}
    for judged in sets:
        rows = _rows(judged, rank, f"{name}: {judged.name}", told)
        for kind in kinds_of(judged):
            if kind == "all" and len(kinds_of(judged)) > 1:
                continue
            places = of_kind(judged, kind)
            mean = [sum(rows[at][measure] for at in places) / len(places) for measure in range(len(MEASURES))]
            means[judged.name if kind == "all" else kind] = dict(zip(MEASURES, mean, strict=True))
    return Step(name, means)


def _dense_step(
    embedder: ProviderEmbedder, corpus: Corpus, sets: Sequence[Judged], clock: Callable[[], float], told: TextIO
) -> Step:
    """The last row: what an embedding model adds."""
    with asyncio.Runner() as runner:

        def run(work: Awaitable[_Given]) -> _Given:
            async def waited() -> _Given:
                return await work

            return runner.run(waited())

        try:
            rank = build_dense(corpus.documents, embedder, clock, run)
            return _step(f"+ dense re-ranking by {embedder.name}", rank, sets, told)
        except NoVectors as error:
            raise ConfigurationError(f"--dense: {error}; mend the provider, or leave the row out") from error
        finally:
            run(embedder.close())


def _rows(judged: Judged, rank: Rank, name: str, told: TextIO) -> list[tuple[float, ...]]:
    rows = []
    for done, question in enumerate(judged.questions, start=1):
        rows.append(scores(rank(question.text), question.grades))
        progress(name, done, len(judged.questions), told)
    return rows


def _timed(rank: Rank, clock: Callable[[], float], seconds: list[float]) -> Rank:
    def timed(text: str) -> Sequence[str]:
        started = clock()
        found = rank(text)
        seconds.append(clock() - started)
        return found

    return timed


def _latency(seconds: Sequence[float]) -> str:
    return f"p50 {quantile(seconds, 0.5) * 1e3:.2f} ms, p95 {quantile(seconds, 0.95) * 1e3:.2f} ms, n {len(seconds)}"


def progress(name: str, done: int, of: int, told: TextIO) -> None:
    """A bar on a terminal; nothing where the words would only fill a log."""
    if not told.isatty() or (done % 25 and done != of):
        return
    filled = _BAR * done // of
    end = "\r\033[K" if done == of else ""
    told.write(f"\r{name} [{'#' * filled}{'.' * (_BAR - filled)}] {done}/{of}{end}")
    told.flush()


def write(path: Path, value: dict[str, Any]) -> None:
    """A result as JSON, whole or not at all: a file that was cut off would look like one.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ConfigurationError(f"{path}: {error.strerror or error}; choose another file for the result") from error


def paths(listed: str, name: str) -> tuple[Path, ...]:
    """The files of a comma list.

    Raises:
        ConfigurationError: the list is empty.
    """
    found = tuple(Path(part.strip()) for part in listed.split(",") if part.strip())
    if not found:
        raise ConfigurationError(f"--{name}: give one file, or several with commas between them")
    return found
