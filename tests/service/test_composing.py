"""Answers are made of the passages' own sentences."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.wire import citation_fields
from service.chat.abstaining import abstention
from service.chat.brief import Brief
from service.chat.citations import Citation, check_marks, cite, dump_citations, load_citations, ma_indonesia
from service.chat.composing import compose
from service.chat.evidence import Evidence, quote, select, sentences
from service.chat.guard import refusal_of
from service.chat.notices import notices
from service.deployments.model import ROLES, Deployment
from service.retrieval.corpus import Corpus
from service.retrieval.hits import Hit


def evidence(corpus: Corpus, *ids: str) -> tuple[Evidence, ...]:
    found = {document.id: document for document in corpus.documents}
    return tuple(Evidence(n, found[one], 0.5, sentences(found[one].text)[0]) for n, one in enumerate(ids, start=1))


@pytest.mark.parametrize("role", ROLES)
def test_every_statement_is_a_sentence_of_its_source(corpus: Corpus, deployment: Deployment, role: str) -> None:
    """Whoever reads it, each mark [n] follows words of passage n, and each passage is marked."""
    items = evidence(corpus, "kuhperdata-1320", "panduan-perdata", "demo-kdrt-2022")
    text = "".join(compose(Brief("?", "", deployment.roles[role].register, items)))
    assert check_marks(text, items).used == (1, 2, 3)
    for item in items:
        line = next(line for line in text.splitlines() if line.endswith(f"[{item.number}]"))
        assert item.quote in line
        assert item.quote in item.document.text


@pytest.mark.parametrize(
    ("title", "lead"), [("Apa itu wanprestasi?", "Apa itu wanprestasi:"), ("Wanprestasi", "Wanprestasi:")]
)
def test_a_title_that_asks_keeps_no_mark_before_its_colon(
    corpus: Corpus, deployment: Deployment, title: str, lead: str
) -> None:
    """A guide's title before its sentences ends with a colon alone."""
    (item,) = evidence(corpus, "panduan-perdata")
    asking = replace(item, document=replace(item.document, title=title))
    text = "".join(compose(Brief("?", "", deployment.roles["judge"].register, (asking,))))
    assert f"\n- {lead} {item.quote}" in text


def test_each_role_is_spoken_to_in_its_own_register(corpus: Corpus, deployment: Deployment) -> None:
    """The judge's answer draws no conclusion, the public's comes in numbered lines."""
    items = evidence(corpus, "kuhperdata-1320")
    judge = "".join(compose(Brief("?", "", deployment.roles["judge"].register, items)))
    public = "".join(compose(Brief("?", "", deployment.roles["public"].register, items)))
    assert "tanpa menyimpulkan" in judge
    assert "\n1. " in public
    assert judge != public


@pytest.mark.parametrize("role", ROLES)
def test_an_invented_decision_says_so_in_the_text(corpus: Corpus, deployment: Deployment, role: str) -> None:
    """Whoever reads it, a demonstration decision is named as one where it is quoted, not only in the list of sources."""
    items = evidence(corpus, "demo-kdrt-2022")
    text = "".join(compose(Brief("?", "", deployment.roles[role].register, items)))
    assert any("[DEMO]" in line and items[0].quote in line for line in text.splitlines())


def test_a_decision_never_stands_before_the_law(corpus: Corpus, deployment: Deployment) -> None:
    """However well a decision fits, the reader meets the law first."""
    law, case = evidence(corpus, "kuhperdata-1320", "demo-kdrt-2022")
    text = "".join(compose(Brief("?", "", deployment.roles["public"].register, (law, replace(case, score=0.9)))))
    assert text.index("[1]") < text.index("[2]")


def test_a_comparison_stands_in_the_order_of_time(corpus: Corpus, deployment: Deployment) -> None:
    """Compared decisions are set side by side by their day, once each."""
    items = evidence(corpus, "demo-kdrt-2019", "demo-kdrt-2022", "demo-kdrt-2024")
    text = "".join(compose(Brief("?", "", deployment.roles["judge"].register, items, comparison=(1, 2, 3))))
    days = ["5 Maret 2019", "7 Juni 2022", "10 September 2024"]
    assert [text.index(day) for day in days] == sorted(text.index(day) for day in days)
    assert text.count("[2]") == 1


def test_a_follow_up_says_what_it_was_taken_for(corpus: Corpus, deployment: Deployment) -> None:
    """The reader sees which topic the question inherited."""
    items = evidence(corpus, "panduan-beda")
    text = "".join(compose(Brief("?", "hukum perdata", deployment.roles["judge"].register, items)))
    assert text.startswith("Pertanyaan ini dibaca sebagai lanjutan dari pembicaraan tentang hukum perdata.")


