"""What if the objective, the window or the alerts were others: the same history, replayed for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from slo.quantities import QuantityError, format_duration, format_ratio, parse_duration, parse_ratio
from slo.simulation.history import Groups
from slo.simulation.replay import Replay, Simulation, significance, simulate
from slo.spec import SLO, Spec
from slo.windows import WindowPolicy, alert_windows

OBJECTIVE, WINDOW, WINDOWS = "objective", "window", "windows"
MONTH, MONTH_SECONDS = "month", Decimal(30 * 86400)
STANDARD, REACHABLE, OWN = "standard", "reachable", "own"
MOST_VARIANTS = 60


@dataclass(frozen=True, slots=True)
class Variant:
    """An SLO as it might be, and what is changed about it in the user's words."""

    slo: SLO
    objective: str
    window: str
    windows: str


def asked(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read `objective=99%,99.5%`, `window=7d,28d`, `windows=standard,reachable`.

    Raises:
        QuantityError: One of them cannot be read.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        parts = tuple(part.strip() for part in values.split(",") if part.strip())
        if key not in (OBJECTIVE, WINDOW, WINDOWS) or not equals or not parts:
            raise QuantityError(
                f"{text[:60]!r} is no what-if", "write objective=99%,99.5%, window=7d,28d or windows=standard,reachable"
            )
        for part in parts:
            _check(key, part)
        found[key] = found.get(key, ()) + parts
    return found


def variants(slo: SLO, changes: Mapping[str, Sequence[str]], policy: WindowPolicy) -> tuple[Variant, ...]:
    """The SLO as it is, and every combination of the changes.

    Raises:
        QuantityError: There are too many of them.
    """
    kind = windows_of(slo, policy)
    here = Variant(slo, format_ratio(slo.objective), MONTH if slo.calendar else format_duration(slo.window), kind)
    objectives = changes.get(OBJECTIVE, (here.objective,))
    windows, kinds = changes.get(WINDOW, (here.window,)), changes.get(WINDOWS, (kind,))
    if len(objectives) * len(windows) * len(kinds) > MOST_VARIANTS:
        raise QuantityError(f"there are more than {MOST_VARIANTS} what-ifs", "name fewer at once")
    found = [_variant(slo, *choice, policy) for choice in product(objectives, windows, kinds)]
    return tuple(dict.fromkeys((here, *found)))


def windows_of(slo: SLO, policy: WindowPolicy) -> str:
    """Where the SLO's alert windows come from: derived, the standard table, or a table of its own."""
    if slo.windows == alert_windows(slo.objective, slo.window, policy):
        return REACHABLE
    return STANDARD if slo.windows == policy.standard else OWN


def compared(
    spec: Spec, found: Sequence[Variant], histories: Mapping[str, Groups], how: Replay
) -> tuple[tuple[Variant, tuple[Simulation, ...]], ...]:
    """Each variant replayed. What is significant stays what it is for the SLO as it stands, so that rows can be compared."""
    threshold = significance(found[0].slo) if how.significant is None else how.significant
    alike = replace(how, significant=threshold, rivals=False)
    return tuple((variant, simulate(spec, variant.slo, histories, alike)) for variant in found)


def _variant(slo: SLO, objective: str, window: str, kind: str, policy: WindowPolicy) -> Variant:
    ratio = parse_ratio(objective)
    calendar = window == MONTH
    length = MONTH_SECONDS if calendar else parse_duration(window)
    own = {STANDARD: policy.standard, REACHABLE: alert_windows(ratio, length, policy)}.get(kind, slo.windows)
    changed = replace(slo, objective=ratio, window=length, calendar=calendar, windows=own)
    return Variant(changed, format_ratio(ratio), MONTH if calendar else format_duration(length), kind)


def _check(key: str, part: str) -> None:
    if key == WINDOWS and part not in (STANDARD, REACHABLE):
        raise QuantityError(f"{part[:60]!r} is no table of windows", f"write {STANDARD} or {REACHABLE}")
    if key == OBJECTIVE and not 0 < parse_ratio(part) < 1:
        raise QuantityError(f"{part!r} leaves no budget, or nothing but budget", "give a percent between 0% and 100%")
    if key == WINDOW and part != MONTH and parse_duration(part) < 3600:
        raise QuantityError(f"{part!r} is too short for an SLO window", "give an hour or more, such as 28d, or month")
