"""A workload: what is asked, how often, by how many, with which pauses. Strict YAML in, frozen values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from slo.quantities import parse_duration, parse_ratio
from slo.strict_yaml import Wire, parse_strict, read_bytes

WORKLOADS_FOLDER = Path(__file__).parent / "workloads"
COMPLEXITIES = ("simple", "medium", "complex")
LEAST_QUESTIONS = 12
"""Distinct questions per complexity; with fewer a cache would answer most of a benchmark."""


@dataclass(frozen=True, slots=True)
class ToolWork:
    """A tool to run alone, with the queries that take turns."""

    tool: str
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """How often each cell is asked when nobody else does.

    Attributes:
        warm_up: Requests per cell whose times are thrown away.
        streams, json: Samples per cell, streamed and whole.
        tool_runs: Samples per tool, after as many warm-up runs as a cell has.
        least_characters: An answer must be longer than this to count as one.
        tool_role: Who runs the tools alone.
        longest_seconds: For all of it; what is not measured by then is missing. Each cell has its fair share of what is left.
        concurrency: Requests under way at once. With more than one all cells are asked in rounds, a question of each in turn.
    """

    warm_up: int
    streams: int
    json: int
    tool_runs: int
    least_characters: int
    tool_role: str
    longest_seconds: float
    concurrency: int = 1


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How a crowd asks.

    Attributes:
        users: At the same time, the roles dealt to them in turn.
        spawn_rate: New users per second.
        duration_seconds: Least length; it goes on until `least_requests` are done, at most `longest_seconds`.
        think_seconds: Least and most pause of a user between an answer and the next question.
        stream_share: Share of questions that are streamed, 0 to 1.
        new_conversation_share: Share of questions that open a conversation, 0 to 1.
        timeout_seconds: After this a request has failed.
    """

    users: int
    spawn_rate: float
    duration_seconds: float
    longest_seconds: float
    least_requests: int
    think_seconds: tuple[float, float]
    stream_share: float
    new_conversation_share: float
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class SimulatedPlan:
    """The same questions of a stack whose model is the simulator.

    Attributes:
        profile: Name of the simulator's profile, or the path of a profile's file.
        longest_lateness_seconds: When more than a twentieth of its tokens left later than this after their plan, the simulator
            measured the machine, and nothing is known of the service.
    """

    profile: str
    longest_lateness_seconds: float
    latency: LatencyPlan
    load: LoadPlan


@dataclass(frozen=True, slots=True)
class Workload:
    """What a benchmark asks, of whom, and how often; `simulated` is None where nothing is asked of a simulated model."""

    name: str
    roles: tuple[str, ...]
    questions: Mapping[str, tuple[str, ...]]
    tools: tuple[ToolWork, ...]
    latency: LatencyPlan
    load: LoadPlan
    simulated: SimulatedPlan | None = None

    def with_simulated_model(self) -> Workload:
        """What is asked of the simulated model: the same questions by its own plans, and no tools, for no model is in them.

        Raises:
            ValueError: Nothing is.
        """
        if self.simulated is None:
            raise ValueError("this workload asks nothing of a simulated model")
        return replace(self, latency=self.simulated.latency, load=self.simulated.load, tools=())


