"""Profiles: what ships, and what is wrong with a bad one, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.distributions import Constant, Empirical, Lognormal
from simulator.errors import InvalidInputError
from simulator.profile import PROFILES_FOLDER, Mode, TokenCount, find_profile, load_profile

GOOD = """name: mine
ttft: {shape: lognormal, median_seconds: 0.5, sigma: 0.4}
inter_token: {shape: rate, per_second: 90}
tokens: {simple: 60, medium: {least: 90, most: 110}}
default_kind: simple
"""


def profile(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_published_profile_has_the_published_numbers() -> None:
    """TTFT lognormal with median 0.5 s and sigma 0.4, 90 tokens a second, 60, 120 and 240 tokens, and no limit."""
    found = load_profile(find_profile("published"))
    assert found.ttft == Lognormal(0.5, 0.4)
    assert found.inter_token == Constant(1 / 90)
    assert {kind: (count.least, count.most) for kind, count in found.tokens.items()} == {
        "simple": (60, 60),
        "medium": (120, 120),
        "complex": (240, 240),
    }
    assert found.concurrency is None


@pytest.mark.parametrize("name", sorted(path.stem for path in PROFILES_FOLDER.glob("*.yaml")))
def test_every_shipped_profile_loads_under_its_own_name(name: str) -> None:
    """The name inside is the file's."""
    assert load_profile(find_profile(name)).name == name


def test_a_profile_without_extras_is_grounded_and_unlimited(tmp_path: Path) -> None:
    """What is not said has its documented default."""
    found = load_profile(profile(tmp_path, GOOD))
    assert (found.mode, found.models, found.concurrency, found.role_chunk_first) == (Mode.GROUNDED, (), None, False)
    assert found.tokens["medium"] == TokenCount(90, 110)
    assert {found.tokens["medium"].at(share) for share in (0.001, 0.999)} == {90, 110}


def test_an_empirical_file_lies_beside_the_profile(tmp_path: Path) -> None:
    """Seconds are read line by line, comments and empty lines passed over."""
    (tmp_path / "gaps.txt").write_text("# measured\n0.3\n\n0.1\n", encoding="utf-8")
    found = load_profile(
        profile(tmp_path, GOOD.replace("{shape: rate, per_second: 90}", "{shape: empirical, file: gaps.txt}"))
    )
    assert found.inter_token == Empirical((0.1, 0.3))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ttft:", "tfft:", "mine.yaml: tfft: unknown key, did you mean 'ttft'?"),
        ("median_seconds", "median_second", "did you mean 'median_seconds'?"),
        ("lognormal", "lognormall", "'lognormall'"),
        ("sigma: 0.4", "sigma: -1", "ttft.lognormal.sigma: input should be greater than or equal to 0"),
        ("sigma: 0.4", "sigma: .nan", "ttft.lognormal.sigma"),
        ("simple: 60", "simple: 0", "tokens.simple"),
        ("simple: 60", "simple: '60'", "tokens.simple"),
        ("least: 90", "least: 190", "tokens.medium: least 190 is more than most 110"),
        (
            "default_kind: simple",
            "default_kind: simpel",
            "default_kind: 'simpel' has no row in tokens; known kinds: simple, medium",
        ),
        ("name: mine\n", "", "mine.yaml: name: is missing"),
        (
            "name: mine\n",
            "name: mine\nname: yours\n",
            "mine.yaml:2: is no YAML that can be used: key 'name' stands twice",
        ),
        ("name: mine\n", "name: &n mine\nanswers: *n\n", "an alias in line 2: write the value out"),
        ("name: mine\n", "name: [mine\n", "is no YAML that can be used"),
        ("name: mine\n", "name: mine\nanswers: {mode: scripted}\n", "answers.script: is missing"),
        ("name: mine\n", "name: mine\nanswers: {mode: fluent}\n", "answers.mode"),
        ("{shape: rate, per_second: 90}", "{shape: empirical, file: none.txt}", "inter_token.file"),
        ("{shape: rate, per_second: 90}", "{shape: rate, per_second: 0}", "inter_token.rate.per_second"),
    ],
)
def test_a_wrong_profile_is_one_line_with_file_place_and_mend(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Typos, wrong numbers and wrong YAML are named with the file and the place."""
    assert old in GOOD
    with pytest.raises(InvalidInputError) as caught:
        load_profile(profile(tmp_path, GOOD.replace(old, new, 1)))
    assert told in str(caught.value)
    assert "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "0.1\nfast\n", "-1\n", "nan\n", "1e9\n"])
def test_an_empirical_file_holds_seconds_and_nothing_else(tmp_path: Path, text: str) -> None:
    """An empty file, a word, a negative number and what is no number are refused by name."""
    (tmp_path / "gaps.txt").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"gaps\.txt"):
        load_profile(
            profile(tmp_path, GOOD.replace("{shape: rate, per_second: 90}", "{shape: empirical, file: gaps.txt}"))
        )


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    """Neither a file nor a shipped profile: the shipped names are told."""
    with pytest.raises(InvalidInputError, match=r"publisht: no such profile; give a file, or one of .*published"):
        find_profile("publisht")


def test_a_script_is_tried_in_order(tmp_path: Path) -> None:
    """The first pattern that the question holds decides; none of them gives the text for otherwise."""
    script = "answers: [{pattern: 'cerai|talak', text: Satu.}, {pattern: cerai, text: Dua.}]\notherwise: Tiga.\n"
    (tmp_path / "script.yaml").write_text(script, encoding="utf-8")
    found = load_profile(profile(tmp_path, GOOD + "answers: {mode: scripted, script: script.yaml}\n")).script
    assert found is not None
    assert [found.text_for(question) for question in ("Bagaimana CERAI?", "Apa itu?")] == ["Satu.", "Tiga."]


def test_a_script_with_a_broken_pattern_is_named(tmp_path: Path) -> None:
    """A regular expression that does not compile is an error with its place."""
    (tmp_path / "script.yaml").write_text("answers: [{pattern: '(', text: a}]\notherwise: b\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"script\.yaml: answers\.0\.pattern: is no regular expression"):
        load_profile(profile(tmp_path, GOOD + "answers: {mode: scripted, script: script.yaml}\n"))
