"""Cuts a regulation into its articles, and its explanatory notes (Penjelasan) apart from them.

Headings are found by their place in the sequence of numbers, because a scan spells "Pasal 22" as "Pasa722" and a
wrapped line may begin with "Pasal 5" in the middle of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from service.ingest.manuscript import Line
from service.ingest.paragraphs import paragraphs
from service.ingest.readings import readings, roman

_HEADING = re.compile(r"^\W{0,3}P\s?[aA]\s?[sS]\s?[aA]\s?[lLI1Jj7|!]?\s?(?P<number>[0-9A-Za-z|!]{1,5})\s?\W{0,2}$")
_RUN_IN = re.compile(
    r"^\W{0,3}(?:Pasal|PASAL)\s(?P<number>\d{1,4}[A-Z]?)\s?[.:–—]?\s(?P<rest>[(A-Z].{10,})$", re.DOTALL
)
_CHAPTER = re.compile(r"^\W{0,3}BAB\s?(?P<number>[IVXLCDMivxlcdm1]{1,8})\b\W{0,3}(?P<title>.{0,200})$")
_PART = re.compile(
    r"^\W{0,3}(?:(?:Bagian|BAGIAN)\s(?:Ke\w{3,16}|KE\w{3,16}|Pertama|PERTAMA)(?:\s\w{1,12})?|(?:Paragraf|PARAGRAF)\s?[\dlIO]{1,3}|(?:BUKU|Buku)\s(?:Ke\w{3,12}|KE\w{3,12}|[IVX]{1,5}))\b\W{0,3}(?P<title>[A-Z].{0,120})?$"
)
_CLOSING = re.compile(
    r"^\W{0,3}(?:Agar\s(?:setiap|semua)\sorang\s(?:dapat\s)?mengetahui|(?:Disahkan|Ditetapkan|Diundangkan)\sdi\s)",
    re.IGNORECASE,
)
_BY_ARTICLE = re.compile(r"^\W{0,3}[I1l]{0,2}\W{0,3}PASAL\s?DEMI\s?PASAL\W{0,3}$", re.IGNORECASE)
_GENERAL = re.compile(r"^\W{0,3}[I1l]?\W{0,3}UMUM\W{0,3}$", re.IGNORECASE)
_ANNEX = re.compile(r"^\W{0,3}LAMPIRAN(?:\s[IVX\d]{1,5})?\b(?:\W{0,3}|\s[A-Z\W\d]{0,300})$")
_CONTINUES = re.compile(
    r"(?:\b(?:dalam|dan|atau|pada|oleh|dimaksud|dengan|dari|ke|huruf|sampai|ketentuan|yaitu|serta|juncto|jo\.?)|[,;/(])$",
    re.IGNORECASE,
)
_DECISION = re.compile(r"M\s?E\s?M\s?U\s?T\s?U\s?S\s?K\s?A\s?N")
_FARTHEST_GAP = 6
_ALIKE = 0.79
_TITLE_LINES = 4
_Later = Callable[[], Iterator[str]]
_LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Article:
    """An article: its number ("5", "45A", "I"), the chapter it stands in, and its text in paragraphs."""

    number: str
    chapter: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Regulation:
    """A regulation cut up. `general` is the general part of the explanatory notes, `notes` those on single articles."""

    articles: tuple[Article, ...]
    general: str = ""
    notes: tuple[Article, ...] = ()
    annexes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Open:
    """The article whose lines are being gathered."""

    number: str
    chapter: str | None
    lines: list[Line] = field(default_factory=list)


def cut(lines: Sequence[Line], *, wrapped: bool, amends: bool) -> Regulation:
    """Cut the lines of a regulation. `amends` says that it carries articles of another regulation under Pasal I."""
    body, annex, explanation = _sections(lines)
    articles = _articles(body, wrapped=wrapped, amends=amends)
    general, notes = _explanation(explanation, wrapped=wrapped, amends=amends)
    findings = [*_gaps(articles, amends=amends), *_empty(articles)]
    if explanation:
        findings.extend(_without_note(articles, notes))
    return Regulation(
        tuple(one for one in articles if one.text),
        general,
        tuple(note for note in notes if not _says_nothing(note.text)),
        tuple(text for text in (paragraphs(part, wrapped=wrapped) for part in annex) if text),
        tuple(findings),
    )


def has_articles(lines: Sequence[Line]) -> bool:
    """Whether at least one line is the heading of an article."""
    return any(_HEADING.match(line.text) or _RUN_IN.match(line.text) for line in lines)


def _sections(lines: Sequence[Line]) -> tuple[list[Line], list[list[Line]], list[Line]]:
    """Articles, annexes and explanatory notes; preamble and signatures belong to none of them."""
    start = next((place + 1 for place, line in enumerate(lines) if _DECISION.search(line.text)), 0)
    body: list[Line] = []
    annexes: list[list[Line]] = []
    explanation: list[Line] = []
    target: list[Line] | None = body
    seen_article = False
    for line in lines[start:]:
        if seen_article and target is not explanation and _begins_explanation(line.text):
            target = explanation
        elif seen_article and _ANNEX.match(line.text) and target is not explanation:
            annexes.append([])
            target = annexes[-1]
        elif target is body and _CLOSING.match(line.text) and seen_article:
            target = None
        seen_article = seen_article or bool(_HEADING.match(line.text) or _RUN_IN.match(line.text))
        if target is not None:
            target.append(line)
    return body, annexes, explanation


def _begins_explanation(text: str) -> bool:
    """A line that is the word PENJELASAN, as a scan may spell it ("PENJEI,ASAN", "P E N J E L A S A N")."""
    letters = re.sub(r"[\W_]", "", text.upper().split(" ATAS ")[0]).removesuffix("ATAS")
    return text.isupper() and 7 < len(letters) < 14 and SequenceMatcher(None, letters, "PENJELASAN").ratio() > _ALIKE


def _articles(lines: Sequence[Line], *, wrapped: bool, amends: bool) -> list[Article]:
    return [
        Article(one.number, one.chapter, paragraphs(one.lines, wrapped=wrapped, ayat=True))
        for one in _gather(lines, amends=amends)
    ]


def _gather(lines: Sequence[Line], *, amends: bool) -> Iterator[_Open]:
    """Walk the lines once; headings of chapters and parts are taken out of the article before them."""
    sequence = _Amending() if amends else _Sequence()
    chapter: str | None = None
    current: _Open | None = None
    place = 0
    while place < len(lines):
        text = lines[place].text
        match = _CHAPTER.match(text)
        if match and roman(match["number"]):
            title, place = _title(lines, place, match["title"])
            chapter = f"BAB {match['number'].upper().replace('1', 'I')} {title}".strip()
            continue
        if _PART.match(text) and not _runs_on(lines, place):
            _, place = _title(lines, place, "")
            continue
        number, rest = _heading(lines, place, sequence)
        if number:
            if current:
                yield current
            current = _Open(number, chapter, [Line(rest)] if rest else [])
        elif current:
            current.lines.append(lines[place])
        place += 1
    if current:
        yield current


def _runs_on(lines: Sequence[Line], place: int) -> bool:
    """Whether a line goes on a sentence of the line before. The foot of a scanned page is too often out of order to say."""
    if not place or lines[place - 1].page != lines[place].page:
        return False
    return bool(_CONTINUES.search(lines[place - 1].text))


def _title(lines: Sequence[Line], place: int, title: str) -> tuple[str, int]:
    """The lines of a chapter's or part's title, and the place after them: short, without the form of a sentence."""
    parts = [title.strip(" .")] if title.strip(" .") else []
    place += 1
    for _ in range(_TITLE_LINES):
        if place >= len(lines):
            break
        text = lines[place].text
        ends = _HEADING.match(text) or _RUN_IN.match(text) or _CHAPTER.match(text) or _PART.match(text)
        if ends or len(text) > _LONGEST_TITLE or not text[:1].isupper() or text[-1:] in ".;:,":
            break
        if parts and parts[0].isupper() and not text.isupper():
            break
        parts.append(text)
        place += 1
    return " ".join(parts), place


def _heading(lines: Sequence[Line], place: int, sequence: _Sequence) -> tuple[str | None, str]:
    """The number of the article that begins at a line, and what stands beside it; None for any other line."""
    text = lines[place].text
    match = _HEADING.match(text)
    if match and not _runs_on(lines, place):
        return sequence.take(match["number"], lambda: _later(lines, place)), ""
    run_in = None if match else _RUN_IN.match(text)
    if run_in and not _runs_on(lines, place) and sequence.expects(run_in["number"]):
        return sequence.take(run_in["number"], lambda: _later(lines, place)), run_in["rest"]
    return None, ""


def _later(lines: Sequence[Line], place: int) -> Iterator[str]:
    """The headings that follow a line, as they are spelt."""
    for line in lines[place + 1 :]:
        match = _HEADING.match(line.text) or _RUN_IN.match(line.text)
        if match:
            yield match["number"]


class _Sequence:
    """Which heading is next: numbers rise by one, with letters between them (45, 45A, 45B, 46)."""

    def __init__(self) -> None:
        self._last: tuple[int, str] = (0, "")

    def expects(self, spelt: str) -> bool:
        """Whether a spelling may stand for the very next number."""
        return any(self._follows(reading) for reading in readings(spelt))

    def take(self, spelt: str, later: _Later, /) -> str | None:
        """The number that a heading stands for, or None where it is no heading."""
        found = readings(spelt)
        chosen = next((one for one in found if self._follows(one)), None)
        if chosen is None:
            chosen = next((one for one in found if self._leaps(one, later)), None)
        if chosen is None:
            return None
        self._last = chosen
        return f"{chosen[0]}{chosen[1]}"

    def _follows(self, reading: tuple[int, str]) -> bool:
        number, suffix = self._last
        if reading[1]:
            return reading[0] == number and reading[1] == (chr(ord(suffix) + 1) if suffix else "A")
        return reading[0] == number + 1

    def _leaps(self, reading: tuple[int, str], later: _Later) -> bool:
        """A gap is believed when the next headings go on from it: a number was lost, or is spelt beyond recognition."""
        ahead = reading[0] - self._last[0]
        if reading[1] or ahead <= 1:
            return False
        following = [readings(spelt) for _, spelt in zip(range(3), later(), strict=False)]
        goes_on = any((reading[0] + step, "") in found for step in (1, 2) for found in following)
        return goes_on if following else ahead <= _FARTHEST_GAP


class _Amending(_Sequence):
    """An amending regulation: Pasal I, then articles of the other one in rising order, then Pasal II and further."""

    def __init__(self) -> None:
        super().__init__()
        self._roman = 0

    def expects(self, spelt: str) -> bool:
        return self._roman > 0 and bool(readings(spelt))

    def take(self, spelt: str, _: _Later, /) -> str | None:
        value = roman(spelt) if spelt.isalpha() else None
        if value == self._roman + 1 or (self._roman == 0 and spelt in {"1", "l"}):
            self._roman += 1
            return _numeral(self._roman)
        found = [one for one in readings(spelt) if one > self._last]
        if not found or self._roman != 1:
            return None
        self._last = found[0]
        return f"{found[0][0]}{found[0][1]}"


def _numeral(value: int) -> str:
    return ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"][value - 1] if value <= 10 else str(value)


def _explanation(lines: Sequence[Line], *, wrapped: bool, amends: bool) -> tuple[str, list[Article]]:
    """The general part of the notes, and the notes on single articles."""
    starts = next((place for place, line in enumerate(lines) if _BY_ARTICLE.match(line.text)), None)
    general_from = next((place + 1 for place, line in enumerate(lines) if _GENERAL.match(line.text)), 1)
    if starts is None:
        return paragraphs(lines[general_from:], wrapped=wrapped), []
    general = paragraphs(lines[general_from:starts], wrapped=wrapped)
    return general, _articles(_without_end(lines[starts + 1 :]), wrapped=wrapped, amends=amends)


def _without_end(lines: Sequence[Line]) -> Sequence[Line]:
    ends = next((n for n, line in enumerate(lines) if line.text.startswith("TAMBAHAN LEMBARAN NEGARA")), len(lines))
    return lines[:ends]


def _says_nothing(text: str) -> bool:
    return not text or bool(re.fullmatch(r"(?:\W|cukup|je[l1I]as|ayat|huruf|angka|\b\w{1,2}\b)*", text, re.IGNORECASE))


def _gaps(articles: Sequence[Article], *, amends: bool) -> list[str]:
    """Missing article numbers; an amending regulation lists only what it changes."""
    if amends:
        return (
            [] if any(one.number == "II" for one in articles) else ["Pasal II of the amending regulation was not found"]
        )
    numbers = [int(re.sub(r"\D", "", one.number)) for one in articles]
    missing = [str(number) for number in range(1, max(numbers, default=0)) if number not in set(numbers)]
    return [f"articles not found between 1 and {max(numbers)}: {', '.join(missing)}"] if missing else []


def _without_note(articles: Sequence[Article], notes: Sequence[Article]) -> list[str]:
    if not notes:
        return ["the explanatory notes could not be cut by article; they are kept as one text"]
    noted = {note.number for note in notes}
    missing = [one.number for one in articles if one.number not in noted]
    return [f"no explanatory note found on articles: {', '.join(missing)}"] if missing else []


def _empty(articles: Sequence[Article]) -> list[str]:
    empty = [one.number for one in articles if not one.text]
    return [f"articles without text: {', '.join(empty)}"] if empty else []
