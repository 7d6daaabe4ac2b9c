"""Indonesian analysis: what becomes a term, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.chat.lexicon import lexicon
from service.retrieval.analysis import Analyser, Parts, content_words
from service.retrieval.document import Passage
from service.text import fold, said, words

ANALYSER = Analyser()


@pytest.mark.parametrize(
    ("long_form", "abbreviation"),
    [
        ("kekerasan dalam rumah tangga", "KDRT"),
        ("perbuatan melawan hukum", "PMH"),
        ("pemutusan hubungan kerja", "PHK"),
        ("kartu tanda penduduk", "KTP"),
        ("KTP-el", "KTP"),
        ("peninjauan kembali", "PK"),
        ("tindak pidana korupsi", "korupsi"),
        ("ingkar janji", "wanprestasi"),
    ],
)
def test_a_long_form_and_its_abbreviation_are_one_term(long_form: str, abbreviation: str) -> None:
    """A question finds a text whether either of them spells the concept out."""
    assert ANALYSER.query_terms(long_form) == ANALYSER.query_terms(abbreviation)


@pytest.mark.parametrize("word", ["perdata", "perkara", "cerai", "banding", "putusan", "pengadilan"])
def test_legal_words_keep_their_meaning(word: str) -> None:
    """Words that the stemmer would turn into another word stay what they are."""
    assert ANALYSER.document_terms(word) == [word]


def test_forms_of_a_word_share_a_stem() -> None:
    """Verb, noun and passive of a word become one term."""
    terms = {ANALYSER.query_terms(form).topic for form in ("membuktikan", "pembuktian", "terbukti", "bukti")}
    assert terms == {("bukti",)}


def test_divorce_words_share_a_term() -> None:
    """Divorce is found under its noun, its verb and its root."""
    assert {ANALYSER.query_terms(form).topic for form in ("perceraian", "bercerai", "cerai")} == {("cerai",)}


@pytest.mark.parametrize(
    ("forms", "term"),
    [
        ("menipu ditipu penipu penipuan tertipu", "tipu"),
        ("menahan ditahan penahanan", "tahan"),
        ("perkosaan diperkosa memperkosa", "perkosa"),
        ("hutang utang hutangnya", "utang"),
        ("gaji upah digaji", "upah"),
        ("hukuman hukumannya dihukum pidana", "pidana"),
        ("menelantarkan penelantaran telantar", "telantar"),
    ],
)
def test_families_that_the_stemmer_splits_are_one_term(forms: str, term: str) -> None:
    """What happened to somebody finds the name of the crime, and an everyday word the legal one."""
    assert {ANALYSER.query_terms(form).topic for form in forms.split()} == {(term,)}


def test_the_side_of_a_topic_is_no_topic() -> None:
    """A question for conditions is about what they are conditions of."""
    terms = ANALYSER.query_terms("Jelaskan syarat perceraian")
    assert terms.topic == ("cerai",)
    assert terms.side == ("syarat",)


def test_words_of_asking_are_no_topic() -> None:
    """What to do with a topic does not count as the topic."""
    assert ANALYSER.query_terms("Jelaskan dan bandingkan secara mendalam hukum perdata").topic == ("hukum", "perdata")


def test_a_clitic_does_not_make_a_word_of_asking_a_topic() -> None:
    """A possessive ending leaves the meaning of a word as it is."""
    assert ANALYSER.query_terms("apa isinya dan bagaimana prosesnya, minimalnya berapa, hukum perdata").topic == (
        "hukum",
        "perdata",
    )


def test_words_for_a_kind_of_source_are_kept_apart() -> None:
    """The word "putusan" steers towards decisions without counting as evidence."""
    terms = ANALYSER.query_terms("putusan mahkamah agung korupsi")
    assert terms.topic == ("korupsi",)
    assert set(terms.source) == {"putusan", "ma"}


def test_source_words_alone_become_the_topic() -> None:
    """A question that names nothing but a kind of source is searched by it."""
    assert ANALYSER.query_terms("putusan").topic == ("putusan",)


def test_numbers_are_left_to_router_and_period() -> None:
    """Bare numbers are no topic: articles and years are read elsewhere."""
    assert ANALYSER.query_terms("pasal 1320 tahun 2023").topic == ("pasal",)


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("pasal 19 huruf f PP perceraian", ("pp", "cerai")),
        ("Pasal 5 ayat (2) hrf. a", ("pasal", "ayat")),
        ("pasal 476 s.d. 479", ("pasal",)),
        ("undang2 perceraian", ("cerai",)),
        ("tiba2 dicerai", ("cerai",)),
        ("Pasal 1320 B.W.", ("kuhperdata",)),
        ("kemarin tgl 3 Februari saya dengar soal cerai, katanya boleh kan?", ("cerai",)),
        ("skrg mau cerai gmna y", ("cerai",)),
        ("tidak tahu SIM C", ("tahu", "sim", "c")),
        ("anak SD buta huruf", ("anak", "sd", "buta", "huruf")),
    ],
)
def test_what_a_question_says_by_the_way_is_no_topic(question: str, topic: tuple[str, ...]) -> None:
    """Letters of an article, what leads from one article to another, months, hearsay and words written with a 2 name nothing that a source must hold."""
    assert ANALYSER.query_terms(question).topic == topic


def test_numbers_choose_among_passages() -> None:
    """A number of two digits or more is looked for at less weight, and is no evidence."""
    query = ANALYSER.query_terms("penerbangan GA - 181 pada 7 Mei")
    assert query.related == ("181",)
    assert Analyser(parts=Parts(spellings=False)).query_terms("penerbangan GA - 181").related == ()


def test_of_phrases_in_one_another_the_longest_is_meant() -> None:
    """What "karyawan" alone may mean is not looked for beside what "karyawan kontrak" means."""
    assert "buruh" in ANALYSER.query_terms("karyawan").related
    assert "buruh" not in ANALYSER.query_terms("karyawan kontrak").related


def test_content_words_stay_as_written() -> None:
    """The words carried into a follow-up read like the question they came from."""
    assert content_words("Jelaskan tentang hukum perdata Indonesia") == ("hukum", "perdata")


@given(st.text(max_size=300))
def test_any_text_can_be_analysed(text: str) -> None:
    """No text makes the analysis fail, and every term is a plain lower-case word."""
    terms = ANALYSER.query_terms(text)
    for term in (*terms.topic, *terms.source, *ANALYSER.document_terms(text)):
        assert words(term) == [term]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_analysis_does_not_depend_on_what_came_before(text: str) -> None:
    """A full and an empty stem cache give the same terms."""
    assert Analyser(cache_size=1).query_terms(text) == ANALYSER.query_terms(text)


@given(st.text(max_size=100))
def test_folding_twice_is_folding_once_in_words(text: str) -> None:
    """Folding is stable as far as words are concerned."""
    assert words(fold(text)) == words(text)


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=8),
    st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3),
)
def test_a_phrase_is_found_exactly_where_its_words_stand_together(text: list[str], phrase: list[str]) -> None:
    """Finding a phrase agrees with looking for it in the spelled-out text."""
    assert lexicon([" ".join(phrase)]).shows(said(" ".join(text))) == (f" {' '.join(phrase)} " in f" {' '.join(text)} ")


def test_a_question_for_a_meaning_carries_the_key_of_the_definition() -> None:
    """What a passage defines and what a question asks the meaning of meet under one term."""
    passage = Passage("d", 0, None, "1", "1. Data Pribadi adalah data.", defines=("Data Pribadi",))
    (key,) = ANALYSER.query_terms("Apa yang dimaksud dengan data pribadi?").defined
    assert key in ANALYSER.passage_terms(passage)
    assert ANALYSER.query_terms("Siapa mengawasi data pribadi?").defined == ()


def test_a_passage_is_found_by_its_context() -> None:
    """What a passage is about and does not say is among its terms, and not among those of its text."""
    passage = Passage("d", 0, "2", None, "Dendanya seribu rupiah.", context="Peminjam buku")
    assert "buku" in ANALYSER.passage_terms(passage)
    assert "buku" not in ANALYSER.document_terms(passage.text)


def test_parts_of_the_analysis_can_be_left_out() -> None:
    """Each part does one thing, and without all of them a text is its folded words."""
    text = "Tentang penipuan dan KDRT"
    assert Analyser(parts=Parts(stop_words=False, stemming=False, concepts=False)).document_terms(text) == words(text)
    assert Analyser(parts=Parts(stop_words=False)).document_terms("dan itu") == ["dan", "itu"]
    assert Analyser(parts=Parts(stemming=False)).document_terms("pembuktian") == ["pembuktian"]
    assert Analyser(parts=Parts(concepts=False)).query_terms("kekerasan dalam rumah tangga").topic != ("kdrt",)
    assert Analyser(parts=Parts(definitions=False)).query_terms("Apa itu KDRT?").defined == ()


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Suami selingkuh", "persetubuhan"),
        ("Saya di-PHK, bos telat bayar gaji", "keterlambatan"),
        ("nyetir sambil main hp", "konsentrasi"),
        ("Menerobos lampu merah", "isyarat"),
        ("resign dari kantor", "mengundurkan"),
        ("kumpul kebo", "perkawinan"),
        ("Tetangga memukuli saya", "penganiayaan"),
        ("motornya digadaikan", "penggelapan"),
    ],
)
def test_what_lay_people_say_leads_to_what_laws_write(said: str, written: str) -> None:
    """The words of a law are looked for beside those of the question, and are not its topic: they are no evidence."""
    query = ANALYSER.query_terms(said)
    (term,) = ANALYSER.document_terms(written)
    assert term in query.related
    assert term not in query.topic
    assert Analyser(parts=Parts(related=False)).query_terms(said).related == ()


@pytest.mark.parametrize("said", ["hukum perdata", "syarat sah perjanjian", "banding", ""])
def test_legal_words_lead_nowhere_else(said: str) -> None:
    """Who speaks as laws do is looked up by those words alone."""
    assert ANALYSER.query_terms(said).related == ()


@pytest.mark.parametrize(
    ("abbreviation", "long_form"),
    [
        ("THR", "tunjangan hari raya"),
        ("UMR", "upah minimum"),
        ("pinjol", "pinjaman online"),
        ("PNS", "pegawai negeri sipil"),
    ],
)
def test_more_abbreviations_are_their_long_forms(abbreviation: str, long_form: str) -> None:
    """People abbreviate what laws spell out."""
    assert ANALYSER.query_terms(abbreviation).topic == ANALYSER.query_terms(long_form).topic


@pytest.mark.parametrize(
    "question", ["Berapakah denda pencurian?", "Berapa dendanya, apakah pencurian?", "Manakah denda pencurian?"]
)
def test_particles_of_questions_are_no_topic(question: str) -> None:
    """A question word asks the same with its particle."""
    assert set(ANALYSER.query_terms(question).topic) == {"denda", "curi"}
