"""`courtsight slo …`: the SLO spec on the command line, a module per command.

A module says `SENTENCE` and `EXAMPLES`, adds its own arguments with `add(parser)` and works in `run(options)`, which returns the exit
status: 0 fine, 1 findings or differences, 2 wrong input. `--json` belongs to every command and is added here. What a command needs
is imported when it runs, so that the command line stays quick to start.
"""

from __future__ import annotations

import argparse
from types import ModuleType

from harness.slo_commands import diff, explain, export, generate, import_, show, simulate, validate

COMMANDS: tuple[ModuleType, ...] = (validate, show, explain, generate, diff, simulate, import_, export)
"""In the order of the help; a command is called like its module."""

_SENTENCE = "read, check, explain and turn SLO specs into rules, of any service"


def add_slo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `slo` and its commands to the command line."""
    slo = commands.add_parser(
        "slo",
        help=_SENTENCE,
        description=_SENTENCE[0].upper() + _SENTENCE[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {module.EXAMPLES[0]}" for module in COMMANDS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = slo.add_subparsers(dest="slo_command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        _add(parts, module)


def _add(parts: argparse._SubParsersAction[argparse.ArgumentParser], module: ModuleType) -> None:
    sentence: str = module.SENTENCE
    made = parts.add_parser(
        module.__name__.rpartition(".")[2].rstrip("_"),  # `import` is a word of Python, so its module is `import_`
        help=sentence,
        description=sentence[0].upper() + sentence[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {line}" for line in module.EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add(made)
    made.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    made.set_defaults(handler=module.run)
