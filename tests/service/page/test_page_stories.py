"""What people do with the chat page, in a real browser over a real service."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.page.chromium import Tab, stream

pytestmark = pytest.mark.integration

QUESTION = "Apa unsur tindak pidana korupsi?"
LAST = "document.querySelector('.answer:last-of-type')"
PROBLEM = "document.querySelector('.answer .problem')"


async def answers(tab: Tab) -> Any:
    return await tab.run("[...document.querySelectorAll('.prose')].map(one => one.textContent)")


async def test_logging_in_says_what_is_wrong_and_keeps_the_token_from_scripts(open_tab: Any, site: Any) -> None:
    """A wrong password is told in words and the focus stands where to mend it; the cookie of a good one is out of reach."""
    tab = await open_tab()
    await tab.go()
    assert await tab.focused() == "username"
    await tab.type(site.judge)
    await tab.press("Tab")
    await tab.type("salah sekali")
    await tab.press("Enter")
    await tab.until("!document.querySelector('#login-error').hidden")
    assert "Nama pengguna atau kata sandi salah" in await tab.text()
    assert await tab.focused() == "password"
    await tab.type(site.password)
    await tab.press("Enter")
    await tab.until("document.body.dataset.view === 'desk'")
    assert "hakim-uji · Hakim" in await tab.text()
    assert await tab.run("document.cookie") == ""
    assert "Authorization" not in json.dumps(await tab.run("window.asked"))
    await tab.go()
    assert await tab.run("document.body.dataset.view") == "desk"
    await tab.click("#log-out")
    await tab.until("document.body.dataset.view === 'login'")
    await tab.go()
    assert await tab.run("document.body.dataset.view") == "login"


async def test_an_answer_comes_with_what_is_known_of_it(tab: Tab) -> None:
    """The streamed text, its sources, steps and tools, the class, confidence in words and number, and who wrote it."""
    await tab.ask(QUESTION)
    said = await tab.run(f"{LAST}.innerText")
    assert "Keyakinan" in said
    assert "Disusun tanpa model bahasa" in said
    assert "Pertanyaan sederhana" in said or "Pertanyaan menengah" in said
    assert await tab.run(f"{LAST}.querySelectorAll('.sources li').length") >= 1
    assert "Langkah dan alat" in said
    await tab.run(f"{LAST}.querySelector('details').open = true")
    assert "Pencarian sumber hukum berhasil" in await tab.run(f"{LAST}.querySelector('.steps').innerText")
    await tab.until("/^Jawaban selesai, \\d+ sumber/.test(document.querySelector('#announcer').textContent)")


async def test_a_mark_opens_its_passage_and_gives_the_focus_back(tab: Tab) -> None:
    """The full text as it was stored, the quoted part marked; Esc closes, and the focus returns to the mark."""
    await tab.ask(QUESTION)
    await tab.run("document.querySelector('.cite').focus()")
    name = await tab.focused()
    assert name.startswith("Sumber ")
    await tab.press("Enter")
    await tab.until("document.querySelector('.passage-text mark')")
    assert await tab.focused() == "passage-title"
    asked = await tab.run("window.asked.filter(one => one.path.startsWith('/v1/messages/')).length")
    assert asked == 1
    await tab.press("Escape")
    await tab.until("!document.querySelector('#passage').open")
    assert await tab.focused() == name


async def test_a_follow_up_stays_in_its_conversation(tab: Tab) -> None:
    """The second question carries the conversation's id; a new conversation does not."""
    await tab.ask(QUESTION)
    await tab.ask("Bagaimana dengan sanksinya?")
    await tab.click("#new-conversation")
    assert await tab.run("document.querySelectorAll('.answer').length") == 0
    await tab.ask("Apa itu asas legalitas?")
    bodies = await tab.run("window.asked.filter(one => one.path === '/v1/chat').map(one => one.body)")
    assert "conversation_id" not in bodies[0]
    assert bodies[1]["conversation_id"]
    assert "conversation_id" not in bodies[2]


