"""The public call on both stores, in one run: the embedded index and PostgreSQL, over the generated passages of `retrieval_speed.py`.

python -m benchmarks.micro.retrieval_stores --database-url-file FILE [--passages 100000] [--queries 200]

The file holds the address of an empty database whose user may write. Each question is asked of one store and then of the other, so that what
else the machine does meets both. The hits of both are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.micro.retrieval_speed import documents, questions
from service.retrieval.analysis import Analyser
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.generation import build_generation, open_generation
from service.retrieval.postgres.connecting import Address, Connections
from service.retrieval.postgres.opening import load_generation
from service.retrieval.postgres.publishing import publish
from service.retrieval.postgres.reading import PostgresRetriever

_WARM = 10
_Given = TypeVar("_Given")


async def compare(address: Address, passages: int, queries: int, seed: int, folder: Path) -> list[str]:
    """Build both, ask both, and say the figures."""
    started = time.perf_counter()
    build_generation(documents(seed, passages), folder / "generation")
    built = time.perf_counter() - started
    embedded = EmbeddedRetriever(open_generation(folder / "generation", Analyser(), time.perf_counter))
    started = time.perf_counter()
    await publish(address, documents(seed, passages), corpus_hash=f"generated-{seed}-{passages}")
    published = time.perf_counter() - started
    started = time.perf_counter()
    analyser = Analyser()
    generation = await load_generation(address, analyser)
    opened = time.perf_counter() - started
    connections = Connections(address)
    database = PostgresRetriever(connections, generation, analyser, time.perf_counter)
    terms = len(generation.vocabulary.numbers)
    lines = [f"build: embedded {built:.1f} s, PostgreSQL {published:.1f} s; open {opened:.2f} s, {terms} terms"]
    for name, asked in questions(seed, queries).items():
        seconds: tuple[list[float], list[float]] = ([], [])
        same = shared = wanted = 0
        for number, question in enumerate([*asked[:_WARM], *asked]):
            one, first = await _timed(lambda question=question: embedded.search(question))
            other, second = await _timed(lambda question=question: database.search(question))
            if number < _WARM:
                continue
            seconds[0].append(one)
            seconds[1].append(other)
            ids, others = ([hit.document.id for hit in found.hits] for found in (first, second))
            same += ids == others
            shared += len(set(ids) & set(others))
            wanted += len(ids)
        told = "; ".join(
            f"{store} {_quantiles(spent)}" for store, spent in zip(("embedded", "PostgreSQL"), seconds, strict=True)
        )
        lines.append(
            f"{name}: {told}; top-10 overlap {shared / max(wanted, 1):.2%}, same order {same / len(asked):.2%}"
        )
    await connections.close()
    return lines


async def _timed(run: Callable[[], Awaitable[_Given]]) -> tuple[float, _Given]:
    started = time.perf_counter()
    given = await run()
    return time.perf_counter() - started, given


def _quantiles(seconds: Sequence[float]) -> str:
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return f"p50 {statistics.median(seconds) * 1e3:.2f} ms, p95 {p95 * 1e3:.2f} ms"


def main() -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url-file", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261121)
    options = parser.parse_args()
    address = Address(options.database_url_file.read_text(encoding="utf-8").strip(), timeout_seconds=30.0)
    with tempfile.TemporaryDirectory() as folder:
        work = compare(address, options.passages, options.queries, options.seed, Path(folder))
        print("\n".join(asyncio.run(work)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
