"""The page: well-formed, self-contained, inert, byte-stable, and true to its evidence."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from reports import details, formats
from reports.charts import Series, line_chart, nice_ceiling
from reports.checklist import Checklist
from reports.decision import Decision
from reports.document import Inputs
from reports.markdown import markdown
from reports.render import EMBEDDED_ID, heat, html, read_page, shape, verify
from reports.summary import summary
from reports.trust import EvidenceSet
from reports.waivers import Waiver
from slo.errors import EvidenceError
from slo.evidence import Evidence, judged, with_digest
from slo.spec import Kind, Phase, Spec
from slo.statistics import Measurement, p95, ratio
from slo.verdict import Readiness, Verdict

Run = dict[Kind, Evidence]
VOID = {"meta", "link", "br", "path", "circle", "rect", "use", "line", "polyline", "img", "hr", "input"}
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}</script><!--\u202eevil\x00'


class _Page(HTMLParser):
    """Collects what the structure tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.text += data


def inputs_of(spec: Spec, run: Run, checklists: tuple[Checklist, ...] = (), waivers: tuple[Waiver, ...] = ()) -> Inputs:
    return Inputs(
        spec, EvidenceSet({kind: with_digest(evidence) for kind, evidence in run.items()}), waivers, checklists
    )


def _with_details(run: Run, kind: Kind, **changes: Any) -> Run:
    return run | {kind: replace(run[kind], details=dict(run[kind].details) | changes)}


def _broken(spec: Spec, run: Run) -> Run:
    """A run with a slow cell, one in the warning band, a failed scenario and no drill."""
    gate, uat = spec.gate("latency-cell"), spec.gate("acceptance")
    values = {("judge", "complex"): 9.5, ("public", "simple"): 3.8}
    items = tuple(
        judged(gate, dict(item.labels), p95([values[key]] * 100))
        if item.gate == gate.id and (key := (dict(item.labels)["role"], dict(item.labels)["complexity"])) in values
        else item
        for item in run[Kind.LATENCY].items
    )
    check = {
        "check": "citation_count",
        "verdict": "FAIL",
        "expected": "3 citations",
        "got": "1",
        "advice": "look at the index",
    }
    listed = list(run[Kind.UAT].details["scenarios"])
    listed[0] = listed[0] | {"verdict": "FAIL", "title": EVIL, "turns": [{"number": 1, "checks": [check]}]}
    listed[1] = listed[1] | {"verdict": "FLAKY"}
    broken = run | {
        Kind.LATENCY: replace(run[Kind.LATENCY], items=items),
        Kind.UAT: replace(run[Kind.UAT], items=(judged(uat, {}, ratio(59, 60)),), details={"scenarios": listed}),
    }
    del broken[Kind.DRILL]
    return broken


@pytest.fixture(scope="module")
def good(
    spec: Spec, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...], at: datetime
) -> tuple[Decision, Inputs]:
    inputs = inputs_of(spec, evidence_of(spec), checklists)
    return inputs.decide(Phase.BUILD, at), inputs


@pytest.fixture(scope="module")
def bad(
    spec: Spec, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...], at: datetime
) -> tuple[Decision, Inputs]:
    waiver = Waiver("acceptance", "known", "Head of operations", date(2026, 11, 1), date(2026, 12, 1))
    stray = Waiver("nothing", "a typo", "Head of operations", date(2026, 11, 1), date(2026, 12, 1))
    inputs = inputs_of(spec, _broken(spec, evidence_of(spec)), checklists, (waiver, stray))
    return inputs.decide(Phase.BUILD, at), inputs


@pytest.fixture(scope="module")
def empty(spec: Spec, at: datetime) -> tuple[Decision, Inputs]:
    inputs = inputs_of(spec, {})
    return inputs.decide(Phase.PUBLIC, at), inputs


@pytest.fixture(scope="module", params=["good", "bad", "empty"])
def page(request: pytest.FixtureRequest) -> str:
    decision, inputs = request.getfixturevalue(request.param)
    return html(decision, inputs)


def test_the_page_is_well_formed(page: str) -> None:
    """Every element is closed in order, ids are unique, references inside the page lead somewhere."""
    parsed = _Page(page)
    assert parsed.faults == []
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    for _, attributes in parsed.tags:
        for name in ("aria-labelledby", "href"):
            for target in (attributes.get(name) or "").split():
                if name != "href" or target.startswith("#"):
                    assert target.removeprefix("#") in parsed.ids


