"""How demanding a question is: simple, medium or complex, by weighted features that a person can read.

The model is an ordinal logistic one: weights add up to one score, and two thresholds cut it into three classes. Features are
measures of form (length, clauses, question words …) and signals (words of analysis, procedure, definition …); none of them names
a topic of law. The weights are data of the deployment, fitted by `python -m service complexity-fit`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from service.text import beginnings_of, fold
from service.values import value

Complexity = Literal["simple", "medium", "complex"]
COMPLEXITIES: tuple[Complexity, ...] = ("simple", "medium", "complex")
MOST_CHARACTERS = 1_500
"""Features are read from the first characters only: what follows in a longer text has nothing to add to its class."""

_TOKEN = re.compile(r"[a-z0-9]+")
_SENTENCE_END = re.compile(r"[.!?;:]+\s")
_ABSTRACT = re.compile(r"(?:ke|pe[nmr]?|per)[a-z]{4,}an|[a-z]{5,}(?:isme|itas|asi|isis|tion|ment|ility|ance)")
_LONG_WORD = 10


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


@dataclass(frozen=True, slots=True)
class _Lexicon:
    """The words of all signals, ready to be looked up: whole words, phrases by their first word, and beginnings."""

    single: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
    beginnings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ComplexityRules:
    """The fitted model: thresholds of the score, a weight for each measure, the signals, and where the weights come from."""

    medium_from: float
    complex_from: float
    measures: Mapping[str, float]
    signals: tuple[Signal, ...]
    fitted: str = ""
    _lexicon: _Lexicon = field(init=False, repr=False, compare=False)
    _weights: Mapping[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lexicon", _compiled(self.signals))
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
    parts = {name: value * weights[name] for name, value in found.items()}
    score = sum(parts.values())
    telling = sorted((name for name, part in parts.items() if part >= _WORTH_TELLING), key=lambda name: -parts[name])
    return Assessment(_class(score, rules), round(score, 2), tuple(telling))


_WORTH_TELLING = 0.3


def features(question: str, rules: ComplexityRules) -> dict[str, float]:
    """The features of a question that are not zero, by name: measures, and 1 for each signal that it shows."""
    text = fold(question[:MOST_CHARACTERS])
    tokens = [token for token in _TOKEN.findall(text) if token not in _FILLERS]
    found = {name: value for name, measure in MEASURES.items() if (value := measure(tokens, text))}
    for name in _shown(tokens, rules._lexicon):  # noqa: SLF001 - the compiled form belongs to this module
        found[name] = 1.0
    return found


def _length(tokens: list[str], _: str) -> float:
    return math.log2(1 + len(tokens))


def _count(words: frozenset[str], most: int) -> Callable[[list[str], str], float]:
    return lambda tokens, _: float(min(most, len([token for token in tokens if token in words])))


def _questions(tokens: list[str], _: str) -> float:
    """Distinct question words beyond the first."""
    return float(min(3, max(0, len(_ASKING.intersection(tokens)) - 1)))


def _people(tokens: list[str], _: str) -> float:
    return float(min(4, len(_PEOPLE.intersection(tokens))))


def _sentences(_: list[str], text: str) -> float:
    return float(min(4, len(_SENTENCE_END.findall(text))))


def _commas(_: list[str], text: str) -> float:
    return float(min(5, text.count(",")))


def _abstract(tokens: list[str], _: str) -> float:
    """Long derived nouns, such as "pertanggungjawaban": the language of analysis rather than of a counter."""
    return float(min(5, len([token for token in tokens if len(token) >= _LONG_WORD and _ABSTRACT.fullmatch(token)])))


MEASURES: Mapping[str, Callable[[list[str], str], float]] = {
    "panjang": _length,
    "kalimat": _sentences,
    "koma": _commas,
    "kata sambung": _count(_JOINING, 6),
    "beberapa pertanyaan": _questions,
    "para pihak": _people,
    "aturan yang disebut": _count(_NORMS, 3),
    "kata abstrak": _abstract,
}
"""The measures of form by name; each is bounded, so that no long text outweighs everything else."""


def _class(score: float, rules: ComplexityRules) -> Complexity:
    if score >= rules.complex_from:
        return "complex"
    return "medium" if score >= rules.medium_from else "simple"


def _compiled(signals: tuple[Signal, ...]) -> _Lexicon:
    single: dict[str, tuple[str, ...]] = {}
    phrases: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {}
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
    return _Lexicon(single, phrases, beginnings)


def _shown(tokens: list[str], lexicon: _Lexicon) -> set[str]:
    shown: set[str] = set()
    for at, token in enumerate(tokens):
        shown.update(lexicon.single.get(token, ()))
        for phrase, name in lexicon.phrases.get(token, ()):
            if tuple(tokens[at : at + len(phrase)]) == phrase:
                shown.add(name)
    begun = frozenset().union(*map(beginnings_of, tokens))
    shown.update([lexicon.beginnings[beginning] for beginning in lexicon.beginnings.keys() & begun])
    return shown
