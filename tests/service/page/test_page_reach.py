"""What may be reached on the chat page, and what comes up by itself: nothing that is covered, nothing that belongs to another conversation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.service.page.chromium import Tab, stream

pytestmark = pytest.mark.integration

QUESTION = "Apa unsur tindak pidana korupsi?"
OPEN = "document.querySelector('#history').dataset.open === 'true'"
COVERED = "[...document.querySelectorAll('.skip, .top, #chat')].filter(one => one.inert).length"


async def test_nothing_behind_the_list_has_the_focus(as_judge: Any) -> None:
    """On a phone the list covers header and page: the tabulator never stands on what nobody sees, and Escape goes back."""
    tab = await as_judge(360, 740)
    await tab.ask(QUESTION)
    await tab.click("#show-history")
    assert await tab.focused() == "hide-history"
    buttons = await tab.run("document.querySelectorAll('#history button').length")
    for _ in range(buttons + 4):
        await tab.press("Tab")
        inside = "document.activeElement === document.body || document.querySelector('#history').contains(document.activeElement)"
        assert await tab.run(inside), await tab.focused()
    await tab.press("Escape")
    assert await tab.focused() == "show-history"
    assert await tab.run(COVERED) == 0


async def test_a_tablet_that_is_turned_is_not_locked(as_judge: Any) -> None:
    """Beside the page the list covers nothing: all of it can be used again at once."""
    tab = await as_judge(768, 1024)
    await tab.click("#show-history")
    assert await tab.run(COVERED) == 3
    await tab.look(1024, 768, "light")
    await tab.until(f"!({OPEN})")
    assert await tab.run(COVERED) == 0


async def test_the_way_back_leaves_no_dialog_of_another_conversation(tab: Tab) -> None:
    """An export that is open over one conversation does not stay open over the next."""
    await tab.ask(QUESTION)
    await tab.click("#new-conversation")
    await tab.ask("Apa itu asas legalitas?")
    await tab.click("#show-export")
    await tab.run("history.go(-2)")
    await tab.until("document.querySelector('#exchange').innerText.includes('korupsi')")
    assert not await tab.run("document.querySelector('#export').open")


async def test_no_keyboard_comes_up_by_itself(tab: Tab) -> None:
    """Where thumbs point, stopping, asking again and deleting leave the field alone; elsewhere it has the focus."""
    again = "[...document.querySelectorAll('.answer button')].find(one => one.textContent === 'Tanyakan lagi').click()"
    for thumbs, focused in ((False, "question"), (True, "conversation-title")):
        if thumbs:
            await tab.run("window.matchMedia = (query) => ({ matches: query === '(pointer: coarse)' })")
        await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal."})), ends=False)
        await tab.run("document.querySelector('#question').focus()")
        await tab.type(QUESTION)
        await tab.press("Enter")
        await tab.until("document.querySelector('.prose p')")
        await tab.click("#stop")
        assert await tab.focused() == focused
        await tab.until("document.querySelector('#stop').hidden")
        await tab.run("document.activeElement.blur()")
        await tab.run(again)
        assert await tab.focused() == focused
        await tab.until("document.querySelector('.answer .sources') && document.querySelector('#stop').hidden")
        await tab.click("#new-conversation")


async def test_enter_that_ends_a_composition_sends_nothing(tab: Tab) -> None:
    """Whoever chooses a word of an input method presses Enter for it; Safari tells of that Enter behind the composition, by its code alone."""
    await tab.type("法律")
    for more in ("isComposing: true", "keyCode: 229"):
        event = f"new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true, cancelable: true, {more} }})"
        await tab.run(f"document.querySelector('#question').dispatchEvent({event})")
        assert await tab.run("document.querySelector('#question').value") == "法律"
    assert await tab.run("window.asked.filter(one => one.path === '/v1/chat').length") == 0


async def test_an_empty_page_of_the_list_is_no_empty_history(tab: Tab) -> None:
    """Who deletes all that is shown sees what stands behind it, and is not told that there is nothing."""
    one = {"conversation_id": "satu", "title": "Satu", "created_at": "2026-11-01T00:00:00Z", "messages": 2}
    two = {**one, "conversation_id": "dua", "title": "Dua"}
    done = {"id": "m", "conversation_id": "satu", "answer": "Jawaban.", "citations": [], "tool_calls": [], "reasoning_steps": [],
            "complexity": "simple", "model": "extractive", "confidence_score": 0, "notices": []}  # fmt: skip
    await tab.play("POST", "/v1/chat", stream(("done", done)))
    await tab.play("GET", "/v1/conversations", json.dumps({"conversations": [one], "next_cursor": "lagi"}))
    await tab.ask(QUESTION)
    await tab.until("document.querySelector('#history-list').innerText.startsWith('Satu')")
    await tab.run("[...document.querySelectorAll('#history-list li')].slice(1).forEach(one => one.remove())")
    await tab.run("document.querySelector('#history-list .doing button:last-child').click()")
    await tab.play("DELETE", "/v1/conversations/satu", "{}")
    await tab.play("GET", "/v1/conversations", json.dumps({"conversations": [two], "next_cursor": None}))
    await tab.click("#remove-confirmed")
    await tab.until("document.querySelector('#history-list').innerText.startsWith('Dua')")
    assert await tab.run("document.querySelector('#history-empty').hidden")
