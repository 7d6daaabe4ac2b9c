"""Every command that the docs show is one of today: its words, its options, the target of make and the module are there."""

from __future__ import annotations

import argparse
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.cli import build_parser
from service.commands.line import _parser as service_parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {ROOT / "CHANGELOG.md"})
CODE = re.compile(r"^```.*?\n(.*?)^```|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
# A name space of kubectl and a model bear the program's name, too.
CALL = re.compile(
    r"(?:^|(?<=[\s(\"'=`])|(?<=bin/))(?<!-n )(?<!--model )(courtsight|make|python3? -m [\w.]+)(?= |$)([^#;&>\n]*)"
)
PARSERS = {"courtsight": build_parser, "python -m service": service_parser}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
PLACEHOLDER = re.compile(r"[A-Z<…\[(.*]|\d")
"""How words begin that stand for others: `FILE`, `<command>`, `…`, `[…]`, `*`."""


def calls(text: str) -> Iterator[tuple[str, str]]:
    """What code calls of this project: the program, and the words behind it up to the end of the command."""
    for block, span in CODE.findall(text):
        code = (block or span).replace("\\\n", " ")
        for line in code.splitlines():
            # Behind two spaces a block says what a command does.
            for part in re.split(r"(?<=\S) {2,}|\t| \| (?!-)", line):
                for program, words in CALL.findall(part.partition(" # ")[0]):
                    yield program.replace("python3", "python"), words.strip()


@cache
def made() -> tuple[frozenset[str], str]:
    """The targets of make, and the whole makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE)), text


def wrong_target(words: str) -> list[str]:
    targets, text = made()
    # What stands in quotes is said to the command that make calls.
    plain = re.sub(r"\"[^\"]*\"?|'[^']*'?", "", words).split()
    found = [word for word in plain if re.fullmatch(r"[a-z][a-z0-9-]*", word)]
    variables = [word.partition("=")[0] for word in plain if re.match(r"[A-Z_]+=", word)]
    return [
        *(f"no target {word}" for word in found if word not in targets),
        *(f"no variable {name}" for name in variables if not re.search(rf"\b{name}\b", text)),
    ]


def wrong_command(parser: argparse.ArgumentParser, words: str) -> list[str]:
    """Commands are looked for as long as there are some below; options are those of the last one found, or of one on the way to it."""
    known = set(parser._option_string_actions)
    for word in words.split():
        below = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
        if below is None or word.startswith("-") or PLACEHOLDER.match(word):
            break
        name = word.strip("`,.:)]")
        if name not in below.choices:
            # `slo diff|explain` names several.
            missing = [one for one in re.split(r"[|/]", name) if one not in below.choices]
            return [f"{parser.prog} has no command {one}" for one in missing]
        parser = below.choices[name]
        known |= set(parser._option_string_actions)
    return [f"{parser.prog} has no option {option}" for option in OPTION.findall(words) if option not in known]


def wrong_module(module: str, words: str) -> list[str]:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return [f"no module {module}"]
    if not Path(found.origin).is_relative_to(ROOT) or ".venv" in found.origin:
        return []
    origin = Path(found.origin)
    sources = origin.parent.glob("*.py") if origin.name == "__init__.py" else [origin]
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    return [f"{module} has no option {option}" for option in OPTION.findall(words) if f'"{option}"' not in text]


def wrong(program: str, words: str) -> list[str]:
    """What of a call is not there."""
    if program == "make":
        return wrong_target(words)
    if program in PARSERS:
        return wrong_command(PARSERS[program](), words)
    return wrong_module(program.removeprefix("python -m "), words)


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_commands_of_a_page_are_commands_of_today(page: str) -> None:
    """What a page shows in code, the parsers, the makefile and the packages have."""
    text = (ROOT / page).read_text(encoding="utf-8")
    told = [f"`{program} {words}`: {what}" for program, words in calls(text) for what in wrong(program, words)]
    assert told == []


def test_the_pages_hold_commands_and_wrong_ones_are_seen() -> None:
    """The look itself: it finds the commands that there are, in blocks and in lines, and what is wrong with a made-up one."""
    found = [call for page in PAGES for call in calls(page.read_text(encoding="utf-8"))]
    assert len(found) > 150
    page = (
        "Say `courtsight slo difff A B`, `make lnit ONLI=1` or `COURTSIGHT_X=1 python -m service serve --prot 1 | cat`.\n"
        '```sh\n.venv/bin/python -m simulatr\npython -m simulator --sedd 1   and --more of it\nmake uat ARGS="--any thing" # make no\n```\n'
    )
    assert [what for program, words in calls(page) for what in wrong(program, words)] == [
        "courtsight slo has no command difff",
        "no target lnit",
        "no variable ONLI",
        "python -m service serve has no option --prot",
        "no module simulatr",
        "simulator has no option --sedd",
    ]
