"""Strict reading: what YAML allows and we do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from pydantic import Field

from slo import strict_yaml
from slo.errors import InvalidInput, Problem
from slo.strict_yaml import (
    MAX_BYTES,
    MOST_PROBLEMS,
    Wire,
    load_strict,
    parse_plain,
    parse_strict,
    read_document,
)


class _Leaf(Wire):
    weight: int
    colour: str = "green"
    for_: str = Field(default="5m", alias="for")


class _Tree(Wire):
    name: str
    leaves: list[_Leaf] = Field(default_factory=list)
    named: dict[str, _Leaf] = Field(default_factory=dict)


def _problems(text: str | bytes) -> tuple[Problem, ...]:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InvalidInput) as caught:
        parse_strict(raw, "tree.yaml", _Tree)
    return caught.value.problems


def test_a_good_file_is_read() -> None:
    """What the model knows is read, aliases of field names included."""
    tree = parse_strict(b"name: oak\nleaves: [{weight: 1, for: 2m}]\nnamed: {a: {weight: 2}}\n", "tree.yaml", _Tree)
    assert tree.leaves[0].for_ == "2m"
    assert tree.named["a"].weight == 2


def test_a_typo_names_the_nearest_key() -> None:
    """An unknown key says file, line, path and the nearest key."""
    (problem,) = _problems("name: oak\nleaves:\n  - weight: 1\n    color: red\n")
    assert (problem.file, problem.line, problem.path) == ("tree.yaml", 4, "leaves.0.color")
    assert "did you mean 'colour'?" in problem.advice
    assert str(problem) == "tree.yaml:4: leaves.0.color: unknown key 'color' (did you mean 'colour'?)"


def test_a_typo_below_a_named_entry() -> None:
    """The path leads through the names that the author chose."""
    (problem,) = _problems("name: oak\nnamed:\n  a:\n    weight: 1\n    fro: 5m\n")
    assert (problem.line, problem.path) == (5, "named.a.fro")
    assert "'for'" in problem.advice


def test_a_key_like_no_other_lists_the_known_ones() -> None:
    """Where nothing is near, the known keys are listed."""
    (problem,) = _problems("name: oak\nzzzzzz: 1\n")
    assert problem.advice == "known keys: leaves, name, named"


def test_a_missing_key_is_named() -> None:
    """A missing key says where it is missing."""
    (problem,) = _problems("leaves: []\n")
    assert problem.message == "key 'name' is missing"


def test_every_problem_is_told() -> None:
    """Two mistakes are two problems, not the first of them."""
    assert len(_problems("nme: oak\nleaves: [{weight: heavy}]\n")) == 3


def test_values_are_not_converted() -> None:
    """A number in quotes is no number."""
    (problem,) = _problems("name: oak\nleaves: [{weight: '1'}]\n")
    assert (problem.line, problem.path) == (2, "leaves.0.weight")


def test_a_key_that_stands_twice() -> None:
    """YAML would let the last one win; here both are told apart by line."""
    (problem,) = _problems("name: oak\nname: elm\n")
    assert (problem.line, problem.message) == (2, "stands twice")


def test_aliases_are_refused() -> None:
    """A small file of aliases can unfold into gigabytes."""
    (problem,) = _problems("name: &a oak\nleaves: [*a]\n")
    assert problem.line == 2
    assert "alias *a is refused" in problem.message


def test_depth_is_limited() -> None:
    """Brackets inside brackets end somewhere."""
    (problem,) = _problems("name: " + "[" * 60 + "]" * 60)
    assert "nested deeper than 50" in problem.message


def test_one_document_only() -> None:
    """A second document would be ignored in silence; here it is an error."""
    (problem,) = _problems("name: oak\n---\nname: elm\n")
    assert "expected a single document" in problem.message


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n"])
def test_an_empty_file(text: str) -> None:
    """Nothing is no spec."""
    (problem,) = _problems(text)
    assert problem.message == "is empty"


@pytest.mark.parametrize("raw", [b"\x00\x01\x02", b"\xff\xfe\xfd", b"name: \xff\n", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_a_binary_file(raw: bytes) -> None:
    """What is no text is a sentence, not a traceback."""
    (problem,) = _problems(raw)
    assert "is no YAML that can be used" in problem.message


def test_a_file_in_another_encoding() -> None:
    """YAML allows UTF-16; files of ours are UTF-8, with or without its mark at the beginning."""
    (problem,) = _problems("name: oak\n".encode("utf-16"))
    assert "is no YAML that can be used" in problem.message
    assert parse_strict(b"\xef\xbb\xbfname: oak\n", "tree.yaml", _Tree).name == "oak"


@pytest.mark.parametrize(
    "text", ["name: [", "name: oak: elm\n", "\tname: oak\n", "name: !!python/object:os.system x\n", "name: 'oak\n"]
)
def test_broken_yaml_has_a_line(text: str) -> None:
    """Broken syntax, and tags that would run something, are told with a line."""
    (problem,) = _problems(text)
    assert problem.line is not None


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "42\n", "2026-99-99\n"])
def test_another_shape(text: str) -> None:
    """A list, a word or a number is no mapping."""
    assert _problems(text)


def test_a_date_that_is_none() -> None:
    """YAML's own conversion of an impossible date is caught too."""
    (problem,) = _problems("name: 2026-02-31\n")
    assert "is no YAML that can be used" in problem.message


