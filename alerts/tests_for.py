"""promtool unit tests for every generated alert and recording rule: that it fires in time, keeps silent, clears, and says the truth.

One file for each evaluation step; long windows are evaluated less often, a minute for one hour, five for a day, ten for three days.
`promtool` evaluates every group of the rule file at every step, whoever has traffic, so the SLOs tell their stories side by side
in one timeline, which takes a quarter of the time that a file for each batch would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alerts import absence, cases, recorded, stories
from alerts.emit import to_yaml
from alerts.looks import AlertLook, Case, Fired, Look, Sample, merged, rounded_up
from alerts.model import RuleFile
from alerts.pace import Pace
from alerts.ratios import LONGEST_RAW_WINDOW, slo_labels, sloth_id
from alerts.rules import rule_file
from alerts.selectors import UnprovenError, selector_of
from alerts.subjects import Subject, subject_of
from alerts.traffic import MINUTE, InputSeries, Stretch
from slo import names
from slo.quantities import UNITS, format_duration, format_number
from slo.sli import matchers
from slo.spec import SLO, CompositeSLI, Severity, Spec, Window, cell

RULES = "../rules.yaml"
STEPS = ((LONGEST_RAW_WINDOW, MINUTE), (UNITS["d"], 5 * MINUTE))
LONGEST_STEP = 10 * MINUTE
NO_NATIVE = "its native histogram is more than this promtool can make up"
LONE = "its slices hold one of the samples that this promtool makes up a minute apart: prove it with slices of 2m (or, unless it reads native histograms, those of 1m by promtool 2)"


@dataclass(frozen=True, slots=True)
class Gap:
    """An SLO whose alerts are not proven, and why."""

    slo: SLO
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """promtool tests by file name, in the order in which they find a fault soonest, and what they leave out."""

    files: dict[str, bytes]
    gaps: tuple[Gap, ...]


def promtool_tests(spec: Spec) -> dict[str, bytes]:
    """File name -> contents of all promtool tests of the spec's rules; they expect the rules at `../rules.yaml`."""
    return proof(spec).files


def proof(spec: Spec, *, native: bool = False, closed: bool = True, only: Iterable[str] | None = None) -> Proof:
    """The promtool tests of a spec, and the SLOs for which there are none.

    Args:
        spec: A loaded spec.
        native: The promtool at hand reads native histograms in tests; 2.42 does not.
        closed: Its ranges hold the sample on their left end, as those of Prometheus 2 do; of 3 they do not.
        only: Ids of the SLOs to test; all of the spec without.
    """
    wanted = {slo.id for slo in spec.slos} if only is None else set(only)
    rules = rule_file(spec)
    subjects, gaps = _subjects(spec, wanted, native=native, closed=closed)
    batches = side_by_side(subjects)
    files = {
        f"recorded-{format_duration(step)}.yaml": _document(
            rules, step, (merged(title, map(tell, batch)) for batch in batches)
        )
        for step, title, tell in _VALUES
    }
    spoken = [_outage(spec, batch) for batch in batches]
    files[f"outage-{format_duration(stories.OUTAGE_STEP)}.yaml"] = _document(rules, stories.OUTAGE_STEP, spoken)
    alone = len(spec.slos) == 1
    absent = [case for slo in spec.slos if slo.id in wanted for case in _sli_absent(rules, slo, subjects, alone=alone)]
    whole = () if only is not None else _service_cases(spec)
    files["service.yaml"] = _document(rules, MINUTE, (*whole, *absent))
    lengths = {_slice_step(one) for one in subjects if one.slice is not None}
    for step in sorted({MINUTE, *lengths, *(step_for(window, one) for one in subjects for window in one.slo.windows)}):
        found = [case for batch in batches for case in _batch_cases(batch, step)]
        files[f"burn-{format_duration(step)}.yaml"] = _document(rules, step, found)
    return Proof({name: content for name, content in files.items() if subjects or name == "service.yaml"}, gaps)


def side_by_side(subjects: Iterable[Subject]) -> tuple[tuple[Subject, ...], ...]:
    """SLOs in batches whose members see nothing of each other's traffic, so that each can have its own in one timeline."""
    batches: list[list[Subject]] = []
    for subject in subjects:
        free = (batch for batch in batches if not any(subject.overlaps(member) for member in batch))
        batch = next(free, None)
        if batch is None:
            batches.append([subject])
        else:
            batch.append(subject)
    return tuple(map(tuple, batches))


