"""The shipped legal corpus keeps its promises: form, coverage, law of today, and sources that exist."""

import datetime as dt
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "service" / "corpora" / "courtsight"
DOCS = ROOT / "docs" / "corpus.md"

Entry = dict[str, Any]

KEYS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "kind": str,
    "title": str,
    "text": str,
    "law": str,
    "law_title": str,
    "article": (str, type(None)),
    "year": int,
    "status": str,
    "earlier": (str, type(None)),
    "source": str,
    "as_of": str,
    "verified_against": str,
    "demo": bool,
    "topics": list,
}
DECISION_KEYS: dict[str, type] = {
    "court": str,
    "decision_number": str,
    "decided_on": str,
    "applies": list,
    "holding": str,
}
FORCE_KEYS: dict[str, type] = {"in_force_from": str, "in_force_until": str}
STATUSES = {
    "statute": {"berlaku", "berlaku sebagian", "diubah", "dicabut"},
    "guide": {"berlaku", "berlaku sebagian", "diubah"},
    "decision": {"demo"},
}
ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
# `uu-1-2023#pasal-603`, `uu-19-2016#pasal-1-v2`, and `uud-1945#202`: the constitution is cut into numbered ayat.
STATUTE_ID = re.compile(r"[a-z0-9][a-z0-9./-]*#(?:pasal-[0-9a-z]+(?:-v\d+)?|\d{3})")
LONGEST_SHARED_RUN = 8  # words in a row that an entry may share with a statute; more would be its sentence, not ours

# What people ask, and the words by which an entry says that it answers it.
SUBJECTS = {
    "criminal law": {"hukum pidana"},
    "civil law": {"hukum perdata"},
    "divorce": {"perceraian"},
    "domestic violence": {"KDRT"},
    "corruption": {"korupsi"},
    "contracts": {"kontrak", "perjanjian"},
    "appeals": {"banding", "kasasi", "peninjauan kembali"},
    "identity cards": {"KTP"},
    "personal data": {"data pribadi"},
    "labour": {"ketenagakerjaan"},
    "electronic transactions": {"transaksi elektronik"},
}
# UU 1/2023 art. 622 (4): each article of UU 31/1999 that it revokes, and the article that took its place.
SUPERSEDED_CORRUPTION = {"2": "603", "3": "604", "5": "605", "11": "606", "13": "606"}


def corpus_files() -> list[Path]:
    """The corpus files in the order of their names."""
    return sorted(CORPUS.glob("*.jsonl"))


def read(path: Path) -> list[Entry]:
    """All entries of one file, in order."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    """Every entry of every file."""
    return [entry for path in corpus_files() for entry in read(path)]


def is_iso_date(text: str) -> bool:
    """Whether the text is a date written YYYY-MM-DD."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def form_problems(entry: Entry) -> Iterator[str]:
    """What is wrong with the keys and the types of an entry."""
    keys = {**KEYS, **(DECISION_KEYS if entry.get("kind") == "decision" else {})}
    keys |= {key: kind for key, kind in FORCE_KEYS.items() if key in entry}
    if list(entry) != list(keys):
        yield f"keys are {list(entry)}, expected {list(keys)}"
        return
    for key, kind in keys.items():
        if not isinstance(entry[key], kind) or (kind is int and isinstance(entry[key], bool)):
            yield f"{key} has type {type(entry[key]).__name__}"
        elif isinstance(entry[key], str) and (not entry[key] or entry[key] != " ".join(entry[key].split())):
            yield f"{key} is empty or has stray spaces"


def value_problems(entry: Entry) -> Iterator[str]:
    """What is wrong with the values of an entry whose form is right."""
    if not ID.fullmatch(entry["id"]):
        yield "id is not lowercase words joined by hyphens"
    if entry["status"] not in STATUSES.get(entry["kind"], set()):
        yield f"status {entry['status']!r} does not fit kind {entry['kind']!r}"
    if not 25 <= len(entry["text"].split()) <= 140:
        yield f"text has {len(entry['text'].split())} words"
    if not 1800 <= entry["year"] <= 2026:
        yield f"year {entry['year']}"
    dates = [entry["as_of"], *([entry["decided_on"]] if entry["kind"] == "decision" else [])]
    yield from (f"{date!r} is no ISO date" for date in dates if not is_iso_date(date))
    if entry["verified_against"] != "unverified" and not STATUTE_ID.fullmatch(entry["verified_against"]):
        yield f"verified_against {entry['verified_against']!r} is neither an id nor 'unverified'"
    if entry["demo"] != (entry["kind"] == "decision"):
        yield "demo belongs to decisions, and to them alone"
    if not entry["topics"] or len(set(entry["topics"])) != len(entry["topics"]):
        yield "topics are missing or repeated"


