"""Names the parts of a question that ask how long something takes or what it costs, where no sentence of the answer says so.

Such words ("berapa lama", "biaya") choose among passages and are no evidence of their own, so a passage on the same matter is found and
quoted whether or not it states the figure. What the reader asked for would be missing without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from textwrap import shorten

from service.chat.issues import pieces_of
from service.chat.language import Language
from service.text import said

_LONGEST_LABEL = 120
_ASKING = frozenset((
    "lama", "lamanya", "hari", "minggu", "bulan", "tenggat", "tenggatnya", "waktu", "waktunya", "long", "deadline", "biaya", "biayanya", "ongkos", "ongkosnya", "tarif", "tarifnya", "cost", "costs", "fee", "fees",
))  # fmt: skip
"""One of these stands in each question that is looked at more closely."""


def _words(pattern: str) -> re.Pattern[str]:
    """Finds words in small letters: a pattern that ignores the size of letters would try each of them at every place."""
    return re.compile(rf"\b(?:{pattern})\b")


_HOW_LONG = _words(
    r"berapa lama\w*|berapa (?:hari|minggu|bulan)|lamanya berapa|(?:batas|jangka|tenggat) waktu\w* (?:berapa|untuk)|(?:apa|berapa) (?:batas|jangka|tenggat)(?: waktu\w*)?"
    r"|how long|what (?:is|are) the (?:deadline|time limit)s?"
)
_HOW_MUCH = _words(
    r"berapa (?:biaya|ongkos|tarif)\w*|(?:biaya|ongkos|tarif)nya (?:berapa|brp)|how much (?:does|do|is|are|will) .*(?:cost|fees?)|what (?:is|are|does|do) .*(?:costs?|fees?)"
)
_OF_PENALTIES = _words(
    r"penjara\w*|dipenjara\w*|hukum\w*|dihukum|pidana\w*|dipidana|kurung\w*|vonis\w*|diancam|ancaman\w*|sanksi\w*|kena|prison|jail|sentence\w*|penalty"
)
_NUMBER = r"(?:\d+|satu|setengah|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|sebelas|belas|puluh|seratus|one|two|three|six)"
_A_TIME = _words(
    rf"{_NUMBER}(?: \(\w+\))?(?: ?x ?\d+)?(?:-| )(?:jam|hari|minggu|bulan|tahun|hours?|days?|weeks?|months?|years?)|sehari|seminggu|sebulan|setahun|seumur hidup|sewaktu-waktu|seketika|kapan saja|tidak ada batas"
)
_AN_AGE = _words(r"umur\w*|usia\w*|berumur|berusia|aged?")
_A_COST = _words(r"biaya|tarif|gratis|cuma-cuma|dipungut|panjar|rp ?\d[\d.]*|costs?|fees?|free of charge")
_A_PENALTY = _words(r"diancam|penjara|kurungan|denda\w*|dipidana|imprisonment|fined?")
_A_LIMIT = _words(
    r"tenggat|kedaluwarsa|daluwarsa|lewat waktu|paling lambat|setelah|sejak|dalam waktu|jangka waktu|within|after"
)
_UNITS = (
    "jam", "hari", "minggu", "bulan", "tahun", "hour", "day", "week", "month", "year", "seumur hidup", "sewaktu-waktu", "seketika", "kapan saja", "tidak ada batas",
)  # fmt: skip
"""One of these stands in every time."""
_MARK = re.compile(r"\[\d{1,3}\]")
_SAID: Mapping[Language, str] = {
    "id": "Tidak ada kalimat dalam jawaban ini yang menyebut lama waktu atau biaya yang ditanyakan, jadi bagian ini belum terjawab: {}.",
    "en": "No sentence of this answer states the time or the cost that is asked for, so this part is not answered: {}.",
}


def left_open(question: str, answer: str, language: Language) -> tuple[str, ...]:
    """What an answer must say of the times and costs that it does not state, as a sentence; none where it states them all.

    Args:
        question: as it was asked.
        answer: what is answered; only what bears the mark of a source counts ("bahasa sehari-hari" is no time).
        language: that of the reader.
    """
    if _ASKING.isdisjoint(said(question).words):
        return ()
    told = _told(answer.lower())
    found = [
        f"“{shorten(piece, _LONGEST_LABEL, placeholder=' …')}”"
        for piece in pieces_of(question)
        if _is_open(piece, told)
    ]
    return (_SAID[language].format(", ".join(found)),) if found else ()


def _told(answer: str) -> list[str]:
    """What stands before each mark of an answer, back to the mark or line before it."""
    # A pattern for the whole would be tried at each letter of the answer.
    pieces = _MARK.split(answer)[:-1]
    return [piece[max(map(piece.rfind, "[]\n")) + 1 :] for piece in pieces]


def _is_open(asked: str, told: Iterable[str]) -> bool:
    piece = asked.lower()
    if _HOW_LONG.search(piece):
        of_penalties = bool(_OF_PENALTIES.search(piece))
        return not any(_states_a_time(sentence, of_penalties=of_penalties) for sentence in told)
    if _HOW_MUCH.search(piece):
        return not any(_A_COST.search(sentence) and not _A_PENALTY.search(sentence) for sentence in told)
    return False


def _states_a_time(sentence: str, *, of_penalties: bool) -> bool:
    """Whether a sentence says how long: years of prison and of age are no answer to how long a matter takes."""
    if not any(map(sentence.__contains__, _UNITS)) or not _A_TIME.search(sentence):
        return False
    if of_penalties or _A_LIMIT.search(sentence):
        return True
    return not (_A_PENALTY.search(sentence) or _AN_AGE.search(sentence))
