"""Strict reading of YAML: a typo is an error with file, line, path and the nearest key; nothing is guessed.

Refused besides what the model refuses: duplicate keys, aliases (a small file can unfold into gigabytes), depth over 50,
several documents in one file.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from slo.errors import InvalidInput, Problem

MAX_DEPTH = 50
MAX_BYTES = 4_000_000

Lines = dict[tuple[str, ...], int]


class Wire(BaseModel):
    """Base of all wire models: unknown keys are errors, values are not converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=BaseModel)


def load_strict(path: Path, model: type[Model]) -> Model:
    """Read one YAML file into a wire model.

    Raises:
        InvalidInput: The file is missing, unreadable or wrong; every problem found is in it.
    """
    return parse_strict(read_bytes(path), str(path), model)


def read_bytes(path: Path) -> bytes:
    """The bytes of an input file.

    Raises:
        InvalidInput: It is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput((Problem(str(path), None, "", f"cannot be read: {error.strerror}"),)) from error


def parse_strict(raw: bytes, name: str, model: type[Model]) -> Model:
    """Read YAML bytes into a wire model; `name` is how problems call the file.

    Raises:
        InvalidInput: As `load_strict`.
    """
    data, lines = parse_plain(raw, name)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(tuple(_problem(detail, name, lines, model) for detail in error.errors())) from None


def parse_plain(raw: bytes, name: str) -> tuple[Any, Lines]:
    """Read YAML bytes into plain data and the line of each place in it.

    Raises:
        InvalidInput: The text is no YAML, or uses what is refused here.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidInput((Problem(name, None, "", f"is larger than {MAX_BYTES} bytes"),))
    try:
        text = raw.decode()  # UTF-8 only: a report carries a spec as text, and its hash must come out the same
        loader = _Loader(text, name)  # raises already here when a character is not printable
        node = loader.get_single_node()
        lines: Lines = {}
        problems: list[Problem] = []
        if node is not None:
            _walk(node, (), lines, problems, name)
        if problems:
            raise InvalidInput(tuple(problems))
        data = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        raise InvalidInput((_yaml_problem(error, name),)) from None
    if data is None:
        raise InvalidInput((Problem(name, None, "", "is empty"),))
    return data, lines


class _Loader(yaml.SafeLoader):
    """The safe loader, without aliases and with an end to its depth; refusing while composing needs no second pass."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self._file = name
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it untyped
        line = None if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise InvalidInput(
                (Problem(self._file, line, "", f"alias *{event.anchor} is refused: write the value out"),)
            )
        if self._depth >= MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            raise InvalidInput((Problem(self._file, line, "", f"is nested deeper than {MAX_DEPTH} levels"),))
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _walk(node: yaml.Node, path: tuple[str, ...], lines: Lines, problems: list[Problem], name: str) -> None:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            word = str(key.value)
            below = (*path, word)
            if word in seen:
                problems.append(Problem(name, key.start_mark.line + 1, ".".join(below), "stands twice"))
            seen.add(word)
            _walk(value, below, lines, problems, name)
            lines[below] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _walk(value, (*path, str(number)), lines, problems, name)


def _yaml_problem(error: Exception, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error) or type(error).__name__
    context = getattr(error, "context", None)
    said = f"{context}, {said}" if context else said
    return Problem(name, None if mark is None else mark.line + 1, "", f"is no YAML that can be used: {said}")


def _problem(detail: Any, name: str, lines: Lines, model: type[BaseModel]) -> Problem:  # noqa: ANN401 - pydantic's own dict
    path = tuple(str(part) for part in detail["loc"])
    shown = tuple(part for part in path if part != "[key]")
    line = next((lines[shown[:end]] for end in range(len(shown), -1, -1) if shown[:end] in lines), None)
    if detail["type"] == "extra_forbidden":
        nearest = get_close_matches(path[-1], _keys_at(model, path[:-1]), n=1, cutoff=0.5)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"known keys: {', '.join(_keys_at(model, path[:-1]))}"
        return Problem(name, line, ".".join(shown), f"unknown key {path[-1]!r}", advice)
    if detail["type"] == "missing":
        return Problem(name, line, ".".join(shown), f"key {path[-1]!r} is missing")
    said = str(detail["msg"]).removeprefix("Value error, ")
    return Problem(name, line, ".".join(shown), said[0].lower() + said[1:] if said else "is wrong")


def _keys_at(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Field names of the model that stands at `path`; parts that are dict keys or list indices lead to the value's model."""
    here: list[type[BaseModel]] = [model]
    for part in path:
        below: list[type[BaseModel]] = []
        for candidate in here:
            field = candidate.model_fields.get(part) or next(
                (entry for entry in candidate.model_fields.values() if entry.alias == part), None
            )
            below.extend([candidate] if field is None else _models_in(field.annotation))
        here = below or here
    return sorted({field.alias or key for candidate in here for key, field in candidate.model_fields.items()})


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a typing construct of any shape
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found.extend(_models_in(argument))
    return found
