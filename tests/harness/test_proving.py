"""`courtsight prove`: the table that it prints, and each of its gates turned red once."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from alerts.emit import rules_yaml
from alerts.model import RuleFile
from alerts.mutation import Mutant
from alerts.tests_for import proof
from harness import mutating, proving
from harness.cli import main
from harness.mutating import Score, Trial, chosen, load_equivalents, mutation_score, score_of, trials
from harness.proving import Table, failures, lines
from harness.tools import find_tools
from slo.errors import InvalidInput
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Spec
from tests.shop import ONE_PAIR, ORDERS, shop

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def promtool() -> Path:
    """Prometheus' promtool."""
    found = find_tools(ROOT).promtool
    assert found is not None, "promtool is missing: run make setup"
    return found


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A spec of one alert, so that its proof is short."""
    path = tmp_path / "shop.yaml"
    path.write_text(shop(ORDERS + ONE_PAIR), encoding="utf-8")
    return path


@pytest.fixture
def pretended(tmp_path: Path) -> Callable[[str], Path]:
    """A promtool that does as a shell script says."""

    def made(script: str) -> Path:
        path = tmp_path / "promtool"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return made


def table_of(spec: Spec, said: str | None) -> Table:
    table = Table()
    for content in proof(spec).files.values():
        table.add(yaml.load(content, yaml.CSafeLoader), frozenset() if said is None else failures(said))
    return table


def test_every_alert_of_the_spec_has_a_row_that_fired_and_kept_silent() -> None:
    """Each burn-rate alert is looked at where it must fire and where it must not."""
    whole = load_spec(SPECS_FOLDER / "proof.yaml")
    ids = ("answered", "in-time", "regional", "fresh", "whole")
    table = table_of(replace(whole, slos=tuple(map(whole.slo, ids))), None)
    for name in ("AnsweredBudgetBurnPage", "RegionalBudgetBurnTicket", "WholeBudgetBurnPage", "FreshBudgetBurnPage"):
        row = table.rows[name]
        assert row.good
        assert row.should_fire >= 3
        assert row.should_be_silent >= 10


def test_a_failed_look_is_charged_to_its_alert(short: Path) -> None:
    """What promtool names as failed shows in the row of that alert and in no other."""
    spec = load_spec(short)
    (expr, at) = next(
        (look["expr"], look["eval_time"])
        for content in proof(spec).files.values()
        for test in yaml.load(content, yaml.CSafeLoader)["tests"]
        for look in test["promql_expr_test"]
        if "OrdersBudgetBurnPage" in look["expr"] and look["exp_samples"]
    )
    table = table_of(spec, f"FAILED:\n    expr: {json.dumps(expr)}, time: {at},\n")
    row = table.rows["OrdersBudgetBurnPage"]
    assert row.fired < row.should_fire
    assert table.rows["Watchdog"].good
    assert any(line.startswith("OrdersBudgetBurnPage") and line.endswith("FAIL") for line in lines(table, (), None))


def test_a_file_that_fails_without_a_word_proves_nothing(short: Path) -> None:
    """Where promtool does not say what failed, none of the file's looks counts as held."""
    table = table_of(load_spec(short), "panic: out of disk")
    assert table.rows
    assert all(row.fired == row.silent == 0 for row in table.rows.values())


def test_native_histograms_are_named_as_not_proven(pretended: Callable[[str], Path]) -> None:
    """A promtool that refuses native histograms is found out by trying; one that reads them gets their tests."""
    shop = load_spec(SPECS_FOLDER / "examples" / "shop.yaml")
    shop = replace(shop, slos=(shop.slo("search"),))
    assert proving.has_native(shop)
    assert not proving.passes(pretended("exit 1"), proving.NATIVE_TRIAL)
    assert proving.passes(pretended("exit 0"), proving.NATIVE_TRIAL)
    assert [gap.slo.id for gap in proof(shop).gaps] == ["search"]
    assert not proof(shop, native=True).gaps
    assert b"{{schema:0 count:" in proof(shop, native=True).files["burn-1m.yaml"]


def test_an_expression_that_cannot_be_read_is_named_with_the_reason(short: Path) -> None:
    """Its SLO is not proven, and the table says why."""
    text = short.read_text(encoding="utf-8")
    raw = text.replace(
        'ratio: {metric: orders_total, label: code, good: ["200"], bad: ["500"]}',
        "raw: {error_ratio: 'avg(quantile_over_time(0.5, x[$window])) * 2'}",
    )
    short.write_text(raw, encoding="utf-8")
    gaps = proof(load_spec(short)).gaps
    assert "neither a quotient of two counters nor the mean of one gauge" in gaps[0].reason
    assert "not proven: orders: its error ratio" in "\n".join(lines(Table(), gaps, None))


