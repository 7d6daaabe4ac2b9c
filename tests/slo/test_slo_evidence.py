"""Evidence files: written whole, read back the same, and refused when anything about them is wrong."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.errors import EvidenceError
from slo.evidence import (
    Evidence,
    Item,
    RunContext,
    digest_of,
    file_digest,
    json_schema,
    judged,
    parse,
    read,
    run_id,
    to_json,
    unmeasured,
    with_digest,
    write,
    write_atomically,
)
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Engine, Kind
from slo.statistics import Interval, Measurement, p95, ratio
from slo.verdict import Verdict

AT = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
SPEC = load_spec(SPECS_FOLDER / "courtsight.yaml")
CONTEXT = RunContext(
    run="20261120T211700Z-1a2b3c4",
    target="http://127.0.0.1:8000",
    deployment="courtsight",
    engine=Engine.EXTRACTIVE,
    commit="1a2b3c4" + "0" * 33,
    dirty=False,
    hashes={"spec": SPEC.digest},
    seed=7,
)


def _evidence(*items: Item, **more: Any) -> Evidence:
    return Evidence(Kind.UAT, CONTEXT, AT, AT + timedelta(seconds=90), complete=True, items=items, **more)


def _item() -> Item:
    return judged(SPEC.gate("acceptance"), {}, ratio(12, 12))


def test_a_run_id_tells_time_commit_and_dirt() -> None:
    """The id is in UTC, whatever zone the clock had."""
    at = datetime(2026, 11, 21, 4, 17, tzinfo=timezone(timedelta(hours=7)))
    assert run_id(at, "1a2b3c4d5e", dirty=False) == "20261120T211700Z-1a2b3c4"
    assert run_id(at, "1a2b3c4d5e", dirty=True) == "20261120T211700Z-1a2b3c4-dirty"


def test_an_item_is_judged_for_the_build() -> None:
    """The recorded objective and verdict are those of the first phase that asks."""
    item = _item()
    assert (item.verdict, item.objective, item.unit) == (Verdict.PASS, 1.0, "ratio")
    later = judged(SPEC.gate("satisfaction"), {}, Measurement(4.5, 40))
    assert (later.verdict, later.objective) == (Verdict.PASS, 4.0)


def test_what_could_not_be_measured_is_an_error() -> None:
    """An unmeasured item is ERROR with its reason; it has no value."""
    item = unmeasured(SPEC.gate("latency-cell"), {"role": "judge", "complexity": "simple"}, "the service was gone")
    assert (item.verdict, item.measurement.value, item.measurement.n) == (Verdict.ERROR, None, 0)
    assert item.reason == "the service was gone"


def test_evidence_comes_back_as_it_went(tmp_path: Path) -> None:
    """Writing and reading changes nothing, and adds the digest."""
    evidence = _evidence(
        _item(), unmeasured(SPEC.gate("acceptance"), {}, "why"), details={"a": [1, 2.5, None, "x", True]}
    )
    path = write(evidence, tmp_path / "run")
    assert path == tmp_path / "run" / "uat.json"
    assert read(path) == with_digest(evidence)
    assert path.stat().st_mode & 0o777 == 0o644


def test_whole_numbers_come_back_with_the_same_digest() -> None:
    """An integer value is written as the float that a reader sees, so its digest survives being written again."""
    item = judged(SPEC.gate("tool-results"), {"tool": "LegalRetriever"}, Measurement(7, 12, Interval(7, 7, "observed")))
    content = to_json(_evidence(item))
    assert to_json(parse(content, "x")) == content


def test_details_become_plain_json() -> None:
    """Enums, times, paths, tuples and numbers that JSON lacks are written as what JSON has."""
    details = {"engine": Engine.REAL, "at": AT, "path": Path("a/b"), "pair": (1, 2), "nan": float("nan"), 3: "three"}
    document = json.loads(to_json(_evidence(details=details)))
    assert document["details"] == {
        "engine": "real",
        "at": "2026-11-20T21:17:00.000Z",
        "path": "a/b",
        "pair": [1, 2],
        "nan": None,
        "3": "three",
    }


def test_a_value_that_is_no_number_is_null() -> None:
    """NaN and infinities never reach a file."""
    item = replace(_item(), measurement=Measurement(float("nan"), 3, Interval(float("-inf"), 1.0, "x")))
    document = json.loads(to_json(_evidence(item)))
    assert document["items"][0]["value"] is None
    assert document["items"][0]["interval"]["lower"] is None


VALUES = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, st.integers(0, 10**9), st.sampled_from(list(Verdict)), st.text()), max_size=8))
def test_any_items_come_back(rows: list[tuple[float, int, Verdict, str]]) -> None:
    """Whatever was measured is read back the same, with a digest that holds."""
    items = tuple(
        Item(
            "acceptance",
            (("role", "judge"),),
            Measurement(value, n, Interval(None, value, "m")),
            "ratio",
            value,
            verdict,
            "".join(c for c in reason if not 0xD800 <= ord(c) <= 0xDFFF),
        )
        for value, n, verdict, reason in rows
    )
    evidence = _evidence(*items)
    assert parse(to_json(evidence), "x") == with_digest(evidence)


def _altered(change: Callable[[dict[str, Any]], object], *, sealed: bool) -> bytes:
    document = json.loads(to_json(_evidence(_item(), details={"x": 1})))
    change(document)
    if sealed:
        document["digest"] = digest_of(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["items"][0].update(value=0.5),
        lambda d: d["items"][0].update(verdict="PASS", n=9999),
        lambda d: d["items"][0].update(objective=0.1),
        lambda d: d["items"][0]["interval"].update(lower=1.0),
        lambda d: d["items"].clear(),
        lambda d: d.update(complete=False),
        lambda d: d.update(dirty=True),
        lambda d: d.update(engine="real"),
        lambda d: d.update(run="20270101T000000Z-1a2b3c4"),
        lambda d: d.update(ended_at="2027-01-01T00:00:00.000Z"),
        lambda d: d.update(target="http://elsewhere"),
        lambda d: d["details"].update(x=2),
        lambda d: d["hashes"].update(spec="sha256:" + "0" * 64),
        lambda d: d.update(digest="sha256:" + "0" * 64),
    ],
)
def test_a_change_by_hand_is_detected(change: Callable[[dict[str, Any]], object]) -> None:
    """Any changed number, word or detail breaks the digest."""
    with pytest.raises(EvidenceError, match="was changed since it was written"):
        parse(_altered(change, sealed=False), "uat.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(schema="courtsight/evidence/uat/v2"), "version 'v2' is unknown here"),
        (lambda d: d.update(schema="courtsight/evidence/dreams/v1"), "is no evidence of ours"),
        (lambda d: d.update(schema="uat/v1"), "is no evidence of ours"),
        (lambda d: d.pop("schema"), "is no evidence of ours"),
        (lambda d: d.pop("items"), "items: Field required"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d.update(run="yesterday"), "run"),
        (lambda d: d.update(started_at="2026-11-20T21:17:00"), "started_at"),
        (lambda d: d["items"][0].update(n=-1), "items.0.n"),
        (lambda d: d["items"][0].update(verdict="GOOD"), "items.0.verdict"),
        (lambda d: d["items"][0].update(unit="ms"), "items.0.unit"),
        (lambda d: d.update(raw={"../x": "sha256:" + "0" * 64}), "raw"),
        (lambda d: d["hashes"].update(spec="md5:1"), "hashes.spec"),
    ],
)
def test_another_form_is_refused(change: Callable[[dict[str, Any]], object], said: str) -> None:
    """A reader refuses what it does not fully understand, even under a correct digest."""
    with pytest.raises(EvidenceError) as caught:
        parse(_altered(change, sealed=True), "uat.json")
    assert said in str(caught.value)
    assert str(caught.value).startswith("uat.json: ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_json(content: bytes) -> None:
    """Empty, cut, binary, unendingly deep or NaN: a sentence, no traceback."""
    with pytest.raises(EvidenceError, match=r"is no JSON|cannot be read"):
        parse(content, "uat.json")


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" + b"0" * 400, b"1" + b"0" * 5000])
def test_a_number_beyond_all_bounds_is_refused(number: bytes) -> None:
    """JSON has no bounds, floats have: infinity by another name is refused, where it was a traceback."""
    content = _altered(lambda d: d["items"][0].update(n=12345678), sealed=True).replace(b"12345678", number)
    with pytest.raises(EvidenceError, match="is no JSON"):
        parse(content, "uat.json")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_outside_of_the_calendar_is_refused(moment: str) -> None:
    """A moment that UTC has no year for is a sentence, no traceback."""
    with pytest.raises(EvidenceError, match=r"ended_at: .*outside the years"):
        parse(_altered(lambda d: d.update(ended_at=moment), sealed=True), "uat.json")


def test_times_are_read_as_utc() -> None:
    """A file written in another zone means the same moment."""
    content = _altered(lambda d: d.update(started_at="2026-11-21T04:17:00.000+07:00"), sealed=True)
    evidence = parse(content, "x")
    assert evidence.started_at == AT
    assert evidence.started_at.tzinfo is UTC


def test_a_file_under_another_name(tmp_path: Path) -> None:
    """Acceptance evidence copied over the load evidence is refused."""
    path = tmp_path / "load.json"
    path.write_bytes(to_json(_evidence(_item())))
    with pytest.raises(EvidenceError, match="says that it is uat evidence"):
        read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file says so."""
    with pytest.raises(EvidenceError, match="cannot be read"):
        read(tmp_path / "uat.json")


