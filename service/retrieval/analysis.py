"""Indonesian text to search terms: fold, split, drop stop words, join what belongs together, stem.

Snowball's Indonesian stemmer knows no legal vocabulary: it makes "data" of "perdata" (civil) and "kara" of "perkara" (case),
and meets "banding" (appeal) with "bandingkan" (compare). `KEPT_WORDS` holds such words back. Abbreviations and their long
forms become one and the same term (`CONCEPTS`), so that "KDRT" finds "kekerasan dalam rumah tangga" and the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

import snowballstemmer

from service.remembering import Remembered, remembered
from service.retrieval.definitions import asked_terms, definition_key
from service.retrieval.document import Passage
from service.retrieval.lay import ABBREVIATIONS, EVERYDAY, RELATED
from service.retrieval.lay_dealings import DEALINGS
from service.retrieval.lay_offences import OFFENCES
from service.retrieval.respelling import Counted, respelled
from service.retrieval.roots import root_of
from service.retrieval.vocabulary import (
    ASKING_WORDS,
    CONCEPTS,
    FAMILIES,
    KEPT_WORDS,
    SIDE_WORDS,
    SOURCE_WORDS,
    STOP_WORDS,
)
from service.text import fold, shows_digits, unclipped, words
from service.values import value

_FRAMING = STOP_WORDS | ASKING_WORDS
_NO_CONTENT = _FRAMING | SOURCE_WORDS | SIDE_WORDS
_Kind = Literal["topic", "source", "side", "number", "framing"]
_Phrase = tuple[tuple[str, ...], str]
"""Words, and the concept that they name together."""
_Word = tuple[_Kind, str, str, Sequence[_Phrase], Sequence[tuple[tuple[str, ...], tuple[str, ...]]]]
"""What a question needs to know of a word: what it does, its term, its stem, and the phrases that it may begin: those that name a concept, and those, as
stems, for which laws write other terms."""
_STEM: Final = 2
_RELATED: Final = 4
_REMEMBERED_QUESTIONS = 2_000
_REMEMBERED_TEXTS = 10_000
_LONGEST_REMEMBERED = 1_000
"""Longer texts are read anew: what is remembered takes some ten megabytes, whatever the corpus holds."""
_WRITTEN_WORD = re.compile(
    r"(?:pasal|psl|ps)\.? \d{1,4}[a-z]?\b(?: ayat \(?\d{1,2}\)?)?"
    r"|(?:uu|pp|perma|perpres|undang-undang)(?: nomor| no\.?)? \d{1,3}(?: tahun |/)\d{4}\b"
    r"|\w+",
    re.IGNORECASE,
)
"""A word, or an article or a law with its number: apart they mean nothing."""
_PLAIN_WORD = re.compile(r"\w+")
"""The same where no digit stands: without one no article and no law has a number."""
_OF_A_LETTER = frozenset(("huruf", "hrf", "butir"))
_GLUE = _OF_A_LETTER | {"sd"}
"""Words that only lead to a letter of an article, or from one article to another."""
_SHORTEST_DOUBLED = 3


@value
class QueryTerms:
    """What a question asks about, and which kind of source it asks for.

    `topic` are distinct terms in the order of the question; `source` are terms such as "putusan" (decision) that name a
    kind of document, `side` such as "syarat" (condition) what about the topic is asked for: both steer the search and are no
    evidence that a passage answers the question. `defined` are the keys under which the definition of a term that is asked for
    stands (`definitions.definition_key`); a passage that defines it answers, whatever else it says. `related` are what laws
    write for what lay people say, and numbers: looked for at less weight, and no evidence. `named_only` says that nothing but words
    for sources was left, which stand as the topic to be searched for: "Pasal 5 UU 1/2023".
    """

    topic: tuple[str, ...]
    source: tuple[str, ...]
    side: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    named_only: bool = False


@remembered(most=_REMEMBERED_TEXTS, longest=100)
def _tells(word: str) -> bool:
    """Whether a word, as it is written, says what a text is about."""
    return fold(word) not in _NO_CONTENT


@remembered(most=500)
def content_words(text: str) -> tuple[str, ...]:
    """The words of a text, as written, that say what it is about; "pasal 1365" and "UU 27/2022" are one word each."""
    written = _WRITTEN_WORD if shows_digits(text) else _PLAIN_WORD
    return tuple(filter(_tells, written.findall(text)))


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the analysis are on; all of them, unless somebody measures what one adds."""

    stop_words: bool = True
    stemming: bool = True
    concepts: bool = True
    definitions: bool = True
    related: bool = True
    roots: bool = True
    spellings: bool = True


