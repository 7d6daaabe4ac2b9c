"""Reads from a question which decisions in time it means."""

from __future__ import annotations

import re
from datetime import date

from service.retrieval.router import find_laws
from service.text import fold
from service.values import value

_NUMBERS = {
    "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7, "delapan": 8, "sembilan": 9, "sepuluh": 10,
}  # fmt: skip
_COUNT = r"(\d{1,2}|" + "|".join(_NUMBERS) + r")"
_LAST_YEARS = re.compile(_COUNT + r" tahun (?:terakhir|belakangan)")
_LAST_DECISIONS = re.compile(_COUNT + r" (?:putusan|perkara|kasus) (?:terakhir|terbaru)")
_YEAR = re.compile(r"(?<![/\d])(?:19|20)\d{2}(?!\d)")
_LAW_YEAR = re.compile(r"(?:nomor|no\.?) ?\d{1,3} tahun (?:19|20)\d{2}|uud 1945")
_AROUND = re.compile(r"\bsebelum (?:dan|maupun|atau|serta) (?:sesudah|setelah)\b")


@value
class Period:
    """Which decisions are meant: since a day, of some years, only the newest, or on both sides of a law's year."""

    since: date | None = None
    years: tuple[int, ...] = ()
    newest: int | None = None
    pivot: int | None = None

    def holds(self, day: date | None) -> bool:
        """Whether a decision of that day is meant."""
        if day is None:
            return False
        return (self.since is None or day >= self.since) and (not self.years or day.year in self.years)


def read_period(question: str, today: date) -> Period:
    """The period that a question names; without one, all decisions are meant."""
    text = fold(question)
    span = _LAST_YEARS.search(text)
    newest = _LAST_DECISIONS.search(text)
    return Period(
        since=_years_before(today, _count(span[1])) if span else None,
        years=tuple(sorted({int(year) for year in _YEAR.findall(_LAW_YEAR.sub(" ", text))})),
        newest=_count(newest[1]) if newest else None,
        pivot=_pivot(question) if _AROUND.search(text) else None,
    )


def _count(word: str) -> int:
    return _NUMBERS[word] if word in _NUMBERS else int(word)


def _years_before(today: date, years: int) -> date:
    """The same day years ago; 29 February becomes 28 February."""
    try:
        return today.replace(year=today.year - years)
    except ValueError:
        return today.replace(year=today.year - years, day=28)


def _pivot(question: str) -> int | None:
    """The year of the first law that the question names: decisions are told apart by it."""
    years = [keys[0].rpartition("/")[2] for keys in find_laws(question)]
    return next((int(year) for year in years if year.isdigit()), None)
