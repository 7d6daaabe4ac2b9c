"""A page that was changed is detected; Markdown and the terminal say the same in short."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from reports.decision import Decision
from reports.document import Inputs
from reports.markdown import markdown
from reports.render import EMBEDDED_ID, heat, html, read_page, shape, verify
from reports.summary import summary
from slo.errors import EvidenceError
from slo.spec import Phase
from slo.verdict import Readiness, Verdict


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
