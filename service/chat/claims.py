"""Whether passages carry what a clause of an answer says: its figures, its words, and the side it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from service.chat.figures import Amount, Article, Figures, find_figures
from service.chat.glossary import translated
from service.chat.numerals import COUNTING_WORDS
from service.chat.phrases import (
    ALIKE,
    ASSERTING,
    DECISIVE,
    FRAMING_WORDS,
    NEGATIONS,
    OPPOSITES,
    PAST,
    SOFT_NEGATIONS,
    TURNING,
)
from service.chat.sources import Source, SourceSentence, TermsOf, alike
from service.text import words

Idf = Callable[[str], float]

KEEP = 0.55
"""The share of a clause's terms, weighted by idf, that its passage must hold for the clause to stand as it is."""
MARK = 0.4
"""From this share on it stands with a remark; below it is withheld. docs/answer-checks.md shows how both were chosen."""
_FEW = 3
KEEP_FEW, MARK_FEW = 0.7, 0.5
"""The same for clauses of fewer than three terms: one that is missing is much of what they say."""
_OUT_OF_REACH = 2.0
_IN_NO_DOCUMENT = "\0"
_LIST_NUMBER = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_NUMBER_WORD = re.compile(r"\bno(?:\.|mor)?(?=\s*\d)", re.IGNORECASE)
"""In "Law No. 1" nothing is denied."""
_NAMED_LAW = re.compile(
    r"\b(?:UU|Undang-Undang)\s+((?!Nomor|No\b|Republik|RI\b)[A-Z][\w-]+(?:\s+(?:dan\s+)?[A-Z][\w-]+){0,6})"
)
_SMALL_COUNT = 10.0
_CONTRARY_COVER = 0.5
_LEAST_LETTERS = 5
_REACHES_FAR = frozenset({"bukan"})
"""What stands up to three words after it is still denied: "bukan pekerjaan yang bersifat tetap"."""
_BETWEEN = frozenset(["boleh", "dapat", "bisa", "perlu", "harus", "wajib", "akan", "lagi", "ada", "pernah"])


