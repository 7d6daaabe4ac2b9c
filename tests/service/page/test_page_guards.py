"""What must never happen on the chat page, and who must be able to use it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import axe_core_python
import pytest

from tests.service.page.chromium import Tab, stream

pytestmark = pytest.mark.integration

_AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
OUT = "http://198.51.100.7"
PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    f"<img src={OUT}/a.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    f"<iframe src={OUT}></iframe>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>klik</a>",
    "[klik](javascript:alert(1))",
    f"![gambar]({OUT}/b.png)",
    f"[tautan]({OUT}/c)",
    f"<link rel=stylesheet href={OUT}/d.css>",
    f"<style>@import url({OUT}/e.css)</style>",
    f"<div style='background:url({OUT}/f.png)'>x</div>",
    f"<meta http-equiv=refresh content='0;url={OUT}/g'>",
    f"<base href={OUT}/>",
    f"<form action={OUT}/h><button>kirim</button></form>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    f"<audio src={OUT}/i.mp3 autoplay></audio>",
    f"<object data={OUT}/j></object>",
    f"<embed src={OUT}/k>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    '" onmouseover="alert(1)',
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "**<img src=x onerror=alert(1)>**",
    "# <script>alert(1)</script>",
    "1. <script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<x contenteditable onblur=alert(1)>x</x>",
    "\u202e<script>alert(1)</script>\u2028alert(1)",
)
MADE = "document.querySelectorAll('#exchange :is(script, img, svg, iframe, a, link, style, meta, base, object, embed, video, audio, math, template), dialog :is(script, img, iframe, a), #history :is(script, img, a)').length"


def answer_of(text: str, **more: Any) -> dict[str, Any]:
    """A body of `done`, with something in every place that a reader sees."""
    citation = {"number": 1, "id": text, "title": text, "law": text, "article": text, "year": 2023, "status": text, "as_of": text,
                "source": text, "kind": "statute", "quote": text, "demo": True, "verified": False}  # fmt: skip
    return {
        "id": "pesan", "conversation_id": "percakapan", "answer": f"{text}\n\n{text} [1]", "outcome": "refused", "refusal_reason": text,
        "citations": [citation], "confidence_score": 0.8, "complexity": text, "model": text, "cached": True, "notices": [text],
        "tool_calls": [{"tool_name": text, "arguments": {}, "outcome": text, "results": 1}],
        "reasoning_steps": [{"number": 1, "title": text, "detail": text}], **more,
    }  # fmt: skip


async def show(tab: Tab, done: dict[str, Any]) -> None:
    pieces = stream(
        ("start", {"complexity": "simple"}),
        *(("step", step) for step in done["reasoning_steps"]),
        ("delta", {"text": done["answer"]}),
        ("done", done),
    )
    await tab.play("POST", "/v1/chat", pieces)
    await tab.ask("Apa itu hukum?")


async def test_no_text_ever_becomes_markup(tab: Tab) -> None:
    """Hostile text in answer, title, source, quote, passage, step, tool, notice and conversation title stays text: nothing runs, nothing is asked of elsewhere."""
    assert len(PAYLOADS) >= 40
    titles = [
        {"conversation_id": f"c{n}", "title": text, "created_at": text, "messages": n}
        for n, text in enumerate(PAYLOADS)
    ]
    for text in PAYLOADS:
        await tab.play("GET", "/v1/conversations", json.dumps({"conversations": titles, "next_cursor": None}))
        passage = {"number": 1, "text": f"{text} dan {text}", "missing": False}
        stored = {"id": "pesan", "response": {"passages": [passage]}, "feedback": {"score": 3, "comment": text}}
        await show(tab, answer_of(text, id=f"p{PAYLOADS.index(text)}"))
        await tab.play("GET", f"/v1/messages/p{PAYLOADS.index(text)}", json.dumps(stored))
        await tab.run("document.querySelector('.answer:last-of-type .sources button').click()")
        await tab.until("document.querySelector('.passage-text').textContent.includes(' dan ')")
        assert await tab.run("document.querySelector('.passage-text').textContent") == passage["text"]
        assert await tab.run(MADE) == 0
        await tab.run("document.querySelector('#passage').close()")
    assert await tab.run("document.querySelector('#history-list .open span').textContent") == PAYLOADS[0]
    for number in (0, 1):
        await tab.run(f"document.querySelectorAll('#history-list .doing button')[{number}].click()")
        assert await tab.run(MADE) == 0
        await tab.press("Escape")


async def test_the_browser_itself_refuses_what_the_page_never_does(as_judge: Any) -> None:
    """Were a script to slip in, the policy would stop it: no inline code, no markup out of text, no request to elsewhere."""
    tab = await as_judge()
    for attempt in (
        "document.body.innerHTML = '<p>x</p>'",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')",
        "document.write('<script>alert(1)</script>')",
    ):
        assert (
            await tab.run(
                f"(() => {{ try {{ {attempt}; return 'allowed'; }} catch (error) {{ return error.name; }} }})()"
            )
            == "TypeError"
        )
    inline = "(() => { const one = document.createElement('p'); one.setAttribute('onclick', 'window.ran = 1'); document.body.append(one); one.click(); })()"
    await tab.run(f"(() => {{ try {{ {inline} }} catch {{}} }})()")
    assert await tab.run("window.ran === undefined")
    refused = await tab.run(f"fetch('{OUT}/').then(() => 'allowed', (error) => error.name)")
    assert refused == "TypeError"
    tab.errors.clear()
    tab.requests.clear()


Scene = Callable[[Tab], Awaitable[None]]


async def _nothing(tab: Tab) -> None:
    await tab.until("document.querySelector('#examples button')")


async def _streaming(tab: Tab) -> None:
    begun = stream(
        ("step", {"number": 1, "title": "Membaca pertanyaan", "detail": "Bahasa Indonesia."}),
        ("delta", {"text": "Dasar hukum:\n- Pasal 603 KUHP"}),
    )
    await tab.play("POST", "/v1/chat", begun, ends=False)
    await tab.type("Apa unsur korupsi?")
    await tab.press("Enter")
    await tab.until("document.querySelector('.prose li')")


async def _opened(tab: Tab) -> None:
    await tab.ask("Apa unsur tindak pidana korupsi?")
    await tab.run("document.querySelectorAll('.answer details').forEach(one => one.open = true)")
    await tab.click(".cite")
    await tab.until("document.querySelector('.passage-text mark')")


async def _feedback(tab: Tab) -> None:
    await tab.ask("Apa unsur tindak pidana korupsi?")
    await tab.run("document.querySelectorAll('.answer details').forEach(one => one.open = true)")
    await tab.run("document.querySelector('.feedback [type=submit]').click()")


async def _history(tab: Tab) -> None:
    await tab.ask("Apa itu asas legalitas?")
    if await tab.run("getComputedStyle(document.querySelector('#show-history')).display !== 'none'"):
        await tab.click("#show-history")
    await tab.until("document.querySelector('#history-list .open[aria-current]')")


async def _problem(tab: Tab) -> None:
    await tab.play("POST", "/v1/chat", '{"code": "rate_limited"}', status=429, headers={"Retry-After": "30"})
    await tab.ask("Apa unsur tindak pidana korupsi?")


async def _renaming(tab: Tab) -> None:
    await _history(tab)
    await tab.run("document.querySelector('#history-list .doing button').click()")


async def _exporting(tab: Tab) -> None:
    await tab.ask("Apa itu asas legalitas?")
    await tab.click("#show-export")


SCENES: dict[str, Scene] = {
    "empty": _nothing,
    "streaming": _streaming,
    "citation": _opened,
    "feedback": _feedback,
    "history": _history,
    "problem": _problem,
    "renaming": _renaming,
    "export": _exporting,
}
_BROKEN = """axe.run(document, { resultTypes: ["violations"] }).then((found) =>
  found.violations.map((one) => one.id + ": " + one.nodes.map((node) => node.target + " " + node.failureSummary).join("; ")))"""

THUMB = 44
"""CSS pixels: what WCAG 2.5.5 asks of a target. A mark in the text is excepted: it has a line of its own among the sources."""
_SMALL = f"""[...document.querySelectorAll("button:not(.cite), summary, textarea, input:not([type=radio]), label:has(input)")]
  .map((one) => [one.textContent || one.id, one.getBoundingClientRect().height])
  .filter(([, height]) => height > 0 && height < {THUMB})"""


async def judged(tab: Tab) -> None:
    """What axe finds: nothing. Nothing is wider than the window, and nothing that is pressed is lower than a thumb."""
    await tab.run(_AXE + "\n;void 0")
    assert await tab.run(_BROKEN) == []
    assert await tab.run(_SMALL) == []
    assert await tab.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)])
async def test_axe_finds_nothing(as_judge: Any, open_tab: Any, width: int, height: int, scheme: str) -> None:
    """Login and every scene of the page, light and dark, on a desk and on a phone."""
    login = await open_tab(width, height, scheme)
    await login.go()
    await login.play("POST", "/v1/auth/token", '{"code": "invalid_credentials"}', status=401)
    await login.run("document.querySelector('#username').value = document.querySelector('#password').value = 'x'")
    await login.click("#login-form [type=submit]")
    await login.until("!document.querySelector('#login-error').hidden")
    await judged(login)
    tab = await as_judge(width, height, scheme)
    for name, scene in SCENES.items():
        await scene(tab)
        try:
            await judged(tab)
        except AssertionError as found:
            raise AssertionError(f"{name}: {found}") from found
        await tab.go()


async def test_twice_the_size_and_a_narrow_window_lose_nothing(as_judge: Any) -> None:
    """At 200 % of 1280 pixels, and at 320, nothing has to be scrolled sideways and the question can be reached."""
    tab = await as_judge()
    await _feedback(tab)
    for width, height, zoom in ((1280, 800, 2.0), (320, 640, 1.0), (1280, 800, 4.0)):
        await tab.look(width, height, "light", zoom=zoom)
        assert await tab.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            width,
            zoom,
        )
        await tab.run("document.activeElement.blur(), document.querySelector('#question').focus()")
        seen = "(r => r.bottom <= innerHeight + 1 && r.top >= 0 && r.right <= innerWidth)(document.querySelector('#question').getBoundingClientRect())"
        assert await tab.run(seen), (width, zoom)


async def test_no_word_is_wider_than_a_small_phone(tab: Tab) -> None:
    """A model, a step, a tool, a status or a title without any space breaks where the window ends; so does its passage."""
    await tab.look(320, 640, "light")
    word = "W" * 200
    done = {**answer_of(word), "outcome": "ok"}
    await show(tab, done)
    await tab.run("document.querySelectorAll('.answer details').forEach(one => one.open = true)")
    assert await tab.run("document.documentElement.scrollWidth") == 320
    await tab.run("document.querySelector('.sources button').click()")
    await tab.until("document.querySelector('#passage').open")
    assert await tab.run("(e => e.scrollWidth <= e.clientWidth)(document.querySelector('#passage'))")


async def test_everything_is_done_by_keyboard(open_tab: Any, site: Any) -> None:
    """Log in, ask, open a source, rate, rename, open the export and log out, with the tabulator, Enter, arrows and Esc alone."""
    tab = await open_tab()
    await tab.go()

    async def reach(wanted: str, most: int = 150) -> None:
        for _ in range(most):
            if (await tab.focused()).startswith(wanted):
                return
            await tab.press("Tab")
        raise AssertionError(f"the focus never came to {wanted}")

    await tab.type(site.judge)
    await tab.press("Tab")
    await tab.type(site.password)
    await tab.press("Enter")
    await tab.until("document.body.dataset.view === 'desk'")
    assert await tab.focused() == "question"
    await tab.type("Apa unsur tindak pidana korupsi?")
    await tab.press("Enter")
    await tab.until("document.querySelector('.answer .sources')")
    assert await tab.focused() == "question"
    await reach("Langsung ke")
    await tab.press("Enter")
    await tab.until("location.hash === '#question'")
    await reach("show-export")
    await tab.press("Enter")
    await tab.until("document.querySelector('#export').open")
    await tab.press("Escape")
    assert await tab.focused() == "show-export"
    await reach("Sumber 1")
    await tab.press("Enter")
    await tab.until("document.querySelector('#passage').open")
    await reach("close-passage", 5)
    await tab.press("Enter")
    assert (await tab.focused()).startswith("Sumber 1")
    await reach("Langkah dan alat")
    await tab.press("Enter")
    assert await tab.run("document.querySelector('.answer details').open")
    await reach("Nilai jawaban ini")
    await tab.press("Enter")
    await tab.press("Tab")
    await tab.press(" ")
    await tab.press("ArrowRight")
    assert await tab.run("document.querySelector('.feedback input:checked').value") == "2"
    await reach("Kirim penilaian")
    await tab.press("Enter")
    await tab.until("document.querySelector('.feedback').innerText.includes('tersimpan')")
    await reach("Ubah nama")
    await tab.press("Enter")
    await tab.type("Dengan papan ketik")
    await tab.press("Enter")
    await tab.until("document.querySelector('#conversation-title').textContent === 'Dengan papan ketik'")
    assert (await tab.focused()).startswith("Ubah nama")
    await reach("log-out")
    await tab.press("Enter")
    await tab.until("document.body.dataset.view === 'login'")
