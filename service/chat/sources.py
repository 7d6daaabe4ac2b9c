"""A passage as the checks see it: its wording, its figures, its terms, and each of its sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from service.chat.composing import day
from service.chat.evidence import Evidence, quotable, sentences
from service.chat.figures import Article, Figures, Law, find_figures
from service.chat.phrases import ALIKE, FAMILY, hidden_orders
from service.chat.quotations import Wording
from service.retrieval.citing import article_numbers
from service.retrieval.document import Document
from service.retrieval.laws import NAMED_LAWS
from service.text import fold, words

TermsOf = Callable[[str], Iterable[str]]

_PARAGRAPH = re.compile(r"(?:^|(?<=[\s;.]))\((\d{1,2}[a-z]?)\)\s")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class SourceSentence:
    """A sentence of a passage: its folded words in order and its distinct terms."""

    words: tuple[str, ...]
    terms: frozenset[str]


@dataclass(frozen=True)
class Source:
    """One numbered passage. Sentences that give orders to the model count neither for quotations nor for claims."""

    evidence: Evidence
    analyse: TermsOf = field(repr=False)

    @property
    def number(self) -> int:
        """Its number in the answer."""
        return self.evidence.number

    @property
    def document(self) -> Document:
        """The entry that it is from."""
        return self.evidence.document

    @cached_property
    def orders(self) -> tuple[str, ...]:
        """What instructions hidden in the passage want printed."""
        return hidden_orders(f"{self.document.title}\n{self.evidence.text}")

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """What may be quoted: the clean sentences of the text, joined as they stand, the holding and the title."""
        document = self.document
        clean = self.evidence.text
        if self.orders:
            clean = "\n".join(quotable(clean, document.title))
        return tuple(part for part in (clean, document.holding or "", document.title) if part)

    @cached_property
    def wording(self) -> Wording:
        """The words that a quotation has to match."""
        document = self.document
        return Wording((*self.parts, document.label, document.law_title or ""))

    @cached_property
    def about(self) -> str:
        """What is known of the passage beside its text."""
        document = self.document
        decided = day(document.decided_on) if document.decided_on else ""
        year = f"tahun {document.year}" if document.year else ""
        fields = (
            document.label,
            document.law,
            document.law_title,
            document.court,
            document.decision_number,
            decided,
            year,
        )
        rest = (document.earlier, *document.applies, *document.topics, document.source, document.status)
        return " ; ".join(part for part in (*fields, *rest) if part)

    @cached_property
    def figures(self) -> Figures:
        """Every number that the passage or its description states."""
        return find_figures(" \n ; ".join((*self.parts, self.about)))

    @cached_property
    def laws(self) -> frozenset[str]:
        """The keys of all laws that the passage is from or names."""
        keys = {key for law in self.figures.laws for key in law}
        keys |= _keys_of(self.document)
        return frozenset(keys)

    @cached_property
    def own_laws(self) -> frozenset[str]:
        """The keys of the law that the passage is from."""
        return frozenset(_keys_of(self.document))

    @cached_property
    def own_articles(self) -> tuple[str, ...]:
        """The articles that the passage states, by its description."""
        return article_numbers(self.document.article)

    @cached_property
    def articles(self) -> dict[str, frozenset[str]]:
        """By article number, the keys of the laws that it may be of here."""
        found: dict[str, set[str]] = {number: set(self.own_laws) for number in self.own_articles}
        for article in self.figures.articles:
            beside = set(article.law) or set(self.laws)
            found.setdefault(article.number, set()).update(beside)
        return {number: frozenset(laws) for number, laws in found.items()}

    @cached_property
    def terms(self) -> frozenset[str]:
        """The distinct terms of the passage and of its description."""
        text = " \n ".join((*self.parts, self.about))
        return frozenset((*self.analyse(text), *self.analyse(alike(text))))

    @cached_property
    def words(self) -> frozenset[str]:
        """The distinct folded words."""
        return frozenset(words(" ".join((*self.parts, self.about))))

    @cached_property
    def forms(self) -> frozenset[str]:
        """The distinct folded words, and beside each the one that stands for its family and all of that family."""
        return self.words | {other for word in self.words if (stem := ALIKE.get(word)) for other in FAMILY[stem]}

    @cached_property
    def said(self) -> str:
        """The folded words of what may be quoted, in order, with one space between them."""
        return " ".join(words(" ".join(self.parts)))

    @cached_property
    def sentences(self) -> tuple[SourceSentence, ...]:
        """The sentences of the passage, the title among them."""
        return tuple(
            SourceSentence(tuple(words(one)), frozenset((*self.analyse(one), *self.analyse(alike(one)))))
            for part in self.parts
            for one in re.split(r"(?<=;)\s+|\n", "\n".join(sentences(part)))
            if one.strip()
        )

    @cached_property
    def paragraphs(self) -> frozenset[str]:
        """The numbers of the paragraphs (ayat) that the passage shows or names."""
        shown = {match[1] for part in self.parts for match in _PARAGRAPH.finditer(part)}
        passage = self.evidence.passage
        if passage and passage.ayat:
            shown.add(passage.ayat)
        return frozenset(shown | self.figures.paragraphs)

    @cached_property
    def amounts_of_paragraphs(self) -> dict[str, frozenset[tuple[float, str]]]:
        """The amounts in each numbered paragraph of the text, as value and unit."""
        text = self.evidence.text
        marks = list(_PARAGRAPH.finditer(text))
        ends = [*(mark.start() for mark in marks[1:]), len(text)]
        return (
            {
                mark[1]: frozenset((one.value, one.unit) for one in find_figures(text[mark.end() : end]).amounts)
                for mark, end in zip(marks, ends, strict=True)
            }
            if marks
            else {}
        )

    def paragraph_at(self, place: int) -> str | None:
        """The paragraph that holds this place of the folded wording, where the text numbers its paragraphs."""
        passage = self.evidence.passage
        number = passage.ayat if passage else None
        for match in _PARAGRAPH.finditer(self.wording.folded[: place + 1]):
            number = match[1]
        return number

    def states_article(self, article: Article) -> bool:
        """Whether the passage names the article, of that law when one is named."""
        laws = self.articles.get(article.number)
        return laws is not None and (not article.law or self.states_law(article.law, laws))

    def states_law(self, law: Law, among: frozenset[str] | None = None) -> bool:
        """Whether the passage is from the law or names it."""
        known = self.laws if among is None else among
        return any(key in known or any(_same_law(key, other) for other in known) for key in law)


def alike(text: str) -> str:
    """The words of a text, each of a family replaced by the one that stands for it."""
    return " ".join(ALIKE.get(word, word) for word in words(text))


def _same_law(key: str, other: str) -> bool:
    """A law named without its kind ("27/2022") or without its year ("uu 27") is that of the whole name."""
    kind, _, number = key.rpartition(" ")
    other_kind, _, other_number = other.rpartition(" ")
    if kind and other_kind and kind != other_kind:
        return False
    if "/" in number and "/" in other_number:
        return number == other_number and (not kind or not other_kind)
    return number.isdigit() and other_number.startswith(f"{number}/") and kind == other_kind


def _keys_of(document: Document) -> set[str]:
    if not document.law:
        return set()
    named = NAMED_LAWS.get(fold(document.law_title or "").replace("undang-undang", "uu"), ())
    return {_SPACES.sub(" ", fold(document.law)), *named}
