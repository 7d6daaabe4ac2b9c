"""Puts the lines of an article together again: one paragraph for each ayat, item and sentence block."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.ingest.manuscript import Line
from service.ingest.noise import join
from service.ingest.readings import digits

_ITEM = re.compile(r"^(?:\(\d{1,3}[a-z]?\)|\d{1,3}[.)]\s|[a-z]{1,2}[.)]\s|[ivx]{1,5}[.)]\s|[-•–*]\s)")
# An ayat's number after a scan: "(21", "(2\", "i2l", "(l)", "(U".
_SPELT_AYAT = re.compile(r"^[(\[{iIl]\s?(?P<number>[0-9lIOSZUt]{1,2})(?P<end>\s?[)\]}\\lJ|1I])?\s{0,2}(?=[A-Z])")
_REFERENCE = re.compile(r"\b(Pasal|ayat|angka) [tlI](?=\s(?:huruf|ayat|angka)\b)")
_AYAT_REFERENCE = re.compile(r"\bayat \(l\)")
_SPELT_ITEM = re.compile(r"^(?P<number>[0-9OolLIitZSsTBgqb|][0-9OolLIitZSsTBgqb| ]{0,3})[.,]\s(?=[A-Z])")
_MAY_BE = {
    **dict.fromkeys("Oo", "0"), **dict.fromkeys("lLIit|", "1"), **dict.fromkeys("gq", "9"), **dict.fromkeys("Ss", "58"),
    "Z": "2", "T": "7", "B": "8", "b": "6",
}  # fmt: skip
_FIGURES = str.maketrans("lIOSZUt", "1105211")


def paragraphs(lines: Sequence[Line], *, wrapped: bool, ayat: bool = False) -> str:
    """The text of lines, one paragraph per line of the result. With `ayat`, scanned numbers of ayat are made readable."""
    blocks: list[list[str]] = []
    expected = item = 1
    for line in lines:
        text = line.text
        if ayat:
            text, expected = _numbered(text, expected)
            text, item = _itemised(text, item)
        text = _REFERENCE.sub(r"\1 1", _AYAT_REFERENCE.sub("ayat (1)", digits(text)))
        if blocks and wrapped and not _ITEM.match(text):
            blocks[-1].append(text)
        else:
            blocks.append([text])
    return "\n".join(join(block) for block in blocks).strip()


def _numbered(text: str, expected: int) -> tuple[str, int]:
    """A line that begins the expected ayat, its number mended; and the number that is expected next."""
    if text.startswith(f"({expected})"):
        return text, expected + 1
    match = _SPELT_AYAT.match(text)
    if not match:
        return text, expected
    number = match["number"].translate(_FIGURES)
    without_bracket = number[:-1] if len(number) > 1 and number[-1] == "1" and not match["end"] else number
    if str(expected) not in {number, without_bracket} or (not match["end"] and number == without_bracket):
        return text, expected
    return f"({expected}) {text[match.end() :]}", expected + 1


def _itemised(text: str, expected: int) -> tuple[str, int]:
    """A line that begins the expected item of a numbered list ("S. Korporasi" after 7, "1 1." after 10); a list begins anew at 1."""
    match = _SPELT_ITEM.match(text)
    if not match:
        return text, expected
    number = match["number"].replace(" ", "")
    if number == "1":
        return text, 2
    wanted = str(expected)
    alike = len(number) == len(wanted) and all(
        spelt == figure or figure in _MAY_BE.get(spelt, "") for spelt, figure in zip(number, wanted, strict=True)
    )
    return (f"{wanted}. {text[match.end() :]}", expected + 1) if alike and expected > 1 else (text, expected)
