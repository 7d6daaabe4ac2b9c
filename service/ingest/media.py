"""Judges the conditions of style sheets (`@media`) for a browser on a desk: a wide screen, light, with a mouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tinycss2.ast import Node

from service.ingest.css_values import pixels_in

WIDTH_PIXELS = 1280.0
HEIGHT_PIXELS = 800.0
_TYPES = frozenset({"all", "screen"})
_SIZES = {"width": WIDTH_PIXELS, "height": HEIGHT_PIXELS, "device-width": WIDTH_PIXELS, "device-height": HEIGHT_PIXELS}
_SAID = {
    "any-hover": "hover",
    "any-pointer": "fine",
    "display-mode": "browser",
    "forced-colors": "none",
    "hover": "hover",
    "orientation": "landscape",
    "pointer": "fine",
    "prefers-color-scheme": "light",
    "prefers-contrast": "no-preference",
    "prefers-reduced-motion": "no-preference",
    "scripting": "enabled",
    "update": "fast",
}
_LETTER_PIXELS = 16.0


def holds(prelude: Iterable[Node]) -> bool | None:
    """Whether rules below these queries hold on such a screen; None where that cannot be told."""
    judged = [_judge(query) for query in _queries(prelude)]
    if not judged or True in judged:
        return True
    return None if None in judged else False


def _queries(prelude: Iterable[Node]) -> Iterator[Sequence[Node]]:
    open_query: list[Node] = []
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            yield open_query
            open_query = []
        elif token.type not in {"whitespace", "comment"}:
            open_query.append(token)
    if open_query:
        yield open_query


def _judge(tokens: Sequence[Node]) -> bool | None:
    """True, False, or None where it cannot be told. `and` binds what stands between; `or` and nested conditions are not told."""
    words = [token.lower_value if token.type == "ident" else "" for token in tokens]
    if not words:
        return False
    if words[0] == "only":
        return _judge(tokens[1:])
    if words[0] == "not":
        inner = _judge(tokens[1:])
        return None if inner is None else not inner
    if "or" in words:
        return None
    parts = [
        word in _TYPES if word else _judge_feature(token)
        for word, token in zip(words, tokens, strict=True)
        if word != "and"
    ]
    if False in parts:
        return False
    return None if None in parts else True


def _judge_feature(token: Node) -> bool | None:
    if token.type != "() block":
        return None
    inner = [one for one in token.content if one.type not in {"whitespace", "comment"}]
    names = [one.lower_value for one in inner if one.type == "ident"]
    lengths = [length for one in inner if (length := _pixels(one)) is not None]
    signs = "".join(one.value for one in inner if one.type == "literal")
    name = names[0] if names else ""
    if name in _SAID and len(inner) in {1, 3}:
        said = _SAID[name]
        return said not in {"none", "no-preference"} if len(inner) == 1 else names[-1] == said
    side, _, size = name.partition("-")
    if side in {"min", "max"} and size in _SIZES and signs == ":" and len(lengths) == 1:
        return lengths[0] <= _SIZES[size] if side == "min" else lengths[0] >= _SIZES[size]
    if name in _SIZES and len(inner) == 2 + len(signs) and len(lengths) == 1 and inner[0].type == "ident":
        here = _SIZES[name]
        answers = {"<": here < lengths[0], "<=": here <= lengths[0], ">": here > lengths[0], ">=": here >= lengths[0]}
        return answers.get(signs)
    return None


def _pixels(token: Node) -> float | None:
    """A length; a bare number is none, but for nought."""
    is_length = token.type == "dimension" or (token.type == "number" and token.value == 0)
    return next(pixels_in([token], _LETTER_PIXELS), None) if is_length else None
