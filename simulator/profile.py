"""A profile: how fast, how much and what the simulated provider answers. Strict YAML at the edge, frozen values inside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from simulator.distributions import Constant, Distribution, Empirical, Lognormal
from simulator.errors import InvalidInputError
from simulator.scripts import Script, load_script
from simulator.strictness import Wire, load_strict, read_text

PROFILES_FOLDER = Path(__file__).parent / "profiles"


class Mode(StrEnum):
    """What an answer is made of; the four last ones are fluent and wrong."""

    GROUNDED = "grounded"
    SCRIPTED = "scripted"
    FILLER = "filler"
    WRONG_ARTICLE = "wrong_article"
    ALTERED_QUOTATION = "altered_quotation"
    MISPLACED_CITATION = "misplaced_citation"
    OBEYS_INJECTION = "obeys_injection"


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How many tokens an answer has: from `least` to `most`, each count as likely."""

    least: int
    most: int

    def at(self, share: float) -> int:
        """The count for a share in (0, 1)."""
        return self.least + int(share * (self.most - self.least + 1))


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many answers run at once, how many wait, and what the next one is told."""

    limit: int
    queue: int
    status_when_full: int
    retry_after_seconds: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that a run of the simulator is held to, besides its seed and the faults on command."""

    name: str
    models: tuple[str, ...]  # empty: any name is served
    tokens: dict[str, TokenCount]  # by kind
    default_kind: str
    ttft: Distribution
    inter_token: Distribution
    role_chunk_first: bool  # the chunk with the role leaves at once, before any token
    concurrency: Concurrency | None
    mode: Mode
    script: Script | None
    dimensions: int
    embedding_latency: Distribution


Seconds = Annotated[float, Field(ge=0, le=3600)]


class _Constant(Wire):
    shape: Literal["constant"]
    seconds: Seconds


class _Rate(Wire):
    shape: Literal["rate"]
    per_second: Annotated[float, Field(gt=0, le=1_000_000)]


class _Lognormal(Wire):
    shape: Literal["lognormal"]
    median_seconds: Annotated[float, Field(gt=0, le=3600)]
    sigma: Annotated[float, Field(ge=0, le=3)]


class _Empirical(Wire):
    shape: Literal["empirical"]
    file: str


_Shape = Annotated[_Constant | _Rate | _Lognormal | _Empirical, Field(discriminator="shape")]
_Count = Annotated[int, Field(ge=1, le=100_000)]


class _Range(Wire):
    least: _Count
    most: _Count


class _Concurrency(Wire):
    limit: Annotated[int, Field(ge=1, le=100_000)]
    queue: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    status_when_full: Literal[429, 503] = 503
    retry_after_seconds: Annotated[int, Field(ge=0, le=3600)] = 1


class _Answers(Wire):
    mode: Literal[tuple(mode.value for mode in Mode)] = "grounded"  # type: ignore[valid-type] # the enum's own words
    script: str | None = None


class _Embeddings(Wire):
    dimensions: Annotated[int, Field(ge=2, le=4096)] = 64
    latency: _Shape = _Constant(shape="constant", seconds=0.0)


class _Profile(Wire):
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]
    models: Annotated[list[Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{1,100}$")]], Field(default_factory=list)]
    tokens: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")], _Count | _Range], Field(min_length=1)]
    default_kind: str
    ttft: _Shape
    inter_token: _Shape
    role_chunk: Literal["with_first_token", "at_once"] = "with_first_token"
    concurrency: _Concurrency | None = None
    answers: _Answers = _Answers()
    embeddings: _Embeddings = _Embeddings()


def find_profile(name: str) -> Path:
    """The file of a profile: a path, or the bare name of one that ships.

    Raises:
        InvalidInputError: There is neither; the shipped names are listed.
    """
    given = Path(name)
    shipped = {path.stem: path for path in sorted(PROFILES_FOLDER.glob("*.yaml"))}
    if given.is_file():
        return given
    if name not in shipped:
        raise InvalidInputError(f"{name}: no such profile; give a file, or one of {', '.join(shipped)}")
    return shipped[name]


def load_profile(path: Path) -> Profile:
    """Read a profile; files that it names lie relative to it.

    Raises:
        InvalidInputError: The file, or one that it names, is missing or wrong.
    """
    wire = load_strict(path, _Profile)
    if wire.default_kind not in wire.tokens:
        kinds = ", ".join(wire.tokens)
        raise InvalidInputError(
            f"{path}: default_kind: {wire.default_kind!r} has no row in tokens; known kinds: {kinds}"
        )
    mode = Mode(wire.answers.mode)
    if (mode is Mode.SCRIPTED) and wire.answers.script is None:
        raise InvalidInputError(f"{path}: answers.script: is missing; mode scripted reads its texts from that file")
    script = wire.answers.script
    return Profile(
        name=wire.name,
        models=tuple(wire.models),
        tokens={kind: _count(count, f"{path}: tokens.{kind}") for kind, count in wire.tokens.items()},
        default_kind=wire.default_kind,
        ttft=_distribution(wire.ttft, path, "ttft"),
        inter_token=_distribution(wire.inter_token, path, "inter_token"),
        role_chunk_first=wire.role_chunk == "at_once",
        concurrency=None if wire.concurrency is None else Concurrency(**wire.concurrency.model_dump()),
        mode=mode,
        script=None if script is None else load_script(path.parent / script),
        dimensions=wire.embeddings.dimensions,
        embedding_latency=_distribution(wire.embeddings.latency, path, "embeddings.latency"),
    )


def _count(wire: int | _Range, place: str) -> TokenCount:
    if isinstance(wire, int):
        return TokenCount(wire, wire)
    if wire.least > wire.most:
        raise InvalidInputError(f"{place}: least {wire.least} is more than most {wire.most}")
    return TokenCount(wire.least, wire.most)


def _distribution(wire: _Constant | _Rate | _Lognormal | _Empirical, path: Path, place: str) -> Distribution:
    match wire:
        case _Constant():
            return Constant(wire.seconds)
        case _Rate():
            return Constant(1 / wire.per_second)
        case _Lognormal():
            return Lognormal(wire.median_seconds, wire.sigma)
        case _Empirical():
            return _measured(path.parent / wire.file, f"{path}: {place}.file")


def _measured(path: Path, place: str) -> Empirical:
    """A file with one number of seconds a line; empty lines and lines that begin with # are passed over."""
    seconds: list[float] = []
    try:
        text = read_text(path)
    except InvalidInputError as error:
        raise InvalidInputError(f"{place}: {error}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        try:
            value = float(words)
        except ValueError:
            value = math.nan
        if not 0 <= value <= 3600:  # also refuses what is no number
            raise InvalidInputError(f"{place}: {path}:{number}: {words[:40]!r} is no number of seconds from 0 to 3600")
        seconds.append(value)
    if not seconds:
        raise InvalidInputError(f"{place}: {path}: holds no number")
    return Empirical(tuple(sorted(seconds)))
