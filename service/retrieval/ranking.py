"""From the best passages by BM25 to hits: what a question weighs, and how titles, force and repetitions decide places.

Pure: whatever stores passages shows what is to be known of those in the running as a `Stock`. All stores rank alike by it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Protocol

from service.retrieval.analysis import Analyser, QueryTerms
from service.retrieval.building import shared_terms
from service.retrieval.document import Document, Passage
from service.retrieval.duplicates import Sketch, Sketches, says_the_same
from service.retrieval.hits import Hit
from service.retrieval.retriever import Filters, Found
from service.retrieval.router import find_laws, law_term
from service.retrieval.vocabulary import SOURCE_WORDS
from service.retrieval.weights import greatest_score
from service.values import value

_SOURCE_BOOST = 0.2
"""A word such as "putusan" only breaks ties between passages on the same topic."""
_SIDE_BOOST = 0.5
"""A word such as "syarat" chooses among the passages on a topic."""
_LAW_BOOST = 0.5
"""A law that the question names lifts its own articles, without hiding a better match elsewhere."""
_DEFINED_BOOST = 3.0
"""A passage that defines the term that is asked for answers, whatever else it says."""
_RELATED_BOOST = 0.7
"""What laws may write for what people say counts less than what they say."""
_MOST_RESPELLED = 3
"""Words of a question that are looked for in other spellings: each costs up to half a millisecond."""
_TITLE_SHARE = 0.4
"""How much of a place in the order depends on whether the title asks or names just what the question does."""
_UNTITLED = 1 - _TITLE_SHARE
_NOT_ASKED = repeat(0.0)
"""What each other term of a title is worth to a question."""
_REPEALED_SHARE = 0.8
"""A repealed article stands behind one in force that fits about as well; who asks for it by its number finds it at once."""
_NEGLIGIBLE_SHARE = 0.02
"""A term with less of all terms' idf than this stands nearly everywhere: it costs the most time and decides nothing."""
_STRONGEST = 0.99
"""The score of a search stays below that of a citation, which is exact."""
_REMEMBERED_TERMS = 2_000
_TITLE_BITS = 239
"""Titles have some five terms: those without a term of the question rarely share a bit with it."""

SPARE = 10
"""So many more passages are looked at than are wanted: a fitting title may lift one of them."""
WIDEN = 4
WIDENINGS = 3
"""When passages of one document, or repeated ones, leave too few hits, four times as many are looked at; so often at most."""
MOST_CITED = 200
"""Documents looked up under one key; an article has a handful, a law needs one to be known."""


@dataclass(slots=True)
class Standing:
    """What places a passage beside its score, in one look: its document by row, what the title of that one says, and its force.

    The title is told by the codes of its terms in their order, a bit for each of them (`title_bits`), and the sum of their idf. `sketch` is there once
    somebody compared the passage.
    """

    document: int
    codes: Collection[int]
    bits: int
    weight: float
    repealed: bool
    sketch: Sketch | None = None


class Stock(Protocol):
    """What is to be known of passages in the running, by their rows."""

    def title_code(self, term: str) -> int:
        """The number under which titles know a term."""

    def standing(self, row: int) -> Standing:
        """What places a passage."""

    def sketch(self, row: int) -> Sketch:
        """What passages in almost the same words share."""

    def repeats(self, rows: tuple[int, int]) -> bool:
        """Whether two passages of different documents say the same (`repeats`)."""

    def held(self, row: int) -> tuple[Document, Passage]:
        """A passage and its document, to show or to compare."""


@value
class Weighed:
    """What to search for: the terms of a question, and how much each counts."""

    query: QueryTerms
    weights: Mapping[str, float]


Candidate = tuple[float, int, Standing, float]
"""A passage in the running: its place in the order (smaller is better), its row, what is known of it, and what it reaches of the greatest possible BM25
score."""


def title_bits(codes: Iterable[int]) -> int:
    """Codes of terms as bits of one number: two sets of codes without a bit of both have no code of both."""
    bits = 0
    for code in codes:
        bits |= 1 << code % _TITLE_BITS
    return bits


