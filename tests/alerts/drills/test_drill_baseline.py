"""The synthetic baseline: under live labels, exact, and readable."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from alerts.drills.baseline import Counter, Warmth, moments, openmetrics, warmths, write_blocks
from slo.spec import SLO, Spec
from target.errors import StackError

INSTANCE = "127.0.0.1:8000"
PAGE = """\
# TYPE chatbot_requests_total counter
chatbot_requests_total{role="judge",complexity="simple",outcome="ok"} 3.0
chatbot_requests_total{role="judge",complexity="simple",outcome="error"} 0.0
chatbot_requests_total{role="judge",complexity="simple",outcome="client_error"} 7.0
chatbot_requests_total{role="public",complexity="simple",outcome="ok"} 0.0
chatbot_requests_total{role="public",complexity="simple",outcome="error"} 0.0
# TYPE chatbot_ttft_seconds histogram
chatbot_ttft_seconds_bucket{role="judge",le="2.0"} 1.0
chatbot_ttft_seconds_bucket{role="judge",le="+Inf"} 1.0
chatbot_ttft_seconds_count{role="judge"} 1.0
chatbot_ttft_seconds_sum{role="judge"} 0.5
"""


@pytest.fixture
def availability(spec: Spec) -> SLO:
    return spec.slo("availability")


def warmed(*slos: SLO, page: str = PAGE) -> tuple[Warmth, ...]:
    return warmths(page, slos, INSTANCE)


def baseline(*slos: SLO, length: float = 300.0) -> list[str]:
    written = openmetrics(
        warmed(*slos), {"job": "courtsight"}, [INSTANCE], end=10_000.0, length=length, rate=10.0, scale=60
    )
    return list(written)


def test_the_labels_are_those_of_the_live_series(availability: SLO) -> None:
    """Each valid series of the service's own page appears with what scraping adds; events that are not valid stay away."""
    (warm,) = warmed(availability)
    assert {(counter.labels["role"], counter.labels["outcome"]) for counter in warm.counters} == {
        ("judge", "ok"), ("judge", "error"), ("public", "ok"), ("public", "error"),
    }  # fmt: skip
    assert {(counter.labels["job"], counter.labels["instance"]) for counter in warm.counters} == {
        ("courtsight", INSTANCE)
    }


def test_the_proportions_are_those_of_the_live_questions(availability: SLO) -> None:
    """Three of ten questions were the judge's good ones, so three of ten events of the baseline are."""
    (warm,) = warmed(availability)
    grown = {
        counter.labels["role"]: counter.value(100) for counter in warm.counters if counter.labels["outcome"] == "ok"
    }
    assert grown == {"judge": 30, "public": 0}
    assert warm.per_question == pytest.approx(0.3)


def test_only_good_events_are_written(availability: SLO) -> None:
    """The baseline holds no bad event, in counters and in recorded counts."""
    bad = [line for line in baseline(availability) if 'outcome="error"' in line or line.startswith("slo:sli_bad")]
    assert bad
    assert {line.split()[-2] for line in bad} == {"0"}


def test_the_bucket_of_the_objective_grows_with_its_histogram(spec: Spec) -> None:
    """For a latency SLO all answers of the baseline are quick; edges that no rule reads are left out."""
    (warm,) = warmed(spec.slo("ttft"))
    assert {counter.name for counter in warm.counters} == {"chatbot_ttft_seconds_bucket", "chatbot_ttft_seconds_count"}
    assert {counter.value(50) for counter in warm.counters} == {5}
    assert {counter.labels.get("le", "2.0") for counter in warm.counters} == {"2.0"}


def test_several_slos_share_a_series(spec: Spec) -> None:
    """The count of one histogram is written once, though SLOs by role and by complexity both read it."""
    page = (
        PAGE
        + """\
# TYPE chatbot_request_duration_seconds histogram
chatbot_request_duration_seconds_bucket{role="public",complexity="simple",le="4.0"} 2.0
chatbot_request_duration_seconds_bucket{role="public",complexity="simple",le="+Inf"} 2.0
chatbot_request_duration_seconds_count{role="public",complexity="simple"} 2.0
"""
    )
    both = warmed(spec.slo("latency-role-public"), spec.slo("latency-complexity-simple"), page=page)
    lines = list(openmetrics(both, {"job": "courtsight"}, [INSTANCE], end=1000.0, length=60.0, rate=10.0, scale=60))
    assert len([line for line in lines if line.startswith("chatbot_request_duration_seconds_count{")]) == 61
    assert len({line.split("}")[0] for line in lines if line.startswith("slo:sli_valid_events")}) == 2


