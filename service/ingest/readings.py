"""What a numeral that was recognised from a picture may have been: "T2" is 72, "1O" is 10, "l" is 1, "138" may be 13B."""

from __future__ import annotations

import re

_DIGITS = str.maketrans(
    {"O": "0", "o": "0", "Q": "0", "D": "0", "l": "1", "I": "1", "i": "1", "|": "1", "J": "1", "!": "1", "t": "1"}
    | {"L": "1", "Z": "2", "z": "2", "S": "5", "s": "5", "b": "6", "T": "7", "B": "8", "g": "9", "q": "9"}
)
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_YEAR_OR_NUMBER = re.compile(r"\b(?=[\dOol]*\d)[\dOol]{2,}\b")


def readings(text: str) -> tuple[tuple[int, str], ...]:
    """The article numbers that `text` may stand for, likeliest first: (12, ""), (45, "A")."""
    found: list[tuple[int, str]] = []
    if text.isdigit():
        found.append((int(text), ""))
    whole = text.translate(_DIGITS)
    if whole.isdigit():
        found.append((int(whole), ""))
    base, suffix = text[:-1].translate(_DIGITS), text[-1:]
    if base.isdigit() and suffix.isalpha() and suffix.isupper():
        found.insert(0 if text[:-1].isdigit() else len(found), (int(base), suffix))
    if len(text) > 2 and text.isdigit() and text[-1] == "8":
        found.append((int(text[:-1]), "B"))
    return tuple(dict.fromkeys(reading for reading in found if 0 < reading[0] < 5000))


def digits(text: str) -> str:
    """Numbers with the letters O and l among their figures, as figures: "2O2O" is 2020."""
    return _YEAR_OR_NUMBER.sub(lambda match: match[0].translate(_DIGITS), text)


def roman(text: str) -> int | None:
    """The value of a Roman numeral, in capitals or not; None for anything else."""
    values = [_ROMAN.get(letter) for letter in text.upper().replace("1", "I").replace("L", "I")]
    if not values or None in values:
        return None
    numbers = [value for value in values if value is not None]
    return sum(-one if one < after else one for one, after in zip(numbers, [*numbers[1:], 0], strict=True))
