"""Axes, gaps and figures for people, of details that anybody may have written."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from reports import details, formats
from reports.charts import Series, line_chart, nice_ceiling
from reports.decision import Decision
from reports.document import Inputs
from reports.render import html
from reports.views import page_of
from slo.evidence import judged
from slo.spec import Kind, Phase, Spec
from slo.statistics import Measurement
from tests.reports.pages import Run, inputs_of


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (-3, 1), (float("inf"), 1), (0.013, 0.02), (7, 8), (100, 100), (112, 200), (9.1, 10)]
)
def test_axes_end_on_round_numbers(value: float, top: float) -> None:
    """The axis ends on a number that a reader can halve."""
    assert nice_ceiling(value) == pytest.approx(top)


def test_a_second_without_a_value_is_a_gap() -> None:
    """Nothing measured is a gap in the line, never a zero."""
    chart = line_chart("c", "T", "D", across=[0, 1, 2, 3], series=[Series("s", "main", [1.0, None, 3.0, 4.0])])
    assert [len(points.split()) for points in chart.lines[0].points] == [1, 2]


@pytest.mark.parametrize("slowest", [0.004, 0.099, 0.64, 3.2, 59.0])
def test_an_axis_has_room_for_its_labels(spec: Spec, run: Run, at: datetime, slowest: float) -> None:
    """However slow the load test was, no label begins left of the drawing: letters of 10.5 pixels are about 6.5 wide."""
    own = run[Kind.LOAD]
    timeline = [{"second": second, "requests": 12_000, "p95_seconds": slowest} for second in range(3)]
    run[Kind.LOAD] = replace(own, details={**own.details, "timeline": timeline})
    inputs = inputs_of(spec, run)
    charts = page_of(inputs.decide(Phase.BUILD, at), inputs).loads[0].charts
    labels = [tick.label for chart in charts for tick in chart.up]
    assert len(labels) == 6
    assert [label for label in labels if len(label) * 6.5 > charts[0].left - 6] == []


def test_a_chart_of_one_moment() -> None:
    """A single second, or none, is drawn without dividing by zero."""
    assert line_chart("c", "T", "D", across=[5], series=[Series("s", "main", [1500.0])]).across[0].label == "5 s"
    assert line_chart("c", "T", "D", across=[], series=[]).lines == ()


def test_each_finding_stands_once(run: Run) -> None:
    """Evidence that lists findings and tells the turns too says each once; what had nothing to look at is no finding."""
    check = {"check": "latency", "verdict": "FAIL", "expected": "below 8 s", "got": "9 s", "advice": "look"}
    idle = check | {"check": "demo-marked", "verdict": "N/A"}
    turns = [{"number": 1, "checks": [check, idle]}]
    for scenario in ({"findings": [{"turn": 1, **check}], "turns": turns}, {"turns": turns}):
        evidence = replace(run[Kind.UAT], details={"scenarios": [{"verdict": "FAIL", **scenario}]})
        found = details.scenarios(evidence)[0].findings
        assert [(one.turn, one.check, one.advice) for one in found] == [("1", "latency", "look")]


def test_text_of_details_is_short_and_plain() -> None:
    """Long text is cut, control and direction marks are replaced, what is no text is empty."""
    assert len(details.text("x" * 5000)) == details.MAX_TEXT
    assert details.text("a\x07b\u202ec") == "a\ufffdb\ufffdc"
    assert [details.text(value) for value in (None, True, False, [1], {"a": 1}, 3)] == ["", "yes", "no", "", "", "3"]


@pytest.mark.parametrize("value", [None, True, "3", float("nan"), float("inf"), [3]])
def test_what_is_no_number(value: Any) -> None:
    """Only finite numbers are numbers."""
    assert details.number(value) is None


def test_a_measurement_without_contract_share(
    good: tuple[Decision, Inputs], spec: Spec, run: Run, at: datetime
) -> None:
    """A gate of 100 % has no allowance to divide, and a row without value no margin."""
    run[Kind.UAT] = replace(run[Kind.UAT], items=(judged(spec.gate("acceptance"), {}, Measurement(None, 0)),))
    inputs = inputs_of(spec, run)
    page = html(inputs.decide(Phase.BUILD, at), inputs)
    assert "nothing was measured" in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not recorded"),
        (0.0123, "12.3 ms"),
        (4.0, "4 s"),
        (240.0, "4 min"),
        (7200.0, "2 h"),
        (86400.0, "24 h"),
        (172800.0, "2 days"),
        (604800.0, "7 days"),
    ],
)
def test_lengths_of_time_for_people(value: float | None, text: str) -> None:
    """Milliseconds to days, in the unit that a reader would choose."""
    assert formats.seconds(value) == text


def test_sizes_and_counts_for_people() -> None:
    """Thousands are separated, bytes become GiB, tiny shares are not rounded to nothing, nothing is not recorded."""
    assert [formats.percent(value) for value in (0.0, 0.0004, 0.031, 0.31, None)] == [
        "0 %",
        "< 0.1 %",
        "3.1 %",
        "31 %",
        "–",
    ]
    assert [formats.count(value) for value in (3200, 8.51894, 106.7, 12345.6, None)] == [
        "3,200",
        "8.52",
        "107",
        "12,346",
        "not recorded",
    ]
    assert [formats.size(value) for value in (8 * 2**30, None)] == ["8.0 GiB", "not recorded"]
