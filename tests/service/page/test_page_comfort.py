"""What makes the chat page easy on eyes, thumbs and patience: what is seen first, what is in reach, and what is told while somebody waits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.service.page.chromium import Tab, stream
from tests.service.page.test_page_guards import answer_of, judged

pytestmark = pytest.mark.integration

QUESTION = "Apa unsur tindak pidana korupsi?"
LAST = "document.querySelector('.answer:last-of-type')"
ITEMS = "[...document.querySelectorAll('#history-list li')].map(one => one.dataset.id)"
BOX = "(e => { const box = e.getBoundingClientRect(); return [box.top, box.bottom, box.left, box.right]; })"


async def box(tab: Tab, element: str) -> tuple[float, float, float, float]:
    """Top, bottom, left and right of an element, in pixels of the window."""
    top, bottom, left, right = await tab.run(f"{BOX}({element})")
    return top, bottom, left, right


async def conversations(tab: Tab, count: int) -> None:
    """Begin that many conversations behind the page's back, and load it again."""
    make = "fetch('/v1/conversations', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({title: 'Perkara ' + n})})"
    await tab.run(f"(async () => {{ for (let n = 1; n <= {count}; n++) await {make}; }})()")
    await tab.go()
    await tab.until(f"{ITEMS}.length === 20")


async def answered(tab: Tab, done: dict[str, Any]) -> None:
    await tab.play("POST", "/v1/chat", stream(("delta", {"text": done["answer"]}), ("done", done)))
    await tab.ask(QUESTION)


@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 800)])
async def test_a_further_question_stands_at_the_top_and_the_way_on_is_seen(
    as_judge: Any, width: int, height: int
) -> None:
    """Below a long answer too, a failure and its button are seen at once, above the field."""
    tab = await as_judge(width, height)
    await tab.ask(QUESTION)
    await tab.play("POST", "/v1/chat", '{"code": "storage_unavailable"}', status=503)
    await tab.ask("Bagaimana dengan sanksinya?")
    asked, _, _, _ = await box(tab, "[...document.querySelectorAll('.asked')].at(-1)")
    _, header, _, _ = await box(tab, "document.querySelector('.top')")
    _, button, _, _ = await box(tab, f"{LAST}.querySelector('.problem button')")
    field, _, _, _ = await box(tab, "document.querySelector('#ask')")
    assert header <= asked < header + 60
    assert button <= field


@pytest.mark.parametrize(
    ("width", "draft", "back"), [(360, "", False), (360, "Sebaris\n" * 40, False), (320, "", True)]
)
async def test_the_focus_is_never_behind_the_field(as_judge: Any, width: int, draft: str, back: bool) -> None:
    """Whoever walks by keyboard sees what has the focus: it scrolls to between the header, of however many lines, and the field, however long the draft in it is."""
    tab = await as_judge(width, 640)
    await tab.ask(QUESTION)
    await tab.type(draft)
    await tab.run(f"document.querySelector('{'.answer summary' if back else '.cite'}').focus()")
    for _ in range(30):
        await tab.press("Tab", shift=back)
        if not await tab.run("document.querySelector('.answer').contains(document.activeElement)"):
            break
        focused = await tab.focused()
        top, bottom, _, _ = await box(tab, "document.activeElement")
        _, header, _, _ = await box(tab, "document.querySelector('.top')")
        field, _, _, _ = await box(tab, "document.querySelector('#ask')")
        assert header <= top, focused
        assert bottom <= field, focused


async def test_a_page_of_history_comes_once(tab: Tab) -> None:
    """A button that is pressed twice, for conversations or for messages, loads one page."""
    await conversations(tab, 45)
    await tab.run("[1, 2].forEach(() => document.querySelector('#more-history').click())")
    await tab.until(f"{ITEMS}.length > 20 && !document.querySelector('#history-problem').childElementCount")
    await tab.click("#more-history")
    await tab.until(f"{ITEMS}.length > 40")
    ids = await tab.run(ITEMS)
    assert len(ids) == len(set(ids))
    message = {"id": "m", "author": "user", "content": "Apa itu hukum?", "created_at": "2026-11-01T00:00:00Z"}
    for cursor in ("lagi", None):
        page = json.dumps({"title": "Panjang", "messages": [message], "next_cursor": cursor})
        await tab.play("GET", f"/v1/conversations/{ids[0]}", page)
    await tab.run("document.querySelector('#history-list .open').click()")
    await tab.until("!document.querySelector('#older-next').hidden")
    await tab.run("[1, 2].forEach(() => document.querySelector('#older-next').click())")
    await tab.until("document.querySelector('#older-next').hidden && !document.querySelector('#exchange .working')")
    assert await tab.run("document.querySelectorAll('.asked').length") == 2
    assert await tab.run(f"window.asked.filter(one => one.path === '/v1/conversations/{ids[0]}').length") == 2