def test_headings_are_in_order(page: str) -> None:
    """One first heading, and no level is skipped on the way down."""
    headings = _Page(page).headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    """No address outside is loaded, no script runs, and the language is named."""
    parsed = _Page(page)
    assert dict(parsed.tags)["html"] == {"lang": "en"}
    for tag, attributes in parsed.tags:
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag not in {"iframe", "object", "embed", "img", "base", "form"}
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert [attributes for tag, attributes in parsed.tags if tag == "script"] == [
        {"type": "application/json", "id": EMBEDDED_ID}
    ]
    assert "@import" not in page
    assert "url(" not in page


def test_charts_speak(good: tuple[Decision, Inputs]) -> None:
    """Every drawing is either decoration, or an image with title and description and the same as a table."""
    parsed = _Page(html(*good))
    drawings = [
        attributes for tag, attributes in parsed.tags if tag == "svg" and attributes.get("aria-hidden") != "true"
    ]
    assert [drawing["role"] for drawing in drawings] == ["img"] * 4
    assert [drawing["aria-labelledby"] for drawing in drawings] == [
        f"chart-{kind}-{name}-title chart-{kind}-{name}-desc"
        for kind in ("load", "load-simulated")
        for name in ("requests", "p95")
    ]
    assert "The same as a table" in parsed.text


def test_verdicts_are_words_and_shapes(bad: tuple[Decision, Inputs]) -> None:
    """Each verdict stands as a word beside its own sign; nothing is told by colour alone."""
    page = html(*bad)
    for word, sign in (
        ("PASS", "pass"),
        ("FAIL", "fail"),
        ("MISSING", "missing"),
        ("CONDITIONAL", "conditional"),
        ("UNDECIDED", "inconclusive"),
    ):
        assert f'<use href="#sign-{sign}"/></svg>{word}</span>' in page


def test_the_first_words_are_verdict_phase_and_engine(
    good: tuple[Decision, Inputs], bad: tuple[Decision, Inputs]
) -> None:
    """The reader's first line says GO or not, for what, and what answered."""
    for decision, inputs in (good, bad):
        text = " ".join(_Page(html(decision, inputs)).text.split())
        assert f"{decision.readiness} for phase build, extractive engine {decision.why}" in text


def test_the_order_of_the_page(bad: tuple[Decision, Inputs]) -> None:
    """What stands in the way, what the next phase lacks, then the numbers, then where they come from."""
    found = re.findall(r'<h2 id="([a-z]+)"', html(*bad))
    assert found[:2] == ["blocking", "next"]
    assert found[-10:] == [
        "slos",
        "engines",
        "latency",
        "load",
        "acceptance",
        "drills",
        "checklists",
        "waivers",
        "phases",
        "provenance",
    ]


def test_the_page_lists_what_the_next_phase_lacks(good: tuple[Decision, Inputs]) -> None:
    """For an extractive run the list begins with the latency with a real model."""
    after = html(*good).split('<h2 id="next">')[1]
    assert after.index("Latency with a real model") < after.index("Verified documents only")


def test_the_heat_map_has_every_cell(bad: tuple[Decision, Inputs]) -> None:
    """Five roles by three complexities, with value, limit, n and verdict; the slow cell is shaded and says FAIL."""
    page = html(*bad)
    assert page.count('<table class="heat">') == 4
    for engine in (", extractive engine", " with a simulated model"):
        assert re.search(rf"<h3>Whole answer[^<]*{engine}", page)
    cell = re.search(r'<td class="over">(.*?)</td>', page, re.DOTALL)
    assert cell is not None
    assert "9.5 s" in cell.group(1)
    assert "≤ 8 s · n = 100" in cell.group(1)
    assert "FAIL" in cell.group(1)
    warned = re.search(r'<td class="h5">(.*?)</td>', page, re.DOTALL)
    assert warned is not None
    assert "in the warning band" in warned.group(1)


def test_failed_scenarios_carry_advice(bad: tuple[Decision, Inputs]) -> None:
    """What was expected, what came, and what to try."""
    text = _Page(html(*bad)).text
    for words in ("3 citations", "look at the index", "citation_count", "no finding was recorded", "FLAKY"):
        assert words in text


