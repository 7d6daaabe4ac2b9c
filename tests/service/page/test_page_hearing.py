"""What is told to whoever listens to the chat page, and to whoever looks at it: each thing once, and while it is true."""

from __future__ import annotations

import json

import pytest

from tests.service.page.chromium import Tab

pytestmark = pytest.mark.integration

QUESTION = "Apa unsur tindak pidana korupsi?"
LAST = "document.querySelector('.answer:last-of-type')"


async def heard(tab: Tab) -> list[tuple[str, str]]:
    """Role and name of all that a screen reader finds on the page."""
    nodes = (await tab.call("Accessibility.getFullAXTree"))["nodes"]
    return [
        (node["role"]["value"], str(node.get("name", {}).get("value", "")).strip())
        for node in nodes
        if not node["ignored"]
    ]


async def test_a_countdown_is_not_said_with_each_second(tab: Tab) -> None:
    """What happened and how long it lasts is said once: the button that counts stands beside what is said."""
    await tab.play("POST", "/v1/chat", '{"code": "rate_limited"}', status=429, headers={"Retry-After": "30"})
    await tab.ask(QUESTION)
    said = await tab.run(f"{LAST}.querySelector('[role=alert]').innerText")
    assert "Terlalu banyak permintaan" in said
    assert "setelah 30 detik" in said
    await tab.until(f"/^Coba lagi .\\d+ detik.$/.test({LAST}.querySelector('.problem button').textContent)")
    assert await tab.run(f"{LAST}.querySelector('.problem button').closest('[role=alert], [role=status]')") is None


@pytest.mark.parametrize(
    ("opener", "button", "words"),
    [
        ("#show-export", "#export-list li:nth-child(2) button", "Berkas diunduh."),
        (".cite", "#copy-citation", "Tidak dapat menyalin. Pilih teksnya dan salin sendiri."),
    ],
)
async def test_an_open_dialog_says_itself_what_was_done(tab: Tab, opener: str, button: str, words: str) -> None:
    """Nothing beside an open dialog is heard; what was said in it is gone when it is opened again."""
    await tab.run("navigator.clipboard.writeText = () => Promise.reject(new Error('refused'))")
    await tab.ask(QUESTION)
    await tab.click(opener)
    status = "document.querySelector('dialog[open] [role=status]').textContent"
    assert ("status", "") in await heard(tab)
    await tab.click(button)
    await tab.until(f"{status} === {json.dumps(words)}")
    assert any(name == words for role, name in await heard(tab) if role == "StaticText")
    await tab.press("Escape")
    await tab.click(opener)
    assert await tab.run(status) == ""


async def test_thanks_are_for_the_score_that_was_kept(tab: Tab) -> None:
    """They go when another score is chosen, and never stand beside a failure."""
    await tab.ask(QUESTION)
    told = f"{LAST}.querySelector('.feedback > [role=status]').textContent"
    choose = f"{LAST}.querySelector('.feedback input[value=\"%s\"]').click()"
    send = f"{LAST}.querySelector('.feedback [type=submit]').click()"
    await tab.run(f"[...{LAST}.querySelectorAll('details')].at(-1).open = true")
    await tab.run(choose % 4)
    await tab.run(send)
    await tab.until(f"{told}.includes('tersimpan')")
    await tab.run(choose % 2)
    assert await tab.run(told) == ""
    await tab.run(send)
    await tab.until(f"{told}.includes('tersimpan')")
    message = await tab.run("window.asked.findLast(one => one.method === 'PUT').path")
    await tab.play("PUT", message, '{"code": "storage_unavailable"}', status=503)
    await tab.run(send)
    await tab.until(f"{LAST}.querySelector('.feedback .problem')")
    assert await tab.run(told) == ""


async def test_an_answer_that_cannot_be_copied_says_so_where_it_was_pressed(tab: Tab) -> None:
    """Without the right to write there the button itself says it, not to screen readers alone."""
    await tab.ask(QUESTION)
    await tab.run("navigator.clipboard.writeText = () => Promise.reject(new Error('refused'))")
    await tab.run(f"[...{LAST}.querySelectorAll('button')].find(one => one.textContent === 'Salin jawaban').click()")
    await tab.until(f"{LAST}.innerText.includes('Tidak dapat menyalin')")
