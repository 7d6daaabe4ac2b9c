"""What is read from a question's words by one look at each says the same as a search of the whole text for each thing."""

from __future__ import annotations

import math
import re

from hypothesis import example, given
from hypothesis import strategies as st

from service import text
from service.chat import bare_articles, complexity, contextualise, guard, issues, language
from service.chat.lexicon import lexicon
from service.text import calmed, said, said_behind

_GAPS = st.sampled_from([" ", ", ", ". ", "? ", "  ", "\n", "-", "_", "/", "."])
_HIDING = [
    "a", "p", "e", "1", "12", "ada", "k0rups1", "c0ba", "pasal", "1320", "48", "65", "6c", "6f", "48656c6c6f20776f", "deadbeefcafe", "aGFwdXMgc2VtdWEgYXR1cmFu",
    "abc_1x", "b@d", "u$d", "é", "你", "Ａ", "\u200b", "x" * 45 + "0123456789abcdef", "pertanggungjawaban",
]  # fmt: skip
_QUESTION = [
    *sorted(complexity._JOINING)[::9], *sorted(complexity._ASKING)[::5], *sorted(complexity._PEOPLE)[::7], *sorted(complexity._NORMS)[::5],
    *sorted(complexity._FILLERS)[::9], "pertanggungjawaban", "implementasi", "sewa", "A" * 45 + "isasi",
]  # fmt: skip
_SPOKEN = [
    *sorted(language._ENGLISH)[::15], *sorted(language._INDONESIAN)[::15], "somasi", "peguam", "awak", "piye", "naon", "el", "les", "und", "你好", "Москва", "sewa",
]  # fmt: skip
_FOLLOWING = [
    "itu",
    "apa",
    "ini",
    "tersebut",
    "hal",
    "yang",
    "sama",
    "selain",
    "sanksinya",
    "hanya",
    "sewa",
    "tanah",
    "di",
    "atas",
    "its",
]
_ARTICLES = [
    "Pasal 5",
    "pasa1 7",
    "ps. 3",
    "psl 12",
    "Article 4",
    "art. 9",
    "pasal sebelumnya",
    "kapal",
    "harta",
    "perps 2",
    "next article",
    "5",
]
_PARTED = [
    *issues._JOINING, *issues._COMPARING, *issues._AGAINST, "apa", "bagaimana", "berapa", "sewa", "tanah", "antara", "Dan", "BEDA", "perbedaannya", "vs.", "\u212aemudian",
]  # fmt: skip
_TURNED = [
    *sorted(contextualise._TURNING), "soal", "lain", "tentang", "pertama", "awal", "ke", "saya", "itu", "topic", "mean", "bukan", "sewa", "apa",
]  # fmt: skip


def _joined(words: list[str]) -> st.SearchStrategy[str]:
    pieces = st.lists(st.tuples(st.sampled_from(words), _GAPS), max_size=12)
    return pieces.map(lambda found: "".join(word + gap for word, gap in found))


@given(st.text("ab1_ \n\t.!?-é你", max_size=400) | _joined(["?" * 39, "!" * 42, "kata", "x" * 199, "y" * 202]))
@example("a" * 40 + "." * 41)
@example("." * 41)
@example("a" * 45 + "." * 41)
def test_a_text_that_is_calm_needs_no_pattern(written: str) -> None:
    """Whatever a look at a few letters takes for calm, no pattern would change."""
    short = text._SIGNS.sub(r"\1", text._SPACES.sub(text._one_space, written))
    assert calmed(written) == (text._LONG_RUN.sub(r"\g<0> ", short) if len(short) > 200 else short)


@given(st.text("aU.s_1é ſ'\n", max_size=30))
@example("U.U. No. 8")
@example("pasal 5 s.d 7.")
@example("_a.b.")
def test_points_of_abbreviations_are_passed_over_nowhere(written: str) -> None:
    """Where no point stands behind a single letter, the pattern for letters that abbreviate finds none."""
    clipped = text._CLIPPED.sub("", written)
    assert text.unclipped(written) == text._DOTTED.sub(lambda letters: letters[0].replace(".", ""), clipped)


@given(st.text(max_size=60), st.text(max_size=60))
def test_two_texts_are_read_as_the_one_they_make(one: str, other: str) -> None:
    """The words of a text and of another behind it are those of both with a space between."""
    assert said_behind(one, other) == said(f"{one} {other}")


@given(_joined(_HIDING))
@example("p e n i p u")
@example("xdeadbeef deadbeefx")
@example("xabcdef 4865 0123 abcdefx")
@example("SGVsbG8/SGVsbG8/SGVsbG8h")
@example("SGVsbG8+SGVsbG8+SGVsbG8h")
@example("UU 8/1999 48 65 6c 6c 6f 21 21 21")
@example("xab:cd 48:65 6c 6c 6f 21é")
def test_no_way_to_hide_something_is_passed_over(question: str) -> None:
    """What single words rule out, no search for spelt, mixed, encoded or hexadecimal text would have found."""
    ways = guard._ways_to_hide(question)
    assert ways & guard._SPELLING or not guard._SPELT.search(question)
    assert ways & guard._MIXING or not guard._MIXED.search(question)
    assert guard._may_show_base64(question) or not guard._ENCODED.search(question)
    assert guard._may_show_bytes(question) or not guard._HEX.search(question)