def test_the_load_test_is_shown(good: tuple[Decision, Inputs]) -> None:
    """Users, requests, pace and the generator's own load, its warnings, stages, and the same by complexity and role."""
    page = html(*good)
    for name, value in (("Users", "20"), ("Requests", "3,200"), ("Failures", "0"), ("Load generator busy", "31 %")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    for words in (
        "the generator was late once",
        "20 users",
        "<h3>By complexity, extractive engine</h3>",
        "<h3>With the simulated model</h3>",
    ):
        assert words in page


def test_both_engines_stand_side_by_side(good: tuple[Decision, Inputs]) -> None:
    """Each cell that both engines have is one line with both values, and the simulator behind it is named with its lateness."""
    page = html(*good)
    table = page.split('<h2 id="engines">')[1].split("</table>")[0]
    assert '<th scope="col" class="num">extractive</th>' in table
    assert table.count('<tr><th scope="row">') == 41
    assert table.count("judge · complex") == 2
    after = page.split('<h2 id="engines">')[1].split("</section>")[0]
    for words in ("Simulator behind latency-simulated", "<dt>lateness p95</dt><dd>2.1 ms</dd>", "published", "b" * 12):
        assert words in after


def test_an_engine_that_was_not_measured_shows_what_is_missing(run: Run, spec: Spec, at: datetime) -> None:
    """Without evidence of the simulated model its side of the table says so, and nothing stands in for it."""
    del run[Kind.LATENCY_SIMULATED], run[Kind.LOAD_SIMULATED]
    inputs = Inputs(spec, EvidenceSet(run))
    page = html(inputs.decide(Phase.BUILD, at), inputs)
    assert page.split('<h2 id="engines">')[1].split("</table>")[0].count("b-missing") == 39
    assert "No usable evidence tells of the simulator." in page


def test_figures_of_the_whole_come_first(run: Run) -> None:
    """A figure recorded for the whole load test is taken; else its stages add up; else it is not recorded."""
    whole = replace(
        run[Kind.LOAD], details={"users": 5, "stages": [{"users": 3, "seconds": 10}, {"users": 4, "seconds": 20}]}
    )
    load = details.load(whole)
    assert (load.users, load.duration, load.requests) == (5, 30, None)
    assert details.load(replace(whole, details={"stages": whole.details["stages"]})).users == 4


def test_the_drill_is_shown(good: tuple[Decision, Inputs]) -> None:
    """Fault, alert, predicted and measured detection, delivered, resolved, and that its baseline is synthetic."""
    text = " ".join(_Page(html(*good)).text.split())
    for words in (
        "the database is locked",
        "CourtSightAvailabilityPage",
        "6.2 s",
        "7.1 s",
        "7.2 s",
        "31.4 s",
        "baseline: synthetic",
        "1 : 60",
    ):
        assert words in text


def test_provenance_is_shown_in_both_times(good: tuple[Decision, Inputs]) -> None:
    """Commit, hashes, machine, versions, seed, and times in UTC and in Jakarta."""
    text = " ".join(_Page(html(*good)).text.split())
    for words in (
        "1a2b3c4d5e6f",
        "2026-11-20 21:17:00 UTC",
        "2026-11-21 04:17:00 WIB",
        "Linux 6.1",
        "0.163.0",
        "without local changes",
    ):
        assert words in text


def hostile(run: Run, text: str) -> Run:
    """A run whose evidence says one text wherever it may say any."""
    scenario = dict.fromkeys(("id", "title", "role", "complexity", "family", "severity", "verdict"), text)
    finding = dict.fromkeys(("turn", "check", "verdict", "expected", "got", "advice"), text)
    run = _with_details(run, Kind.UAT, scenarios=[scenario | {"findings": [finding]}])
    run = _with_details(
        run, Kind.DRILL, drills=[dict.fromkeys(("drill", "fault", "alert", "baseline", "runbook"), text)]
    )
    run = _with_details(run, Kind.SLO, slos=[{"slo": "ttft", "query_bad": text, "query_valid": text}])
    run = _with_details(run, Kind.LOAD, failures={text: 3}, stages=[{"name": text, text: text}], warnings=[text])
    return _with_details(run, Kind.PROVENANCE, machine={text: text}, versions={text: text}, steps=[{"step": text}])


def test_untrusted_text_is_inert(spec: Spec, run: Run, at: datetime, checklists: tuple[Checklist, ...]) -> None:
    """Answers, names of scenarios, errors, machines and queries that try to be markup stay text: no element or attribute is made of them."""
    pages = []
    for text in (EVIL, "kata"):
        inputs = inputs_of(spec, hostile(run, text), checklists)
        pages.append(html(inputs.decide(Phase.BUILD, at), inputs))
    page, plain = pages
    parsed = _Page(page)
    assert parsed.faults == []
    assert [(tag, sorted(named)) for tag, named in parsed.tags] == [
        (tag, sorted(named)) for tag, named in _Page(plain).tags
    ]
    assert page.count("<script") == 1
    assert "49" not in re.findall(r"\b49\b", parsed.text)
    assert "\u202e" not in parsed.text
    assert "\x00" not in page
    assert "alert(1)" in parsed.text
    assert verify(page) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        dict.fromkeys(
            ("scenarios", "timeline", "stages", "drills", "slos", "steps", "corpus", "machine", "versions", "errors"), 7
        ),
        {
            key: [None, 1, "x", {}, []]
            for key in ("scenarios", "timeline", "stages", "drills", "slos", "steps", "errors")
        },
        {
            "timeline": [{"second": 1, "requests": 5}, {"second": "x"}],
            "users": "many",
            "requests": True,
            "errors": [{"message": "reset", "count": 2}],
        },
        {"scenarios": [{"findings": "none", "duration_seconds": "fast"}], "drills": [{"scale": None}]},
    ],
)
def test_missing_details_are_not_recorded(spec: Spec, run: Run, at: datetime, wrong: dict[str, Any]) -> None:
    """Details of any other shape degrade to words; the page and the verdict stay."""
    inputs = inputs_of(spec, {kind: replace(evidence, details=wrong) for kind, evidence in run.items()})
    decision = inputs.decide(Phase.BUILD, at)
    assert decision.readiness is Readiness.GO
    page = html(decision, inputs)
    assert _Page(page).faults == []
    assert "not recorded" in page


