"""What a simulation is made of: incidents as people say them, scenarios, traffic, CSV; and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.errors import InvalidInput
from slo.quantities import QuantityError
from slo.simulation import tables
from slo.simulation.history import Groups
from slo.simulation.incidents import What, fate, instant, parse_incident
from slo.simulation.scenario import DEFAULT_START, Scenario, hit, load_scenario, told
from slo.simulation.tables import Counts, read_table
from slo.simulation.traffic import Shape, Traffic, made_up
from slo.simulation.what_if import asked, variants
from slo.window_table import load_policy
from tests.slo.simulated import DAY, history, slo

POLICY = load_policy()


def test_incidents_read_as_people_write_them() -> None:
    """How long, what, when, how often and of which SLO, in one sentence."""
    found = parse_incident("2h at 5% from day 3 14:00")
    assert (found.length, found.what, found.ratio, found.offset) == (7200.0, What.ERRORS, 0.05, 2 * DAY + 14 * 3600)
    found = parse_incident("20m outage from 2026-01-06 09:30 every 7d of availability, ttft")
    assert (found.what, found.ratio, found.every, found.of) == (What.OUTAGE, 1.0, 7 * DAY, ("availability", "ttft"))
    assert found.at == instant("2026-01-06T09:30Z")
    assert parse_incident("1h 30m at 2 % from day 1").length == 5400.0
    assert parse_incident("30m idle from day 2").what is What.IDLE
    assert parse_incident("30m gap from day 2").what is What.GAP


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no incident"),
        ("2h of trouble", "is no incident"),
        ("2h at 5 from day 3", "lacks its unit"),
        ("2h at 0,5% from day 3", "comma"),
        ("2h at 500% from day 3", "outside"),
        ("5% from day 3 14:00", "is no incident"),
        ("2h at 5% from day 0", "no day 0"),
        ("2h at 5% from day 3 25:00", "no time of the day"),
        ("2h at 5% from 2026-13-40", "is no time"),
        ("2h at 5% on day 3", "is no incident"),
        ("2h breakdown from day 3", "none of outage, idle, gap"),
        ("2h at 5% from day 3 every 1h", "again before it ends"),
        ("0h at 5% from day 3", "longer than nothing"),
        ("x" * 1000, "far too long"),
    ],
)
def test_incidents_that_cannot_be_read_say_how_to_write_them(text: str, said: str) -> None:
    """Every refusal names what is wrong and carries advice."""
    with pytest.raises(QuantityError, match=said) as refused:
        parse_incident(text)
    assert refused.value.advice


@given(st.text(max_size=80))
def test_no_text_crashes_the_reading_of_incidents(text: str) -> None:
    """Whatever is written, it is an incident or a refusal."""
    with suppress(QuantityError):
        assert parse_incident(text).length > 0


def test_an_incident_covers_parts_of_steps() -> None:
    """Ninety seconds of outage from the middle of a minute fail half of that minute and the whole next one."""
    edges = np.arange(6) * 60.0
    found = fate([replace(parse_incident("90s outage from day 1"), offset=30.0)], 0.0, 300.0, edges)
    assert found.bad.tolist() == [0.5, 1.0, 0.0, 0.0, 0.0]


def test_two_incidents_at_once_hit_independently() -> None:
    """Half fails and half of the rest: three quarters, never more than everything."""
    texts = ["5m at 50% from day 1", "5m at 50% from day 1"]
    found = fate(map(parse_incident, texts), 0.0, 300.0, np.arange(6) * 60.0)
    assert found.bad.tolist() == [0.75] * 5


def test_incidents_repeat_until_the_end() -> None:
    """Every day from the second on, five times in six days; one that began before the time still reaches into it."""
    found = parse_incident("10m outage from day 2 every 1d")
    assert len(found.begins(0.0, 6 * DAY)) == 5
    assert parse_incident("2d outage from 1970-01-01").begins(DAY, 3 * DAY) == (0.0,)
    assert len(parse_incident("10m outage from 1970-01-01 every 1d").begins(5000 * DAY, 5006 * DAY)) == 6
    with pytest.raises(QuantityError, match="comes 100000 times"):
        fate([parse_incident("1s outage from day 1 every 10s")], 0.0, 1e6, np.arange(0, 1e6, 60.0))


def test_gaps_are_unknown_and_idle_time_is_empty() -> None:
    """In a gap there is no number, in idle time there is zero."""
    scenario = Scenario(incidents=tuple(map(parse_incident, ("5m gap from day 1 00:10", "5m idle from day 1 00:20"))))
    found = told(scenario, slo(), 0.0, 3600.0, step=60.0, lead=0.0)
    assert np.isnan(found.valid[10:15]).all()
    assert (found.valid[20:25] == 0).all()
    assert np.isfinite(found.valid[15:20]).all()


def test_incidents_of_another_slo_pass_by() -> None:
    """`of` names an id or a family; everything else keeps well."""
    scenario = Scenario(incidents=(parse_incident("1h outage from day 1 of availability"),))
    assert told(scenario, slo(), 0.0, 3600.0, step=60.0, lead=0.0).bad.sum() == 0
    assert told(scenario, slo(name="availability"), 0.0, 3600.0, step=60.0, lead=0.0).bad.sum() > 0


def test_the_lead_in_is_clean() -> None:
    """Errors at any time begin with the simulated time, and before it there is the same traffic."""
    found = told(Scenario(errors=0.01), slo(), 0.0, DAY, step=60.0, lead=DAY)
    assert found.start == -DAY
    assert found.bad[:1440].sum() == 0
    assert found.bad[1440:].sum() == pytest.approx(0.01 * found.valid[1440:].sum())


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_has_its_mean_day(shape: Shape) -> None:
    """Seven days hold seven mean days, however traffic swells."""
    week = made_up(Traffic(shape, 10_000.0), DEFAULT_START, 60.0, 7 * 1440)
    assert week.sum() == pytest.approx(70_000.0)
    assert (week >= 0).all()


def test_a_week_is_quiet_at_its_end_and_a_day_at_night() -> None:
    """Saturday has 30 % of Friday, two o'clock at night a tenth of two in the afternoon."""
    week = made_up(Traffic(Shape.WEEKLY, 10_000.0), DEFAULT_START, 3600.0, 7 * 24)
    assert week[5 * 24 : 6 * 24].sum() == pytest.approx(0.3 * week[4 * 24 : 5 * 24].sum())
    assert week[2] / week[14] == pytest.approx(0.1, abs=0.01)


