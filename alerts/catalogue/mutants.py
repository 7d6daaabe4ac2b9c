"""Wrong versions of the catalogue's rules, to see the stories turn red: what no story catches is not proven.

Each mutant differs in one thing from the rule: the side of a comparison, a number, a range, a matcher, an operator, an aggregation, `for`,
the severity, the owner. The stories stay those of the right rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from alerts.catalogue.model import Entry, Parameter
from alerts.catalogue.rules import catalogue_rule
from alerts.model import AlertRule
from slo import names
from slo.quantities import format_duration, format_number, parse_duration
from slo.spec import Severity, Spec

MINUTE = Decimal(60)
FACTOR = Decimal("1.05")
"""So near to a limit a story has to stand on either side of it."""

_COMPARISONS = ((r">=", "<"), (r"(?<![=!<])>(?!=)", "<"), (r"(?<![!<>=])<(?!=)", ">"), (r"==", "!="))
_OPERATORS = ((r"\band\b", "or"), (r"\bunless\b", "and"))
_AGGREGATIONS = ((r"\bsum(?= by \((?:le|limit|signal|model)\)|\()", "max"),)
"""Sums by other labels, minima and maxima only drop labels that a scrape may add; their groups hold one series."""
_FEW = 5
_MATCHER = re.compile(r"(?<=[{,])\w+(?:=~|!~|!=|=)\"[^\"]*\",?")
_RANGE = re.compile(r"\[(\d+\w+)\]")
_NEVER_DROPPED = ("job=", "namespace=")
"""Whose service it is: tests of one service cannot see another's series."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong rule: the entry, what was done to it, and the rule."""

    entry: str
    change: str
    rule: AlertRule

    @property
    def name(self) -> str:
        """How a list of survivors calls it."""
        return f"{self.entry}: {self.change}"


def mutants(entry: Entry, spec: Spec) -> Iterator[Mutant]:
    """Every mutant of an entry whose deployment's numbers are filled in."""
    rule = catalogue_rule(entry, spec)
    for change, expr in (*_rewritten(rule.expr), *_ranges(rule.expr), *_matchers(rule.expr)):
        yield Mutant(entry.name, change, replace(rule, expr=expr))
    for change, other in _numbers(entry):
        yield Mutant(entry.name, change, catalogue_rule(other, spec))
    yield Mutant(entry.name, "a minute later", replace(rule, hold=rule.hold + MINUTE))
    if rule.hold:
        yield Mutant(entry.name, "a minute earlier", replace(rule, hold=rule.hold - MINUTE))
    louder = Severity.TICKET if entry.severity is Severity.PAGE else Severity.PAGE
    for label, value in ((names.SEVERITY, louder.value), (names.OWNER, f"{spec.service}-nobody")):
        labels = tuple((key, value if key == label else old) for key, old in rule.labels)
        yield Mutant(entry.name, f"{label} {value}", replace(rule, labels=labels))


def _rewritten(expr: str) -> Iterator[tuple[str, str]]:
    # Quoted texts hold signs that are no operators.
    quoted = [(match.start(), match.end()) for match in re.finditer(r'"[^"]*"|[=!]~', expr)]
    for pattern, other in (*_COMPARISONS, *_OPERATORS, *_AGGREGATIONS):
        for count, found in enumerate(re.finditer(pattern, expr), start=1):
            if not any(begin <= found.start() < end for begin, end in quoted):
                yield f"{found.group()} {count} becomes {other}", expr[: found.start()] + other + expr[found.end() :]


def _ranges(expr: str) -> Iterator[tuple[str, str]]:
    for old in sorted(set(_RANGE.findall(expr))):
        for word, factor in (("half", Decimal("0.5")), ("double", Decimal(2))):
            new = format_duration(parse_duration(old) * factor)
            yield f"[{old}] {word}", expr.replace(f"[{old}]", f"[{new}]")


def _matchers(expr: str) -> Iterator[tuple[str, str]]:
    for found in sorted({match.group().rstrip(",") for match in _MATCHER.finditer(expr)}):
        if not found.startswith(_NEVER_DROPPED):
            shorter = expr.replace(f",{found}", "").replace(f"{found},", "").replace(found, "")
            yield f"without {found}", shorter


def _numbers(entry: Entry) -> Iterator[tuple[str, Entry]]:
    for name, parameter in entry.parameters.items():
        for value in _others(parameter.value):
            other = Parameter(parameter.text, value.quantize(Decimal("0.000001")))
            yield f"{name} {format_number(other.value)}", replace(entry, parameters={**entry.parameters, name: other})


def _others(value: Decimal) -> tuple[Decimal, ...]:
    """Wrong values beside a right one: one more or less of a few that are counted, 5 % more or less of the rest."""
    if not value:
        return (Decimal(1000),)
    if value <= _FEW and value == value.to_integral_value():
        return value + 1, value - 1
    return value * FACTOR, value / FACTOR
