"""promtool unit tests for every generated alert: that it fires in time, keeps silent, and clears.

One file for each evaluation step; long windows are evaluated less often, a minute for one hour, five for a day, ten for three days.
`promtool` evaluates every group of the rule file at every step, whoever has traffic, so the SLOs tell their stories side by side
in one timeline: 40 s for all files on one core, where a file for each batch took three minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from alerts import absence, cases
from alerts.cases import Case, Look, Sample
from alerts.emit import to_yaml
from alerts.model import RuleFile
from alerts.recording import LONGEST_RAW_WINDOW, sloth_id
from alerts.rules import rule_file
from alerts.traffic import MINUTE, InputSeries, Stretch, counters
from slo import names
from slo.budget import firing_ratio
from slo.quantities import UNITS, format_duration, format_number, format_ratio
from slo.sli import base_labels, matchers, named
from slo.spec import SLO, LatencySLI, Severity, Spec, Window, cell

RULES = "../rules.yaml"
STEPS = ((LONGEST_RAW_WINDOW, MINUTE), (UNITS["d"], 5 * MINUTE))
LONGEST_STEP = 10 * MINUTE


def promtool_tests(spec: Spec) -> dict[str, bytes]:
    """File name -> contents of all promtool tests of the spec's rules; they expect the rules at `../rules.yaml`."""
    rules = rule_file(spec)
    files = {"service.yaml": _document(rules, MINUTE, _service_cases(spec, rules))}
    batches = side_by_side(spec.slos)
    for step, windows in _by_step(window for slo in spec.slos for window in slo.windows).items():
        found = [
            case
            for batch in batches
            for case in (
                *_shared_cases(batch, step, rules),
                *(case for window in windows for case in _cases(_having(batch, window), window, step)),
            )
        ]
        files[f"burn-{format_duration(step)}.yaml"] = _document(rules, step, found)
    return files


def _having(batch: tuple[SLO, ...], window: Window) -> tuple[SLO, ...]:
    return tuple(slo for slo in batch if window in slo.windows)


def side_by_side(slos: Iterable[SLO]) -> tuple[tuple[SLO, ...], ...]:
    """SLOs in batches whose members share no counter, so that each can have traffic of its own in one timeline."""
    batches: list[tuple[list[SLO], set[str]]] = []
    for slo in slos:
        own = {entry.series for entry in counters(slo, (Stretch(1),))}
        for members, taken in batches:
            if not own & taken:
                members.append(slo)
                taken.update(own)
                break
        else:
            batches.append(([slo], own))
    return tuple(tuple(members) for members, _ in batches)


def step_for(window: Window) -> Decimal:
    """Seconds between evaluations in the tests of this pair of windows."""
    return next((step for longest, step in STEPS if window.long <= longest), LONGEST_STEP)


def _by_step(windows: Iterable[Window]) -> dict[Decimal, tuple[Window, ...]]:
    windows = tuple(dict.fromkeys(windows))
    steps = sorted({step_for(window) for window in windows})
    return {step: tuple(window for window in windows if step_for(window) == step) for step in steps}


def _cases(batch: tuple[SLO, ...], window: Window, step: Decimal) -> tuple[Case, ...]:
    if not batch:
        return ()
    pair = f"{format_duration(window.long)} and {format_duration(window.short)}"
    able = tuple(slo for slo in batch if firing_ratio(slo, window) < 1)
    unable = tuple(slo for slo in batch if slo not in able)
    found = [
        cases.merged(f"{pair}: silent just under the factor", (cases.just_under(slo, window, step) for slo in batch))
    ]
    if able:
        found += [
            cases.merged(f"{pair}: fires just over the factor", (cases.just_over(slo, window, step) for slo in able)),
            cases.merged(
                f"{pair}: a fault fires within one evaluation of the prediction, and clears",
                (cases.fire(slo, window, step) for slo in able),
            ),
        ]
    if unable:
        title = f"{pair}: factor x error budget reaches 100 %, so that it never fires"
        found.append(cases.merged(title, (cases.never(slo, window, step) for slo in unable)))
    if window.severity is Severity.PAGE:
        worst = ", ".join(sorted({format_ratio(cases.blip_ratio(slo, window)) for slo in batch}))
        title = f"{pair}: four minutes at {worst} errors do not page"
        found.append(cases.merged(title, (cases.blip(slo, window, step) for slo in batch)))
    return tuple(found)


def _shared_cases(batch: tuple[SLO, ...], step: Decimal, rules: RuleFile) -> tuple[Case, ...]:
    if step != MINUTE:
        return ()
    own = {sloth_id(slo) for slo in batch}
    alerts = {rule.alert for rule in rules.alerts() if dict(rule.labels).get(names.SLO_ID) in own}
    return (
        cases.merged("no traffic: ratios are empty, nothing fires", (cases.idle(slo, alerts) for slo in batch)),
        cases.merged("a restart resets the counters: no errors", (cases.restart(slo, alerts) for slo in batch)),
    )


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
        "promql_expr_test": [_expectation(look) for look in case.looks],
    }


def _expectation(look: Look) -> dict[str, Any]:
    samples = [{"labels": sample.series, "value": float(sample.value)} for sample in look.samples]
    return {"expr": look.expr, "eval_time": format_duration(look.at), "exp_samples": samples}


def _service_cases(spec: Spec, rules: RuleFile) -> tuple[Case, ...]:
    outages = (_down(spec), _unwatched(spec)) if spec.selector else ()
    return (_watchdog(spec), *outages, *(_sli_absent(spec, rules, slo) for slo in spec.slos))


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


def _sli_absent(spec: Spec, rules: RuleFile, slo: SLO) -> Case:
    """The series of one SLI are missing while those of the others are there."""
    hold = absence.SLI_ABSENT_HOLD
    here = tuple(other for other in spec.slos if other != slo)
    series = {entry.series: entry for other in here for entry in counters(other, (Stretch(30),))}
    expr = _firing(absence.SLI_ABSENT)
    rule = next(
        rule
        for rule in rules.alerts()
        if rule.alert == absence.SLI_ABSENT and dict(rule.labels)[names.SLO_ID] == sloth_id(slo)
    )
    # absent() keeps the labels that it was asked for by equality, an edge like le="0.5" among them.
    sli = named(slo)
    edge = format_number(sli.threshold) if isinstance(sli, LatencySLI) else ""
    equal = {**dict(base_labels(sli, slo)), **({names.LE: edge} if "." in edge else {})}
    return Case(
        f"the series of {slo.id} are missing: a ticket",
        tuple(series.values()),
        (
            Look(hold - MINUTE, expr),
            Look(hold, expr, (_sample(absence.SLI_ABSENT, {**equal, **dict(rule.labels)}),)),
        ),
    )


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
