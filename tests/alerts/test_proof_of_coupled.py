"""Composites whose components read the same series are proven: what is told is what each of them sees."""

from __future__ import annotations

import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from alerts.coupled import Coupling
from alerts.emit import rules_yaml
from alerts.rules import rule_file
from alerts.subjects import Subject, subject_of
from alerts.tests_for import proof
from alerts.traffic import Counter, NativeHistogram, Rate, Stretch
from slo.load import parse_spec
from slo.spec import Spec

HEAD = """
spec: courtsight/slo/v1
service: depot
owner: depot-team
window: 7d
selector: {job: depot}
slos:
"""
SLICE = "time_slices: {slice: 5m, value: '%s', %s}"
KINDS = {
    "answered": 'ratio: {metric: calls_total, label: code, good: ["2..", "4.."], bad: ["5.."]}',
    "clean": "events: {valid: calls_total, bad: 'calls_total{code=~\"4..\"}'}",
    "paid": 'events: {valid: \'calls_total{path="/pay"}\', bad: \'calls_total{path="/pay",code=~"4..|5.."}\'}',
    "fast": "latency: {metric: call_seconds, threshold: 300ms}",
    "fast-pay": "latency: {metric: call_seconds, threshold: 1s, where: {path: /pay}}",
    "served": "events: {valid: call_seconds_count, bad: 'call_seconds_count{code=~\"5..\"}'}",
    "share": "raw: {error_ratio: 'sum(rate(failed_total[$window])) / sum(rate(calls_total[$window]))'}",
    "not-warm": SLICE % ("max(max_over_time(room_celsius[$window]))", "at_most: 8"),
    "not-hot": SLICE % ("avg(avg_over_time(room_celsius[$window]))", "at_most: 12"),
    "not-frozen": SLICE % ("min(min_over_time(room_celsius[$window]))", "at_least: 2"),
    "reached": "raw: {error_ratio: '1 - avg(avg_over_time(probe_success[$window]))'}",
    "down": "raw: {error_ratio: 'avg(avg_over_time(probe_success[$window]))'}",
    "up": SLICE % ("min(min_over_time(probe_success[$window]))", "at_least: 1"),
    "pace": SLICE % ("sum(rate(calls_total[$window]))", "at_least: 100"),
    "few-failed": SLICE % ("sum(increase(failed_total[$window]))", "at_most: 10"),
    "near": "latency: {metric: hop_seconds, threshold: 20ms, native: true}",
    "far": "latency: {metric: hop_seconds, threshold: 100ms, native: true}",
}
WINDOWS = "    alerting: {windows: [{severity: page, budget_share: 8%, long: 1h, short: 5m, for: 2m}]}\n"


def depot(components: str, more: str = "") -> Spec:
    """A spec of one composite, and of the SLOs that stand in it."""
    named = [name for name in KINDS if re.search(rf"\b{name}:", components + more)]
    slos = "".join(f"  {name}:\n    title: One\n    objective: 99%\n    {KINDS[name]}\n{WINDOWS}" for name in named)
    whole = f"  whole:\n    title: All\n    objective: 99%\n    composite: {{components: {{{components}}}}}\n{WINDOWS}"
    return parse_spec((HEAD + slos + more + whole).encode(), "depot.yaml")


def coupled(components: str) -> tuple[Subject, Coupling]:
    spec = depot(components)
    subject = subject_of(spec, spec.slo("whole"))
    assert subject.coupling is not None
    return subject, subject.coupling


@pytest.mark.parametrize(
    "components",
    [
        "answered: 3, paid: 1",
        "fast: 1, fast-pay: 2",
        "fast: 1, served: 2",
        "answered: 1, paid: 1, fast: 1, served: 1, fast-pay: 2",
        "share: 1, paid: 1",
        "not-warm: 1, not-hot: 1",
        "reached: 1, up: 1",
        "share: 1, few-failed: 3",
    ],
)
def test_components_that_can_fail_at_once_all_see_the_same_error_ratio(components: str) -> None:
    """Each of them sees what is told, whoever brings the series; none of them is spared."""
    subject, coupling = coupled(components)
    assert subject.reach == 1
    told = (Stretch(5), Stretch(5, Decimal("0.3")))
    whole = Coupling(coupling.leaves, (coupling.sources,), coupling.fails)
    for number in range(len(coupling.leaves)):
        good, bad = whole.seen(number, told)
        assert (good.error_ratio, good.bad, bad.error_ratio > 0) == (0, 0, True)
        assert not whole.leaves[number].eyes or bad.error_ratio == Decimal("0.3")
        assert bad.valid > 0


