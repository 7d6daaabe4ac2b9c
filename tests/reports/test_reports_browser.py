"""A report about a hostile chatbot in a real Chromium: nothing that evidence says runs, loads or becomes an element."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from reports.checklist import Checklist
from reports.render import html
from slo.evidence import Evidence
from slo.spec import Kind, Phase, Spec
from tests.reports.pages import hostile, inputs_of
from tests.service.page.chromium import Chromium
from tests.service.page.test_page_guards import PAYLOADS

pytestmark = pytest.mark.integration

ELEMENTS = "[...document.body.querySelectorAll('*')].map(one => [one.tagName, one.getAttributeNames().sort()])"


async def _seen(pages: list[Path]) -> list[tuple[object, list[str], list[str]]]:
    """For each page its elements, the dialogs it opened and what it asked for besides itself."""
    browser = Chromium()
    try:
        await browser.open()
        found = []
        for page in pages:
            tab = await browser.tab(page.as_uri())
            await tab.call("Page.navigate", url=page.as_uri())
            await tab.until("document.readyState === 'complete' && document.querySelector('h1')")
            # What would run on hover or focus runs now.
            await tab.run(
                "document.querySelectorAll('*').forEach(one => ['mouseover', 'focus', 'toggle', 'error'].forEach(name => one.dispatchEvent(new Event(name))))"
            )
            elements = await tab.run(ELEMENTS)
            found.append((elements, tab.alerts, [url for url in tab.requests if url != page.as_uri()]))
            await tab.close()
        return found
    finally:
        await browser.close()


def test_no_evidence_runs_in_a_browser(
    spec: Spec, run: dict[Kind, Evidence], at: datetime, checklists: tuple[Checklist, ...], tmp_path: Path
) -> None:
    """All payloads of the chat page as answers and names of a run: the same elements as for plain words, no dialog, no request."""
    pages = []
    for name, text in (("plain", "kata " * len(PAYLOADS)), ("hostile", " ".join(PAYLOADS))):
        inputs = inputs_of(spec, hostile(run, text), checklists)
        pages.append(tmp_path / f"{name}.html")
        pages[-1].write_text(html(inputs.decide(Phase.BUILD, at), inputs), encoding="utf-8")
    (plain, *_), (elements, alerts, requests) = asyncio.run(_seen(pages))
    assert (alerts, requests) == ([], [])
    assert elements == plain