def _float_seconds(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError(f"write {value!r} with its unit, like 30s")  # noqa: TRY004 - pydantic reports ValueError
    return float(parse_duration(value))


def _float_ratio(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError(f"write {value!r} as a percent, like 25%")  # noqa: TRY004 - pydantic reports ValueError
    return float(parse_ratio(value))


_Seconds = Annotated[float, BeforeValidator(_float_seconds)]
_Ratio = Annotated[float, BeforeValidator(_float_ratio)]
_Text = Annotated[str, Field(min_length=1)]
_Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
_Positive = Annotated[int, Field(ge=1)]


class _Tool(Wire):
    queries: list[_Text] = Field(min_length=1)


class _Cells(Wire):
    warm_up: Annotated[int, Field(ge=0)]
    streams: _Positive
    json_: Annotated[int, Field(ge=0, alias="json")]
    least_characters: Annotated[int, Field(ge=0)]
    longest: _Seconds
    concurrency: _Positive = 1


class _Latency(_Cells):
    tool_runs: _Positive
    tool_role: _Role


class _Range(Wire):
    min: _Seconds
    max: _Seconds

    @model_validator(mode="after")
    def _in_order(self) -> _Range:
        if self.min > self.max:
            raise ValueError("'min' is longer than 'max'")
        return self


class _Load(Wire):
    users: _Positive
    spawn_rate: _Positive
    duration: _Seconds
    longest: _Seconds
    least_requests: _Positive
    think_time: _Range
    streams: _Ratio
    new_conversations: _Ratio
    timeout: _Seconds

    @model_validator(mode="after")
    def _longest_is_longest(self) -> _Load:
        if self.longest < self.duration:
            raise ValueError("'longest' is shorter than 'duration'")
        return self


class _Simulated(Wire):
    profile: _Text
    longest_lateness: _Seconds
    latency: _Cells
    load: _Load


class _Workload(Wire):
    workload: Literal["courtsight/workload/v1"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    roles: list[_Role] = Field(min_length=1)
    questions: dict[Literal["simple", "medium", "complex"], list[_Text]]
    tools: dict[_Text, _Tool] = Field(default_factory=dict)
    latency: _Latency
    load: _Load
    simulated: _Simulated | None = None

    @model_validator(mode="after")
    def _enough_questions(self) -> _Workload:
        for complexity in COMPLEXITIES:
            asked = [entry for key, entry in self.questions.items() if key == complexity]
            distinct = {question.casefold() for entry in asked for question in entry}
            if len(distinct) < LEAST_QUESTIONS:
                raise ValueError(
                    f"questions.{complexity} needs {LEAST_QUESTIONS} distinct questions, has {len(distinct)}"
                )
        return self


def load_workload(path: Path) -> Workload:
    """Read a workload file.

    Raises:
        InvalidInput: It is missing or wrong.
    """
    return parse_workload(read_bytes(path), str(path))


def parse_workload(raw: bytes, name: str) -> Workload:
    """Turn the bytes of a workload file into a `Workload`; `name` is how problems call the file.

    Raises:
        InvalidInput: As `load_workload`.
    """
    wire = parse_strict(raw, name, _Workload)
    return Workload(
        name=wire.name,
        roles=tuple(wire.roles),
        questions={complexity: tuple(questions) for complexity, questions in wire.questions.items()},
        tools=tuple(ToolWork(tool, tuple(entry.queries)) for tool, entry in wire.tools.items()),
        latency=_latency_plan(wire.latency),
        load=_load_plan(wire.load),
        simulated=None if wire.simulated is None else _simulated_plan(wire.simulated),
    )


def _simulated_plan(wire: _Simulated) -> SimulatedPlan:
    return SimulatedPlan(
        profile=wire.profile,
        longest_lateness_seconds=wire.longest_lateness,
        latency=_latency_plan(wire.latency),
        load=_load_plan(wire.load),
    )


def _latency_plan(wire: _Cells) -> LatencyPlan:
    tools = (wire.tool_runs, wire.tool_role) if isinstance(wire, _Latency) else (0, "")
    return LatencyPlan(
        warm_up=wire.warm_up,
        streams=wire.streams,
        json=wire.json_,
        tool_runs=tools[0],
        least_characters=wire.least_characters,
        tool_role=tools[1],
        longest_seconds=wire.longest,
        concurrency=wire.concurrency,
    )


def _load_plan(wire: _Load) -> LoadPlan:
    return LoadPlan(
        users=wire.users,
        spawn_rate=float(wire.spawn_rate),
        duration_seconds=wire.duration,
        longest_seconds=wire.longest,
        least_requests=wire.least_requests,
        think_seconds=(wire.think_time.min, wire.think_time.max),
        stream_share=wire.streams,
        new_conversation_share=wire.new_conversations,
        timeout_seconds=wire.timeout,
    )
