"""What the chat benchmark asks, and what it is answered from: the shipped corpus inside so many generated passages, and conversations.

The library is built once and kept in a folder of the project's cache; its name says what it was made of.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "micro")]

from answer_questions import queries  # noqa: E402 - a script of the repository, which is no installed package
from retrieval_speed import documents  # noqa: E402 - as above

from benchmarks.workload import WORKLOADS_FOLDER, load_workload  # noqa: E402 - as above
from service.retrieval.corpus import load_corpora  # noqa: E402 - as above
from service.retrieval.library import Library  # noqa: E402 - as above
from service.settings import CORPORA  # noqa: E402 - as above

CACHE = ROOT / ".cache" / "benchmarks"
SHIPPED = CORPORA / "courtsight"
OPENING = 2
"""Turns that a conversation has before anything is measured."""
_MEASURED = 8
"""Turns of each conversation that are measured."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation: who asks, and what, in order."""

    role: str
    questions: tuple[str, ...]


def library(passages: int, seed: int) -> Path:
    """The folder of a library of so many passages, built unless it is there."""
    shipped = load_corpora((SHIPPED,))
    made_of = hashlib.sha256(shipped.hash.encode())
    for part in ("generation.py", "building.py", "passages.py", "analysis.py"):
        made_of.update((ROOT / "service" / "retrieval" / part).read_bytes())
    folder = CACHE / f"library-{passages}-{seed}-{made_of.hexdigest()[:8]}"
    if not (folder / "current").exists():
        building = folder.with_name(f"{folder.name}.{os.getpid()}")
        building.mkdir(parents=True)
        around = documents(seed, max(0, passages - len(shipped.documents)))
        Library(building).add(itertools.chain(shipped.documents, around))
        building.rename(folder)
    return folder


def talks(questions: int, seed: int) -> Iterator[Talk]:
    """Conversations of the shipped mix, so many measured questions in all. No question comes twice with the same one before it."""
    workload = load_workload(WORKLOADS_FOLDER / "courtsight.yaml").questions
    open_talks: dict[str, list[str]] = {}
    left = questions
    for query in queries(workload, load_corpora((SHIPPED,)).documents, seed):
        said = open_talks.setdefault(query.role, [])
        # A follow-up comes behind what it leans on.
        said += [*reversed(query.earlier), query.text]
        if len(said) >= OPENING + _MEASURED:
            yield Talk(query.role, tuple(said))
            left -= len(said) - OPENING
            open_talks[query.role] = []
        if left <= 0:
            return
