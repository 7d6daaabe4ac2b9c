"""Breaks one line for each control of docs/security.md and sees its test red.

    python -m tests.security_mutations [--only WORD] [--list]

Works in a copy of what git tracks, never in the tree itself. First every test runs against the whole code and must pass, since a test
that always fails proves nothing; then each mutation is applied alone, its test runs, and must fail by an assertion: pytest's status 1, not
that of a module which cannot be imported. Status 0 when all were seen red, else 1 with the controls that nothing holds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
ROWS = Path(__file__).parent / "service" / "security" / "mutations.yaml"
_LONGEST_SECONDS = 300
_TESTS_FAILED = 1
_BROKEN = -2


@dataclass(frozen=True, slots=True)
class Mutation:
    """One broken line: in `file`, `find` (which stands there once) becomes `replace`, and `test` must notice."""

    control: str
    file: str
    find: str
    replace: str
    test: str


def mutations(text: str) -> list[Mutation]:
    """The rows of the data file."""
    return [Mutation(**row) for row in yaml.safe_load(text)]


def broken(source: str, mutation: Mutation) -> str:
    """The source with its one line broken.

    Raises:
        ValueError: the line is not there, or not alone: the row has to be mended.
    """
    if (times := source.count(mutation.find)) != 1:
        raise ValueError(f"{mutation.file}: {mutation.find!r} stands there {times} times; mend the row in {ROWS.name}")
    return source.replace(mutation.find, mutation.replace)


def copied(into: Path) -> None:
    """Copy what git tracks, as it lies in the tree now."""
    git = shutil.which("git")
    if git is None:
        raise SystemExit("git is needed to list the files: install it")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    # A browser or a Redis that was fetched is looked up below the root.
    if (ROOT / ".cache").is_dir():
        (into / ".cache").symlink_to(ROOT / ".cache")


@contextmanager
def applied(tree: Path, mutation: Mutation) -> Iterator[None]:
    """Have one line broken for a while."""
    file = tree / mutation.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(broken(whole, mutation), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(whole, encoding="utf-8")


def status_of(tree: Path, tests: Sequence[str]) -> int:
    """The exit status of pytest; -1 when it took too long."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", "--no-header", *tests]
    # A mutation may change no byte of a file's size within one tick of its clock: bytecode would be taken for that of the other.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            command,
            cwd=tree,
            env=env,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS * len(tests),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1
    if ended.returncode not in {0, _TESTS_FAILED}:
        sys.stderr.write(ended.stdout[-2000:] + ended.stderr[-2000:])
    # A fixture that broke proves as little as a module that cannot be imported.
    return _BROKEN if "\nERROR tests/" in ended.stdout else ended.returncode


def survivors(tree: Path, rows: Sequence[Mutation]) -> list[Mutation]:
    """The mutations that their test did not notice; each is told as it is known."""
    left = []
    for row in rows:
        with applied(tree, row):
            red = status_of(tree, [row.test]) == _TESTS_FAILED
        sys.stdout.write(f"{'red     ' if red else 'NOT RED '} {row.control}: {row.file} -> {row.test}\n")
        sys.stdout.flush()
        if not red:
            left.append(row)
    return left


def main(arguments: list[str] | None = None) -> int:
    """Run all rows, or those that hold a word."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="rows whose control, file or test holds this")
    parser.add_argument("--list", action="store_true", help="show the rows and run nothing")
    options = parser.parse_args(arguments)
    every = mutations(ROWS.read_text(encoding="utf-8"))
    rows = [row for row in every if options.only in f"{row.control} {row.file} {row.test}"]
    if not rows:
        sys.stderr.write(f"--only: no row holds {options.only!r}; --list shows them all\n")
        return 2
    if options.list:
        sys.stdout.writelines(f"{row.control}: {row.file} -> {row.test}\n" for row in rows)
        return 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        tree = Path(folder)
        copied(tree)
        if status_of(tree, sorted({row.test for row in rows})):
            sys.stdout.write("The tests fail without any mutation: mend that first.\n")
            return 1
        left = survivors(tree, rows)
    sys.stdout.write(f"{len(rows) - len(left)} of {len(rows)} seen red\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
