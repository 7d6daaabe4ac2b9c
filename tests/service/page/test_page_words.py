"""What can be done with the words of an answer: its marks opened wherever they stand, its text selected and copied."""

from __future__ import annotations

import pytest

from tests.service.page.chromium import Tab, stream
from tests.service.page.test_page_comfort import answered
from tests.service.page.test_page_guards import answer_of

pytestmark = pytest.mark.integration

PROSE = "document.querySelector('.answer:last-of-type .prose')"


async def test_what_is_copied_says_no_other_figures(tab: Tab) -> None:
    """A mark is copied in its brackets: "paling lama lima 1 tahun" would be another sentence, and two marks in a row another number."""
    text = "Pidana penjara paling lama 5 [1] tahun menurut Pasal 3 [1][1]."
    await answered(tab, answer_of("Isi", answer=text))
    copied = f"(() => {{ const one = getSelection(); one.selectAllChildren({PROSE}); return one.toString(); }})()"
    assert (await tab.run(copied)).strip() == text


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Unsur-unsurnya menurut pasal itu [1]:", "H3: Unsur-unsurnya menurut pasal itu [1]"),
        ("### Dasar hukum [1]", "H3: Dasar hukum [1]"),
        ("### **Dasar hukum** [1]", "H3: Dasar hukum [1]"),
        ("**Dasar hukum [1]**", "H3: Dasar hukum [1]"),
        ("- **Setiap orang [1]** yang sengaja.", "UL: Setiap orang [1] yang sengaja."),
        ("Menurut **Pasal 5** [1]:", "H3: Menurut Pasal 5 [1]"),
    ],
)
async def test_a_mark_opens_wherever_a_model_puts_it(tab: Tab, line: str, shown: str) -> None:
    """In a heading and in bold words too a mark is a button, and no star of the markup is shown; in an English answer the line is its source's."""
    await answered(tab, answer_of("Isi", answer=f"{line}\n\nPenjelasan.", language="en", model="extractive"))
    first = f"{PROSE}.firstElementChild"
    assert await tab.run(f"{first}.tagName + ': ' + {first}.textContent") == shown
    assert await tab.run(f"{first}.querySelector('.cite').closest('[lang]:not(.cite)').tagName") in ("H3", "LI")
    await tab.click(".answer:last-of-type .prose .cite")
    await tab.until("document.querySelector('#passage').open")


async def test_what_is_selected_stays_so_while_the_rest_comes(tab: Tab) -> None:
    """Whoever selects the first lines of a long answer does not lose them with each piece of the others."""
    await tab.play("POST", "/v1/chat", stream(("delta", {"text": "Kalimat pertama.\n\nKalimat"})), ends=False)
    await tab.run("document.querySelector('#question').focus()")
    await tab.type("Apa itu hukum?")
    await tab.press("Enter")
    await tab.until(f"{PROSE}?.children.length === 2")
    await tab.run(f"getSelection().selectAllChildren({PROSE}.firstElementChild)")
    for piece, end in ((" kedua.", "kedua."), ("\n\n- Butir", "Butir")):
        await tab.run(f"window.more({stream(('delta', {'text': piece}))!r})")
        await tab.until(f"{PROSE}.textContent.endsWith({end!r})")
    assert await tab.run("getSelection().toString()") == "Kalimat pertama."
    assert await tab.run(f"{PROSE}.innerText") == "Kalimat pertama.\n\nKalimat kedua.\n\nButir"
    await tab.click("#stop")
    await tab.until("document.querySelector('#stop').hidden")
