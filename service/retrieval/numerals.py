"""Indonesian numbers in words behind the word for an article: "pasal seribu tiga ratus dua puluh" is article 1320."""

from __future__ import annotations

import re

_UNITS = {
    word: value
    for value, word in enumerate(
        ["nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan"]
    )
}
_WHOLE = {"sepuluh": 10, "sebelas": 11, "seratus": 100, "seribu": 1000}
_WORDS = "|".join((*_UNITS, *_WHOLE, "belas", "puluh", "ratus", "ribu"))
_SPELT = re.compile(rf"\b(?P<mark>pasal|psl\.?|ps\.?|ayat) (?P<words>(?:{_WORDS})(?: (?:{_WORDS})){{0,8}})\b")
_ANY = re.compile(r"\b(?:pasal|psl\.?|ps\.?|ayat) [a-z]")


def digits_for_words(text: str) -> str:
    """The text with article and paragraph numbers in digits; other words stay."""
    if not ("ps" in text or "pasal " in text or "ayat " in text) or not _ANY.search(text):
        return text
    return _SPELT.sub(lambda match: f"{match['mark']} {value_of(match['words'])}", text)


def value_of(words: str) -> int:
    """The number that words below a million say: "tiga ratus tujuh puluh delapan" is 378."""
    total = hundreds = unit = 0
    for word in words.split():
        if word in _UNITS:
            unit = _UNITS[word]
        elif word in ("sepuluh", "sebelas"):
            hundreds += _WHOLE[word]
        elif word in ("seratus", "ratus"):
            hundreds += (unit or 1) * 100
            unit = 0
        elif word in ("seribu", "ribu"):
            total += (hundreds + unit or 1) * 1000
            hundreds = unit = 0
        elif word == "belas":
            hundreds += 10 + unit
            unit = 0
        else:
            hundreds += (unit or 1) * 10
            unit = 0
    return total + hundreds + unit