def test_evidence_that_may_not_be_used_shows_no_details(spec: Spec, run: Run, at: datetime) -> None:
    """Scenarios of a stale run would look like results, so they are not shown."""
    run[Kind.UAT] = replace(run[Kind.UAT], complete=False)
    inputs = inputs_of(spec, run)
    page = html(inputs.decide(Phase.BUILD, at), inputs)
    assert "The scenarios were not recorded." in page
    assert "it is incomplete" in page


def test_the_same_evidence_gives_the_same_bytes(
    spec: Spec, at: datetime, checklists: tuple[Checklist, ...], evidence_of: Callable[..., Run]
) -> None:
    """Page, JSON and Markdown are functions of evidence and date alone."""
    pages = set()
    for _ in range(2):
        inputs = inputs_of(spec, dict(reversed(evidence_of(spec).items())), checklists)
        pages.add(html(inputs.decide(Phase.BUILD, at), inputs))
        inputs = inputs_of(spec, evidence_of(spec), checklists)
        pages.add(html(inputs.decide(Phase.BUILD, at), inputs))
    assert len(pages) == 1


# --- verify ---


def test_an_untouched_page_verifies(page: str) -> None:
    """The verdict and the whole page are derived again from what the page carries."""
    assert verify(page) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"readiness":"NO-GO"', '"readiness":"GO"'),
        ("<span>NO-GO</span>", "<span>GO</span>"),
        ('<span class="big">9.5 s</span>', '<span class="big">0.5 s</span>'),
        ('"value":9.5', '"value":0.5'),
        ("n = 100", "n = 900"),
        ("A requirement is broken.", "All is well."),
        ("</footer>", "<p>Approved.</p></footer>"),
    ],
)
def test_a_changed_page_is_detected(bad: tuple[Decision, Inputs], old: str, new: str) -> None:
    """A number or a word changed in the JSON or in the visible page is found."""
    page = html(*bad)
    assert old in page
    assert verify(page.replace(old, new, 1))


def test_a_page_without_its_document() -> None:
    """A page that carries nothing, or two documents, cannot be verified."""
    script = f'<script type="application/json" id="{EMBEDDED_ID}">{{}}</script>'
    for page in ("<p>GO</p>", script + script):
        assert "carries no document" in verify(page)[0]
        with pytest.raises(EvidenceError):
            read_page(page)


