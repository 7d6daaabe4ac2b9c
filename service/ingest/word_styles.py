"""The styles of a Word document: which are headings, and how a run of text looks once they are applied.

What hides a text may stand in its run, in a style of characters, in the paragraph's style, in one that these are based on, or in the defaults:
the nearest one that says something of a property counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STYLE_LEVEL = re.compile(r"^(?:heading|judul|überschrift|titre)\s?([1-9])$", re.IGNORECASE)
_LONGEST_ANCESTRY = 20
_SMALLEST_HALF_POINTS = 3
_WHITE = 250
"""Of 255, in each of red, green and blue; as of a PDF."""
_COLOUR = re.compile(r"[0-9A-Fa-f]{6}")
_OFF = frozenset({"0", "false", "off"})


@dataclass(frozen=True, slots=True)
class Styles:
    """Styles by their id, and what holds where none says otherwise."""

    by_id: Mapping[str, etree._Element] = field(default_factory=dict)
    usual: str = ""
    """The style of paragraphs that name none."""
    defaults: etree._Element | None = None
    _known: dict[str, tuple[etree._Element, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, part: etree._Element | None) -> Styles:
        """Read `word/styles.xml`; a document without it has no styles."""
        if part is None:
            return cls()
        by_id = {style.get(f"{_W}styleId") or "": style for style in part.findall(f"{_W}style")}
        usual = next((key for key, style in by_id.items() if _is_usual(style)), "")
        return cls(by_id, usual, part.find(f"{_W}docDefaults/{_W}rPrDefault/{_W}rPr"))

    def levels(self) -> Mapping[str, int]:
        """Heading level of each style that has one, whatever language its name is in."""
        levels: dict[str, int] = {"Title": 1}
        for key, style in self.by_id.items():
            match = _STYLE_LEVEL.match(_said(style, "name") or "")
            outline = _said(style, f"pPr/{_W}outlineLvl") or "9"
            if match:
                levels[key] = int(match[1])
            elif outline.isdigit() and int(outline) < 9:
                levels[key] = int(outline) + 1
        return levels

    def hides(self, run: etree._Element, paragraph: etree._Element) -> bool:
        """Whether nobody sees a run: hidden, too small, or white on white."""
        named = _said(paragraph, f"pPr/{_W}pStyle") or self.usual
        own = run.find(f"{_W}rPr")
        looks = [
            *([own] if own is not None else []),
            *self._looks(_said(run, f"rPr/{_W}rStyle") or ""),
            *self._looks(named),
            *([self.defaults] if self.defaults is not None else []),
        ]
        vanish, size, colour = (_first(looks, name) for name in ("vanish", "sz", "color"))
        if vanish is not None and (vanish.get(f"{_W}val") or "1") not in _OFF:
            return True
        points = "" if size is None else size.get(f"{_W}val") or ""
        if points.isdigit() and int(points) < _SMALLEST_HALF_POINTS:
            return True
        if colour is None or not _is_white(colour.get(f"{_W}val") or ""):
            return False
        return not _is_dark_behind(looks, self._grounds(paragraph, named))

    def _looks(self, key: str) -> tuple[etree._Element, ...]:
        """What a style says of text, then what those say that it is based on."""
        known = self._known.get(key)
        if known is None:
            found = (style.find(f"{_W}rPr") for style in self._ancestry(key))
            known = self._known[key] = tuple(look for look in found if look is not None)
        return known

    def _ancestry(self, key: str) -> Iterator[etree._Element]:
        # A style may be based on itself; Word's own go back three or four steps.
        for _ in range(_LONGEST_ANCESTRY):
            style = self.by_id.get(key)
            if style is None:
                return
            yield style
            key = _said(style, "basedOn") or ""

    def _grounds(self, paragraph: etree._Element, named: str) -> Iterator[etree._Element]:
        """What may lie behind a paragraph: its own shading, its style's, and that of the cell or table that it stands in."""
        for holder in (paragraph, *self._ancestry(named)):
            yield from holder.findall(f"{_W}pPr/{_W}shd")
        for around in paragraph.iterancestors(f"{_W}tc", f"{_W}tbl"):
            yield from around.findall(f"{_W}tcPr/{_W}shd")
            yield from around.findall(f"{_W}tblPr/{_W}shd")


def _is_usual(style: etree._Element) -> bool:
    return style.get(f"{_W}type") == "paragraph" and (style.get(f"{_W}default") or "0") not in _OFF


def _said(element: etree._Element, path: str) -> str | None:
    """The `val` of what stands at a path below an element; None where nothing does."""
    found = element.find(f"{_W}{path}")
    return None if found is None else found.get(f"{_W}val")


def _first(looks: Sequence[etree._Element], name: str) -> etree._Element | None:
    return next((found for look in looks if (found := look.find(f"{_W}{name}")) is not None), None)


def _is_white(colour: str) -> bool:
    return bool(_COLOUR.fullmatch(colour)) and min(bytes.fromhex(colour)) >= _WHITE


def _is_dark_behind(looks: Sequence[etree._Element], grounds: Iterator[etree._Element]) -> bool:
    """Whether something that is not white lies behind white text; `auto` and a white filling are none."""
    marked = _first(looks, "highlight")
    if marked is not None and (marked.get(f"{_W}val") or "none") not in {"none", "white"}:
        return True
    behind = _first(looks, "shd")
    return any(_is_dark(one) for one in (*([behind] if behind is not None else []), *grounds))


def _is_dark(shading: etree._Element) -> bool:
    pattern, filling, ink = (shading.get(f"{_W}{name}") or "" for name in ("val", "fill", "color"))
    # A pattern lies in its colour over the filling; `clear` is none.
    shown = (filling, ink) if pattern not in {"", "clear", "nil"} else (filling,)
    return any(_COLOUR.fullmatch(one) and not _is_white(one) for one in shown)
