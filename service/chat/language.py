"""In which language a question is asked: Indonesian, English, or another one, which is answered in Indonesian with a note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from service.remembering import remembered
from service.text import said
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


_PLAIN = Spoken("id")


def spoken(question: str, earlier: Sequence[str] = ()) -> Spoken:
    """The language of a question by its small words; one that shows none ("Pasal 378?") keeps that of the question before it."""
    shown = _shown(question)
    if shown is None:
        return Spoken(spoken(earlier[0]).answer) if earlier else _PLAIN
    return shown


@remembered(most=2_000)
def _shown(question: str) -> Spoken | None:
    """The language that a question shows by itself; None when it shows none."""
    counted = sum(map(_told_by, said(question).tokens))
    english = counted % _FIELD
    indonesian = counted // _AN_INDONESIAN % _FIELD
    if note := _note(question, counted, english, indonesian):
        return Spoken("id", note)
    if english > indonesian and english >= _LEAST_ENGLISH * (english + indonesian):
        return Spoken("en")
    return None if english == indonesian == 0 else _PLAIN


_FIELD = 1 << 32
"""No text has so many words."""
_AN_INDONESIAN, _A_MALAY, _A_REGIONAL, _A_FOREIGN = (1 << 32 * place for place in range(1, 5))


@remembered(most=8_000)
def _told_by(word: str) -> int:
    """What a folded word tells of the language, each in a field of its own, so that one sum counts all of them; English stands first."""
    return (
        (word in _ENGLISH)
        + _AN_INDONESIAN * (word in _INDONESIAN_OR_LOANED)
        + _A_MALAY * (word in _MALAY)
        + _A_REGIONAL * (word in _REGIONAL)
        + _A_FOREIGN * (word in _FOREIGN)
    )


def _note(question: str, counted: int, english: int, indonesian: int) -> Note:
    """Which other language a question is in, by words that neither Indonesian nor English has, and by its script."""
    if counted // _A_MALAY % _FIELD and english <= indonesian:
        return "malay"
    # Regional languages share words with English by chance ("is", "on"): one is no sign of it.
    if counted // _A_REGIONAL % _FIELD and english <= indonesian + 1:
        return "regional"
    if counted // _A_FOREIGN >= max(_SURE_FOREIGN, english + 1, indonesian + 1):
        return "other"
    if question.isascii():
        return ""
    letters = [letter for letter in question if letter.isalpha()]
    if letters and english <= indonesian and sum(letter.isascii() for letter in letters) < len(letters) / 2:
        return "other"
    return ""


def shows_english(text: str) -> bool:
    """Whether a text has an English small word that Indonesian has not."""
    return not _ONLY_ENGLISH.isdisjoint(said(text).words)


def is_english_small_word(word: str) -> bool:
    """Whether an English word says nothing of a topic."""
    return word in _ENGLISH