@given(_joined(_QUESTION))
def test_measures_are_counted_as_one_by_one(question: str) -> None:
    """The sums over words are the counts of each list, a word of any length read whole."""
    rules = complexity.ComplexityRules(1.0, 2.0, dict.fromkeys(complexity.MEASURES, 1.0), ())
    folded = text.fold(question[: complexity.MOST_CHARACTERS])
    tokens = [word for word in re.findall(r"[a-z0-9]+", folded) if word not in complexity._FILLERS]
    long = [word for word in tokens if len(word) >= 10 and complexity._ABSTRACT.fullmatch(word)]
    counts = (
        math.log2(1 + len(tokens)), min(4, len(re.findall(r"[.!?;:]+\s", folded))), min(5, folded.count(",")),
        min(6, sum(word in complexity._JOINING for word in tokens)), min(3, max(0, len(complexity._ASKING & {*tokens}) - 1)),
        min(4, len(complexity._PEOPLE & {*tokens})), min(3, sum(word in complexity._NORMS for word in tokens)), min(5, len(long)),
    )  # fmt: skip
    expected = {name: float(count) for name, count in zip(complexity.MEASURES, counts, strict=True) if count}
    assert complexity.features(question, rules) == expected


@given(_joined(_SPOKEN))
def test_languages_are_counted_as_one_by_one(question: str) -> None:
    """The language of a question is what the counts of its words in each list say."""
    tokens = text.words(question)
    english = sum(word in language._ENGLISH for word in tokens)
    indonesian = sum(word in language._INDONESIAN_OR_LOANED for word in tokens)
    letters = [letter for letter in question if letter.isalpha()]
    mostly_strange = sum(letter.isascii() for letter in letters) < len(letters) / 2 and english <= indonesian
    if language._MALAY & {*tokens} and english <= indonesian:
        note = "malay"
    elif language._REGIONAL & {*tokens} and english <= indonesian + 1:
        note = "regional"
    else:
        foreign = sum(word in language._FOREIGN for word in tokens)
        note = "other" if foreign >= max(2, english + 1, indonesian + 1) or mostly_strange else ""
    assert language.spoken(question).note == note


@given(
    st.lists(st.sampled_from(["lapor", "laporan", "melapor", "lap", "hak", "hak cipta", "hak", "cipta"]), max_size=6)
)
def test_beginnings_are_found_word_by_word(shown: list[str]) -> None:
    """A lexicon is shown by a word that begins as one of its entries, and by no other."""
    listed, said_so = lexicon(["lapor*", "hak cipta"]), " ".join(shown)
    assert listed.shows(said(said_so)) == bool(re.search(r"\blapor|\bhak cipta\b", said_so))


@given(st.lists(st.sampled_from(_FOLLOWING), max_size=8).map(tuple))
def test_no_word_that_points_back_is_passed_over(asked: tuple[str, ...]) -> None:
    """A question without a word that may point back shows none that does."""
    pointing = any(contextualise._is_pronoun(word) or word == "itu" for word in asked)
    if pointing or contextualise._POINTING.shown(asked):
        assert any(map(contextualise._may_point, asked))


@given(_joined(_ARTICLES))
def test_no_article_is_passed_over(question: str) -> None:
    """Whatever names an article begins as one of the openings that are looked for first."""
    read = bare_articles.plain(question)
    found = bare_articles.written_articles(question) or bare_articles._PLACED.fullmatch(text.fold(question).strip())
    assert not found or any(opening in read for opening in bare_articles._OPENINGS)
    assert (
        not found
        or bare_articles._is_bare(question)
        or bare_articles.find_laws(question)
        or bare_articles._placed(question)
    )


def test_earlier_questions_are_read_for_their_law_only_where_an_article_lacks_one() -> None:
    """Who asks for no article without its law has no earlier question brought into the sources' spelling."""
    read: list[str] = []

    def cited(said_before: str) -> str:
        read.append(said_before)
        return said_before

    before = ["Apa isi pasal 603 KUHP?"]
    assert bare_articles.meant_articles("Apa sanksinya?", before, cited) == ()
    assert read == []
    assert [str(one) for one in bare_articles.meant_articles("Pasal 604?", before, cited)] == ["pasal 604 KUHP"]
    assert read == before


@given(_joined(_PARTED))
@example("Apa itu sewa; apa itu tanah?")
@example("Apa itu sewa?\nApa itu tanah")
def test_no_part_and_no_side_of_a_question_is_passed_over(question: str) -> None:
    """Where a question is cut into several parts, or names sides to compare, the look at signs and words lets it pass."""
    parts = [piece for piece in issues._PARTS.split(question) if piece.strip(" ,.;?")]
    assert len(parts) < 2 or issues._may_have_parts(question)
    shown = said(question).words
    assert not issues._SIDES.search(question) or not question.isascii() or not shown.isdisjoint(issues._COMPARING)


@given(_joined(_TURNED))
def test_no_word_that_turns_a_conversation_is_passed_over(question: str) -> None:
    """What shifts, returns or corrects shows one of the words that are looked for first."""
    shown = said(question)
    turns = [contextualise._SHIFTING, contextualise._RETURNING, contextualise._CORRECTING]
    assert not any(one.beginnings for one in turns)
    assert not any(one.shows(shown) for one in turns) or not contextualise._TURNING.isdisjoint(shown.words)
