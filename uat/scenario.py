"""A scenario: what a user does, turn by turn, and what has to come back. Strict YAML in, frozen values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from slo.errors import InvalidInput, Problem
from slo.strict_yaml import Lines, Wire, parse_plain, parse_strict, read_bytes
from uat.checks import CHECKS, NEGATION
from uat.checks.check import Seconds, Text

SCENARIOS_FOLDER = Path(__file__).parent / "scenarios"
SLOW = "slow"
"""Tag of scenarios that a build leaves out unless asked: they take minutes."""

Via = Literal["chat", "stream", "tool", "history", "export", "raw"]
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
NOBODY = "nobody"
"""Role of a raw request that carries no token."""


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check as a scenario names it; `name` carries its `not-`."""

    name: str
    args: Wire

    @property
    def negated(self) -> bool:
        """Whether PASS and FAIL change places."""
        return self.name.startswith(NEGATION)

    @property
    def plain_name(self) -> str:
        """Its name without `not-`."""
        return self.name.removeprefix(NEGATION)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as written; `{conversation_id}` in the path and in text values is filled in."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of a user.

    Attributes:
        role: Who does it; `nobody` sends no token.
        conversation: `new` opens one, `same` goes on in the scenario's.
    """

    via: Via
    role: str
    checks: tuple[PlannedCheck, ...]
    message: str = ""
    conversation: Literal["new", "same"] = "same"
    tool: str = ""
    form: str = "ma_indonesia"
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a user does and expects.

    Attributes:
        as_of: The day for which the expectations hold: the law changes.
        conversation_title: When set, a conversation with this title is opened first, and the turns go on in it.
        users: How many do it at the same time, each in a conversation of their own.
        pause: Least and most seconds that each user waits between turns.
        trials: How often it has to pass.
    """

    id: str
    title: str
    role: str
    complexity: str
    family: str
    as_of: date
    severity: str
    turns: tuple[Turn, ...]
    trials: int = 1
    tags: tuple[str, ...] = ()
    conversation_title: str = ""
    users: int = 1
    pause: tuple[float, float] = (0.0, 0.0)


class _Request(Wire):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, Field(pattern=r"^/[^/]")]
    body: dict[str, Any] | None = None
    headers: dict[str, str] = Field(default_factory=dict)


class _Turn(Wire):
    via: Via = "chat"
    message: Text | None = None
    conversation: Literal["new", "same"] | None = None
    role: Role | None = None
    tool: Text | None = None
    format: Text | None = None
    request: _Request | None = None
    checks: list[str | dict[str, dict[str, Any]]] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_its_way(self) -> _Turn:
        needs = {"chat": {"message"}, "stream": {"message"}, "tool": {"tool", "message"}, "raw": {"request"}}
        given = {name for name in ("message", "tool", "request", "format") if getattr(self, name) is not None}
        wanted = needs.get(self.via, set())
        if wanted - given:
            raise ValueError(f"via: {self.via} needs {' and '.join(sorted(wanted - given))}")
        if extra := given - wanted - ({"format"} if self.via == "export" else set()):
            raise ValueError(f"via: {self.via} takes no {' or '.join(sorted(extra))}")
        if self.role == NOBODY and self.via != "raw":
            raise ValueError("role nobody needs via: raw")
        return self


class _Pause(Wire):
    min: Seconds
    max: Seconds


class _Scenario(Wire):
    scenario: Literal["courtsight/scenario/v1"]
    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Text
    role: Role
    complexity: Literal["simple", "medium", "complex"]
    family: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
    as_of: date
    severity: Literal["critical", "major", "minor"]
    tags: list[Annotated[str, Field(pattern=r"^[a-z-]+$")]] = Field(default_factory=list)
    trials: Annotated[int, Field(ge=1, le=20)] = 1
    conversation_title: Text | None = None
    users: Annotated[int, Field(ge=1, le=200)] = 1
    pause: _Pause | None = None
    turns: list[_Turn] = Field(min_length=1)

    @model_validator(mode="after")
    def _pause_in_order(self) -> _Scenario:
        if self.pause is not None and self.pause.min > self.pause.max:
            raise ValueError("'pause.min' is longer than 'pause.max'")
        return self


def load_scenarios(folder: Path = SCENARIOS_FOLDER) -> tuple[Scenario, ...]:
    """Read every scenario below a folder (or one file), in the order of their paths.

    Raises:
        InvalidInput: There is none, one is wrong, or an id stands twice; all problems of all files are in it.
    """
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.yaml"))
    if not files:
        raise InvalidInput((Problem(str(folder), None, "", "holds no scenario (*.yaml)"),))
    problems: list[Problem] = []
    found: dict[str, tuple[Path, Scenario]] = {}
    for file in files:
        try:
            scenario = load_scenario(file)
        except InvalidInput as error:
            problems.extend(error.problems)
            continue
        if scenario.id in found:
            problems.append(Problem(str(file), None, "id", f"{scenario.id!r} stands in {found[scenario.id][0]} too"))
        found[scenario.id] = (file, scenario)
    if problems:
        raise InvalidInput(tuple(problems))
    return tuple(scenario for _, scenario in found.values())


