"""Time slices of every kind are proven: of counters, of the age of what was last written, of the best value of a slice."""

from __future__ import annotations

import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from alerts.selectors import UnprovenError, clocked, rate_in, read_by
from alerts.subjects import subject_of
from alerts.tests_for import LONE, proof
from alerts.traffic import Gauge, Rate, Stretch
from harness.proving import CLOSED_TRIAL, has_native, passes
from slo.load import load_spec, parse_spec
from slo.spec import Spec

HEAD = """
spec: courtsight/slo/v1
service: nightly
owner: warehouse
window: 7d
selector: {job: nightly}
slos:
"""
SLO = """
  %s:
    title: Slices
    objective: 99%%
    time_slices: {slice: %s}
    alerting: {windows: [{severity: page, budget_share: 8%%, long: %s, short: %s, for: 2m}]}
"""
SLICES = (
    ("age", "5m, value: 'time() - max(max_over_time(done_timestamp_seconds[$window]))', at_most: 2h", "1h", "5m"),
    ("left", "5m, value: 'min(min_over_time(expiry[$window])) - time()', at_least: 14d", "1h", "5m"),
    ("mean", "1m, value: 'max(time() - avg_over_time(seen_timestamp_seconds[$window]))', at_most: 30s", "1h", "5m"),
    ("score", "1m, value: 'avg(avg_over_time(score[$window]))', at_least: 0.85", "1h", "30m"),
    ("best", "5m, value: 'max(max_over_time(some_up[$window]))', at_least: 1", "1h", "5m"),
    ("counted", "2m, events: {valid: rows_total, bad: 'rows_total{quality=\"bad\"}'}, at_least: 98%", "1h", "5m"),
    ("growth", "5m, value: 'sum(rate(rows_total{job=\"nightly\"}[$window]))', at_least: 100", "1h", "5m"),
    ("lost", "2m, value: 'sum(increase(rows_lost_total[$window]))', at_most: 7", "1h", "5m"),
    ("long", "20m, latency: {metric: load_seconds, threshold: 1s}, at_least: 90%", "6h", "1h"),
)


@pytest.fixture
def nightly(tmp_path: Path) -> Spec:
    """An SLO for each kind of value that a slice may have."""
    path = tmp_path / "nightly.yaml"
    path.write_text(HEAD + "".join(SLO % one for one in SLICES), encoding="utf-8")
    return load_spec(path)


def test_the_right_rules_pass_the_tests_of_slices(nightly: Spec, promtool: Path, tmp_path: Path) -> None:
    """No slice of the spec is left out, and promtool finds every alert and recorded value as the tests expect it."""
    found = proof(nightly)
    assert found.gaps == ()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules.yaml").write_bytes(rules_yaml(rule_file(nightly)))
    burning = sorted(name for name in found.files if name.startswith("burn-"))
    assert len(burning) >= 3
    for name in burning:
        (tmp_path / "tests" / name).write_bytes(found.files[name])
        done = subprocess.run(
            [promtool, "test", "rules", name], cwd=tmp_path / "tests", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (name, done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("text", "age", "moment"),
    [
        ("time() - max(x[$window])", True, " max(x[$window])"),
        ("max by (a) (time() - x)", True, " x"),
        ("(x) - time()", False, "(x) "),
    ],
)
def test_an_age_and_a_time_that_is_left_are_told_apart(text: str, age: bool, moment: str) -> None:
    """What the present is held against is found, whichever side of the minus it stands on and whatever extreme is around it."""
    assert clocked(text) == (age, moment)


@pytest.mark.parametrize("text", ["x - y", "time()", "sum(time() - x)", "max(x)"])
def test_other_expressions_hold_nothing_against_the_present(text: str) -> None:
    """A sum of ages is none."""
    assert clocked(text) is None


def test_conditions_inside_one_expression_count() -> None:
    """Two tenants of one counter read nothing of each other, though each stands in an expression; of two selectors nobody knows."""
    (one,) = read_by('sum(increase(a_total{tenant="1"}[$window]))')
    assert [matcher.value for matcher in one.matchers] == ["1"]
    (both,) = read_by('sum(increase(a_total{t="1"}[$window])) + sum(increase(a_total{t="2"}[$window]))')
    assert both.matchers == ()


def test_a_moment_goes_on_with_the_clock() -> None:
    """Fine two minutes ago and fine now: the moment moved by as much; while nothing is known it has no value, and afterwards goes on from now."""
    gauge = Gauge("done", Decimal(-10), Decimal(-100), steep=True, rising=True)
    told = gauge.told((Stretch(2), Stretch(2, gone=True), Stretch(1, Decimal(1)))).values
    assert told == "-10+60x2 _x2 200+60x0"


def test_the_best_of_a_slice_is_bad_from_the_sample_before_the_fault_on() -> None:
    """A range holds its left end: only so are all samples of the first bad slice bad. The end needs nothing."""
    gauge = Gauge("up", Decimal(2), Decimal(0), steep=True, early=True)
    assert gauge.told((Stretch(3), Stretch(2, Decimal(1)), Stretch(2))).values == "2x2 0x2 2x1"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sum(rate(a_total[$window]))", (True, Decimal(1))),
        ("60 * sum by (zone) (rate(a_total[$window])) / 2", (True, Decimal(30))),
        ("(max(increase(a_total[$window])))", (False, Decimal(1))),
        ("sum(rate(a_total[$window])) / sum(rate(b_total[$window]))", None),
        ("rate(a_total[$window]) * -1", None),
        ("max(max_over_time(a[$window]))", None),
        ("sum(rate(increase(a_total[$window])))", None),
    ],
)
def test_growth_is_told_from_other_values(text: str, found: tuple[bool, Decimal] | None) -> None:
    """A counter's rate or increase, its sum or extreme, and so many times that; a mean of two counters is none."""
    read = rate_in(text)
    assert (None if read is None else read[1:]) == found