def test_raw_files_are_checked(tmp_path: Path) -> None:
    """Raw samples that are missing or changed make the evidence unusable; the right ones do not."""
    raw = tmp_path / "uat.turns.csv.gz"
    raw.write_bytes(b"samples")
    path = write(_evidence(_item(), raw={raw.name: file_digest(raw)}), tmp_path)
    assert read(path).raw == {raw.name: file_digest(raw)}
    raw.write_bytes(b"other samples")
    with pytest.raises(EvidenceError, match="was changed since it was written"):
        read(path)
    raw.unlink()
    with pytest.raises(EvidenceError, match="is missing"):
        read(path)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the old file stays whole, no half file stays, and the message says why."""
    path = tmp_path / "uat.json"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="No space left on device; nothing was changed"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file where the folder should be is a sentence."""
    (tmp_path / "run").write_text("a file", encoding="utf-8")
    with pytest.raises(EvidenceError, match="cannot be written"):
        write(_evidence(_item()), tmp_path / "run")


@pytest.mark.parametrize("kind", list(Kind))
def test_the_schema_names_its_kind(kind: Kind) -> None:
    """Every kind has a published schema that asks for exactly its own name and version."""
    schema = json_schema(kind)
    assert schema["properties"]["schema"] == {"const": f"courtsight/evidence/{kind}/v1"}
    assert set(schema["required"]) == set(json.loads(to_json(_evidence())))


def test_the_interval_of_an_item_may_be_open() -> None:
    """A bound that the samples cannot give stays null through the file."""
    item = judged(SPEC.gate("ttft-cell"), {"role": "judge", "complexity": "simple"}, p95([0.1] * 20))
    back = parse(to_json(_evidence(item)), "x").items[0]
    assert back.measurement.interval is not None
    assert back.measurement.interval.upper is None
    assert back.verdict is Verdict.INCONCLUSIVE