async def test_enter_sends_and_shift_enter_begins_a_line(tab: Tab) -> None:
    """The line break stays in the question; a phone's key says that it sends; what is too long is not sent, and the count says so."""
    assert await tab.run("document.querySelector('#question').enterKeyHint") == "send"
    await tab.type("Apa itu")
    await tab.press("Enter", shift=True)
    await tab.type("hukum pidana?")
    assert await tab.run("document.querySelector('#question').value.split('\\n').length") == 2
    await tab.run("document.querySelector('#question').value = 'a'.repeat(5001)")
    await tab.type("b")
    await tab.press("Enter")
    assert await tab.run("document.querySelector('#count').dataset.over") == "true"
    assert await tab.run("document.querySelector('#count').textContent") == "5.002 / 5.000, terlalu panjang"
    assert await tab.run("document.querySelector('#question').ariaInvalid") == "true"
    assert await tab.run("window.asked.filter(one => one.path === '/v1/chat').length") == 0


async def test_a_cut_answer_is_asked_again_with_the_same_key(tab: Tab) -> None:
    """What came stays, marked as not whole; trying again sends the same question with the same key and shows one answer."""
    begun = stream(("start", {"complexity": "simple"}), ("delta", {"text": "Setengah jawaban"}))
    await tab.play("POST", "/v1/chat", begun)
    await tab.ask(QUESTION)
    assert "Jawaban terputus" in await tab.run(f"{LAST}.innerText")
    assert "belum lengkap" in await tab.run(f"{LAST}.innerText")
    await tab.click(".answer .problem button")
    await tab.until("document.querySelector('.answer .sources')")
    assert await tab.run("document.querySelectorAll('.answer').length") == 1
    sent = await tab.run("window.asked.filter(one => one.path === '/v1/chat')")
    assert len(sent) == 2
    assert sent[0]["headers"]["Idempotency-Key"] == sent[1]["headers"]["Idempotency-Key"]
    assert sent[0]["body"] == sent[1]["body"]


async def test_stopping_ends_the_stream_and_keeps_what_came(tab: Tab) -> None:
    """The button aborts, the text stays and is marked, and the question can be asked again."""
    await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal jawaban yang panjang."})), ends=False)
    await tab.type(QUESTION)
    await tab.press("Enter")
    await tab.until("document.querySelector('.prose p')")
    assert await tab.run(f"{LAST}.getAttribute('aria-busy')") == "true"
    await tab.click("#stop")
    await tab.until(f"{LAST}.getAttribute('aria-busy') === 'false'")
    said = await tab.run(f"{LAST}.innerText")
    assert "Dihentikan" in said
    assert "Awal jawaban" in said
    await tab.run(f"[...{LAST}.querySelectorAll('button')].find(one => one.textContent === 'Tanyakan lagi').click()")
    await tab.until("document.querySelector('.answer .sources')")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (503, "storage_unavailable", "Penyimpanan layanan sedang terganggu"),
        (503, "not_ready", "Layanan belum siap"),
        (503, "provider_unavailable", "Model bahasa tidak tersedia"),
        (504, "timeout", "Waktu habis"),
        (500, "internal", "Terjadi kesalahan pada layanan"),
        (403, "permission_required", "Peran Anda tidak berwenang"),
        (502, None, "Layanan belum siap"),
        (429, None, "Terlalu banyak permintaan"),
        (504, None, "Waktu habis"),
    ],
)
async def test_failures_say_what_to_do(tab: Tab, status: int, code: str | None, words: str) -> None:
    """Each failure is in plain Indonesian with a way on, also one that a proxy answered in its own form."""
    body = json.dumps({"code": code, "detail": "INNER ENGLISH"}) if code else "<html>bad gateway</html>"
    await tab.play("POST", "/v1/chat", body, status=status)
    await tab.ask(QUESTION)
    said = await tab.run(f"{PROBLEM}.innerText")
    assert words in said
    assert "INNER" not in said
    assert "Coba lagi" in said


@pytest.mark.parametrize(("status", "code"), [(413, None), (422, "invalid_request")])
async def test_a_question_that_cannot_be_taken_is_given_back(tab: Tab, status: int, code: str | None) -> None:
    """Sent again it would be refused again: it goes back into the field, before what was begun there, and leaves nothing on the page."""
    await tab.play("POST", "/v1/chat", json.dumps({"code": code}) if code else "<html>too large</html>", status=status)
    await tab.ask(QUESTION)
    assert await tab.run(f"{PROBLEM}.querySelector('button').textContent") == "Ubah pertanyaan"
    await tab.type("Lalu ini.")
    await tab.click(".answer .problem button")
    assert await tab.run("document.querySelector('#question').value") == f"{QUESTION}\n\nLalu ini."
    assert await tab.focused() == "question"
    assert await tab.run("document.querySelector('#exchange').childElementCount") == 0
    assert await tab.run("document.querySelector('#welcome').hidden") is False
    await tab.press("Enter")
    await tab.until("document.querySelector('.answer .sources')")
    assert await tab.run("document.querySelectorAll('.asked').length") == 1


