"""`courtsight slo diff`: what a change of a spec means, for whoever reviews it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Context, Decimal
from pathlib import Path

from harness.slo_commands.explain import rate_words, spoken
from harness.slo_commands.reading import EXIT_FINE, EXIT_FOUND, as_json
from harness.slo_commands.show import kind_of, window_of
from slo.budget import burn_rate_factor, detection_seconds, firing_ratio
from slo.quantities import format_duration, format_number, format_ratio, how_many
from slo.sli import CountedSLI, base_labels, matchers
from slo.spec import (
    SLO,
    Cell,
    CompositeSLI,
    EventsSLI,
    Gate,
    LatencySLI,
    Phase,
    RawSLI,
    Severity,
    Spec,
    TimeSliceSLI,
    Window,
)

SENTENCE = "say which SLOs, budgets and alerts differ between two specs"
EXAMPLES = (
    "courtsight slo diff old.yaml slo/specs/courtsight.yaml",
    "git show main:slo/specs/courtsight.yaml > /tmp/old.yaml; courtsight slo diff /tmp/old.yaml slo/specs/courtsight.yaml --json",
)
TOTAL = Decimal(1)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Attributes:
        subject: `slo` or `gate`, and its id.
        what: Which property; `added` and `removed` for the whole.
        old: As people read it; None for what was not there.
    """

    subject: str
    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"+ {self.subject}: {self.what} {self.new}"
        if self.new is None:
            return f"- {self.subject}: {self.what} {self.old}"
        return f"~ {self.subject}: {self.what} {self.old} -> {self.new}"


def add(parser: argparse.ArgumentParser) -> None:
    """Which two specs."""
    parser.add_argument("old", type=Path, metavar="OLD", help="the spec as it was")
    parser.add_argument("new", type=Path, metavar="NEW", help="the spec as it would be")


def run(options: argparse.Namespace) -> int:
    """Print the differences; 1 when there are any."""
    from slo.load import load_spec  # noqa: PLC0415 - imported when the command runs

    found = differences(load_spec(options.old), load_spec(options.new))
    if options.json:
        print(as_json([asdict(entry) for entry in found]))
    else:
        print("".join(f"{entry}\n" for entry in found), end="")
    print(how_many(len(found), "difference"), file=sys.stderr)
    return EXIT_FOUND if found else EXIT_FINE


def differences(old: Spec, new: Spec) -> tuple[Difference, ...]:
    """Everything that differs in meaning; comments and order do not."""
    return (*_whole(old, new), *_slos(old, new), *_gates(old, new))


def _whole(old: Spec, new: Spec) -> Iterator[Difference]:
    for what in ("service", "deployment", "owner"):
        yield from _changed("spec", what, getattr(old, what), getattr(new, what))
    for what in ("runbooks", "dashboards"):
        bases = (getattr(spec.links, what) or "paths" for spec in (old, new))
        yield from _changed("spec", f"links of alerts to {what}", *bases)
    yield from _changed("spec", "series of the service", *(matchers(spec.selector) or "unknown" for spec in (old, new)))
    ages = [spoken(float(spec.evidence_max_age)) for spec in (old, new)]
    yield from _changed("spec", "evidence is too old after", *ages)
    yield from _changed("spec", "score", _score(old), _score(new))
    for phase in dict.fromkeys([*old.phases, *new.phases]):
        yield from _changed(f"phase {phase}", "asks", _demands(old, phase), _demands(new, phase))


def _score(spec: Spec) -> str:
    if spec.score is None:
        return "shown only"
    return f"passes from {format_ratio(spec.score.passes)}, fails under {format_ratio(spec.score.warns)}"


def _demands(spec: Spec, phase: Phase) -> str:
    asked = spec.phases.get(phase)
    if asked is None:
        return "nothing"
    words = [
        word.replace("_", " ") for word in ("real_engine", "real_documents", "clean_commit") if getattr(asked, word)
    ]
    days = "" if asked.slo_window is None else f"SLOs over {format_duration(asked.slo_window)}"
    checklists = f"checklists {', '.join(asked.checklists)}" if asked.checklists else ""
    return "; ".join(filter(None, [asked.title, *words, checklists, days]))