def test_a_promtool_that_notices_nothing_leaves_survivors(short: Path, pretended: Callable[[str], Path]) -> None:
    """Where every broken rule passes, the score is zero and each mutant is named."""
    score = mutation_score(load_spec(short), pretended("exit 0"), {}, lambda *_: None, every=25)
    assert score.ratio == 0
    assert not score.good
    assert len(score.survivors) == score.counted > 3
    assert any(line.startswith("survived: orders/") for line in lines(Table(), (), score))


def test_tests_that_fail_on_the_right_rules_notice_nothing(short: Path, pretended: Callable[[str], Path]) -> None:
    """A promtool that refuses everything would notice every mutant; the right rules are tried first, and the score is void."""
    score = mutation_score(load_spec(short), pretended("echo no; exit 1"), {}, lambda *_: None)
    assert score.broken == {"orders": "no" * len(proof(load_spec(short)).files)}
    assert score.ratio == 0
    assert not score.good


def test_a_stale_equivalent_is_an_error(short: Path) -> None:
    """A name that no mutant bears fails the score, and so does one that a test notices after all; an honest one is not counted."""
    (trial,) = trials(load_spec(short))
    tried = list(trial.mutants())
    first, second = tried[0].name, tried[1].name
    listed = {first: "it does the same", second: "so it seemed", "orders/nothing": "it never was"}
    score = score_of(tried, [first], listed, {}, whole=True)
    assert score.stale == (second, "orders/nothing")
    assert score.ratio == 1
    assert not score.good
    honest = score_of(tried, [first], {first: listed[first]}, {}, whole=True)
    assert honest.good
    assert honest.counted == len(tried) - 1
    assert score_of(tried[:1], [first], listed, {}, whole=False).stale == ()


def test_an_equivalent_without_a_reason_is_refused(tmp_path: Path) -> None:
    """Nobody can take a mutant out of the score without saying why."""
    path = tmp_path / "equivalents.yaml"
    path.write_text("equivalents: {a/b: ' '}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="no reason"):
        load_equivalents(path)


def test_the_choice_of_mutants_leaves_out_no_rule_and_no_operator() -> None:
    """More than 300, the same each time whatever their order; of each rule two operators where two apply, and each operator of each SLO."""
    whole = [(trial, one) for trial in trials(load_spec(ROOT / proving.PROOF_SPEC)) for one in trial.mutants()]
    taken = chosen(whole, mutating.MUTANTS)
    assert len(taken) == mutating.MUTANTS > 300
    assert taken == chosen(reversed(whole), mutating.MUTANTS)
    assert {(trial.slo.id, one.operator) for trial, one in taken} == {
        (trial.slo.id, one.operator) for trial, one in whole
    }

    def operators(pairs: list[tuple[Trial, Mutant]]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for _, one in pairs:
            found.setdefault(one.name.rsplit("/", 1)[0], set()).add(one.operator)
        return found

    have = operators(taken)
    assert all(len(have[rule]) >= min(2, len(found)) for rule, found in operators(whole).items())


def test_no_mutants_prove_nothing() -> None:
    """A score without any mutant is zero, not full."""
    assert Score({}, (), {}, (), {}).ratio == 0


@pytest.mark.integration
def test_prove_is_green_for_a_spec_and_red_for_a_broken_case(
    short: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way with promtool: fine for the right rules; with a wrong factor in the rules, red, and the alert is named."""
    assert main(["prove", "--spec", str(short), "--no-mutants", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert all(row["good"] for row in told["alerts"])

    def wrong(rules: RuleFile) -> bytes:
        return rules_yaml(rules).replace(b"(13.44 * 0.01)", b"(15 * 0.01)")

    monkeypatch.setattr(proving, "rules_yaml", wrong)
    assert main(["prove", "--spec", str(short), "--no-mutants", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert "OrdersBudgetBurnPage" in [row["alert"] for row in told["alerts"] if not row["good"]]


@pytest.mark.integration
def test_mutants_of_a_short_spec_are_noticed(short: Path, promtool: Path) -> None:
    """A sample of broken rules, tried with promtool itself: all of them are noticed."""
    score = mutation_score(load_spec(short), promtool, {}, lambda *_: None, every=12)
    assert score.survivors == ()
    assert score.good
    assert mutating.LEAST_SCORE == 0.95
