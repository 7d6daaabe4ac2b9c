"""Chooses the passages that an answer stands on, and the sentences of each that say something about the question."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from operator import attrgetter

from service.chat.facets import Facet, stated_in
from service.chat.phrases import hidden_orders, orders
from service.chat.relevance import PassageTerms, Places, places_by_sentence
from service.remembering import remembered
from service.retrieval.document import Document, Passage
from service.retrieval.hits import Hit
from service.text import word_count
from service.values import value

_SENTENCES_OF_THE_BEST = 3
_SENTENCES_OF_OTHERS = 2
_WHOLE_WORDS_OF_THE_BEST = 140
_WHOLE_WORDS_OF_OTHERS = 45

Idf = Callable[[str], float]
TermsOf = Callable[[str], Iterable[str]]

_NEAR_BEST = 0.45
"""A passage is kept when it scores at least this share of the best one of its kind of search."""
_LEAST_SCORE = 0.1
_LEAST_OF_STATUTES = 0.2
"""Below this an article shares a word with the question, not its subject."""
_DECISIONS_UNASKED = 1
_ROOM_FOR_LAW = 2
"""Beside decisions that are compared, so many places stay for the law that they apply."""
_EXACT = 1.0
_ID = attrgetter("document.id")
_SCORE = attrgetter("score")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"“(A-Z0-9])")
_LEANS_BACK = re.compile(
    r"(?:kedua|ketiga|keempat|kelima|keenam|lalu|kemudian|selanjutnya|sesudahnya|setelahnya|setelah itu|sesudah itu"
    r"|terakhir|karena itu|oleh karena itu|oleh sebab itu|namun|tetapi|akan tetapi|sebaliknya|selain itu|dengan demikian"
    r"|(?:hal|bukti|aturan|ketentuan|putusan|syarat) (?:itu|ini|tersebut)|itu|ia|mereka|bila gagal|jika gagal)\b",
    re.IGNORECASE,
)
"""How a sentence begins that needs the one before it."""
_EXCEPTS = re.compile(
    r"(?:namun|tetapi|akan tetapi|kecuali|pengecualian\w*|(?:ketentuan|aturan|hal|syarat|larangan|kewajiban|tanggung jawab|tenggat)(?: \w+){0,3} tidak berlaku|tidak berlaku)\b",
    re.IGNORECASE,
)
"""How a sentence begins that takes back a part of the one before it."""
_WORTH_OF_A_FACET = 3.0
_LONGEST_REMEMBERED = 8_000
_ABBREVIATION = re.compile(r"(?:\b(?:No|Nomor|jo|Rp|hlm|dll|dsb|dst|Tbk|dr|Dr|Prof|cq|ps|Ps)\.)$")


@value
class Evidence:
    """A passage with the number under which the answer cites it, its score in [0, 1] and the sentences used.

    Without a passage the document is meant as a whole. `left_out` says that sentences of it give orders to a model, and are never quoted.
    """

    number: int
    document: Document
    score: float
    quote: str
    passage: Passage | None = None
    left_out: bool = False

    @property
    def text(self) -> str:
        """What was found, verbatim; the quote is taken from it."""
        return self.passage.text if self.passage else self.document.text


def merge(results: Mapping[str, Sequence[Hit]]) -> list[Hit]:
    """The hits of all tools, each document once with its best score, best first and ties by id."""
    best: dict[str, Hit] = {}
    for hits in results.values():
        for hit in hits:
            identifier = hit.document.id
            known = best.get(identifier)
            if known is None or hit.score > known.score:
                best[identifier] = hit
    return _in_order(best.values())


def _in_order(hits: Iterable[Hit]) -> list[Hit]:
    """The best score first; of the documents on an article that the question names, the article itself before its guides."""
    # Sorted once more rather than by all at a time: then no place is made for each hit.
    ordered = sorted(hits, key=_ID)
    ordered.sort(key=_SCORE, reverse=True)
    if ordered and ordered[0].score >= _EXACT:
        ordered.sort(key=lambda hit: (-hit.score, hit.score >= _EXACT and hit.document.kind != "statute"))
    return ordered


def select(results: Mapping[str, Sequence[Hit]], limit: int, merged: Sequence[Hit] | None = None) -> list[Hit]:
    """The passages worth citing, best first: near the best of their side, with room for decisions when they were asked for.

    Decisions are short on words of law and long on facts, so they are held to the best decision and not to the best article.
    What CaseComparator chose for the period that was asked stays as it is, and other decisions stay out.

    Args:
        results: the hits by the name of the tool that found them.
        limit: the most passages to keep.
        merged: all of them, where they were merged already (`merge`).
    """
    merged = merge(results) if merged is None else merged
    law: list[Hit] = []
    every_decision: list[Hit] = []
    for hit in merged:
        (every_decision if hit.document.kind == "decision" else law).append(hit)
    floor = _floor(law)
    of_statutes = floor
    if "LawLookup" in results:
        # The question is about the law, so a guide that fits word for word does not push the articles out.
        statutes = [hit for hit in law if hit.document.kind == "statute"]
        of_statutes = min(floor, max(_LEAST_OF_STATUTES, _floor(statutes)))
    if of_statutes == floor:
        others = [hit for hit in law if hit.score >= floor]
    else:
        others = [hit for hit in law if hit.score >= (of_statutes if hit.document.kind == "statute" else floor)]
    decisions = _near_best(every_decision) if every_decision else []
    compared = list(results.get("CaseComparator", ()))
    if not decisions and not compared:
        return others[:limit]
    if compared:
        chosen = compared[: max(1, limit - _ROOM_FOR_LAW)]
    elif "PrecedentExplorer" in results:
        chosen = decisions[: max(limit // 2, limit - len(others))]
    else:
        # Nobody asked for decisions: one may illustrate, when it fits as well as the law does.
        near = max(_floor(others), _floor(decisions))
        chosen = [hit for hit in decisions if hit.score >= near][:_DECISIONS_UNASKED]
        if "LawLookup" not in results:
            others = [hit for hit in others if hit.score >= near]
    chosen += others[: limit - len(chosen)]
    return _in_order(chosen)


def _near_best(hits: Sequence[Hit]) -> list[Hit]:
    """Those of the hits, best first, that come near the best one of them."""
    floor = _floor(hits)
    return [hit for hit in hits if hit.score >= floor]


def _floor(hits: Sequence[Hit]) -> float:
    """From which score on hits come near the best one of them; they stand best first, and what was cited exactly sets no measure."""
    for hit in hits:
        if hit.score < _EXACT:
            return max(_LEAST_SCORE, _NEAR_BEST * hit.score)
    return 0.0


@remembered(most=4_000, longest=_LONGEST_REMEMBERED)
def sentences(text: str) -> tuple[str, ...]:
    """A text cut at the ends of its sentences, but not after "No." and the like."""
    whole: list[str] = []
    for piece in _SENTENCE_END.split(text.strip()):
        if whole and _ABBREVIATION.search(whole[-1]):
            whole[-1] = f"{whole[-1]} {piece}"
        else:
            whole.append(piece)
    return tuple(whole)


def quotable(text: str, title: str = "") -> list[str]:
    """The sentences of a text but for those that speak to a model, or say what such a one wants printed."""
    return list(_read(text, title).quotable)


@value
class _Read:
    """A passage cut into sentences: all of them, those that may be quoted, these as a set, and the text without white space around it.

    `spans` say where each sentence begins and ends in the text, up to the first one that does not stand there as it is.
    """

    sentences: tuple[str, ...]
    quotable: tuple[str, ...]
    clean: frozenset[str]
    stripped: str
    spans: tuple[tuple[int, int], ...]


def _read(text: str, title: str) -> _Read:
    return _read_short(text, title) if len(text) <= _LONGEST_REMEMBERED else _read_short.__wrapped__(text, title)


@lru_cache(maxsize=2_000)
def _read_short(text: str, title: str) -> _Read:
    found = sentences(text)
    whole = f"{title}\n{text}"
    kept = found
    if orders(whole):
        banned = hidden_orders(whole)
        kept = tuple([one for one in found if not orders(one) and not any(order in one for order in banned)])
    return _Read(found, kept, frozenset(kept), text.strip(), _spans(text, found))


def _spans(text: str, found: Sequence[str]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    end = 0
    for sentence in found:
        # A sentence may stand in a text twice: each is looked for behind the one before it.
        begin = text.find(sentence, end)
        if begin < 0:
            break
        end = begin + len(sentence)
        spans.append((begin, end))
    return tuple(spans)


@remembered(most=4_000, longest=_LONGEST_REMEMBERED)
def units_of(text: str) -> tuple[str, ...]:
    """A text cut into what can be read alone; see `units`."""
    return tuple(units(sentences(text)))


def units(found: Sequence[str]) -> list[str]:
    """Sentences as they can be read alone: what leans back stays with what it leans on, an exception with its rule."""
    whole: list[str] = []
    for sentence in found:
        if whole and _needs_the_one_before(sentence):
            whole[-1] = f"{whole[-1]} {sentence}"
        else:
            whole.append(sentence)
    return whole


def quote(
    text: str,
    wanted: Iterable[str],
    count: int,
    idf: Idf,
    terms_of: TermsOf,
    asked: AbstractSet[Facet] = frozenset(),
    title: str = "",
) -> str:
    """The `count` sentences in a row that hold the rarest of the wanted terms, as they stand in the passage.

    The first sentence of an entry states its rule, so it wins over sentences that say as much; one that states what is asked for
    (a penalty, a deadline) wins over one that repeats the topic. A sentence that leans on the one before it ("Kedua, …", "Karena
    itu …") brings that one along, and a rule the exception behind it: alone they would say something else. What gives orders to a
    model is never quoted; empty when nothing else is there.
    """
    weights = [(term, idf(term)) for term in dict.fromkeys(wanted)]
    read = _read(text, title)
    return _quoted(text, read, places_by_sentence(map(terms_of, read.sentences)), weights, count, asked)


def _quoted(
    text: str,
    read: _Read,
    places: Places,
    weights: Sequence[tuple[str, float]],
    count: int,
    asked: AbstractSet[Facet] = frozenset(),
) -> str:
    """The same of a text that was read, by distinct terms with their weights and by the sentences that say them."""
    found, clean = read.sentences, read.clean
    all_clean = len(found) == len(clean)
    if all_clean and count >= len(found):
        return read.stripped
    worth = _worth_of(found, places, weights, asked)
    best: tuple[float, int, int] | None = None
    for begin, end in ((0, len(found)),) if all_clean else _runs([one in clean for one in found]):
        last = max(begin, end - count)
        values = [sum(worth[start : min(start + count, end)]) for start in range(begin, last + 1)]
        value = max(values)
        # The first of those that are worth most.
        if best is None or value > best[0]:
            start = begin + values.index(value)
            best = (value, *_rounded(found, begin, start, min(start + count, end), end))
    if best is None:
        return ""
    return _span(text, read, best[1], best[2])


def _worth_of(
    found: Sequence[str], places: Places, weights: Sequence[tuple[str, float]], asked: AbstractSet[Facet]
) -> list[float]:
    """What each sentence is worth: the weights of the terms that it says, and more where it states what is asked for."""
    worth = [0.0] * len(found)
    # Summed in the question's order: a sum of floats must not depend on the order of a set.
    for term, weight in weights:
        if term in places:
            for number in places[term]:
                worth[number] += weight
    if asked:
        for number, one in enumerate(found):
            if not asked.isdisjoint(stated_in(one)):
                worth[number] += _WORTH_OF_A_FACET
    return worth


@remembered(most=8_000)
def _needs_the_one_before(sentence: str) -> bool:
    return bool(_LEANS_BACK.match(sentence) or _EXCEPTS.match(sentence))


def _runs(clean: Sequence[bool]) -> Iterable[tuple[int, int]]:
    """Where sentences that may be quoted stand in a row: from, to."""
    start: int | None = None
    for place, good in enumerate((*clean, False)):
        if good and start is None:
            start = place
        elif not good and start is not None:
            yield start, place
            start = None


def _rounded(found: Sequence[str], begin: int, start: int, stop: int, end: int) -> tuple[int, int]:
    """The stretch with what its first sentence leans on and the exceptions behind its last one."""
    while start > begin and _needs_the_one_before(found[start]):
        start -= 1
    while stop < end and _EXCEPTS.match(found[stop]):
        stop += 1
    return start, stop


def _span(text: str, read: _Read, start: int, stop: int) -> str:
    """Sentences from one place to another as they stand in the text, with the white space between them."""
    spans = read.spans
    return text[spans[start][0] : spans[stop - 1][1]] if stop <= len(spans) else " ".join(read.sentences[start:stop])


def number(
    hits: Sequence[Hit],
    wanted: Iterable[str],
    counts: Callable[[int, Hit], int],
    idf: Idf,
    terms_of: Callable[[Hit], PassageTerms],
    asked: AbstractSet[Facet] = frozenset(),
    most_words: int | None = None,
) -> tuple[Evidence, ...]:
    """Number the passages from 1 in the order in which the answer uses them, and cut their quotes.

    A decision is quoted by its holding. A passage that gives nothing but orders to a model is left out.

    Args:
        hits: the chosen passages, best first.
        wanted: the terms of the question.
        counts: how many sentences to quote, by the passage's place from 0 and the passage.
        idf: the weight of a term.
        terms_of: the terms of a passage.
        asked: the sides of a rule that the question asks for.
        most_words: of all quotes together; past it a passage gets one sentence, then none. The best passage is always quoted.
    """
    order = {"statute": 0, "guide": 0, "decision": 1}
    weights = [(term, idf(term)) for term in dict.fromkeys(wanted)]
    quoted: list[tuple[int, int, Hit, str, bool]] = []
    room = math.inf if most_words is None else most_words
    for rank, hit in enumerate(hits):
        document, text, terms = hit.document, hit.text, terms_of(hit)
        read = _read(text, document.title)
        holding = ""
        if document.holding:
            holding = _quoted(document.holding, _read(document.holding, ""), terms.holding, weights, 1)
        cut = holding or _quoted(text, read, terms.all, weights, counts(rank, hit), asked)
        words = word_count(cut)
        if words > room and quoted and not holding:
            cut = _quoted(text, read, terms.all, weights, 1, asked)
            words = word_count(cut)
        if not cut or (words > room and quoted):
            continue
        quoted.append((order[document.kind], rank, hit, cut, len(read.quotable) < len(read.sentences)))
        room -= words
    # No two have the same rank: nothing behind it is compared.
    quoted.sort()
    return tuple(
        [
            Evidence(place, hit.document, hit.score, cut, hit.passage, left_out)
            for place, (_, _, hit, cut, left_out) in enumerate(quoted, start=1)
        ]
    )


def sentences_of(rank: int, hit: Hit) -> int:
    """How many sentences to quote: all of what comes first or is short, because steps and conditions that are left out mislead."""
    text = hit.text
    best = rank == 0 or (rank == 1 and hit.document.kind == "guide")
    if word_count(text) <= (_WHOLE_WORDS_OF_THE_BEST if best else _WHOLE_WORDS_OF_OTHERS):
        return len(sentences(text))
    return _SENTENCES_OF_THE_BEST if rank == 0 else _SENTENCES_OF_OTHERS