def _slos(old: Spec, new: Spec) -> Iterator[Difference]:
    before, after = ({slo.id: slo for slo in spec.slos} for spec in (old, new))
    for slo_id in dict.fromkeys([*before, *after]):
        subject = f"slo {slo_id}"
        if slo_id not in after:
            yield Difference(subject, "removed:", _summary(before[slo_id]), None)
        elif slo_id not in before:
            yield Difference(subject, "added:", None, _summary(after[slo_id]))
        else:
            yield from _slo(subject, before[slo_id], after[slo_id])


def _slo(subject: str, old: SLO, new: SLO) -> Iterator[Difference]:
    pairs: tuple[tuple[str, object, object], ...] = (
        ("title", old.title, new.title),
        ("objective", format_ratio(old.objective), format_ratio(new.objective)),
        ("window", window_of(old), window_of(new)),
        ("budget", _budget(old), _budget(new)),
        ("kind", kind_of(old), kind_of(new)),
        ("what is counted", _sli(old), _sli(new)),
        ("owner", old.owner, new.owner),
        ("grouped by", _groups(old), _groups(new)),
        ("labels of alerts", _labels(old.tags), _labels(new.tags)),
        *((f"labels of {severity}s", _own(old, severity), _own(new, severity)) for severity in Severity),
        ("runbook", old.runbook or "of the alert", new.runbook or "of the alert"),
        ("least events", old.least_events, new.least_events),
    )
    for what, before, after in pairs:
        yield from _changed(subject, what, str(before), str(after))
    yield from _alerts(subject, old, new)


def _groups(slo: SLO) -> str:
    return ", ".join(sorted(slo.group_by)) or "nothing"


def _own(slo: SLO, severity: Severity) -> str:
    return _labels(dict(slo.own_tags).get(severity, ()))


def _labels(tags: Cell) -> str:
    return ", ".join(f"{name}={value}" for name, value in tags) or "none"


def _alerts(subject: str, old: SLO, new: SLO) -> Iterator[Difference]:
    """By severity and long window, and the short one where these do not tell them apart; a change in place is told as one line."""
    twice = {pair for slo in (old, new) for pair in _twice([(window.severity, window.long) for window in slo.windows])}
    before, after = ({_key(window, twice): window for window in slo.windows} for slo in (old, new))
    for key in dict.fromkeys([*before, *after]):
        name = f"alert {key[0].value} {format_duration(key[1])}"
        first = _alert(old, before[key]) if key in before else None
        second = _alert(new, after[key]) if key in after else None
        if first != second:
            yield Difference(subject, name, first, second)


def _key(window: Window, twice: set[tuple[Severity, Decimal]]) -> tuple[Severity, Decimal, Decimal | None]:
    pair = (window.severity, window.long)
    return (*pair, window.short if pair in twice else None)


def _twice(pairs: list[tuple[Severity, Decimal]]) -> set[tuple[Severity, Decimal]]:
    return {pair for pair in pairs if pairs.count(pair) > 1}


def _alert(slo: SLO, window: Window) -> str:
    outage = detection_seconds(slo, window, TOTAL)
    when = "never on a total outage" if outage is None else f"{spoken(float(outage))} into a total outage"
    factor = format_number(burn_rate_factor(window, slo.window))
    ratio = format_number((firing_ratio(slo, window) * 100).normalize())
    return f"(short {format_duration(window.short)}, for {format_duration(window.hold)}) over {ratio} % bad, {rate_words(factor)}: {when}"