class Analyser:
    """Turns text into terms; holds the stems that it has already found, because stemming a word costs some 40 us."""

    def __init__(self, cache_size: int = 200_000, parts: Parts = Parts()) -> None:
        self._stemmer = snowballstemmer.stemmer("indonesian")
        self._parts = parts
        self._stems: dict[str, str] = {}
        self._cache_size = cache_size
        self._concepts = _by_first_word() if parts.concepts else {}
        families = {word: term for term, family in {**FAMILIES, **EVERYDAY}.items() for word in family.split()}
        self._kept = KEPT_WORDS | families if parts.concepts else KEPT_WORDS
        self._dropped = STOP_WORDS if parts.stop_words else frozenset()
        self._framing = _FRAMING if parts.stop_words else frozenset()
        self._related = self._relations() if parts.related else {}
        self._words = Remembered[str, _Word](self._word, _REMEMBERED_TEXTS)
        self._asked = Remembered[str, QueryTerms](self._query_terms, _REMEMBERED_QUESTIONS)
        self._read = Remembered[str, tuple[str, ...]](self._terms_of_text, _REMEMBERED_TEXTS)
        self._distinct = Remembered[str, frozenset[str]](lambda text: frozenset(self.terms_of(text)), _REMEMBERED_TEXTS)
        self._meanings = Remembered[str, frozenset[str]](self._meant_terms, _REMEMBERED_TEXTS)

    def document_terms(self, text: str) -> list[str]:
        """All terms of a document, repeated as often as they occur; a concept also gives its single words."""
        return list(self.terms_of(text))

    def terms_of(self, text: str) -> tuple[str, ...]:
        """The same; those of short texts are remembered, because sentences and titles are read with every question that finds them."""
        return self._read[text] if len(text) <= _LONGEST_REMEMBERED else self._terms_of_text(text)

    def distinct_terms(self, text: str) -> frozenset[str]:
        """Each of them once."""
        return self._distinct[text] if len(text) <= _LONGEST_REMEMBERED else frozenset(self._terms_of_text(text))

    def _terms_of_text(self, text: str) -> tuple[str, ...]:
        tokens = words(text)
        stems, concepts, dropped, stem = self._stems, self._concepts, self._dropped, self.stem
        if concepts.keys().isdisjoint(tokens):
            return tuple([stems.get(word) or stem(word) for word in tokens if word not in dropped])
        terms: list[str] = []
        for concept, span in self._spans(tokens):
            if concept:
                terms.append(concept)
            terms.extend([stems.get(word) or stem(word) for word in span if word not in dropped and word != concept])
        return tuple(terms)

    def passage_terms(self, passage: Passage) -> list[str]:
        """All terms under which a passage is found beside those of its document: its text, its context and what it defines."""
        terms = self.document_terms(passage.text)
        if passage.context:
            terms += self.document_terms(passage.context)
        if self._parts.definitions:
            terms += [key for term in passage.defines if (key := definition_key(term))]
        return terms

    def respelled(self, term: str, held: Counted) -> tuple[str, ...]:
        """What was meant by a term that no passage holds; `held` counts the passages that hold one. See `respelling.respelled`."""
        return respelled(term, self.stem, held) if self._parts.spellings else ()

    def query_terms(self, text: str) -> QueryTerms:
        """The distinct terms of a question, without the words that only say what to do with them."""
        return self._asked[text] if len(text) <= _LONGEST_REMEMBERED else self._query_terms(text)

    def _query_terms(self, text: str) -> QueryTerms:
        topic: dict[str, None] = {}
        source: dict[str, None] = {}
        side: dict[str, None] = {}
        numbers: dict[str, None] = {}
        found: dict[_Kind, dict[str, None]] = {
            "topic": topic, "source": source, "side": side, "number": numbers, "framing": {},
        }  # fmt: skip
        tokens = _said(text)
        read = [*map(self._words.__getitem__, tokens)]
        behind = 0
        for at, (kind, term, _, concepts, _) in enumerate(read):
            if at < behind:
                continue
            if concepts and (named := _phrase_at(tokens, at, concepts)):
                phrase, concept = named
                behind = at + len(phrase)
                (source if concept in SOURCE_WORDS else topic)[concept] = None
            else:
                found[kind][term] = None
        defined = self._defined(text)
        if not topic:
            return QueryTerms(topic=tuple(side) or tuple(source), source=(), defined=defined, named_only=not side)
        meant = _meant(read)
        if numbers and self._parts.spellings:
            meant += [word for word in numbers if len(word) > 1]
        related = tuple([term for term in meant if term not in topic and term not in side]) if meant else ()
        return QueryTerms(tuple(topic), tuple(source), tuple(side), defined, related)

    def _word(self, word: str) -> _Word:
        """What a folded word does in a question, and what phrases it may begin."""
        stem = self.stem(word)
        kind, term = self._kind(word, stem)
        related = tuple([(phrase, self.terms_of(written)) for phrase, written in self._related.get(stem, ())])
        return kind, term, stem, self._concepts.get(word, ()), related

    def _kind(self, word: str, stem: str) -> tuple[_Kind, str]:
        """What a folded word does in a question, and its term."""
        if word.isdigit():
            # Numbers are read where they mean something: articles by the router, years and counts by the tools.
            return "number", word
        if not self._framing.isdisjoint(_without_particle(word)):
            return "framing", word
        return "source" if word in SOURCE_WORDS else "side" if word in SIDE_WORDS else "topic", stem

    def meant_terms(self, text: str) -> frozenset[str]:
        """Every term that a text of a question stands for, what laws write for it among them."""
        return self._meanings[text] if len(text) <= _LONGEST_REMEMBERED else self._meant_terms(text)

    def _meant_terms(self, text: str) -> frozenset[str]:
        return frozenset((*self.terms_of(text), *_meant([*map(self._words.__getitem__, words(text))])))

    def _relations(self) -> dict[str, list[tuple[tuple[str, ...], str]]]:
        """What people say as stems, by the first of them, with what laws write."""
        table: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for said, written in chain.from_iterable(field.items() for field in (RELATED, *OFFENCES, *DEALINGS)):
            phrase = tuple(self.stem(word) for word in words(said))
            table.setdefault(phrase[0], []).append((phrase, written))
        return table

    def _defined(self, text: str) -> tuple[str, ...]:
        if not self._parts.definitions:
            return ()
        asked = asked_terms(text)
        return tuple(dict.fromkeys([key for key in map(definition_key, asked) if key])) if asked else ()

    def _spans(self, tokens: list[str]) -> Iterator[tuple[str | None, list[str]]]:
        """Cut the words into concepts (their term and their words) and single words (no term, one word)."""
        concepts = self._concepts
        at = 0
        while at < len(tokens):
            word = tokens[at]
            if word in concepts and (named := _phrase_at(tokens, at, concepts[word])):
                phrase, concept = named
                yield concept, tokens[at : at + len(phrase)]
                at += len(phrase)
            else:
                yield None, [word]
                at += 1

    def stem(self, word: str) -> str:
        """The term of a folded word."""
        known = self._stems.get(word)
        if known is not None:
            return known
        if not self._parts.stemming:
            return word
        kept = self._kept.get(word) or self._kept.get(word.removesuffix("nya"))
        root = root_of(word) if self._parts.roots else None
        stem = kept or root or str(self._stemmer.stemWord(word))
        if len(self._stems) >= self._cache_size:
            # Clients choose the words: without a bound they could fill the memory. Starting anew is cheap and rare.
            self._stems.clear()
        self._stems[word] = stem
        return stem


