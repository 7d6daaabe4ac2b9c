"""What an extractive answer costs: the processor time from a question's text to its composed and checked answer, without HTTP and store.

    python benchmarks/micro/answer_cpu.py --questions 3000 --rounds 3 --json out.json
    python benchmarks/micro/answer_cpu.py --passages 100000              # over as many passages as the goals are stated for
    python benchmarks/micro/answer_cpu.py --digests before.txt          # the answers, for a comparison
    python benchmarks/micro/answer_cpu.py --compare before.txt          # the questions whose answers changed

The questions are those of the shipped workload, varied until each differs from all others (`answer_questions.py`). A first pass of other
questions warms what is read once; each round asks all questions, each question counts by its median. Stages are measured in a pass of
their own, because to measure costs more than to answer: their shares are told, not their sums.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import hashlib
import itertools
import json
import pstats
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "micro")]

from answer_questions import Query, queries  # noqa: E402 - a script of the repository, which is no installed package
from chat_library import library  # noqa: E402 - as above

from benchmarks.workload import WORKLOADS_FOLDER, load_workload  # noqa: E402 - as above
from service.answering import Answerer  # noqa: E402 - as above
from service.chat.evidence import Evidence  # noqa: E402 - as above
from service.deployments.load import deployment_file, load_deployment  # noqa: E402 - as above
from service.deployments.model import Deployment  # noqa: E402 - as above
from service.evaluation.asking import answerer_of, answerer_over  # noqa: E402 - as above
from service.exchange import Answer, Delta, Event, Question  # noqa: E402 - as above
from service.retrieval.corpus import load_corpora  # noqa: E402 - as above
from service.retrieval.hits import Hit  # noqa: E402 - as above
from service.retrieval.opening import open_corpus  # noqa: E402 - as above
from service.serving.running import collect_rarely  # noqa: E402 - as above
from service.settings import CORPORA  # noqa: E402 - as above

TODAY = date(2026, 11, 21)
_LIBRARY_SEED = 7
STAGES = {
    "understanding": ("listening.py:understand", "complexity.py:classify", "guard.py:refusal_of", "text.py:calmed"),
    "follow-ups, language": ("contextualise.py:contextualise", "listening.py:in_the_sources_language"),
    "planning, scope": ("planning.py:plan_tools", "scope.py:first_scope"),
    "tools": ("toolbox.py:run_together",),
    "weighing": ("answering.py:_weigh",),
    "composing": ("composing.py:compose",),
    "checking, citing": ("citations.py:check_marks", "citations.py:cite", "weighing.py:confidence_in", "notices.py:notices"),
}  # fmt: skip
"""The functions whose whole time makes up a stage."""


def _stopped() -> float:
    return 0.0


async def _unsaved(_answer: Answer) -> None:
    """Nothing is kept."""


class Bench:
    """One deployment over the shipped corpus, and more documents where they are named; or inside so many generated passages."""

    def __init__(self, more: Sequence[Path], passages: int = 0) -> None:
        self.deployment: Deployment = load_deployment(deployment_file("courtsight"))
        self.shipped = load_corpora((CORPORA / self.deployment.corpus,)).documents
        if passages:
            shelf = open_corpus(library(passages, _LIBRARY_SEED), _stopped).shelf()
            self.answerer: Answerer = answerer_over(self.deployment, shelf, _stopped)
        else:
            documents = load_corpora((CORPORA / self.deployment.corpus, *more)).documents if more else self.shipped
            self.answerer = answerer_of(self.deployment, documents, _stopped)
        self.loop = asyncio.new_event_loop()

    def queries(self, count: int, seed: int) -> list[Query]:
        """So many of the varied questions."""
        workload = load_workload(WORKLOADS_FOLDER / "courtsight.yaml").questions
        return list(itertools.islice(queries(workload, self.shipped, seed), count))

    def ask(self, asked: Iterable[Query]) -> list[float]:
        """The processor seconds of each answer."""
        return self.loop.run_until_complete(self._ask(asked))

    async def _ask(self, asked: Iterable[Query]) -> list[float]:
        spent = []
        for query in asked:
            question = Question(query.text, self.deployment.roles[query.role], query.earlier)
            started = time.thread_time()
            async with aclosing(self.answerer.answer(question, TODAY, _unsaved)) as events:
                async for _ in events:
                    pass
            spent.append(time.thread_time() - started)
        return spent

    def digests(self, asked: Iterable[Query]) -> list[str]:
        """A digest of all that is told of each answer."""
        return self.loop.run_until_complete(self._digests(asked))

    async def _digests(self, asked: Iterable[Query]) -> list[str]:
        found = []
        for query in asked:
            title = query.earlier[-1] if query.earlier else None
            question = Question(query.text, self.deployment.roles[query.role], query.earlier, title)
            async with aclosing(self.answerer.answer(question, TODAY, _unsaved)) as events:
                told: list[Event] = [event async for event in events]
            found.append(hashlib.sha256("\n".join(map(repr, map(_told, told))).encode()).hexdigest())
        return found


def _told(event: Event) -> object:
    """All of an event; documents are named by their ids, because a corpus is not what is compared."""
    if isinstance(event, Delta) or not isinstance(event, Answer):
        return event
    tools = [
        (run.name, run.query, run.outcome, run.result and (run.result.remark, [_hit(hit) for hit in run.result.hits]))
        for run in event.tool_runs
    ]
    weighed = [(item.number, _hit(item), item.quote, item.left_out) for item in event.weighed]
    return (
        event.text, event.outcome, event.complexity, event.refusal_reason, event.citations, event.confidence, tools, event.steps,
        event.notices, event.written, weighed, sorted(event.features.items()),
    )  # fmt: skip


def _hit(hit: Hit | Evidence) -> tuple[object, ...]:
    place = hit.passage and (hit.passage.document, hit.passage.place, hit.passage.start, len(hit.passage.text))
    return hit.document.id, hit.score, place, getattr(hit, "repeated_in", ())


def stages(bench: Bench, asked: Sequence[Query]) -> dict[str, float]:
    """The share of each stage in the time of an answer, by a profile."""
    profile = cProfile.Profile()
    profile.enable()
    bench.ask(asked)
    profile.disable()
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    whole = sum(row[2] for row in found.values())
    cumulated: dict[str, float] = {}
    for (file, _, name), row in found.items():
        key = f"{Path(file).name}:{name}"
        cumulated[key] = cumulated.get(key, 0.0) + row[3]
    shares = {stage: sum(cumulated.get(name, 0.0) for name in names) / whole for stage, names in STAGES.items()}
    return {**shares, "the rest": 1 - sum(shares.values())}


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Warm up, ask in rounds, profile."""
    bench.ask(bench.queries(options.warm_up, options.seed + 1))
    asked = bench.queries(options.questions, options.seed)
    rounds = [bench.ask(asked) for _ in range(options.rounds)]
    typical = sorted(statistics.median(times) for times in zip(*rounds, strict=True))
    return {
        "questions": len(asked),
        "rounds": options.rounds,
        "mean_seconds": statistics.median(statistics.fmean(times) for times in rounds),
        **{f"p{share}_seconds": typical[len(typical) * share // 100] for share in (50, 95, 99)},
        "stages": stages(bench, asked[: options.profiled]),
    }


def table(found: dict[str, Any]) -> str:
    """The result for people: microseconds."""
    head = ", ".join(
        f"{name.removesuffix('_seconds')} {found[name] * 1e6:.0f} us"
        for name in ("mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds")
    )
    lines = [f"{found['questions']:,} distinct questions, {found['rounds']} rounds: {head} of processor an answer"]
    lines += [f"  {stage:<22}{share:7.1%}" for stage, share in found["stages"].items()]
    return "\n".join(lines)


def judge(bench: Bench, options: argparse.Namespace) -> int:
    """Write digests, or compare with those that were written: 0 when no answer changed."""
    asked = bench.queries(options.questions, options.seed)
    if options.extra:
        asked += [Query(**{**row, "earlier": tuple(row.get("earlier", ()))}) for row in _rows(options.extra)]
    found = bench.digests(asked)
    if options.digests:
        options.digests.write_text("\n".join(found) + "\n", encoding="utf-8")
        print(f"{len(found):,} answers")
        return 0
    before = options.compare.read_text(encoding="utf-8").split()
    changed = [query for query, one, other in zip(asked, before, found, strict=True) if one != other]
    for query in changed[:20]:
        print(query)
    print(f"{len(changed):,} of {len(found):,} answers changed")
    return 1 if changed else 0


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main(arguments: list[str]) -> int:
    """Measure, or judge."""
    parser = argparse.ArgumentParser(description="What an extractive answer costs.")
    parser.add_argument("--questions", type=int, default=3_000)
    parser.add_argument("--warm-up", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profiled", type=int, default=1_000, help="questions of the pass that measures stages")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--corpus", type=Path, action="append", default=[], help="more documents beside the shipped ones"
    )
    parser.add_argument(
        "--passages", type=int, default=0, help="answer from so many, the shipped corpus among generated ones"
    )
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--digests", type=Path, help="write a digest of each answer here")
    parser.add_argument("--compare", type=Path, help="compare with the digests written there")
    parser.add_argument("--extra", type=Path, help="more questions to judge: JSON lines with text, role, earlier")
    options = parser.parse_args(arguments)
    # As the service does.
    collect_rarely()
    bench = Bench(options.corpus, options.passages)
    if options.digests or options.compare:
        return judge(bench, options)
    found = measure(bench, options)
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
