"""Removes what scanned and printed pages carry beside the law: running heads, page numbers, catchwords, hyphens at line ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from service.ingest.manuscript import Line

_LETTERS = re.compile(r"[^A-Za-z]")
_WORDS = re.compile(r"[\W_]+")
_PAGE_NUMBER = re.compile(r"^[\s\W]{0,4}\d{1,4}[\s\W]{0,4}(?:(?:/|dari)\s{0,2}\d{1,4})?$")
_FOOT = re.compile(
    r"^(?:SK\s?No\.?\s?[\dOoIl ]{5,9}\s?[A-Z]?|SALINAN|(?:https?://|www\.)\S{1,200}(?:\s\d{1,4}\s?/\s?\d{1,4})?)$"
)
_ELLIPSIS = re.compile(r"(?:\.\s?){2,}$|…$")
_HEADS = ("PRESIDEN", "REPUBLIKINDONESIA", "PRESIDENREPUBLIKINDONESIA")
_HEAD_LINES = 4
_FOOT_LINES = 3
_LONGEST_CATCHWORD = 40
_ALIKE = 0.8
_REPEATED_SHARE = 0.5
_FEWEST_PAGES = 4


def without_noise(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines of the pages' own text. Lines without pages pass, apart from marks such as SALINAN."""
    pages = [list(page) for page in _pages(line for line in lines if not _FOOT.match(line.text))]
    repeated = _repeated(pages)
    bodies = [_body(page, repeated) for page in pages]
    kept: list[Line] = []
    for number, body in enumerate(bodies):
        following = next((later[0].text for later in bodies[number + 1 :] if later), "")
        kept.extend(_without_catchword(body, following) if body and body[0].page else body)
    return tuple(kept)


def join(parts: Iterable[str]) -> str:
    """Lines of one paragraph as one: a word that was cut at a line's end is made whole ("perundang-", "undangan")."""
    text = ""
    for part in parts:
        if not text:
            text = part
        elif text.endswith("-") and part[:1].islower() and text[-2:-1].isalpha():
            left = re.split(r"[\s/(]", text[:-1])[-1]
            right = re.split(r"[\s/,.;)]", part)[0]
            text = text + part if doubled(left, right) else text[:-1] + part
        else:
            text = f"{text} {part}"
    return text


def doubled(left: str, right: str) -> bool:
    """Whether a hyphen between the two is the word's own: "undang-undang", "perundang-undangan", "anak-anaknya"."""
    left, right = left.lower(), right.lower()
    longest = min(len(left), len(right))
    return any(left[-size:] == right[:size] for size in range(longest, 2, -1)) and longest >= 3


def _pages(lines: Iterable[Line]) -> Iterable[list[Line]]:
    page: list[Line] = []
    for line in lines:
        if page and line.page != page[-1].page:
            yield page
            page = []
        page.append(line)
    if page:
        yield page


def _key(text: str) -> str:
    return re.sub(r"\d+", "0", _WORDS.sub("", text.lower()))


def _repeated(pages: list[list[Line]]) -> frozenset[str]:
    """Lines at the top or foot of more than half of the pages, whatever number they carry."""
    if len(pages) < _FEWEST_PAGES:
        return frozenset()
    seen = Counter(
        key for page in pages for key in {_key(line.text) for line in (*page[:_FOOT_LINES], *page[-_FOOT_LINES:])}
    )
    return frozenset(key for key, count in seen.items() if count > len(pages) * _REPEATED_SHARE)


def _is_head(text: str) -> bool:
    letters = _LETTERS.sub("", text).replace("l", "I")
    if not letters.isupper() or not 4 < len(letters) < 30:
        return False
    return any(SequenceMatcher(None, letters, head).ratio() >= _ALIKE for head in _HEADS)


def _body(page: list[Line], repeated: frozenset[str]) -> list[Line]:
    if not page[0].page:
        return page
    edge = len(page) - _FOOT_LINES
    kept = []
    for place, line in enumerate(page):
        outer = place < _HEAD_LINES or place >= edge
        if outer and (_PAGE_NUMBER.match(line.text) or _key(line.text) in repeated):
            continue
        if place < _HEAD_LINES and _is_head(line.text):
            continue
        kept.append(line)
    return kept


def _without_catchword(body: list[Line], following: str) -> list[Line]:
    """Printers repeat a page's first word at the foot of the page before: "Pasal 7. . .", "s. pendidikan"."""
    begins = _WORDS.sub("", following.lower())
    while body:
        text = body[-1].text
        word = _WORDS.sub("", text.lower())
        dotted = bool(_ELLIPSIS.search(text)) and len(text) <= _LONGEST_CATCHWORD
        if not dotted and not (
            len(text) <= _LONGEST_CATCHWORD and len(text.split()) <= 3 and word and begins.startswith(word)
        ):
            return body
        body = body[:-1]
    return body
