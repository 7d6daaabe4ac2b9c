"""PromQL of the indicators."""

from __future__ import annotations

import pytest

from slo import names
from slo.load import SPECS_FOLDER, load_spec
from slo.sli import bad_events, matchers, valid_events
from slo.spec import Spec


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load_spec(SPECS_FOLDER / "courtsight.yaml")


def test_bad_answers_are_counted_by_outcome(spec: Spec) -> None:
    """Timeouts and errors are bad; what the client did wrong is not counted at all."""
    bad = 'chatbot_requests_total{job="courtsight",outcome=~"timeout|error"}'
    every = 'chatbot_requests_total{job="courtsight",outcome=~"ok|abstained|refused|timeout|error"}'
    for selector, counted in ((bad, bad_events), (every, valid_events)):
        assert counted(spec.slo("availability"), "5m") == (
            f"sum(\n  (max_over_time({selector}[5m]) unless {selector} offset 5m)\n"
            f"  and on (job, instance) (timestamp({every}) == on (job, instance) group_left max by (job, instance) (timestamp({every}))"
            f" and {every} offset 5m)\n  or\n  increase({selector}[5m])\n)"
        )
        assert counted(spec.slo("availability"), None) == f"sum({selector})"


def test_slow_answers_are_all_less_the_fast_ones(spec: Spec) -> None:
    """Bad events of a latency SLO are its count less the bucket at the threshold, however the client writes the edge."""
    assert bad_events(spec.slo("latency-role-judge"), "1h") == (
        '(sum(increase(chatbot_request_duration_seconds_count{job="courtsight",role="judge"}[1h]))'
        " - sum(increase(chatbot_request_duration_seconds_bucket"
        '{job="courtsight",role="judge",le=~"8(\\\\.0)?"}[1h])))'
    )


def test_a_broken_edge_is_matched_exactly(spec: Spec) -> None:
    """500 ms is the edge 0.5, which clients write in one way."""
    assert 'le="0.5"' in bad_events(spec.slo("retrieval"), "5m")
    assert 'stage="total"' in valid_events(spec.slo("retrieval"), "5m")


def test_counts_since_the_beginning(spec: Spec) -> None:
    """Without a range the counters' present values are summed."""
    assert valid_events(spec.slo("ttft"), None) == 'sum(chatbot_ttft_seconds_count{job="courtsight"})'


def test_no_labels_need_no_braces() -> None:
    """Empty braces are left out."""
    assert matchers(()) == ""
    assert matchers((("a", "b"),), 'c="d"') == '{a="b",c="d"}'


def test_recorded_ratios_carry_their_window() -> None:
    """The rule's name is Sloth's."""
    assert names.sli_error("5m") == "slo:sli_error:ratio_rate5m"
