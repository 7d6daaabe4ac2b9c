"""The types of PromQL: what parts of an expression yield, and what may be joined with what, as Prometheus' own parser has it."""

from __future__ import annotations

from dataclasses import dataclass

from slo.promql_text import TextError, check_pattern, unquoted
from slo.promql_words import COMPARISONS, KINDS, OF_SETS, RANGE, SCALAR, TEXT, VECTOR


class PromQLError(ValueError):
    """An expression that does not parse, and what would mend it."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of an expression yields.

    Attributes:
        kind: One of `KINDS`.
        plain: A selector, or a range over one or over a subquery: only there `offset` and `@` may follow.
        moved: Which of them it has.
    """

    kind: str
    plain: bool = False
    moved: frozenset[str] = frozenset()


def joined(operator: str, left: str, right: str, *, matched: bool, as_bool: bool) -> Part:
    """What two parts yield with an operator between them."""
    both = (left, right)
    if RANGE in both:
        raise PromQLError(f"a range stands beside {operator}", "wrap it: increase(…[$window])")
    if TEXT in both:
        raise PromQLError(f"a text stands beside {operator}", "take it away")
    if SCALAR in both and operator in OF_SETS:
        raise PromQLError(f"a number stands beside {operator}", "write vector(0) for 0")
    if SCALAR in both and matched:
        raise PromQLError(f"labels are matched with a number by {operator}", "take on or ignoring away")
    if VECTOR not in both and operator in COMPARISONS and not as_bool:
        raise PromQLError(f"two numbers are compared by {operator}", f"write {operator} bool")
    return Part(VECTOR if VECTOR in both else SCALAR)


def check_arguments(name: str, given: list[str], signature: list[str]) -> None:
    """Hold arguments against what a function takes; see `FUNCTIONS`."""
    usage = f"write {name}({', '.join('…[$window]' if entry == 'r' else KINDS[entry[0]] for entry in signature)})"
    if RANGE in given and "r" not in signature:
        raise PromQLError(f"{name}() takes no range", "wrap it: sum(increase(…[$window]))")
    if "r" in signature and RANGE not in given:
        raise PromQLError(f"{name}() needs a range", usage)
    least = sum(len(entry) == 1 for entry in signature)
    endless = bool(signature) and signature[-1].endswith("*")
    if len(given) < least or (len(given) > len(signature) and not endless):
        raise PromQLError(f"{name}() cannot take {len(given)} arguments", usage)
    for number, kind in enumerate(given):
        wanted = KINDS[signature[min(number, len(signature) - 1)][0]]
        if kind != wanted:
            raise PromQLError(f"{name}() takes {wanted} as argument {number + 1}, not {kind}", usage)


def meant_by(label: str, operator: str, literal: str) -> str:
    """The value of a condition, as Prometheus reads it."""
    try:
        meant = unquoted(literal)
    except TextError as error:
        raise PromQLError(f"the value of label {shown(label)}: {error}", error.advice) from None
    try:
        if "~" in operator:
            check_pattern(meant)
    except TextError as error:
        raise PromQLError(f"the pattern of label {shown(label)} {error}", error.advice) from None
    return meant


def shown(word: str) -> str:
    """A word as a message shows it: not too much of it."""
    return word if len(word) <= 40 else f"{word[:40]}…"