def problems(entry: Entry) -> list[str]:
    """Everything wrong with one entry; values are only read when the form is right."""
    return list(form_problems(entry)) or list(value_problems(entry))


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case."""
    return re.findall(r"[a-z0-9]+", text.lower())


def runs(text: str) -> set[tuple[str, ...]]:
    """Every run of words one longer than an entry may share with a statute."""
    found = words(text)
    length = LONGEST_SHARED_RUN + 1
    return {tuple(found[start : start + length]) for start in range(len(found) - length + 1)}


def statutes() -> dict[str, str]:
    """Text by id of the statutes that entries were checked against; empty where that data is not at hand.

    The data is not part of the product. `COURTSIGHT_STATUTES` names the file, else it is looked for beside the checkout.
    """
    beside = ROOT.parent / "shared" / "data" / "legal" / "statutes.jsonl"
    path = Path(os.environ.get("COURTSIGHT_STATUTES") or beside)
    if not path.exists():
        return {}
    return {article["id"]: article["text"] for article in read(path)}


def unresolved(entries: Iterable[Entry], known: dict[str, str]) -> list[str]:
    """Ids of the entries that claim a statute which is not among the known ones."""
    claims = {entry["id"]: entry["verified_against"] for entry in entries if entry["verified_against"] != "unverified"}
    return [name for name, claim in claims.items() if claim not in known]


def copied(entries: Iterable[Entry], known: dict[str, str]) -> dict[str, str]:
    """For each entry that copies a statute, the words it copied."""
    owners = {run: entry["id"] for entry in entries for run in runs(entry["text"])}
    shared = (run for text in known.values() for run in runs(text) & owners.keys())
    return {owners[run]: " ".join(run) for run in shared}


def counts_table(files: Iterable[Path]) -> str:
    """The table of docs/corpus.md, counted from the files."""
    rows = ["| file | entries | verified | unverified | demo |", "|---|---|---|---|---|"]
    total: Counter[str] = Counter()
    for path in files:
        entries = read(path)
        demo = sum(entry["demo"] for entry in entries)
        verified = sum(entry["verified_against"] != "unverified" for entry in entries)
        counts = {
            "entries": len(entries),
            "verified": verified,
            "unverified": len(entries) - verified - demo,
            "demo": demo,
        }
        total.update(counts)
        rows.append(f"| {path.name} | {' | '.join(str(count) for count in counts.values())} |")
    rows.append(
        f"| **all** | {' | '.join(str(total[name]) for name in ('entries', 'verified', 'unverified', 'demo'))} |"
    )
    share = ", ".join(f"{name} {total[name] / total['entries']:.1%}" for name in ("verified", "unverified", "demo"))
    return "\n".join([*rows, "", f"Shares: {share}."])


def test_every_entry_is_well_formed(entries: list[Entry]) -> None:
    """Each entry has exactly the agreed keys, in order, with values from the agreed sets."""
    assert {entry["id"]: found for entry in entries if (found := problems(entry))} == {}


def sound_entry() -> Entry:
    """An entry without a fault, to break in one place at a time."""
    return {
        "id": "uu-1-2023-603",
        "kind": "statute",
        "title": "Korupsi",
        "text": " ".join(["kata"] * 40),
        "law": "UU 1/2023",
        "law_title": "Kitab Undang-Undang Hukum Pidana",
        "article": "603",
        "year": 2023,
        "status": "berlaku",
        "earlier": None,
        "source": "UU Nomor 1 Tahun 2023, Pasal 603",
        "as_of": "2026-11-01",
        "verified_against": "uu-1-2023#pasal-603",
        "demo": False,
        "topics": ["korupsi"],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"extra": "x"},
        {"article": 603},
        {"year": True},
        {"title": ""},
        {"text": "terlalu pendek"},
        {"text": " ".join(["kata"] * 141)},
        {"id": "UU 1/2023"},
        {"kind": "blog"},
        {"status": "aktif"},
        {"year": 20233},
        {"as_of": "1-11-2026"},
        {"verified_against": "Pasal 603"},
        {"demo": True},
        {"topics": []},
        {"topics": ["korupsi", "korupsi"]},
    ],
)
def test_a_broken_entry_is_found(change: dict[str, object]) -> None:
    """An entry with one fault is reported, and the same entry without it is not."""
    assert problems(sound_entry()) == []
    assert problems(sound_entry() | change)


def test_ids_and_titles_are_unique(entries: list[Entry]) -> None:
    """No two entries share an id or a title, so that a citation points at one of them."""
    for key in ("id", "title"):
        assert [value for value, n in Counter(entry[key] for entry in entries).items() if n > 1] == []


def test_there_is_enough_to_answer_from(entries: list[Entry]) -> None:
    """The corpus holds at least 250 entries of law and guidance and at least 30 decisions."""
    decisions = [entry for entry in entries if entry["kind"] == "decision"]
    assert len(entries) - len(decisions) >= 250
    assert len(decisions) >= 30


def test_a_demonstration_decision_says_so_where_it_is_cited(entries: list[Entry]) -> None:
    """Every invented decision carries the word demo in its title, its court and its number, and claims no verification."""
    for entry in entries:
        if entry["demo"]:
            assert all("demo" in entry[key].lower() for key in ("title", "court", "decision_number")), entry["id"]
            assert entry["verified_against"] == "unverified"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_is_covered(entries: list[Entry], subject: str) -> None:
    """Each subject that people ask about has at least five entries that are not decisions."""
    found = [entry["id"] for entry in entries if not entry["demo"] and SUBJECTS[subject] & set(entry["topics"])]
    assert len(found) >= 5


@pytest.mark.parametrize(("old", "new"), SUPERSEDED_CORRUPTION.items())
def test_a_superseded_corruption_article_names_its_successor(entries: list[Entry], old: str, new: str) -> None:
    """The old article of the corruption law is not shown as in force, and both articles name each other."""
    former = [entry for entry in entries if entry["law"] == "UU 31/1999" and entry["article"] == old]
    assert former
    for entry in former:
        assert entry["status"] in {"dicabut", "berlaku sebagian"}
        assert f"Pasal {new}" in entry["text"]
    (successor,) = (entry for entry in entries if entry["id"] == f"uu-1-2023-{new}")
    assert re.search(rf"Pasal {old}\b", successor["earlier"] or "")
    assert re.search(rf"Pasal {old}\b", successor["text"])


def test_a_replaced_article_is_named_in_the_text(entries: list[Entry]) -> None:
    """An entry of the new criminal code names each article that it replaced in the words a reader sees."""
    silent = {
        entry["id"]: entry["earlier"]
        for entry in entries
        if entry["law"] == "UU 1/2023" and entry["earlier"]
        for number in re.findall(r"Pasal (\d+[A-Za-z]*)", entry["earlier"])
        if not re.search(rf"\b{number}\b", entry["text"])
    }
    assert silent == {}


def test_each_verified_entry_points_at_a_statute_that_exists(entries: list[Entry]) -> None:
    """Every id in verified_against is found in the statutes; without that data there is nothing to compare with."""
    known = statutes()
    assert unresolved(entries if known else [], known) == []


def test_what_was_amended_elsewhere_is_not_verified(entries: list[Entry]) -> None:
    """The collection lacks UU 1/2026 and the amended labour law: what rests on their wording claims no comparison."""
    claimed = [
        entry["id"]
        for entry in entries
        if entry["verified_against"] != "unverified" and (entry["status"] == "diubah" or "UU 1/2026" in entry["text"])
    ]
    assert claimed == []


def test_an_id_that_does_not_exist_is_unresolved() -> None:
    """A claim on a statute that is not there is reported by the entry that makes it."""
    assert unresolved([sound_entry()], {"uu-1-2023#pasal-604": ""}) == ["uu-1-2023-603"]
    assert unresolved([sound_entry()], {"uu-1-2023#pasal-603": ""}) == []


def test_no_entry_copies_a_statute(entries: list[Entry]) -> None:
    """No entry shares more than eight words in a row with a statute that we have at hand."""
    assert copied(entries, statutes()) == {}


def test_a_copied_sentence_is_found() -> None:
    """Nine words in a row from a statute are reported, eight are not."""
    nine = "satu dua tiga empat lima enam tujuh delapan sembilan"
    assert copied([{"id": "a", "text": f"awal {nine} akhir"}], {"s": f"Ayat {nine}."}) == {"a": nine}
    assert copied([{"id": "a", "text": nine.removesuffix(" sembilan")}], {"s": nine}) == {}


def test_the_docs_tell_the_counts() -> None:
    """The table and the shares in docs/corpus.md are those of the files; paste the expected text when they change."""
    assert counts_table(corpus_files()) in DOCS.read_text(encoding="utf-8")