@pytest.mark.parametrize(
    ("components", "fails", "reach"),
    [
        ("answered: 3, clean: 1", (True, False), "0.75"),
        ("answered: 1, clean: 4", (False, True), "0.8"),
        ("not-warm: 1, not-frozen: 3", (False, True), "0.75"),
        ("answered: 1, pace: 4", (False, True), "0.8"),
    ],
)
def test_what_cannot_fail_at_once_reaches_as_far_as_what_weighs_most(
    components: str, fails: tuple[bool, ...], reach: str
) -> None:
    """Too cold and too warm, or 4.. and 5.., exclude each other: the other one stays good and has traffic, and the whole reaches no further."""
    subject, coupling = coupled(components)
    assert coupling.fails == fails
    assert subject.reach == Decimal(reach)
    (window,) = subject.slo.windows
    assert subject.limit(window) == subject.slo.error_budget * Decimal("13.44") / Decimal(reach)


def test_components_fail_in_measures_of_their_own_where_they_have_series_of_their_own() -> None:
    """For the recorded values the first has all errors, the others half of them; of what the first sees of the others it sees these too."""
    _, coupling = coupled("answered: 3, paid: 1")
    (answered,), (paid,) = (coupling.seen(number, (Stretch(5, Decimal("0.2")),)) for number in (0, 1))
    assert paid.error_ratio == Decimal("0.1")
    assert answered.error_ratio == Decimal("0.15")
    assert answered.valid == 2 * paid.valid


def test_a_histogram_has_every_bucket_that_somebody_reads() -> None:
    """Two thresholds of one histogram are two buckets of the same series; slow events are in neither."""
    subject, _ = coupled("fast: 1, fast-pay: 2")
    edges = [source.series for source in subject.sources if isinstance(source, Counter) and 'le="0.3"' in source.series]
    assert edges == [
        series.replace('"1.0"', '"0.3"') for series in (one.series for one in subject.sources) if '"1.0"' in series
    ]


def test_native_histograms_of_two_thresholds_have_bad_events_over_both() -> None:
    """Good events lie under the lower one, bad ones over the higher: six buckets between them, and those between the thresholds."""
    subject, _ = coupled("near: 1, far: 1")
    assert subject.sources == (NativeHistogram('hop_seconds{job="depot"}', -5, 2),)
    assert subject.series((Stretch(1, Decimal("0.5")),))[0].values.endswith("buckets:[500000 0 0 0 0 0 0 0 500000]}}x0")


def test_growth_that_others_bring_in_needs_none_of_its_own() -> None:
    """Few errors are looked at by their share and by their number: the same errors make both bad."""
    _, coupling = coupled("share: 1, few-failed: 3")
    assert coupling.awake
    assert not any(isinstance(source, Rate) for source in coupling.sources)


def test_what_never_can_be_good_is_named_with_the_reason() -> None:
    """Where what is good to one component is bad to the other, no traffic keeps the composite silent: nothing can be proven of it."""
    (gap,) = proof(depot("reached: 1, down: 1"), only=["whole"]).gaps
    assert "the composite never is good; take one of them out" in gap.reason


def test_components_of_components_are_told_once() -> None:
    """An SLO that stands in a composite and in that one's component weighs the sum of both."""
    inner = "  inner: {title: In, objective: 99%, composite: {components: {answered: 1, fast: 1}}}\n"
    spec = depot("inner: 1, answered: 1", inner)
    coupling = subject_of(spec, spec.slo("whole")).coupling
    assert coupling is not None
    assert {leaf.id: leaf.weight for leaf in coupling.leaves} == {"answered": Decimal("0.75"), "fast": Decimal("0.25")}


@pytest.mark.parametrize(
    "components",
    ["answered: 3, clean: 1", "fast: 1, served: 2", "not-warm: 1, not-frozen: 3", "share: 1, few-failed: 3"],
)
def test_the_right_rules_pass_the_tests_of_coupled_composites(components: str, promtool: Path, tmp_path: Path) -> None:
    """Promtool finds every alert and recorded value of such composites as the tests expect it."""
    spec = depot(components)
    found = proof(spec, only=["whole"])
    assert found.gaps == ()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules.yaml").write_bytes(rules_yaml(rule_file(spec)))
    for name in ("recorded-30m.yaml", "outage-10m.yaml", "burn-1m.yaml"):
        (tmp_path / "tests" / name).write_bytes(found.files[name])
        done = subprocess.run(
            [promtool, "test", "rules", name], cwd=tmp_path / "tests", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (name, done.stdout + done.stderr)
