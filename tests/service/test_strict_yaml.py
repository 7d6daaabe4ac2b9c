"""YAML of deployments and catalogues: read by libyaml's events, and the same as by PyYAML's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from service.settings import CORPORA
from service.strict_yaml import UniqueKeys

SHIPPED = sorted(CORPORA.parent.rglob("*.yaml"))
words = st.text("abcxyz :#-[]{},'\"\\n|>0123456789.~é", max_size=12)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def read(text: str) -> object:
    return yaml.load(text, UniqueKeys)  # noqa: S506 - a SafeLoader made stricter


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_are_read_alike(path: Path) -> None:
    """Every YAML file of the service means the same with libyaml as without it."""
    text = path.read_text(encoding="utf-8")
    assert read(text) == yaml.safe_load(text)


@given(plain)
def test_any_value_comes_back(value: object) -> None:
    """What is written as YAML is read back as it was."""
    assert read(yaml.safe_dump(value, allow_unicode=True)) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2", "key 'a' stands twice"),
        ("a: &x 1\nb: *x", "aliases are not allowed"),
        ("? [a]\n: 1", "a key must be a plain word"),
        ("a: !!python/name:os.system x", "could not determine a constructor"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: [", "while parsing a flow"),
        ("a: \x01", "unacceptable character"),
    ],
)
def test_what_people_do_not_mean_is_refused(text: str, told: str) -> None:
    """A doubled key, an alias, a key that is no word, a tag, a second document and broken text are errors that say so."""
    with pytest.raises(yaml.YAMLError) as caught:
        read(text)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 5_000, "- " * 3_000], ids=["lists", "mappings", "dashes"])
def test_what_is_nested_without_end_ends(text: str) -> None:
    """Depth that nobody means ends in an error, never in a crash of the parser underneath."""
    with pytest.raises((yaml.YAMLError, RecursionError)):
        read(text)