def _gates(old: Spec, new: Spec) -> Iterator[Difference]:
    before, after = ({gate.id: gate for gate in spec.gates} for spec in (old, new))
    for gate_id in dict.fromkeys([*before, *after]):
        subject = f"gate {gate_id}"
        if gate_id not in after:
            yield Difference(subject, "removed:", before[gate_id].title, None)
        elif gate_id not in before:
            yield Difference(subject, "added:", None, after[gate_id].title)
        else:
            yield from _gate(subject, before[gate_id], after[gate_id])


def _gate(subject: str, old: Gate, new: Gate) -> Iterator[Difference]:
    for what in ("title", "kind", "statistic", "unit", "direction", "weight", "key", "waivable", "warning_margin"):
        yield from _changed(subject, what.replace("_", " "), str(getattr(old, what)), str(getattr(new, what)))
    yield from _changed(subject, "cells", *(", ".join(sorted(map(_cell, gate.cells))) for gate in (old, new)))
    yield from _changed(subject, "warning", *map(_warning, (old, new)))
    for phase in dict.fromkeys([*old.requirements, *new.requirements]):
        asked = [_requirement(gate, phase) for gate in (old, new)]
        yield from _changed(subject, f"phase {phase}", *asked)


def _requirement(gate: Gate, phase: object) -> str:
    found = {str(key): entry for key, entry in gate.requirements.items()}.get(str(phase))
    if found is None:
        return "not asked"
    limits = _by_cell({labels: format_number(limit) for labels, limit in found.contract.items()})
    least = _by_cell({labels: str(count) for labels, count in found.least_n.items()})
    strong = ", strong" if found.strong else ""
    return f"{limits} on n >= {least}{strong}"


def _warning(gate: Gate) -> str:
    """Where the warning band begins, where the spec gives it as a value."""
    return _by_cell({labels: format_number(value) for labels, value in gate.warning.items()}) or "none"


def _by_cell(values: Mapping[Cell, str]) -> str:
    """The one value of all cells, or each with its cell, in any order: a limit that moves from one cell to another is a difference."""
    if len(set(values.values())) == 1:
        return f"{next(iter(values.values()))} in {how_many(len(values), 'cell')}"
    return ", ".join(f"{value} for {_cell(labels)}" for labels, value in sorted(values.items()))


def _cell(labels: Cell) -> str:
    return " ".join(value for _, value in labels) or "the whole"


def _changed(subject: str, what: str, old: str, new: str) -> Iterator[Difference]:
    if old != new:
        yield Difference(subject, what, old, new)


def _summary(slo: SLO) -> str:
    return f"{slo.title}, {format_ratio(slo.objective)} over {window_of(slo)}, {_budget(slo)}"


def _budget(slo: SLO) -> str:
    minutes = slo.window * slo.error_budget / 60
    shown = minutes.quantize(Decimal("0.1")) if minutes >= 1 else Context(prec=3).plus(minutes)
    return f"{format_number(shown)} min"


def _sli(slo: SLO) -> str:
    """What is counted, in the words of the spec; the same text for the same meaning."""
    sli = slo.sli
    if isinstance(sli, RawSLI):
        return sli.error_ratio
    if isinstance(sli, CompositeSLI):
        return " + ".join(sorted(f"{format_number(weight)} x {name}" for name, weight in sli.components))
    if isinstance(sli, TimeSliceSLI):
        of = sli.of if isinstance(sli.of, str) else _counted(sli.of, slo)
        return f"slices of {format_duration(sli.slice)}, {sli.direction} {format_number(sli.limit)}: {of}"
    return _counted(sli, slo)


def _counted(sli: CountedSLI, slo: SLO) -> str:
    if isinstance(sli, EventsSLI):
        return f"bad {sli.bad} of {sli.valid}" if sli.bad is not None else f"good {sli.good} of {sli.valid}"
    series = sli.metric + matchers(base_labels(sli, slo))
    if isinstance(sli, LatencySLI):
        return f"{series} within {format_number(sli.threshold)} s{', native' if sli.native else ''}"
    good, bad = (", ".join(sorted(set(values))) for values in (sli.good, sli.bad))
    return f"{series} by {sli.label}: bad {bad}; good {good}"