def load_scenario(path: Path) -> Scenario:
    """Read one scenario file.

    Raises:
        InvalidInput: It is missing or wrong.
    """
    return parse_scenario(read_bytes(path), str(path))


def parse_scenario(raw: bytes, name: str) -> Scenario:
    """Turn the bytes of a scenario file into a `Scenario`; `name` is how problems call the file.

    Raises:
        InvalidInput: As `load_scenario`.
    """
    wire = parse_strict(raw, name, _Scenario)
    _, lines = parse_plain(raw, name)
    problems: list[Problem] = []
    turns = tuple(_turn(wire, number, name, lines, problems) for number in range(len(wire.turns)))
    if problems:
        raise InvalidInput(tuple(problems))
    return Scenario(
        id=wire.id,
        title=wire.title,
        role=wire.role,
        complexity=wire.complexity,
        family=wire.family,
        as_of=wire.as_of,
        severity=wire.severity,
        turns=turns,
        trials=wire.trials,
        tags=tuple(wire.tags),
        conversation_title=wire.conversation_title or "",
        users=wire.users,
        pause=(float(wire.pause.min), float(wire.pause.max)) if wire.pause else (0.0, 0.0),
    )


def select(
    scenarios: Iterable[Scenario], *, roles: Iterable[str] = (), ids: Iterable[str] = (), slow: bool = False
) -> tuple[Scenario, ...]:
    """The scenarios of these roles and ids (all when none is named); slow ones only when asked for or named by id.

    Raises:
        InvalidInput: An id is unknown, or nothing is left: an empty run proves nothing.
    """
    every, wanted_roles, wanted_ids = tuple(scenarios), set(roles), set(ids)
    unknown = wanted_ids - {scenario.id for scenario in every}
    if unknown:
        known = [scenario.id for scenario in every]
        raise InvalidInput(tuple(_unknown_id(word, known) for word in sorted(unknown)))
    chosen = tuple(
        scenario
        for scenario in every
        if (not wanted_roles or scenario.role in wanted_roles)
        and (not wanted_ids or scenario.id in wanted_ids)
        and (slow or scenario.id in wanted_ids or SLOW not in scenario.tags)
    )
    if not chosen:
        raise InvalidInput(
            (Problem("scenarios", None, "", "the selection leaves no scenario", "nothing run is nothing shown"),)
        )
    return chosen


def _unknown_id(word: str, known: list[str]) -> Problem:
    nearest = get_close_matches(word, known, n=1)
    return Problem("scenarios", None, word, "is no scenario", f"did you mean {nearest[0]!r}?" if nearest else "")


def _turn(wire: _Scenario, number: int, name: str, lines: Lines, problems: list[Problem]) -> Turn:
    entry = wire.turns[number]
    first_of_its_own = number == 0 and wire.conversation_title is None
    checks: list[PlannedCheck] = []
    for place, check in enumerate(entry.checks):
        path = ("turns", str(number), "checks", str(place))
        planned = _planned(check, path, name, lines)
        if isinstance(planned, PlannedCheck):
            checks.append(planned)
        else:
            problems.extend(planned)
    if not any(check.plain_name in {"status", "answered"} for check in checks):
        checks.insert(0, PlannedCheck("answered", CHECKS["answered"].args()))
    request = entry.request
    return Turn(
        via=entry.via,
        role=entry.role or wire.role,
        checks=tuple(checks),
        message=entry.message or "",
        conversation=entry.conversation or ("new" if first_of_its_own else "same"),
        tool=entry.tool or "",
        form=entry.format or "ma_indonesia",
        request=None if request is None else Request(request.method, request.path, request.body, request.headers),
    )


def _planned(
    entry: str | dict[str, dict[str, Any]], path: tuple[str, ...], name: str, lines: Lines
) -> PlannedCheck | list[Problem]:
    line = lines.get(path)
    if isinstance(entry, dict) and len(entry) != 1:
        return [Problem(name, line, ".".join(path), "names several checks in one entry", "begin each with its own -")]
    check_name, args = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
    check = CHECKS.get(check_name.removeprefix(NEGATION))
    if check is None:
        nearest = get_close_matches(check_name.removeprefix(NEGATION), CHECKS, n=1, cutoff=0.5)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"known checks: {', '.join(sorted(CHECKS))}"
        return [Problem(name, line, ".".join(path), f"unknown check {check_name!r}", advice)]
    try:
        return PlannedCheck(check_name, check.args.model_validate(args))
    except ValidationError as error:
        return [_argument_problem(detail, (*path, check_name), check.args, name, line) for detail in error.errors()]


def _argument_problem(detail: Any, path: tuple[str, ...], args: type[Wire], name: str, line: int | None) -> Problem:  # noqa: ANN401 - pydantic's own dict
    place = ".".join((*path, *(str(part) for part in detail["loc"])))
    known = sorted(info.alias or key for key, info in args.model_fields.items())
    if detail["type"] == "extra_forbidden":
        nearest = get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"known keys: {', '.join(known) or 'none'}"
        return Problem(name, line, place, f"unknown key {str(detail['loc'][-1])!r}", advice)
    if detail["type"] == "missing":
        return Problem(name, line, place, f"key {str(detail['loc'][-1])!r} is missing")
    return Problem(name, line, place, str(detail["msg"]).removeprefix("Value error, "))