async def test_an_error_in_the_stream_and_a_missing_network_are_told(tab: Tab) -> None:
    """The event `error` and a fetch that fails end in the same kind of box."""
    await tab.play("POST", "/v1/chat", stream(("error", {"code": "storage_unavailable", "status": 503})))
    await tab.ask(QUESTION)
    assert "belum dapat disimpan" in await tab.run(f"{PROBLEM}.innerText")
    await tab.play("POST", "/v1/chat", offline=True)
    await tab.ask(QUESTION)
    assert "Tidak tersambung" in await tab.run(f"{LAST}.innerText")


async def test_too_many_requests_count_down(tab: Tab) -> None:
    """The button does nothing before the time that the service asked for is over, and then asks again."""
    await tab.play("POST", "/v1/chat", '{"code": "rate_limited"}', status=429, headers={"Retry-After": "8"})
    await tab.ask(QUESTION)
    button = "document.querySelector('.answer .problem button')"
    assert await tab.run(f"{button}.getAttribute('aria-disabled')") == "true"
    assert re.search(r"\([1-8] detik\)", await tab.run(f"{button}.textContent"))
    await tab.run(f"{button}.click()")
    assert await tab.run("window.asked.filter(one => one.path === '/v1/chat').length") == 1
    await tab.until(f"{button}.textContent === 'Coba lagi'")
    await tab.run(f"{button}.click()")
    await tab.until("document.querySelector('.answer .sources')")


async def test_a_proxy_may_name_the_moment_to_wait_for(tab: Tab) -> None:
    """`Retry-After` is a number or a moment; both are counted down, and one that has passed is none."""
    for moment, words in (
        ("new Date(Date.now() + 5400e3)", r"^Coba lagi \(1 jam \d+ menit\)$"),
        ("new Date(0)", "^Coba lagi$"),
    ):
        headers = {"Retry-After": await tab.run(f"({moment}).toUTCString()")}
        await tab.play("POST", "/v1/chat", "<html>maintenance</html>", status=503, headers=headers)
        await tab.ask(QUESTION)
        assert re.search(words, await tab.run(f"{LAST}.querySelector('.problem button').textContent"))


async def test_a_session_that_ends_keeps_what_was_typed_for_the_same_person_only(tab: Tab, site: Any) -> None:
    """After the password the answer and the draft are there again; somebody else finds neither."""
    await tab.ask(QUESTION)
    await tab.run("window.kept = document.querySelector('.prose').textContent")
    await tab.run("document.querySelector('#question').value = 'rancangan yang belum dikirim'")
    await tab.play("POST", "/v1/chat", '{"code": "token_expired"}', status=401)
    await tab.run("document.querySelector('#examples button').click()")
    await tab.until("document.body.dataset.view === 'login'")
    assert "Sesi Anda berakhir" in await tab.text()

    async def enter(name: str) -> None:
        await tab.run(f"document.querySelector('#username').value = {json.dumps(name)}")
        await tab.run(f"document.querySelector('#password').value = {json.dumps(site.password)}")
        await tab.click("#login-form [type=submit]")
        await tab.until("document.body.dataset.view === 'desk'")

    await enter(site.judge)
    assert await tab.run("document.querySelector('#question').value") == "rancangan yang belum dikirim"
    assert await tab.run("document.querySelector('.prose').textContent === window.kept")
    await tab.play("POST", "/v1/chat", '{"code": "token_expired"}', status=401)
    await tab.run("document.querySelector('#examples button').click()")
    await tab.until("document.body.dataset.view === 'login'")
    await enter(site.citizen)
    assert await tab.run("document.querySelector('#question').value") == ""
    assert await tab.run("document.querySelectorAll('.answer').length") == 0
    await tab.until("!document.querySelector('#history-empty').hidden")
    assert await tab.run("document.querySelectorAll('#history-list li').length") == 0


