"""Drills and the catalogue are read as strictly as specs: whatever stands in them, `InvalidInput` or a value, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.catalogue.load import FOLDER as CATALOGUE
from alerts.catalogue.load import load_catalogue
from alerts.drills.drill import FOLDER as DRILLS
from alerts.drills.drill import load_drill
from slo.errors import InvalidInput
from slo.strict_yaml import parse_plain

STRANGE: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        1.5,
        float("nan"),
        float("inf"),
        10**30,
        "",
        " ",
        "x",
        "x\ny",
        "{{ x }}",
        "{x",
        "1e9",
        "9" * 500,
    ),
    *([], {}, [None], [[]], {"a": []}, {"": None}, ["1h"] * 50, "sum(", "$window", "a ** b", "__import__('os')"),
]
DRILL = min(DRILLS.rglob("*.yaml"), key=str)
AREAS = sorted(CATALOGUE.glob("*.yaml"))


def _read(path: Path) -> Any:
    return parse_plain(path.read_bytes(), path.name)[0]


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in below for place in _places(value, (*path, key)))]


def _with(tree: Any, place: tuple[Any, ...], value: Any) -> str:
    inner = tree
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return yaml.safe_dump(tree, allow_unicode=True)


DRILL_TREE = _read(DRILL)
TREES = {path.name: _read(path) for path in AREAS}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([place for place in _places(DRILL_TREE) if place]), st.sampled_from(STRANGE))
def test_any_value_in_a_drill(tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], value: Any) -> None:
    """A drill with a strange value is refused with its problems, or read."""
    path = tmp_path_factory.mktemp("drills") / DRILL.name
    path.write_text(_with(_read(DRILL), place, value), encoding="utf-8")
    _read_or_refused(lambda: load_drill(path))


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_any_value_in_the_catalogue(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """The same for every place of the catalogue."""
    name = data.draw(st.sampled_from(sorted(TREES)))
    place = data.draw(st.sampled_from([place for place in _places(TREES[name]) if place]))
    value = data.draw(st.sampled_from(STRANGE))
    folder = tmp_path_factory.mktemp("catalogue")
    for path in AREAS:
        changed = _with(_read(path), place, value) if path.name == name else path.read_text()
        (folder / path.name).write_text(changed, encoding="utf-8")
    _read_or_refused(lambda: load_catalogue(folder))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_in_a_drill(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """Bytes that are no drill are refused."""
    path: Path = tmp_path_factory.mktemp("drills") / "a.yaml"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput):
        load_drill(path)


def _read_or_refused(read: Any) -> None:
    try:
        found = read()
    except InvalidInput as error:
        assert error.problems  # noqa: PT017 - only one of both outcomes may be looked at
    else:
        assert found is not None