def test_what_nobody_asks_stays_cold(spec: Spec) -> None:
    """An SLO without an event in the live questions gets no baseline: nothing of it can burn."""
    assert warmed(spec.slo("ttft"), page=PAGE.replace("} 1.0", "} 0.0")) == ()


def test_a_service_that_answered_nothing_has_no_baseline(availability: SLO) -> None:
    """Without a question there are no proportions, and the drill says so."""
    with pytest.raises(StackError, match="answered no question yet"):
        warmed(availability, page="# TYPE chatbot_requests_total counter\n")


def test_a_metric_that_the_service_lacks_is_said(spec: Spec) -> None:
    """Without live series there is nothing to warm, and the message names the SLO."""
    with pytest.raises(StackError, match="no series of the SLI of retrieval"):
        warmed(spec.slo("retrieval"))


def test_a_reader_of_openmetrics_understands_it(availability: SLO) -> None:
    """The text is OpenMetrics: typed, closed by its mark, and each sample carries its own time."""
    families = list(text_string_to_metric_families("\n".join(baseline(availability)) + "\n"))
    names = {family.name for family in families}
    assert names == {"chatbot_requests", "slo:sli_bad_events:increase5m", "slo:sli_valid_events:increase5m", "up"}
    stamps = [float(sample.timestamp) for family in families for sample in family.samples]
    assert (min(stamps), max(stamps)) == (9_700.0, 10_000.0)


def test_recorded_counts_say_what_five_scaled_minutes_hold(availability: SLO) -> None:
    """At 10 questions a second, three tenths of them good, five minutes scaled by 60 hold 15 valid events at every second."""
    counts = [line.split()[-2] for line in baseline(availability) if line.startswith("slo:sli_valid")]
    assert (len(counts), set(counts)) == (301, {"15"})


@given(st.floats(0, 5), st.integers(0, 10**6), st.integers(0, 100))
def test_counters_never_fall(per_question: float, questions: int, more: int) -> None:
    """A later moment never shows less: a fall would read as a restart."""
    counter = Counter("c", {}, per_question)
    assert counter.value(questions + more) >= counter.value(questions)


@settings(deadline=None)  # lists of thousands, on a machine that does other things
@given(st.integers(1, 20_000), st.integers(1, 500))
def test_the_end_is_dense_and_the_whole_is_covered(length: int, dense: int) -> None:
    """Moments rise from the baseline's begin to its end, with one every second in the part that rules read."""
    times = moments(length, dense)
    assert (times[0], times[-1]) == (0.0, float(length))
    assert times == sorted(set(times))
    assert len([time for time in times if time >= length - dense]) == min(length, dense) + 1


def script(folder: Path, text: str) -> Path:
    path = folder / "promtool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_lines_reach_promtool(tmp_path: Path) -> None:
    """Promtool gets the text and the folder to write to, and the text is removed afterwards."""
    tool = script(tmp_path, 'mkdir "$6" && cp "$5" "$6/copy"')
    blocks = write_blocks(tool, iter(["a 1", "# EOF"]), tmp_path / "work")
    assert (blocks / "copy").read_text() == "a 1\n# EOF\n"
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["blocks"]


def test_a_promtool_that_refuses_is_heard(tmp_path: Path) -> None:
    """Promtool's own words reach the reader."""
    tool = script(tmp_path, "echo 'block time range overlaps' >&2; exit 1")
    with pytest.raises(StackError, match="overlaps"):
        write_blocks(tool, iter(["# EOF"]), tmp_path / "work")


def test_a_promtool_that_is_missing_is_said(tmp_path: Path) -> None:
    """A program that does not exist ends in a sentence."""
    with pytest.raises(StackError, match="could not write the baseline"):
        write_blocks(tmp_path / "missing", iter(["# EOF"]), tmp_path / "work")