async def test_an_answer_leaves_the_list_and_the_focus_where_they_were(tab: Tab) -> None:
    """The new conversation comes on top; what was loaded behind the newest page stays, and so does who stands in the list."""
    await conversations(tab, 25)
    await tab.click("#more-history")
    await tab.until(f"{ITEMS}.length > 20")
    before = await tab.run(ITEMS)
    done = answer_of("Jawaban", outcome="ok", refusal_reason=None)
    await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Awal"})), ends=False)
    await tab.type(QUESTION)
    await tab.press("Enter")
    await tab.until("document.querySelector('.prose p')")
    await tab.run(
        "fetch('/v1/conversations', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
    )
    await tab.run("document.querySelectorAll('#history-list li')[15].querySelectorAll('button')[1].focus()")
    name = await tab.focused()
    await tab.run(f"window.more({json.dumps(stream(('done', done)))})")
    await tab.until(f"{ITEMS}[0] !== {json.dumps(before[0])}")
    assert (await tab.run(ITEMS))[1:] == before
    assert await tab.focused() == name
    assert await tab.run(f"{ITEMS}.indexOf(document.activeElement.closest('li').dataset.id)") == 16


async def test_who_waits_is_told_for_what(open_tab: Any, as_judge: Any) -> None:
    """A slow network shows that the password is looked at, and that history, conversation and steps are on their way."""
    login = await open_tab()
    await login.go()
    await login.play("POST", "/v1/auth/token", "{", ends=False)
    await login.run("document.querySelector('#username').value = document.querySelector('#password').value = 'x'")
    await login.click("#login-form [type=submit]")
    assert await login.run("document.querySelector('#login-form [type=submit]').textContent") == "Memeriksa…"
    tab = await as_judge()
    await tab.ask(QUESTION)
    await tab.until("document.querySelector('#history-list .open[aria-current]')")
    current = await tab.run("document.querySelector('[aria-current]').closest('li').dataset.id")
    answer = await tab.run("document.querySelector('.feedback textarea').id.slice('comment-'.length)")
    await tab.click("#new-conversation")
    await tab.run(f"document.querySelector('[data-id=\"{current}\"] .open').click()")
    await tab.until("document.querySelector('.answer .sources')")
    await tab.play("GET", f"/v1/messages/{answer}", "{", ends=False)
    await tab.run("document.querySelector('.answer details').open = true")
    await tab.until("document.querySelector('.steps').textContent === 'Memuat langkah…'")
    await tab.play("GET", f"/v1/conversations/{current}", "{", ends=False)
    await tab.run(f"document.querySelector('[data-id=\"{current}\"] .open').click()")
    await tab.until("document.querySelector('#exchange').innerText === 'Memuat percakapan…'")


async def test_the_list_says_that_it_comes_and_then_that_it_is_empty(open_tab: Any, site: Any) -> None:
    """An empty list is not told to be empty before the service said so."""
    tab = await open_tab()
    await tab.go()
    await tab.play("POST", "/v1/auth/token", "{}")
    await tab.play("GET", "/v1/auth/me", json.dumps({"username": "x", "role": "judge"}))
    await tab.play("GET", "/v1/conversations", "", ends=False)
    await tab.run("document.querySelector('#username').value = document.querySelector('#password').value = 'x'")
    await tab.click("#login-form [type=submit]")
    await tab.until("document.querySelector('#history').innerText.includes('Memuat riwayat…')")
    await tab.run(f"window.more({json.dumps(json.dumps({'conversations': [], 'next_cursor': None}))})")
    assert "Belum ada" not in await tab.text()


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 detik"), (300, "5 menit"), (3600, "1 jam"), (4000, "1 jam 7 menit")]
)
async def test_a_long_wait_is_told_as_people_say_it(tab: Tab, seconds: int, words: str) -> None:
    """Nobody has to divide 3,600 seconds."""
    limits = {"Retry-After": str(seconds)}
    await tab.play("POST", "/v1/chat", '{"code": "rate_limited"}', status=429, headers=limits)
    await tab.ask(QUESTION)
    said = await tab.run(f"{LAST}.querySelector('.problem').innerText")
    assert f"setelah {words}." in said


async def test_a_day_is_told_as_people_say_it(tab: Tab) -> None:
    """A source's day stands in words; what is no day stands as it came."""
    for told, words in (("2026-11-01", "1 November 2026"), ("2026-13-40", "2026-13-40"), ("dulu", "dulu")):
        done = answer_of("Isi")
        done["citations"][0]["as_of"] = told
        await answered(tab, done)
        await tab.run(f"{LAST}.querySelector('.sources button').click()")
        assert await tab.run("[...document.querySelectorAll('#passage dd')].at(-1).textContent") == words
        await tab.press("Escape")


