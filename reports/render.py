"""The report as a page. Formats only: the decision is made elsewhere, and the same decision gives the same bytes.

Everything that evidence says is text to this page: autoescape is on for every template, and what the page carries as JSON cannot
close its script element.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import formats
from reports.decision import Decision, Row
from reports.document import Inputs, differences, from_text, to_document
from reports.score import score_text
from reports.views import page_of
from slo.errors import EvidenceError
from slo.verdict import Readiness, Verdict

TEMPLATES = Path(__file__).parent / "templates"
EMBEDDED_ID = "readiness-document"

_INERT: dict[str, str | int | None] = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_SHAPES = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.ERROR: "error",
}
_READINESS_SHAPES = {
    Readiness.GO: "pass",
    Readiness.NO_GO: "fail",
    Readiness.UNDECIDED: "inconclusive",
    Readiness.CONDITIONAL: "conditional",
}
_HEAT_EDGES = ((0.25, "h1"), (0.5, "h2"), (0.75, "h3"), (0.9, "h4"), (1.0, "h5"))


def html(decision: Decision, inputs: Inputs) -> str:
    """The whole report as one self-contained page: no script to run, no address outside, readable offline and on paper."""
    document = to_document(decision, inputs)
    template = _environment().get_template("readiness.html.j2")
    return template.render(page=page_of(decision, inputs), embedded=embedded(document), embedded_id=EMBEDDED_ID)


def embedded(document: Mapping[str, Any]) -> Markup:
    """A document as JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.translate(str.maketrans(_INERT)))  # noqa: S704 - every character that HTML could read is escaped


def verify(page: str) -> tuple[str, ...]:
    """Derive the verdict again from what a page carries, and draw the page again from it.

    Returns:
        What disagrees; empty for an untouched report.
    """
    content = _embedded_in(page)
    if content is None:
        return (f"the page carries no document with id {EMBEDDED_ID!r}",)
    found = differences(content, "report")
    if found:
        return found
    decision, inputs = from_text(content, "report")
    return _shown_differently(page, html(decision, inputs))


def read_page(page: str) -> tuple[Decision, Inputs]:
    """The decision that a page carries and what it rests on, to decide again for another date or phase.

    Raises:
        EvidenceError: The page carries no such document, or evidence inside it was changed.
        InvalidInput: Its spec is wrong.
    """
    content = _embedded_in(page)
    if content is None:
        raise EvidenceError(f"the page carries no document with id {EMBEDDED_ID!r}")
    return from_text(content, "report")


def _shown_differently(page: str, again: str) -> tuple[str, ...]:
    if page == again:
        return ()
    pairs = zip(page.split("\n"), again.split("\n"), strict=False)
    line = next((place for place, (old, new) in enumerate(pairs, 1) if old != new), 0)
    return (f"line {line} of the page shows something else than its evidence",)


class _Finder(HTMLParser):
    """Collects the text of the one script element with the id of the embedded document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", EMBEDDED_ID) in attrs
        if self._inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def _embedded_in(page: str) -> str | None:
    finder = _Finder()
    finder.feed(page)
    finder.close()
    return finder.found[0] if len(finder.found) == 1 else None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "score": score_text,
        "amount": formats.amount,
        "objective": formats.objective,
        "margin": formats.margin,
        "interval": formats.interval,
        "used": formats.used,
        "percent": formats.percent,
        "seconds": formats.seconds,
        "count": formats.count,
        "utc": formats.utc,
        "wib": formats.wib,
        "digest": formats.digest,
        "cell": formats.cell,
        "verdict": formats.verdict_word,
        "shape": shape,
        "heat": heat,
        "recorded": lambda text: text or formats.NOTHING,
    }
    return environment


def shape(word: Verdict | Readiness | str | None) -> str:
    """The sign that stands beside a verdict, so that colour never stands alone; a verdict of no known word gets the missing sign."""
    if isinstance(word, Readiness):
        return _READINESS_SHAPES[word]
    if isinstance(word, Verdict):
        return _SHAPES[word]
    if word == "FLAKY":
        return "conditional"
    return _SHAPES[Verdict(word)] if word in tuple(Verdict) else "missing"


def heat(row: Row) -> str:
    """The shade of a heat-map cell: how much of what the contract allows is used."""
    share = formats.used(row)
    if share is None or row.verdict in (None, Verdict.ERROR):
        return "h0"
    return next((name for edge, name in _HEAT_EDGES if share <= edge), "over")
