"""Wrong versions of generated rules, to see their tests turn red: a rule that may be broken unnoticed is not proven.

Each mutant differs from the rules in one place. Its name says where and what, `in-time/LatencyBudgetBurnPage 1h/factor of the long window up`,
and stays the same as long as the rule does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from alerts.model import AlertRule, RecordingRule, Rule, RuleFile
from slo import names
from slo.quantities import UNITS, format_duration, format_number, parse_duration

WEEK = 7 * UNITS["d"]
LATER = "10m"
UP, DOWN = Decimal("1.1"), Decimal("0.9")
OTHER = "someone-else"
ADDED = (names.LONG_WINDOW, names.SHORT_WINDOW, names.BURN_RATE_FACTOR, names.OWNER)
"""Labels that only the rule of an alert gives it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong rule among the rules of an SLO.

    Attributes:
        operator: What kind of mistake it is.
        name: SLO, rule and change.
        rule: The wrong one.
        rules: All rules, with the wrong one in the place of the right one.
        record: The series or alert that is wrong.
        long: Long window of a wrong burn-rate alert, written like `1h`; empty for others.
    """

    operator: str
    name: str
    rule: Rule
    rules: RuleFile
    record: str
    long: str


@dataclass(frozen=True, slots=True)
class Change:
    """A rule made wrong, and how."""

    text: str
    rule: Rule


Operator = Callable[[Rule], Iterator[Change]]


def mutants(rules: RuleFile, slo_id: str) -> Iterator[Mutant]:
    """Every mutant of the rules that belong to one SLO; the rules of others stay right."""
    for place, group in enumerate(rules.groups):
        for number, rule in enumerate(group.rules):
            labels = dict(rule.labels)
            if labels.get(names.SLO_NAME) != slo_id:
                continue
            record = rule.alert if isinstance(rule, AlertRule) else rule.record
            long = labels.get(names.LONG_WINDOW, "")
            shown = f"{slo_id}/{record}{' ' + long if long else ''}"
            for operator, change in _changes(rule):
                own = (*group.rules[:number], change.rule, *group.rules[number + 1 :])
                groups = (*rules.groups[:place], replace(group, rules=own), *rules.groups[place + 1 :])
                name = f"{shown}/{change.text}"
                yield Mutant(operator, name, change.rule, RuleFile(rules.service, groups), record, long)


def _changes(rule: Rule) -> Iterator[tuple[str, Change]]:
    seen = {rule}
    for name, operator in OPERATORS.items():
        for change in operator(rule):
            if change.rule not in seen:
                seen.add(change.rule)
                yield name, change


def _with(rule: Rule, expr: str) -> Rule:
    return replace(rule, expr=expr)


def _sites(pattern: str, expr: str) -> Iterator[re.Match[str]]:
    """Where a pattern stands outside quoted text."""
    quoted = [(match.start(), match.end()) for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[=!]~', expr)]
    for found in re.finditer(pattern, expr):
        if not any(begin <= found.start() < end for begin, end in quoted):
            yield found


def _put(expr: str, found: re.Match[str], text: str) -> str:
    return expr[: found.start()] + text + expr[found.end() :]


def _first(rule: Rule, pattern: str, text: str, said: str) -> Iterator[Change]:
    """The first place of a pattern changed; in an alert every place."""
    for count, found in enumerate(_sites(pattern, rule.expr), start=1):
        if count > 1 and isinstance(rule, RecordingRule):
            return
        yield Change(f"{said} {count}", _with(rule, _put(rule.expr, found, found.expand(text))))


def _comparison(rule: Rule) -> Iterator[Change]:
    yield from _first(rule, r"(?<![=<>!])>=?(?!=)", "<", "comparison turned round")
    yield from _first(rule, r"> 0\)", ">= 0)", "division by zero allowed")


def _window(rule: Rule) -> Iterator[Change]:
    for count, found in enumerate(_sites(r"\[(\w+)\]", rule.expr), start=1):
        if count > 2:
            return
        seconds = parse_duration(found[1])
        # Half a week or more is what the traffic of the tests reaches over; twice as much it does not.
        other = seconds / 2 if seconds >= WEEK else seconds * 2
        yield Change(f"range {count} other", _with(rule, _put(rule.expr, found, f"[{format_duration(other)}]")))
    if isinstance(rule, AlertRule):
        for count, found in enumerate(_sites(r"ratio_rate(\w+)", rule.expr), start=1):
            other_word = "30m" if found[1] != "30m" else "2h"
            yield Change(f"window {count} other", _with(rule, _put(rule.expr, found, f"ratio_rate{other_word}")))


def _label(rule: Rule) -> Iterator[Change]:
    if isinstance(rule, AlertRule):
        # The series behind an alert carry the SLO's own labels too, so that these are there even where the rule forgets them.
        dropped = [name for name, _ in rule.labels if name in ADDED]
        for label, _ in rule.labels:
            if label not in (*ADDED, names.SEVERITY, names.SLO_SEVERITY):
                wrong = tuple((name, OTHER if name == label else old) for name, old in rule.labels)
                yield Change(f"another {label}", replace(rule, labels=wrong))
    else:
        dropped = [name for name, _ in rule.labels if name == names.SLO_WINDOW]
        wrong = tuple((name, OTHER if name == names.SLO_NAME else old) for name, old in rule.labels)
        yield Change(f"another {names.SLO_NAME}", replace(rule, labels=wrong))
    for label in dropped:
        yield Change(
            f"without label {label}", replace(rule, labels=tuple(one for one in rule.labels if one[0] != label))
        )
    for found in _sites(r'(\w+)="([^"]*)"', rule.expr):
        other = f'{found[1]}="{OTHER}"'
        yield Change(f"another {found[1]} selected", _with(rule, _put(rule.expr, found, other)))
        return


def _factor(rule: Rule) -> Iterator[Change]:
    for window, found in zip(("long", "short"), _sites(r"\(([\d.]+) \*", rule.expr), strict=False):
        for word, by in (("up", UP), ("down", DOWN)):
            other = f"({format_number(Decimal(found[1]) * by)} *"
            yield Change(f"factor of the {window} window {word}", _with(rule, _put(rule.expr, found, other)))
    constant = re.fullmatch(r"vector\(([\d.]+)\)", rule.expr)
    if constant is not None:
        yield Change("constant down", _with(rule, f"vector({format_number(Decimal(constant[1]) * DOWN)})"))


def _logic(rule: Rule) -> Iterator[Change]:
    yield from _first(rule, r"\band (ignoring|on)\b", r"or \1", "and becomes or")
    yield from _first(rule, r"\band (ignoring|on)\b", r"unless \1", "and becomes unless")
    yield from _first(rule, r"\n *or\n", "\nunless\n", "or becomes unless")


def _hold(rule: Rule) -> Iterator[Change]:
    if isinstance(rule, AlertRule) and rule.hold:
        yield Change("for twice as long", replace(rule, hold=rule.hold * 2))
        yield Change("for no time", replace(rule, hold=Decimal(0)))


def _numerator(rule: Rule) -> Iterator[Change]:
    yield from _first(rule, r"slo:sli_bad_", "slo:sli_valid_", "valid instead of bad")
    yield from _first(rule, r"_bucket\{", "_count{", "count instead of bucket")
    for said, pattern in (
        ("first value forgotten", r'(?<==~")[^"|]+\|'),
        ("last value forgotten", r'(?<==~")([^"]*)\|[^"|]+'),
    ):
        yield Change(
            said, _with(rule, re.sub(pattern, lambda found: found[1] if found.re.groups else "", rule.expr, count=1))
        )


def _denominator(rule: Rule) -> Iterator[Change]:
    above, line, _ = rule.expr.rpartition("\n/\n")
    if line:
        yield Change("not divided", _with(rule, above))
    yield from _first(rule, r"slo:sli_valid_", "slo:sli_bad_", "bad instead of valid")
    yield from _first(rule, r"/ on \((\w+)\) group_left\n", r"* on (\1) group_left\n", "multiplied instead of divided")
    yield from _first(rule, r"\b1 - ", "1 + ", "added instead of taken away")


def _severity(rule: Rule) -> Iterator[Change]:
    for label in (names.SEVERITY, names.SLO_SEVERITY):
        value = dict(rule.labels).get(label)
        if value is not None:
            other = "ticket" if value == "page" else "page"
            labels = tuple((name, other if name == label else old) for name, old in rule.labels)
            yield Change(f"{label} {other}", replace(rule, labels=labels))


def _grouping(rule: Rule) -> Iterator[Change]:
    yield from _first(rule, r" by \([^()]*\) ", "", "grouping dropped")
    yield from _first(rule, r"\bsum\b", "max", "largest instead of sum")


def _swapped(rule: Rule) -> Iterator[Change]:
    found = list(_sites(r"ratio_rate\w+", rule.expr)) if isinstance(rule, AlertRule) else []
    if len(found) > 1:
        both = _put(_put(rule.expr, found[1], found[0].group()), found[0], found[1].group())
        yield Change("long and short swapped", _with(rule, both))
        yield Change("short window forgotten", _with(rule, _put(rule.expr, found[1], found[0].group())))
        yield Change("long window forgotten", _with(rule, _put(rule.expr, found[0], found[1].group())))


def _annotation(rule: Rule) -> Iterator[Change]:
    if isinstance(rule, AlertRule):
        for key, text in rule.annotations:
            other = re.sub(r"\b(\d+)([mhd])\b", lambda found: f"{int(found[1]) + 1}{found[2]}", text, count=1)
            if other != text:
                notes = tuple((name, other if name == key else old) for name, old in rule.annotations)
                yield Change(f"{key} names another window", replace(rule, annotations=notes))
        for key in ("runbook_url", "dashboard_url"):
            kept = tuple(one for one in rule.annotations if one[0] != key)
            if kept != rule.annotations:
                yield Change(f"without {key}", replace(rule, annotations=kept))


def _divided_first(rule: Rule) -> Iterator[Change]:
    found = re.match(r"sum_over_time\(slo:sli_bad_\w+:\w+(\{[^}]*\})\[(\w+)\]\)\n/\n", rule.expr)
    if found is not None:
        mean = f"avg_over_time({names.sli_error('5m')}{found[1]}[{found[2]}])"
        yield Change("mean of ratios", _with(rule, mean))


def _offset(rule: Rule) -> Iterator[Change]:
    if isinstance(rule, AlertRule):
        yield from _first(rule, r"\}(?= [><])", f"}} offset {LATER}", "looked at late")
    else:
        yield from _first(rule, r"(?<=\])(?! offset)", f" offset {LATER}", "looked at late")


def _fallback(rule: Rule) -> Iterator[Change]:
    above, line, _ = rule.expr.rpartition("\nor\n0 * ")
    if line and "\n/\n" not in rule.expr:
        yield Change("no zero without errors", _with(rule, above))
    yield from _first(rule, r"(?s)\(max_over_time\(.*?\n  or\n  ", "", "series that are born are forgotten")


def _past(rule: Rule) -> Iterator[Change]:
    known = r"\n  and on (\(\w+, \w+\)) \((timestamp\(.+?\)) == on .*? and (.+? offset \w+)\)(?=\n)"
    yield from _first(rule, known, "", "a new target's past counts")
    yield from _first(rule, known, r"\n  and on \1 (\3)", "series that nobody scrapes any more make known")
    yield from _first(rule, known, r"\n  and on \1 (\2 and \3)", "a relabelled target's past counts")


OPERATORS: dict[str, Operator] = {
    "comparison": _comparison,
    "window": _window,
    "label": _label,
    "factor": _factor,
    "and/or": _logic,
    "for": _hold,
    "numerator": _numerator,
    "denominator": _denominator,
    "severity": _severity,
    "grouping": _grouping,
    "long/short": _swapped,
    "annotation": _annotation,
    "divided first": _divided_first,
    "offset": _offset,
    "fallback": _fallback,
    "past": _past,
}


def soonest_first(mutant: Mutant, files: Iterable[str]) -> list[str]:
    """The test files in the order in which they are likely to notice the mutant, cheap ones first."""
    last_word = {"1h": "burn-1m", "3d": "burn-10m"}.get(mutant.long, "burn-5m" if mutant.long else "")
    period = mutant.record.startswith(("slo:period", names.SLI_ERROR_PREFIX)) or mutant.record.endswith(
        (names.SAMPLED, names.OF_MONTH)
    )
    if mutant.record == "SLISeriesAbsent":
        order = ["service"]
    elif mutant.long:
        order = ["outage-10m", last_word]
    elif period and _longer_than_days(mutant.record):
        order = ["outage-10m", "recorded-2h"]
    else:
        order = ["outage-10m", "recorded-30m"]
    order += ["burn-1m", "recorded-30m", "recorded-2h", "service", "burn-5m", "burn-30m", "burn-10m"]
    ranks = {name: rank for rank, name in reversed(list(enumerate(order)))}
    return sorted(files, key=lambda name: ranks.get(name.removesuffix(".yaml"), len(order)))


def _longer_than_days(record: str) -> bool:
    word = record.removeprefix(names.SLI_ERROR_PREFIX)
    return word in (record, "month") or parse_duration(word) > 3 * UNITS["d"]
