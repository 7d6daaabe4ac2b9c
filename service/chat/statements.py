"""Checks one sentence of an answer against the passages, clause by clause, and mends what can be mended without guessing.

A clause reaches to its citation marks. Its quotations must stand word for word in a cited passage, its figures and its words too; what does not
hold under its own mark is looked for under the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from service.chat.claims import Asked, Clause, Idf, read_clause, weigh, wrong_articles
from service.chat.phrases import ASSERTING, CLOSES, CLOSING_WORDS, GOES_ON, SAYS_NOTHING_FOUND
from service.chat.quotations import Located, Quotation, find_quotations
from service.chat.sources import Source, TermsOf
from service.text import words

Outcome = Literal["kept", "repaired", "marked", "withheld"]
Guardrail = Literal["none", "citation", "quotation", "figure", "support", "instruction"]

_MARK_GROUP = re.compile(r"\s?\[\d{1,3}\](?:[\s,;]{0,3}\[\d{1,3}\])*")
_NUMBER = re.compile(r"\d{1,3}")
_LISTED_MARK = re.compile(
    r"\[\s*(?:(?:sumber|source|dokumen|document|no\.?|nomor)\s*)?(\d{1,3}(?:\s*[,;&]\s*\d{1,3})*)\s*\]", re.IGNORECASE
)
_ODD_MARK = re.compile(r"\[[^\[\]]{0,40}\d[^\[\]]{0,40}\]")
_HEADING = re.compile(r"^(?:#{1,6}\s|\*\*[^*]+\*\*:?$)|:\**$")
_ARTICLE_WORD = re.compile(r"\b(?:pasal|psl\.?|ps\.?|articles?|art\.)\s*(\d{1,4}[a-z]{0,2})\b", re.IGNORECASE)
_PARAGRAPH_WORD = re.compile(r"\b(?:ayat|paragraph)\s*\(?(\d{1,2}[a-z]?)\)?", re.IGNORECASE)
_MOST_PIECES = 40
"""Clauses and quotations of one sentence; beyond this it is no sentence, and would cost more than the rest of the answer."""
_LONGEST_HEADING = 10
_LEAST_SHARE = 0.25
"""Of the words of a clause, by weight, what a passage beside others must hold to be cited for it."""
_RUN = 7
"""So many words in a row that another passage says and the cited one does not show that the mark is misplaced."""
_SEVERITY: Mapping[Outcome, int] = {"kept": 0, "repaired": 1, "marked": 2, "withheld": 3}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: the text that may be shown ("" when withheld), the outcome, and which guard rail decided it.

    `states` tells a statement of law from an opening, a heading or a closing.
    """

    text: str
    outcome: Outcome
    guardrail: Guardrail = "none"
    states: bool = True


@dataclass(frozen=True, slots=True)
class _Change:
    """Letters of the sentence to replace."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A clause in its sentence: its span without marks, its quotations, its marks and their span."""

    start: int
    end: int
    quotations: tuple[Quotation, ...]
    marks: tuple[int, ...]
    marks_start: int
    marks_end: int
    own_marks: bool = True


@dataclass(frozen=True, slots=True)
class _Judged:
    """A clause's outcome and the changes that it needs."""

    outcome: Outcome
    guardrail: Guardrail = "none"
    changes: tuple[_Change, ...] = ()
    states: bool = True


