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


def messages(*names: str, cursor: str | None) -> str:
    """A page of a conversation: for each name a question and its answer."""
    said = {"created_at": "2026-11-01T00:00:00Z", "citations": []}
    pairs = [
        [{"id": f"q{name}", "author": "user", "content": f"Tanya {name}", **said},
         {"id": f"a{name}", "author": "assistant", "content": f"Jawab {name}", **said}] for name in names
    ]  # fmt: skip
    return json.dumps({"title": "Panjang", "messages": [one for pair in pairs for one in pair], "next_cursor": cursor})


SAID = "[...document.querySelectorAll('.asked bdi')].map(one => one.textContent).join()"


async def long_one(tab: Tab, *pages: str | None) -> str:
    """Open a conversation whose pages are these; None is one that fails."""
    await tab.ask(QUESTION)
    place = str(await tab.run("new URLSearchParams(location.search).get('percakapan')"))
    await tab.click("#new-conversation")
    for page in pages:
        await tab.play("GET", f"/v1/conversations/{place}", page or "", status=200 if page else 503)
    await tab.run("history.back()")
    return place


async def test_who_reads_on_by_keyboard_stands_where_the_new_page_begins(tab: Tab) -> None:
    """The button goes with the last page: the focus goes to what came, and it is said how much that is."""
    await long_one(tab, messages("satu", cursor="lagi"), messages("dua", "tiga", cursor=None))
    await tab.until("!document.querySelector('#older-next').hidden")
    await tab.run("document.querySelector('#older-next').focus()")
    await tab.press("Enter")
    await tab.until("document.querySelector('#older-next').hidden")
    assert await tab.focused() == "Pertanyaan: Tanya dua"
    await tab.until("document.querySelector('#announcer').textContent === '4 pesan dimuat.'")
    await tab.press("Tab")
    assert await tab.run("document.querySelectorAll('#exchange [tabindex]').length") == 0


async def test_a_page_that_failed_is_told_once_and_tried_again(tab: Tab) -> None:
    """A second failure takes the place of the first, what comes then takes that of both, and the focus is not lost with the button."""
    await long_one(tab, messages("satu", cursor="lagi"), None, None, messages("dua", cursor=None))
    await tab.until("!document.querySelector('#older-next').hidden")
    await tab.click("#older-next")
    await tab.until("document.querySelector('.unread button')")
    await tab.run("window.before = document.querySelector('.unread')")
    await tab.click("#older-next")
    await tab.until("document.querySelector('.unread') && document.querySelector('.unread') !== window.before")
    assert await tab.run("document.querySelectorAll('#exchange .problem').length") == 1
    await tab.run("document.querySelector('.unread button').focus()")
    await tab.press("Enter")
    await tab.until(f"{SAID} === 'Tanya satu,Tanya dua'")
    assert await tab.focused() == "Pertanyaan: Tanya dua"
    assert await tab.run("document.querySelectorAll('#exchange .problem').length") == 0


async def test_a_question_before_the_conversation_is_there_stands_below_it(tab: Tab) -> None:
    """Where its messages are still on their way, or did not come at first, they are put in above what is asked meanwhile."""
    place = await long_one(tab, None)
    await tab.until("document.querySelector('.unread button')")
    done = {"id": "abaru", "conversation_id": place, "answer": "Jawaban.", "citations": [], "tool_calls": [], "reasoning_steps": [],
            "complexity": "simple", "model": "extractive", "confidence_score": 0, "notices": []}  # fmt: skip
    await tab.play("POST", "/v1/chat", stream(("done", done)))
    await tab.ask("Tanya baru")
    await tab.play("GET", f"/v1/conversations/{place}", messages("satu", cursor=None))
    await tab.click(".unread button")
    await tab.until(f"{SAID} === 'Tanya satu,Tanya baru'")


