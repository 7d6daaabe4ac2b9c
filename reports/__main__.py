"""Check a report: `python -m reports verify reports/out/<run>/readiness.html [--at 2026-12-24]`.

Exit status 0: the page agrees with the evidence that it carries. 1: it does not. 2: it cannot be read, or the date is none. With
`--at` the page is checked first, and then decided again for that date; the status is then the one of the decision.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from reports.render import read_page, verify
from reports.summary import summary
from slo.verdict import EXIT_OF_READINESS, EXIT_USAGE

DISAGREES = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    path: Path = options.page
    try:
        page = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        print(f"{path}: cannot be read: {error}", file=sys.stderr)
        return EXIT_USAGE
    found = verify(page)
    if found:
        print("\n".join(f"{path}: {one}" for one in found))
        return DISAGREES
    decision, inputs = read_page(page)
    if options.at is None:
        print(f"{path}: agrees with its evidence: {decision.readiness} for phase {decision.phase}")
        return 0
    again = inputs.decide(decision.phase, options.at)
    print(summary(again), end="")
    return EXIT_OF_READINESS[again.readiness]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description="Check a readiness report")
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser("verify", help="derive the verdict again from what the page carries")
    check.add_argument("page", type=Path, help="readiness.html")
    check.add_argument("--at", type=_moment, help="decide again for this date (ISO 8601; UTC unless it says otherwise)")
    return parser


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write it like 2026-12-24") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