def test_events_drawn_at_random_are_whole_and_repeatable() -> None:
    """The same seed draws the same, another one other events; two SLOs do not fail in step."""
    scenario = Scenario(traffic=Traffic(Shape.CONSTANT, 240.0), errors=0.2, seed=5)
    first, again = (told(scenario, slo(), 0.0, DAY, step=60.0, lead=0.0) for _ in range(2))
    other = told(replace(scenario, seed=6), slo(), 0.0, DAY, step=60.0, lead=0.0)
    sister = told(scenario, slo(name="sister"), 0.0, DAY, step=60.0, lead=0.0)
    assert (first.valid == first.valid.round()).all()
    assert (first.bad <= first.valid).all()
    assert (first.valid == again.valid).all()
    assert (first.valid != other.valid).any()
    assert (first.valid != sister.valid).any()
    assert 150 < first.valid.sum() < 350


def test_incidents_come_on_top_of_a_history() -> None:
    """What failed already fails, and of the rest the incident's share does too."""
    found = hit(
        Scenario(incidents=(parse_incident("1m at 50% from day 1"),)), slo(), history([100.0], [20.0]), 0.0, 60.0
    )
    assert found.bad.tolist() == [60.0]


def test_a_scenario_file(tmp_path: Path) -> None:
    """Traffic, errors, seed and incidents as YAML."""
    path = tmp_path / "story.yaml"
    path.write_text(
        "title: A day\nstart: 2026-01-05\nlength: 7d\nerrors: 0.02%\nseed: 4\n"
        "traffic: {shape: weekly, per_day: 30000, quiet: 20%}\nincidents: [2h at 5% from day 3 14:00]\n"
    )
    found = load_scenario(path)
    assert found.start == instant("2026-01-05")
    assert (found.length, found.errors, found.seed) == (7 * DAY, 0.0002, 4)
    assert found.traffic == Traffic(Shape.WEEKLY, 30_000.0, 0.2, 0.3)
    assert [one.text for one in found.incidents] == ["2h at 5% from day 3 14:00"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("incidnts: []", "incidents"),
        ("traffic: {shape: hourly}", "no traffic shape"),
        ("traffic: {per_day: -3}", "no number of events"),
        ("traffic: {per_day: many}", "no number of events"),
        ("errors: 0.1", "unit"),
        ("start: soon", "is no time"),
        ("incidents: [2h at 5%]", "is no incident"),
        ("incidents: [{length: 2h}]", "write it as text"),
        ("seed: -1", "seed"),
    ],
)
def test_bad_scenarios_name_line_and_mend(tmp_path: Path, text: str, said: str) -> None:
    """A typo is an error with its file and line."""
    path = tmp_path / "story.yaml"
    path.write_text("title: A day\n" + text + "\n")
    with pytest.raises(InvalidInput, match=said) as refused:
        load_scenario(path)
    assert all(problem.line == 2 for problem in refused.value.problems)