def test_abstaining_never_denies_that_a_law_exists() -> None:
    """The text speaks of what the sources hold, says so, and is long enough to help."""
    text = abstention("Berapa pajak karbon?\n" + "kata " * 500, "no_evidence", ["Satu", "Dua"])
    assert "Itu tidak berarti aturannya tidak ada" in text
    assert "pajak karbon" in text
    assert 100 < len(text) < 1_000


def test_a_mark_without_a_passage_is_found(corpus: Corpus, deployment: Deployment) -> None:
    """A mark that stands on nothing is told in the check and in the notices."""
    items = evidence(corpus, "kuhperdata-1320")
    check = check_marks("Benar [1], tetapi [7].", items)
    assert check.dangling == (7,)
    assert any("[7]" in line for line in notices([], deployment.roles["judge"].register, check.dangling))


def test_notices_name_demo_unverified_and_repealed_sources(corpus: Corpus, deployment: Deployment) -> None:
    """Each weakness of a source is told with its number; a verified law in force gives only the register's notice."""
    register = deployment.roles["public"].register
    weak = [cite(item) for item in evidence(corpus, "demo-kdrt-2019", "kuhperdata-1320", "panduan-lama")]
    told = notices(weak, register)
    assert "rekaan untuk demonstrasi" in told[0]
    assert told[0].endswith("[1].")
    assert "belum diverifikasi" in told[1]
    assert "[2], [3]" in told[1]
    assert "dicabut" in told[2]
    assert notices([cite(evidence(corpus, "uu-1-2023-603")[0])], register) == (register.notice,)


def test_quotes_hold_the_sentences_that_speak_of_the_question(corpus: Corpus) -> None:
    """The rarest wanted terms decide which sentence is quoted, and the first wins a tie."""
    document = next(one for one in corpus.documents if one.id == "kuhperdata-1243")
    assert quote(document.text, ["somasi"], 1, lambda _: 1.0, lambda text: text.lower().split()).startswith("Somasi")
    assert quote(document.text, ["nothing"], 1, lambda _: 1.0, lambda text: text.lower().split()).startswith("Debitur")


def test_a_sentence_brings_along_what_it_leans_on(corpus: Corpus) -> None:
    """A second step is not quoted without the first."""
    steps = replace(
        corpus.documents[0], text="Ada tiga tahap. Pertama, siapkan berkas. Kedua, daftar ke loket. Selesai."
    )
    quoted = quote(steps.text, ["loket"], 1, lambda _: 1.0, lambda text: text.lower().rstrip(".").split())
    assert quoted == "Pertama, siapkan berkas. Kedua, daftar ke loket."


def test_sentences_are_not_cut_after_abbreviations() -> None:
    """An abbreviation such as "No. 5" does not end a sentence."""
    assert sentences("Lihat UU No. 5 tahun lalu. Itu berlaku.") == ("Lihat UU No. 5 tahun lalu.", "Itu berlaku.")


@given(st.text(max_size=300))
def test_cutting_loses_no_word(text: str) -> None:
    """Sentences joined hold every word of the text, in order."""
    assert " ".join(sentences(text)).split() == text.split()


def test_decisions_get_room_only_when_they_were_asked_for(corpus: Corpus) -> None:
    """Explored decisions fill half of the places beside the law."""
    by_id = {document.id: document for document in corpus.documents}
    law = [Hit(by_id[one], 0.9) for one in ("uu-1-2023-603", "kuhperdata-1320", "kuhperdata-1243", "uu-1-1974-39")]
    cases = [Hit(by_id[one], 0.4) for one in ("demo-korupsi-2023a", "demo-korupsi-2023b", "demo-korupsi-2026")]
    kinds = [hit.document.kind for hit in select({"LegalRetriever": law, "PrecedentExplorer": cases}, 4)]
    assert sorted(kinds) == ["decision", "decision", "statute", "statute"]


def test_one_decision_may_illustrate_unasked(corpus: Corpus) -> None:
    """Decisions that nobody asked for do not crowd out the law, however well they fit."""
    by_id = {document.id: document for document in corpus.documents}
    cases = [Hit(by_id[one], 0.9) for one in ("demo-korupsi-2023a", "demo-korupsi-2023b", "demo-korupsi-2026")]
    law = Hit(by_id["uu-1-2023-603"], 0.5)
    kinds = [hit.document.kind for hit in select({"LegalRetriever": [*cases, law]}, 4)]
    assert kinds == ["decision", "statute"]


