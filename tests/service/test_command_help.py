"""Whoever asks a command for help finds what it does, examples that work, and how it ends."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from service.commands.line import _parser, main
from service.commands.manual import EXAMPLES, PROGRAM

ROOT = Path(__file__).parents[2]


PARSER = cache(_parser)


@cache
def parsers() -> Mapping[str, argparse.ArgumentParser]:
    """Every command's own parser, by its words."""

    def below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for one in action.choices.values():
                    yield from below(one)

    return {one.prog.removeprefix(PROGRAM).strip(): one for one in below(PARSER())}


def test_every_command_has_examples_and_no_example_lacks_its_command() -> None:
    """Both ways: a new command needs an example, and one that is gone leaves none."""
    assert set(EXAMPLES) == set(parsers())


@pytest.mark.parametrize("words", EXAMPLES)
def test_help_says_what_how_and_how_it_ends(words: str) -> None:
    """The help of each command holds a sentence of what it does, its examples as they stand, its exit statuses, and a word on each argument."""
    parser = parsers()[words]
    told = parser.format_help()
    assert all(f"  {line}\n" in told for line in EXAMPLES[words])
    assert re.search(r"^exit status: 0 .*130", told, re.MULTILINE) or words == "settings"
    assert words == "serve" or "141 who reads the output has left" in told
    assert parser.description
    unexplained = [
        action.dest for action in parser._actions if not action.help and not action.required and not action.choices
    ]
    assert unexplained == []


@pytest.mark.parametrize("line", sorted({line for lines in EXAMPLES.values() for line in lines}))
def test_examples_are_commands_of_today(line: str) -> None:
    """What an example calls of this program, its own parser takes."""
    for command in line.split(" | "):
        _, found, arguments = command.partition(f"{PROGRAM} ")
        if found:
            PARSER().parse_args(shlex.split(arguments))


@pytest.mark.parametrize(
    "words", [words for words, lines in EXAMPLES.items() if any(" serve" in line for line in lines)]
)
def test_who_copies_the_examples_can_start_the_service(words: str) -> None:
    """In development, too, nothing is served without a secret: a line before makes one."""
    lines = EXAMPLES[words]
    first = next(number for number, line in enumerate(lines) if " serve" in line)
    assert any(line.startswith("export COURTSIGHT_JWT_SECRET=") for line in lines[:first])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["metrics-table", "--into", "none/page.md"], "none/page.md: No such file or directory; give a file"),
        (["accounts", "create", "--username", "a", "--role", "judge", "--password-file", "none"], "or - for standard"),
        (["publish", "library", "--database-url-file", "none"], "none: No such file or directory; name a file that"),
        (["embed", "library", "--embeddings", "none.yaml"], "none.yaml: No such file or directory; name a file that"),
        (["complexity-eval", "none.jsonl"], "none.jsonl: No such file or directory; name a file of JSON lines"),
    ],
)
def test_a_file_that_is_not_there_is_one_line(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No trace of the program: the file, what is wrong with it and what to give, and exit status 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "Errno" not in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("limit", ["-1", "0", "9" * 20])
def test_a_limit_is_at_least_one_and_no_astronomical_number(capsys: pytest.CaptureFixture[str], limit: str) -> None:
    """`--limit -1` is no limit of any kind, and what no database can count is none either."""
    with pytest.raises(SystemExit) as ended:
        main(["audit", "show", "--limit", limit])
    assert ended.value.code == 2
    assert "give 1 to 1000000" in capsys.readouterr().err


LISTENING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
"""A suite that was started in the background ignores SIGINT, and so would its children."""


@pytest.mark.integration
def test_a_reader_who_leaves_and_ctrl_c_end_a_command_quietly(tmp_path: Path) -> None:
    """`… | head` and Ctrl-C: exit statuses 141 and 130, at most one line on standard error, no trace of the program."""
    command = [sys.executable, "-m", "service"]
    read, write = os.pipe()
    os.close(read)
    left = subprocess.run([*command, "metrics-table"], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (left.returncode, left.stderr) == (141, b"")
    env = {**os.environ, "COURTSIGHT_ENVIRONMENT": "development", "COURTSIGHT_DATABASE": str(tmp_path / "a.db")}
    waiting = [*command, "accounts", "create-many", "-"]
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING, *waiting],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        # A full pipe that empties has been read: the command waits for more.
        process.stdin.write("\n" * 65_537)
        process.stdin.flush()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=180)
    assert (process.returncode, told) == (130, "courtsight: interrupted\n")


@pytest.mark.integration
def test_an_account_is_made_without_reading_the_whole_service(tmp_path: Path) -> None:
    """What only serving or a Redis needs is imported by neither the command line nor the accounts: each run would wait for it."""
    program = (
        "import sys; from service.__main__ import main; status = main(['accounts', 'list']); "
        "print(status, [name for name in ('fastapi', 'aiohttp', 'redis') if name in sys.modules])"
    )
    env = {**os.environ, "COURTSIGHT_ENVIRONMENT": "development", "COURTSIGHT_DATABASE": str(tmp_path / "a.db")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"
