"""What a question asks for: its parts, each to be answered by itself, and the sides of a comparison."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from service.text import said
from service.values import value

TopicOf = Callable[[str], Sequence[str]]
Idf = Callable[[str], float]

_ASKS = (
    r"(?:apa(?:kah)?|bagaimana(?:kah)?|gimana|kapan|siapa|berapa|di ?mana|ke ?mana|mengapa|kenapa|bisakah|bolehkah|haruskah"
    r"|how|what|when|who|where|why|which|can|must|does)\b"
)
_ASKING = frozenset((
    "apa", "apakah", "bagaimana", "bagaimanakah", "gimana", "kapan", "siapa", "berapa", "dimana", "kemana", "mana", "mengapa", "kenapa",
    "bisakah", "bolehkah", "haruskah", "how", "what", "when", "who", "where", "why", "which", "can", "must", "does",
))  # fmt: skip
"""The words that ask, each as the last or only one of what `_ASKS` finds."""
_PARTS = re.compile(
    r"(?:[?.;]\s+|,?\s+(?:dan|serta|lalu|kemudian|juga|and)\s+(?=" + _ASKS + r")|,\s*(?=" + _ASKS + r"))", re.IGNORECASE
)
_SIDES = re.compile(
    r"\b(?:bandingkan|perbandingan|perbedaan|persamaan|beda(?:nya)?|membedakan|compare|comparison (?:of|between)|differences? between)\b(?: antara)?\s+"
    r"(?P<one>[^,:;?.]{3,80}?)\s+(?:dan|dengan|vs\.?|versus|atau|and|with|to)\s+(?P<other>[^,:;?.]{3,80})",
    re.IGNORECASE,
)
_VERSUS = re.compile(r"(?P<one>[^,:;?.]{3,80}?)\s+(?:vs\.?|versus)\s+(?P<other>[^,:;?.]{3,80})", re.IGNORECASE)
_AFTER_THE_SIDES = re.compile(
    r"\s+(?:untuk|dalam|terhadap|tentang|mengenai|soal|bila|kalau|menurut|pada|di|tahun|for|in|under|on)\b.*$",
    re.IGNORECASE,
)
_BEFORE_A_SIDE = re.compile(
    r"^.*\b(?:dalam|menurut|antara|di)\s+|"
    r"^.*\b(?:pendekatan|putusan|pengaturan|aturan|sanksi|syarat|hukuman|ancaman|approach|decisions?)\b(?: \w+){0,2} (?:tentang|terhadap|soal|mengenai|on|to)\s+"
    r"|^(?:sanksi|pengaturan|aturan|ketentuan|hukuman)\s+",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:tolong|jelaskan|sebutkan|uraikan|analisis|dan|serta|lalu|juga|please|explain|and)\s+", re.IGNORECASE
)
_SUPPOSES = re.compile(
    r"(?:(?:bagaimana|gimana|apa(?:kah)?(?: akibatnya| yang terjadi| jadinya)?|what|how about) )?(?:kalau|kalo|jika|bila|apabila|if) (?:di\w{3,}|ter\w{3,}|tidak|belum|sudah|hanya|it|they)\b",
    re.IGNORECASE,
)
"""A case of what was spoken of before, which it does not name again."""
_COMPARING = frozenset((
    "bandingkan", "perbandingan", "perbedaan", "persamaan", "beda", "bedanya", "membedakan", "compare", "comparison", "difference", "differences",
))  # fmt: skip
_AGAINST = ("vs", "versus")
_JOINING = frozenset(("dan", "serta", "lalu", "kemudian", "juga", "and"))
_ENDING = frozenset("?.;")
_AROUND_A_PART = " ,.;?"
_LEAST_WEIGHT = 2.5
"""A part that brings no new word of this weight asks for a side of the part before it ("… dan apa sanksinya?")."""
_MOST_PARTS = 4
_LONGEST_LABEL = 90


@value
class Issue:
    """One part of a question, as it was asked, and its terms. `side` when it is one of two things to compare."""

    label: str
    terms: tuple[str, ...]
    side: bool = False


def issues_of(question: str, carried: str, topic_of: TopicOf, idf: Idf, sides: Collection[str]) -> tuple[Issue, ...]:
    """The parts of a question that have a topic of their own, in order: none when it is only one.

    Args:
        question: as it was asked.
        carried: the words that it inherits from the conversation: every part is about them too.
        topic_of: the terms of a text that say what it is about.
        idf: the weight of a term.
        sides: the terms of words that ask for a side of a topic.
    """
    found = _sides(question, topic_of, idf) or _parts(question, topic_of, idf, sides)
    beside = tuple(topic_of(carried)) if carried and found else ()
    return tuple([Issue(one.label, tuple(dict.fromkeys((*one.terms, *beside))), one.side) for one in found])


def pieces_of(question: str) -> list[str]:
    """A question cut where its parts begin, as they were asked; the question itself where it has none."""
    pieces = _PARTS.split(question) if _may_have_parts(question) else [question]
    return [label for label in [_LEAD.sub("", piece.strip(_AROUND_A_PART)) for piece in pieces] if label]


def _sides(question: str, topic_of: TopicOf, idf: Idf) -> tuple[Issue, ...]:
    # Whatever may be compared is looked for from every place on: only where something is.
    shown = said(question).words
    found = _SIDES.search(question) if not (question.isascii() and shown.isdisjoint(_COMPARING)) else None
    if found is None and not shown.isdisjoint(_AGAINST):
        found = _VERSUS.search(question)
    if found is None:
        return ()
    labels = [_AFTER_THE_SIDES.sub("", _BEFORE_A_SIDE.sub("", found[name])).strip() for name in ("one", "other")]
    terms = [tuple(topic_of(label)) for label in labels]
    if not all(sum(map(idf, set(one) - set(other))) > 0 for one, other in (terms, terms[::-1])):
        # Two things that are told apart by a year or a number only are no sides that words could find.
        return ()
    return tuple(Issue(label, own, side=True) for label, own in zip(labels, terms, strict=True))


def _may_have_parts(question: str) -> bool:
    """Whether a sign or a word at which parts are cut stands in a question; letters that only look like those of a word may stand for it."""
    if not question.isascii() or not _ENDING.isdisjoint(question.rstrip(_AROUND_A_PART)):
        return True
    shown = said(question)
    # Behind a comma or a word that joins a part begins only where it asks.
    return ("," in question or not shown.words.isdisjoint(_JOINING)) and not _ASKING.isdisjoint(shown.tokens[1:])


def _parts(question: str, topic_of: TopicOf, idf: Idf, sides: Collection[str]) -> tuple[Issue, ...]:
    if not _may_have_parts(question):
        return ()
    parts: list[Issue] = []
    known = set(sides)
    labels = pieces_of(question)
    if len(labels) < 2:
        return ()
    for label in labels:
        own = tuple(topic_of(label))
        if any(idf(term) >= _LEAST_WEIGHT for term in own if term not in known):
            # "… dan bagaimana kalau dibuat karena paksaan?" is about what the part before it is about.
            inherited = parts[-1].terms if parts and _SUPPOSES.match(label) else ()
            parts.append(Issue(label, tuple(dict.fromkeys((*inherited, *own)))))
        elif parts:
            parts[-1] = Issue(f"{parts[-1].label}, {label}", tuple(dict.fromkeys((*parts[-1].terms, *own))))
        known.update(own)
    if not 2 <= len(parts) <= _MOST_PARTS or any(len(part.label) > _LONGEST_LABEL for part in parts):
        return ()
    return tuple(parts)