async def test_a_line_runs_as_most_of_it_is_written(tab: Tab) -> None:
    """An Arabic line runs from right to left; an Indonesian one that begins with an Arabic quotation does not."""
    arabic = "لا جريمة ولا عقوبة إلا بنص، وهذا هو المبدأ."
    text = f"{arabic}\n\n«لا جريمة» berarti tidak ada perbuatan pidana tanpa aturan [1].\n\n- {arabic} [1]"
    done = answer_of(arabic, answer=text)
    await answered(tab, done)
    ways = await tab.run(
        f"[...{LAST}.querySelectorAll('.prose :is(p, li), .sources bdi')].map(one => getComputedStyle(one).direction)"
    )
    assert ways == ["rtl", "ltr", "rtl", "rtl"]
    await tab.run(f"{LAST}.querySelector('.sources button').click()")
    assert await tab.run("getComputedStyle(document.querySelector('.passage-text')).direction") == "rtl"


async def test_no_line_begins_with_a_mark_alone(tab: Tab) -> None:
    """A mark stays with the word that it follows and the stop behind it, at every width, and the text is as it was."""
    words = " ".join(f"Kalimat yang ke-{number} menyebut sumbernya [1]." for number in range(40))
    await answered(tab, answer_of("Isi", answer=words))
    assert await tab.run(f"{LAST}.querySelector('.prose').textContent") == words
    for width in (360, 411, 600, 1000):
        await tab.look(width, 740, "light")
        apart = "[...document.querySelectorAll('.together')].filter(one => one.getClientRects().length !== 1).length"
        assert await tab.run(f"{LAST}.querySelectorAll('.together .cite').length") == 40
        assert await tab.run(apart) == 0


async def test_no_keyboard_covers_what_is_read(tab: Tab) -> None:
    """Where thumbs point, a conversation opens at its heading and the field is left after a question; elsewhere the field has the focus."""
    await tab.ask(QUESTION)
    await tab.until("document.querySelector('#history-list .open[aria-current]')")
    for thumbs, focused in ((False, "question"), (True, "conversation-title")):
        if thumbs:
            await tab.run("window.matchMedia = (query) => ({ matches: query === '(pointer: coarse)' })")
        await tab.click("#new-conversation")
        await tab.run("document.querySelector('#history-list .open').click()")
        await tab.until("document.querySelector('.answer .sources')")
        await tab.until(f"document.activeElement.id === '{focused}'")
    await tab.ask(QUESTION)
    assert await tab.run("document.activeElement.id") != "question"


async def test_the_list_covers_a_phone_and_goes_when_somebody_presses_beside_it(as_judge: Any) -> None:
    """Nothing of the page looks out beside it on a phone; on a tablet pressing what looks out closes it."""
    tab = await as_judge(360, 640)
    await tab.click("#show-history")
    assert (await box(tab, "document.querySelector('#history')"))[2:] == (0, 360)
    await tab.look(768, 1024, "light")
    for kind in ("mousePressed", "mouseReleased"):
        await tab.call("Input.dispatchMouseEvent", type=kind, x=700, y=500, button="left", clickCount=1)
    await tab.until("document.querySelector('#history').dataset.open === 'false'")
    assert await tab.focused() == "show-history"


async def test_a_conversation_is_printed_from_its_exports(tab: Tab) -> None:
    """The button closes the dialog, which would be printed alone, and asks the browser to print."""
    await tab.ask(QUESTION)
    await tab.run("void (window.print = () => { window.printed = document.querySelector('#export').open; })")
    await tab.click("#show-export")
    await tab.click("#print")
    await tab.until("window.printed === false")


async def test_who_could_not_leave_is_told_where_they_look(tab: Tab) -> None:
    """Below a long answer too, the failure is seen, once, and says that the session goes on."""
    await tab.ask(QUESTION)
    await tab.run("scrollTo(0, 0)")
    for _ in range(2):
        await tab.play("POST", "/v1/auth/logout", "", offline=True)
        await tab.click("#log-out")
        await tab.until("document.querySelector('.leaving')")
    assert await tab.run("document.querySelectorAll('.leaving').length") == 1
    top, bottom, _, _ = await box(tab, "document.querySelector('.leaving')")
    assert top >= 0
    assert bottom <= 800
    assert "Anda belum keluar." in await tab.text()
    await tab.play("POST", "/v1/auth/logout", "", status=401)
    await tab.click(".leaving button")


