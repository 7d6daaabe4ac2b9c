"""Reads what a person sees of HTML, and of Markdown by way of HTML: no scripts, styles, comments or hidden elements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from lxml import etree, html
from markdown_it import MarkdownIt

from service.ingest.looks import Look, looks_of
from service.ingest.manuscript import Line, Manuscript, clean, invisible_finding
from service.ingest.numbering import spell
from service.ingest.refusals import Refused

_DROPPED = frozenset(
    {
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "embed",
        "svg",
        "math",
        "head",
        "nav",
        "select",
        "textarea",
        "button",
        "canvas",
        "audio",
        "video",
        "datalist",
        "noframes",
        "noembed",
    }
)
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "li",
        "tr",
        "section",
        "article",
        "blockquote",
        "pre",
        "ul",
        "ol",
        "table",
        "thead",
        "tbody",
        "dl",
        "dt",
        "dd",
        "br",
        "hr",
        "main",
        "header",
        "footer",
        "aside",
        "figure",
        "figcaption",
        "form",
        "fieldset",
        "body",
        "html",
        "address",
        "center",
        "details",
        "summary",
        "caption",
    }
)
_BESIDE = frozenset({"aside", "footer"})
"""What stands beside the text of a page; inside of it (`main`, `article`) they may be notes and signatures."""
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ITEM = re.compile(r"[0-9]{1,6}")
_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_FRONT = re.compile(r"\A---\s*\n(.{0,4000}?)\n---\s*(?:\n|\Z)", re.DOTALL)
_STATED = re.compile(r"^(title|judul|as_of|tanggal|source|sumber)\s*:\s*[\"']?(.{1,300}?)[\"']?\s*$", re.MULTILINE)
# libxml2 stops at 256 levels and would lose what lies below.
_DEEPEST = 200


@dataclass(slots=True)
class _Reading:
    """Lines as they come, the words of the line that is open, and how many hidden characters were left out.

    `marker` is the number of the list item that was entered last, `numbers` the last one of each ordered list.
    """

    lines: list[Line] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    level: int = 0
    hidden: int = 0
    invisible: int = 0
    marker: str = ""
    numbers: dict[html.HtmlElement, int] = field(default_factory=dict)

    @property
    def only_a_marker(self) -> bool:
        """Whether the open line has a list item's number so far and nothing else: a paragraph in the item belongs to it."""
        return bool(self.marker) and "".join(self.words).strip() == self.marker.strip()

    def end_line(self) -> None:
        """Close the open line."""
        for part in "".join(self.words).split("\n"):
            text, removed = clean(part)
            self.invisible += removed
            if text:
                self.lines.append(Line(text, self.level))
        self.words = []


def read_html(text: str) -> Manuscript:
    """The visible lines of a page.

    Raises:
        Refused: no text is left, or elements are nested too deep.
    """
    root = _parse(text)
    looks = looks_of(root)
    reading = _Reading()
    _walk(root, looks, reading)
    reading.end_line()
    if not reading.lines:
        raise Refused("no_text", "nothing in it is visible")
    title = root.findtext(".//title")
    findings = (f"{reading.hidden} hidden characters dropped",) if reading.hidden else ()
    return Manuscript(
        tuple(reading.lines), clean(title or "")[0] or None, findings=(*findings, *invisible_finding(reading.invisible))
    )


def read_markdown(text: str) -> Manuscript:
    """The visible lines of a Markdown file; `title`, `as_of` and `source` may stand in front matter between `---` lines."""
    front = _FRONT.match(text)
    stated = dict(_STATED.findall(front[1])) if front else {}
    body = text[front.end() :] if front else text
    page = read_html(f"<html><body>{MarkdownIt('commonmark').enable('table').render(body)}</body></html>")
    title = stated.get("title") or stated.get("judul")
    source = stated.get("source") or stated.get("sumber")
    return Manuscript(page.lines, title, _day(stated), source, findings=page.findings)


def _day(stated: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(stated.get("as_of") or stated.get("tanggal") or "")
    except ValueError:
        return None


def _parse(text: str) -> html.HtmlElement:
    parser = html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True, encoding="utf-8")
    try:
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise Refused("no_text", f"nothing in it is visible ({error})") from error
    # Beyond its limits the parser stops, and gives what came before as if it were the whole page.
    for entry in parser.error_log:
        if entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
            if "depth" in entry.message.lower():
                raise Refused("too_deep", "the page nests elements deeper than the parser follows")
            raise Refused("too_large", "a text, a style sheet or an attribute in it is longer than ten million bytes")
    return root


def _walk(root: html.HtmlElement, looks: Mapping[html.HtmlElement, Look], reading: _Reading) -> None:
    """Go through the tree with a stack of our own: a page cannot make it overflow."""
    stack: list[tuple[html.HtmlElement, bool, int]] = [(root, False, 0)]
    while stack:
        element, leaving, depth = stack.pop()
        tag = element.tag if isinstance(element.tag, str) else ""
        if leaving:
            _leave(element, tag, looks, reading)
            continue
        if depth > _DEEPEST:
            raise Refused("too_deep", f"elements nested more than {_DEEPEST} deep")
        look = looks.get(element)
        hidden = tag not in _DROPPED and look is not None and look.gone
        beside = tag in _BESIDE and next(element.iterancestors("main", "article"), None) is None
        if not tag or tag in _DROPPED or hidden or beside:
            reading.hidden += len("".join(element.itertext()).strip()) if hidden else 0
            reading.words.append(_seen(element.tail, element.getparent(), looks, reading))
            continue
        _enter(element, tag, looks, reading)
        stack.append((element, True, depth))
        stack.extend((child, False, depth + 1) for child in reversed(element))


def _seen(
    text: str | None,
    element: html.HtmlElement | None,
    looks: Mapping[html.HtmlElement, Look],
    reading: _Reading,
) -> str:
    """A text that stands right in an element, where somebody sees it."""
    if not text or element is None or element not in looks or not looks[element].unseen:
        return text or ""
    reading.hidden += len(text.strip())
    return " "


def _enter(element: html.HtmlElement, tag: str, looks: Mapping[html.HtmlElement, Look], reading: _Reading) -> None:
    if tag in _BLOCKS or tag in _HEADINGS:
        if not reading.only_a_marker:
            reading.end_line()
        reading.level = _HEADINGS.get(tag, 0)
    if tag == "li":
        reading.marker = _marker(element, reading)
        reading.words.append(reading.marker)
    text = _seen(element.text, element, looks, reading)
    reading.words.append(text if tag == "pre" else re.sub(r"\s+", " ", text))


def _marker(item: html.HtmlElement, reading: _Reading) -> str:
    """The number that a browser shows before an item of an ordered list, or nothing: definitions are told apart by it."""
    parent = item.getparent()
    if parent is None or parent.tag != "ol" or "list-style" in (parent.get("style") or ""):
        return ""
    said = item.get("value") or ("" if parent in reading.numbers else parent.get("start") or "")
    number = int(said) if _ITEM.fullmatch(said) else reading.numbers.get(parent, 0) + 1
    reading.numbers[parent] = number
    return f"{spell(number, _FORMS.get(parent.get('type') or '', ''))}. "


def _leave(element: html.HtmlElement, tag: str, looks: Mapping[html.HtmlElement, Look], reading: _Reading) -> None:
    if tag in _BLOCKS or tag in _HEADINGS:
        reading.end_line()
        reading.level = 0
    elif tag in {"td", "th"}:
        reading.words.append(" | " if element.getnext() is not None else "")
    reading.words.append(re.sub(r"\s+", " ", _seen(element.tail, element.getparent(), looks, reading)))
