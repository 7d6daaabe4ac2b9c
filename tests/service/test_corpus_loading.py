"""A corpus is read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from service.errors import ConfigurationError
from service.retrieval.corpus import load_corpus

HERE = Path(__file__).parent / "corpus" / "fixture.jsonl"
FIRST: dict[str, Any] = orjson.loads(HERE.read_bytes().splitlines()[0])
DECISION: dict[str, Any] = orjson.loads(HERE.read_bytes().splitlines()[-1])


def write(folder: Path, *entries: dict[str, Any] | bytes) -> Path:
    file = folder / "corpus.jsonl"
    file.write_bytes(b"\n".join(one if isinstance(one, bytes) else orjson.dumps(one) for one in entries))
    return file


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"titel": "x"}, "did you mean 'title'?"),
        ({"kind": "law"}, "kind: "),
        ({"year": "2023"}, "year: "),
        ({"as_of": "yesterday"}, "as_of: "),
        ({"text": ""}, "text: "),
        ({"status": "in force"}, "status: "),
        ({"topics": []}, "topics: "),
        ({"holding": "Something"}, "a statute must not have holding"),
    ],
)
def test_a_broken_entry_is_named_by_file_line_and_fault(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    """The message says which file and line, which member, and what is wrong with it."""
    file = write(tmp_path, DECISION, {**FIRST, **change})
    with pytest.raises(ConfigurationError) as caught:
        load_corpus(file)
    assert f"{file}:2: " in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_decision_without_its_court_is_refused(tmp_path: Path) -> None:
    """A decision must say who decided, when, and what."""
    with pytest.raises(ConfigurationError, match="a decision lacks court"):
        load_corpus(write(tmp_path, {**DECISION, "court": None}))


@pytest.mark.parametrize("line", [b"{", b"[1]", b'"text"', b"\xff"])
def test_a_line_that_is_no_object_is_refused(tmp_path: Path, line: bytes) -> None:
    """Half a line, a list, a string and bytes that are no UTF-8 stop the start."""
    with pytest.raises(ConfigurationError, match=r"corpus\.jsonl:2: "):
        load_corpus(write(tmp_path, FIRST, line))


def test_an_id_may_stand_once(tmp_path: Path) -> None:
    """A repeated id names the place where it stood first."""
    with pytest.raises(ConfigurationError, match=r"already used at corpus\.jsonl:1"):
        load_corpus(write(tmp_path, FIRST, FIRST))


@pytest.mark.parametrize("make", ["missing", "empty file", "empty folder"])
def test_an_empty_corpus_is_refused(tmp_path: Path, make: str) -> None:
    """A service without a single entry does not start."""
    path = tmp_path / make
    if make == "empty file":
        path.write_text("\n")
    if make == "empty folder":
        path.mkdir()
    with pytest.raises(ConfigurationError, match="COURTSIGHT_CORPUS"):
        load_corpus(path)


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    """Files are joined by name, and the hash follows every byte of them."""
    (tmp_path / "b.jsonl").write_bytes(orjson.dumps(DECISION))
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps(FIRST))
    corpus = load_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == [FIRST["id"], DECISION["id"]]
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps({**FIRST, "year": 2024}))
    assert load_corpus(tmp_path).hash != corpus.hash


def test_demo_and_unverified_entries_are_counted() -> None:
    """The corpus knows how many of its entries are invented and how many nobody compared with the law."""
    corpus = load_corpus(HERE)
    assert (len(corpus.documents), corpus.demo, corpus.unverified) == (15, 6, 8)
