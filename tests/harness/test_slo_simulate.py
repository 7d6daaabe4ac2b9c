"""`courtsight slo simulate`: every form of history, every form of answer, and what is refused."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import etree

from harness.cli import main
from harness.simulation import svg
from harness.simulation.from_prometheus import asked, queries, step_for
from harness.simulation.inputs import gather
from harness.simulation.pictures import pictures
from harness.simulation.words import clock, in_words, percent, sparkline
from slo.errors import InvalidInput
from slo.load import load_spec
from slo.simulation.replay import Replay, simulate
from slo.spec import Cell, CompositeSLI
from target.prometheus import Series
from tests.slo.simulated import EVALUATION

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "slo" / "specs" / "courtsight.yaml"
SHOP = ROOT / "slo" / "specs" / "examples" / "shop.yaml"
ONE = ("slo", "simulate", str(SPEC), "--slo", "availability")
INCIDENT = ("--incident", "2h at 5% from day 3 14:00")
SVG = "{http://www.w3.org/2000/svg}"

Shown = Callable[..., str]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """Runs the command and gives what it printed."""

    def run(*words: str, status: int = 0) -> str:
        assert main([*words]) == status, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_an_incident_in_words(shown: Shown) -> None:
    """Budget, events, alerts and the workbook's approaches stand in the text, with the definitions below."""
    text = shown(*ONE, *INCIDENT)
    assert "budget: 13.9% spent, 86.1% left" in text
    assert re.search(r"day 3 14:00 +2 h +13\.9% +page 1h/5m after 19 min 30 s", text)
    for number in range(1, 7):
        assert f"  {number}: " in text
    assert "these rules, all alerts" in text
    assert "precision:" in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_the_same_as_json(shown: Shown) -> None:
    """Numbers are numbers, and times have their zone."""
    found = json.loads(shown(*ONE, *INCIDENT, "--start", "2026-01-05", "--json"))
    (one,) = found["slos"]
    assert one["budget"]["spent_ratio"] == pytest.approx(2 * 3600 * 0.05 / (30 * 86400 * 0.001))
    assert one["events"] == [
        {"start": "2026-01-07T14:00:00Z", "end": "2026-01-07T16:00:00Z", "cost_ratio": pytest.approx(0.1389, abs=1e-4), "significant": True}
    ]  # fmt: skip
    page = one["alerts"][0]
    assert (page["severity"], page["long"], page["alerts"]) == ("page", "1h", 1)
    assert page["fired"][0]["start"] == "2026-01-07T14:19:30Z"
    assert [rival["number"] for rival in one["approaches"]] == [1, 2, 3, 4, 5, 6]
    assert one["all_alerts"]["recall"] == 1.0


def test_a_budget_that_ran_out_is_a_finding(shown: Shown) -> None:
    """The exit status is 1, and the last lines say which."""
    text = shown(*ONE, "--incident", "50m outage from day 9 10:00", status=1)
    assert text.splitlines()[-1] == "availability: the budget ran out"
    assert "it ran out day 9 10:43" in text


def test_an_event_that_nobody_told_is_a_finding(shown: Shown) -> None:
    """A fault that ends before any pair's windows fill, but is said to be significant."""
    text = shown(*ONE, "--incident", "20s outage from day 9", "--significant", "0.5%", status=1)
    assert "1 of 1 significant event stayed untold" in text


def test_what_ifs_stand_in_a_table(shown: Shown) -> None:
    """Each combination has a row; the first is the SLO as it is."""
    text = shown(*ONE, *INCIDENT, "--what-if", "objective=99%,95%", "--what-if", "windows=standard,reachable")
    table = text[text.index("what if") :].splitlines()[2:7]
    assert [line.split()[0] for line in table] == ["99.9%", "99%", "99%", "95%", "95%"]
    found = json.loads(shown(*ONE, *INCIDENT, "--what-if", "window=7d", "--json"))
    assert [row["window"] for row in found["what_if"]["availability"]] == ["30d", "7d"]