# --- CSV ---


def read(text: str, **options: Any) -> Groups:
    return read_table(text.splitlines(keepends=True), "counts.csv", [slo()], **options)["asked"]


def test_a_table_of_counts() -> None:
    """ISO times and seconds, a row that is left out and one with empty fields: both are gaps."""
    found = read("time,valid,bad\n2026-01-05T00:00Z,10,1\n2026-01-05T00:01:00+00:00,,\n2026-01-05 00:03,20,2\n")[()]
    assert found.start == instant("2026-01-05")
    assert found.step == 60.0
    assert found.valid[0] == 10
    assert np.isnan(found.valid[1:3]).all()
    assert found.bad[3] == 2
    assert read("bad,time,valid\n1,0,5\n0,300,5\n")[()].step == 300.0


def test_groups_and_slos_are_columns() -> None:
    """A column for each label of `group_by`, and one that says which SLO a row is of."""
    grouped = replace(slo(name="regions"), group_by=("region",))
    text = "time,slo,region,valid,bad\n0,regions,east,5,1\n0,regions,west,7,0\n60,regions,east,5,1\n60,regions,west,7,0\n0,asked,,3,0\n60,asked,,3,1\n"
    found = read_table(text.splitlines(), "counts.csv", [slo(), grouped])
    assert sorted(found["regions"]) == [(("region", "east"),), (("region", "west"),)]
    assert found["asked"][()].bad.tolist() == [0.0, 1.0]


def test_traffic_alone_needs_no_failures() -> None:
    """For a traffic shape `bad` may be left out."""
    found = read_table(["time,valid\n", "0,5\n", "60,7\n"], "traffic.csv", [slo()], needs_bad=False)["asked"][()]
    assert found.valid.tolist() == [5.0, 7.0]
    assert found.bad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "is empty"),
        ("time,valid\n0,1\n", 1, "lacks the column 'bad'"),
        ("time,valid,bda\n0,1,0\n", 1, "did you mean bad"),
        ("time,valid,bad,bad\n0,1,0,0\n", 1, "stands twice"),
        ("time;valid;bad\n0;1;0\n", 1, "parts its columns by ';'"),
        ("time\tvalid\tbad\n0\t1\t0\n", 1, r"parts its columns by '\\t'"),
        ("time,valid,bad\n1767571200000,1,0\n1767571260000,1,0\n", 2, "after the year 9999"),
        ("time,valid,bad\n", None, "holds no row"),
        ("time,valid,bad\nsoon,1,0\n", 2, "is no time"),
        ("time,valid,bad\n0,1\n", 2, "has 2 fields"),
        ("time,valid,bad\n0,many,0\n", 2, "is no count"),
        ("time,valid,bad\n0,-1,0\n", 2, "is no count"),
        ("time,valid,bad\n0,nan,0\n", 2, "is no count"),
        ("time,valid,bad\n0,1e400,0\n", 2, "is no count"),
        ("time,valid,bad\n0,1,2\n", 2, "2 bad of 1 valid"),
        ("time,valid,bad\n0,1,0\n60,1,0\n\n60,1,0\n", 5, "time of another row"),
        ("time,valid,bad\n0,1,0\n60,1,0\n90,1,0\n150,1,0\n165.5,1,0\n", 4, "no whole number of steps of 60 s"),
        ("time,valid,bad\n0,1,0\n300,1,0\n420,1,0\n900,1,0\n1200,1,0\n", 4, "no whole number of steps of 300 s"),
        ("time,valid,bad\n0,1,0\n1,1,0\n99999999999,1,0\n", 4, "steps of 1 s"),
        ('time,valid,bad\n0,"1,0\n', 2, "is no CSV"),
        ("time,valid,bad\n" + "9" * 20_000 + ",1,0\n", 2, "longer than"),
    ],
)
def test_bad_tables_name_line_and_mend(text: str, line: int | None, said: str) -> None:
    """Each problem of a CSV has its line and what would mend it."""
    with pytest.raises(InvalidInput, match=said) as refused:
        read(text)
    assert refused.value.problems[0].line == line
    assert all(problem.advice for problem in refused.value.problems)


