"""The generated promtool tests as such: which cases there are, and that their numbers come from the spec."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alerts import cases, stories
from alerts.generate import FOLDER
from alerts.model import RuleFile
from alerts.subjects import subject_of
from alerts.tests_for import promtool_tests, side_by_side, step_for
from alerts.traffic import EVENTS_PER_MINUTE, InputSeries, Stretch
from slo.budget import detection_seconds, firing_ratio
from slo.load import load_windows
from slo.quantities import parse_duration
from slo.spec import LatencySLI, Spec

ROOT = Path(__file__).resolve().parents[2]
MINUTE = Decimal(60)
STANDARD = load_windows()


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    """The generated test files of the spec's rules as they are committed; the catalogue's have tests of their own."""
    paths = [path for path in (ROOT / FOLDER / "tests").glob("*.yaml") if not path.name.startswith("catalogue-")]
    return {path.name: yaml.safe_load(path.read_bytes()) for path in paths}


def expectations(files: dict[str, Any]) -> list[dict[str, Any]]:
    return [look for file in files.values() for test in file["tests"] for look in test["promql_expr_test"]]


def test_there_is_a_file_for_each_evaluation_step(files: dict[str, Any]) -> None:
    """An hour is evaluated every minute, a day every five, three days every ten."""
    assert {name: file["evaluation_interval"] for name, file in files.items()} == {
        "service.yaml": "1m",
        "burn-1m.yaml": "1m",
        "burn-5m.yaml": "5m",
        "burn-10m.yaml": "10m",
        "outage-10m.yaml": "10m",
        "recorded-30m.yaml": "30m",
        "recorded-2h.yaml": "2h",
    }


def test_every_file_tests_the_committed_rules(files: dict[str, Any]) -> None:
    """Promtool reads the rules beside the tests, and no other ones."""
    assert {tuple(file["rule_files"]) for file in files.values()} == {("../rules.yaml",)}


def test_every_burn_rate_alert_must_fire_somewhere_and_be_silent_somewhere(
    files: dict[str, Any], rules: RuleFile
) -> None:
    """For each SLO and pair of windows there is a look that expects the alert, and one that expects silence."""
    loud, silent = set(), set()
    for look in expectations(files):
        (loud if look["exp_samples"] else silent).add(look["expr"])
    for rule in rules.alerts():
        labels = dict(rule.labels)
        if "burn_rate_factor" in labels:
            parts = (
                f'alertname="{rule.alert}"',
                f'long_window="{labels["long_window"]}"',
                f'sloth_id="{labels["sloth_id"]}"',
            )
            for found in (loud, silent):
                assert any(all(part in expr for part in parts) for expr in found), (rule.alert, labels)


def test_an_alert_that_fires_is_expected_with_all_its_labels(files: dict[str, Any], rules: RuleFile) -> None:
    """What the tests expect carries severity, windows, factor and owner: a lost label fails them."""
    burn = [look for look in expectations(files) if look["exp_samples"] and 'long_window="1h"' in look["expr"]]
    assert len(burn) >= 2
    for look in burn:
        labels = look["exp_samples"][0]["labels"]
        wanted = (
            "burn_rate_factor",
            "owner",
            "severity",
            "short_window",
            "sloth_service",
            "sloth_severity",
            "sloth_slo",
        )
        assert all(f"{name}=" in labels for name in wanted)
    assert len(rules.alerts()) > len(burn)


def test_every_absence_alert_is_tested(files: dict[str, Any]) -> None:
    """Down, unwatched, one instance, each missing SLI and the watchdog are all expected to fire."""
    loud = [look["expr"] for look in expectations({"service": files["service.yaml"]}) if look["exp_samples"]]
    for alert in ("ServiceDown", "ServiceUnwatched", "InstanceDown", "Watchdog"):
        assert sum(alert in expr for expr in loud) == 1
    assert sum("SLISeriesAbsent" in expr for expr in loud) == 11


def test_only_slos_with_counters_of_their_own_share_a_timeline(spec: Spec) -> None:
    """Two SLOs on the same counters go into separate timelines, as each needs traffic of its own."""
    availability = spec.slo("availability")
    twin = subject_of(spec, replace(availability, id="twin", name="twin"))
    first, last = subject_of(spec, availability), subject_of(spec, spec.slo("ttft"))
    assert side_by_side((first, twin, last)) == ((first, last), (twin,))
    assert len(side_by_side(subject_of(spec, slo) for slo in spec.slos)) == 1


@pytest.mark.parametrize(("long", "step"), [(3600, 60), (21600, 300), (86400, 300), (259200, 600)])
def test_longer_windows_are_looked_at_less_often(spec: Spec, long: int, step: int) -> None:
    """The step follows the long window."""
    window = next(window for window in STANDARD if window.long == long)
    assert step_for(window) == step


@given(millionths=st.integers(min_value=1, max_value=999_999), pair=st.integers(min_value=0, max_value=3))
def test_the_looks_lie_on_both_sides_of_the_prediction(spec: Spec, millionths: int, pair: int) -> None:
    """For any objective, silence is asked before the predicted moment and firing within one evaluation after it."""
    slo = replace(spec.slo("availability"), objective=1 - Decimal(millionths) / 1_000_000)
    window = STANDARD[pair]
    step = step_for(window)
    story = cases.fire(subject_of(spec, slo), window, step)
    if firing_ratio(slo, window) >= 1:
        assert not any(look.samples for look in story.looks)
        return
    before, firing, *held, cleared = story.looks
    assert not cleared.samples
    assert all(look.samples and firing.at < look.at < cleared.at for look in held)
    wanted = firing_ratio(slo, window) * window.long / ((int(window.long / step / 4) + Decimal("0.5")) * step)
    predicted = detection_seconds(slo, window, min(Decimal(1), wanted.quantize(Decimal("0.000001"))))
    assert predicted is not None
    assert not before.samples
    assert before.at < window.long + predicted
    assert window.long + predicted < firing.at <= window.long + predicted + step
    assert firing.samples


def test_an_alert_out_of_reach_is_tested_to_keep_silent(spec: Spec) -> None:
    """At 90 % the fast page has no case in which it fires, and one that lasts an hour of total outage."""
    slo = replace(spec.slo("availability"), objective=Decimal("0.9"))
    files = promtool_tests(replace(spec, slos=(slo,)))
    tests = yaml.safe_load(files["burn-1m.yaml"])["tests"]
    titles = [test["name"] for test in tests]
    assert "1h and 5m: factor x error budget reaches 100 %, so that it never fires" in titles
    fast = [look for test in tests for look in test["promql_expr_test"] if "firing" in look["expr"]]
    assert all(not look["exp_samples"] for look in fast)


def test_few_bad_events_among_enough_must_fire(spec: Spec) -> None:
    """`least_events` counts valid events: in a minute with twice as many, of which fewer are bad, the alert is expected to fire."""
    slo = replace(spec.slo("availability"), least_events=60)
    story = cases.few_bad(subject_of(spec, slo), STANDARD[0], Decimal(60))
    assert story is not None
    assert [bool(look.samples) for look in story.looks] == [True]
    lenient = replace(slo, objective=Decimal("0.95"))
    assert cases.few_bad(subject_of(spec, lenient), STANDARD[0], Decimal(60)) is None


def test_a_series_forgotten_by_a_restart_comes_back_as_new(spec: Spec) -> None:
    """Its old count is five times what it has afterwards, and each short window is looked at between the restart and the birth."""
    story = stories.reborn(subject_of(spec, spec.slo("availability")))
    assert story is not None
    assert any(f"{5 * stories.BORN}x" in entry.values and f" {stories.BORN}x" in entry.values for entry in story.series)
    edge = (stories.OLD_MINUTES + stories.ABSENT_MINUTES // 2) * 60
    assert {look.at - edge for look in story.looks} >= {300, 3600}


def test_just_over_is_silent_where_one_percent_more_is_more_than_all(spec: Spec) -> None:
    """At a limit of 99.36 % one percent more than it does not exist, so nothing is expected to fire."""
    slo = replace(spec.slo("availability"), objective=Decimal("0.931"))
    assert firing_ratio(slo, STANDARD[0]) == Decimal("0.9936")
    assert not cases.just_over(subject_of(spec, slo), STANDARD[0], MINUTE).looks[0].samples


@given(millionths=st.integers(min_value=200, max_value=700_000), pair=st.integers(min_value=0, max_value=3))
def test_a_spike_spends_just_less_than_what_fires(spec: Spec, millionths: int, pair: int) -> None:
    """For any objective the spike stays one percent under the long window's limit, and is a share of events that exists."""
    slo = replace(spec.slo("availability"), objective=1 - Decimal(millionths) / 1_000_000)
    window = STANDARD[pair]
    limit = min(Decimal(1), firing_ratio(slo, window))
    good, bad = cases.spike(subject_of(spec, slo), window, step_for(window)).series
    clean, failing = bad.values.split()[1:3]
    minutes, grown = int(failing.split("x")[1]) + 1, int(failing.split("+")[1].split("x")[0])
    assert 0 <= grown <= EVENTS_PER_MINUTE
    seen = min(int(window.long / 60), int(clean.split("x")[1]) + 1 + minutes)
    assert grown * minutes <= Decimal("0.9901") * limit * EVENTS_PER_MINUTE * seen
    assert good.values != bad.values


