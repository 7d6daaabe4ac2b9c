"""How demanding a question is: simple, medium or complex, by weighted features that a person can read.

The model is an ordinal logistic one: weights add up to one score, and two thresholds cut it into three classes. Features are
measures of form (length, clauses, question words …) and signals (words of analysis, procedure, definition …); none of them names
a topic of law. The weights are data of the deployment, fitted by `python -m service complexity-fit`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from service.remembering import Remembered
from service.text import LONGEST_WORD, fold, said
from service.values import value

Complexity = Literal["simple", "medium", "complex"]
COMPLEXITIES: tuple[Complexity, ...] = ("simple", "medium", "complex")
MEASURES = (
    "panjang",
    "kalimat",
    "koma",
    "kata sambung",
    "beberapa pertanyaan",
    "para pihak",
    "aturan yang disebut",
    "kata abstrak",
)
"""The measures of form by name; each is bounded, so that no long text outweighs everything else."""
MOST_CHARACTERS = 1_500
"""Features are read from the first characters only: what follows in a longer text has nothing to add to its class."""

_TOKEN = re.compile(r"[a-z0-9]+")
_SENTENCE_END = re.compile(r"[.!?;:]+\s")
_SIGNS = bytes(0x2E if chr(code) in ".!?;:" else 0x20 if chr(code).isspace() else code for code in range(128)) + bytes(
    128
)
"""Each sign that may end a sentence as a full stop, and white space as a space."""
_ABSTRACT = re.compile(r"(?:ke|pe[nmr]?|per)[a-z]{4,}an|[a-z]{5,}(?:isme|itas|asi|isis|tion|ment|ility|ance)")
_LONG_WORD = 10
_REMEMBERED_WORDS = 8_000


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILLERS = _listed(
    "halo hai hi hello min admin kak gan bro sis pak bu bang dok mohon izin permisi selamat pagi siang sore malam makasih terima"
    " kasih thanks question dong sih ya yah nih deh kok lah tolong mau nanya tanya bertanya info"
)
"""They make a question longer and not more demanding."""
_JOINING = _listed(
    "dan serta atau tetapi tapi namun sedangkan sementara padahal karena sehingga jika kalau kalo bila apabila ketika setelah"
    " sesudah sebelum lalu kemudian terus trs meskipun walaupun agar supaya sekaligus dengan dari sampai hingga and or but because"
    " while after before if then"
)
_ASKING = _listed(
    "apa apakah siapa siapakah kapan dimana mana kemana bagaimana bagaimanakah gimana gmn bgmn mengapa kenapa berapa brp adakah"
    " bolehkah bisakah what who when where which why how can should is"
)
_PEOPLE = _listed(
    "saya aku kami klien suami istri ayah ibu anak paman kakak adik bos majikan atasan tetangga teman mantan penjual pembeli pemilik"
    " penyewa perusahaan bank lawan polisi developer pengembang karyawan pacar keluarga my our husband wife employer landlord"
)
_NORMS = _listed("uu pp perma perpres perda pojk pasal ps psl kuhp kuhap kuhper kuhperdata khi hir uud uupa")


@dataclass(frozen=True, slots=True)
class Signal:
    """Words or phrases that count once, whichever of them occur. A word that ends in `*` stands for all that begin so.

    `english` is the name for readers of English, `expected` the weight where labelled questions say little of the signal.
    """

    name: str
    weight: float
    words: tuple[str, ...]
    english: str = ""
    expected: float = 0.0


_Phrases = tuple[tuple[tuple[str, ...], str], ...]
_Look = tuple[str, int, tuple[str, ...], _Phrases]
"""A folded word, what it counts for (`_traits`), the signals that it shows, and the phrases that begin with it with their signals."""


@dataclass(frozen=True, slots=True)
class _Lexicon:
    """The words of all signals, ready to be looked up: `look` tells all of a word, and nothing of a filler."""

    look: Callable[[str], _Look | None]


@dataclass(frozen=True, slots=True)
class ComplexityRules:
    """The fitted model: thresholds of the score, a weight for each measure, the signals, and where the weights come from.

    `english` has the names of the signals for readers of English.
    """

    medium_from: float
    complex_from: float
    measures: Mapping[str, float]
    signals: tuple[Signal, ...]
    fitted: str = ""
    english: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _lexicon: _Lexicon = field(init=False, repr=False, compare=False)
    _weights: Mapping[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lexicon", _compiled(self.signals))
        object.__setattr__(self, "english", {one.name: one.english or one.name for one in self.signals})
        weights = {**self.measures, **{signal.name: signal.weight for signal in self.signals}}
        object.__setattr__(self, "_weights", weights)


@value
class Assessment:
    """The class of a question, its score, and the names of the features that speak for a demanding question, strongest first."""

    complexity: Complexity
    points: float
    signals: tuple[str, ...]


def classify(question: str, rules: ComplexityRules) -> Assessment:
    """Class a question by the model; depends on nothing but its words."""
    found = features(question, rules)
    weights = rules._weights  # noqa: SLF001 - made by this module for itself
    score = 0.0
    telling: list[tuple[float, int, str]] = []
    for name, measured in found.items():
        part = measured * weights[name]
        score += part
        if part >= _WORTH_TELLING:
            # Of two that count as much, the first one found stands first.
            telling.append((-part, len(telling), name))
    telling.sort()
    return Assessment(_class(score, rules), round(score, 2), tuple([name for _, _, name in telling]))


_WORTH_TELLING = 0.3


def features(question: str, rules: ComplexityRules) -> dict[str, float]:
    """The features of a question that are not zero, by name: measures, and 1 for each signal that it shows."""
    text = question[:MOST_CHARACTERS]
    lexicon = rules._lexicon  # noqa: SLF001 - the compiled form belongs to this module
    # One look at each word tells all of it, because a look costs more than what is done with it.
    looks = map(lexicon.look, _whole_words(text))
    read = [look for look in looks if look is not None]
    in_all = sum([traits for _, traits, _, _ in read])
    # Question words and people count once each, whatever follows on "saya … saya".
    once = sum({word: traits for word, traits, _, _ in read}.values()) if in_all & _COUNTED_ONCE else 0
    folded = fold(text)
    measured = (
        math.log2(1 + len(read)),
        float(min(4, _sentence_ends(folded))),
        float(min(5, folded.count(","))),
        float(min(6, in_all & _FIELD)),
        # Distinct question words beyond the first.
        float(min(3, max(0, (once >> _ASKING_AT & _FIELD) - 1))),
        float(min(4, once >> _PEOPLE_AT & _FIELD)),
        float(min(3, in_all >> _NORMS_AT & _FIELD)),
        float(min(5, in_all >> _ABSTRACT_AT & _FIELD)),
    )
    found = {name: value for name, value in zip(MEASURES, measured, strict=True) if value}
    _add_signals(found, read)
    return found


def _sentence_ends(text: str) -> int:
    """How many signs that end a sentence stand before white space, those in a row as one."""
    if text.isascii():
        return text.encode().translate(_SIGNS).count(b". ")
    return len(_SENTENCE_END.findall(text))


def _whole_words(text: str) -> Sequence[str]:
    """The folded words of a text as they were read for others, unless one was cut there."""
    read = said(text).tokens
    return read if max(map(len, read), default=0) < LONGEST_WORD else _TOKEN.findall(fold(text))


_FIELD = (1 << 10) - 1
"""No text that features are read from has so many words."""
_ASKING_AT, _PEOPLE_AT, _NORMS_AT, _ABSTRACT_AT = (10, 20, 30, 40)
_COUNTED_ONCE = _FIELD << _ASKING_AT | _FIELD << _PEOPLE_AT


def _traits(word: str) -> int:
    """What a folded word counts for, each kind in a field of its own, so that one sum counts all of them.

    Abstract are long derived nouns, such as "pertanggungjawaban": the language of analysis rather than of a counter.
    """
    return (
        (word in _JOINING)
        | (word in _ASKING) << _ASKING_AT
        | (word in _PEOPLE) << _PEOPLE_AT
        | (word in _NORMS) << _NORMS_AT
        | bool(len(word) >= _LONG_WORD and _ABSTRACT.fullmatch(word)) << _ABSTRACT_AT
    )


def _class(score: float, rules: ComplexityRules) -> Complexity:
    if score >= rules.complex_from:
        return "complex"
    return "medium" if score >= rules.medium_from else "simple"


def _compiled(signals: tuple[Signal, ...]) -> _Lexicon:
    single: dict[str, tuple[str, ...]] = {}
    phrases: dict[str, _Phrases] = {}
    beginnings: dict[str, str] = {}
    for signal in signals:
        for written in signal.words:
            if written.endswith("*"):
                beginnings[written[:-1]] = signal.name
                continue
            split = tuple(written.split())
            if len(split) == 1:
                single[split[0]] = (*single.get(split[0], ()), signal.name)
            else:
                phrases[split[0]] = (*phrases.get(split[0], ()), (split, signal.name))
    lengths = sorted({len(beginning) for beginning in beginnings})

    def look(word: str) -> _Look | None:
        if word in _FILLERS:
            return None
        begun = [word[:length] for length in lengths if word[:length] in beginnings]
        names = (*single.get(word, ()), *[beginnings[beginning] for beginning in begun])
        return word, _traits(word), names, phrases.get(word, ())

    return _Lexicon(Remembered[str, _Look | None](look, _REMEMBERED_WORDS).__getitem__)


def _add_signals(found: dict[str, float], read: Sequence[_Look]) -> None:
    """The signals that words show, each once and in their order: a sum of floats must not depend on the order of a set."""
    for _, _, names, _ in read:
        for name in names:
            found[name] = 1.0
    for at, (_, _, _, phrases) in enumerate(read[:-1]):
        for phrase, name in phrases:
            if (
                phrase[1] == read[at + 1][0]
                and tuple([word for word, _, _, _ in read[at : at + len(phrase)]]) == phrase
            ):
                found[name] = 1.0