def step_for(window: Window, subject: Subject | None = None) -> Decimal:
    """Seconds between evaluations in the tests of this pair of windows; no shorter than a time slice."""
    step = next((step for longest, step in STEPS if window.long <= longest), LONGEST_STEP)
    length = subject.slice if subject is not None else None
    return step if length is None or length <= step else rounded_up(length, step)


_VALUES: tuple[tuple[Decimal, str, Callable[[Subject], Case]], ...] = (
    (recorded.SHORT_STEP, "three days and a half of varied traffic: every recorded value is true", recorded.recent),
    (recorded.LONG_STEP, "over half of the SLO window: what is recorded of it is true", recorded.period),
)


def _subjects(
    spec: Spec, wanted: set[str], *, native: bool, closed: bool
) -> tuple[tuple[Subject, ...], tuple[Gap, ...]]:
    found, gaps = [], []
    for slo in spec.slos:
        if slo.id not in wanted:
            continue
        try:
            subject = subject_of(spec, slo)
        except UnprovenError as error:
            gaps.append(Gap(slo, str(error)))
            continue
        if subject.native and not native:
            gaps.append(Gap(slo, NO_NATIVE))
        elif subject.lone(closed=closed):
            gaps.append(Gap(slo, LONE))
        else:
            found.append(subject)
    return tuple(found), tuple(gaps)


def _outage(spec: Spec, batch: tuple[Subject, ...]) -> Case:
    at = max(map(stories.outage_seconds, batch))
    return merged(
        "a total outage: every alert within reach fires, with all its labels and annotations",
        (stories.outage(spec, subject, at) for subject in batch),
    )


def _batch_cases(batch: tuple[Subject, ...], step: Decimal) -> Iterator[Case]:
    if step == MINUTE:
        yield from _life(batch)
    windows = dict.fromkeys(window for one in batch for window in one.slo.windows if step_for(window, one) == step)
    for window in windows:
        members = [one for one in batch if window in one.slo.windows and step_for(window, one) == step]
        yield from _pair_cases(tuple(members), window, step)
    sliced = [one for one in batch if one.slice is not None and _slice_step(one) == step]
    for window in dict.fromkeys(window for one in sliced for window in one.slo.windows):
        members = [one for one in sliced if window in one.slo.windows]
        yield from _slice_cases(members, window, step)


def _slice_cases(sliced: Iterable[Subject], window: Window, step: Decimal) -> Iterator[Case]:
    """What only evaluations tell that miss no slice."""
    for title, tell in (
        ("just over the factor among few slices is pending, just under is silence", cases.slices),
        ("just under the factor among few slices of the short window is silence", cases.slices_under),
    ):
        found = [case for one in sliced if (case := tell(one, window, step)) is not None]
        if found:
            yield merged(f"{_told(window)}: {title}", found)


def _slice_step(subject: Subject) -> Decimal:
    """Seconds between evaluations that miss no slice."""
    return rounded_up(subject.slice or MINUTE, MINUTE)


def _told(window: Window) -> str:
    return f"{format_duration(window.long)} and {format_duration(window.short)}"


def _life(batch: tuple[Subject, ...]) -> Iterator[Case]:
    yield merged("no traffic: ratios are empty, nothing fires", map(stories.idle, batch))
    yield merged(
        "half the errors that may be, a restart, and a deploy that leaves no target for four minutes: silence",
        map(stories.restart, batch),
    )
    yield merged("a new target brings high counters along: silence", map(stories.newcomer, batch))
    yield merged(
        "a target gets another label, and all of its series begin anew: silence", map(stories.relabelled, batch)
    )
    alone = [case for case in map(stories.each_alone, batch) if case is not None]
    if alone:
        yield merged("series of one value after another, each alone: none is missing", alone)
    first = [case for case in map(stories.first_errors, batch) if case is not None]
    if first:
        yield merged(
            "the first errors ever, later good events anew, and their series are born with them: all of them count",
            first,
        )
    again = [case for case in map(stories.reborn, batch) if case is not None]
    if again:
        yield merged("the first errors after a restart: only they count, not those from before", again)