def rows(valid: list[float], bad: list[float]) -> str:
    """A table of these counts, a minute apart."""
    return "time,valid,bad\n" + "".join(
        f"{place * 60},{one:g},{other:g}\n" for place, (one, other) in enumerate(zip(valid, bad, strict=True))
    )


def test_the_totals_of_a_counter_are_not_taken_for_events() -> None:
    """Counts that only rise, or rise but for a restart, are refused with the first line and both ways to say what they are."""
    valid = [5000.0 + 100 * place for place in range(30)]
    bad = [float(place // 10) for place in range(30)]
    restarted = [*valid, *(80.0 + 100 * place for place in range(30))]
    for text in (rows(valid, bad), rows(restarted, [*bad, *bad])):
        with pytest.raises(InvalidInput, match="as the totals of a counter do") as refused:
            read(text)
        (problem,) = refused.value.problems
        assert problem.line == 2
        assert "--counts totals" in problem.advice
        assert "--counts events" in problem.advice


def test_events_of_steps_are_not_taken_for_totals() -> None:
    """Even, noisy and falling traffic, a step up, a fault that lasts: none of them needs to say what it is."""
    steady, noisy = [100.0] * 40, [100.0 + place * 7 % 11 for place in range(40)]
    for valid, bad in (
        (steady, [0.0] * 40),
        (steady, [0.0] * 20 + [50.0] * 20),
        (noisy, [0.0] * 40),
        (sorted(noisy, reverse=True), [0.0] * 40),
        ([100.0] * 20 + [200.0] * 20, [0.0] * 40),
        ([100.0 + place for place in range(9)], [0.0] * 9),
        ([100.0 + place for place in range(40)], [1.0, 0.0] * 20),
    ):
        assert read(rows(valid, bad))[()].valid.tolist() == valid


def test_totals_that_are_said_to_be_some_are_taken_apart() -> None:
    """Between two readings lies their difference; after a restart what was counted since; beside a gap nothing is known."""
    text = "time,valid,bad\n0,1000,10\n60,1100,10\n120,1250,15\n180,40,2\n240,,\n300,90,2\n360,100,3\n"
    found = read(text, counts=Counts.TOTALS)[()]
    assert (found.start, found.step) == (0.0, 60.0)
    assert found.valid[:3].tolist() == [100.0, 150.0, 40.0]
    assert found.bad[:3].tolist() == [0.0, 5.0, 2.0]
    assert np.isnan(found.valid[3:5]).all()
    assert (found.valid[5], found.bad[5]) == (10.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=60))
def test_the_totals_of_events_are_those_events(steps: list[tuple[int, int]]) -> None:
    """Summed up and taken apart again, counts are what they were."""
    valid, bad = (
        np.cumsum([0, *events]) for events in ([good + bad for good, bad in steps], [bad for _, bad in steps])
    )
    found = read(rows([float(one) for one in valid], [float(one) for one in bad]), counts=Counts.TOTALS)[()]
    assert found.valid.tolist() == [good + bad for good, bad in steps]
    assert found.bad.tolist() == [bad for _, bad in steps]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("time,valid,bad\n0,100,0\n60,110,20\n", 3, "has 20 bad of 10 valid events more than the row before"),
        ("time,valid,bad\n0,100,0\n", 2, "is the only row"),
    ],
)
def test_totals_that_cannot_be_name_line_and_mend(text: str, line: int, said: str) -> None:
    """More bad than valid events between two rows, or no second row."""
    with pytest.raises(InvalidInput, match=said) as refused:
        read(text, counts=Counts.TOTALS)
    assert refused.value.problems[0].line == line
    assert refused.value.problems[0].advice


def test_an_unknown_slo_in_a_table_is_named() -> None:
    """The nearest id is offered."""
    with pytest.raises(InvalidInput, match="did you mean asked"):
        read("time,slo,valid,bad\n0,askd,1,0\n")


