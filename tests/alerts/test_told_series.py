"""The traffic that generated tests make up: what the counters, histograms and gauges of a subject say of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alerts.subjects import INSTANCES, subject_of
from alerts.traffic import EVENTS_PER_MINUTE, Gauge, InputSeries, Stretch, scattered
from slo import names
from slo.spec import LatencySLI, Spec


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


def test_a_gauge_is_nan_while_nothing_happens_and_gone_with_its_target() -> None:
    """Idle minutes leave NaN, as the quantile of nothing does; without a target there is no sample at all."""
    gauge = Gauge("age", Decimal(0), Decimal(1))
    stretches = (Stretch(2, idle=True), Stretch(3, gone=True), Stretch(1, Decimal("0.5")))
    assert gauge.told(stretches).values == "NaN+0x2 _x3 0.5x0"


@given(
    bad=st.integers(min_value=0, max_value=5_000),
    good=st.integers(min_value=0, max_value=5_000_000),
    parts=st.integers(min_value=2, max_value=4),
)
def test_scattered_traffic_is_the_same_traffic(bad: int, good: int, parts: int) -> None:
    """Over any number of instances as many events are bad, and as many valid, as without; whoever has no event adds none."""
    whole = Stretch(3, Decimal(bad) / (bad + good) if bad else Decimal(0), events=bad + good)
    shares = [own for (own,) in scattered((whole,), parts)]
    assert sum(own.bad for own in shares) == whole.bad == bad
    assert sum(own.valid for own in shares) == whole.valid
    idle = Stretch(2, idle=True)
    assert scattered((idle,), parts) == ((idle,),) * parts


def test_native_histograms_stand_on_every_instance_too(spec: Spec) -> None:
    """Each instance has a histogram of its own: no two are one series, of which all but one would be left out."""
    classic = spec.slo("ttft")
    assert isinstance(classic.sli, LatencySLI)
    subject = subject_of(spec, replace(classic, sli=replace(classic.sli, native=True)))
    told = subject.everywhere((Stretch(10, Decimal("0.25"), events=600),))
    assert len(told) == INSTANCES
    last = [entry.values.split("+")[0].rsplit("count:", 1)[1].split()[0] for entry in told]
    assert sum(map(int, last)) == 600


def test_an_sli_that_asks_for_instances_gets_none_of_ours(spec: Spec) -> None:
    """Where a selector or a group is about the instance, the traffic is that of one series, as it was asked for."""
    slo = replace(spec.slo("availability"), group_by=(names.INSTANCE,))
    assert not subject_of(spec, slo).parts
    assert subject_of(spec, replace(slo, group_by=())).parts
