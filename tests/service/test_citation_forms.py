"""Citations in the forms that reference managers read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.api.shapes import pieces_of, sources_of
from service.chat.citations import Citation, dump_citations
from service.chat.citing import FORMS
from service.chat.citing.apa import apa
from service.chat.citing.bibtex import bibtex
from service.chat.citing.csl import csl_json
from service.chat.citing.ris import ris

STATUTE = Citation(
    1, "kuhp-603", "Korupsi yang merugikan negara", "UU 1/2023", "Kitab Undang-Undang Hukum Pidana", "603", 2023, "berlaku",
    "2026-11-01", "Lembaran Negara, https://peraturan.example/uu_1?a=1&b=2", "statute", "…", demo=False, verified=True,
)  # fmt: skip
CASE = Citation(
    2, "putusan-112", "Kekerasan dalam perkara cerai", "112 K/Ag/2021", None, None, 2021, "berkekuatan hukum tetap",
    "2026-11-01", "Direktori Putusan", "decision", "…", demo=True, verified=False, court="Mahkamah Agung", decided_on="2021-04-22",
)  # fmt: skip
GUIDE = Citation(
    3, "panduan-cerai", "Cara mengajukan gugatan cerai", "UU 1/1974", None, None, None, "berlaku", "2026-11-01", "Sumber",
    "guide", "…", demo=False, verified=False,
)  # fmt: skip
Result = TypeVar("Result")
HOSTILE = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("{}\\%$&#_~^@\"'=+-\r\n\t\x00\u2028\u202e<>|`,")))
citations = st.builds(
    Citation,
    number=st.integers(1, 99),
    id=HOSTILE,
    title=HOSTILE,
    law=st.none() | HOSTILE | st.sampled_from(["UU 1/2023", "PP 9/1975"]),
    law_title=st.none() | HOSTILE,
    article=st.none() | HOSTILE,
    year=st.none() | st.integers(1800, 2100),
    status=HOSTILE,
    as_of=st.just("2026-11-01"),
    source=HOSTILE | st.builds("https://a.example/{}".format, HOSTILE),
    kind=st.sampled_from(["statute", "decision", "guide"]),
    quote=HOSTILE,
    demo=st.booleans(),
    verified=st.booleans(),
    court=st.none() | HOSTILE,
    decided_on=st.none() | st.dates().map(str),
)
CSL_NAMES = {
    "id", "type", "language", "title", "number", "section", "authority", "jurisdiction", "issued", "source", "status",
    "note", "URL",
}  # fmt: skip
CSL_TYPES = {"legislation", "legal_case", "document"}
"""Of the names and types of csl-data.json 1.0.2 (which allows no others) those that we write. Names, id and type demanded, text for every name but dates,
a date of one to three whole numbers: that is all that it asks of such items."""


def read_ris(text: str) -> list[list[tuple[str, str]]]:
    records: list[list[tuple[str, str]]] = [[]]
    for line in text.split("\r\n")[:-1]:
        found = re.fullmatch(r"([A-Z][A-Z0-9])  - (.*)", line)
        assert found, line
        records[-1].append((found[1], found[2]))
        if found[1] == "ER":
            records.append([])
    return records[:-1]


def read_bibtex(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """A strict reader: braces are counted as BibTeX counts them, with no regard to backslashes."""
    entries, at = [], 0
    while at < len(text):
        head = re.compile(r"@([a-z]+)\{([A-Za-z0-9-]+),\n").match(text, at)
        assert head, text[at : at + 80]
        at, fields = head.end(), {}
        while text[at] != "}":
            name = re.compile(r"  ([a-z]+) = \{").match(text, at)
            assert name, text[at : at + 80]
            start = at = name.end()
            depth = 1
            while depth:
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
            fields[name[1]] = text[start : at - 1]
            assert text[at : at + 2] == ",\n"
            at += 2
        at += len("}\n")
        at += text[at : at + 1] == "\n"
        entries.append((head[1], head[2], fields))
    return entries


@pytest.mark.parametrize(
    ("citation", "expected"),
    [
        (
            STATUTE,
            (
                "Undang-Undang Nomor 1 Tahun 2023 tentang Kitab Undang-Undang Hukum Pidana, Pasal 603 (2023) (Indonesia)."
                " https://peraturan.example/uu_1?a=1&b=2"
            ),
        ),
        (CASE, "Putusan Nomor 112 K/Ag/2021 (Mahkamah Agung 22 April 2021) [DEMO: rekaan untuk demonstrasi]."),
        (GUIDE, "Cara mengajukan gugatan cerai. (t.t.). Sumber [belum diverifikasi]."),
        (replace(GUIDE, title="Apa itu hibah?"), "Apa itu hibah? (t.t.). Sumber [belum diverifikasi]."),
    ],
)
def test_apa_writes_statutes_cases_and_guides(citation: Citation, expected: str) -> None:
    """A statute by its name, article and year, a case by court and day, a guide by its title; weaknesses stay visible."""
    assert apa(citation) == expected


def test_a_guide_is_not_dated_by_the_law_that_it_explains() -> None:
    """Year and article of a guide are those of its law: no form says that it was written in 1847, and its source still names the place."""
    guide = replace(GUIDE, law="KUHPerdata", article="1320", year=1847, source="KUHPerdata, Pasal 1320")
    assert apa(guide) == "Cara mengajukan gugatan cerai. (t.t.). KUHPerdata, Pasal 1320 [belum diverifikasi]."
    (_, _, fields), *_ = read_bibtex("".join(bibtex([guide])))
    assert fields["howpublished"] == "KUHPerdata, Pasal 1320"
    assert {"year", "pages"}.isdisjoint(fields)
    (item,) = orjson.loads("".join(csl_json([guide])))
    assert {"issued", "section"}.isdisjoint(item)
    assert {"PY", "SE"}.isdisjoint(tag for tag, _ in read_ris("".join(ris([guide])))[0])


def test_quotation_marks_need_no_other_encoding_of_fonts() -> None:
    """What LaTeX sets as it begins (OT1) has no sign for a straight quotation mark: two apostrophes stand for it."""
    assert "title = {{Arti ''lalai''}}" in "".join(bibtex([replace(GUIDE, title='Arti "lalai"')]))


def test_bibtex_of_a_statute_and_a_case() -> None:
    """Types of biblatex, titles that keep their capitals, what TeX would read defused."""
    assert "".join(bibtex([STATUTE, CASE])) == (
        "@legislation{kuhp-603,\n"
        "  title = {{Undang-Undang Nomor 1 Tahun 2023 tentang Kitab Undang-Undang Hukum Pidana}},\n"
        "  number = {UU 1/2023},\n"
        "  pages = {Pasal 603},\n"
        "  location = {Indonesia},\n"
        "  year = {2023},\n"
        "  howpublished = {Lembaran Negara, https://peraturan.example/uu\\_1?a=1\\&b=2},\n"
        "  note = {berlaku},\n"
        "  url = {https://peraturan.example/uu_1?a=1&b=2},\n"
        "  langid = {indonesian},\n"
        "}\n"
        "\n"
        "@jurisdiction{putusan-112,\n"
        "  title = {{Putusan Nomor 112 K/Ag/2021}},\n"
        "  number = {112 K/Ag/2021},\n"
        "  institution = {{Mahkamah Agung}},\n"
        "  location = {Indonesia},\n"
        "  date = {2021-04-22},\n"
        "  year = {2021},\n"
        "  howpublished = {Direktori Putusan},\n"
        "  note = {berkekuatan hukum tetap; DEMO: rekaan untuk demonstrasi},\n"
        "  langid = {indonesian},\n"
        "}\n"
    )


def test_ris_of_a_case() -> None:
    """One record of type CASE with number, court and day."""
    assert "".join(ris([CASE])).split("\r\n") == [
        "TY  - CASE",
        "ID  - putusan-112",
        "TI  - Putusan Nomor 112 K/Ag/2021",
        "M1  - 112 K/Ag/2021",
        "PB  - Mahkamah Agung",
        "CY  - Indonesia",
        "PY  - 2021",
        "DA  - 2021/04/22",
        "DB  - Direktori Putusan",
        "N1  - berkekuatan hukum tetap; DEMO: rekaan untuk demonstrasi",
        "LA  - id",
        "ER  - ",
        "",
    ]


def test_csl_of_all_kinds() -> None:
    """Statutes are legislation, decisions legal cases, guides documents."""
    items = orjson.loads("".join(csl_json([STATUTE, CASE, GUIDE])))
    assert [item["type"] for item in items] == ["legislation", "legal_case", "document"]
    assert items[0]["section"] == "Pasal 603"
    assert items[1]["issued"] == {"date-parts": [[2021, 4, 22]]}
    assert "issued" not in items[2]


@example([replace(GUIDE, title="{a} \\input{b} %$&#_~^@c{d,")])
@given(st.lists(citations, max_size=5))
def test_bibtex_reads_back_whatever_titles_hold(found: list[Citation]) -> None:
    """As many entries as sources, each key once, and no control sequence but those of our own table."""
    entries = read_bibtex("".join(bibtex(found)))
    assert len(entries) == len(found)
    assert len({key.lower() for _, key, _ in entries}) == len(found)
    for _, _, fields in entries:
        for name, value in fields.items():
            own = re.sub(r"\\(?:text[a-z]+\{\}|char64\{\}|[$&%#_])", "", value)
            assert "\\" not in own
            assert name == "url" or not set("$&%#_~^@\n") & set(own)


@given(st.lists(citations, max_size=5))
def test_ris_reads_back_whatever_titles_hold(found: list[Citation]) -> None:
    """Every record begins with its type and ends once: no value makes a line of its own."""
    records = read_ris("".join(ris(found)))
    assert len(records) == len(found)
    for record in records:
        tags = [tag for tag, _ in record]
        assert (tags[0], tags[-1], tags.count("ER")) == ("TY", "ER", 1)


@given(st.lists(citations, max_size=5))
def test_csl_json_holds_only_names_of_the_schema(found: list[Citation]) -> None:
    """Names, types and dates are those of the schema, whatever the sources say."""
    written = "".join(csl_json(found))
    items = orjson.loads(written)
    assert written == orjson.dumps(items, option=orjson.OPT_INDENT_2).decode() + "\n"
    assert len(items) == len(found)
    for item in items:
        assert set(item) <= CSL_NAMES
        assert {"id", "type"} <= set(item)
        assert all(isinstance(value, str) for name, value in item.items() if name != "issued")
        assert item["type"] in CSL_TYPES
        if "issued" in item:
            assert set(item["issued"]) == {"date-parts"}
            (date,) = item["issued"]["date-parts"]
            assert 1 <= len(date) <= 3
            assert all(type(part) is int for part in date)


@given(st.lists(citations, max_size=5), st.sampled_from(["ma_indonesia", "apa"]))
def test_lines_are_lines_and_no_formulas(found: list[Citation], form: str) -> None:
    """A text form has at most one line for each source, and none that a spreadsheet would compute."""
    lines = "".join(FORMS[form].write(found)).split("\n")[:-1]
    assert len(lines) <= len(found)
    assert not any(line.startswith(("=", "+", "-", "@", "\t")) for line in lines)


def test_a_source_is_listed_once() -> None:
    """The same source cited by two answers, under two numbers, is one entry."""
    answers = [dump_citations([STATUTE]), dump_citations([CASE, replace(STATUTE, number=7)])]
    assert turned(sources_of(answers))[1] == [STATUTE, CASE]
    assert turned(sources_of([]))[1] == []


def test_others_have_their_turn_while_thousands_of_sources_are_listed() -> None:
    """The loop turns with the number of answers that are read, and with that of the sources that are written, in every form."""
    turns, found = turned(sources_of([dump_citations([replace(GUIDE, id=f"g{n}")]) for n in range(1_000)]))
    assert len(found) == 1_000
    assert turns >= 50
    for name, form in FORMS.items():
        turns, pieces = turned(pieces_of(form.write(found)))
        assert turns >= 15, name
        assert "".join(pieces) == "".join(form.write(found))


def turned(work: Awaitable[Result]) -> tuple[int, Result]:
    """How often others had their turn while something was awaited, and what it gave."""

    async def counted() -> tuple[int, Result]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        turning = asyncio.create_task(turn())
        result = await work
        turning.cancel()
        return turns, result

    return asyncio.run(counted())
