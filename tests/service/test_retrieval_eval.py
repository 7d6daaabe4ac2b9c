"""The evaluation program: measures checked by hand, strict reading, and a run on a corpus written for it."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.__main__ import main
from service.evaluation.judged import half_of, read_judged
from service.evaluation.measures import estimates, ndcg, quantile, recall, reciprocal_rank, scores

ENTRIES = {
    "law-1#pasal-1": "Dalam Undang-Undang ini yang dimaksud dengan:\n1. Rak adalah tempat menyimpan buku.\n2. Meja adalah tempat membaca.",
    "law-1#pasal-2": "Peminjam yang terlambat mengembalikan buku membayar denda.",
    "law-1#pasal-3": "Perpustakaan buka setiap hari kerja.",
}
QUESTIONS = [
    {"qid": "a", "query": "Apa yang dimaksud dengan Meja?", "kind": "definition"},
    {"qid": "b", "query": "pasal 3 UU 1/2000", "kind": "citation"},
    {"qid": "c", "query": "denda terlambat", "kind": "lay"},
    {"qid": "d", "query": "gajah terbang", "kind": "lay"},
    {"qid": "e", "query": "siapa yang tidak dinilai"},
]
QRELS = "a 0 law-1#pasal-1 1\nb 0 law-1#pasal-3 1\nc 0 law-1#pasal-2 1\nd 0 law-9#pasal-9 1\nz 0 law-1#pasal-1 1\n"


def record(name: str, text: str) -> dict[str, Any]:
    article = name.rpartition("-")[2]
    return {
        "id": name,
        "title": f"Pasal {article} Undang-Undang Nomor 1 Tahun 2000 tentang Perpustakaan",
        "text": text,
        "source": "test",
        "type": "UU",
        "year": 2000,
        "doc_id": "uu-1-2000",
        "number": "1",
        "article": article,
        "about": "Perpustakaan",
    }


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A corpus, its questions and their judgements."""
    made = {name: tmp_path / name for name in ("corpus.jsonl", "questions.jsonl", "questions.qrels", "out.json")}
    made["corpus.jsonl"].write_bytes(b"\n".join(orjson.dumps(record(name, text)) for name, text in ENTRIES.items()))
    made["questions.jsonl"].write_bytes(b"\n".join(map(orjson.dumps, QUESTIONS)))
    made["questions.qrels"].write_text(QRELS)
    return made


def run(files: dict[str, Path], *more: str) -> int:
    """The program on these files."""
    named = ("--corpus", "corpus.jsonl"), ("--queries", "questions.jsonl"), ("--qrels", "questions.qrels")
    arguments = [part for option, name in named for part in (option, str(files[name]))]
    return main(["retrieval-eval", *arguments, "--json", str(files["out.json"]), *more])


def test_measures_are_those_worked_out_by_hand() -> None:
    """Two of three relevant documents, at places 2 and 6: every measure has the value of its definition."""
    ranked, grades = ["x", "a", "y", "z", "w", "b"], {"a": 1, "b": 1, "c": 1, "x": 0}
    gain = 1 / math.log2(3) + 1 / math.log2(7)
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores(ranked, grades) == pytest.approx((1 / 3, 2 / 3, 1 / 2, gain / best))


def test_grades_are_gains() -> None:
    """A better grade further down costs more: the gain is the grade itself."""
    assert ndcg(["b", "a"], {"a": 3, "b": 1}, 10) == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_nothing_counts_below_the_cut() -> None:
    """A relevant document behind place k is not found."""
    ranked = [f"x{place}" for place in range(10)] + ["a"]
    assert (recall(ranked, {"a": 1}, 10), reciprocal_rank(ranked, {"a": 1}, 10), ndcg(ranked, {"a": 1}, 10)) == (
        0,
        0,
        0,
    )


def test_the_interval_comes_from_the_seed_alone() -> None:
    """The same seed gives the same interval, which holds the mean; where all score alike it is a point."""
    rows = [(float(at % 2),) * 4 for at in range(40)]
    first, again = estimates(rows, 7)["mrr@10"], estimates(rows, 7)["mrr@10"]
    assert first == again
    assert first.value == 0.5
    assert 0.3 < first.low < 0.5 < first.high < 0.7
    certain = estimates([(1.0,) * 4] * 5, 7)["recall@5"]
    assert (certain.value, certain.low, certain.high, certain.n) == (1, 1, 1, 5)


@given(
    st.lists(st.sampled_from("abcdefghij"), unique=True), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))
)
def test_every_measure_is_a_share(ranked: list[str], grades: dict[str, int]) -> None:
    """Whatever is ranked, each measure lies in [0, 1], and all relevant documents first give ndcg 1."""
    if any(grade > 0 for grade in grades.values()):
        assert all(0 <= score <= 1 + 1e-9 for score in scores(ranked, grades))
        best = sorted(grades, key=lambda name: -grades[name])
        assert ndcg(best, grades, 10) == pytest.approx(1)


def test_a_quantile_is_a_value_that_was_seen() -> None:
    """p95 of twenty values is the nineteenth."""
    assert (quantile(list(range(1, 21)), 0.95), quantile([5.0], 0.5)) == (19, 5.0)


def test_half_of_a_set_is_chosen_by_the_hash_of_the_qid() -> None:
    """The halves are about equal and never change."""
    halves = [half_of(f"q-{number}") for number in range(1000)]
    assert 400 < halves.count("dev") < 600
    assert (half_of("def-0494"), half_of("cit-0003")) == ("final", "dev")


