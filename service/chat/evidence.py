"""Chooses the passages that an answer stands on, and the sentences of each that say something about the question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from service.chat.facets import Facet, states
from service.chat.phrases import hidden_orders, orders
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
TermsOf = Callable[[str], AbstractSet[str]]

_NEAR_BEST = 0.45
"""A passage is kept when it scores at least this share of the best one of its kind of search."""
_LEAST_SCORE = 0.1
_LEAST_OF_STATUTES = 0.2
"""Below this an article shares a word with the question, not its subject."""
_DECISIONS_UNASKED = 1
_ROOM_FOR_LAW = 2
"""Beside decisions that are compared, so many places stay for the law that they apply."""
_EXACT = 1.0
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
            known = best.get(hit.document.id)
            if known is None or hit.score > known.score:
                best[hit.document.id] = hit
    return sorted(best.values(), key=_place)


def _place(hit: Hit) -> tuple[float, bool, str]:
    """The best score first; of the documents on an article that the question names, the article itself before its guides."""
    return -hit.score, hit.score >= _EXACT and hit.document.kind != "statute", hit.document.id


def select(results: Mapping[str, Sequence[Hit]], limit: int) -> list[Hit]:
    """The passages worth citing, best first: near the best of their side, with room for decisions when they were asked for.

    Decisions are short on words of law and long on facts, so they are held to the best decision and not to the best article.
    What CaseComparator chose for the period that was asked stays as it is, and other decisions stay out.

    Args:
        results: the hits by the name of the tool that found them.
        limit: the most passages to keep.
    """
    merged = merge(results)
    others = _near_best([hit for hit in merged if hit.document.kind != "decision"])
    if "LawLookup" in results:
        # The question is about the law, so a guide that fits word for word does not push the articles out.
        statutes = _near_best([hit for hit in merged if hit.document.kind == "statute"])
        others = merge({"near": others, "statutes": [hit for hit in statutes if hit.score >= _LEAST_OF_STATUTES]})
    decisions = _near_best([hit for hit in merged if hit.document.kind == "decision"])
    compared = list(results.get("CaseComparator", ()))
    if compared:
        chosen = compared[: max(1, limit - _ROOM_FOR_LAW)]
    elif "PrecedentExplorer" in results:
        chosen = decisions[: max(limit // 2, limit - len(others))]
    else:
        # Nobody asked for decisions: one may illustrate, when it fits as well as the law does.
        near = {hit.document.id for hit in _near_best([*others, *decisions])}
        chosen = [hit for hit in decisions if hit.document.id in near][:_DECISIONS_UNASKED]
        others = [hit for hit in others if hit.document.id in near or "LawLookup" in results]
    chosen += others[: limit - len(chosen)]
    return sorted(chosen, key=_place)


def _near_best(hits: Sequence[Hit]) -> list[Hit]:
    """Those of the hits that come near the best one of them, in the order given."""
    found = [hit.score for hit in hits if hit.score < _EXACT]
    floor = max(_LEAST_SCORE, _NEAR_BEST * max(found)) if found else 0.0
    return [hit for hit in hits if hit.score >= floor]


@remembered(most=4_000, longest=_LONGEST_REMEMBERED)
def _cut(text: str) -> tuple[str, ...]:
    whole: list[str] = []
    for piece in _SENTENCE_END.split(text.strip()):
        if whole and _ABBREVIATION.search(whole[-1]):
            whole[-1] = f"{whole[-1]} {piece}"
        else:
            whole.append(piece)
    return tuple(whole)


def sentences(text: str) -> list[str]:
    """A text cut at the ends of its sentences, but not after "No." and the like."""
    return list(_cut(text))


def quotable(text: str, title: str = "") -> list[str]:
    """The sentences of a text but for those that speak to a model, or say what such a one wants printed."""
    return list(_quotable(text, title) if len(text) <= _LONGEST_REMEMBERED else _quotable.__wrapped__(text, title))


@lru_cache(maxsize=2_000)
def _quotable(text: str, title: str) -> tuple[str, ...]:
    found = _cut(text)
    whole = f"{title}\n{text}"
    if not orders(whole):
        return found
    banned = hidden_orders(whole)
    return tuple([one for one in found if not orders(one) and not any(order in one for order in banned)])


@remembered(most=4_000, longest=_LONGEST_REMEMBERED)
def units_of(text: str) -> tuple[str, ...]:
    """A text cut into what can be read alone; see `units`."""
    return tuple(units(_cut(text)))


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
    found = _cut(text)
    clean = set(quotable(text, title))
    if count >= len(found) == len(clean):
        return text.strip()
    weights = {term: idf(term) for term in wanted}
    worth = [
        _held(weights, terms_of(one)) + _WORTH_OF_A_FACET * any(states(one, facet) for facet in asked) for one in found
    ]
    best: tuple[float, int, int] | None = None
    for begin, end in _runs([one in clean for one in found]):
        for start in range(begin, max(begin, end - count) + 1):
            stop = min(start + count, end)
            value = sum(worth[start:stop])
            if best is None or value > best[0]:
                best = (value, *_rounded(found, begin, start, stop, end))
    if best is None:
        return ""
    return _span(text, found, best[1], best[2])


def _held(weights: Mapping[str, float], terms: AbstractSet[str]) -> float:
    """The weight of the terms that are there, summed in one order: a sum of floats must not depend on the order of a set."""
    return sum([weight for term, weight in weights.items() if term in terms])


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


def _span(text: str, found: Sequence[str], start: int, stop: int) -> str:
    """Sentences from one place to another as they stand in the text, with the white space between them."""
    begin = at = 0
    for place, sentence in enumerate(found[:stop]):
        # A sentence may stand in a text twice: each is looked for behind the one before it.
        at = text.find(sentence, at)
        if at < 0:
            return " ".join(found[start:stop])
        begin = at if place == start else begin
        at += len(sentence)
    return text[begin:at]


def number(
    hits: Sequence[Hit],
    wanted: Iterable[str],
    counts: Callable[[int, Hit], int],
    idf: Idf,
    terms_of: TermsOf,
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
        terms_of: the terms of a sentence.
        asked: the sides of a rule that the question asks for.
        most_words: of all quotes together; past it a passage gets one sentence, then none. The best passage is always quoted.
    """
    order = {"statute": 0, "guide": 0, "decision": 1}
    wanted = tuple(wanted)
    quoted: list[tuple[int, Hit, str, bool]] = []
    room = most_words
    for rank, hit in enumerate(hits):
        title = hit.document.title
        holding = quote(hit.document.holding, wanted, 1, idf, terms_of) if hit.document.holding else ""
        cut = holding or quote(hit.text, wanted, counts(rank, hit), idf, terms_of, asked, title)
        if room is not None and quoted and word_count(cut) > room and not holding:
            cut = quote(hit.text, wanted, 1, idf, terms_of, asked, title)
        if not cut or (room is not None and quoted and word_count(cut) > room):
            continue
        quoted.append((rank, hit, cut, len(quotable(hit.text, title)) < len(_cut(hit.text))))
        room = room - word_count(cut) if room is not None else None
    quoted.sort(key=lambda entry: (order[entry[1].document.kind], entry[0]))
    return tuple(
        Evidence(place, hit.document, hit.score, cut, hit.passage, left_out)
        for place, (_, hit, cut, left_out) in enumerate(quoted, start=1)
    )


def sentences_of(rank: int, hit: Hit) -> int:
    """How many sentences to quote: all of what comes first or is short, because steps and conditions that are left out mislead."""
    words = word_count(hit.text)
    best = rank == 0 or (rank == 1 and hit.document.kind == "guide")
    if words <= (_WHOLE_WORDS_OF_THE_BEST if best else _WHOLE_WORDS_OF_OTHERS):
        return len(_cut(hit.text))
    return _SENTENCES_OF_THE_BEST if rank == 0 else _SENTENCES_OF_OTHERS