def _pair_cases(batch: tuple[Subject, ...], window: Window, step: Decimal) -> Iterator[Case]:
    able = [one for one in batch if one.limit(window) < 1]
    told: tuple[tuple[str, Iterable[Subject], Callable[[Subject, Window, Decimal], Case | None]], ...] = (
        ("a short spike that spends 99 % of what fires is silence", batch, cases.spike),
        ("after a burst, one percent under the factor is silence", batch, cases.calm_again),
        ("one group over the long window and another over the short one is silence", batch, cases.crossed),
        ("one failure in little traffic is silence", [one for one in batch if one.events], cases.lonely),
        (
            "enough events of which few are bad fire",
            [one for one in able if one.slo.least_events and one.counts],
            cases.few_bad,
        ),
        ("fires just over the factor", [one for one in able if one.slice is None], cases.just_over),
        ("a fault fires within one evaluation of the prediction, and clears", able, cases.fire),
        (
            "factor x error budget reaches 100 %, so that it never fires",
            [one for one in batch if one not in able],
            cases.never,
        ),
    )
    for title, members, tell in told:
        found = [case for one in members if (case := tell(one, window, step)) is not None]
        if found:
            yield merged(f"{_told(window)}: {title}", found)


def _document(rules: RuleFile, step: Decimal, found: Iterable[Case]) -> bytes:
    document = {
        "rule_files": [RULES],
        "evaluation_interval": format_duration(step),
        # promtool runs the groups in no order of its own, but long windows sum what the fast group has just recorded.
        "group_eval_order": [group.name for group in rules.groups],
        "tests": [_test(case) for case in found],
    }
    return to_yaml(document, rules.service)


def _test(case: Case) -> dict[str, Any]:
    return {
        "interval": format_duration(MINUTE),
        "name": case.title,
        "input_series": [{"series": entry.series, "values": entry.values} for entry in case.series],
        "alert_rule_test": [_alerts(look) for look in case.alerts],
        "promql_expr_test": [_expectation(look) for look in case.looks],
    }


def _alerts(look: AlertLook) -> dict[str, Any]:
    found = [{"exp_labels": dict(one.labels), "exp_annotations": dict(one.annotations)} for one in look.fired]
    return {"eval_time": format_duration(look.at), "alertname": look.alert, "exp_alerts": found}


def _expectation(look: Look) -> dict[str, Any]:
    samples = [{"labels": sample.series, "value": float(sample.value)} for sample in look.samples]
    return {"expr": look.expr, "eval_time": format_duration(look.at), "exp_samples": samples}


def _service_cases(spec: Spec) -> tuple[Case, ...]:
    outages = (_down(spec), _unwatched(spec)) if spec.selector else ()
    return (_watchdog(spec), *outages)


def _watchdog(spec: Spec) -> Case:
    labels = {names.SEVERITY: absence.WATCHDOG_SEVERITY, names.SLO_SERVICE: spec.service, names.OWNER: spec.owner}
    return Case(
        "the watchdog fires from the first evaluation on",
        (InputSeries(_up(spec, "a"), "1x10"),),
        (Look(MINUTE, _firing(absence.WATCHDOG), (_sample(absence.WATCHDOG, labels),)),),
    )


def _down(spec: Spec) -> Case:
    """One of two instances is a ticket; both are a page after a minute."""
    page, ticket = (_service_labels(spec, severity) for severity in (Severity.PAGE, Severity.TICKET))
    gone = {**ticket, **dict(spec.selector), "instance": "b"}
    both_down = 20 * MINUTE
    series = (InputSeries(_up(spec, "a"), "1x19 0x60"), InputSeries(_up(spec, "b"), "1x4 0x60"))
    return Case(
        "one instance down is a ticket, all of them are a page",
        series,
        (
            Look(both_down - MINUTE, _firing(absence.DOWN)),
            Look(both_down - MINUTE, _firing(absence.INSTANCE_DOWN), (_sample(absence.INSTANCE_DOWN, gone),)),
            Look(both_down + absence.DOWN_HOLD - MINUTE, _firing(absence.DOWN)),
            Look(both_down + absence.DOWN_HOLD, _firing(absence.DOWN), (_sample(absence.DOWN, page),)),
        ),
    )


