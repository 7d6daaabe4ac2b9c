"""Reads questions (JSON lines of `qid`, `query` and, if given, `kind`) and judgements (TREC: `qid 0 document grade`).

Strictly and by line. What cannot count is left out by name, never in silence: questions that nobody judged, judgements of questions that
are not asked, documents that the corpus does not hold.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import orjson

from service.errors import ConfigurationError
from service.evaluation.measures import Grades

HALVES = ("dev", "final")
Half = Literal["dev", "final", "all"]
HALVES_AND_ALL: tuple[Half, ...] = ("dev", "final", "all")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its judgements; `kind` is empty where none is given."""

    qid: str
    text: str
    kind: str
    grades: Grades


@dataclass(frozen=True, slots=True)
class Judged:
    """A set of questions that count, and what does not.

    `unjudged` questions have no relevant document, `unasked` judged ones are not among the questions; both are left out. `absent`
    relevant documents are not in the corpus: they count, as documents that nobody can find.
    """

    name: str
    questions: tuple[Question, ...]
    unjudged: int = 0
    unasked: int = 0
    absent: int = 0


def half_of(qid: str) -> str:
    """The half of its set that a question belongs to: rules are made on `dev`, `final` is opened for the final figure alone."""
    return HALVES[hashlib.sha256(qid.encode()).digest()[0] >> 7]


def read_judged(queries: Path, qrels: Collection[Path], corpus: Collection[str]) -> Judged:
    """A set of questions with the judgements of one or more files, held against the ids of the corpus.

    Raises:
        ConfigurationError: a file cannot be read, a line is broken (named by number), or no question can be counted.
    """
    grades: dict[str, dict[str, int]] = {}
    for file in qrels:
        for qid, document, grade in _judgements(file):
            grades.setdefault(qid, {})[document] = grade
    asked = list(read_questions(queries))
    counted = tuple(
        replace(question, grades=grades[question.qid])
        for question in asked
        if any(grade > 0 for grade in grades.get(question.qid, {}).values())
    )
    if not counted:
        raise ConfigurationError(
            f"{queries}: no question has a relevant document in {_names(qrels)}; give its own qrels"
        )
    return Judged(
        name=queries.stem,
        questions=counted,
        unjudged=len(asked) - len(counted),
        unasked=len(grades.keys() - {question.qid for question in asked}),
        absent=sum(_absent(question.grades, corpus) for question in counted),
    )


def only_half(judged: Judged, half: str) -> Judged:
    """The questions of one half.

    Raises:
        ConfigurationError: that half is empty.
    """
    kept = tuple(question for question in judged.questions if half_of(question.qid) == half)
    if not kept:
        raise ConfigurationError(f"{judged.name}: no question falls into the half {half!r}; leave --half out")
    return replace(judged, questions=kept)


def _absent(grades: Mapping[str, int], corpus: Collection[str]) -> int:
    return sum(grade > 0 and document not in corpus for document, grade in grades.items())


def _names(files: Collection[Path]) -> str:
    return ", ".join(map(str, files))


def read_questions(file: Path) -> Iterator[Question]:
    """The questions of a file without their judgements; `category` is read where no `kind` is given.

    Raises:
        ConfigurationError: the file cannot be read, is empty, or has a broken line, which is named by number.
    """
    places: dict[str, int] = {}
    for number, line in _lines(file):
        try:
            raw = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _broken(file, number, f"not valid JSON ({error})") from error
        qid, text, kind = _members(raw)
        if not qid or not text:
            raise _broken(file, number, "expected one JSON object with qid and query, both text")
        if qid in places:
            raise _broken(file, number, f"qid {qid!r} was already used in line {places[qid]}")
        places[qid] = number
        yield Question(qid, text, kind, {})
    if not places:
        raise ConfigurationError(f"{file}: it holds no question; expected JSON lines of qid and query")


def _members(raw: object) -> tuple[str, str, str]:
    """qid, query and kind of a line; empty where one is missing or no text."""
    if not isinstance(raw, dict):
        return "", "", ""
    values = (raw.get("qid"), raw.get("query"), raw.get("kind") or raw.get("category"))
    qid, text, kind = (value.strip() if isinstance(value, str) else "" for value in values)
    return qid, text, kind


def _judgements(file: Path) -> Iterator[tuple[str, str, int]]:
    empty = True
    for number, line in _lines(file):
        try:
            qid, _, document, grade = line.decode().split()
            yield qid, document, int(grade)
        except ValueError as error:
            raise _broken(file, number, "expected `qid 0 document grade`, the grade a whole number") from error
        empty = False
    if empty:
        raise ConfigurationError(f"{file}: it holds no judgement; expected lines of `qid 0 document grade`")


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        # A byte order mark, as some editors write it, would become part of the first qid and lose its judgement in silence.
        content = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror or error}; give the path of a file") from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _broken(file: Path, number: int, what: str) -> ConfigurationError:
    return ConfigurationError(f"{file}:{number}: {what}; mend or remove the line")
