"""From the best passages by BM25 to hits: what a question weighs, and how titles, force and repetitions decide places.

Pure: whatever stores passages shows what is to be known of those in the running as a `Stock`. All stores rank alike by it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from service.retrieval.analysis import Analyser, QueryTerms
from service.retrieval.building import shared_terms
from service.retrieval.document import Document, Passage
from service.retrieval.duplicates import alike, says_the_same
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
_REPEALED_SHARE = 0.8
"""A repealed article stands behind one in force that fits about as well; who asks for it by its number finds it at once."""
_NEGLIGIBLE_SHARE = 0.02
"""A term with less of all terms' idf than this stands nearly everywhere: it costs the most time and decides nothing."""
_STRONGEST = 0.99
"""The score of a search stays below that of a citation, which is exact."""
_REMEMBERED_TERMS = 2_000

SPARE = 10
"""So many more passages are looked at than are wanted: a fitting title may lift one of them."""
WIDEN = 4
WIDENINGS = 3
"""When passages of one document, or repeated ones, leave too few hits, four times as many are looked at; so often at most."""
MOST_CITED = 200
"""Documents looked up under one key; an article has a handful, a law needs one to be known."""


class Stock(Protocol):
    """What is to be known of passages and documents in the running, by their rows."""

    def document_of(self, row: int) -> int:
        """The row of a passage's document."""

    def title_code(self, term: str) -> int:
        """The number under which `title` knows a term."""

    def title(self, document: int) -> tuple[Collection[int], float]:
        """The codes of a title's terms in their order, and the sum of their idf."""

    def repealed(self, document: int) -> bool:
        """Whether a document lost its force."""

    def sketch(self, row: int) -> frozenset[int]:
        """What passages in almost the same words share."""

    def document(self, document: int) -> Document:
        """A document."""

    def passage(self, row: int, document: Document) -> Passage:
        """A passage of that document."""


@value
class Weighed:
    """What to search for: the terms of a question, and how much each counts."""

    query: QueryTerms
    weights: Mapping[str, float]


Candidate = tuple[float, int, int, float]
"""A passage in the running: its place in the order (smaller is better), its row, its document's, and its score."""
_Scored = tuple[float, int, int]
"""A passage that was found: its BM25 score, its row and its document's."""


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
    weights = dict.fromkeys(known, _LAW_BOOST) | dict.fromkeys(query.source, _SOURCE_BOOST)
    weights |= dict.fromkeys(query.side, _SIDE_BOOST) | dict.fromkeys(defined, _DEFINED_BOOST)
    # What no passage holds would only make the terms that are held look negligible.
    related = dict.fromkeys((term for term in query.related if held(term)), _RELATED_BOOST)
    return Weighed(query, related | weights | dict.fromkeys(topic, 1.0))


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
        beside = {*query.defined, *query.related} - {*query.topic}
        self._greatest = greatest_score([(weight, idf(term)) for term, weight in weights.items() if term not in beside])
        self._titled = {code_of(term): idf(term) for term in query.topic}
        self._topic = frozenset(self._titled)
        self._total = sum(map(idf, query.topic))
        self._lapsing: dict[int, Candidate] = {}
        self._standing: dict[int, Candidate] = {}

    def order(self, found: Iterable[_Scored], stock: Stock, *, lapsing: bool) -> list[Candidate]:
        """Normalise, and order by score, title and force; ties in the order of the corpus, so that they always come out the same.

        Args:
            found: BM25 score, row and the document's row; a row's score is the same whatever else a search lets pass.
            stock: what is known of these passages.
            lapsing: whether what lost its force stands behind what is in force.
        """
        known = self._lapsing if lapsing else self._standing
        candidates: list[Candidate] = []
        for score, row, document in found:
            candidate = known.get(row)
            if candidate is None:
                share = score / self._greatest
                place = -share * self._title_weight(*stock.title(document))
                if lapsing and stock.repealed(document):
                    place *= _REPEALED_SHARE
                candidate = known[row] = (place, row, document, share)
            candidates.append(candidate)
        candidates.sort()
        return candidates

    def _title_weight(self, codes: Collection[int], weight: float) -> float:
        """From 1 - share, for a title without a word of the question, to 1, for one with the same words (Dice, by idf)."""
        titled = self._titled
        if self._topic.isdisjoint(codes):
            return 1 - _TITLE_SHARE
        common = sum([titled[code] for code in codes if code in titled])
        if not common:
            return 1 - _TITLE_SHARE
        return 1 - _TITLE_SHARE + _TITLE_SHARE * 2 * common / (self._total + weight)


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
    # Passages of one document differ by their scores alone: what is left out here would not have come before what stays.
    running = scale.order(_some_of_each(found, stock, passages_per_document), stock, lapsing=lapsing)
    strengths = sorted([score for _, _, _, score in running], reverse=True)[:limit]
    if filters.kinds == ("decision",):
        # A decision is a case of its own even in the words of another.
        groups = [[candidate] for candidate in running[:limit]]
    else:
        groups = _without_repetitions(running, stock, limit, stock.repealed if lapsing else _never)
    return tuple([_hit(group, stock, min(_STRONGEST, score)) for group, score in zip(groups, strengths, strict=False)])