def test_a_scenario_file_hits_the_slos_that_it_names(shown: Shown, tmp_path: Path) -> None:
    """An incident of one family leaves the others alone."""
    story = tmp_path / "story.yaml"
    story.write_text("length: 10d\nincidents: [2h outage from day 3 of latency-role]\n")
    found = json.loads(shown("slo", "simulate", str(SPEC), "--scenario", str(story), "--json"))
    hit = {one["id"] for one in found["slos"] if one["events"]}
    assert hit == {one["id"] for one in found["slos"] if one["id"].startswith("latency-role-")}


def test_counts_from_a_table(shown: Shown, tmp_path: Path) -> None:
    """A CSV is replayed over the time that it has, and dated."""
    table = tmp_path / "requests.csv"
    rows = (f"{1_767_571_200 + 300 * place},1000,{90 if 100 <= place < 112 else 0}" for place in range(2016))
    table.write_text("time,valid,bad\n" + "\n".join(rows) + "\n")
    text = shown(*ONE, "--history", str(table))
    assert "2026-01-05 00:00Z to 2026-01-12 00:00Z" in text
    assert "2026-01-05 08:20Z" in text
    part = shown(*ONE, "--history", str(table), "--start", "2026-01-06", "--length", "2d")
    assert "2026-01-06 00:00Z to 2026-01-08 00:00Z" in part
    assert "No significant event" in part
    traffic = tmp_path / "traffic.csv"
    traffic.write_text(table.read_text())
    assert "budget: 0% spent" in shown(*ONE, "--traffic", str(traffic))


def test_one_event_is_one(shown: Shown) -> None:
    """Counts have their plural: one smaller event, and one significant one that stayed untold."""
    assert "1 smaller one." in shown(*ONE, "--incident", "1m at 20% from day 3")
    leak = shown(*ONE, "--incident", "1m at 60% from day 3", "--significant", "1%", status=1)
    assert "1 of 1 significant event stayed untold" in leak