def weigh(text: str, analyser: Analyser, held: Callable[[str], int]) -> Weighed:
    """What to search for and how much each term counts: the topic, what is defined, the kind of source, and the laws named.

    Args:
        text: the question.
        analyser: how the corpus reads words.
        held: how many passages hold a term.
    """
    query = _understood(analyser.query_terms(text), analyser, held)
    known = [term for keys in find_laws(text) for key in keys if held(term := law_term(key))]
    defined = [key for key in query.defined if held(key)]
    topic = known if known and not set(query.topic) - SOURCE_WORDS else query.topic
    # What no passage holds would only make the terms that are held look negligible.
    related = [term for term in query.related if held(term)]
    weights: dict[str, float] = {}
    # Of what a term is in several ways the last one counts.
    for terms, weight in (
        (related, _RELATED_BOOST),
        (known, _LAW_BOOST),
        (query.source, _SOURCE_BOOST),
        (query.side, _SIDE_BOOST),
        (defined, _DEFINED_BOOST),
        (topic, 1.0),
    ):
        for term in terms:
            weights[term] = weight
    return Weighed(query, weights)


def _understood(query: QueryTerms, analyser: Analyser, held: Callable[[str], int]) -> QueryTerms:
    """A question in which what unknown words were meant to be is looked for like what laws write for what people say."""
    unknown = [term for term in query.topic if not held(term)][:_MOST_RESPELLED]
    meant = [term for word in unknown for term in analyser.respelled(word, held)]
    return replace(query, related=(*query.related, *meant)) if meant else query


def telling_terms(weights: Mapping[str, float], idf: Callable[[str], float]) -> dict[str, float]:
    """The terms that are worth searching for, with their weights."""
    worth = {term: idf(term) for term in weights}
    least = _NEGLIGIBLE_SHARE * sum(worth.values())
    return {term: weight for term, weight in weights.items() if worth[term] >= least}


class Scale:
    """What the passages found for one question are measured by. Several tools search for it: what one of them measured holds for all.

    BM25 tells "Apa itu korupsi?" from "Korupsi oleh korporasi" by length and repetition only; the title tells them apart.
    It decides places alone: the scores stay those of the search, the best for the first place, and keep their meaning.
    """

    __slots__ = ("_greatest", "_lapsing", "_standing", "_titled", "_topic", "_total")

    def __init__(self, weighed: Weighed, code_of: Callable[[str], int], idf: Callable[[str], float]) -> None:
        """For a question, by the numbers under which the stock knows terms and by their weights."""
        query, weights = weighed.query, weighed.weights
        # To define what is asked for, or to say it as laws do, is a merit beside the scale: others must not look weaker for it.
        beside = {*query.defined, *query.related}.difference(query.topic)
        self._greatest = greatest_score([(weight, idf(term)) for term, weight in weights.items() if term not in beside])
        self._titled = {code_of(term): idf(term) for term in query.topic}
        self._topic = title_bits(self._titled)
        self._total = sum(map(idf, query.topic))
        self._lapsing: dict[int, Candidate] = {}
        self._standing: dict[int, Candidate] = {}

    def measure(
        self, found: Iterable[tuple[float, int]], stock: Stock, *, lapsing: bool, of_each: int
    ) -> list[Candidate]:
        """The passages that may be shown, so many of each document at most, in the order given, with their places.

        Args:
            found: BM25 score and row, best first; a row's score is the same whatever else a search lets pass.
            stock: what is known of these passages.
            lapsing: whether what lost its force stands behind what is in force.
            of_each: how many passages of one document are let in: they differ by their scores alone, so none that is left out would come before one that stays.
        """
        known = self._lapsing if lapsing else self._standing
        candidates: list[Candidate] = []
        # Each name is looked up once: some forty passages are measured for a question.
        greatest, topic, total, standing, worth = (
            self._greatest,
            self._topic,
            self._total,
            stock.standing,
            self._titled.get,
        )
        measured, let_in = known.get, candidates.append
        counted: dict[int, int] = {}
        for score, row in found:
            candidate = measured(row)
            if candidate is None:
                if score <= 0:
                    continue
                stands = standing(row)
                share = score / greatest
                # From 1 - share, for a title without a word of the question, to 1, for one with the same words (Dice, by idf).
                common = sum(map(worth, stands.codes, _NOT_ASKED)) if stands.bits & topic else 0.0
                place = -share * (
                    _UNTITLED + _TITLE_SHARE * 2 * common / (total + stands.weight) if common else _UNTITLED
                )
                if stands.repealed and lapsing:
                    place *= _REPEALED_SHARE
                candidate = known[row] = (place, row, stands, share)
            document = candidate[2].document
            count = counted.get(document, 0)
            if count < of_each:
                counted[document] = count + 1
                let_in(candidate)
        return candidates

    def strengths(self, measured: Iterable[Candidate]) -> list[float]:
        """What passages, best first, reach of the greatest possible score."""
        shares = [candidate[3] for candidate in measured]
        # Few questions have a passage that reaches so much.
        return shares if not shares or shares[0] < _STRONGEST else [min(_STRONGEST, share) for share in shares]