def test_a_page_may_be_judged_for_another_date(bad: tuple[Decision, Inputs], at: datetime) -> None:
    """What a page carries is enough to decide again: the waiver has expired, the evidence is stale."""
    decision, inputs = read_page(html(*bad))
    assert decision == bad[0]
    later = inputs.decide(Phase.BUILD, at.replace(month=12, day=24))
    assert [waiver.state for waiver in later.waivers] == ["expired", "refused"]
    assert later.readiness is Readiness.UNDECIDED


def test_the_document_cannot_close_its_element(bad: tuple[Decision, Inputs]) -> None:
    """Inside the script element no character is left that HTML could read."""
    page = html(*bad)
    inside = page.split(f'id="{EMBEDDED_ID}">')[1].split("</script>")[0]
    assert not set(inside) & set("<>&")
    assert json.loads(inside)["schema"] == "courtsight/readiness/v1"


# --- the other forms ---


def test_the_markdown_is_short_and_escaped(bad: tuple[Decision, Inputs]) -> None:
    """A pull request sees verdict, reasons, gates and what the next phase lacks; evidence cannot add markup or mentions."""
    decision = replace(bad[0], why="<b>@team</b> | see [x](https://evil.example) `now`\n# GO")
    text = markdown(decision)
    assert text.startswith("## ⛔ NO-GO for phase build\n")
    for piece in ("<b>", "@team", "](", "https://", "\n# GO"):
        assert piece not in text
    assert "### What soft still lacks" in text
    assert len(text.splitlines()) < 60


def test_the_markdown_of_nothing(empty: tuple[Decision, Inputs]) -> None:
    """Without evidence the Markdown says what is missing, cuts long lists, and has no next phase after the last."""
    text = markdown(empty[0])
    assert "❔ UNDECIDED for phase public" in text
    assert "Engine **unknown**" in text
    assert "still lacks" not in text
    assert (
        "and 1 more" in markdown(replace(empty[0], blocking=empty[0].blocking * 2)) or len(empty[0].blocking) * 2 > 12
    )


def test_a_decision_without_gates_has_no_table(good: tuple[Decision, Inputs]) -> None:
    """No gate asked, no table."""
    assert "| Gate |" not in markdown(replace(good[0], rows=()))


def test_the_terminal_text_ends_with_the_path(
    good: tuple[Decision, Inputs], bad: tuple[Decision, Inputs], tmp_path: Any
) -> None:
    """Verdict first, path last, lines of at most a hundred characters, no control characters from evidence."""
    text = summary(good[0], tmp_path / "readiness.html")
    assert text.startswith("GO for phase build (Build), engine extractive\n")
    assert text.splitlines()[-1] == f"Report: {tmp_path / 'readiness.html'}"
    assert "Phase soft still lacks:" in text
    loud = summary(replace(bad[0], why="red \x1b[31m alert", blocking=bad[0].blocking * 4))
    assert "\x1b" not in loud
    assert "more in the report" in loud
    assert max(map(len, loud.splitlines())) <= 100


def test_every_verdict_has_a_sign() -> None:
    """Words that nobody knows get the sign of what is missing."""
    assert [shape(word) for word in Verdict] == ["pass", "fail", "inconclusive", "error"]
    assert [shape(word) for word in Readiness] == ["pass", "conditional", "fail", "inconclusive"]
    assert [shape(word) for word in ("PASS", "FLAKY", "odd", None)] == ["pass", "conditional", "missing", "missing"]


def test_shades_follow_the_allowance(good: tuple[Decision, Inputs]) -> None:
    """A quarter, a half, three quarters, nine tenths, all of the limit, over it; no value has no shade."""
    row = next(row for row in good[0].rows if row.gate == "latency-cell" and row.objective == 4.0)
    shades = [heat(replace(row, value=value)) for value in (1.0, 2.0, 3.0, 3.6, 4.0, 4.01, None)]
    assert shades == ["h1", "h2", "h3", "h4", "h5", "over", "h0"]
    assert heat(replace(row, verdict=Verdict.ERROR)) == "h0"


# --- charts and details ---


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


def test_a_chart_of_one_moment() -> None:
    """A single second, or none, is drawn without dividing by zero."""
    assert line_chart("c", "T", "D", across=[5], series=[Series("s", "main", [1500.0])]).across[0].label == "5 s"
    assert line_chart("c", "T", "D", across=[], series=[]).lines == ()


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
    assert [formats.count(value) for value in (3200, 106.7, None)] == ["3,200", "106.7", "not recorded"]
    assert [formats.size(value) for value in (8 * 2**30, None)] == ["8.0 GiB", "not recorded"]
