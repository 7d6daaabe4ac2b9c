"""What retrieval leaves out changes nothing: each shortcut finds what the plain computation finds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from service.answering import Answerer
from service.deployments.load import deployment_file, load_deployment
from service.evaluation.asking import answerer_over
from service.exchange import Answer, Event, Question
from service.retrieval import analysis, citing, naming, numerals, ranking
from service.retrieval.analysis import Analyser, content_words
from service.retrieval.citing import find_articles, find_citations, plain
from service.retrieval.definitions import definition_key
from service.retrieval.document import Document, Passage
from service.retrieval.duplicates import _BITS, SKETCH_SIZE, Sketch, Sketches, alike
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.hits import Hit
from service.retrieval.index import Index
from service.retrieval.laws import KINDS, NAMED_LAWS
from service.retrieval.lending import Shelf
from service.retrieval.naming import find_named
from service.retrieval.ranking import KnownTerms, Scale, Standing, Weighed, rank, repeats, title_bits, weigh
from service.retrieval.retriever import DECISIONS, NO_FILTERS, Filters
from service.retrieval.router import law_term
from service.text import fold, found_from

DAY = date(2026, 1, 1)
PIECES = st.lists(
    st.sampled_from(
        [
            "pasal 5", "Pasal 1320", "ps. 378", "psl 4", "article 3", "artinya", "apa itu", "UU", "uu 8/1999", "KUHPerdata",
            "Undang-Undang", "Perlindungan Konsumen", "PP", "Peraturan Menteri", "Permisi", "POJK 13/2014", "tahun 2020", "nomor", "peraturan pemerintah", "Undang undang RI", "pasal seribu", "ayat dua", "ps tiga", "uud nri", "ayat (2)",
            "Perdata", "dan", "warisan", "\u0663", "Pasal \u0663", "\n", "\u00a0", "  ", "\u2003x", "No.", "Kitab", "putusan 112 K/Ag/2021", "PMK", "e\u0301",
            "ppp 3/2020 pasal 2", "xuu 8/1999 pasal 3", "uuu 4/2004", "45/Pdt.G/2020", "kuhperdata.", "pppasal 7", "no 13/pojk.05/2014", "12/pid.b-/2020",
        ]
    ),
    max_size=10,
).map(" ".join)  # fmt: skip
ANALYSER = Analyser()
SAID = sorted(
    {" ".join(phrase) for found in ANALYSER._related.values() for phrase, _ in found}
    | {
        "apa itu",
        "putusan",
        "syarat",
        "hakim",
        "uu 8/1999",
        "KUHP",
        "pasal 5",
        "data pribadi",
        "menurut",
        "xylofonqq",
        "12",
    }
)
"""What people say that laws say otherwise, and words of every other kind."""
NUMBERS = st.frozensets(st.integers(0, 30) | st.integers(0, 2**32 - 1), min_size=1, max_size=SKETCH_SIZE)
NEAR = st.frozensets(st.integers(0, 9), min_size=SKETCH_SIZE, max_size=SKETCH_SIZE)
"""Full sketches, any two of which are alike."""
FAR = st.frozensets(st.integers(0, 13) | st.integers(_BITS, _BITS + 13), min_size=SKETCH_SIZE, max_size=SKETCH_SIZE)
"""Full sketches that may share bits by other numbers."""


def document(at: int, kind: str = "statute", status: str = "berlaku") -> Document:
    """An entry."""
    text = f"Isi pasal {'sewa' if at % 3 else 'hibah'} tentang gugatan."
    first = Document("", "statute", "", "", None, None, None, None, "", None, "", DAY, "unverified", demo=False)
    return replace(first, id=f"d{at}", kind=kind, title=f"Judul {at}", text=text, status=status)


class Rows:
    """A stock in memory: a document and a sketch for each row."""

    def __init__(self, rows: Sequence[tuple[int, frozenset[int]]], documents: Sequence[Document]) -> None:
        self.rows = rows
        self.documents = documents

    def title_code(self, term: str) -> int:
        """The length of a term."""
        return len(term)

    def standing(self, row: int) -> Standing:
        """Titles of two codes, of which the second shares its bit with the first of another document."""
        number = self.rows[row][0]
        codes = (number % 4, number % 4 + 1 + ranking._TITLE_BITS)
        return Standing(number, codes, title_bits(codes), 1.5, self.documents[number].status == "dicabut")

    def sketch(self, row: int) -> Sketch:
        """The numbers of the row."""
        return Sketch.of(self.rows[row][1])

    def held(self, row: int) -> tuple[Document, Passage]:
        """The whole document."""
        found = self.documents[self.rows[row][0]]
        return found, Passage.whole(found)

    def repeats(self, rows: tuple[int, int]) -> bool:
        """Compared anew."""
        return repeats(self.held(rows[0]), self.held(rows[1]))


WEIGHED = Weighed(analysis.QueryTerms(("a", "bbb"), ()), {"a": 1.0, "bbb": 1.0})


def plainly_ranked(
    found: Sequence[tuple[float, int]], stock: Rows, filters: Filters, limit: int, each: int
) -> list[Hit]:
    """The same places by their definition, each passage looked at with all of its own."""
    lapsing = filters.in_force_on is None
    greatest = 2.2 * 2 * 2.0
    taken: list[tuple[float, int, int]] = []
    for score, row in found:
        number = stock.rows[row][0]
        if score > 0 and sum(known == number for _, _, known in taken) < each:
            taken.append((score, row, number))
    placed = []
    for score, row, number in taken:
        stands = stock.standing(row)
        repealed = stands.repealed
        common = sum(2.0 for code in stands.codes if code in (1, 3))
        titled = 1 - 0.4 + 0.4 * 2 * common / (4.0 + stands.weight) if common else 0.6
        place = -(score / greatest) * titled
        placed.append((place * 0.8 if repealed and lapsing else place, row, number, repealed))
    groups: list[list[tuple[float, int, int, bool]]] = []
    others: list[frozenset[int]] = []
    for one in sorted(placed):
        own = stock.rows[one[1]][1]
        if filters.kinds == ("decision",):
            same = None
        else:
            near = alike(own, frozenset().union(*others))
            same = next((at for at, other in enumerate(others) if near and alike(own, other)), None)
        if same is not None and groups[same][0][2] != one[2] and stock.repeats((one[1], groups[same][0][1])):
            # Sketches are compared with that of the first one in a group, texts with that of who leads it now.
            groups[same].append(one)
            groups[same].sort(key=lambda each_one: each_one[3] and lapsing)
        elif len(groups) < limit:
            groups.append([one])
            others.append(own)
        else:
            break
    strengths = [min(0.99, score / greatest) for score, _, _ in taken]
    return [
        Hit(
            stock.documents[group[0][2]],
            strength,
            Passage.whole(stock.documents[group[0][2]]),
            tuple(stock.documents[other[2]].id for other in group[1:]),
        )
        for group, strength in zip(groups, strengths, strict=False)
    ]


@given(
    st.data(),
    st.sampled_from([NO_FILTERS, DECISIONS, Filters(in_force_on=DAY)]),
    st.integers(1, 6),
    st.integers(1, 3),
)
def test_passages_are_ranked_as_by_the_definition_of_their_places(
    data: st.DataObject, filters: Filters, limit: int, each: int
) -> None:
    """Whatever is found, the fast order, scores and repetitions are those of the plain computation."""
    kind = "decision" if filters == DECISIONS else "statute"
    statuses = data.draw(st.lists(st.sampled_from(["berlaku", "dicabut"]), min_size=1, max_size=6))
    documents = [document(at, kind, status) for at, status in enumerate(statuses)]
    sketches = st.sampled_from(
        [frozenset(range(8)), frozenset(range(1, 9)), frozenset({0, 5}), frozenset(range(20, 28))]
    )
    rows = data.draw(
        st.lists(st.tuples(st.integers(0, len(documents) - 1), sketches | NUMBERS), min_size=1, max_size=12)
    )
    scores = sorted(data.draw(st.lists(st.floats(0, 12), min_size=len(rows), max_size=len(rows))), reverse=True)
    found = list(zip(scores, range(len(rows)), strict=True))
    stock = Rows(rows, documents)
    scale = Scale(WEIGHED, stock.title_code, lambda _: 2.0)
    hits = rank(found, scale, stock, filters=filters, limit=limit, passages_per_document=each)
    assert list(hits) == plainly_ranked(found, stock, filters, limit, each)


@given(st.lists(st.tuples(st.floats(0, 12), st.integers(0, 5)), min_size=1, max_size=12), st.data())
def test_what_one_search_measured_holds_for_the_next_one(
    passages: list[tuple[float, int]], data: st.DataObject
) -> None:
    """Searches that share a scale rank what they found as each of them would alone, also where they found only a part."""
    documents = [document(at, status="dicabut" if at % 2 else "berlaku") for at in range(6)]
    stock = Rows([(number, frozenset({at})) for at, (_, number) in enumerate(passages)], documents)
    scores = sorted((score for score, _ in passages), reverse=True)
    found = list(zip(scores, range(len(passages)), strict=True))
    shared = Scale(WEIGHED, stock.title_code, lambda _: 2.0)
    for filters in (NO_FILTERS, NO_FILTERS, Filters(in_force_on=DAY), DECISIONS):
        part = [one for one in found if data.draw(st.booleans())]
        limit, each = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
        hits = rank(part, shared, stock, filters=filters, limit=limit, passages_per_document=each)
        assert list(hits) == plainly_ranked(part, stock, filters, limit, each)


@given(st.frozensets(st.integers(-1, 2**32 - 1), max_size=12), st.frozensets(st.integers(-1, 2**32 - 1), max_size=12))
def test_titles_without_a_bit_of_the_question_have_no_term_of_it(one: frozenset[int], other: frozenset[int]) -> None:
    """The bits of two sets of codes meet wherever the codes do."""
    if not title_bits(one) & title_bits(other):
        assert one.isdisjoint(other)


@given(st.lists(NUMBERS | NEAR | FAR, max_size=8), NUMBERS | NEAR | FAR)
def test_bits_rule_out_only_sketches_that_are_like_none(known: list[frozenset[int]], own: frozenset[int]) -> None:
    """The first sketch that is alike is the same with and without the look at the bits."""
    sketches = Sketches()
    for one in known:
        sketches.add(Sketch.of(one))
    near = alike(own, frozenset().union(*known))
    assert sketches.first_alike(Sketch.of(own)) == next(
        (at for at, other in enumerate(known) if near and alike(own, other)), None
    )


@given(st.lists(st.sampled_from(["statute", "guide", "decision"]), min_size=1, max_size=9), st.integers(1, 4))
def test_the_first_passages_of_a_kind_are_picked_and_no_more(kinds: list[str], most: int) -> None:
    """Of what was found the passages of the wanted kinds stay in their order, so many at most."""
    columns = Index.of([document(at, kind) for at, kind in enumerate(kinds)], ANALYSER, lambda: 0.0)._columns
    found = [(1.0, row) for row in reversed(range(len(kinds)))]
    plainly = [one for one in found if kinds[one[1]] != "guide"]
    assert columns.of_kinds(found, ("statute", "decision"), most) == plainly[:most]


@given(PIECES)
def test_citations_are_not_looked_for_only_where_none_can_be(text: str) -> None:
    """A text that the quick look lets pass by holds no citation, no article and no law named by its topic."""
    read = plain(text)
    if not find_citations(text):
        assert not (citing._may_name_a_law(read) and citing._CITATION.search(read))
    assert bool(find_articles(text)) == bool(citing._ANY_ARTICLE.search(read))
    for begin, pattern in (
        (citing._CITATIONS_BEGIN, citing._CITATION),
        (citing._LAWS_BEGIN, citing._ANY_LAW),
        (citing._ARTICLES_BEGIN, citing._ANY_ARTICLE),
    ):
        found = [one.span() for one in found_from(begin, pattern, read)]
        assert found == [one.span() for one in pattern.finditer(read)]
    folded = fold(text)
    assert citing._DECISION_ENDS.search(folded) or not citing._DECISION.search(citing._single_spaced(folded))
    if not naming._may_name(text):
        assert naming._NAMED.search(text) is None
        assert not find_named(text)


def test_every_law_with_a_name_of_its_own_shows_a_piece_of_it() -> None:
    """No well-known name is passed over by the look for the pieces of first words."""
    for name in NAMED_LAWS:
        assert citing._may_name_a_law(plain(f"menurut {name.upper()}, bagaimana")), name


@given(st.lists(st.sampled_from(SAID), max_size=8).map(" ".join))
def test_of_phrases_in_one_another_the_longest_is_meant(text: str) -> None:
    """What laws write for a text is that of the phrases which lie in no longer one."""
    tokens = analysis.words(text)
    read = [ANALYSER._words[word] for word in tokens]
    stems = [ANALYSER.stem(word) for word in tokens]
    spans = [
        (at, at + len(phrase), written)
        for at, word in enumerate(read)
        for phrase, written in word[4]
        if tuple(stems[at : at + len(phrase)]) == phrase
    ]
    inside = {
        one[:2]
        for one in spans
        for other in spans
        if one[:2] != other[:2] and other[0] <= one[0] and one[1] <= other[1]
    }
    plainly = dict.fromkeys(term for first, last, written in spans if (first, last) not in inside for term in written)
    assert analysis._meant(read) == list(plainly)


@given(st.lists(st.sampled_from(SAID), max_size=8).map(" ".join))
def test_a_term_counts_for_the_last_of_what_it_is(text: str) -> None:
    """Weights come in the order of related, named, sources, sides, defined and topic, and the later ones decide."""

    def held(term: str) -> int:
        return len(term) % 4

    weighed = weigh(text, ANALYSER, held)
    query = weighed.query
    known = [term for keys in citing.find_laws(text) for key in keys if held(term := law_term(key))]
    topic = known if known and not set(query.topic) - ranking.SOURCE_WORDS else query.topic
    plainly = (
        dict.fromkeys(filter(held, query.related), 0.7) | dict.fromkeys(known, 0.5) | dict.fromkeys(query.source, 0.2)
    )
    plainly |= (
        dict.fromkeys(query.side, 0.5) | dict.fromkeys(filter(held, query.defined), 3.0) | dict.fromkeys(topic, 1.0)
    )
    assert list(weighed.weights.items()) == list(plainly.items())


@given(st.text(max_size=30) | PIECES)
def test_one_spelling_has_single_spaces(text: str) -> None:
    """White space of any kind and length becomes one space, and what is single already stays."""
    assert citing._single_spaced(text) == re.sub(r"\s+", " ", text)


@given(PIECES)
def test_kinds_and_numbers_are_not_looked_for_only_where_none_are_written_out(text: str) -> None:
    """One spelling is that of all patterns, whether or not the quick looks let them run."""
    shortened = citing._KIND.sub(citing._short, re.sub(r"\s+", " ", fold(text)))
    assert plain(text) == numerals._SPELT.sub(
        lambda match: f"{match['mark']} {numerals.value_of(match['words'])}", shortened
    )


def test_every_kind_that_is_written_out_is_found_by_its_beginning() -> None:
    """Each kind, as people write it with and without hyphens, becomes its short form."""
    for kind, short in KINDS.items():
        for written in (kind, kind.replace("-", " "), kind.replace("-", ""), kind.upper()):
            assert plain(f"menurut {written} nomor 1") == f"menurut {short} nomor 1", written


@given(PIECES)
def test_words_of_content_are_those_of_the_whole_pattern(text: str) -> None:
    """A text without a digit is read by a simpler pattern, to the same words."""
    written = [word for word in analysis._WRITTEN_WORD.findall(text) if fold(word) not in analysis._NO_CONTENT]
    assert list(content_words(text)) == written


def test_questions_that_were_asked_between_leave_a_search_as_it_was() -> None:
    """A search that is no longer known is made anew with the same hits; a known one is not changed by others."""
    index = Index.of([document(at) for at in range(40)], Analyser(), lambda: 0.0)
    first = index.search("hibah")
    for at in range(20):
        index.search(f"judul {at} pasal", filters=DECISIONS if at % 2 else NO_FILTERS)
    assert index.search("hibah") == first
    assert first.hits


def test_a_search_that_was_let_go_is_made_anew() -> None:
    """Letting go forgets one text and no other, also one that was never searched for, and changes no hit."""
    index = Index.of([document(at) for at in range(40)], Analyser(), lambda: 0.0)
    first, other = index.search("hibah"), index.search("sewa")
    index.let_go("hibah")
    index.let_go("never searched for")
    assert list(index._latest) == ["sewa"]
    assert index.search("hibah") == first
    assert index.search("sewa") == other
    assert first.hits


def test_an_answer_leaves_no_search_behind() -> None:
    """When an answer was given, nothing of its searches is kept."""
    index = Index.of([document(at) for at in range(40)], Analyser(), lambda: 0.0)
    deployment = load_deployment(deployment_file("courtsight"))
    answerer = answerer_over(deployment, Shelf(EmbeddedRetriever(index), lambda: None), lambda: 0.0)
    told = asyncio.run(_told(answerer, Question("Apa isi pasal tentang hibah?", deployment.roles["judge"], ())))
    assert isinstance(told[-1], Answer)
    assert told[-1].tool_runs
    assert not index._latest


async def _told(answerer: Answerer, question: Question) -> list[Event]:
    async def unsaved(_answer: Answer) -> None:
        """Nothing is kept."""

    async with aclosing(answerer.answer(question, DAY, unsaved)) as events:
        return [event async for event in events]


def test_a_word_that_no_passage_holds_lowers_scores_and_changes_no_place() -> None:
    """What nobody holds is not searched for, and still counts for what a question could reach."""
    index = Index.of([document(at) for at in range(12)], Analyser(), lambda: 0.0)
    known = index.search("hibah").hits
    more = index.search("hibah xylofonqq").hits
    assert known
    assert [hit.document.id for hit in known] == [hit.document.id for hit in more]
    assert all(lower.score < higher.score for lower, higher in zip(more, known, strict=True))


@given(st.booleans())
def test_an_entry_and_its_only_passage_are_found_by_their_own_terms(passage_first: bool) -> None:
    """What is remembered of one is no answer about the other, whichever came first: they have the same text, and only the passage defines something."""
    entry = document(1)
    whole = Hit(entry, 1.0, Passage.whole(entry))
    passage = Hit(entry, 1.0, replace(Passage.whole(entry), defines=("hibah",)))
    known = KnownTerms(ANALYSER)
    for hit in (passage, whole) if passage_first else (whole, passage):
        known.of(hit)
    assert known.of(passage) - known.of(whole) == {definition_key("hibah")}
