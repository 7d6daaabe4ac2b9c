"""Says what is wrong with data that people write: where it stands, and the nearest key for a typo."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, or None when nothing is near."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """The most telling finding of pydantic in one line: path, what is wrong, and the nearest key for an unknown one."""
    findings = error.errors(include_url=False, include_context=False, include_input=False)
    # A misspelt key is reported twice, as unknown and as missing: the first says what to mend.
    finding = next((one for one in findings if one["type"] == "extra_forbidden"), findings[0])
    path = tuple(finding["loc"])
    where = ".".join(str(part) for part in path) or "the whole entry"
    if finding["type"] == "extra_forbidden":
        return f"{where}: unknown key{_hint(str(path[-1]), _keys_at(model, path[:-1]))}"
    message = finding["msg"].removeprefix("Value error, ")
    return f"{where}: {message[0].lower()}{message[1:]}"


def _hint(word: str, known: Iterable[str]) -> str:
    near = nearest(word, known)
    return f" (did you mean {near!r}?)" if near else ""


def _keys_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The keys that the model knows at a path of the data, going through lists, mappings and unions."""
    current: list[Any] = [model]
    for part in path:
        step: list[Any] = []
        for kind in current:
            field = kind.model_fields.get(part) if _is_model(kind) else None
            step.extend(_models_in(field.annotation) if field else _models_in(kind))
        current = step
    return [name for kind in current if _is_model(kind) for name in kind.model_fields]


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _models_in(annotation: object) -> list[Any]:
    if _is_model(annotation):
        return [annotation]
    if isinstance(annotation, UnionType) or get_args(annotation):
        return [kind for inner in get_args(annotation) for kind in _models_in(inner)]
    return []