def test_a_run_prints_and_writes_its_measures(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Three of four counted questions find their article; what does not count is said, what cannot be found counts as lost."""
    assert run(files, "--latency", "--ablation") == 0
    printed = capsys.readouterr()
    value = orjson.loads(files["out.json"].read_bytes())
    (found,) = value["sets"]
    assert found["kinds"]["all"]["recall@10"] | {"low": 0, "high": 0} == {"value": 0.75, "low": 0, "high": 0, "n": 4}
    assert found["kinds"]["definition"]["mrr@10"]["value"] == 1
    assert found["kinds"]["citation"]["mrr@10"]["value"] == 1
    assert (found["unjudged"], found["unasked"], found["absent"]) == (1, 1, 1)
    assert "1 relevant documents are not in the corpus" in printed.err
    assert "recall@5" in printed.out
    assert value["latency_seconds"]["n"] == 4
    assert value["ablation"][-1]["means"]["definition"]["recall@10"] == 1
    assert value["ablation"][0]["component"] == "BM25 over words of the text"


def test_several_files_are_one_corpus_and_several_sets(files: dict[str, Path], tmp_path: Path) -> None:
    """Comma lists join corpora and pair each set with its own judgements; one file of judgements serves all sets."""
    for name in ("questions.jsonl", "questions.qrels"):
        (tmp_path / f"more-{name}").write_bytes(files[name].read_bytes())
    entry = record("law-1#pasal-4", "Gajah terbang dilarang masuk.") | {"article": "4"}
    (tmp_path / "more.jsonl").write_bytes(orjson.dumps(entry))
    lists = {
        "--corpus": f"{files['corpus.jsonl']},{tmp_path / 'more.jsonl'}",
        "--queries": f"{files['questions.jsonl']},{tmp_path / 'more-questions.jsonl'}",
        "--qrels": f"{files['questions.qrels']}",
    }
    arguments = [part for pair in lists.items() for part in pair]
    assert main(["retrieval-eval", *arguments, "--json", str(files["out.json"])]) == 0
    value = orjson.loads(files["out.json"].read_bytes())
    assert value["corpus"]["documents"] == 4
    assert [one["set"] for one in value["sets"]] == ["questions", "more-questions"]


def test_only_one_half_is_opened(files: dict[str, Path]) -> None:
    """The two halves share no question and leave none out."""
    counts = []
    for half in ("dev", "final"):
        assert run(files, "--half", half) == 0
        counts.append(orjson.loads(files["out.json"].read_bytes())["sets"][0]["questions"])
    assert sum(counts) == 4


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("questions.jsonl", b'{"qid": "a", "query": "x"}\n{"qid": "a"', "questions.jsonl:2: not valid JSON"),
        ("questions.jsonl", b'{"qid": "a"}', "questions.jsonl:1: expected one JSON object with qid and query"),
        ("questions.jsonl", b"[]", "questions.jsonl:1: "),
        ("questions.jsonl", b'{"qid": "a", "query": "x"}\n\n{"qid": "a", "query": "y"}', "already used in line 1"),
        ("questions.jsonl", b"\n", "it holds no question"),
        ("questions.jsonl", b'{"qid": "q", "query": "x"}', "no question has a relevant document"),
        ("questions.qrels", b"a 0 law-1#pasal-1 1\na 0 law\n", "questions.qrels:2: expected `qid 0 document grade`"),
        ("questions.qrels", b"a 0 law one\n", "questions.qrels:1: "),
        ("questions.qrels", b"\xff 0 law 1\n", "questions.qrels:1: "),
        ("questions.qrels", b"", "it holds no judgement"),
        ("corpus.jsonl", b"", "it holds no entry"),
        ("corpus.jsonl", b"{", "corpus.jsonl:1: not valid JSON"),
    ],
)
def test_a_broken_file_ends_the_run_by_name_and_line(
    files: dict[str, Path], name: str, content: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 2, one line says what to mend, and no figures are written."""
    files[name].write_bytes(content)
    assert run(files) == 2
    assert told in capsys.readouterr().err
    assert not files["out.json"].exists()


def test_a_file_that_is_missing_is_named(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a missing file nor an empty list of files is an empty set."""
    files["questions.qrels"].unlink()
    assert run(files) == 2
    assert "questions.qrels: No such file" in capsys.readouterr().err
    assert main(["retrieval-eval", "--corpus", ",", "--queries", "q", "--qrels", "q"]) == 2
    assert "--corpus: give one file" in capsys.readouterr().err


def test_figures_that_cannot_be_written_end_the_run(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that does not exist is named."""
    files["out.json"] = files["out.json"].parent / "missing" / "out.json"
    assert run(files) == 2
    assert "choose another file" in capsys.readouterr().err


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_shows_on_a_terminal_alone(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a log there is no bar."""
    assert run(files) == 0
    assert "####" not in capsys.readouterr().err
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    assert run(files) == 0
    assert "] 4/4" in shown.getvalue()


def test_files_of_other_systems_are_read_alike(tmp_path: Path) -> None:
    """Byte order marks, line ends of Windows, tabs and empty lines change nothing: no judgement is lost to them."""
    queries, qrels = tmp_path / "q.jsonl", tmp_path / "q.qrels"
    queries.write_bytes(b'\xef\xbb\xbf{"qid": "q/1", "query": "lampu sepeda"}\r\n\r\n')
    qrels.write_bytes(b"\xef\xbb\xbfq/1\t0\td;1\t2\r\n\r\nq/1 0 d2 0\r\n")
    judged = read_judged(queries, (qrels,), {"d;1", "d2"})
    assert [(one.qid, dict(one.grades)) for one in judged.questions] == [("q/1", {"d;1": 2, "d2": 0})]
    assert (judged.unjudged, judged.unasked, judged.absent) == (0, 0, 0)
