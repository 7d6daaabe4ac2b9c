"""Records of public compilations become documents, and say no more than they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from service.errors import ConfigurationError
from service.retrieval.corpus import load_corpus
from service.retrieval.document import Document

RECORD: dict[str, Any] = {
    "id": "uu-1-2000#pasal-5",
    "title": "Pasal 5 Undang-Undang Nomor 1 Tahun 2000 tentang Perpustakaan",
    "text": "Buku dipinjam.",
    "source": "test",
    "type": "UU",
    "year": 2000,
    "doc_id": "uu-1-2000",
    "number": "1",
    "article": "5",
    "about": "Perpustakaan",
    "chapter": None,
    "license": "none",
    "status": None,
    "a member of tomorrow": [1],
}


def read(folder: Path, **changes: Any) -> Document:
    """The document of the record with some members changed."""
    file = folder / "records.jsonl"
    file.write_bytes(orjson.dumps({**RECORD, **changes}))
    return load_corpus(file).documents[0]


@pytest.mark.parametrize(
    ("changes", "law", "article"),
    [
        ({}, "UU 1/2000", "5"),
        ({"type": "PP"}, "PP 1/2000", "5"),
        ({"type": "POJK", "number": "13/POJK.02/2014", "year": 2014}, "POJK 13/POJK.02/2014", "5"),
        ({"type": "PERPOL"}, "Perpol 1/2000", "5"),
        ({"type": "UUD", "number": "1945", "year": 1945, "article": None}, "UUD 1945", None),
        ({"article": "27A"}, "UU 1/2000", "27A"),
        ({"article": "Pasa1 5"}, "UU 1/2000", "5"),
        ({"article": "I"}, "UU 1/2000", "I"),
    ],
)
def test_a_law_gets_the_key_under_which_people_cite_it(
    tmp_path: Path, changes: dict[str, Any], law: str, article: str | None
) -> None:
    """Type, number and year become the law's key; the article is its number alone."""
    document = read(tmp_path, **changes)
    assert (document.kind, document.law, document.article) == ("statute", law, article)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (None, "berlaku"),
        ("new code, in force from 2026-01-02", "berlaku"),
        ("amended by UU 6/2023, amended text not included - verify", "diubah"),
        ("partly amended by Cipta Kerja - verify", "berlaku sebagian"),
        ("2014-2017 text, probably superseded - verify", "diubah"),
        ("revoked by UU 9/2020", "dicabut"),
    ],
)
def test_a_status_in_prose_becomes_the_nearest_word(tmp_path: Path, said: str | None, status: str) -> None:
    """What is only suspected never counts as repealed."""
    assert read(tmp_path, status=said).status == status


def test_nobody_compared_a_record_with_the_law(tmp_path: Path) -> None:
    """A record is unverified, and no demo."""
    document = read(tmp_path)
    assert not document.verified
    assert not document.demo


def test_a_short_record_is_a_guide(tmp_path: Path) -> None:
    """A glossary term or a passage has fewer members; without a title it is called by its first words."""
    file = tmp_path / "short.jsonl"
    file.write_bytes(
        orjson.dumps(
            {"id": "q-1", "title": "", "text": "Satu dua tiga.", "source": "s", "type": "berita", "year": 2020}
        )
    )
    (document,) = load_corpus(file).documents
    assert (document.kind, document.law, document.title, document.type) == ("guide", None, "Satu dua tiga. …", "berita")


@pytest.mark.parametrize("changes", [{"text": ""}, {"year": "2000"}, {"id": "two words"}, {"text": None}])
def test_a_broken_record_is_named_by_file_and_line(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Unknown members are left alone, wrong ones are not."""
    with pytest.raises(ConfigurationError, match=r"records\.jsonl:1: "):
        read(tmp_path, **changes)