class StatementCheck:
    """Checks sentences against the passages of one question."""

    def __init__(
        self,
        sources: Sequence[Source],
        asked: Asked,
        terms_of: TermsOf,
        idf: Idf,
        framing: frozenset[str],
        *,
        english: bool,
    ) -> None:
        self._sources = {source.number: source for source in sources}
        self._asked = asked
        self._terms_of = terms_of
        self._idf = idf
        self._framing = framing
        self._english = english
        self._asked_words = " ".join(words(asked.text))

    def check(self, sentence: str) -> Verdict:
        """The verdict on a whole sentence or line. One clause that fails takes the sentence with it."""
        sentence = _LISTED_MARK.sub(_as_marks, sentence)
        if not words(sentence):
            return Verdict(sentence, "kept", states=False)
        if not words(_MARK_GROUP.sub("", sentence)):
            return Verdict("", "withheld", "citation", states=False)
        if _ODD_MARK.search(_MARK_GROUP.sub("", sentence)) and "[DEMO" not in sentence:
            return Verdict("", "withheld", "citation")
        parts = tuple(_parts(sentence))
        if sum(1 + len(part.quotations) for part in parts) > _MOST_PIECES:
            return Verdict("", "withheld", "citation")
        judged = [self._judge(sentence, part) for part in parts]
        worst = max(judged, key=lambda one: _SEVERITY[one.outcome])
        states = any(one.states for one in judged)
        if worst.outcome == "withheld":
            return Verdict("", "withheld", worst.guardrail, states)
        changes = [change for one in judged for change in one.changes]
        return Verdict(_changed(sentence, changes), worst.outcome, worst.guardrail, states)

    def _judge(self, sentence: str, part: _Part) -> _Judged:
        clause = self._clause(sentence, part)
        if part.start and part.own_marks and not clause.words and not part.quotations:
            # Marks after marks, with nothing said between: what they were to carry has its marks already.
            return _Judged("repaired", "citation", (_Change(part.marks_start, part.marks_end, ""),), states=False)
        quotations = [one for one in part.quotations if not self._asked_in_these_words(one.text)]
        if not part.marks and self._frames(sentence, clause, quotations):
            return _Judged("kept", states=False)
        cited = [self._sources[mark] for mark in part.marks if mark in self._sources]
        found = self._under(sentence, part, clause, quotations, cited) if cited else None
        if found is not None and found.outcome in {"kept", "repaired"}:
            return self._without_idle(found, part, clause, cited)
        moved = self._elsewhere(sentence, part, clause, quotations)
        if moved is not None:
            return moved
        if found is not None and found.outcome == "marked":
            return self._without_idle(found, part, clause, cited)
        return found or _Judged("withheld", "quotation" if quotations else "citation" if part.marks else "support")

    def _clause(self, sentence: str, part: _Part) -> Clause:
        text = sentence[part.start : part.end]
        for one in sorted(part.quotations, key=lambda one: -one.start):
            text = text[: one.start - part.start] + " ; " + text[one.end - part.start :]
        return read_clause(text, self._terms_of, self._framing, english=self._english)

    def _asked_in_these_words(self, quotation: str) -> bool:
        said = " ".join(words(quotation))
        return f" {said} " in f" {self._asked_words} "

    def _frames(self, sentence: str, clause: Clause, quotations: Sequence[Quotation]) -> bool:
        """Whether a clause without a mark only opens, heads, links or closes."""
        if quotations:
            return False
        if _says_nothing_found(clause) or self._closes(sentence.strip(), clause):
            return True
        asserting = not ASSERTING.isdisjoint(clause.words)
        if not clause.states:
            return not asserting
        known = self._asked.terms.union(*(source.terms for source in self._sources.values()))
        if _HEADING.search(sentence.strip()) and len(clause.words) <= _LONGEST_HEADING and not asserting:
            figures = clause.figures
            stated = not figures or any(
                not weigh(clause, [source], self._idf, self._asked).wrong for source in self._sources.values()
            )
            return clause.terms <= known and stated
        asks = sentence.strip().endswith(("?", ":"))
        return (
            asks
            and clause.terms <= self._asked.terms
            and set(clause.figures.amounts) <= set(self._asked.figures.amounts)
        )

    def _closes(self, sentence: str, clause: Clause) -> bool:
        allowed = CLOSING_WORDS | self._asked.words
        return bool(CLOSES.search(sentence)) and not clause.figures and allowed.issuperset(clause.words)

    def _under(
        self, sentence: str, part: _Part, clause: Clause, quotations: Sequence[Quotation], cited: Sequence[Source]
    ) -> _Judged | None:
        """The clause under its own marks; None when a quotation is another passage's."""
        changes: list[_Change] = []
        for quotation in quotations:
            located = self._quoted(quotation, cited)
            if located is None:
                return None
            if not located.verbatim:
                changes.append(_Change(quotation.start, quotation.end, located.text))
        if not quotations and self._said_elsewhere(clause, cited):
            return _Judged("withheld", "citation")
        support = weigh(clause, cited, self._idf, self._asked)
        paragraph = self._paragraph_change(sentence, part, quotations, cited)
        if paragraph:
            changes.append(paragraph)
            support = replace(support, wrong=tuple(one for one in support.wrong if one != "paragraph"))
        if support.wrong == ("article",) and support.cover >= support.enough:
            mended = self._article_changes(sentence, part, clause, cited)
            if mended:
                return _Judged("repaired", "figure", (*changes, *mended))
        if support.carries:
            rail: Guardrail = "figure" if paragraph else "quotation"
            return _Judged("repaired", rail, tuple(changes)) if changes else _Judged("kept")
        if support.nearly:
            return _Judged("marked", "support", tuple(changes))
        return _Judged("withheld", "figure" if support.wrong else "support")

    def _quoted(self, quotation: Quotation, cited: Sequence[Source]) -> Located | None:
        """Where the cited passages say what is quoted, or nearly; None when they do not, or another passage says just this."""
        located = _locate(quotation.text, cited)
        if located is None and not any(source.wording.holds(quotation.text) for source in self._sources.values()):
            located = _nearest(quotation.text, cited)
        return located

    def _elsewhere(self, sentence: str, part: _Part, clause: Clause, quotations: Sequence[Quotation]) -> _Judged | None:
        """The clause under the passage that carries it best, its mark moved there; None when none carries it."""
        best: tuple[float, Source] | None = None
        for source in self._sources.values():
            places = [source.wording.locate(one.text) for one in quotations]
            if not all(place is not None and place.verbatim for place in places):
                continue
            if self._paragraph_change(sentence, part, quotations, [source]) or self._said_elsewhere(clause, [source]):
                continue
            support = weigh(clause, [source], self._idf, self._asked)
            if support.carries and (best is None or support.cover > best[0]):
                best = support.cover, source
        if best is None:
            return None
        mark = f" [{best[1].number}]"
        if part.own_marks and part.marks:
            return _Judged("repaired", "citation", (_Change(part.marks_start, part.marks_end, mark),))
        at = part.start + len(sentence[part.start : part.end].rstrip(" .!?…*"))
        return _Judged("repaired", "citation", (_Change(at, at, mark),))

    def _said_elsewhere(self, clause: Clause, cited: Sequence[Source]) -> bool:
        """Whether another passage says this word for word, and none of the cited ones does."""
        numbers = {source.number for source in cited}
        others = [source for source in self._sources.values() if source.number not in numbers]
        runs = (" ".join(clause.words[at : at + _RUN]) for at in range(len(clause.words) - _RUN + 1))
        return any(
            not any(run in source.said for source in cited) and any(run in source.said for source in others)
            for run in runs
        )

    def _bears(self, source: Source, part: _Part, clause: Clause) -> bool:
        """Whether a passage has a share in what a clause says: a quotation, an article or a part of its words."""
        if any(source.wording.locate(one.text) for one in part.quotations):
            return True
        if any(source.states_article(article) for article in clause.figures.articles):
            return True
        total = sum(map(self._idf, clause.terms))
        held = sum(self._idf(term) for term in clause.terms if term in source.terms)
        return not total or held >= _LEAST_SHARE * total

    def _paragraph_change(
        self, sentence: str, part: _Part, quotations: Sequence[Quotation], cited: Sequence[Source]
    ) -> _Change | None:
        """The right number of the paragraph (ayat) in which the quotation stands, when the sentence names another one."""
        named = list(_PARAGRAPH_WORD.finditer(sentence, part.start, part.end))
        if len(named) != 1 or len(quotations) != 1 or len(cited) != 1:
            return None
        located = cited[0].wording.locate(quotations[0].text)
        right = cited[0].paragraph_at(located.start) if located else None
        if right is None or right == named[0][1].lower():
            return None
        return _Change(named[0].start(1), named[0].end(1), right)

    def _article_changes(
        self, sentence: str, part: _Part, clause: Clause, cited: Sequence[Source]
    ) -> list[_Change] | None:
        """The only article that the cited passage names, in place of the only wrong one."""
        wrong = wrong_articles(clause, cited)
        if len(cited) != 1 or len(wrong) != 1 or len(clause.figures.articles) != 1:
            return None
        articles = list(cited[0].articles)
        # The right number beside a law that it is not of is no slip of the number.
        if (
            len(articles) != 1
            or articles[0] == wrong[0].number
            or not all(cited[0].states_law(law) for law in clause.figures.laws)
        ):
            return None
        places = [
            one for one in _ARTICLE_WORD.finditer(sentence, part.start, part.end) if one[1].lower() == wrong[0].number
        ]
        return [_Change(one.start(1), one.end(1), articles[0].upper()) for one in places] or None

    def _without_idle(self, judged: _Judged, part: _Part, clause: Clause, cited: Sequence[Source]) -> _Judged:
        """Marks that stand on nothing, or on a passage that carries next to nothing of the clause, go away where others carry it."""
        bearing = [source for source in cited if self._bears(source, part, clause)] or cited
        if not part.own_marks or len(bearing) == len(part.marks):
            return judged
        kept = "".join(f"[{source.number}]" for source in bearing)
        change = _Change(part.marks_start, part.marks_end, f" {kept}")
        outcome: Outcome = "repaired" if judged.outcome == "kept" else judged.outcome
        return _Judged(outcome, "citation", (*judged.changes, change))


