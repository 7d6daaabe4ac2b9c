"""Understands a follow-up question: adds what the conversation was about to what is asked now.

A question leans on what was said before it when it points back ("tersebut", "its"), opens like a continuation ("kalau …?", "what about
…?"), corrects what was asked, or names no topic of its own: words such as "biaya" or "syarat" are sides of a topic and not one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain

from service.chat.bare_articles import Cited, meant_articles
from service.chat.lexicon import lexicon
from service.remembering import remembered
from service.retrieval.citing import find_citations
from service.text import Said, said, words
from service.values import value

Topic = Callable[[str], Sequence[str]]

_MOST_CARRIED = 12
"""Carried words beyond these would drown what is asked now."""
_SHORT = 10
"""A continuation of more words than this says itself what it is about."""
_ARTICLE = ("pasal ", "ps ", "ps. ", "psl ", "psl. ")
_POINTING = lexicon([
    "tersebut", "tadi", "serupa", "sejenis", "demikian", "hal itu", "hal ini", "di atas", "yang sama", "selain itu", "begitu", "lebih lanjut", "dia",
    "mereka", "it", "its", "that", "this", "they", "them", "those", "these",
])  # fmt: skip
_SHIFTING = lexicon([
    "sekarang soal", "sekarang tentang", "ganti topik", "topik baru", "topik lain", "pertanyaan lain", "pertanyaan baru", "hal lain", "ngomong ngomong",
    "beralih ke", "pindah topik", "saya juga mau tanya", "juga mau tanya", "soal lain", "by the way", "another question", "different topic",
])  # fmt: skip
_RETURNING = lexicon(
    [
        "kembali ke",
        "kembali soal",
        "balik ke",
        "balik soal",
        "balik lagi",
        "back to",
        "pertanyaan pertama",
        "pertanyaan awal",
    ]
)
_FIRST = lexicon(["pertanyaan pertama", "pertanyaan awal", "first question"])
_CORRECTING = lexicon([
    "maksud saya", "maksudku", "maksudnya", "maksud aku", "koreksi", "ralat", "bukan itu", "eh bukan", "salah", "i mean", "i meant", "correction",
])  # fmt: skip
_TURNING = _SHIFTING.firsts | _RETURNING.firsts | _CORRECTING.firsts
"""Words that begin what shifts, returns or corrects: a question without any does none of these."""
_DEFINING = lexicon(["apa itu", "yang dimaksud", "pengertian", "definisi", "define"])
_OPENED = re.compile(
    r"(?:\W*\b(?:ganti topik|topik (?:baru|lain)|pindah topik|pertanyaan (?:lain|baru)|ngomong[- ]ngomong|koreksi|ralat|eh|bukan itu|eh bukan|maksud (?:saya|aku|ku)|maksudku"
    r"|(?:kembali|balik)(?: lagi)? (?:ke )?(?:soal|topik|masalah)|yang tadi|soal yang tadi|oke?|baik(?:lah)?|terima ?kasih|makasih|trims|halo|hai|selamat (?:pagi|siang|sore|malam)|permisi|maaf|(?:saya|aku) (?:mau|ingin) (?:tanya|bertanya)"
    r"|mau tanya|by the way|another question|different topic|correction|sorry|thanks|thank you|hello|i meant?)\b(?=\W*\w))+[\s,.:;!-]*",
    re.IGNORECASE,
)
"""What opens a message and is no part of its question; something must follow it."""
_OPENERS = frozenset({
    "ganti", "topik", "pindah", "pertanyaan", "ngomong", "koreksi", "ralat", "eh", "bukan", "maksud", "maksudku", "yang", "soal", "ok", "oke", "baik",
    "baiklah", "terima", "terimakasih", "makasih", "trims", "halo", "hai", "selamat", "permisi", "maaf", "saya", "aku", "mau", "by", "another",
    "different", "correction", "sorry", "thanks", "thank", "hello", "i", "kembali", "balik",
})  # fmt: skip
"""The first words of what opens a message."""
_OPENINGS = (
    ("bandingkan", "dengan"), ("bagaimana", "dengan"), ("gimana", "dengan"), ("bagaimana", "kalau"), ("bagaimana", "jika"),
    ("bagaimana", "bila"), ("gimana", "kalau"), ("gimana", "kalo"), ("kalau",), ("kalo",), ("klo",), ("jika",), ("bila",), ("lalu",), ("terus",),
    ("trs",), ("dan",), ("jadi",), ("tapi",), ("untuk",), ("yang",), ("versi",), ("ok", "lanjut"), ("lanjut",), ("berapa", "lama"), ("what", "about"),
    ("how", "about"), ("what", "if"), ("and",), ("but",), ("then",), ("so",),
)  # fmt: skip
_OPENINGS_BY_WORD = {
    first: tuple(opening for opening in _OPENINGS if opening[0] == first)
    for first in dict.fromkeys(o[0] for o in _OPENINGS)
}
_NEEDS_NO_SHORTNESS = frozenset({("bandingkan", "dengan"), ("what", "about"), ("how", "about")})
_BARE_MODALS = frozenset(
    [
        "harus",
        "perlu",
        "bisa",
        "boleh",
        "apakah",
        "haruskah",
        "bisakah",
        "bolehkah",
        "menurut",
        "pencurian",
        "can",
        "must",
    ]
)
_NAMED_BEFORE = 2
"""A word points at what the question names itself when so many words of that stand before it."""
_BARE = 5
"""A bare question has at most so many words."""
_OR_NOT = ("tidak", "gak", "nggak")
_QUESTION_WORDS = frozenset(
    [
        "apa",
        "apakah",
        "siapa",
        "kapan",
        "dimana",
        "mana",
        "bagaimana",
        "gimana",
        "mengapa",
        "kenapa",
        "berapa",
        "what",
        "who",
        "when",
        "where",
        "why",
        "how",
    ]
)
_NOT_A_PRONOUN = frozenset({
    "adanya", "akhirnya", "artinya", "biasanya", "bertanya", "hendaknya", "khususnya", "misalnya", "mulanya", "nyatanya",
    "pentingnya", "sebaiknya", "sebelumnya", "sebenarnya", "sebetulnya", "seharusnya", "selanjutnya", "seluruhnya", "semestinya",
    "umumnya", "maksudnya", "tanya", "punya", "hanya", "ternyata",
})  # fmt: skip
"""Words that end in -nya ("its") without pointing back at anything."""
_SIDES = frozenset(
    [
        "biaya",
        "lama",
        "hukum",
        "hukuman",
        "ancaman",
        "sanksi",
        "denda",
        "pidana",
        "syarat",
        "prosedur",
        "proses",
        "cara",
        "langkah",
        "contoh",
        "kasus",
        "bukti",
        "alat",
        "lapor",
        "melapor",
        "melaporkan",
        "laporan",
        "bayar",
        "tanggung",
        "jawab",
        "bertanggung",
        "bertanggungjawab",
        "berhak",
        "hak",
        "kewajiban",
        "pengecualian",
        "tuntut",
        "menuntut",
        "gugat",
        "digugat",
        "pasal",
        "dasar",
        "tenggat",
        "waktu",
        "hari",
        "bulan",
        "tahun",
        "masa",
        "jangka",
        "maksimal",
        "minimal",
        "lengkap",
        "sah",
        "batal",
        "dibatalkan",
        "berlaku",
        "diperlukan",
        "dibutuhkan",
        "dibawa",
        "dokumen",
        "surat",
        "pengacara",
        "advokat",
        "polisi",
        "pengadilan",
        "hakim",
        "dipenjara",
        "dipidana",
        "dihukum",
        "dilanggar",
        "melanggar",
        "kalah",
        "menang",
        "gagal",
        "tanda",
        "tangan",
        "setuju",
        "mengawasi",
        "melakukan",
        "melakukannya",
        "ditangguhkan",
        "diwakilkan",
        "dibantah",
        "dibanding",
        "objek",
        "bedanya",
        "pembagian",
        "pembuktian",
        "mengajukan",
        "daftar",
        "uang",
        "putusan",
        "hasil",
        "siapa",
        "pelaku",
        "korban",
        "lanjut",
        "detail",
        "jelas",
        "penjelasan",
        "akibat",
        "risiko",
        "boleh",
        "punya",
        "menyelesaikan",
        "menggugat",
        "membuktikan",
        "membuktikannya",
        "membayar",
        "termasuk",
        "article",
        "penalty",
        "cost",
        "take",
        "long",
        "proof",
        "procedure",
        "requirement",
        "deadline",
        "punishment",
        "pay",
        "example",
    ]
)
"""Sides of any topic: a question that names only these is about the topic before it."""


@value
class Context:
    """What to search for: the question, and the words carried over from the conversation (empty when it stands alone).

    `phrase` are those of the carried words that the question does not say itself; `search` ends with them.
    """

    search: str
    carried: str
    phrase: str = ""


def is_follow_up(question: str, topic: Topic) -> bool:
    """Whether a question leans on what was said before it."""
    shown = said(question)
    asked = shown.tokens
    if not _TURNING.isdisjoint(shown.words):
        if _SHIFTING.shows(shown):
            return False
        if _RETURNING.shows(shown) or _corrects(shown):
            return True
    own = _own_topic(question, topic)
    if not own:
        # "Apa itu hukum pidana?" asks for the notion itself; "Apa sanksinya?" for a side of something.
        return not (_DEFINING.shows(shown) and topic(question) and not any(map(_is_pronoun, asked)))
    return _points_back(asked, own) or _continues(asked, own) or _asks_barely(shown, own)


def contextualise(
    question: str, earlier: Sequence[str], title: str | None, topic: Topic, cited: Callable[[str], str] = str
) -> Context:
    """Carry the topic of earlier questions over to a follow-up.

    Args:
        question: what is asked now.
        earlier: earlier questions of the same conversation, the newest first.
        title: the conversation's title; it stands in when nothing was asked yet.
        topic: the words of a text, as written, that say what it is about.
        cited: a text with its citations as the sources spell them ("Civil Code" is KUHPerdata there).
    """
    before = list(earlier or ([title] if title else []))
    if not before:
        return Context(search=_without_opening(question), carried="")
    context = _leaning(question, before, topic)
    shown = said(question)
    if not _TURNING.isdisjoint(shown.words) and _SHIFTING.shows(shown):
        return context
    meant = meant_articles(question, before, cited)
    return _with_law(context, meant) if meant else context


def _with_law(context: Context, meant: Sequence[Cited]) -> Context:
    """With the law of articles that the question names without one, unless what was carried says it right behind them."""
    known = {(one.laws, one.article) for one in find_citations(context.search)}
    missing = [
        str(cited) for cited in meant if not {(one.laws, one.article) for one in find_citations(str(cited))} <= known
    ]
    if not missing:
        return context
    if meant[0].article.startswith("art"):
        # In English an article and its number are two words: those that were carried would cite the old article again.
        context = Context(context.search.removesuffix(context.phrase).strip(), "")
    named = ", ".join(missing)
    carried = (
        context.carried if meant[0].law.lower() in context.carried.lower() else f"{context.carried} {named}".strip()
    )
    return Context(f"{context.search} {named}", carried, f"{context.phrase} {named}".strip())


def _leaning(question: str, before: Sequence[str], topic: Topic) -> Context:
    """A question with what it takes over from the ones before it, when it leans on them."""
    if not is_follow_up(question, topic):
        return Context(search=_without_opening(question), carried="")
    shown = said(question)
    own = {word.lower() for word in topic(question)}
    turns = not _TURNING.isdisjoint(shown.words)
    returns = turns and _RETURNING.shows(shown)
    carried = _returned_to(shown, own, before, topic) if returns else _carried(before, topic)
    if turns and _corrects(shown):
        carried = _corrected(carried, own)
    # "Bagaimana dengan pasal 1367?" keeps the law of the article before it, and not that article.
    if any(word.startswith(_ARTICLE) for word in own):
        carried = [word for word in carried if not word.lower().startswith(_ARTICLE) or word.lower() in own]
    carried = carried[:_MOST_CARRIED]
    phrase = " ".join(word for word in carried if word.lower() not in own)
    return Context(f"{_without_opening(question)} {phrase}".strip(), " ".join(carried), phrase)


def _without_opening(question: str) -> str:
    """A question without the words that only join it to the conversation: what is searched for is what follows them."""
    if question.isascii() and _OPENERS.isdisjoint(said(question).tokens[:1]):
        return question
    return question[found.end() :] if (found := _OPENED.match(question)) and found.end() < len(question) else question


def _own_topic(question: str, topic: Topic) -> list[str]:
    """The words of a question that name a topic, and not only a side of one."""
    return list(filter(_names_a_topic, topic(question)))


@remembered(most=8_000)
def _names_a_topic(word: str) -> bool:
    """Whether a word, as written, says more than which side of a topic is meant."""
    folded = word.lower()
    return folded not in _SIDES and not _is_pronoun(folded)


@remembered(most=8_000)
def _is_pronoun(word: str) -> bool:
    return len(word) > 5 and word.endswith("nya") and word not in _NOT_A_PRONOUN


@remembered(most=8_000)
def _may_point(word: str) -> bool:
    """Whether a word points back, or begins what does: most questions have none, and need no closer look."""
    return word == "itu" or _is_pronoun(word) or _POINTING.may_show(word)


@remembered(most=8_000)
def _parted(word: str) -> tuple[str, ...]:
    """The folded words of one word of a question, or of an article or a law with its number: remembered apart from whole texts, which they would drive out."""
    return tuple(words(word))


def _points_back(asked: Sequence[str], own: Sequence[str]) -> bool:
    """A pointing word counts unless the question named before it what it points at ("Kartu saya hilang, bagaimana mengurusnya?")."""
    may_point = [*map(_may_point, asked), False]
    if True not in may_point:
        return False
    named = set(chain.from_iterable(map(_parted, own)))
    before = 0
    for place, word in enumerate(asked):
        if before == _NAMED_BEFORE:
            break
        if may_point[place] and (
            _is_pronoun(word) or (word == "itu" and asked[place - 1 : place] not in (("apa",), ()))
        ):
            return True
        if (may_point[place] or may_point[place + 1]) and _POINTING.shown(asked[place : place + 2]):
            return True
        before += word in named
    return asked[:1] == ("itu",)


def _continues(asked: Sequence[str], own: Sequence[str]) -> bool:
    beginnings = _OPENINGS_BY_WORD.get(asked[0], ()) if asked else ()
    opening = next((one for one in beginnings if asked[: len(one)] == one), None)
    if opening is None or len(asked) > _SHORT:
        return False
    if opening == ("berapa", "lama"):
        return len(own) < 2
    asks_itself = not _QUESTION_WORDS.isdisjoint(asked[len(opening) :])
    return opening in _NEEDS_NO_SHORTNESS or not asks_itself or len(own) < 3


def _asks_barely(shown: Said, own: Sequence[str]) -> bool:
    """One word of its own behind a bare modal ("Perlu pengacara?"), passives without a subject ("Bisa ditarik kembali?"), or "wajib tidak?"."""
    asked = shown.tokens
    if not 0 < len(asked) <= _BARE or _DEFINING.shows(shown):
        return False
    if asked[-1] in _OR_NOT:
        return len(own) == 1 and len(asked) <= len(_OR_NOT)
    return bool(_BARE_MODALS.intersection(asked[:1])) and (len(own) == 1 or own[0].lower().startswith("di"))


def _corrects(shown: Said) -> bool:
    asked = shown.tokens
    # What the whole question does not show, its beginning does not.
    return _CORRECTING.shows(shown) and bool(_CORRECTING.shown(asked[:5])) and asked[:3] != ("apa", "yang", "dimaksud")


def _carried(before: Sequence[str], topic: Topic) -> list[str]:
    """The topic in the order in which it was built: the question that began it, then what follow-ups added."""
    parts: list[list[str]] = []
    for text in before:
        began = not is_follow_up(text, topic)
        asked = _without_opening(text)
        parts.append(list(topic(asked)) if began or text is before[-1] else _own_topic(asked, topic))
        if began:
            # A question that stands alone began the topic: what was asked before it was about something else.
            break
    return _distinct([word for part in reversed(parts) for word in part])


def _returned_to(shown: Said, own: set[str], before: Sequence[str], topic: Topic) -> list[str]:
    """The topic of the earlier question that shares a word with this one; of the first one when that is asked for."""
    if _FIRST.shows(shown):
        return _distinct(topic(_without_opening(before[-1])))
    shared = next((text for text in before if own & {word.lower() for word in topic(text)}), None)
    return _distinct(topic(_without_opening(shared))) if shared else _carried(before, topic)


def _corrected(carried: Sequence[str], own: set[str]) -> list[str]:
    """What a correction leaves standing: the sides, what it repeats, and, where it names another article, everything else."""
    if not own or any(word.startswith(_ARTICLE) for word in own):
        return list(carried)
    return [word for word in carried if word.lower() in _SIDES or word.lower() in own]


def _distinct(found: Sequence[str]) -> list[str]:
    return list({word.lower(): word for word in reversed(found)}.values())[::-1]
