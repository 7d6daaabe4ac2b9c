"""Judging one measurement against one contract, and the words of a readiness decision.

A contract is about the point estimate, the evidence about the interval: a contract met on insufficient evidence is no PASS,
and nothing measured is never one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from slo.spec import Cell, Direction, Gate, Phase, Unit
from slo.statistics import Interval, Measurement, least_n_flawless


class Verdict(StrEnum):
    """What one item came to. ERROR: it could not be measured. INCONCLUSIVE: measured, and not enough to say."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"


class Strength(StrEnum):
    """How far the evidence carries: strong when the whole interval keeps the contract, weak when it crosses it."""

    STRONG = "strong"
    WEAK = "weak"
    INSUFFICIENT = "insufficient"


class Readiness(StrEnum):
    """The decision for a phase."""

    GO = "GO"
    CONDITIONAL = "CONDITIONAL"
    NO_GO = "NO-GO"
    UNDECIDED = "UNDECIDED"


EXIT_OF_READINESS: dict[Readiness, int] = {
    Readiness.GO: 0,
    Readiness.NO_GO: 1,
    Readiness.UNDECIDED: 3,
    Readiness.CONDITIONAL: 4,
}
EXIT_OF_VERDICT: dict[Verdict, int] = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.ERROR: 5}
EXIT_USAGE = 2
EXIT_INTERNAL = 5
EXIT_INTERRUPTED = 130
EXIT_READER_LEFT = 141
"""Nobody reads the output any more, as a shell tells of a broken pipe."""
EXIT_TERMINATED = 143
"""Told to stop by SIGTERM, as a shell tells of it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason.

    Attributes:
        in_warning_band: Passed, and close to the contract.
        more_needed: How many more samples a PASS would need, when that is known.
    """

    verdict: Verdict
    strength: Strength
    reason: str
    in_warning_band: bool = False
    more_needed: int | None = None


def judge(gate: Gate, cell: Cell, phase: Phase, measurement: Measurement) -> Judgement:
    """Judge a measurement against what its gate asks of that cell in that phase.

    Raises:
        KeyError: The gate does not know the cell, or does not ask in that phase.
    """
    requirement = gate.requirements[phase]
    contract, least_n = requirement.contract[cell], requirement.least_n[cell]
    value = measurement.value
    if value is None or not math.isfinite(value) or measurement.n < 1:
        return Judgement(Verdict.INCONCLUSIVE, Strength.INSUFFICIENT, "nothing was measured", more_needed=least_n)
    missing = max(0, least_n - measurement.n)
    said = f"{shown(value, gate.unit)} against {_side(gate.direction)} {shown(float(contract), gate.unit)}"
    if not _keeps(value, contract, gate.direction):
        if missing and not _clearly_breaks(measurement.interval, contract, gate.direction):
            return Judgement(
                Verdict.INCONCLUSIVE, Strength.INSUFFICIENT, _too_few(said, measurement.n, least_n), more_needed=missing
            )
        return Judgement(Verdict.FAIL, _strength_of_break(measurement, contract, gate), said)
    if missing:
        return Judgement(
            Verdict.INCONCLUSIVE, Strength.INSUFFICIENT, _too_few(said, measurement.n, least_n), more_needed=missing
        )
    strength = Strength.STRONG if _surely_keeps(measurement.interval, contract, gate.direction) else Strength.WEAK
    if requirement.strong and strength is Strength.WEAK:
        needed = _more_for_strong(gate, contract, measurement.n)
        return Judgement(Verdict.INCONCLUSIVE, strength, f"{said}, but the interval crosses it", more_needed=needed)
    band = _in_warning_band(value, contract, gate, cell)
    return Judgement(Verdict.PASS, strength, said, in_warning_band=band)


def shown(value: float, unit: Unit) -> str:
    """A value for people, with its unit: `99.97 %`, `0.412 s`, `12 ms`."""
    if unit is Unit.RATIO:
        return f"{value * 100:.2f}".rstrip("0").rstrip(".") + " %"
    if unit is Unit.SECONDS:
        return f"{value * 1000:.1f} ms" if abs(value) < 0.1 else f"{value:.3g} s"
    return f"{value:g}"


def _side(direction: Direction) -> str:
    return "at least" if direction is Direction.AT_LEAST else "at most"


def _too_few(said: str, n: int, least_n: int) -> str:
    return f"{said}, on n = {n}; at least {least_n} are needed"


def _keeps(value: float, contract: Decimal, direction: Direction) -> bool:
    limit = float(contract)
    return value >= limit if direction is Direction.AT_LEAST else value <= limit


def _surely_keeps(interval: Interval | None, contract: Decimal, direction: Direction) -> bool:
    bound = None if interval is None else interval.lower if direction is Direction.AT_LEAST else interval.upper
    return bound is not None and _keeps(bound, contract, direction)


def _clearly_breaks(interval: Interval | None, contract: Decimal, direction: Direction) -> bool:
    bound = None if interval is None else interval.upper if direction is Direction.AT_LEAST else interval.lower
    return bound is not None and not _keeps(bound, contract, direction)


def _strength_of_break(measurement: Measurement, contract: Decimal, gate: Gate) -> Strength:
    broken = _clearly_breaks(measurement.interval, contract, gate.direction)
    return Strength.STRONG if broken else Strength.WEAK


def _more_for_strong(gate: Gate, contract: Decimal, n: int) -> int | None:
    """How many more flawless events would make a ratio strong; unknown for the other statistics."""
    if gate.unit is not Unit.RATIO or not 0 < contract < 1:
        return None
    return max(1, least_n_flawless(float(contract)) - n)


def _in_warning_band(value: float, contract: Decimal, gate: Gate, cell: Cell) -> bool:
    """Whether the value lies past the warning, or more than (1 - margin) of the allowance is used: the time limit, or the bad share."""
    if cell in gate.warning:
        return not _keeps(value, gate.warning[cell], gate.direction)
    if not gate.warning_margin:
        return False
    used = 1 - value if gate.unit is Unit.RATIO and gate.direction is Direction.AT_LEAST else value
    allowance = (
        1 - float(contract) if gate.unit is Unit.RATIO and gate.direction is Direction.AT_LEAST else float(contract)
    )
    if gate.direction is Direction.AT_LEAST and gate.unit is not Unit.RATIO:
        return value < float(contract) * (1 + float(gate.warning_margin))
    begins = allowance * (1 - float(gate.warning_margin))
    return used > begins + 1e-12  # a share lies on the edge or not: 9 bad of 10,000 are what 90 % of 0.1 % allow