def test_counters_of_a_ratio_are_its_good_and_bad_events(spec: Spec) -> None:
    """Good and bad counters add up minute by minute, restarts begin at zero, and idle minutes add nothing."""
    stretches = (Stretch(3, Decimal("0.25")), Stretch(2, idle=True), Stretch(2, restart=True))
    good, bad = subject_of(spec, spec.slo("availability")).series(stretches)
    assert good == InputSeries(
        'chatbot_requests_total{job="courtsight",outcome="ok"}',
        "0 750000+750000x2 2250000+0x1 1000000+1000000x1",
    )
    assert bad.values == "0 250000+250000x2 750000+0x1 0+0x1"


def test_counters_of_a_latency_are_its_edge_and_its_count(spec: Spec) -> None:
    """The edge at the limit is written as the Python client writes it, and grows by the fast events only."""
    slo = spec.slo("latency-role-judge")
    assert isinstance(slo.sli, LatencySLI)
    bucket, every, count = subject_of(spec, slo).series((Stretch(2, Decimal("0.5")),))
    assert bucket.series == 'chatbot_request_duration_seconds_bucket{job="courtsight",le="8.0",role="judge"}'
    assert bucket.values == f"0 {EVENTS_PER_MINUTE // 2}+{EVENTS_PER_MINUTE // 2}x1"
    assert every.values == count.values == f"0 {EVENTS_PER_MINUTE}+{EVENTS_PER_MINUTE}x1"
    retrieval = subject_of(spec, spec.slo("retrieval")).series((Stretch(1),))[0]
    assert 'le="0.5"' in retrieval.series


def test_every_look_falls_on_an_evaluation(files: dict[str, Any]) -> None:
    """Looks are taken at multiples of the file's step, where alerts have just been evaluated."""
    for file in files.values():
        step = parse_duration(file["evaluation_interval"])
        for test in file["tests"]:
            assert all(parse_duration(look["eval_time"]) % step == 0 for look in test["promql_expr_test"]), test["name"]
