"""Mutants of the proof spec's rules: enough of them, of every operator, each with a name of its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from alerts.focus import files_for, focused, standing_on
from alerts.model import AlertRule
from alerts.mutation import OPERATORS, Mutant, mutants, soonest_first
from alerts.rules import rule_file
from alerts.tests_for import proof
from harness.mutating import load_equivalents
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import CompositeSLI, EventsSLI, LatencySLI, RatioSLI, RawSLI, Spec, TimeSliceSLI


@pytest.fixture(scope="module")
def proof_spec() -> Spec:
    """The spec whose rules are broken."""
    return load_spec(SPECS_FOLDER / "proof.yaml")


@pytest.fixture(scope="module")
def broken(proof_spec: Spec) -> tuple[Mutant, ...]:
    """Every mutant of it."""
    rules = rule_file(proof_spec)
    return tuple(one for slo in proof_spec.slos for one in mutants(rules, slo.id))


def test_every_kind_of_sli_is_broken(proof_spec: Spec) -> None:
    """The proof spec holds each kind, groups, a calendar month, a guard, and objectives with derived windows."""
    kinds = {type(slo.sli) for slo in proof_spec.slos}
    assert kinds == {RatioSLI, LatencySLI, EventsSLI, RawSLI, TimeSliceSLI, CompositeSLI}
    assert any(slo.group_by for slo in proof_spec.slos)
    assert any(slo.calendar for slo in proof_spec.slos)
    assert any(slo.least_events for slo in proof_spec.slos)
    events = [slo.sli for slo in proof_spec.slos if isinstance(slo.sli, EventsSLI)]
    assert any(sli.bad for sli in events)
    assert any(sli.good for sli in events)
    assert min(slo.objective for slo in proof_spec.slos) <= 0.8


def test_there_are_many_mutants_of_every_operator(broken: tuple[Mutant, ...]) -> None:
    """At least 300 mutants of at least eight operators; none of the operators is idle."""
    assert len(broken) >= 300
    assert set(Counter(one.operator for one in broken)) == set(OPERATORS)
    assert len(OPERATORS) >= 8


@pytest.mark.parametrize(
    "change",
    [
        "series that are born are forgotten",
        "a new target's past counts",
        "a relabelled target's past counts",
        "series that nobody scrapes any more make known",
    ],
)
def test_what_births_count_is_broken_wherever_they_do(broken: tuple[Mutant, ...], change: str) -> None:
    """A pattern that a rule has outgrown breaks nothing without a word; these find every rule that counts births."""
    born = {
        (one.name.split("/")[0], one.record, one.long)
        for one in broken
        if "unless" in one.rule.expr and one.operator == "offset"
    }
    wanted = {one for one in born if one[1] != "SLISeriesAbsent"}
    assert {(one.name.split("/")[0], one.record, one.long) for one in broken if f"/{change} " in one.name} == wanted
    assert all(one.rule.expr.count("(") == one.rule.expr.count(")") for one in broken if f"/{change} " in one.name)


def test_every_rule_of_every_slo_is_broken(proof_spec: Spec, broken: tuple[Mutant, ...]) -> None:
    """No alert and no recording rule is left out."""
    rules = [rule for rule in rule_file(proof_spec).rules() if dict(rule.labels).get("sloth_slo")]
    wanted = {
        (dict(rule.labels)["sloth_slo"], rule.alert if isinstance(rule, AlertRule) else rule.record) for rule in rules
    }
    assert {(one.name.split("/")[0], one.record) for one in broken} == wanted


def test_a_mutant_differs_in_one_rule_and_has_a_name_of_its_own(proof_spec: Spec, broken: tuple[Mutant, ...]) -> None:
    """All other rules stay as they are, and the list of equivalents can name each."""
    right = list(rule_file(proof_spec).rules())
    assert len({one.name for one in broken}) == len(broken)
    for one in broken[::37]:
        pairs = zip(right, one.rules.rules(), strict=True)
        assert sum(old != new for old, new in pairs) == 1, one.name


def test_a_wrong_rule_stands_on_few_others(broken: tuple[Mutant, ...]) -> None:
    """Beside an alert stand the series that it reads and what these read, and nothing else."""
    one = next(found for found in broken if found.long == "3d" and found.name.startswith("answered/"))
    kept = list(standing_on(one).rules())
    assert one.rule in kept
    assert len(kept) <= 6


def test_a_look_at_every_ratio_belongs_to_each(proof_spec: Spec, broken: tuple[Mutant, ...]) -> None:
    """Before the first event no ratio is there: a ratio that is divided by nothing is looked for there, beside few rules."""
    name = "fresh/slo:sli_error:ratio_rate1d/division by zero allowed 1"
    one = next(found for found in broken if found.name == name)
    files = {file: yaml.safe_load(content) for file, content in proof(proof_spec, only=["fresh"]).files.items()}
    assert "burn-1m.yaml" in set(files_for(one, files))
    part = focused(one, files, "burn-1m.yaml")
    assert part is not None
    tests = {test["name"]: test["promql_expr_test"] for test in yaml.safe_load(part[0])["tests"]}
    empty = [look for look in tests["no traffic: ratios are empty, nothing fires"] if not look["exp_samples"]]
    assert any("ratio_rate.*" in look["expr"] for look in empty)


def test_likely_tests_come_first(broken: tuple[Mutant, ...]) -> None:
    """A missing series is looked for in the service's tests, a window's alert in those of its step."""
    files = ("burn-1m.yaml", "service.yaml", "outage-10m.yaml", "burn-10m.yaml")
    absent = next(one for one in broken if one.record == "SLISeriesAbsent")
    assert soonest_first(absent, files)[0] == "service.yaml"
    slow = next(one for one in broken if one.long == "3d")
    assert soonest_first(slow, files)[:2] == ["outage-10m.yaml", "burn-10m.yaml"]


def test_equivalents_name_mutants_that_exist(broken: tuple[Mutant, ...]) -> None:
    """A listed name that no mutant bears is stale."""
    listed = load_equivalents(Path(__file__).resolve().parents[2] / "alerts" / "equivalents.yaml")
    assert set(listed) <= {one.name for one in broken}