async def test_a_tab_asks_in_nobodys_name_but_the_one_it_shows(open_tab: Any, site: Any) -> None:
    """Tabs share the cookie: when somebody else logs in beside, this one forgets what it held and shows who is here; when they leave, it does too."""
    first = await open_tab()
    await first.log_in(site.judge, site.password)
    await first.ask(QUESTION)
    beside = await first.browser.tab(site.origin, context=first.context)
    await beside.go()
    assert "hakim-uji" in await beside.text()
    await beside.click("#log-out")
    await first.until("document.body.dataset.view === 'login'")
    await beside.log_in(site.judge, site.password)
    await first.until("document.body.dataset.view === 'desk'")
    await first.ask(QUESTION)
    await first.run("document.querySelector('#question').value = 'rahasia hakim'")
    await beside.run("fetch('/v1/auth/logout', {method: 'POST'})")
    await beside.log_in(site.citizen, site.password)
    await first.until("document.querySelector('#who').textContent.startsWith('warga-uji')")
    assert await first.run("document.querySelectorAll('.answer, .asked').length") == 0
    assert await first.run("document.querySelector('#question').value") == ""


async def test_a_password_in_one_tab_does_for_those_beside_it(open_tab: Any, site: Any) -> None:
    """Where a session ended, who logs in in another tab goes on in both, with what was typed."""
    first = await open_tab()
    await first.log_in(site.judge, site.password)
    beside = await first.browser.tab(site.origin, context=first.context)
    await first.run("document.querySelector('#question').value = 'rancangan yang belum dikirim'")
    await first.play("POST", "/v1/chat", '{"code": "token_expired"}', status=401)
    await first.run("document.querySelector('#examples button').click()")
    await first.until("document.body.dataset.view === 'login'")
    await beside.log_in(site.judge, site.password)
    await first.until("document.body.dataset.view === 'desk'")
    assert await first.run("document.querySelector('#question').value") == "rancangan yang belum dikirim"


async def test_no_source_is_wider_than_a_phone(tab: Tab) -> None:
    """A name without a space breaks where the window ends."""
    await tab.look(360, 740, "light")
    source = {"number": 1, "id": "x", "title": "T" * 300, "law": "9" * 120, "article": "1", "year": 2023, "status": "berlaku",
              "as_of": None, "source": "s" * 300, "kind": "statute", "quote": "q", "demo": False, "verified": True}  # fmt: skip
    done = {"id": "m", "conversation_id": "c", "answer": "W" * 500 + " [1]", "outcome": "ok", "refusal_reason": None, "citations": [source],
            "confidence_score": 0.9, "complexity": "simple", "role": "judge", "tool_calls": [], "reasoning_steps": [], "notices": ["N" * 300],
            "language": "id", "processing_time": 0.1, "model": "extractive", "cached": False, "usage": {}}  # fmt: skip
    await tab.play("POST", "/v1/chat", stream(("start", {}), ("delta", {"text": done["answer"]}), ("done", done)))
    await tab.ask(QUESTION)
    assert await tab.run(f"{LAST}.querySelectorAll('.sources li').length") == 1
    assert await tab.run("document.documentElement.scrollWidth") == 360


async def test_history_is_turned_named_and_deleted(open_tab: Any, site: Any) -> None:
    """More than a page of conversations is loaded by its button; a new name and a deletion hold after a reload."""
    tab = await open_tab()
    await tab.log_in(site.citizen, site.password)
    make = "fetch('/v1/conversations', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({title: 'Perkara ' + n})})"
    await tab.run(f"(async () => {{ for (let n = 1; n <= 23; n++) await {make}; }})()")
    await tab.go()
    items = "document.querySelectorAll('#history-list li').length"
    await tab.until(f"{items} === 20")
    await tab.click("#more-history")
    await tab.until(f"{items} === 23")
    assert await tab.run("document.querySelector('#more-history').hidden")
    await tab.run("document.querySelector('#history-list .doing button').click()")
    await tab.until("document.querySelector('#rename').open")
    await tab.type("Nama yang baru")
    await tab.press("Enter")
    await tab.until("!document.querySelector('#rename').open")
    assert await tab.run("document.querySelector('#history-list .open span').textContent") == "Nama yang baru"
    await tab.run("document.querySelectorAll('#history-list .doing')[1].lastElementChild.click()")
    await tab.until("document.querySelector('#remove').open")
    assert "Perkara 22" in await tab.run("document.querySelector('#remove').innerText")
    await tab.click("#remove-confirmed")
    await tab.until(f"{items} === 22")
    await tab.go()
    await tab.until(f"{items} === 20")
    titles = await tab.run(
        "[...document.querySelectorAll('#history-list .open span:first-child')].map(one => one.textContent)"
    )
    assert titles[0] == "Nama yang baru"
    assert "Perkara 22" not in titles


