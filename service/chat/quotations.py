"""Quotations: where they stand in a sentence, whether a source holds them word for word, and what the source says instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher

_FOLDED = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»〝〞＂", '"'),
        **dict.fromkeys("‘’‚‛´`ʼ", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("[{", "("),
        **dict.fromkeys("]}", ")"),
        "‹": "<",
        "›": ">",
        "…": "...",
        **dict.fromkeys("*_", ""),
    }
)
_SPACES = re.compile(r"\s+")
_PAIRED = re.compile(
    r"“([^“”]*)(?:”|$)|«([^«»]*)(?:»|$)|„([^“”„]*)[“”]|\"([^\"]*)(?:\"|$)|‹([^‹›]*)›|(?<!')''([^']+)''(?!')|``([^`']+)(?:``|'')"
)
_SINGLE = re.compile(r"(?<![\w’'])[‘']([^‘’'\n]+(?:(?<=\w)[’'](?=\w)[^‘’'\n]+)*)[’'](?!\w)")
_WORD = re.compile(r"\w+")
_ELLIPSIS = re.compile(r"\s*[(\[]?(?:\.\.\.+|…)[)\]]?\s*")
_TURNING = re.compile(
    r"\b(?:tidak|bukan|tanpa|kecuali|dilarang|jangan|belum|hanya|selain|apabila|bila|jika|sepanjang|setelah|sebelum|atau)\b",
    re.IGNORECASE,
)
"""Words whose omission turns what is said, or loses a condition of it."""
_SENTENCE_BREAK = re.compile(r"[.;!?]\s")
_LONGEST_MENDED = 700
_LEAST_ALIKE = 0.75
_LEAST_WORDS_MENDED = 4
_MOST_AT_AN_END = 2


def fold_quotation(text: str) -> str:
    """White space and typography made alike; letters, digits, case and punctuation stay."""
    return _SPACES.sub(" ", text.translate(_FOLDED)).strip()


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quotation in a sentence: its words and where they begin and end, without the quotation marks."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Located:
    """Words of a source, as they stand there, and where they begin among its folded text."""

    text: str
    start: int
    verbatim: bool


def find_quotations(sentence: str) -> tuple[Quotation, ...]:
    """The quotations of a sentence, in order. An apostrophe within a word opens none, and a single one needs a space inside."""
    found = [
        Quotation(match[match.lastindex or 0], *match.span(match.lastindex or 0))
        for match in _PAIRED.finditer(sentence)
    ]
    taken = [(one.start - 1, one.end + 1) for one in found]
    for match in _SINGLE.finditer(sentence):
        outside = all(match.end() <= start or match.start() >= end for start, end in taken)
        if outside and " " in match[1].strip():
            found.append(Quotation(match[1], *match.span(1)))
    return tuple(sorted((one for one in found if _WORD.search(one.text)), key=lambda one: one.start))


class Wording:
    """The words of one source, ready to be compared with quotations."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.folded = "\n".join(fold_quotation(text) for text in texts if text)
        self._lower = self.folded.lower()
        self._spans: list[tuple[int, int]] | None = None

    def locate(self, quotation: str) -> Located | None:
        """Where the source says just this, or what it says in this place: None when it does neither.

        A verbatim find may differ in typography and in punctuation at its end. One with an ellipsis is verbatim when all parts stand in
        one sentence in this order and nothing that turns the sense was left out; else the whole place is given back instead.
        """
        folded = fold_quotation(quotation).strip(" ,;:.")
        if not folded or not _WORD.search(folded):
            return None
        parts = [part for part in _ELLIPSIS.split(folded) if part]
        if len(parts) != 1 or _ELLIPSIS.search(folded):
            return self._in_parts(parts)
        place = self._find(self.folded, folded)
        if place is not None:
            return Located(folded, place, verbatim=True)
        place = self._find(self._lower, folded.lower())
        if place is not None:
            return Located(self.folded[place : place + len(folded)], place, verbatim=False)
        return None

    def holds(self, text: str) -> bool:
        """Whether the words stand here, in any case of letters."""
        folded = fold_quotation(text).strip(" ,;:.").lower()
        return bool(folded) and self._find(self._lower, folded) is not None

    def nearest(self, quotation: str) -> Located | None:
        """The one place that says nearly this, word for word; None when there is none or more than one."""
        wanted = [word.lower() for word in _WORD.findall(fold_quotation(quotation))]
        if not _LEAST_WORDS_MENDED <= len(wanted) <= 200:
            return None
        if self._spans is None:
            self._spans = [match.span() for match in _WORD.finditer(self.folded)]
        words = [self._lower[start:end] for start, end in self._spans]
        first = _window(words, wanted)
        if first is None:
            return None
        begin, end = first
        again = _window([*words[:begin], *("",) * (end - begin), *words[end:]], wanted)
        if again is not None:
            return None
        start, stop = self._spans[begin][0], self._spans[end - 1][1]
        text = self.folded[start:stop]
        return None if "\n" in text else Located(text, start, verbatim=False)

    def _in_parts(self, parts: Sequence[str]) -> Located | None:
        if not parts or any(len(part.split()) < 2 for part in parts):
            return None
        start = at = self._find(self.folded, parts[0])
        if start is None or at is None:
            return None
        end = start + len(parts[0])
        turned = False
        for part in parts[1:]:
            at = self._find(self.folded, part, end)
            if at is None:
                return None
            left_out = self.folded[end:at]
            turned = turned or bool(_TURNING.search(left_out) or _SENTENCE_BREAK.search(left_out) or "\n" in left_out)
            end = at + len(part)
        whole = self.folded[start:end]
        if not turned:
            return Located(whole, start, verbatim=True)
        return Located(whole, start, verbatim=False) if len(whole) <= _LONGEST_MENDED and "\n" not in whole else None

    def _find(self, text: str, wanted: str, since: int = 0) -> int | None:
        """The place of whole words: "sah" does not stand in "sahabat"."""
        at = text.find(wanted, since)
        while at >= 0:
            end = at + len(wanted)
            starts = at == 0 or not (text[at - 1].isalnum() and wanted[0].isalnum())
            ends = end == len(text) or not (text[end].isalnum() and wanted[-1].isalnum())
            number = end < len(text) - 1 and wanted[-1].isdigit() and text[end] in ".,/" and text[end + 1].isdigit()
            if starts and ends and not number:
                return at
            at = text.find(wanted, at + 1)
        return None


