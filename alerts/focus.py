"""The part of an SLO's tests that is likely to notice one wrong rule, beside only the rules that it stands on.

A mutant that this part notices would be noticed by the whole tests as well; one that it does not is tried by all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from alerts.emit import to_yaml
from alerts.model import AlertRule, RecordingRule, Rule, RuleFile
from alerts.mutation import Mutant
from slo import names

Document = Mapping[str, Any]
_SERIES = re.compile(r"([a-z_]+:[a-z_0-9:]+)\{" + names.SLO_ID + r'="([^"]+)"')


def focused(mutant: Mutant, files: Mapping[str, Document], name: str) -> tuple[bytes, RuleFile] | None:
    """The tests of one file that look at the wrong rule, and the rules that matter to them; None where there are none."""
    document = files[name]
    tests = [found for test in document["tests"] if (found := _looking_at(mutant, test)) is not None]
    if not tests:
        return None
    return to_yaml({**document, "tests": tests}, mutant.rules.service), standing_on(mutant)


def standing_on(mutant: Mutant) -> RuleFile:
    """The wrong rule, and every rule whose series it reads, directly or not."""
    by_series: dict[tuple[str, str], list[RecordingRule]] = {}
    for rule in mutant.rules.recordings():
        by_series.setdefault((rule.record, dict(rule.labels).get(names.SLO_ID, "")), []).append(rule)
    kept: set[Rule] = {mutant.rule}
    waiting = [mutant.rule.expr]
    while waiting:
        for record, slo in _SERIES.findall(waiting.pop()):
            for rule in by_series.get((record, slo), ()):
                if rule not in kept:
                    kept.add(rule)
                    waiting.append(rule.expr)
    groups = (
        replace(group, rules=tuple(rule for rule in group.rules if rule in kept)) for group in mutant.rules.groups
    )
    return RuleFile(mutant.rules.service, tuple(group for group in groups if group.rules))


def _looking_at(mutant: Mutant, test: Document) -> dict[str, Any] | None:
    mark = f'long_window="{mutant.long}"' if isinstance(mutant.rule, AlertRule) else mutant.record + "{"
    if isinstance(mutant.rule, AlertRule) and not (
        mutant.long and test.get("name", "").startswith(f"{mutant.long} and ")
    ):
        return None
    looks = [look for look in test["promql_expr_test"] if mark in look["expr"] or _at_all_ratios(mutant, look)]
    if isinstance(mutant.rule, RecordingRule):
        looks = [look for look in looks if not _others(look["expr"], mutant.record)]
    return {**test, "alert_rule_test": [], "promql_expr_test": looks} if looks else None


def _at_all_ratios(mutant: Mutant, look: Mapping[str, Any]) -> bool:
    return mutant.record.startswith(names.SLI_ERROR_PREFIX) and names.SLI_ERROR_PREFIX + ".*" in look["expr"]


def _others(expr: str, record: str) -> bool:
    return any(found != record for found in re.findall(r"[a-z_]+:[a-z_0-9:]+(?=\{)", expr))


def files_for(mutant: Mutant, files: Mapping[str, Document]) -> Iterator[str]:
    """Files in which to look first for a mutant of its kind."""
    if isinstance(mutant.rule, RecordingRule):
        yield from (name for name in ("recorded-30m.yaml", "recorded-2h.yaml", "burn-1m.yaml") if name in files)
    elif mutant.long:
        yield from (name for name in files if name.startswith("burn-"))
