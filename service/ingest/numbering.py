"""The numbers that Word shows and does not store: "Pasal 5", "(2)", "a." of automatic lists."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from lxml import etree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PLACE = re.compile(r"%([1-9])")


@dataclass(frozen=True, slots=True)
class _Level:
    form: str
    text: str
    start: int


@dataclass(slots=True)
class Numbering:
    """The lists of one document, and how far each has counted."""

    levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, part: etree._Element | None) -> Numbering:
        """Read `word/numbering.xml`; a document without it has no lists."""
        if part is None:
            return cls()
        abstract = {
            one.get(f"{_W}abstractNumId"): {
                int(level.get(f"{_W}ilvl") or 0): _level(level) for level in one.findall(f"{_W}lvl")
            }
            for one in part.findall(f"{_W}abstractNum")
        }
        found = cls()
        for number in part.findall(f"{_W}num"):
            refers = number.find(f"{_W}abstractNumId")
            key = refers.get(f"{_W}val") if refers is not None else None
            found.levels[number.get(f"{_W}numId") or ""] = abstract.get(key, {})
        return found

    def next(self, paragraph: etree._Element) -> str:
        """What stands before a paragraph's text: its number and a space, or nothing."""
        properties = paragraph.find(f"{_W}pPr/{_W}numPr")
        if properties is None:
            return ""
        key, depth = _value(properties, "numId"), int(_value(properties, "ilvl") or 0)
        level = self.levels.get(key, {}).get(depth)
        if level is None or level.form in {"bullet", "none"}:
            return "- " if level is not None and level.form == "bullet" else ""
        counts = self.counts[key]
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [one for one in counts if one > depth]:
            del counts[deeper]
        shown = _PLACE.sub(lambda match: self._figure(key, int(match[1]) - 1), level.text)
        return f"{shown}\n" if shown.strip().lower().startswith("pasal") else f"{shown} "

    def _figure(self, key: str, depth: int) -> str:
        level = self.levels[key].get(depth)
        if level is None:
            return ""
        return spell(self.counts[key].get(depth, level.start), level.form)


def _value(properties: etree._Element, name: str) -> str:
    element = properties.find(f"{_W}{name}")
    value = (element.get(f"{_W}val") or "") if element is not None else ""
    return value if value.isdigit() else ""


def _level(element: etree._Element) -> _Level:
    def read(name: str, otherwise: str) -> str:
        found = element.find(f"{_W}{name}")
        return (found.get(f"{_W}val") or otherwise) if found is not None else otherwise

    start = read("start", "1")
    return _Level(read("numFmt", "decimal"), read("lvlText", ""), int(start) if start.isdigit() else 1)


def spell(number: int, form: str) -> str:
    """A number in a form that Word knows: letters, roman ones, else digits."""
    if form in {"lowerLetter", "upperLetter"} and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in {"lowerRoman", "upperRoman"} and 0 < number < 4000:
        spelt = ""
        for value, sign in zip(
            (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
            ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
            strict=True,
        ):
            spelt += sign * (number // value)
            number %= value
        return spelt.lower() if form == "lowerRoman" else spelt
    return str(number)