def _some_of_each(found: Iterable[tuple[float, int]], stock: Stock, most: int) -> list[_Scored]:
    """The best passages of each document, so many of one at most, in the order given."""
    document_of = stock.document_of
    taken: dict[int, int] = {}
    running = []
    for score, row in found:
        if score > 0:
            document = document_of(row)
            count = taken.get(document, 0)
            if count < most:
                taken[document] = count + 1
                running.append((score, row, document))
    return running


def cited_hit(document: Document, passages: Sequence[Passage], ayat: str) -> Hit:
    """A document that is cited, by its ayat when that was named and the text marks it, else as a whole."""
    named = next((passage for passage in passages if ayat and passage.ayat == ayat), None)
    return Hit(document, 1.0, named or Passage.whole(document))


class KnownTerms:
    """The distinct terms under which passages are found; the latest ones are remembered, because an answer asks twice."""

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser
        self._known: OrderedDict[tuple[str, int, int], frozenset[str]] = OrderedDict()

    def of(self, found: Found) -> frozenset[str]:
        """The terms of a passage and of its document."""
        document, passage = found.document, found.passage or Passage.whole(found.document)
        key = (document.id, passage.start, len(passage.text))
        known = self._known.get(key)
        if known is None:
            known = frozenset(shared_terms(document, self._analyser) + self._analyser.passage_terms(passage))
            self._known[key] = known
            if len(self._known) > _REMEMBERED_TERMS:
                self._known.popitem(last=False)
        return known


def _never(_document: int) -> bool:
    return False


def _without_repetitions(
    running: Sequence[Candidate], stock: Stock, limit: int, lapsed: Callable[[int], bool]
) -> list[list[Candidate]]:
    """Groups of passages that say the same, the one to show first: the one in force, then the one that fits best."""
    groups: list[list[Candidate]] = []
    sketches: list[frozenset[int]] = []
    seen: set[int] = set()
    for candidate in running:
        own = stock.sketch(candidate[1])
        # What shares too few numbers with all before it together is like none of them.
        same = _first_alike(own, sketches) if alike(own, seen) else None
        if same is not None and _repeats(candidate, groups[same][0], stock):
            groups[same].append(candidate)
            groups[same].sort(key=lambda one: lapsed(one[2]))
        elif len(groups) < limit:
            groups.append([candidate])
            sketches.append(own)
            seen |= own
        else:
            break
    return groups


def _first_alike(own: frozenset[int], sketches: Sequence[frozenset[int]]) -> int | None:
    for at, other in enumerate(sketches):
        if alike(own, other):
            return at
    return None


def _repeats(one: Candidate, other: Candidate, stock: Stock) -> bool:
    """Whether two documents of one kind say the same; a decision is a case of its own even in the words of another."""
    (_, row, document, _), (_, other_row, other_document, _) = one, other
    if document == other_document:
        return False
    first, second = stock.document(document), stock.document(other_document)
    if first.kind != second.kind or first.kind == "decision":
        return False
    return says_the_same(stock.passage(row, first).text, stock.passage(other_row, second).text)


def _hit(group: Sequence[Candidate], stock: Stock, score: float) -> Hit:
    _, row, number, _ = group[0]
    document = stock.document(number)
    repeated = tuple([stock.document(other).id for _, _, other, _ in group[1:]]) if len(group) > 1 else ()
    return Hit(document, score, stock.passage(row, document), repeated, row)