def _says_nothing_found(clause: Clause) -> bool:
    """Whether a clause says what the sources do not carry, and only that."""
    if clause.figures.amounts or clause.figures.articles or not GOES_ON.isdisjoint(clause.words):
        return False
    return SAYS_NOTHING_FOUND.search(clause.text) is not None


def _as_marks(match: re.Match[str]) -> str:
    return "".join(f"[{int(number)}]" for number in _NUMBER.findall(match[1]))


def _parts(sentence: str) -> Iterable[_Part]:
    """The clauses of a sentence. What follows the last marks belongs to them, and has no marks of its own."""
    quotations = find_quotations(sentence)
    groups = [
        match
        for match in _MARK_GROUP.finditer(sentence)
        if not any(one.start <= match.start() and match.end() <= one.end for one in quotations)
    ]
    start = 0
    marks: tuple[int, ...] = ()
    for group in groups:
        marks = tuple(dict.fromkeys(int(number) for number in _NUMBER.findall(group[0])))
        inside = tuple(one for one in quotations if start <= one.start < group.start())
        yield _Part(start, group.start(), inside, marks, group.start(), group.end())
        start = group.end()
    if not groups or words(sentence[start:]):
        inside = tuple(one for one in quotations if one.start >= start)
        yield _Part(start, len(sentence), inside, marks, len(sentence), len(sentence), own_marks=False)


def _locate(quotation: str, cited: Sequence[Source]) -> Located | None:
    """Where a cited passage says this; a verbatim place before one that needs mending."""
    places = [place for source in cited if (place := source.wording.locate(quotation)) is not None]
    return next((place for place in places if place.verbatim), places[0] if places else None)


def _nearest(quotation: str, cited: Sequence[Source]) -> Located | None:
    places = [place for source in cited if (place := source.wording.nearest(quotation)) is not None]
    return places[0] if len(places) == 1 else None


def _changed(sentence: str, changes: Sequence[_Change]) -> str:
    for change in sorted(changes, key=lambda one: -one.start):
        sentence = sentence[: change.start] + change.text + sentence[change.end :]
    return sentence