@pytest.mark.parametrize("again", [503, 200])
async def test_trying_again_by_keyboard_loses_no_place(tab: Tab, again: int) -> None:
    """The button of a failure goes when it is pressed: in the list the focus goes to the next one, or to what stands beside it."""
    await tab.play("GET", "/v1/conversations", "", status=503)
    await tab.play("GET", "/v1/conversations", '{"conversations": [], "next_cursor": null}', status=again)
    await tab.ask(QUESTION)
    await tab.until("document.querySelector('#history-problem button')")
    await tab.run("window.before = document.querySelector('#history-problem button'); window.before.focus()")
    await tab.press("Enter")
    await tab.until("!window.before.isConnected")
    assert await tab.focused() == ("Coba lagi" if again == 503 else "new-conversation")


async def test_paper_gets_the_whole_conversation_or_says_what_it_lacks(tab: Tab) -> None:
    """What is not loaded yet is loaded before it is printed; where that fails nothing is printed, and the browser's own command prints that something is missing."""
    await tab.run("void (window.print = () => { window.printed = document.querySelectorAll('.asked').length; })")
    place = await long_one(tab, messages("satu", cursor="dua"), None)
    await tab.until("!document.querySelector('#older-next').hidden")
    await tab.call("Emulation.setEmulatedMedia", media="print")
    assert "tidak tercetak" in await tab.text()
    await tab.call("Emulation.setEmulatedMedia", media="")
    assert "tidak tercetak" not in await tab.text()
    await tab.click("#show-export")
    await tab.click("#print")
    await tab.until("document.querySelector('#export .problem')")
    assert await tab.run("window.printed") is None
    await tab.play("GET", f"/v1/conversations/{place}", messages("dua", cursor="tiga"))
    await tab.play("GET", f"/v1/conversations/{place}", messages("tiga", cursor=None))
    await tab.run("[1, 2].forEach(() => document.querySelector('#print').click())")
    await tab.until("window.printed === 3")
    assert not await tab.run("document.querySelector('#export').open")
    await tab.call("Emulation.setEmulatedMedia", media="print")
    assert "tidak tercetak" not in await tab.text()
    await tab.call("Emulation.setEmulatedMedia", media="")


async def test_a_name_that_comes_late_is_given_to_its_own_conversation(tab: Tab) -> None:
    """Who turns to another name while the first is on its way keeps the second dialog, and both names stand where they belong."""
    for title in ("Satu", "Dua"):
        await tab.run(
            f"fetch('/v1/conversations', {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: JSON.stringify({{title: '{title}'}})}})"
        )
    await tab.go()
    await tab.until("document.querySelector('#history-list').innerText.startsWith('Dua')")
    await tab.run(
        "window.real = fetch; window.fetch = async (address, how) => {"
        " if (how?.method === 'PATCH') await new Promise((go) => { window.release = go; }); return real(address, how); };"
    )
    names = (
        "[...document.querySelectorAll('#history-list .open span:first-child')].slice(0, 2).map(one => one.textContent)"
    )
    await tab.run("document.querySelectorAll('#history-list .doing')[1].firstChild.click()")
    await tab.type("Satu yang baru")
    await tab.press("Enter")
    await tab.until("window.release")
    await tab.press("Escape")
    await tab.run("document.querySelectorAll('#history-list .doing')[0].firstChild.click()")
    await tab.run("window.release()")
    await tab.until(f"{names}.includes('Satu yang baru')")
    assert await tab.run(names) == ["Dua", "Satu yang baru"]
    assert await tab.run("document.querySelector('#rename').open")


async def test_a_passage_is_read_at_four_times_the_size(tab: Tab) -> None:
    """Its buttons do not stay over half of what a window at 400 % shows."""
    await tab.ask(QUESTION)
    await tab.look(1280, 800, "light", zoom=4)
    await tab.click(".cite")
    await tab.until("document.querySelector('.passage-text mark')")
    foot = "document.querySelector('#passage .dialog-foot').getBoundingClientRect().top"
    assert await tab.run(f"{foot} > document.querySelector('#passage').getBoundingClientRect().bottom")
