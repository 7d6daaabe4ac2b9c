"""Where the reader stands on the page: after a reload, on the way back, in a conversation that is gone, on paper."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.service.page.chromium import Tab, stream
from tests.service.page.test_page_guards import answer_of

pytestmark = pytest.mark.integration

QUESTION = "Apa unsur tindak pidana korupsi?"
ANSWERS = "document.querySelectorAll('.answer .sources').length"


async def back(tab: Tab, steps: int = -1) -> None:
    await tab.run(f"history.go({steps})")


async def test_a_reload_and_the_way_back_find_the_conversation(tab: Tab) -> None:
    """The address names what is open: a reload shows it again with its title, back and forward turn between conversations."""
    await tab.ask(QUESTION)
    title = await tab.run("document.querySelector('#conversation-title').textContent")
    await tab.run("window.old = true")
    await tab.call("Page.reload")
    await tab.until(f"!window.old && document.body.dataset.view === 'desk' && {ANSWERS} === 1")
    assert await tab.run("document.querySelector('#conversation-title').textContent") == title
    await tab.ask("Dan apa ancaman hukumannya?")
    (asked,) = await tab.run("window.asked.filter(one => one.path === '/v1/chat').map(one => one.body)")
    assert asked["conversation_id"] == await tab.run("new URLSearchParams(location.search).get('percakapan')")
    await tab.click("#new-conversation")
    assert await tab.run("location.search") == ""
    await back(tab)
    await tab.until(f"{ANSWERS} === 2")
    await back(tab, 1)
    await tab.until("!document.querySelector('#welcome').hidden")
    assert await tab.run("document.querySelectorAll('.answer').length") == 0


@pytest.mark.parametrize("gone", ["tidak-ada", "x" * 2000, "<script>alert(1)</script>"])
async def test_an_address_that_leads_nowhere_says_so_and_takes_no_question(tab: Tab, gone: str) -> None:
    """A conversation that was deleted, or belongs to somebody else: the next question begins a new one."""
    await tab.run(f"void history.pushState(null, '', '/?' + new URLSearchParams({{percakapan: {json.dumps(gone)}}}))")
    await tab.run("window.old = true")
    await tab.call("Page.reload")
    await tab.until("!window.old && document.querySelector('#exchange .problem')")
    assert "Tidak ditemukan" in await tab.text()
    assert await tab.run("location.search") == ""
    await tab.ask(QUESTION)
    (asked,) = await tab.run("window.asked.filter(one => one.path === '/v1/chat').map(one => one.body)")
    assert "conversation_id" not in asked


async def test_nobody_else_is_led_to_a_conversation(open_tab: Any, site: Any) -> None:
    """Whoever leaves takes the address along."""
    tab = await open_tab()
    await tab.log_in(site.judge, site.password)
    await tab.ask(QUESTION)
    assert await tab.run("location.search") != ""
    await tab.click("#log-out")
    await tab.until("document.body.dataset.view === 'login'")
    assert await tab.run("location.search") == ""


LEFT = "document.querySelector('#question').value"


async def reload(tab: Tab) -> None:
    await tab.run("window.old = true")
    await tab.call("Page.reload")
    await tab.until("!window.old && document.body.dataset.view === 'desk'")


@pytest.mark.parametrize("ends", [False, True])
async def test_a_question_without_its_answer_survives_a_reload(tab: Tab, ends: bool) -> None:
    """In mid-answer, or after the network was lost, the question stands in the field again and keeps its key; once it is answered it does not."""
    await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal"})), ends=ends)
    await tab.type(QUESTION)
    await tab.press("Enter")
    await tab.until("document.querySelector('.answer .problem')" if ends else "document.querySelector('.prose p')")
    (lost,) = await tab.run("window.asked.filter(one => one.path === '/v1/chat')")
    await reload(tab)
    await tab.until(f"{LEFT} === {json.dumps(QUESTION)}")
    await tab.run("document.querySelector('#question').focus()")
    await tab.press("Enter")
    await tab.until(f"{ANSWERS} === 1 && document.querySelector('#stop').hidden")
    (asked,) = await tab.run("window.asked.filter(one => one.path === '/v1/chat')")
    assert asked["body"] == lost["body"]
    assert asked["headers"]["Idempotency-Key"] == lost["headers"]["Idempotency-Key"]
    await reload(tab)
    await tab.until(f"{ANSWERS} === 1")
    assert await tab.run(LEFT) == ""


async def test_a_question_that_was_left_is_nobody_elses(open_tab: Any, site: Any) -> None:
    """Stopped on purpose it is gone; who leaves takes it along, and who comes with another name finds nothing of it."""
    tab = await open_tab()
    await tab.log_in(site.judge, site.password)
    kept = "sessionStorage.length"
    for leave in ("#stop", "#log-out"):
        await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal"})), ends=False)
        await tab.run("document.querySelector('#question').focus()")
        await tab.type(QUESTION)
        await tab.press("Enter")
        await tab.until("[...document.querySelectorAll('.prose p')].length && !document.querySelector('#stop').hidden")
        assert await tab.run(kept) == 1
        await tab.click(leave)
        await tab.until(f"{kept} === 0")
    left = {"username": site.judge, "message": QUESTION, "conversation": None, "key": "k"}
    await tab.run(f"sessionStorage.setItem('courtsight-unanswered', {json.dumps(json.dumps(left))})")
    await tab.log_in(site.citizen, site.password)
    assert await tab.run(LEFT) == ""


async def test_who_turns_away_in_mid_answer_keeps_the_question(tab: Tab) -> None:
    """Another conversation, or the way back, ends the answer and not what was written: it stands in the field, unless something else does."""
    await tab.ask(QUESTION)
    second, other = "Apa syarat sah perjanjian?", "Sudah ditulis"
    for turn, typed in (
        ("document.querySelector('#new-conversation').click()", ""),
        ("history.back()", ""),
        ("history.forward()", other),
    ):
        await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal"})), ends=False)
        await tab.run("document.querySelector('#question').value = ''; document.querySelector('#question').focus()")
        await tab.type(second)
        await tab.press("Enter")
        await tab.until("!document.querySelector('#stop').hidden")
        await tab.type(typed)
        await tab.run(f"void {turn}")
        await tab.until(f"document.querySelector('#stop').hidden && {LEFT} === {json.dumps(typed or second)}")


async def test_a_question_to_a_conversation_that_is_gone_can_be_asked_anew(tab: Tab) -> None:
    """It was deleted in another tab: the button asks in a new conversation, where asking again could never be answered."""
    await tab.ask(QUESTION)
    gone = await tab.run("new URLSearchParams(location.search).get('percakapan')")
    await tab.run(f"fetch('/v1/conversations/{gone}', {{ method: 'DELETE' }})")
    await tab.run("document.querySelector('#question').focus()")
    await tab.type("Apa syarat sah perjanjian?")
    await tab.press("Enter")
    await tab.until("document.querySelector('.answer .problem')")
    assert "Tidak ditemukan" in await tab.text()
    await tab.click(".answer .problem button")
    await tab.until(f"{ANSWERS} === 1 && document.querySelector('#stop').hidden && location.search !== ''")
    assert await tab.run("document.querySelector('.asked bdi').textContent") == "Apa syarat sah perjanjian?"
    assert gone not in await tab.run("location.search")


async def test_a_first_question_that_failed_is_asked_again_where_the_reader_is(tab: Tab) -> None:
    """Another question began the conversation meanwhile: the answer belongs to it, and so does what is asked afterwards."""
    await tab.play("POST", "/v1/chat", '{"code": "storage_unavailable"}', status=503)
    await tab.ask(QUESTION)
    await tab.ask("Apa syarat sah perjanjian?")
    place = await tab.run("location.search")
    await tab.click(".answer .problem button")
    await tab.until(f"{ANSWERS} === 2 && document.querySelector('#stop').hidden")
    assert await tab.run("location.search") == place
    failed, between, again = await tab.run("window.asked.filter(one => one.path === '/v1/chat')")
    assert "conversation_id" not in between["body"]
    assert place.endswith(again["body"]["conversation_id"])
    assert again["headers"]["Idempotency-Key"] != failed["headers"]["Idempotency-Key"]
    await reload(tab)
    await tab.until(f"{ANSWERS} === 2")


async def test_a_session_that_ends_in_mid_answer_is_nobodys_wish(tab: Tab, session: list[dict[str, Any]]) -> None:
    """The answer that it cut says that it was cut, and not that its reader stopped it; loaded again at the login, the page still has the question."""
    await tab.ask(QUESTION)
    await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal"})), ends=False)
    await tab.run("document.querySelector('#question').focus()")
    await tab.type("Apa syarat sah perjanjian?")
    await tab.press("Enter")
    await tab.until("!document.querySelector('#stop').hidden")
    await tab.call("Network.clearBrowserCookies")
    await tab.click(".cite")
    await tab.until("document.body.dataset.view === 'login'")
    told = await tab.run("document.querySelector('.answer:last-of-type').textContent")
    assert "Dihentikan" not in told
    assert "Jawaban terputus" in told
    await tab.call("Network.setCookies", cookies=session)
    await tab.go(await tab.run("location.pathname + location.search"))
    await tab.until("document.querySelector('#question').value === 'Apa syarat sah perjanjian?'")


async def test_an_answer_is_read_again_with_its_notices(tab: Tab) -> None:
    """What a reader must know stands under the answer of yesterday too, before anything is opened, and once when it is."""
    await tab.ask(QUESTION)
    told = f"[...{LAST}.querySelectorAll('.notice li')].map(one => one.textContent)"
    before = await tab.run(told)
    assert before
    await open_again(tab)
    assert await tab.run(told) == before
    await tab.run("document.querySelector('.answer details').open = true")
    await tab.until("document.querySelector('.steps').innerText.includes('berhasil')")
    assert await tab.run(told) == before


async def test_a_title_is_cut_between_letters_as_the_service_does(tab: Tab) -> None:
    """The heading of a first question is the one in the list, also where an emoji stands at its end or the question has lines."""
    text = "Apa itu hukum\n pidana?".ljust(80, "x") + "⚖️" + "👩" * 9
    await tab.run(
        f"document.querySelector('#question').value = {json.dumps(text)}; document.querySelector('#question').focus()"
    )
    await tab.press("Enter")
    await tab.until("document.querySelector('#stop').hidden")
    await tab.until(f"document.querySelector('{OPENED} span')")
    shown = await tab.run("document.querySelector('#conversation-title').textContent")
    assert shown == await tab.run(f"document.querySelector('{OPENED} span').textContent")
    assert shown.isprintable()


async def test_a_second_question_in_mid_answer_is_told_to_wait(tab: Tab) -> None:
    """Enter does nothing then, keeps what is written, and says so to whoever does not see the button that stops."""
    await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal"})), ends=False)
    await tab.type(QUESTION)
    await tab.press("Enter")
    await tab.until("!document.querySelector('#stop').hidden")
    await tab.type("Dan apa lagi?")
    await tab.press("Enter")
    await tab.until("document.querySelector('#announcer').textContent.includes('masih disusun')")
    assert await tab.run(LEFT) == "Dan apa lagi?"
    assert await tab.run("document.querySelectorAll('.asked').length") == 1


async def test_words_that_run_from_right_to_left_do_so(tab: Tab) -> None:
    """What people write has its own direction in the field, above the answer, in the list and in a sentence of ours; emoji stay whole."""
    arabic = "ما هو القانون الجنائي؟ 👩🏽‍⚖️"
    await tab.ask(arabic)
    assert await tab.run("document.querySelector('.asked bdi').textContent") == arabic
    await tab.until(f"document.querySelector('{OPENED} span')")
    await tab.run(f"document.querySelector('#question').value = {json.dumps(arabic)}")
    ways = "(...all) => all.map(one => getComputedStyle(document.querySelector(one)).direction)"
    wanted = ["#question", ".asked bdi", f"{OPENED} span"]
    assert await tab.run(f"({ways})(...{json.dumps(wanted)})") == ["rtl"] * 3
    await tab.click("#history-list [aria-label^='Hapus']")
    await tab.until("document.querySelector('#remove-text bdi')")
    assert await tab.run("getComputedStyle(document.querySelector('#remove-text')).direction") == "ltr"


OPENED = "#history-list .open[aria-current]"
"""The open conversation in the list: others of the same account stand there before it does."""
LAST = "document.querySelector('.answer:last-of-type')"
SCORING = f"[...{LAST}.querySelectorAll('details')].at(-1).open = true"


async def open_again(tab: Tab) -> None:
    """Leave the conversation and open it out of the list."""
    await tab.until(f"document.querySelector('{OPENED}')")
    await tab.run("window.shown = document.querySelector('.answer')")
    await tab.click("#new-conversation")
    await tab.until("document.querySelector('#history-list .open')")
    await tab.click("#history-list .open")
    await tab.until("document.querySelector('.answer .sources') && document.querySelector('.answer') !== window.shown")


async def rate(tab: Tab, score: int) -> None:
    """Choose a score and send it."""
    await tab.run(f"{LAST}.querySelector('input[value=\"{score}\"]').click()")
    await tab.run(f"{LAST}.querySelector('.feedback [type=submit]').click()")
    await tab.until(f"{LAST}.innerText.includes('penilaian Anda tersimpan')")


async def test_a_score_is_shown_as_it_was_given_last(tab: Tab) -> None:
    """A conversation that is opened again shows the new score and not the one that was read before."""
    await tab.ask(QUESTION)
    for score in (2, 5):
        await open_again(tab)
        await tab.run(SCORING)
        await rate(tab, score)
        await open_again(tab)
        await tab.run(SCORING)
        await tab.until(f"{LAST}.querySelector('input:checked')?.value === '{score}'")


async def test_a_score_from_before_that_comes_late_changes_nothing(tab: Tab) -> None:
    """Who scores while the old score is still on its way keeps the own choice, now and when the conversation is opened again."""
    await tab.ask(QUESTION)
    await tab.run(SCORING)
    await rate(tab, 2)
    await open_again(tab)
    await tab.run(
        "window.real = fetch; window.late = new Promise((go) => { window.release = go; });"
        "window.fetch = async (address, how) => { const got = await real(address, how);"
        " if ((how?.method ?? 'GET') === 'GET' && String(address).includes('/messages/')) await late; return got; };"
    )
    await tab.run(SCORING)
    await rate(tab, 5)
    await tab.run("window.release(); window.fetch = window.real; new Promise((go) => setTimeout(go, 300))")
    assert await tab.run(f"{LAST}.querySelector('input:checked').value") == "5"
    await open_again(tab)
    await tab.run(SCORING)
    await tab.until(f"{LAST}.querySelector('input:checked')?.value === '5'")


async def test_steps_that_could_not_be_loaded_are_asked_for_again(tab: Tab) -> None:
    """A failure behind the list of steps has a button, and the list comes with it."""
    await tab.ask(QUESTION)
    identifier = await tab.run("document.querySelector('.feedback textarea').id.slice('comment-'.length)")
    await open_again(tab)
    await tab.play("GET", f"/v1/messages/{identifier}", "", offline=True)
    await tab.run("document.querySelector('.answer details').open = true")
    await tab.click(".steps .problem button")
    await tab.until("document.querySelector('.steps').innerText.includes('berhasil')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_paper_gets_what_is_read(as_judge: Any, scheme: str) -> None:
    """Printed, an answer has its sources and no buttons, in black on white; an open passage is printed alone and whole."""
    tab = await as_judge(scheme=scheme)
    await tab.ask(QUESTION)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    await tab.call("Emulation.setEmulatedMedia", media="print", features=features)
    seen = "(e => getComputedStyle(e).display !== 'none' && e.getClientRects().length > 0)"
    assert await tab.run(f"[...document.querySelectorAll('.prose, .sources')].every({seen})")
    assert not await tab.run(
        f"[...document.querySelectorAll('.ask, #log-out, #history, #show-export, .feedback')].some({seen})"
    )
    assert await tab.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert await tab.run("getComputedStyle(document.querySelector('.prose')).color") == "rgb(0, 0, 0)"
    await tab.run("document.querySelector('.cite').click()")
    await tab.until("document.querySelector('.passage-text mark')")
    assert not await tab.run(f"{seen}(document.querySelector('#desk'))")
    paper = base64.b64decode((await tab.call("Page.printToPDF"))["data"])
    assert paper.startswith(b"%PDF")


async def test_a_question_below_a_long_conversation_stands_at_its_end(tab: Tab) -> None:
    """What was said before and was not loaded yet comes in above the new question, which is shown once."""

    def said(number: int) -> list[dict[str, Any]]:
        words = {"created_at": "2026-11-01T00:00:00Z", "citations": []}
        return [
            {"id": f"q{number}", "author": "user", "content": f"Pertanyaan {number}", **words},
            {"id": f"a{number}", "author": "assistant", "content": f"Jawaban {number}", **words},
        ]

    def page(*numbers: int, cursor: str | None) -> str:
        messages = [message for number in numbers for message in said(number)]
        return json.dumps({"title": "Panjang", "messages": messages, "next_cursor": cursor})

    await tab.ask(QUESTION)
    place = await tab.run("new URLSearchParams(location.search).get('percakapan')")
    await tab.click("#new-conversation")
    await tab.play("GET", f"/v1/conversations/{place}", page(1, cursor="satu"))
    await tab.run("history.back()")
    await tab.until("!document.querySelector('#older-next').hidden")
    for number in (4, 5):
        done = {**answer_of(f"Jawaban {number}"), "id": f"a{number}", "conversation_id": place}
        await tab.play("POST", "/v1/chat", stream(("done", done)))
        await tab.ask(f"Pertanyaan {number}")
    asked = "[...document.querySelectorAll('.asked bdi')].map(one => one.textContent.at(-1)).join('')"
    for numbers, cursor, shown in (((2,), "dua", "1245"), ((3, 4, 5), None, "12345")):
        await tab.play("GET", f"/v1/conversations/{place}", page(*numbers, cursor=cursor))
        await tab.click("#older-next")
        await tab.until(f"{asked} === '{shown}'")
        assert await tab.run("document.querySelectorAll('.answer').length") == len(shown)
    await tab.click("#new-conversation")
    assert await tab.run("document.querySelector('#exchange').childElementCount") == 0
    assert await tab.run("document.querySelector('#exchange').nextElementSibling.id") == "older-next"
