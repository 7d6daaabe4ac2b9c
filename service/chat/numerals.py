"""Number words, units and bounds, in Indonesian and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_ONES: Mapping[str, int] = {
    "satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7, "delapan": 8, "sembilan": 9,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90, "sepuluh": 10, "sebelas": 11, "seratus": 100, "seribu": 1000, "sejuta": 1_000_000,
}  # fmt: skip
_FRACTIONS: Mapping[str, float] = {
    "setengah": 1 / 2, "separuh": 1 / 2, "half": 1 / 2, "sepertiga": 1 / 3, "seperempat": 1 / 4, "seperlima": 1 / 5,
    "third": 1 / 3,
}  # fmt: skip
_PARTS: Mapping[str, int] = {"pertiga": 3, "perempat": 4, "perlima": 5, "thirds": 3, "quarters": 4}
MAGNITUDES: Mapping[str, int] = {
    "ratus": 100, "hundred": 100, "ribu": 1_000, "thousand": 1_000, "juta": 1_000_000, "million": 1_000_000,
    "miliar": 1_000_000_000, "milyar": 1_000_000_000, "billion": 1_000_000_000, "triliun": 1_000_000_000_000,
}  # fmt: skip
UNITS: Mapping[str, str] = {
    "tahun": "tahun", "year": "tahun", "years": "tahun", "year-old": "tahun", "tahunan": "tahun",
    "bulan": "bulan", "month": "bulan", "months": "bulan", "minggu": "minggu", "pekan": "minggu", "week": "minggu",
    "weeks": "minggu", "hari": "hari", "day": "hari", "days": "hari", "jam": "jam", "hour": "jam", "hours": "jam",
    "menit": "menit", "minute": "menit", "minutes": "menit", "persen": "persen", "percent": "persen", "%": "persen",
    "rupiah": "rupiah", "kilogram": "kilogram", "kg": "kilogram", "gram": "gram", "kilometer": "kilometer",
    "km": "kilometer", "meter": "meter", "kali": "kali", "times": "kali",
    "januari": "bulan-1", "january": "bulan-1", "februari": "bulan-2", "february": "bulan-2", "maret": "bulan-3",
    "march": "bulan-3", "april": "bulan-4", "mei": "bulan-5", "juni": "bulan-6", "june": "bulan-6", "juli": "bulan-7",
    "july": "bulan-7", "agustus": "bulan-8", "august": "bulan-8", "september": "bulan-9", "oktober": "bulan-10",
    "october": "bulan-10", "november": "bulan-11", "desember": "bulan-12", "december": "bulan-12",
}  # fmt: skip
JOINED_UNITS: Mapping[str, str] = {
    "setahun": "tahun",
    "sebulan": "bulan",
    "seminggu": "minggu",
    "sehari": "hari",
    "sejam": "jam",
}
BOUNDS: Sequence[tuple[str, str]] = (
    *((words, "max") for words in ("paling lama", "paling banyak", "paling tinggi", "paling lambat", "maksimal", "maksimum", "selama-lamanya",
                                   "setinggi-tingginya", "sebanyak-banyaknya", "at most", "up to", "no more than", "not more than", "maximum",
                                   "maximum of", "a maximum of", "within")),
    *((words, "min") for words in ("paling singkat", "paling sedikit", "paling rendah", "paling kurang", "minimal", "minimum", "sekurang-kurangnya",
                                   "sedikitnya", "setidaknya", "at least", "not less than", "minimum of", "no less than")),
)  # fmt: skip
"""Words before a number that make it a most or a least."""

COUNTING_WORDS = frozenset(
    (
        *_ONES,
        *_FRACTIONS,
        *_PARTS,
        *MAGNITUDES,
        *UNITS,
        *JOINED_UNITS,
        *(word for words, _ in BOUNDS for word in words.split()),
    )
) | {"puluh", "belas", "sebesar", "besar", "lama"}
"""Words that are read as part of a figure and not for what they say."""


def number_words(tokens: Sequence[str], at: int) -> tuple[float | None, int]:
    """The number that words spell from this place on, and the place after it; None and the place when they spell none."""
    first = tokens[at]
    if first in _FRACTIONS:
        return _FRACTIONS[first], at + 1
    if first not in _ONES or (first in {"satu", "one"} and at > 0 and tokens[at - 1] in {"salah", "no", "any", "the"}):
        return None, at
    total, group = 0.0, 0.0
    while at < len(tokens):
        if tokens[at] in _PARTS and group:
            return group / _PARTS[tokens[at]], at + 1
        grown = _grown(total, group, tokens[at])
        if grown is None:
            break
        total, group = grown
        at += 1
    return total + group, at


def _grown(total: float, group: float, word: str) -> tuple[float, float] | None:
    """The thousands so far and the number below them with one more word; None when the word is no part of a number."""
    if word == "belas":
        return total, group + 10
    if word == "puluh":
        # "dua ratus lima puluh" holds 205 until "puluh" makes 250 of it.
        return total, group - group % 10 + group % 10 * 10 if group % 10 else group * 10
    if word in {"ratus", "hundred"}:
        return total, group * 100
    if word in MAGNITUDES:
        return total + (group or 1) * MAGNITUDES[word], 0.0
    value = _ONES.get(word)
    if value is None:
        return None
    return (total + value, group) if value >= 1000 else (total, group + value)
