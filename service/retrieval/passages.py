"""Cuts an entry into passages: ayat, items of definitions, articles inside an amending article, long texts at sentence ends.

Statutes come out of PDFs: a marker may stand in mid-line ("sebagai berikut: Pasal 5"), numbers are missing, lines break
anywhere. So a marker is believed when its number continues a row, and never because of where the line breaks alone.
Nothing is lost and nothing is changed: each passage is a verbatim span of the entry, in order, and only white space lies between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.retrieval.definitions import defined_terms, opens_definitions
from service.retrieval.document import Document, Passage

GLOSSARY = "glosarium"
"""The type of an entry that defines its own title."""
LONGEST = 1_200
"""Characters of a passage, about 170 words; BM25 and readers both lose their way in longer ones."""
_LEAD = 160
"""An opening shorter than this ("Dalam Undang-Undang ini yang dimaksud dengan:") stays with what follows it."""
_CONTEXT = 200
"""Characters of an article's opening that its later passages are found by as well."""
_INNER_ARTICLE = re.compile(
    r"(?:\n|berikut\s*:|[\"“])\s*(?=Pasal\s+\d{1,4}\s?[A-Z]{0,2}\s*\n|Pasal\s+\d{1,4}[A-Z]{0,2}\s+(?:\(1\)|Dalam\b))"
)
_CHANGE = re.compile(
    r"\n\s*(?=\d{1,3}\.\s+(?:Ketentuan|Di antara|Diantara|Setelah|Judul|Penjelasan|Pasal|Bab|BAB|Bagian)\b)"
)
_AYAT = re.compile(r"(?:\A|\n|(?<=[.;:])\s)\s*\((?P<label>\d{1,2}[a-z]?)\)\s")
_DIGIT = re.compile(r"\d")
_ITEM = re.compile(r"(?:\A|\n|(?<=[.;:])\s)\s*(?P<label>\d{1,3}[a-z]?)\s?\.\s+(?=[\"“A-Z])")
_LETTER = re.compile(r"(?:\n|(?<=[;:])\s)\s*(?P<label>[a-z])\.\s")
_SENTENCE_END = re.compile(r"(?<=[.;:?!])\s+")
_NAMED_ARTICLE = re.compile(r"\s*Pasal\s+(?P<label>\d{1,4}\s?[A-Z]{0,2})\b")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span with what its markers said; `inner` is the article that an amending article states anew."""

    start: int
    end: int
    ayat: str | None = None
    item: str | None = None
    inner: str | None = None
    definitions: bool = False


def split(document: Document) -> tuple[Passage, ...]:
    """The passages of an entry, at least one; short entries without markers are one passage whole."""
    text = document.text
    pieces = [bounded for block in _blocks(text) for piece in _marked(text, block) for bounded in _bounded(text, piece)]
    opening = " ".join(text[:_CONTEXT].split())
    passages: list[Passage] = []
    for piece in pieces:
        start, end = _stripped(text, piece.start, piece.end)
        if start < end:
            passages.append(_passage(document, len(passages), piece, text[start:end], start, opening))
    return tuple(passages) or (Passage(document.id, 0, None, None, text),)


def _passage(document: Document, place: int, piece: _Piece, text: str, start: int, opening: str) -> Passage:
    context = [f"Pasal {piece.inner}"] if piece.inner else []
    if start and not piece.definitions and not piece.inner:
        context.append(opening)
    return Passage(
        document=document.id,
        place=place,
        ayat=piece.ayat,
        item=piece.item,
        text=text,
        start=start,
        context=". ".join(context),
        defines=defined_terms(text, listed=piece.definitions) or (_headword(document) if place == 0 else ()),
    )


def _headword(document: Document) -> tuple[str, ...]:
    """A glossary's entry defines its own title."""
    return (document.title,) if document.type == GLOSSARY else ()


def _blocks(text: str) -> list[_Piece]:
    """An amending article states other articles: each of them is a block, so that its ayat are counted by themselves."""
    if len(text) <= LONGEST:
        return [_Piece(0, len(text))]
    cuts = sorted({0, *(match.end() for rule in (_INNER_ARTICLE, _CHANGE) for match in rule.finditer(text))})
    blocks, inner = [], None
    for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        named = _NAMED_ARTICLE.match(text, start)
        inner = named["label"].replace(" ", "") if named else None
        blocks.append(_Piece(start, end, inner=inner))
    return blocks


def _marked(text: str, block: _Piece) -> Iterator[_Piece]:
    """Cut a block at its ayat, or at the items of its definitions."""
    body = text[block.start : block.end]
    definitions = opens_definitions(body)
    marks = _in_a_row(_ITEM if definitions else _AYAT, body)
    cuts = [(block.start + at, label) for at, label in marks]
    if not cuts:
        yield _Piece(block.start, block.end, inner=block.inner, definitions=definitions)
        return
    if cuts[0][0] - block.start <= _LEAD:
        cuts[0] = (block.start, cuts[0][1])
    else:
        yield _Piece(block.start, cuts[0][0], inner=block.inner)
    ends = [at for at, _ in cuts[1:]] + [block.end]
    for (start, label), end in zip(cuts, ends, strict=True):
        ayat, item = (None, label) if definitions else (label, None)
        yield _Piece(start, end, ayat, item, block.inner, definitions)


def _in_a_row(rule: re.Pattern[str], body: str) -> list[tuple[int, str]]:
    """The marks that count on from 1, each at most two numbers after the one before it: others are cross-references or lists.

    A number that a scan lost may be skipped; a number that comes again, or falls back, is part of the text before it.
    """
    if not _DIGIT.search(body):
        return []
    found: list[tuple[int, str]] = []
    last = 0
    for match in rule.finditer(body):
        number = int(match["label"].rstrip("abcdefghijklmnopqrstuvwxyz"))
        inserted = number == last and not match["label"].isdigit()
        if last < number <= last + 2 or inserted:
            found.append((match.start("label") - (rule is _AYAT), match["label"]))
            last = number
    return found


def _bounded(text: str, piece: _Piece) -> Iterator[_Piece]:
    """Cut what is too long: before lettered items, else after sentences, else between words, else anywhere."""
    start = piece.start
    while piece.end - start > LONGEST:
        cut = _cut(text, start, start + LONGEST)
        yield _Piece(start, cut, piece.ayat, piece.item, piece.inner, piece.definitions and start == piece.start)
        start = cut
    yield _Piece(start, piece.end, piece.ayat, piece.item, piece.inner, piece.definitions and start == piece.start)


def _cut(text: str, start: int, limit: int) -> int:
    middle = start + (limit - start) // 2
    for rule in (_LETTER, _SENTENCE_END):
        places = [
            match.end() if rule is _SENTENCE_END else match.start("label")
            for match in rule.finditer(text, middle, limit)
        ]
        if places:
            return places[-1]
    space = max(text.rfind(" ", middle, limit), text.rfind("\n", middle, limit))
    return space + 1 if space > start else limit


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    body = text[start:end]
    return start + len(body) - len(body.lstrip()), start + len(body.rstrip())
