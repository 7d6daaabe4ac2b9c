"""Sides of a rule that people ask for - its elements, penalty, deadline, proof, exception, history - and the sentences that state them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import Literal

from service.remembering import remembered
from service.text import said, words

Facet = Literal["exception", "proof", "deadline", "sanction", "history", "elements", "steps", "definition", "cost"]


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_STATED: Mapping[Facet, re.Pattern[str]] = {
    "exception": _words(
        r"kecuali|pengecualian|dikecualikan|tidak berlaku|tidak wajib|tidak perlu|tidak dipidana|bukan tindak pidana|bebas bila|alasan pembenar"
    ),
    "proof": _words(r"membuktikan|pembuktian|dibuktikan|terbukti|alat bukti|bukti|saksi|visum|mendalilkan"),
    "deadline": _words(
        r"tenggat|paling lambat|kedaluwarsa|daluwarsa|lewat waktu|(?:dalam|selama|setelah|lewat|lama|lambat) (?:waktu )?(?:\d+|satu|dua|tiga|enam|tujuh|empat belas)"
        r" (?:x \d+ jam|hari|minggu|bulan|tahun)(?: kerja)?"
    ),
    "sanction": _words(
        r"diancam|ancaman\w*|dipidana|penjara|denda\w*|sanksi\w*|dihukum|pidana mati|batal demi hukum|dapat dibatalkan|ganti rugi"
    ),
    "history": _words(
        r"sebelumnya|dahulu|lama|diubah|perubahan|menggantikan|diganti|mencabut|dicabut|sejak|semula|kini|tidak lagi|pengganti\w*"
    ),
    "elements": _words(r"unsur\w*|syarat\w*|memenuhi|harus ada|meliputi|jenis|empat|tiga syarat"),
    "steps": _words(
        r"buat|bawa|datang|minta\w*|ajukan|lapor\w*|daftar\w*|siapkan|simpan|hubungi|diajukan|mengajukan|diurus|langkahnya|serahkan"
    ),
    "definition": _words(r"adalah|ialah|yaitu|artinya|disebut|pengertian"),
    "cost": _words(r"biaya|gratis|dipungut|tarif|panjar|tanpa biaya|cuma-cuma"),
}
_ASKED: Mapping[Facet, re.Pattern[str]] = {
    "exception": _words(r"kecuali|pengecualian\w*|dikecualikan|exceptions?|celah"),
    "proof": _words(r"bukti\w*|membuktikan\w*|pembuktian\w*|dibuktikan|proof|prove|evidence"),
    "deadline": _words(
        r"tenggat\w*|berapa lama|berapa hari|kapan|batas waktu\w*|jangka waktu\w*|paling lambat|deadline|how long|daluwarsa|kedaluwarsa"
    ),
    "sanction": _words(
        r"sanksi\w*|hukuman\w*|ancaman\w*|dihukum|denda\w*|dipidana|akibat\w*|konsekuensi\w*|penalty|penalties|punishment|liable|terjadi kalau|dipenjara"
    ),
    "history": _words(r"sejarah|perubahan|evolusi|perkembangan|lama dan|masih berlaku|dahulu|sebelum|history|changes?"),
    "elements": _words(r"unsur\w*|syarat\w*|persyaratan|elements?|requirements?|conditions?"),
    "steps": _words(
        r"cara\w*|prosedur\w*|langkah\w*|bagaimana mengurus\w*|apa yang harus|mengajukan|lapor\w*|melapor\w*|how (?:do|can|to)|procedure|steps"
    ),
    "definition": _words(r"apa itu|pengertian|definisi|yang dimaksud|arti|what is|definition|meaning"),
    "cost": _words(r"biaya\w*|bayar berapa|berapa bayar\w*|gratis|costs?|fees?"),
}


_FIRST_WORDS = re.compile(r"(?:^|[|:(])([a-z]+)(\??)")


def _beginnings(cue: re.Pattern[str]) -> frozenset[str]:
    """How the first word of everything that a cue may find begins; a letter that may be missing is no part of it."""
    inner = cue.pattern.removeprefix(r"\b(?:").removesuffix(r")\b")
    return frozenset([word[:-1] if optional else word for word, optional in _FIRST_WORDS.findall(inner)])


_ASKED_BY: Mapping[Facet, tuple[str, ...]] = {facet: tuple(_beginnings(cue)) for facet, cue in _ASKED.items()}
_STATED_BY: Mapping[Facet, tuple[str, ...]] = {facet: tuple(_beginnings(cue)) for facet, cue in _STATED.items()}


@remembered(most=8_000)
def _may_begin(word: str) -> tuple[Facet, ...]:
    """The sides that something which begins with this word may ask for."""
    return tuple([facet for facet, beginnings in _ASKED_BY.items() if word.startswith(beginnings)])


@remembered(most=8_000)
def _may_state(word: str) -> tuple[Facet, ...]:
    """The sides that something which begins with this word may state."""
    return tuple([facet for facet, beginnings in _STATED_BY.items() if word.startswith(beginnings)])


def asked_in(question: str) -> frozenset[Facet]:
    """The sides that a question asks for."""
    # A look at each word is an eighth of a search, and mostly says that there is nothing to search for.
    possible = frozenset(chain.from_iterable(map(_may_begin, said(question).words)))
    return frozenset([facet for facet in possible if _ASKED[facet].search(question)])


def states(sentence: str, facet: Facet) -> bool:
    """Whether a sentence speaks of one side of a rule."""
    return facet in stated_in(sentence)


@remembered(most=8_000)
def stated_in(sentence: str) -> frozenset[Facet]:
    """The sides of a rule that a sentence speaks of."""
    # Of letters that are not plain the words are not what the patterns see.
    begun = frozenset(chain.from_iterable(map(_may_state, words(sentence)))) if sentence.isascii() else _STATED
    return frozenset([facet for facet in begun if _STATED[facet].search(sentence)])


SIDE_WORDS = (
    "tenggat jangka waktu lama kapan batas biaya syarat persyaratan prosedur cara langkah proses sanksi hukuman ancaman denda akibat unsur pengecualian kecuali"
    " dikecualikan sejarah perubahan evolusi perkembangan penerapan terapan analisis dampak pengaruh peluang risiko strategi dasar pengertian definisi maksud"
    " dimaksud menurut aturan mengatur diatur pengaturan kedudukan hubungan kaitan bagaimana mulai selalu hukum lima terjadi jadi baru ayat tindak terhadap tahun"
)
"""Words that ask for a side of a topic: a passage that shares only these with a question is about something else."""
