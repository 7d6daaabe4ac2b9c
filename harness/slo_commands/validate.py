"""`courtsight slo validate`: every problem of a spec at once, each with its place and what would mend it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from harness.slo_commands.reading import EXIT_FINE, EXIT_WRONG, as_json, files_of
from slo.errors import InvalidInput, Problem

SENTENCE = "say everything that is wrong with a spec, with file, line, path and mend"
EXAMPLES = (
    "courtsight slo validate slo/specs/courtsight.yaml",
    "courtsight slo validate slo/specs --json",
)


def add(parser: argparse.ArgumentParser) -> None:
    """Which specs, and how hard to look."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a spec, or a folder of them")


def run(options: argparse.Namespace) -> int:
    """Read every spec and print what is wrong with it."""
    files = files_of(options.files)
    wrong: list[Problem] = []
    for file in files:
        wrong += _problems(file)
    if options.json:
        print(as_json({"files": [str(file) for file in files], "problems": [asdict(problem) for problem in wrong]}))
    for problem in [] if options.json else wrong:
        print(problem)
    print(f"{len(files)} files, {len(wrong)} problems", file=sys.stderr)
    return EXIT_WRONG if wrong else EXIT_FINE


def _problems(file: Path) -> tuple[Problem, ...]:
    from slo.load import load_spec  # noqa: PLC0415 - imported when the command runs

    try:
        load_spec(file)
    except InvalidInput as error:
        return error.problems
    return ()
