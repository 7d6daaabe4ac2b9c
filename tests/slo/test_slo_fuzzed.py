"""Whatever stands in a spec file, reading it ends soon in a spec or in `InvalidInput`, never in anything else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli import main
from slo.errors import InvalidInput
from slo.exchange.naming import plain_yaml
from slo.load import SPECS_FOLDER, examine_spec, load_windows, parse_spec
from slo.strict_yaml import MAX_BYTES
from tests.slo.exchange.specs import specs

REAL = (SPECS_FOLDER / "courtsight.yaml").read_bytes()
SMALL = (
    (Path(__file__).parent / "bad_specs" / "gate-key-and-waivable.yaml")
    .read_bytes()
    .replace(b"    waivable: true\n", b"")
)
TREE = yaml.safe_load(SMALL)
STRANGE: list[Any] = [
    *(None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "", " ", "x" * 5000, "99%", "1s", "$window", "a\0b"),
    *("{{ x }}", "é", "🙂", "99,9%", "1e999999%", "9" * 400 + "%", "9" * 400 + "s", "-1s", "[$window]", [], {}, [[]]),
    *([None], {"": None}, {"a": {"b": {"c": []}}}, ["a"] * 200, {str(number): number for number in range(300)}),
]


def _ends_well(raw: bytes) -> None:
    examined = examine_spec(raw, "x.yaml")
    assert (examined.spec is None) == bool(examined.problems)
    told = (*examined.problems, *examined.warnings, *examined.notes)
    assert all(problem.file == "x.yaml" and problem.message and problem.advice for problem in told)
    try:
        parse_spec(raw, "x.yaml")
    except InvalidInput as error:
        assert error.problems  # noqa: PT017 - only one of both outcomes may be looked at
    else:
        assert examined.spec is not None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SMALL)), st.integers(0, 40), st.binary(max_size=30))
def test_bytes_put_in_or_taken_out(place: int, gone: int, new: bytes) -> None:
    """Any bytes anywhere in a spec are read or refused."""
    _ends_well(SMALL[:place] + new + SMALL[place + gone :])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, len(REAL)), st.integers(0, 400), st.text(alphabet="\t \n{}[]&*!|>%@`'\"#:-?,ab", max_size=8))
def test_the_real_spec_with_a_piece_missing(place: int, gone: int, new: str) -> None:
    """The same with the spec that is in use."""
    _ends_well(REAL[:place] + new.encode() + REAL[place + gone :])


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in below for place in _places(value, (*path, key)))]


PLACES = [place for place in _places(TREE) if place]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(STRANGE)), min_size=1, max_size=4))
def test_values_of_other_types(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Any value in any place of the tree is read or refused, several at once too."""
    tree = copy.deepcopy(TREE)
    for place, value in changes:
        inner = tree
        for key in place[:-1]:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[place[-1]] = copy.deepcopy(value)  # the next change may be made inside it
    _ends_well(yaml.safe_dump(tree, allow_unicode=True).encode())


def _laughs() -> str:
    return "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"\x00\x01",
        lambda: "é".encode("latin-1"),
        lambda: REAL.decode().encode("utf-16"),
        lambda: b"!!python/object/apply:os.system ['true']\n",
        lambda: b"a: !!python/name:os.system\n",
        lambda: _laughs().encode(),
        lambda: b"a: &a [*a]\n",
        lambda: b"[" * 100_000,
        lambda: b"{" * 100_000,
        lambda: b"- " * 100_000,
        lambda: b"? " * 100_000,
        lambda: b"a:\n" + b" " * 100_000 + b"b: 1\n",
        lambda: b"slos: " + b"9" * 1_000_000,
        lambda: b"slos: 1" + b":59" * 100_000,
        lambda: b"'" + b"x" * 1_000_000,
        lambda: b"\n" * 1_000_000,
        lambda: b"#" * 1_000_000,
        lambda: b"%YAML 9.9\n---\na: 1\n",
        lambda: b"x" * (MAX_BYTES + 1),
        lambda: SMALL.replace(b"99.9%", b"9" * 100_000 + b"%"),
        lambda: SMALL.replace(b"2s", b"1s" * 50_000),
        lambda: SMALL.replace(b"title: Orders taken", b"title: " + b"x" * 1_000_000),
        lambda: SMALL.replace(b"orders_total", b"(" * 100_000),
        lambda: SMALL.replace(b"[free, paid]", b"[" + b",".join(b"v%d" % n for n in range(20_000)) + b"]"),
        lambda: SMALL.replace(b"slos:\n", b"slos:\n" + b"".join(b"  a%d: {}\n" % n for n in range(5_000))),
    ],
)
def test_what_is_huge_or_hostile_ends(make: Callable[[], bytes]) -> None:
    """Other encodings, tags that would run something, bombs, depth, endless numbers and lines are refused in bounded time."""
    assert examine_spec(make(), "x.yaml").problems


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=80))
def test_a_window_table_of_any_bytes(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """The window table is as strict as the spec."""
    path = tmp_path_factory.mktemp("windows") / "windows.yaml"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput):
        load_windows(path)


@settings(max_examples=15, deadline=None)
@given(specs(), st.data())
def test_validate_ends_with_a_status_whatever_it_reads(
    tmp_path_factory: pytest.TempPathFactory, plain: dict[str, Any], data: st.DataObject
) -> None:
    """A spec of any kind, whole or with one value replaced, is fine or wrong for the command; it never breaks off."""
    tree = copy.deepcopy(plain)
    if data.draw(st.booleans()):
        *path, key = data.draw(st.sampled_from([path for path in _places(tree) if path]))
        inner: Any = tree
        for step in path:
            inner = inner[step]
        inner[key] = copy.deepcopy(data.draw(st.sampled_from(STRANGE)))
    file = tmp_path_factory.mktemp("specs") / "spec.yaml"
    file.write_bytes(plain_yaml(tree))
    assert main(["slo", "validate", str(file)]) in (0, 2)
