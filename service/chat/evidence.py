"""Chooses the passages that an answer stands on, and the sentences of each that say something about the question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from service.retrieval.document import Document, Passage
from service.retrieval.hits import Hit

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
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"“(A-Z0-9])")
_LEANS_BACK = re.compile(
    r"(?:kedua|ketiga|keempat|kelima|keenam|lalu|kemudian|selanjutnya|sesudahnya|setelahnya|setelah itu|sesudah itu"
    r"|terakhir|karena itu|oleh karena itu|oleh sebab itu|namun|tetapi|akan tetapi|sebaliknya|selain itu|dengan demikian"
    r"|(?:hal|bukti|aturan|ketentuan|putusan|syarat) (?:itu|ini|tersebut)|itu|ia|mereka|bila gagal|jika gagal)\b",
    re.IGNORECASE,
)
"""How a sentence begins that needs the one before it."""
_ABBREVIATION = re.compile(r"(?:\b(?:No|Nomor|jo|Rp|hlm|dll|dsb|dst|Tbk|dr|Dr|Prof|cq|ps|Ps)\.)$")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage with the number under which the answer cites it, its score in [0, 1] and the sentences used.

    Without a passage the document is meant as a whole.
    """

    number: int
    document: Document
    score: float
    quote: str
    passage: Passage | None = None

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
    found = sorted((hit.score for hit in hits if hit.score < _EXACT), reverse=True)
    floor = max(_LEAST_SCORE, _NEAR_BEST * found[0]) if found else 0.0
    return [hit for hit in sorted(hits, key=_place) if hit.score >= floor]


def sentences(text: str) -> list[str]:
    """A text cut at the ends of its sentences, but not after "No." and the like."""
    whole: list[str] = []
    for piece in _SENTENCE_END.split(text.strip()):
        if whole and _ABBREVIATION.search(whole[-1]):
            whole[-1] = f"{whole[-1]} {piece}"
        else:
            whole.append(piece)
    return whole


def quote(text: str, wanted: Iterable[str], count: int, idf: Idf, terms_of: TermsOf) -> str:
    """The `count` sentences of a passage that hold the rarest of the wanted terms, in the order of the passage.

    The first sentence of an entry states its rule, so it wins over sentences that say as much. A sentence that leans on the one
    before it ("Kedua, …", "Karena itu …") brings that one along: alone it would say something else.
    """
    wanted = set(wanted)
    found = sentences(text)
    worth = [
        (-sum(idf(term) for term in wanted.intersection(terms_of(sentence))), place)
        for place, sentence in enumerate(found)
    ]
    chosen = {place for _, place in sorted(worth)[:count]}
    for place in sorted(chosen, reverse=True):
        needed = place
        while needed > 0 and _LEANS_BACK.match(found[needed]):
            needed -= 1
            chosen.add(needed)
    return " ".join(found[place] for place in sorted(chosen))


def with_holdings(evidence: Iterable[Evidence], compared: AbstractSet[str]) -> tuple[Evidence, ...]:
    """The passages, with the holding as the quote of every decision that is compared: rulings are set beside rulings."""
    return tuple(
        replace(item, quote=item.document.holding) if item.document.id in compared and item.document.holding else item
        for item in evidence
    )


def number(
    hits: Sequence[Hit], wanted: Iterable[str], counts: Callable[[int, Hit], int], idf: Idf, terms_of: TermsOf
) -> tuple[Evidence, ...]:
    """Number the passages from 1 in the order in which the answer uses them, and cut their quotes.

    Args:
        hits: the chosen passages, best first.
        wanted: the terms of the question.
        counts: how many sentences to quote, by the passage's place from 0 and the passage.
        idf: the weight of a term.
        terms_of: the terms of a sentence.
    """
    order = {"statute": 0, "guide": 0, "decision": 1}
    ranked = sorted(enumerate(hits), key=lambda entry: (order[entry[1].document.kind], entry[0]))
    wanted = tuple(wanted)
    return tuple(
        Evidence(place, hit.document, hit.score, quote(hit.text, wanted, counts(rank, hit), idf, terms_of), hit.passage)
        for place, (rank, hit) in enumerate(ranked, start=1)
    )