def _said(text: str) -> list[str]:
    """The words of a question as they are meant: "U.U." as "uu", "undang2" as "undang undang", of "Pasal 5 huruf a s.d. 7" the numbers."""
    tokens = words(unclipped(text))
    if "2" not in text and _GLUE.isdisjoint(tokens):
        return tokens
    meant: list[str] = []
    before = ""
    for word in tokens:
        if before in _OF_A_LETTER and (len(word) == 1 or word.isdigit()):
            # The letter of an article is no word: "SIM C" is one, "huruf c" is not.
            meant.pop()
        elif len(word) > _SHORTEST_DOUBLED and word[-1] == "2" and word[:-1].isalpha():
            meant += (word[:-1], word[:-1])
        elif word != "sd" or not before.isdigit():
            meant.append(word)
        before = word
    return meant


def _phrase_at(tokens: Sequence[str], at: int, phrases: Iterable[_Phrase]) -> _Phrase | None:
    """The first of some phrases with the same first word that the words from a place on say, the longest of them first."""
    for phrase in phrases:
        said = phrase[0]
        if len(said) == 1 or tuple(tokens[at : at + len(said)]) == said:
            return phrase
    return None


def _meant(read: Sequence[_Word]) -> list[str]:
    """The terms that laws may use for what the words of a text say, each once; of phrases in one another the longest is meant."""
    beginning = [at for at, word in enumerate(read) if word[_RELATED]]
    if not beginning:
        return []
    stems = [word[_STEM] for word in read]
    said = [
        (at, at + len(phrase), written)
        for at in beginning
        for phrase, written in read[at][_RELATED]
        if len(phrase) == 1 or tuple(stems[at : at + len(phrase)]) == phrase
    ]
    found: dict[str, None] = {}
    longest = max([end - start for start, end, _ in said], default=0)
    for start, end, written in said:
        if end - start == longest or not any(
            first <= start and end <= last and last - first > end - start for first, last, _ in said
        ):
            found.update(dict.fromkeys(written))
    return list(found)


def _without_particle(word: str) -> tuple[str, ...]:
    """A word, and without the particles of questions and commands: "berapakah" asks what "berapa" does."""
    return (word, *(word.removesuffix(particle) for particle in ("nya", "kah", "lah") if word.endswith(particle)))


def _by_first_word() -> dict[str, list[tuple[tuple[str, ...], str]]]:
    """Phrases by their first word, the longest first, so that the longest one wins."""
    table: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for concept, phrases in {**CONCEPTS, **ABBREVIATIONS}.items():
        for phrase in (concept, *phrases):
            split = tuple(phrase.split())
            table.setdefault(split[0], []).append((split, concept))
    for entries in table.values():
        entries.sort(key=lambda entry: len(entry[0]), reverse=True)
    return table