async def test_an_old_conversation_opens_with_sources_steps_and_feedback(tab: Tab) -> None:
    """After a reload the answer is read as before, its passage opens, and the score that was given is shown."""
    await tab.ask(QUESTION)
    before = await answers(tab)
    await tab.run(f"[...{LAST}.querySelectorAll('details')].at(-1).open = true")
    await tab.run(f"{LAST}.querySelector('input[value=\"4\"]').click()")
    await tab.run(f"{LAST}.querySelector('textarea').value = 'Cukup jelas.'")
    await tab.run(f"{LAST}.querySelector('.feedback [type=submit]').click()")
    await tab.until(f"{LAST}.innerText.includes('penilaian Anda tersimpan')")
    await tab.go()
    await tab.click("#history-list .open")
    await tab.until("document.querySelector('.answer .sources')")
    assert await answers(tab) == before
    await tab.run(f"[...{LAST}.querySelectorAll('details')].forEach(one => one.open = true)")
    await tab.until(f"{LAST}.querySelector('input:checked')?.value === '4'")
    assert await tab.run(f"{LAST}.querySelector('textarea').value") == "Cukup jelas."
    await tab.until(f"{LAST}.querySelector('.steps').innerText.includes('berhasil')")
    await tab.click(".cite")
    await tab.until("document.querySelector('.passage-text mark')")


async def test_an_english_answer_says_so_to_screen_readers_and_its_quotations_do_not(tab: Tab) -> None:
    """Our own English is marked as such on a page in Indonesian, steps and notices too; quotations and the names of sources stay Indonesian, also when read again."""
    own = f"{LAST}.querySelectorAll('.notice.own-words[lang=en]').length > 0 && {LAST}.querySelectorAll('.steps .own-words[lang=en]').length > 0"
    spoken = f"[...{LAST}.querySelectorAll('.cite')].map(one => one.closest('p, li').lang + one.lang)"
    await tab.ask("What is the punishment for corruption?")
    for _ in ("when it came", "when it is read again"):
        assert await tab.run("document.querySelector('.asked bdi').lang") == "en"
        assert await tab.run(f"{LAST}.querySelector('.prose').lang") == "en"
        assert set(await tab.run(spoken)) == {"idid"}
        assert await tab.run(f"{LAST}.querySelectorAll('.notice.own-words[lang=en]').length") > 0
        await tab.until(own)
        assert set(await tab.run(spoken)) == {"idid"}
        assert await tab.run(f"{LAST}.querySelector('.prose').firstElementChild.lang") == ""
        await tab.go()
        await tab.click("#history-list .open")
        await tab.until("document.querySelector('.answer .sources')")
        await tab.run(f"{LAST}.querySelector('details').open = true")


async def test_an_indonesian_answer_speaks_as_the_page_does(tab: Tab) -> None:
    """Nothing of an Indonesian answer is marked as another language."""
    await tab.ask(QUESTION)
    assert await tab.run(f"{LAST}.querySelectorAll('[lang=en]').length") == 0


async def test_everything_can_be_taken_away(tab: Tab, downloads: Path) -> None:
    """The conversation with its audit trail, and its sources in five forms, arrive as files."""
    await tab.ask(QUESTION)
    await tab.click("#show-export")
    assert await tab.run("document.querySelectorAll('#export-list button').length") == 6
    for index, name in enumerate(
        ("percakapan.json", "ma_indonesia.txt", "apa.txt", "bibtex.bib", "csl-json.json", "ris.ris")
    ):
        await tab.run(f"document.querySelectorAll('#export-list button')[{index}].click()")
        await until(lambda name=name: (downloads / f"courtsight-{name}").exists())
    whole = json.loads((downloads / "courtsight-percakapan.json").read_bytes())
    assert whole["schema"] == "courtsight/conversation-export/v1"
    assert (downloads / "courtsight-bibtex.bib").read_text().startswith("@")


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something outside of the page."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")