def test_the_totals_of_counters_are_a_history_when_they_are_said_to_be(
    shown: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same fault out of events and out of totals; totals that nobody names are refused, not replayed as a flood of events."""
    events = [(1000, 90 if 100 <= place < 112 else 0) for place in range(2016)]
    totals = [(1000 * place, 90 * min(max(place - 100, 0), 12)) for place in range(2017)]
    words = []
    for name, counts in (("events", events), ("totals", totals)):
        table = tmp_path / f"{name}.csv"
        rows = (f"{1_767_571_200 + 300 * place},{valid},{bad}" for place, (valid, bad) in enumerate(counts))
        table.write_text("time,valid,bad\n" + "\n".join(rows) + "\n")
        told = json.loads(shown(*ONE, "--history", str(table), "--counts", name, "--json"))
        words.append(told["slos"])
    assert words[0] == words[1]
    assert main([*ONE, "--history", str(table)]) == 2
    assert "totals.csv:2: the counts from here on only rise" in capsys.readouterr().err


def test_a_composite_is_simulated_by_its_components(shown: Shown) -> None:
    """Only one component is down; the whole burns by its weight."""
    found = json.loads(
        shown("slo", "simulate", str(SHOP), "--slo", "shopping", "--incident", "1h outage from day 2 of availability", "--json", "--length", "5d")
    )  # fmt: skip
    (one,) = found["slos"]
    assert one["events"][0]["cost_ratio"] == pytest.approx(3 / 6 * 3600 / (30 * 86400 * 0.01), rel=0.01)


def test_every_kind_of_the_example_can_be_simulated(shown: Shown) -> None:
    """Ratio, latency, events, groups, slices, raw and composite, over a month as well."""
    found = json.loads(shown("slo", "simulate", str(SHOP), "--incident", "5h at 90% from day 3", "--json", status=1))
    assert len(found["slos"]) == len(load_spec(SHOP).slos)
    assert all(one["events"] and one["all_alerts"]["alerts"] for one in found["slos"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--incident", "2h of trouble"), "--incident: '2h of trouble' is no incident"),
        (("--incident", "2h outage from day 2 of availabilty"), "there is no SLO 'availabilty'"),
        (("--incident", "1s outage from day 1 every 2s"), "comes 1296000 times"),
        (("--incident", "2h outage from day 31"), "'2h outage from day 31' lies outside the 30 days that are simulated"),
        (("--incident", "2h outage from 2031-01-01", "--length", "12h"), "lies outside the 0.5 days that are simulated"),
        (("--history", "no-such.csv"), "no-such.csv: cannot be read"),
        (("--history", "x.csv", "--traffic", "daily"), "is of no use with --history"),
        (("--history", "x.csv", "--seed", "3"), "is of no use with --history"),
        (("--traffic", "x.csv", "--requests-per-day", "3"), "is of no use with traffic that was counted"),
        (("--counts", "totals"), "--counts: is of use with a CSV only"),
        (("--history", "http://127.0.0.1:9", "--counts", "totals"), "--counts: is of use with a CSV only"),
        (("--traffic", "hourly"), "hourly: cannot be read"),
        (("--start", "yesterday"), "--start: 'yesterday' is no time"),
        (("--length", "2y"), "--length: '2y' is no duration"),
        (("--length", "500d"), "is over 400 days"),
        (("--step", "0.5s"), "no whole number of seconds"),
        (("--step", "2h"), "does not suit"),
        (("--errors", "0.1"), "--errors: '0.1' is no percent"),
        (("--what-if", "objctive=99%"), "--what-if: 'objctive=99%' is no what-if"),
        (("--significant", "0%"), "must be over zero"),
    ],
)  # fmt: skip
def test_wrong_words_end_with_advice(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2 and one sentence that says what to do; nothing on standard output."""
    assert main([*ONE, *words]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert "(" in printed.err
    assert not printed.out


def test_an_unknown_slo_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The known ones are listed."""
    assert main(["slo", "simulate", str(SPEC), "--slo", "availabilty"]) == 2
    assert "known: availability" in capsys.readouterr().err


# --- Prometheus ---


@dataclass
class Counted:
    """A Prometheus that answers with made-up series; it keeps what it was asked."""

    answer: Callable[[str, float], float | None]
    labels: tuple[dict[str, str], ...] = ({},)
    interval: float | None = 15.0
    url: str = "http://prometheus.test"
    asked: list[tuple[str, float, float, float]] = field(default_factory=list)

    def range(self, query: str, start: float, end: float, step_seconds: float) -> tuple[Series, ...]:
        self.asked.append((query, start, end, step_seconds))
        times = np.arange(start, end + 1, step_seconds)
        found = []
        for labels in self.labels:
            points = [(float(at), self.answer(query, float(at))) for at in times]
            found.append(Series(labels, tuple(point for point in points if point[1] is not None)))
        return tuple(one for one in found if one.points)

    def scrape_interval(self, selector: Cell) -> float | None:
        return self.interval


def options(**given: Any) -> argparse.Namespace:
    base = {
        "incident": [], "scenario": None, "history": None, "traffic": None, "requests_per_day": None, "errors": None,
        "seed": None, "start": None, "length": None, "step": None, "counts": None,
    }  # fmt: skip
    return argparse.Namespace(**(base | given))


def test_a_history_is_asked_of_prometheus_in_parts() -> None:
    """Bad and valid events of each step by range queries; what has no sample stays a gap; other events are not lost between parts."""
    slo = load_spec(SPEC).slo("availability")
    bad_query, _ = queries(slo, 60)

    def answer(query: str, at: float) -> float | None:
        if 6000 <= at < 12_000:
            return None
        return 1.0 if query == bad_query else 60.0

    prometheus, shares = Counted(answer), list[float]()
    (told,) = asked(prometheus, slo, 0.0, 60.0 * 4500, 60, shares.append).values()
    assert len(prometheus.asked) == 2 * 3
    assert len(told.valid) == 4500
    assert np.isnan(told.valid).sum() == 100
    assert np.nansum(told.valid) == 60.0 * 4400
    assert np.nansum(told.bad) == 4400
    assert shares[-1] == 1.0


def test_groups_of_prometheus_are_kept() -> None:
    """Each value of `group_by` has a history of its own."""
    slo = load_spec(SHOP).slo("regions")
    prometheus = Counted(lambda _query, _at: 3.0, ({"region": "east"}, {"region": "west"}))
    found = asked(prometheus, slo, 0.0, 6000.0, 60, lambda _: None)
    assert sorted(found) == [(("region", "east"),), (("region", "west"),)]


def test_a_prometheus_without_the_series_is_told_so() -> None:
    """Nothing is simulated from nothing: the query is named."""
    slo = load_spec(SPEC).slo("availability")
    with pytest.raises(InvalidInput, match="has no series of availability"):
        asked(Counted(lambda _query, _at: None), slo, 0.0, 6000.0, 60, lambda _: None)


def test_steps_hold_enough_scrapes() -> None:
    """Four scrapes at least, in whole minutes; a minute where nobody knows the interval."""
    slo = load_spec(SPEC).slo("availability")
    wanted = {15.0: 60, 30.0: 120, 60.0: 240, None: 60}
    assert {one: step_for(Counted(lambda _query, _at: None, interval=one), slo) for one in wanted} == wanted


def test_every_kind_but_composites_has_queries() -> None:
    """Raw ratios and slices are asked for in their own words; a composite is known by its components."""
    for slo in load_spec(SHOP).slos:
        if isinstance(slo.sli, CompositeSLI):
            with pytest.raises(ValueError, match="components"):
                queries(slo, 60)
        else:
            bad, valid = queries(slo, 60)
            assert "$window" not in bad + valid
            assert "[1m]" in bad


def test_a_history_from_prometheus_has_a_lead_in() -> None:
    """Three days more are asked for, so that no window begins empty; the simulated time is the length that was wanted."""
    spec = load_spec(SPEC)
    slo, now = spec.slo("availability"), 1_767_571_200.0
    prometheus = Counted(lambda query, _at: 0.0 if query == queries(slo, 60)[0] else 60.0)
    found = gather(
        spec, [slo], options(history="http://prometheus.test", length="1d"), now=now, connect=lambda _: prometheus, say=lambda _: None
    )  # fmt: skip
    told = found.histories["availability"][()]
    assert (found.start, told.end) == (now - 86400, now)
    assert told.start == now - 4 * 86400
    assert found.dated


# --- words and pictures ---


def simulated(**changes: Any) -> Any:
    spec = load_spec(SPEC)
    slo = replace(spec.slo("availability"), **changes)
    incident = ["2h at 5% from day 3 14:00", "30m gap from day 5", "20m outage from day 20 10:00"]
    inputs = gather(
        spec, [slo], options(incident=incident), now=0.0, connect=lambda _: Counted(lambda *_: None), say=print
    )
    return simulate(spec, slo, inputs.histories, Replay(EVALUATION, inputs.start))


def test_pictures_are_accessible_and_have_no_script() -> None:
    """Each parses, has title, description and role, follows the reader's light or dark, and holds no script and no address."""
    drawn = pictures(simulated(), dated=False)
    assert sorted(drawn) == ["availability-budget.svg", "availability-detection.svg", "availability-errors.svg"]
    for text in drawn.values():
        root = etree.fromstring(text.encode())
        title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None
        assert description is not None
        assert title.text
        assert description.text
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert "prefers-color-scheme:dark" in text
        assert "script" not in text
        assert text.count("http") == 1, "the namespace only"
        assert "nan" not in text


def test_words_of_others_are_escaped_in_pictures() -> None:
    """Marks and control characters in a title or a label draw nothing of their own."""
    (one,) = simulated(id="availability")
    nasty = replace(one, group=(("region", '<script>alert("x")</script>\x00&'),))
    drawn = pictures([nasty, nasty], dated=True)
    assert len(drawn) == 5, "two groups whose names come out alike have a file each"
    for name, text in drawn.items():
        etree.fromstring(text.encode())
        assert "<script" not in text
        assert re.fullmatch(r"[A-Za-z0-9_-]+\.svg", name)


def test_pictures_are_the_same_every_time() -> None:
    """Nothing depends on when or where they are drawn."""
    assert pictures(simulated(), dated=False) == pictures(simulated(), dated=False)


def test_lines_leave_out_what_is_unknown() -> None:
    """NaN interrupts a line; nothing known draws nothing."""
    assert svg.course([0, 1, 2, 3], [1.0, float("nan"), 2.0, 3.0], "good").count("M") == 2
    assert svg.course([0, 1], [float("nan")] * 2, "good") == ""


def test_an_slo_without_alerts_is_simulated_all_the_same() -> None:
    """Its budget is told and drawn; it has no alert to speak of."""
    (one,) = simulated(windows=())
    text = in_words(one, clock(one.start, dated=False))
    assert "It has no burn-rate alert." in text
    assert list(pictures([one], dated=False)) == ["availability-budget.svg"]


def test_a_time_without_events_is_told_as_unknown(shown: Shown) -> None:
    """Idle from end to end: no number is made up."""
    assert "budget: unknown" in shown(*ONE, "--incident", "30d idle from day 1", "--length", "20d")


def test_numbers_for_people() -> None:
    """Three digits, no exponents; what is not there is a dash."""
    assert [percent(one) for one in (0.0046, 1.8876, 0.00001, None, float("nan"), -0.25)] == [
        "0.46%", "189%", "0.001%", "–", "–", "-25%",
    ]  # fmt: skip
    assert sparkline(np.array([0.0, 0.5, 1.0, float("nan"), -1.0])) == "▁▅█ ▁"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file stands where the folder should be: a sentence, not a trace."""
    (tmp_path / "pictures").write_text("in the way")
    assert main([*ONE, *INCIDENT, "--svg", str(tmp_path / "pictures")]) != 0
    assert "cannot be written" in capsys.readouterr().err


# --- the docs ---

PAGE = ROOT / "docs" / "slo-simulate.md"
DRAWN = ROOT / "docs" / "images" / "simulate"


def test_the_pictures_of_the_docs_are_what_their_command_draws(tmp_path: Path, shown: Shown) -> None:
    """The command stands on the page; drawn again, the set of files and their bytes are the committed ones."""
    text = PAGE.read_text(encoding="utf-8").replace(" \\\n ", "")
    (line,) = [line for line in text.splitlines() if "--svg docs/images/simulate" in line]
    words = line.replace("docs/images/simulate", str(tmp_path)).split()[1:]
    shown(*(str(ROOT / word) if (ROOT / word).is_file() else word for word in words))
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert drawn == {path.name: path.read_bytes() for path in DRAWN.iterdir()}
    assert all(f"images/simulate/{name}" in text for name in drawn)


def test_the_examples_of_the_docs_run(shown: Shown) -> None:
    """What the page says of its month is what the command says, and the CSV beside it is replayed."""
    month = shown(*ONE, "--scenario", str(ROOT / "docs" / "examples" / "rough-month.yaml"))
    assert re.search(r"day 4 10:15 +45 min .*page 1h/5m after 9 min", month)
    assert re.search(r"day 24 15:30 +6 min .*page 1h/5m after 3 min", month)
    assert re.search(r"day 11 00:00 +3 d .*ticket 3d/6h after 1 d 9 h", month)
    assert re.search(r"page 1h/5m .* 6 +50% ", month)
    assert "2026-11-16 10:45Z" in shown(*ONE, "--history", str(ROOT / "docs" / "examples" / "requests.csv"))
