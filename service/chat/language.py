"""In which language a question is asked: Indonesian, English, or another one, which is answered in Indonesian with a note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from service.text import words
from service.values import value

Language = Literal["id", "en"]
Note = Literal["", "malay", "regional", "other"]


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH = _listed(
    "the of to in and or is are was were be been do does did what which who whom whose when where why how can could may might must"
    " should would will shall my your his her its our their this that these those for with without from by on at an if not no has"
    " have had after before under about between into against explain describe define compare analyse analyze tell give show me you"
    " they he she it we i am there any some law legal right rights get make need want please difference mean meaning"
)
_INDONESIAN = _listed(
    "yang dan di ke dari untuk dengan pada adalah itu ini apa apakah siapa kapan bagaimana mengapa kenapa berapa mana dimana"
    " gimana bgmn gmn saya aku kami kita anda kamu dia mereka tidak bukan tak gak ga nggak belum sudah telah akan bisa dapat boleh"
    " harus kalau kalo jika bila atau serta oleh dalam tentang menurut jelaskan sebutkan bandingkan pasal hukum undang cara syarat"
    " orang karena agar supaya setelah sebelum juga saja aja dong sih ya tolong mohon lalu terus antara terhadap soal isi arti"
    " perbedaan perbedaannya bedanya hukumannya lama prosesnya contohnya putusan ps uu yg utk dgn dlm tdk sdh klo"
)
_MALAY = _listed("awak korang kerana peguam hendaklah syarikat wang sekiranya")
"""Words that Malay has and Indonesian does not."""
_LOANED = _listed("somasi talak wanprestasi perdata pidana cerai perceraian gugatan banding kasasi warisan")
_INDONESIAN_OR_LOANED = _INDONESIAN | _LOANED
_ONLY_ENGLISH = _ENGLISH - _INDONESIAN
_FOREIGN = _listed("el la los las que como para por une les des est der die das und nicht wie ist een het wat zijn")
_REGIONAL = _listed(
    "piye opo kuwi iki arep ngendi endi iso ora sopo carane kepriye kumaha naon carana pikeun henteu abdi saha kuring iraha"
)
"""Javanese and Sundanese small words that Indonesian has not."""
_LEAST_ENGLISH = 0.5
_SURE_FOREIGN = 2


@value
class Spoken:
    """The language to answer in, and what to tell a reader whose own language that is not."""

    answer: Language
    note: Note = ""


def spoken(question: str, earlier: Sequence[str] = ()) -> Spoken:
    """The language of a question by its small words; one that shows none ("Pasal 378?") keeps that of the question before it."""
    tokens = words(question)
    english = _count(tokens, _ENGLISH)
    indonesian = _count(tokens, _INDONESIAN_OR_LOANED)
    if note := _note(question, tokens, english, indonesian):
        return Spoken("id", note)
    if english > indonesian and english >= _LEAST_ENGLISH * (english + indonesian):
        return Spoken("en")
    if english == indonesian == 0 and earlier:
        return Spoken(spoken(earlier[0]).answer)
    return Spoken("id")


def _count(tokens: Sequence[str], listed: frozenset[str]) -> int:
    """How many of the words stand in a list."""
    return len([token for token in tokens if token in listed])


def _note(question: str, tokens: Sequence[str], english: int, indonesian: int) -> Note:
    """Which other language a question is in, by words that neither Indonesian nor English has, and by its script."""
    if not _MALAY.isdisjoint(tokens) and english <= indonesian:
        return "malay"
    # Regional languages share words with English by chance ("is", "on"): one is no sign of it.
    if not _REGIONAL.isdisjoint(tokens) and english <= indonesian + 1:
        return "regional"
    if _count(tokens, _FOREIGN) >= max(_SURE_FOREIGN, english + 1, indonesian + 1):
        return "other"
    if question.isascii():
        return ""
    letters = [letter for letter in question if letter.isalpha()]
    if letters and english <= indonesian and sum(letter.isascii() for letter in letters) < len(letters) / 2:
        return "other"
    return ""


def shows_english(text: str) -> bool:
    """Whether a text has an English small word that Indonesian has not."""
    return not _ONLY_ENGLISH.isdisjoint(words(text))


def is_english_small_word(word: str) -> bool:
    """Whether an English word says nothing of a topic."""
    return word in _ENGLISH