def _window(words: list[str], wanted: list[str]) -> tuple[int, int] | None:
    """The stretch of words that is most like the wanted ones, when it is like enough."""
    matcher = SequenceMatcher(None, words, wanted, autojunk=False)
    anchor = matcher.find_longest_match()
    if not anchor.size:
        return None
    # What stands around the longest common run is where the rest has to be.
    low = max(0, anchor.a - anchor.b - 2)
    high = min(len(words), anchor.a + len(wanted) - anchor.b + 2)
    blocks = [b for b in SequenceMatcher(None, words[low:high], wanted, autojunk=False).get_matching_blocks() if b.size]
    blocks = _together(blocks)
    # Words that differ at either end stand for as many of the source.
    before = blocks[0].b
    after = len(wanted) - blocks[-1].b - blocks[-1].size
    begin = low + blocks[0].a - before
    end = low + blocks[-1].a + blocks[-1].size + after
    if begin < 0 or end > len(words) or max(before, after) > _MOST_AT_AN_END:
        return None
    alike = sum(b.size for b in SequenceMatcher(None, words[begin:end], wanted, autojunk=False).get_matching_blocks())
    return (begin, end) if alike >= _LEAST_ALIKE * len(wanted) else None


def _together(blocks: list[Match]) -> list[Match]:
    """The longest common run and those around it that follow as closely in the one as in the other."""
    middle = max(range(len(blocks)), key=lambda place: blocks[place].size)
    kept = [blocks[middle]]
    for block in blocks[middle + 1 :]:
        if not _follows(kept[-1], block):
            break
        kept.append(block)
    for block in reversed(blocks[:middle]):
        if not _follows(block, kept[0]):
            break
        kept.insert(0, block)
    return kept


def _follows(one: Match, other: Match) -> bool:
    between = other.a - one.a - one.size
    return abs(between - (other.b - one.b - one.size)) <= 1
