"""The page: well-formed, self-contained, inert, byte-stable, and true to its evidence."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from reports import details
from reports.checklist import Checklist
from reports.decision import Decision
from reports.document import Inputs
from reports.render import EMBEDDED_ID, html, verify
from reports.trust import EvidenceSet
from slo.spec import Kind, Phase, Spec
from slo.verdict import Readiness
from tests.reports.pages import EVIL, Run, hostile, inputs_of, with_details

VOID = {"meta", "link", "br", "path", "circle", "rect", "use", "line", "polyline", "img", "hr", "input"}


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


def test_what_the_latency_warns_of_is_shown(spec: Spec, run: Run, at: datetime) -> None:
    """When the client itself stood still, with the engine whose answers it read; no list where there is nothing."""
    assert "stood still" not in html(inputs_of(spec, run).decide(Phase.BUILD, at), inputs_of(spec, run))
    said = "the client itself stood still: 2.0 s from second 3.0 on"
    for kind in (Kind.LATENCY, Kind.LATENCY_SIMULATED):
        run = with_details(run, kind, warnings=[said])
    inputs = inputs_of(spec, run)
    page = html(inputs.decide(Phase.BUILD, at), inputs)
    assert f"<li>With the extractive engine, {said}.</li>" in page
    assert f"<li>With the simulated engine, {said}.</li>" in page