def test_growth_has_no_slice_that_is_low_because_it_is_short() -> None:
    """Where growth shall be high, a counter that is seen for the first time, or about to vanish, has grown as much as in a whole slice."""
    counter = Rate("rows", Decimal(10), Decimal(4), lead=5)
    told = counter.told((Stretch(3), Stretch(2, Decimal(1)), Stretch(2), Stretch(4, gone=True), Stretch(4))).values
    assert told == "0 50+50x0 60+10x1 74+4x1 88+10x0 138+50x0 _x4 188+50x1 248+10x0 298+50x0"
    assert counter.told((Stretch(2, idle=True), Stretch(2, Decimal(1)))).values == "_ _x2 10004+4x1"
    assert Rate("lost", Decimal(0), Decimal(2)).told((Stretch(2), Stretch(2, Decimal(1)))).values == "0 0+0x1 2+2x1"


@pytest.mark.parametrize(
    ("limit", "said"), [("at_least: 0", "every slice is good"), ("at_most: -1", "every slice is bad")]
)
def test_a_limit_on_growth_that_nothing_can_cross_says_so(limit: str, said: str) -> None:
    """A counter grows by nothing at least: what no counter can do is no proof."""
    entry = SLO % ("pace", f"5m, value: 'sum(rate(rows_total[$window]))', {limit}", "1h", "5m")
    (gap,) = proof(parse_spec((HEAD + entry).encode(), "pace.yaml")).gaps
    assert said in gap.reason


def test_what_cannot_be_made_up_says_what_to_do() -> None:
    """A value of two counters names the way out: a recording rule."""
    text = "sum(rate(a_total[$window])) / sum(rate(b_total[$window]))"
    spec = parse_spec((HEAD + SLO % ("pace", f"5m, value: '{text}', at_least: 100", "1h", "5m")).encode(), "pace.yaml")
    with pytest.raises(UnprovenError, match="record it by a rule of your own"):
        subject_of(spec, spec.slo("pace"))


@pytest.mark.parametrize(
    ("slice_", "closed", "found"),
    [("30s", True, True), ("1m", True, False), ("1m", False, True), ("2m", False, False)],
)
def test_slices_that_hold_one_sample_are_no_failure_of_the_rules(slice_: str, closed: bool, found: bool) -> None:
    """Over counters two samples are needed, and they are made up a minute apart: what cannot be proven is told, also of a composite of it, with what can."""
    entries = SLO % (
        "counted",
        slice_ + ", events: {valid: a_total, bad: 'a_total{ok=\"no\"}'}, at_least: 98%",
        "1h",
        "5m",
    )
    entries += "  whole: {title: Whole, objective: 99%, composite: {components: {counted: 1}}}\n"
    gaps = proof(parse_spec((HEAD + entries).encode(), "nightly.yaml"), closed=closed).gaps
    assert [(gap.slo.id, gap.reason) for gap in gaps] == [(name, LONE) for name in ("counted", "whole") if found]


def test_what_a_promtool_can_is_found_out_by_what_it_counts(promtool: Path) -> None:
    """A range of a minute holds two samples to Prometheus 2, and one to Prometheus 3: exactly one of the two trials passes."""
    other = CLOSED_TRIAL.replace(b"value: 2}", b"value: 1}")
    assert passes(promtool, CLOSED_TRIAL) is not passes(promtool, other)


def test_a_native_histogram_behind_slices_is_one() -> None:
    """Whether the promtool reads them is asked for slices of them, too."""
    entries = SLO % (
        "quick",
        "5m, latency: {metric: load_seconds, threshold: 1s, native: true}, at_least: 90%",
        "1h",
        "5m",
    )
    assert has_native(parse_spec((HEAD + entries).encode(), "nightly.yaml"))
    assert not has_native(parse_spec((HEAD + entries.replace(", native: true", "")).encode(), "nightly.yaml"))


def test_a_single_failure_is_no_small_thing_to_a_composite_of_slices() -> None:
    """It makes a whole slice bad: only composites that weigh events alone are looked at after one failure in little traffic."""
    entries = SLO % ("slices", "5m, value: 'max(max_over_time(age_seconds[$window]))', at_most: 1h", "1h", "5m")
    counted = (
        "  {}:\n    title: Counted\n    objective: 99%\n    events: {{valid: {}_total, bad: '{}_total{{ok=\"no\"}}'}}\n"
    )
    entries += counted.format("one", "one", "one") + counted.format("two", "two", "two")
    for name, parts in (("mixed", "{slices: 1, one: 2}"), ("even", "{one: 1, two: 1}")):
        entries += f"  {name}:\n    title: Whole\n    objective: 99%\n    composite: {{components: {parts}}}\n"
    spec = parse_spec((HEAD + entries).encode(), "nightly.yaml")
    told = {name: b"".join(proof(spec, only=[name]).files.values()) for name in ("mixed", "even")}
    assert {name: b"one failure in little traffic" in text for name, text in told.items()} == {
        "mixed": False,
        "even": True,
    }