def test_groups_of_an_slo_without_groups_are_not_guessed() -> None:
    """Rows of several regions do not silently replace each other in an SLO that has none."""
    grouped = replace(slo(name="regions"), group_by=("region",))
    with pytest.raises(InvalidInput, match="asked is not grouped by region"):
        read_table("time,region,valid,bad\n0,east,5,1\n0,west,7,0\n".splitlines(), "counts.csv", [slo(), grouped])


def test_many_problems_end_the_reading() -> None:
    """Twenty are told, the rest of a wrong file is not read."""
    seen: list[int] = []

    def lines() -> Iterator[str]:
        yield "time,valid,bad\n"
        for number in range(1000):
            seen.append(number)
            yield "x,y,z\n"

    with pytest.raises(InvalidInput) as refused:
        read_table(lines(), "counts.csv", [slo()])
    assert len(refused.value.problems) == tables.MOST_PROBLEMS
    assert len(seen) < 50


def test_long_tables_tell_how_far_they_are_and_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress comes now and then, and what is longer than the bound is refused with the line."""
    monkeypatch.setattr(tables, "TOLD_EVERY", 10)
    monkeypatch.setattr(tables, "MOST_ROWS", 35)
    told_of: list[int] = []
    text = "time,valid,bad\n" + "".join(f"{place * 60},1,0\n" for place in range(50))
    with pytest.raises(InvalidInput, match="longer than 35 rows"):
        read_table(text.splitlines(), "counts.csv", [slo()], progress=told_of.append)
    assert told_of == [10, 20, 30]


def test_letters_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    """A file in another encoding is an input problem."""
    path = tmp_path / "counts.csv"
    path.write_bytes(b"time,valid,bad\n0,1,0\n60,\xff\xfe,0\n")
    with path.open(encoding="utf-8", newline="") as file, pytest.raises(InvalidInput, match="not UTF-8"):
        read_table(file, str(path), [slo()])


@given(st.lists(st.text(max_size=30), max_size=6))
def test_no_text_crashes_the_reading_of_tables(lines: list[str]) -> None:
    """Whatever stands below the first line, it is a table or a refusal."""
    with suppress(InvalidInput):
        assert read_table(["time,valid,bad\n", *lines], "counts.csv", [slo()])


# --- what if ---


def test_what_ifs_are_every_combination_and_the_slo_as_it_is() -> None:
    """Two objectives by two windows, and the SLO itself first; its derived windows are derived anew."""
    found = variants(slo("0.999"), asked(["objective=99%,95%", "window=7d,28d"]), POLICY)
    assert [(one.objective, one.window) for one in found] == [
        ("99.9%", "30d"), ("99%", "7d"), ("99%", "28d"), ("95%", "7d"), ("95%", "28d"),
    ]  # fmt: skip
    assert found[3].slo.windows != found[0].slo.windows
    assert variants(slo("0.95"), asked(["windows=reachable"]), POLICY)[0].windows == "standard"


def test_a_month_is_a_what_if_too() -> None:
    """`window=month` is the calendar month."""
    assert variants(slo(), asked(["window=month"]), POLICY)[1].slo.calendar


def test_windows_of_ones_own_stay_as_they_are() -> None:
    """A table of somebody's own survives another objective."""
    own = replace(slo(), windows=slo().windows[:2])
    assert variants(own, asked(["objective=99%"]), POLICY)[1].slo.windows == own.windows


@pytest.mark.parametrize(
    "text", ["objective", "objective=", "objctive=99%", "objective=100%", "objective=99", "window=1s", "windows=mine"]
)
def test_bad_what_ifs_say_how_to_write_them(text: str) -> None:
    """Every refusal carries advice."""
    with pytest.raises(QuantityError) as refused:
        asked([text])
    assert refused.value.advice


def test_too_many_what_ifs_are_refused() -> None:
    """Sixty are the most."""
    many = ",".join(f"{number}%" for number in range(10, 40))
    with pytest.raises(QuantityError, match="more than 60"):
        variants(slo(), asked([f"objective={many}", "window=7d,28d,30d"]), POLICY)


def test_nothing_is_known_of_an_empty_field() -> None:
    """An empty `bad` beside a known `valid` makes the step unknown, not good."""
    found = read("time,valid,bad\n0,5,1\n60,5,\n120,5,1\n")[()]
    assert math.isnan(found.bad[1])