async def test_a_long_passage_is_closed_without_scrolling(as_judge: Any) -> None:
    """Its buttons stay in the window, and nothing of the text is hidden behind them at its end."""
    tab = await as_judge(360, 640)
    done = answer_of("Isi " * 2000)
    done["answer"] = "Jawaban [1]"
    await answered(tab, done)
    await tab.run(f"{LAST}.querySelector('.sources button').click()")
    await tab.until("document.querySelector('#passage-body .problem')")  # nobody keeps this message: nothing more comes
    for end in (False, True):
        if end:
            await tab.run("document.querySelector('#passage').scrollTo(0, 1e6)")
        _, bottom, _, _ = await box(tab, "document.querySelector('#close-passage')")
        assert bottom <= 640
    foot, _, _, _ = await box(tab, "document.querySelector('#passage .dialog-foot')")
    _, text, _, _ = await box(tab, "document.querySelector('#passage-body')")
    assert text <= foot


async def test_steps_name_tools_and_roles_as_readers_know_them(tab: Tab) -> None:
    """In the list and while it works; an English step, and what only looks like a name, stay as they came."""
    plan = "LegalRetriever untuk mencari sumber; constructor untuk apa. Tidak tersedia bagi peran public: CaseComparator, Lain."
    steps = [
        {"number": 1, "title": "Merencanakan alat", "detail": plan},
        {"number": 2, "title": "Running LawLookup", "detail": "LawLookup to find articles."},
        {"number": 3, "title": "Menjalankan LawLookup", "detail": "“LawLookup”: 1 hasil."},
    ]
    begun = stream(*(("step", step) for step in steps), ("delta", {"text": "Awal"}))
    await tab.play("POST", "/v1/chat", begun, ends=False)
    await tab.type(QUESTION)
    await tab.press("Enter")
    await tab.until("document.querySelector('.prose p')")
    assert await tab.run(f"{LAST}.querySelector('.working').textContent") == "Pencarian pasal…"
    assert await tab.run(f"[...{LAST}.querySelectorAll('.steps li')].map(one => one.textContent)") == [
        "Merencanakan alat Pencarian sumber hukum untuk mencari sumber; constructor untuk apa. Tidak tersedia bagi peran Masyarakat: Perbandingan putusan, Lain.",
        "Running LawLookup LawLookup to find articles.",
        "Pencarian pasal “LawLookup”: 1 hasil.",
    ]


async def test_whose_session_ends_gives_the_password_alone(open_tab: Any, site: Any) -> None:
    """The name stands there and the focus in the password, and the answer is read on where it was left; who leaves takes the name along."""
    tab = await open_tab()
    await tab.log_in(site.judge, site.password)
    await tab.go()
    await tab.ask(QUESTION)
    await tab.run("scrollTo(0, 300)")
    await tab.call("Network.clearBrowserCookies")
    await tab.run("document.querySelector('.sources button').click()")
    await tab.until("document.body.dataset.view === 'login'")
    assert await tab.run("document.querySelector('#username').value") == site.judge
    assert await tab.focused() == "password"
    await tab.type(site.password)
    await tab.press("Enter")
    await tab.until("document.body.dataset.view === 'desk'")
    assert await tab.run("scrollY") == 300
    await tab.click("#log-out")
    await tab.until("document.body.dataset.view === 'login'")
    assert await tab.run("document.querySelector('#username').value") == ""
    assert await tab.focused() == "username"


async def test_a_file_is_made_once_and_says_that_it_comes(tab: Tab) -> None:
    """An export that takes long says so where it is seen; pressed twice it is asked for once, and over another conversation nothing is said of it."""
    await tab.look(360, 640, "light")
    await tab.ask(QUESTION)
    await tab.click("#show-export")
    place = await tab.run("new URLSearchParams(location.search).get('percakapan')")
    address = f"/v1/conversations/{place}/export"
    told = "document.querySelector('#export .problem-place').innerText"
    first = "document.querySelector('#export-list button').click()"
    await tab.run("HTMLAnchorElement.prototype.click = () => {}")
    await tab.play("GET", address, "{", ends=False)
    await tab.run(f"{first}; {first}")
    assert await tab.run(told) == "Menyiapkan berkas…"
    _, bottom, _, _ = await box(tab, "document.querySelector('#export .working')")
    assert bottom <= 640
    assert await tab.run(f"window.asked.filter(one => one.path === '{address}').length") == 1
    await judged(tab)
    await tab.press("Escape")
    await tab.click("#new-conversation")
    await tab.ask(QUESTION)
    await tab.click("#show-export")
    assert await tab.run(told) == ""


async def test_a_file_that_is_cut_says_so(tab: Tab) -> None:
    """A connection that ends in the middle of an export is no fault inside of the service."""
    await tab.ask(QUESTION)
    await tab.click("#show-export")
    await tab.run(
        "window.fetch = async () => new Response(new ReadableStream({ start(one) { one.error(new TypeError('cut')); } }))"
    )
    await tab.click("#export-list button")
    await tab.until("document.querySelector('#export .problem')")
    assert "Sambungan berakhir" in await tab.run("document.querySelector('#export .problem').innerText")