def test_a_file_that_is_too_large() -> None:
    """Four megabytes of spec are a mistake."""
    (problem,) = _problems(b" " * (MAX_BYTES + 1))
    assert "larger than" in problem.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file and a folder say why they cannot be read."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be read"):
            load_strict(path, _Tree)


def test_lines_are_known_for_every_place() -> None:
    """Each key and each element of a list has its line."""
    _, lines = parse_plain(b"a:\n  - 1\n  - b: 2\n", "x")
    assert lines[("a",)] == 1
    assert lines[("a", "1", "b")] == 3


def test_a_problem_of_a_whole_file() -> None:
    """Without a line and a path the file alone is named."""
    assert str(Problem("x.yaml", None, "", "is empty")) == "x.yaml: is empty"


def test_both_parsers_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without libyaml the same text gives the same values, lines and refusals."""
    good = b"a: [1, 2.5, yes, 2026-11-21, null]\nb:\n  - c: 'x'\n    d: |\n      y\n"
    with_libyaml = read_document(good, "x")
    broken = [_refusal(text) for text in REFUSED]
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert read_document(good, "x") == with_libyaml
    assert [_refusal(text) for text in REFUSED] == broken


REFUSED = (
    "a: *b\n",
    "a: !!python/object:os.system x\n",
    "x: 1\n<<: {a: 1}\n",
    "? [a]\n: 1\n",
    "a: 1\n---\nb: 2\n",
    "a: [1, !t 2]\n",
    "!t a: 1\n",
    "a: 1\nb: x\x07y\n",
    '{"a": "\x00"}',
)


def _refusal(text: str) -> tuple[int | None, str]:
    with pytest.raises(InvalidInput) as caught:
        read_document(text.encode(), "x")
    (problem,) = caught.value.problems
    return problem.line, problem.message


@pytest.mark.parametrize("text", REFUSED)
def test_every_refusal_has_its_line_and_mend(text: str) -> None:
    """Aliases, tags, merge keys, keys that are no words and second documents say what to write instead."""
    with pytest.raises(InvalidInput) as caught:
        read_document(text.encode(), "x")
    (problem,) = caught.value.problems
    assert problem.line is not None
    assert problem.advice


@pytest.mark.parametrize(
    ("raw", "line"),
    [(b"name: oak\n# \xe9\n", 2), (b"name: oak\r\n\x1b[31m\n", 2), (b"\x00" * 9, 1), (b"a\n" * 9 + b"\xc3", 10)],
)
def test_what_is_no_text_has_its_line(raw: bytes, line: int) -> None:
    """A byte that is no UTF-8, and a character that YAML takes nowhere, are told with line and mend: nobody finds them by looking."""
    (problem,) = _problems(raw)
    assert (problem.line, "UTF-8" in problem.advice) == (line, True)


@pytest.mark.parametrize("name", ["\U0001f680", "a\U0010ffffb", "\\\U0001f680\\", "\\ud83d\\ude80"])
def test_json_may_write_a_character_in_two_halves(name: str) -> None:
    """What Python's own writer of JSON makes is read as it was meant; a backslash that is itself escaped begins nothing."""
    assert parse_strict(json.dumps({"name": name}).encode(), "tree.json", _Tree).name == name


def test_half_a_character_is_refused() -> None:
    """One half without the other is none."""
    (problem,) = _problems('{"name": "\\ud83d"}')
    assert problem.line == 1


@pytest.mark.parametrize("text", ["010", "-017", "1:30", "1:30.5", "0_1"])
def test_numbers_of_another_base_are_refused(text: str) -> None:
    """YAML reads 010 as 8 and 1:30 as 90: whoever means them writes them so."""
    found = _problems(f"name: oak\nleaves: [{{weight: {text}}}]\n")
    assert any("for YAML, and not for people" in problem.message and problem.line == 2 for problem in found)
    tree = parse_strict(f"name: oak\nleaves: [{{weight: 0, colour: '{text}'}}]\n".encode(), "tree.yaml", _Tree)
    assert tree.leaves[0].colour == text


def test_a_number_that_is_too_long() -> None:
    """A number of a hundred thousand digits is refused before anything is computed with it."""
    (problem,) = _problems("name: oak\nleaves: [{weight: " + "9" * 100_000 + "}]\n")
    assert (problem.line, "too long for a number" in problem.message) == (2, True)


def test_very_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four megabytes of empty lists end at a number of values, here at a thousand."""
    monkeypatch.setattr(strict_yaml, "MAX_VALUES", 1000)
    (problem,) = _problems("[" + "[]," * 1001 + "]")
    assert "holds more than 1000 values" in problem.message


def test_very_many_problems_are_counted() -> None:
    """A file with thousands of unknown keys tells the first ones, and how many more there are."""
    found = _problems("name: oak\n" + "".join(f"k{number}: 1\n" for number in range(1000)))
    assert len(found) == MOST_PROBLEMS + 1
    assert "has 800 problems more" in found[-1].message


def test_what_yaml_takes_for_something_else() -> None:
    """`no` and `1.0` are no text for YAML: the mend is to quote them."""
    for text in ("name: no\n", "name: 1.0\n", "name: 2026-11-21\n"):
        (problem,) = _problems(text)
        assert "quotes" in problem.advice
