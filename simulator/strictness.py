"""Strict reading of YAML and JSON bodies: a typo is an error with file, path and the nearest key."""

from __future__ import annotations

from collections.abc import Hashable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from simulator.errors import InvalidInputError

MAX_BYTES = 4_000_000


class Wire(BaseModel):
    """Base of all wire models: unknown keys are errors, values are not converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InvalidInputError: It cannot be read, is too large, or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise InvalidInputError(f"{path}: is larger than {MAX_BYTES} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: is not UTF-8 text at byte {error.start}") from None


def load_strict(path: Path, model: type[Model]) -> Model:
    """Read one YAML file into a wire model.

    Raises:
        InvalidInputError: The file is missing or wrong; all problems stand in the one line.
    """
    text = read_text(path)
    try:
        data = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader that refuses more
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise InvalidInputError(f"{place}: is no YAML that can be used: {said}") from None
    return checked(data, str(path), model)


def checked(data: object, name: str, model: type[Model]) -> Model:
    """Plain data as a wire model; `name` is how problems call their source.

    Raises:
        InvalidInputError: As `load_strict`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidInputError("; ".join(f"{name}: {_problem(detail, model)}" for detail in error.errors())) from None


class _Loader(yaml.SafeLoader):
    """The safe loader without aliases (a small file can unfold into gigabytes) and without doubled keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it untyped
        if isinstance(event, yaml.AliasEvent):
            line = "" if event.start_mark is None else f" in line {event.start_mark.line + 1}"
            raise yaml.MarkedYAMLError(problem=f"an alias{line}: write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _problem(detail: ErrorDetails, model: type[BaseModel]) -> str:
    path = ".".join(str(part) for part in detail["loc"]) or "the whole"
    if detail["type"] == "extra_forbidden":
        known = sorted(known_keys(model))
        nearest = get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"known keys: {', '.join(known)}"
        return f"{path}: unknown key, {advice}"
    if detail["type"] == "missing":
        return f"{path}: is missing"
    said = detail["msg"].removeprefix("Value error, ")
    return f"{path}: {said[:1].lower()}{said[1:]}"


def known_keys(model: type[BaseModel]) -> set[str]:
    """Field names, as they are written, of a model and of all models inside it."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        for inner in _models_in(field.annotation):
            found |= known_keys(inner)
    return found


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
