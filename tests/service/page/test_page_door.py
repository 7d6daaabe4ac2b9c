"""Who stands before the page while the service does not answer, or refuses: told what is the case, and never asked for what they gave already."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.page.chromium import Tab
from tests.service.page.test_page_guards import judged

pytestmark = pytest.mark.integration

AWAY = "document.body.dataset.view === 'away'"
DESK = "document.body.dataset.view === 'desk'"
REFUSED = """
const first = window.fetch;
let left = Number(sessionStorage.getItem('left') ?? 1);
window.fetch = (url, options) => {
  if (String(url) !== '/v1/auth/me' || left === 0) return first(url, options);
  sessionStorage.setItem('left', String(--left));
  return HOW;
};
"""
"""The first request for who is here fails, and those that follow a reload do not, unless `left` says so."""
HOW = {
    "offline": "Promise.reject(new TypeError('Failed to fetch'))",
    "503": 'Promise.resolve(new Response(\'{"code": "storage_unavailable"}\', { status: 503 }))',
    "never": "new Promise(() => {})",
}


async def refused(tab: Tab, how: str) -> None:
    """Load the page again, and let the first request for who is here fail."""
    await tab.call(
        "Page.addScriptToEvaluateOnNewDocument", source=f"(() => {{ {REFUSED.replace('HOW', HOW[how])} }})()"
    )
    await tab.call("Page.navigate", url=tab.origin)


@pytest.mark.parametrize(
    ("how", "words"), [("offline", "Tidak tersambung ke layanan"), ("503", "Penyimpanan layanan sedang terganggu")]
)
async def test_a_good_session_is_asked_for_no_password(as_judge: Any, how: str, words: str) -> None:
    """Without network, or while the service cannot say who is here, the page says so with a way on, and goes on with the session."""
    tab = await as_judge(360, 740)
    await refused(tab, how)
    await tab.until(AWAY)
    said = await tab.text()
    assert words in said
    assert "tidak perlu masuk lagi" in said
    assert "Kata sandi" not in said
    assert (await tab.run("document.title")).startswith("Tidak tersambung")
    await judged(tab)
    await tab.run("document.querySelector('#away button').focus()")
    await tab.press("Enter")
    await tab.until(DESK)
    assert await tab.run("document.querySelector('#away').hidden && document.querySelector('#login').hidden")


@pytest.mark.parametrize(
    "event", ["window.dispatchEvent(new Event('online'))", "new BroadcastChannel('courtsight').postMessage('x')"]
)
async def test_the_page_comes_by_itself_when_the_network_does(as_judge: Any, event: str) -> None:
    """The browser tells that it is connected again, or another tab that somebody came: nobody has to press anything."""
    tab = await as_judge()
    await refused(tab, "offline")
    await tab.until(AWAY)
    await tab.run(event)
    await tab.until(DESK)


async def test_a_service_that_does_not_answer_is_told_to_be_asked(as_judge: Any) -> None:
    """A page that waits for its first answer is not empty."""
    tab = await as_judge()
    await refused(tab, "never")
    await tab.until("document.querySelector('#away-told')?.innerText === 'Menghubungi layanan…'")


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ({"offline": True}, True),
        ({"status": 503}, True),
        ({"status": 429, "headers": {"Retry-After": "30"}}, True),
        ({"status": 401}, False),
    ],
)
async def test_a_password_that_nobody_refused_is_not_typed_again(
    open_tab: Any, answer: dict[str, Any], kept: bool
) -> None:
    """Where the network or the service failed it stays in its field; one that is wrong does not."""
    tab = await open_tab()
    await tab.go()
    body = '{"code": "invalid_credentials"}' if answer.get("status") == 401 else "{}"
    await tab.play("POST", "/v1/auth/token", body, **answer)
    await tab.run("document.querySelector('#username').value = document.querySelector('#password').value = 'rahasia'")
    await tab.run("document.querySelector('#password').focus()")
    await tab.press("Enter")
    await tab.until("!document.querySelector('#login-error').hidden")
    assert await tab.run("document.querySelector('#password').value") == ("rahasia" if kept else "")
    assert await tab.focused() == "password"


async def test_a_late_refusal_leaves_alone_who_is_typing_the_password(tab: Tab) -> None:
    """Several requests may hear that the session is over; a later one does not empty the field again."""
    await tab.ask("Apa unsur tindak pidana korupsi?")
    await tab.run(
        "window.late = new Promise((go) => { window.release = go; }); window.real = fetch;"
        "window.fetch = async (address, how) => {"
        " if (String(address).includes('/feedback')) await late;"
        ' return new Response(\'{"code": "token_expired"}\', { status: 401 }); };'
    )
    await tab.run("document.querySelector('.feedback input').click()")
    await tab.run("document.querySelector('.feedback [type=submit]').click()")
    await tab.run("document.querySelector('.cite').click()")
    await tab.until("document.body.dataset.view === 'login'")
    await tab.type("baru separuh")
    await tab.run("window.release()")
    await tab.until("document.querySelector('.feedback .problem')")
    assert await tab.run("document.querySelector('#password').value") == "baru separuh"


async def test_a_browser_that_keeps_no_cookie_is_told_so(open_tab: Any) -> None:
    """A right password without a session behind it is not told that the session is over: logging in again would not help."""
    tab = await open_tab(320, 200)
    await tab.go()
    await tab.play("POST", "/v1/auth/token", "{}")
    await tab.run("document.querySelector('#username').value = document.querySelector('#password').value = 'rahasia'")
    await tab.run("document.querySelector('#password').focus()")
    await tab.press("Enter")
    await tab.until("!document.querySelector('#login-error').hidden")
    said = await tab.run("document.querySelector('#login-error').innerText")
    assert "Izinkan kuki" in said
    assert "berakhir" not in said


async def test_a_refused_password_is_told_where_it_is_seen(open_tab: Any) -> None:
    """In a window as small as 400 % leaves, what is wrong stands in it, and not above."""
    tab = await open_tab(320, 200)
    await tab.go()
    await tab.play("POST", "/v1/auth/token", '{"code": "invalid_credentials"}', status=401)
    await tab.run("document.querySelector('#username').value = document.querySelector('#password').value = 'salah'")
    await tab.run("document.querySelector('#password').focus()")
    await tab.press("Enter")
    await tab.until("!document.querySelector('#login-error').hidden")
    title = "document.querySelector('#login-error strong').getBoundingClientRect()"
    top, bottom = await tab.run(f"[{title}.top, {title}.bottom]")
    header = await tab.run(
        "(e => getComputedStyle(e).position === 'sticky' ? e.offsetHeight : 0)(document.querySelector('.top'))"
    )
    assert header <= top
    assert bottom <= 200
    assert await tab.focused() == "password"


async def test_a_browser_that_keeps_nothing_still_shows_the_page(open_tab: Any, site: Any) -> None:
    """Where a site may neither store nor speak to its other tabs, both throw: the page works without."""
    tab = await open_tab()
    deny = "Object.defineProperty(window, NAME, { get() { throw new DOMException('denied', 'SecurityError'); } });"
    stores = "".join(deny.replace("NAME", f"'{name}'") for name in ("sessionStorage", "localStorage"))
    closed = "window.BroadcastChannel = class { constructor() { throw new DOMException('denied', 'SecurityError'); } };"
    await tab.call("Page.addScriptToEvaluateOnNewDocument", source=stores + closed)
    await tab.log_in(site.judge, site.password)
    await tab.ask("Apa itu hukum pidana?")
    await tab.until("document.querySelector('.answer .prose').textContent")
    await tab.click("#log-out")
    await tab.until("document.body.dataset.view === 'login'")


async def test_what_a_browser_filled_in_stays(open_tab: Any) -> None:
    """A password manager may be done before the service says that nobody is here."""
    tab = await open_tab()
    late = "const real = fetch; window.fetch = (...all) => new Promise((go) => { window.release = () => go(real(...all)); });"
    await tab.call("Page.addScriptToEvaluateOnNewDocument", source=late)
    await tab.call("Page.navigate", url=tab.origin)
    await tab.until("window.release")
    await tab.run("document.querySelector('#username').value = document.querySelector('#password').value = 'tersimpan'")
    await tab.run("window.release()")
    await tab.until("document.body.dataset.view === 'login'")
    assert (
        await tab.run("['#username', '#password'].map(one => document.querySelector(one).value)") == ["tersimpan"] * 2
    )
