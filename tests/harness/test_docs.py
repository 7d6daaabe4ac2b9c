"""The docs as a newcomer reads them: every page can be reached, no link is dead, every command stands somewhere."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from harness.cli import build_parser

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md")
"""The pages that a newcomer begins with."""
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[str]:
    """Where a page points to inside the checkout; what stands in code is no link."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-") for text in plain}


def prose() -> str:
    """All that is written for people, history left out."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "CHANGELOG.md")


def commands(parser: argparse.ArgumentParser, before: str = "courtsight") -> list[str]:
    """Every command of the program, those of `slo` among them."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, part in action.choices.items():
                found += [f"{before} {name}", *commands(part, f"{before} {name}")]
    return found


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_no_link_is_dead(page: str) -> None:
    """Each link of a page leads to a file or folder of the checkout, and behind # to one of its headings."""
    here = ROOT / page
    for link in links(here):
        path, _, anchor = link.partition("#")
        there = here.parent / path if path else here
        assert there.exists(), f"{page} points to {link}, which is not there"
        assert not anchor or there.suffix != ".md" or anchor in anchors(there), f"{page}: no heading for {link}"


def test_every_page_is_reached() -> None:
    """README, CONTRIBUTING or ARCHITECTURE link every page and every decision; runbooks are linked by their alerts' pages."""
    reached = {((ROOT / top).parent / link.partition("#")[0]).resolve() for top in TOP for link in links(ROOT / top)}
    pages = {*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")}
    missing = sorted(str(page.relative_to(ROOT)) for page in pages - reached - {ROOT / "docs" / "ARCHITECTURE.md"})
    assert missing == [], "link them under `Every page` of docs/ARCHITECTURE.md"


def test_every_runbook_is_reached() -> None:
    """A page of the docs links each runbook, so that an alert's name leads to it."""
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)}
    assert sorted(path.name for path in set((ROOT / "docs" / "runbooks").glob("*.md")) - linked) == []


def test_every_command_is_written_down() -> None:
    """Each command of `courtsight` stands in the docs, by its own name or by the target of make that calls it."""
    text = prose()
    made = {*commands(build_parser())}
    assert len(made) > 20
    missing = []
    for command in sorted(made):
        name = command.removeprefix("courtsight ")
        words = rf"courtsight {name}\b" if " " in name or name == "slo" else rf"(?:courtsight|make) {name}\b"
        if not re.search(words, text):
            missing.append(command)
    assert missing == []


def test_every_target_is_written_down() -> None:
    """Each target that `make` explains stands in the docs as `make <target>`."""
    targets = re.findall(r"^([a-z-]+):.*?## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = prose()
    assert len(targets) > 20
    assert [name for name in targets if not re.search(rf"make {name}\b", text)] == []


def test_the_changelog_has_one_list_for_the_next_version() -> None:
    """Under the newest heading no kind of change has two lists, and no line stands twice."""
    newest = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    kinds = re.findall(r"^### (.*)$", newest, re.MULTILINE)
    lines = re.findall(r"^- .*$", newest, re.MULTILINE)
    assert len(kinds) == len(set(kinds))
    assert len(lines) == len(set(lines))
