"""What the style sheet of a page hides, by whichever selector, condition or inheritance, as a browser on a desk would."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.ingest.entries import Origin
from service.ingest.finding import Found
from service.ingest.limits import Limits
from service.ingest.reader import Reader
from service.ingest.reading_html import read_html
from service.ingest.refusals import Refused
from tests.service.ingest.conftest import DAY

SIBLINGS = "<p>a</p>" * 2_000
HIDDEN = {
    "child": "<style>div .a > p{display:none}</style><div><div class=a><p>RAHASIA</p></div></div>",
    "next sibling": "<style>i + p{display:none}</style><i></i><p>RAHASIA</p>",
    "later sibling": f"<style>i ~ p.x{{display:none}}</style><i></i>{SIBLINGS}<p class=x>RAHASIA</p>",
    "not": "<style>p:not(.a, .b .c){display:none}</style><p>RAHASIA</p>",
    "attribute": "<style>[data-x^=ra i]{display:none}</style><p data-x=RAh>RAHASIA</p>",
    "tag": "<style>h9, u{display:none}</style><u>RAHASIA</u>",
    "is and where": "<style>:where(div, main) :is(.a .b, p){display:none}</style><main><p>RAHASIA</p></main>",
    "has": "<style>div:has(> i){display:none}</style><div><i></i>RAHASIA</div>",
    "of a type": "<style>u:nth-of-type(2){display:none}</style><u>a</u><u>RAHASIA</u>",
    "nth of": "<style>*:nth-child(2 of .x){display:none}</style><u class=x>a</u><u class=x>RAHASIA</u>",
    "media": "<style>@media screen and (min-width:1px){.x{display:none}}</style><p class=x>RAHASIA</p>",
    "media of another screen shows nothing": "<style>@media (orientation:portrait){.x{display:block!important}} .x{display:none}</style><p class=x>RAHASIA</p>",
    "media by range": "<style>@media (width >= 600px) and (prefers-color-scheme: light){.x{display:none}}</style><p class=x>RAHASIA</p>",
    "what is not known hides": "<style>@media (foo:1){.x{display:none}} @supports (a:b){.y{color:white}}</style><p class=x>RAHASIA</p><p class=y>RAHASIA</p>",
    "what is not known shows nothing": "<style>.x{display:none} @supports not (display:grid){.x{display:block}} @media (foo:1){.x{display:block}}</style><p class=x>RAHASIA</p>",
    "important": "<style>.x{display:none!important}</style><p class=x style='display:block'>RAHASIA</p>",
    "specific": "<style>main .x{display:none} .x{display:block}</style><main><p class=x>RAHASIA</p></main>",
    "layers": "<style>p{display:none} @layer a{p.x{display:block}}</style><p class=x>RAHASIA</p>",
    "layers in order": "<style>@layer b,a; @layer a{p{display:none}} @layer b{p.x{display:block}}</style><p class=x>RAHASIA</p>",
    "important layers": "<style>@layer a{p{display:none!important}} @layer b{p.x{display:block!important}}</style><p class=x>RAHASIA</p>",
    "nested": "<style>main{p{display:none}}</style><main><p>RAHASIA</p></main>",
    "nested behind": "<style>.s{main &{display:none}}</style><main><p class=s>RAHASIA</p></main>",
    "nested media": "<style>main{@media screen{& > .s, u{&:not(.q){display:none}}}}</style><main><p class=s>RAHASIA</p></main>",
    "scope": "<style>@scope (main){p{display:none}}</style><main><p>RAHASIA</p></main>",
    "custom": "<style>:root{--c:#fff;--d:var(--c)} main p{color:var(--d)}</style><main><p>RAHASIA</p></main>",
    "custom inside": "<style>:root{--c:255}main p{color:rgb(var(--c) var(--c) 255)}</style><main><p>RAHASIA</p></main>",
    "fallback": "<style>main p{display:var(--none-such, none)}</style><main><p>RAHASIA</p></main>",
    "inherited colour": "<style>div{color:white}</style><div><p>RAHASIA</p></div>",
    "colour around": "<div style='color:#fff'>RAHASIA<b style='color:#000'>Ada</b>RAHASIA</div>",
    "colour of the ground": "<style>body div{background:#123456} div p{color:#123457}</style><div><p>RAHASIA</p></div>",
    "colour by name": "<p style='color:snow'>RAHASIA</p>",
    "colour by another space": "<p style='color:oklch(1 0 0)'>RAHASIA</p>",
    "colour of old": "<font color=ffffff>RAHASIA</font>",
    "filled with nothing": "<style>main p{color:black;-webkit-text-fill-color:transparent}</style><main><p>RAHASIA</p></main>",
    "inherited visibility": "<style>div{visibility:hidden}</style><div><p>RAHASIA</p></div>",
    "inherited size": "<style>div div{font-size:0}</style><div><div><p>RAHASIA</p></div></div>",
    "smaller and smaller": "<div style='font-size:.3em'><div style='font-size:.3em'>RAHASIA</div></div>",
    "reckoned size": "<style>main p{font-size:calc(0px * 5)}</style><main><p>RAHASIA</p></main>",
    "fainter and fainter": "<div style='opacity:.2'><div style='opacity:.2'>RAHASIA</div></div>",
    "faint": "<style>main p{opacity:0}</style><main><p>RAHASIA</p></main>",
    "filter": "<style>main p{filter:opacity(0)}</style><main><p>RAHASIA</p></main>",
    "clip": "<style>main .s{position:absolute;clip:rect(1px,1px,1px,1px)}</style><main><p class=s>RAHASIA</p></main>",
    "clip path": "<style>main .s{clip-path:circle(0)}</style><main><p class=s>RAHASIA</p></main>",
    "off screen": "<style>main .s{position:absolute;inset:0 auto auto -9999px}</style><main><p class=s>RAHASIA</p></main>",
    "above the page": "<style>main .s{margin-top:-9999px}</style><main><p class=s>RAHASIA</p></main>",
    "above the page in spite of its room": "<style>main .s{margin-top:-9999px;padding-top:20px}</style><main><p class=s>RAHASIA</p></main>",
    "moved": "<style>main .s{transform:translateX(-9999px)}</style><main><p class=s>RAHASIA</p></main>",
    "indent": "<style>main p{text-indent:-9999px}</style><main><p>RAHASIA</p></main>",
    "no room": "<style>main p{width:1px;height:1px;overflow:hidden}</style><main><p>RAHASIA</p></main>",
    "values that are none": "<p style='color:white;color:foo(1)'>RAHASIA</p><p style='position:fixed;left:-9999px;left:foo'>RAHASIA</p>"
    "<p style='transform:scale(0);transform:foo(1)'>RAHASIA</p><p style='visibility:hidden;visibility:foo'>RAHASIA</p>",
    "sheets that no browser takes": "<style>.x{display:none}</style><style type=text/plain>.x{display:block}</style>"
    "<style media=print>.x{display:block}</style><noscript><style>.x{display:block}</style></noscript><p class=x>RAHASIA</p>",
    "closed": "<dialog>RAHASIA</dialog><div popover>RAHASIA</div><datalist>RAHASIA</datalist>",
}  # fmt: skip
SHOWN = {
    "another medium": "<style>@media print{p{display:none}} @media (max-width:600px){p{display:none}}</style><p>TAMPAK</p>",
    "a dark ground": "<style>.d{background:#000} .d p{color:#fff}</style><div class=d><p>TAMPAK</p></div>",
    "a dark cell": "<table><tr><td bgcolor=navy><font color=white>TAMPAK</font></td></tr></table>",
    "a picture": "<style>main{background:linear-gradient(red,blue)}main p{color:white}</style><main><p>TAMPAK</p></main>",
    "shown again": "<style>.m{display:none} .m.open{display:block}</style><div class='m open'><p>TAMPAK</p></div>",
    "shown by its own style": "<style>p{display:none}</style><p style='display:block'>TAMPAK</p>",
    "a size of its own": "<div style='font-size:0'><p style='font-size:14px'>TAMPAK</p></div>",
    "visible inside": "<div style='visibility:hidden'><p style='visibility:visible'>TAMPAK</p></div>",
    "what only a mouse does": "<style>p:hover{display:none} p::before{display:none}</style><p>TAMPAK</p>",
    "not this one": "<style>p:not(.x){display:none}</style><p class=x>TAMPAK</p>",
    "a column beside": "<style>main p{margin-left:-100%;float:left}</style><main><p>TAMPAK</p></main>",
    "a heading that links lead to": "<style>main p{margin-top:-600px;padding-top:600px}</style><main><p>TAMPAK</p></main>",
    "drawn over a picture": "<style>main{margin-top:-120px}</style><main><p>TAMPAK</p></main>",
    "a narrow cell": "<style>td{width:0}</style><table><tr><td>TAMPAK</td></tr></table>",
    "a place that is not taken": "<p style='left:-9999px'>TAMPAK</p>",
    "an open dialog": "<dialog open>TAMPAK</dialog>",
    "broken rules": "<style>p:foo(}{display:none} :has(){display:none} *|*|*{display:none} :nth-child(){display:none} a|{display:none} @media ,{p{display:none}}</style>"
    "<p style='color:color();background:color()'>TAMPAK</p>",
}  # fmt: skip
SHEETS = {
    "nearly ten megabytes": ".a .b{top:0}\n" * 760_000,
    "more than ten megabytes": ".a .b{top:0}\n" * 880_000,
    "a million rules": "p{top:0}\n" * 1_000_000,
    "rules in rules": "p{" * 100_000,
    "brackets": "p" + ":is(p" * 50_000 + ")" * 50_000 + "{color:red}",
    "selectors that grow": "&" * 10 + "{" + ("& " * 10 + "{") * 25,
    "everything before everything": "div:has(~ i){top:0}",
}
LAUGHS = (
    "p{"
    + "".join(f"--v{n}:f(var(--v{n + 1}))var(--v{n + 1});" for n in range(60))
    + "color:var(--v0);display:var(--v0)}"
)


def lines_of(page: str) -> str:
    manuscript = read_html(f"<html><body><h5>Terlihat.</h5>{page}<h6>Juga.</h6></body></html>")
    return "\n".join(line.text for line in manuscript.lines)


@pytest.mark.parametrize("name", HIDDEN)
def test_what_any_rule_hides_is_dropped(name: str) -> None:
    """Nothing that a browser hides is taken in, and what stands around it is."""
    text = lines_of(HIDDEN[name])
    assert "RAHASIA" not in text
    assert text.startswith("Terlihat.")
    assert text.endswith("Juga.")


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_browser_shows_is_kept(name: str) -> None:
    """No law loses an article because a page has a menu, a print view, a dark heading or a broken sheet."""
    assert "TAMPAK" in lines_of(SHOWN[name])


def test_a_selector_is_never_more_than_a_selector() -> None:
    """The library makes Python of selectors: names, strings and numbers of a sheet stay names, strings and numbers in it."""
    escape = "\\27 \\29  or 1/0 or \\28 \\27 "
    for selector in (f".{escape}", f"#{escape}", escape, f"[{escape}]", f"[a='{escape}']", f'[a|="{escape}" i]', f":lang({escape})"):  # fmt: skip
        assert "TAMPAK" in lines_of(f"<style>{selector}{{display:none}}</style><p class=x id=y a=z lang=id>TAMPAK</p>")
    assert "TAMPAK" not in lines_of('<style>.\\27 \\29 {display:none}</style><p class="\')">TAMPAK</p>')


def test_values_made_of_values_come_to_nothing() -> None:
    """A billion laughs by custom properties: a value without end is none, as for a browser."""
    assert "TAMPAK" in lines_of(f"<style>{LAUGHS}</style><p>TAMPAK</p>")


@pytest.mark.parametrize("made", ["<p>{}</p>", "<p title='{}'>b</p>", "<style>p{{color:{}}}</style>"])
def test_a_page_that_is_only_half_read_is_refused(made: str) -> None:
    """The parser stops at ten megabytes in one piece and says so in its log alone: half a law is no law."""
    with pytest.raises(Refused) as refused:
        lines_of(made.format("kata " * 2_100_000))
    assert refused.value.code == "too_large"


@pytest.mark.integration
@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_without_end_costs_one_refusal(name: str, tmp_path: Path) -> None:
    """Ten megabytes, a million rules, endless nesting: the child's limits hold, and the next page is read as ever."""
    body = "<div>x</div>\n" * 30_000 if "before" in name else "<p>x</p>"
    content = f"<html><style>{SHEETS[name]}</style><body>{body}</body></html>".encode()
    (tmp_path / "a.html").write_bytes(content)
    (tmp_path / "b.html").write_bytes(b"<style>p + p{display:none}</style><p>Isi.</p><p>RAHASIA</p>")
    reader = Reader()
    try:
        with pytest.raises(Refused) as refused:
            reader.read(
                Found(tmp_path / "a.html", "a.html", len(content), tmp_path / "a.html"), Origin("a.html", DAY), Limits()
            )
        assert refused.value.code in {"memory", "time", "too_deep", "too_large"}
        after = reader.read(Found(tmp_path / "b.html", "b.html", 60, tmp_path / "b.html"), Origin("b.html", DAY))
    finally:
        reader.close()
    assert "Isi." in str(after.entries)
    assert "RAHASIA" not in str(after.entries)