def rank(
    found: Sequence[tuple[float, int]],
    scale: Scale,
    stock: Stock,
    *,
    filters: Filters,
    limit: int,
    passages_per_document: int,
) -> tuple[Hit, ...]:
    """The best passages of those found, so many of one document at most, and each text once.

    Args:
        found: BM25 score and row of the best passages, best first and ties by row.
        scale: what the question's passages are measured by.
        stock: what is known of these passages.
        filters: what was let pass. All that was found for a day held on it, and stands behind nothing for having been repealed since.
        limit: how many hits are wanted.
        passages_per_document: how many of them may be of one document.
    """
    lapsing = filters.in_force_on is None
    running = scale.measure(found, stock, lapsing=lapsing, of_each=passages_per_document)
    strengths = scale.strengths(running[:limit])
    # By place, and ties in the order of the corpus, so that they always come out the same.
    running.sort()
    if filters.kinds == ("decision",):
        # A decision is a case of its own even in the words of another.
        groups = [[candidate] for candidate in running[:limit]]
    else:
        groups = _without_repetitions(running, stock, limit, lapsing=lapsing)
    hits = []
    held = stock.held
    for group, score in zip(groups, strengths, strict=False):
        row = group[0][1]
        document, passage = held(row)
        hits.append(Hit(document, score, passage, _left_out(group, stock) if len(group) > 1 else (), row))
    return tuple(hits)


def cited_hit(document: Document, passages: Sequence[Passage], ayat: str) -> Hit:
    """A document that is cited, by its ayat when that was named and the text marks it, else as a whole."""
    named = next((passage for passage in passages if ayat and passage.ayat == ayat), None)
    return Hit(document, 1.0, named or Passage.whole(document))


_Span = tuple[str, int, int, str, tuple[str, ...]]
"""A passage by its document and place in it, and what it is found by beside its text."""


class KnownTerms:
    """The distinct terms under which passages are found; the latest ones are remembered, because an answer asks twice."""

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser
        self._known: OrderedDict[_Span, frozenset[str]] = OrderedDict()

    def of(self, found: Found) -> frozenset[str]:
        """The terms of a passage and of its document."""
        document, passage = found.document, found.passage or Passage.whole(found.document)
        # An entry as a whole and its only passage are the same text, found by other terms.
        key = (document.id, passage.start, len(passage.text), passage.context, passage.defines)
        known = self._known.get(key)
        if known is None:
            known = frozenset(shared_terms(document, self._analyser) + self._analyser.passage_terms(passage))
            self._known[key] = known
            if len(self._known) > _REMEMBERED_TERMS:
                self._known.popitem(last=False)
        return known


def _without_repetitions(
    running: Sequence[Candidate], stock: Stock, limit: int, *, lapsing: bool
) -> list[list[Candidate]]:
    """Groups of passages that say the same, the one to show first: the one in force, then the one that fits best."""
    groups: list[list[Candidate]] = []
    known = Sketches()
    sketch, first_alike = stock.sketch, known.first_alike
    for candidate in running:
        stands = candidate[2]
        own = stands.sketch
        if own is None:
            own = stands.sketch = sketch(candidate[1])
        # As `first_alike` begins, without the call: of nearly all the bits say that they are like none.
        rare = own.least is not None and (own.bits & known.bits).bit_count() < own.least
        same = None if rare else first_alike(own)
        if same is not None and _repeats(candidate, groups[same][0], stock):
            groups[same].append(candidate)
            if lapsing:
                groups[same].sort(key=_lapsed)
        elif len(groups) < limit:
            groups.append([candidate])
            known.add(own)
        else:
            break
    return groups


def _lapsed(candidate: Candidate) -> bool:
    return candidate[2].repealed


def _repeats(one: Candidate, other: Candidate, stock: Stock) -> bool:
    return one[2].document != other[2].document and stock.repeats((one[1], other[1]))


def repeats(one: tuple[Document, Passage], other: tuple[Document, Passage]) -> bool:
    """Whether passages of two documents of one kind say the same; a decision is a case of its own even in the words of another."""
    (first, passage), (second, other_passage) = one, other
    if first.kind != second.kind or first.kind == "decision":
        return False
    return says_the_same(passage.text, other_passage.text)


def _left_out(group: Sequence[Candidate], stock: Stock) -> tuple[str, ...]:
    """The ids of the documents that say the same as the first one of a group."""
    return tuple([stock.held(other[1])[0].id for other in group[1:]])
