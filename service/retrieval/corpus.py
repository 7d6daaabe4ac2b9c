"""Reads the corpus strictly: a broken line stops the start and is named by file, line and what is wrong with it.

Two forms of a line are read: an entry of our own, where an unknown member is an error, and a record of public compilations
of statutes, passages and glossaries (`records.py`), whose other members are left alone. A line that says its `kind` is an entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from service.errors import ConfigurationError
from service.retrieval.document import Document
from service.retrieval.records import Record, document_of, is_record
from service.strictness import describe


def _day(value: object) -> object:
    """JSON has no dates: an ISO day is read, anything else is left for the validator to refuse."""
    return date.fromisoformat(value) if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Day = Annotated[date, BeforeValidator(_day)]


class Entry(BaseModel):
    """The wire form of one line."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9./#-]*$")]
    kind: Literal["statute", "guide", "decision"]
    title: Text
    text: Text
    law: Text | None
    law_title: Text | None
    article: Text | None
    year: int | None
    status: Literal["berlaku", "berlaku sebagian", "dicabut", "diubah", "demo"]
    earlier: Text | None
    source: Text
    as_of: Day
    verified_against: Text
    demo: bool
    topics: list[Text] = Field(min_length=1)
    court: Text | None = None
    decision_number: Text | None = None
    decided_on: Day | None = None
    applies: list[Text] = Field(default_factory=list)
    holding: Text | None = None
    type: Text | None = None
    in_force_from: Day | None = None
    in_force_until: Day | None = None

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Entry:
        if self.in_force_from and self.in_force_until and self.in_force_until <= self.in_force_from:
            raise ValueError("in_force_until must lie behind in_force_from")
        return self

    @model_validator(mode="after")
    def _a_decision_is_whole(self) -> Entry:
        parts = {
            "court": self.court,
            "decision_number": self.decision_number,
            "decided_on": self.decided_on,
            "holding": self.holding,
        }
        wrong = [name for name, value in parts.items() if (value is None) == (self.kind == "decision")]
        if wrong:
            verb = "lacks" if self.kind == "decision" else "must not have"
            raise ValueError(f"a {self.kind} {verb} {', '.join(wrong)}")
        return self


@dataclass(frozen=True, slots=True)
class Corpus:
    """All documents in the order of their files, and a hash of the bytes they were read from."""

    documents: tuple[Document, ...]
    hash: str

    @property
    def demo(self) -> int:
        """How many documents were invented for demonstration."""
        return sum(document.demo for document in self.documents)

    @property
    def unverified(self) -> int:
        """How many documents state the law and were compared with its text by nobody; invented ones are counted as `demo`."""
        return sum(not document.verified and not document.demo for document in self.documents)


def _document(entry: Entry) -> Document:
    fields: dict[str, Any] = entry.model_dump()
    fields["topics"] = tuple(entry.topics)
    fields["applies"] = tuple(entry.applies)
    return Document(**fields)


def read_line(path: Path, number: int, line: bytes) -> Document:
    """The document of one line; `path` and `number` only name it.

    Raises:
        ConfigurationError: naming file, line and what is wrong.
    """
    refuse = partial(_refusal, path, number)
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise refuse(f"not valid JSON ({error})") from error
    if not isinstance(raw, dict):
        raise refuse("expected one JSON object per line")
    if is_record(raw):
        try:
            return document_of(Record.model_validate(raw))
        except ValidationError as error:
            raise refuse(describe(error, Record)) from error
    try:
        return _document(Entry.model_validate(raw))
    except ValidationError as error:
        raise refuse(describe(error, Entry)) from error


def _refusal(path: Path, number: int, what: str) -> ConfigurationError:
    return ConfigurationError(f"corpus {path}:{number}: {what}; mend or remove the line")


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.glob("*.jsonl"))
        if not found:
            raise ConfigurationError(f"corpus {path}: no *.jsonl file in the folder; set COURTSIGHT_CORPUS")
        return found
    if not path.is_file():
        raise ConfigurationError(
            f"corpus {path}: no such file or folder; set COURTSIGHT_CORPUS (retrieval-eval: CORPUS or --corpus)"
        )
    return [path]


def load_corpus(path: Path) -> Corpus:
    """Read a folder of JSONL files or one file.

    Raises:
        ConfigurationError: naming file and line of the first entry that is broken or repeats an id.
    """
    return load_corpora((path,))


def load_corpora(paths: Sequence[Path]) -> Corpus:
    """Read several files or folders as one corpus; an id may stand once in all of them.

    Raises:
        ConfigurationError: naming file and line of the first entry that is broken or repeats an id.
    """
    digest = hashlib.sha256()
    documents: list[Document] = []
    places: dict[str, str] = {}
    for file in chain.from_iterable(map(_files, paths)):
        content = file.read_bytes()
        digest.update(file.name.encode() + b"\0" + content)
        for number, line in enumerate(content.splitlines(), start=1):
            if not line.strip():
                continue
            document = read_line(file, number, line)
            if document.id in places:
                raise _refusal(file, number, f"id {document.id!r} was already used at {places[document.id]}")
            places[document.id] = f"{file.name}:{number}"
            documents.append(document)
    if not documents:
        raise ConfigurationError(
            f"corpus {', '.join(map(str, paths))}: it holds no entry; set COURTSIGHT_CORPUS (retrieval-eval: CORPUS or --corpus)"
        )
    return Corpus(documents=tuple(documents), hash=digest.hexdigest())
