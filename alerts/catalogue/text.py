"""Filling in what the catalogue's texts leave open: the service's labels, a deployment's numbers, and the pace of a drill."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from alerts.catalogue.model import Parameter
from alerts.pace import Pace
from slo import names
from slo.quantities import format_number, parse_duration
from slo.sli import matchers
from slo.spec import Cell, Spec

PLACES = frozenset({"service", "namespace", "pods", "name"})
"""What every expression may leave open beside its parameters."""

_OPEN = re.compile(r"\$([a-z][a-z_]*)")
_OPEN_IN_WORDS = re.compile(r"\$\{([a-z][a-z_]*)\}")
_RANGE = re.compile(r"\[(\d+(?:ms|s|m|h|d|w))\]")
_SUM = re.compile(r"<([^<>]+)>")


def wanted_parameters(expr: str) -> set[str]:
    """The names that an expression leaves open."""
    return set(_OPEN.findall(expr))


def places(spec: Spec) -> dict[str, str]:
    """Label matchers of the service, of its Kubernetes namespace and of its pods; both bear the service's name, which is a place too."""
    own: Cell = spec.selector or ((names.JOB, spec.service),)
    namespace = f'namespace="{spec.service}"'
    return {
        "service": matchers(own).strip("{}"),
        "namespace": namespace,
        "pods": f'{namespace},pod=~"{spec.service}-.*"',
        "name": spec.service,
    }


def expression(text: str, found: Mapping[str, str], parameters: Mapping[str, Parameter], pace: Pace) -> str:
    """PromQL with everything filled in; ranges run at the pace, and numbers stay.

    Raises:
        KeyError: The text leaves something open that nobody knows.
    """
    numbers = {name: format_number(parameter.value) for name, parameter in parameters.items()}
    known = {**numbers, **found}
    filled = _OPEN.sub(lambda match: known[match.group(1)], text.strip())
    return _RANGE.sub(lambda match: f"[{pace.range(parse_duration(match.group(1)))}]", filled)


def words(text: str, parameters: Mapping[str, Parameter]) -> str:
    """An annotation with `${parameter}` as people write it; Prometheus' own `{{ $value }}` stays.

    Raises:
        KeyError: The text leaves a parameter open that nobody knows.
    """
    return _OPEN_IN_WORDS.sub(lambda match: parameters[match.group(1)].text, text)


def series(text: str, found: Mapping[str, str], parameters: Mapping[str, Parameter]) -> str:
    """A promtool series or its values, with the service's labels, and `<share * 1000 + 1>` worked out.

    Raises:
        ValueError: The arithmetic is more than numbers, parameters, `+ - * /` and parentheses.
    """
    # A series has its labels, no patterns: of the pods' matchers only the namespace.
    known = {**found, "pods": found.get("namespace", "")}
    filled = _OPEN.sub(lambda match: known[match.group(1)], text)
    numbers = {name: parameter.value for name, parameter in parameters.items()}
    return _SUM.sub(lambda match: _plain(worked_out(match.group(1), numbers)), filled)


def values(text: str, parameters: Mapping[str, Parameter]) -> str:
    """The values of a promtool series: as promtool writes them, or from `+3x20 +0x5` (three more each minute) as a counter.

    Raises:
        ValueError: As `series`, or a step is no number.
    """
    filled = series(text, {}, parameters)
    if not filled.startswith("+"):
        return filled
    total, parts = Decimal(0), ["0"]
    for word in filled.split():
        step, _, times = word.removeprefix("+").partition("x")
        parts.append(_stretch(total, Decimal(step), int(times)))
        total += Decimal(step) * int(times)
    return " ".join(parts)


def _stretch(total: Decimal, step: Decimal, times: int) -> str:
    # promtool adds up in floating point: 52.00000000000001 followed by 52 is a counter that began anew. Fractions are written out.
    if step == step.to_integral_value():
        return f"{format_number(total + step)}+{format_number(step)}x{times - 1}"
    return " ".join(format_number(total + step * count) for count in range(1, times + 1))


def worked_out(text: str, numbers: Mapping[str, Decimal]) -> Decimal:
    """The value of an arithmetic expression.

    Raises:
        ValueError: It holds something else than numbers, known names, `+ - * /` and parentheses.
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body, numbers)
    except (SyntaxError, KeyError, ArithmeticError) as error:
        raise ValueError(f"{text!r} cannot be worked out: {error}") from None


_OPERATIONS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _value(node: ast.expr, numbers: Mapping[str, Decimal]) -> Decimal:
    match node:
        case ast.Constant(value=int() | float() as value):
            return Decimal(str(value))
        case ast.Name(id=name):
            return numbers[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, numbers)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left, numbers), _value(right, numbers))
    raise ValueError(f"{ast.unparse(node)!r} is no plain arithmetic")


def _plain(value: Decimal) -> str:
    return format_number(value.quantize(Decimal("0.000001")))