@dataclass(frozen=True, slots=True)
class Clause:
    """What a clause says outside its quotations; `names` are the terms in the names of laws that it writes out."""

    text: str
    words: tuple[str, ...]
    terms: frozenset[str]
    figures: Figures
    english: bool
    names: frozenset[str] = frozenset()

    @property
    def states(self) -> bool:
        """Whether it says anything that a source has to carry."""
        return bool(self.terms or self.figures)


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as the checks see it."""

    text: str
    terms: frozenset[str]
    figures: Figures

    @property
    def words(self) -> frozenset[str]:
        """Its folded words."""
        return frozenset(words(self.text))


@dataclass(frozen=True, slots=True)
class Support:
    """How passages carry a clause: the share of its terms found, what is wrong (closed words, () for nothing)."""

    cover: float
    wrong: tuple[str, ...] = ()
    enough: float = KEEP
    little: float = MARK

    @property
    def carries(self) -> bool:
        """The clause may stand as it is."""
        return not self.wrong and self.cover >= self.enough

    @property
    def nearly(self) -> bool:
        """The clause may stand with a remark."""
        return not self.wrong and self.cover >= self.little


def read_clause(text: str, terms_of: TermsOf, framing_terms: frozenset[str], *, english: bool) -> Clause:
    """Take a clause apart; `text` comes without its quotations and marks."""
    plain = _NUMBER_WORD.sub("", _LIST_NUMBER.sub("", text))
    found = tuple(words(plain))
    telling = [word for word in found if word not in FRAMING_WORDS and word not in COUNTING_WORDS]
    if english:
        terms = frozenset(term for word in telling for term in _meant(word, terms_of))
    else:
        terms = frozenset(terms_of(" ".join(ALIKE.get(word, word) for word in telling)))
    content = frozenset(term for term in terms - framing_terms if not term[0].isdigit() and len(term) > 1)
    names = frozenset(
        term
        for match in _NAMED_LAW.finditer(plain)
        if not find_figures(match[0]).laws
        for term in terms_of(alike(match[1]))
    )
    return Clause(text, found, content, find_figures(text), english, names - framing_terms)


def _meant(word: str, terms_of: TermsOf) -> Iterable[str]:
    meant = translated(word)
    return terms_of(meant) if meant is not None else terms_of(word)


def weigh(clause: Clause, sources: Sequence[Source], idf: Idf, asked: Asked) -> Support:
    """Weigh a clause against the passages that it cites, taken together.

    Args:
        clause: what is said.
        sources: the passages under its marks.
        idf: the weight of a term.
        asked: the question: its terms count neither for nor against a clause, its figures may be repeated under a remark.
    """
    wrong = [*_wrong_figures(clause.figures, sources, asked.figures)]
    if any(_former(amount, sources) for amount in clause.figures.amounts) and not PAST.intersection(clause.words):
        wrong.append("amount")
    if _in_another_paragraph(clause, sources):
        wrong.append("paragraph")
    held = frozenset().union(*(source.terms for source in sources)) if sources else frozenset[str]()
    if not clause.english and any(term not in held for term in clause.names):
        wrong.append("law")
    judged = frozenset(term for term in clause.terms if term in held or term not in asked.terms)
    enough, little = (KEEP, MARK) if len(judged) >= _FEW else (KEEP_FEW, MARK_FEW)
    if clause.english:
        unknown = {term for term in judged if term not in held and idf(term) >= idf(_IN_NO_DOCUMENT)}
        judged -= unknown
        # Words that nobody translated say nothing: too many of them, and the rest proves nothing.
        enough = enough if len(judged) > len(unknown) else _OUT_OF_REACH
        little = little if judged else _OUT_OF_REACH
    if any(
        word not in asked.words and not any(word in source.forms for source in sources)
        for word in DECISIVE & set(clause.words)
    ):
        wrong.append("topic")
    if any(amount in asked.figures.amounts and not _stated(amount, sources) for amount in clause.figures.amounts):
        enough = _OUT_OF_REACH
    if not clause.terms and not clause.figures and ASSERTING.intersection(clause.words):
        return Support(0.0, tuple(wrong), _OUT_OF_REACH, 0.0)
    total = sum(map(idf, judged))
    cover = sum(idf(term) for term in judged if term in held) / total if total else 1.0
    if not wrong:
        wrong += _contrary(clause, sources, idf)
    return Support(cover, tuple(wrong), enough, little)


def wrong_articles(clause: Clause, sources: Sequence[Source]) -> tuple[Article, ...]:
    """The articles of a clause that none of its passages names."""
    return tuple(one for one in clause.figures.articles if not any(source.states_article(one) for source in sources))


def _wrong_figures(figures: Figures, sources: Sequence[Source], asked: Figures) -> Iterable[str]:
    if any(not any(source.states_article(article) for source in sources) for article in figures.articles):
        yield "article"
    if any(not any(source.states_law(law) for source in sources) for law in figures.laws):
        yield "law"
    if figures.paragraphs and not figures.paragraphs <= frozenset().union(*(source.paragraphs for source in sources)):
        yield "paragraph"
    if figures.decisions and not figures.decisions <= frozenset().union(*(s.figures.decisions for s in sources)):
        yield "decision"
    letters = frozenset().union(*(_letters(source) for source in sources)) if figures.letters else frozenset[str]()
    if not figures.letters <= letters:
        yield "letter"
    if any(not _stated(amount, sources) and amount not in asked.amounts for amount in figures.amounts):
        yield "amount"


def _former(amount: Amount, sources: Sequence[Source]) -> bool:
    """Whether the passages state an amount only as what held before."""
    same = [one for s in sources for one in s.figures.amounts if (one.value, one.unit) == (amount.value, amount.unit)]
    return amount.canonical and bool(same) and all(one.past for one in same)


def _in_another_paragraph(clause: Clause, sources: Sequence[Source]) -> bool:
    """Whether amounts stand in a numbered paragraph, and not in the one that the clause names."""
    if len(sources) != 1 or len(clause.figures.paragraphs) != 1 or not clause.figures.amounts:
        return False
    shown = sources[0].amounts_of_paragraphs
    named = shown.get(next(iter(clause.figures.paragraphs)))
    if named is None:
        return False
    others = frozenset().union(*shown.values()) - named
    return any((one.value, one.unit) in others for one in clause.figures.amounts)


def _letters(source: Source) -> frozenset[str]:
    listed = {match[1] for part in source.parts for match in re.finditer(r"(?:^|[\s;:])([a-z])[.)]\s", part)}
    return source.figures.letters | listed


def _stated(amount: Amount, sources: Sequence[Source]) -> bool:
    known = [one for source in sources for one in source.figures.amounts]
    same = [one for one in known if abs(one.value - amount.value) < 1e-6]
    if amount.canonical:
        agreeing = [one for one in same if one.unit in {"", amount.unit}]
        return any(not one.bound or not amount.bound or one.bound == amount.bound for one in agreeing)
    if same:
        return True
    if amount.value >= 1900 and any(source.document.year == amount.value for source in sources):
        return True
    years = {float(key.rpartition("/")[2]) for s in sources for key in s.laws if key.rpartition("/")[2].isdigit()}
    if amount.value in years:
        return True
    # Counting what the source lists ("tiga syarat") is right without the word standing there, unless it counts the same otherwise.
    counted = {one.unit for one in known if one.unit}
    return amount.value <= _SMALL_COUNT and bool(amount.unit) and amount.unit not in counted


def _contrary(clause: Clause, sources: Sequence[Source], idf: Idf) -> Iterable[str]:
    """Signs that a clause says the opposite of the sentences it comes from."""
    total = sum(map(idf, clause.terms))
    if not total:
        return
    ranked = sorted(
        (
            (sum(idf(term) for term in clause.terms & one.terms) / total, one)
            for source in sources
            for one in source.sentences
        ),
        key=lambda pair: -pair[0],
    )
    best = [one for cover, one in ranked if cover >= max(_CONTRARY_COVER, 0.7 * ranked[0][0])]
    if not best:
        return
    stated = frozenset(word for one in best for word in one.words)
    everywhere = frozenset(word for source in sources for word in source.words)
    said = frozenset(clause.words)
    denies = said & NEGATIONS and (not stated & SOFT_NEGATIONS or _denies_what_is_affirmed(clause.words, sources))
    affirms = not said & TURNING and _affirms_what_is_denied(said, best)
    if denies or affirms:
        yield "negation"
    for word in said:
        against = OPPOSITES.get(word, frozenset()) & stated
        if word not in everywhere and any(not _ever_denied(other, best) for other in against):
            yield "opposite"
            return


def _denies_what_is_affirmed(said: Sequence[str], sources: Sequence[Source]) -> bool:
    """Whether a clause denies a word that the passages never deny, with nothing else in it that turns the sense back."""
    if len(TURNING.intersection(said)) != 1 or not NEGATIONS.intersection(said):
        return False
    at = next(place for place, word in enumerate(said) if word in NEGATIONS)
    denied = next((word for word in said[at + 1 :] if word not in _BETWEEN), None)
    told = [one for source in sources for one in source.sentences]
    if denied is None or denied.isdigit():
        return False
    return bool(_places(denied, told)) and not _ever_denied(denied, told)


def _affirms_what_is_denied(said: frozenset[str], best: Sequence[SourceSentence]) -> bool:
    """Whether a clause without a negation uses a word, in any of its forms, that the sentences only use under one."""
    used = {word for one in best for word in one.words if len(word) >= _LEAST_LETTERS and word not in ASSERTING}
    return any(_denied(word, best) for word in used if word in said or any(word[1:] in other for other in said))


def _denied(word: str, best: Sequence[SourceSentence]) -> bool:
    """Whether the sentences use a word only under a negation, right before it or before a word like "boleh"."""
    places = _places(word, best)
    return bool(places) and all(_under_negation(told, at) for told, at in places)


def _ever_denied(word: str, best: Sequence[SourceSentence]) -> bool:
    """Whether the sentences use a word under a negation at least once: "tidak boleh" says what "dilarang" says."""
    return any(_under_negation(told, at) for told, at in _places(word, best))


def _places(word: str, best: Sequence[SourceSentence]) -> list[tuple[Sequence[str], int]]:
    return [(one.words, at) for one in best for at, other in enumerate(one.words) if other == word]


def _under_negation(told: Sequence[str], at: int) -> bool:
    before, earlier = told[at - 1] if at > 0 else "", told[at - 2] if at > 1 else ""
    return (
        before in NEGATIONS
        or (earlier in NEGATIONS and before in _BETWEEN)
        or _REACHES_FAR.intersection(told[max(0, at - 3) : at]) != frozenset()
    )