def _unwatched(spec: Spec) -> Case:
    labels = {**_service_labels(spec, Severity.PAGE), **dict(spec.selector)}
    hold = absence.UNWATCHED_HOLD
    return Case(
        "a service that nobody scrapes is a page",
        (),
        (
            Look(hold - MINUTE, _firing(absence.UNWATCHED)),
            Look(hold, _firing(absence.UNWATCHED), (_sample(absence.UNWATCHED, labels),)),
        ),
    )


def _sli_absent(rules: RuleFile, slo: SLO, subjects: Iterable[Subject], *, alone: bool) -> Iterator[Case]:
    """The series of one SLI are missing while those of the others are there, or vanish; a composite has no series of its own."""
    if isinstance(slo.sli, CompositeSLI):
        return
    hold = absence.SLI_ABSENT_HOLD
    mine = next((one for one in subjects if one.slo == slo), None)
    here = [one for one in subjects if mine is not None and one is not mine and not one.overlaps(mine)]
    series = {entry.series: entry for one in here for entry in one.series((Stretch(30),))}
    expr = "ALERTS" + matchers(
        cell({"alertname": absence.SLI_ABSENT, "alertstate": "firing", names.SLO_ID: sloth_id(slo)})
    )
    labels = {
        **_asked_for(slo),
        **slo.tags_of(Severity.TICKET),
        **dict(slo_labels(slo)),
        names.SEVERITY: Severity.TICKET.value,
        names.SLO_SEVERITY: Severity.TICKET.value,
        names.OWNER: slo.owner,
    }
    rule = next(
        rule
        for rule in rules.alerts()
        if rule.alert == absence.SLI_ABSENT and dict(rule.labels)[names.SLO_ID] == sloth_id(slo)
    )
    notes = tuple((key, stories.filled(text, labels)) for key, text in rule.annotations)
    told = AlertLook(hold, absence.SLI_ABSENT, (Fired(cell(labels), notes),)) if alone else None
    yield Case(
        f"the series of {slo.id} are missing: a ticket",
        tuple(series.values()),
        (Look(hold - MINUTE, expr), Look(hold, expr, (_sample(absence.SLI_ABSENT, labels),))),
        (told,) if told is not None else (),
    )
    if mine is not None:
        yield _sli_gone(mine, expr, _sample(absence.SLI_ABSENT, labels))


def _sli_gone(subject: Subject, expr: str, told: Sample) -> Case:
    """Its series vanish: a ticket when nothing of them is left in the range that is looked at, and `for` is over."""
    there = Stretch(5)
    series = (InputSeries(entry.series, f"{entry.values} stale") for entry in subject.series((there,)))
    ends = there.minutes * MINUTE + absence.reach(subject.slo) + absence.SLI_ABSENT_HOLD
    looks = (Look(ends - 2 * MINUTE, expr), Look(ends + MINUTE, expr, (told,)))
    return Case(f"the series of {subject.slo.id} vanish: a ticket", tuple(series), looks)


def _asked_for(slo: SLO) -> dict[str, str]:
    """Labels that absent() keeps: those that a plain selector asks for by equality, once each."""
    what = absence.sli_series(slo, Pace())
    try:
        asked = selector_of(what or "").matchers
    except UnprovenError:
        return {}
    by_label = {label: [one for one in asked if one.label == label] for label in {one.label for one in asked}}
    return {label: found[0].value for label, found in by_label.items() if len(found) == 1 and found[0].operator == "="}


def _up(spec: Spec, instance: str) -> str:
    return names.UP + matchers(cell({**dict(spec.selector), "instance": instance}))


def _service_labels(spec: Spec, severity: Severity) -> dict[str, str]:
    return {
        names.SEVERITY: severity.value,
        names.SLO_SEVERITY: severity.value,
        names.SLO_SERVICE: spec.service,
        names.OWNER: spec.owner,
    }


def _firing(alert: str) -> str:
    return "ALERTS" + matchers((("alertname", alert), ("alertstate", "firing")))


def _sample(alert: str, labels: dict[str, str]) -> Sample:
    every = cell({**labels, "alertname": alert, "alertstate": "firing"})
    return Sample("ALERTS" + matchers(every), format_number(Decimal(1)))