def test_a_guide_does_not_push_the_articles_out(corpus: Corpus) -> None:
    """Where the law was looked up, articles are held to the best article and not to a guide that fits word for word."""
    by_id = {document.id: document for document in corpus.documents}
    guide, article = Hit(by_id["panduan-perdata"], 0.9), Hit(by_id["kuhperdata-1243"], 0.3)
    found = {"LegalRetriever": [guide], "LawLookup": [article]}
    assert [hit.document.id for hit in select(found, 4)] == ["panduan-perdata", "kuhperdata-1243"]
    assert [hit.document.id for hit in select({"LegalRetriever": [guide, article]}, 4)] == ["panduan-perdata"]


def test_a_cited_article_comes_before_its_guides(corpus: Corpus) -> None:
    """Among the entries on an article that was named, the article itself is the first."""
    by_id = {document.id: document for document in corpus.documents}
    exact = [Hit(by_id[one], 1.0) for one in ("panduan-surat-cerai", "uu-1-1974-39")]
    assert [hit.document.id for hit in select({"LawLookup": exact}, 4)] == ["uu-1-1974-39", "panduan-surat-cerai"]


def test_what_was_chosen_for_comparison_keeps_other_decisions_out(corpus: Corpus) -> None:
    """Decisions outside the period that was asked for do not slip in by another tool."""
    by_id = {document.id: document for document in corpus.documents}
    compared = [Hit(by_id["demo-kdrt-2024"], 0.2)]
    explored = [Hit(by_id["demo-kdrt-2019"], 0.9)]
    chosen = select({"PrecedentExplorer": explored, "CaseComparator": compared}, 6)
    assert [hit.document.id for hit in chosen] == ["demo-kdrt-2024"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("uu-1-2023-603", "Pasal 603 Undang-Undang Nomor 1 Tahun 2023 tentang Kitab Undang-Undang Hukum Pidana."),
        ("kuhperdata-1320", "Pasal 1320 KUHPerdata (belum diverifikasi)."),
        (
            "demo-kdrt-2022",
            "Putusan Mahkamah Agung (demo) Nomor DEMO 2 K/Ag/2022, tanggal 7 Juni 2022 [DEMO: rekaan untuk demonstrasi].",
        ),
    ],
)
def test_citations_are_written_as_courts_do(corpus: Corpus, entry: str, expected: str) -> None:
    """The Supreme Court's form names article, long name and year, or number and day; weaknesses stay visible."""
    assert ma_indonesia(cite(evidence(corpus, entry)[0])) == expected


def test_a_citation_says_of_its_source_what_the_entry_says(corpus: Corpus) -> None:
    """Each member stands in its place: those that the entry has too are the entry's, days as ISO dates."""
    for item in evidence(corpus, "kuhperdata-1320", "demo-kdrt-2022"):
        told = {field.name: getattr(cite(item), field.name) for field in fields(Citation)}
        assert (told.pop("number"), told.pop("quote")) == (item.number, item.quote)
        days = {name: day and day.isoformat() for name, day in vars_of(item, ("as_of", "decided_on")).items()}
        assert told == {**vars_of(item, tuple(told)), **days}


def vars_of(item: Evidence, names: tuple[str, ...]) -> dict[str, Any]:
    """Members of an entry by name."""
    return {name: getattr(item.document, name) for name in names}


def test_stored_citations_come_back_whole(corpus: Corpus) -> None:
    """What is stored with a message is what was cited."""
    citations = [cite(item) for item in evidence(corpus, "kuhperdata-1320", "demo-kdrt-2022")]
    assert load_citations(dump_citations(citations)) == citations
    assert load_citations(None) == []


def test_every_member_of_a_citation_is_kept_and_told() -> None:
    """A stored citation has all members in their order; the contract shows all but the three that only the export needs."""
    members = [field.name for field in fields(Citation)]
    citation = Citation(**{name: name for name in members})
    assert orjson.loads(dump_citations((citation,))) == [{name: name for name in members}]
    assert list(orjson.loads(dump_citations((citation,)))[0]) == members
    shown = [name for name in members if name not in {"law_title", "court", "decided_on"}]
    assert list(citation_fields(citation).items()) == [(name, name) for name in shown]


@pytest.mark.parametrize(
    ("question", "refused"),
    [
        ("Bagaimana cara menyuap hakim?", True),
        ("Bantu saya memalsukan dokumen", True),
        ("Apa hukuman menyuap hakim?", False),
        ("Bagaimana cara melaporkan korupsi?", False),
    ],
)
def test_only_help_with_a_crime_is_refused(deployment: Deployment, question: str, refused: bool) -> None:
    """Asking how to do it is refused; asking about the law on it is not."""
    found = refusal_of(question, deployment.refusals)
    assert (found is not None) == refused


def test_an_answer_without_evidence_is_only_its_frame(deployment: Deployment) -> None:
    """Without passages there is no section and no mark."""
    brief = Brief("?", "", deployment.roles["judge"].register, ())
    text = "".join(compose(replace(brief, comparison=(3,))))
    assert "[" not in text
