"""`courtsight slo import`: specs of OpenSLO and Sloth become specs of ours, and what could not be carried over is said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alerts.yaml_text import document
from harness.slo_commands.reading import EXIT_FINE, EXIT_FOUND, as_json
from harness.slo_commands.writing import replace_all
from slo.errors import CourtSightError, InvalidInput, Problem
from slo.exchange.naming import one_line

if TYPE_CHECKING:
    from slo.exchange.drafts import Sheet
    from slo.exchange.ledger import Finding

SENTENCE = "read OpenSLO v1 or Sloth specs as a spec of ours, and say what was carried, approximated and lost"
EXAMPLES = (
    "courtsight slo import slos.yaml -o slo/specs/shop.yaml",
    "courtsight slo import sloth/*.yaml --owner web-team --window 28d --strict",
    "courtsight slo import openslo/ --from openslo -o specs/ --json",
)
MOST_NAMES = 5
"""Files named at the top of a new spec."""
ENDINGS = frozenset([".yaml", ".yml", ".json"])


def add(parser: argparse.ArgumentParser) -> None:
    """Which files, and whereto."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="specs of others, or folders of them")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="SPEC", help="the new spec; a folder where there are several services"
    )
    parser.add_argument("--from", dest="form", choices=("openslo", "sloth"), help="format; found out without")
    parser.add_argument("--owner", metavar="NAME", help="who answers for the SLOs, instead of whom the files name")
    parser.add_argument("--window", default="30d", metavar="W", help="SLO window of Sloth's SLOs (30d, 28d …)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when anything was lost")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def run(options: argparse.Namespace) -> int:
    """Read, tell, write; 1 when no SLO could be carried, and under --strict when anything was lost."""
    from slo.exchange.ledger import Fate  # noqa: PLC0415 - imported when the command runs
    from slo.exchange.read import import_specs  # noqa: PLC0415 - as above
    from slo.strict_yaml import read_bytes  # noqa: PLC0415 - as above
    from slo.window_table import load_policy  # noqa: PLC0415 - as above

    _check(options)
    files = [(str(path), read_bytes(path)) for path in inputs_of(options.files)]
    imported = import_specs(files, load_policy(), form=options.form, owner=options.owner, period=options.window)
    texts = {str(sheet.plain["service"]): spec_text(sheet, [name for name, _ in files]) for sheet in imported.sheets}
    written = _written(options.output, texts, force=options.force) if options.output is not None else {}
    if options.json:
        specs = written if options.output is not None else texts
        print(as_json({"findings": [asdict(entry) for entry in imported.findings], "specs": specs}))
    else:
        tell(imported.findings)
        if options.output is None:
            print("---\n".join(texts.values()), end="")
    if not texts:
        print("no SLO could be carried over: nothing is written", file=sys.stderr)
    lost = any(finding.fate is Fate.LOST for finding in imported.findings)
    return EXIT_FOUND if not texts or (options.strict and lost) else EXIT_FINE


def tell(findings: Sequence[Finding]) -> None:
    """Print findings where they do not mix with a spec, and how many there are of each."""
    for finding in findings:
        print(finding, file=sys.stderr)
    counts = {fate: sum(finding.fate == fate for finding in findings) for fate in ("carried", "approximated", "lost")}
    print(", ".join(f"{count} {fate}" for fate, count in counts.items()), file=sys.stderr)


def inputs_of(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The files named, and of a folder every YAML and JSON file below it, by name.

    Raises:
        InvalidInput: A folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(entry for entry in path.rglob("*") if entry.suffix in ENDINGS and entry.is_file())
        if path.is_dir() and not inside:
            said = "holds no YAML or JSON file"
            raise InvalidInput((Problem(str(path), None, "", said, "name files, or a folder of them"),))
        found += inside if path.is_dir() else [path]
    return tuple(dict.fromkeys(found))


def spec_text(sheet: Sheet, names: Sequence[str]) -> str:
    """A spec as people go on with it: what our format has no key for stands in comments."""
    head = {key: value for key, value in sheet.plain.items() if key != "slos"}
    slos: dict[str, Any] = sheet.plain["slos"]
    shown = ", ".join(one_line(name) for name in names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more files" if len(names) > MOST_NAMES else ""
    lines = [f"# Imported from {shown}{more} by `courtsight slo import`; it is yours to change from here on."]
    lines += _comments(sheet.remarks.get("", ()), "")
    text = "\n".join(lines) + "\n" + document(head) + "\nslos:\n"
    return text + "\n".join(_slo_text(name, entry, sheet.remarks.get(name, ())) for name, entry in slos.items())


def _slo_text(name: str, entry: dict[str, Any], remarks: Sequence[str]) -> str:
    body = "".join(f"  {line}\n" if line else "\n" for line in document({name: entry}).splitlines())
    return "".join(f"{line}\n" for line in _comments(remarks, "  ")) + body


def _comments(remarks: Sequence[str], indent: str) -> Iterator[str]:
    return (f"{indent}# {line}".rstrip() for line in remarks)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that no spec could take, before anything is read."""
    import re  # noqa: PLC0415 - as above

    from slo.patterns import MENDS, NAME  # noqa: PLC0415 - as above
    from slo.quantities import QuantityError, parse_duration  # noqa: PLC0415 - as above
    from slo.wire import MONTH  # noqa: PLC0415 - as above

    if options.owner is not None and not (re.fullmatch(NAME, options.owner) and len(options.owner) <= 63):
        raise InvalidInput((Problem("--owner", None, "", f"{options.owner!r} cannot stand here", MENDS[NAME]),))
    try:
        if options.window != MONTH:
            parse_duration(options.window)
    except QuantityError as error:
        raise InvalidInput((Problem("--window", None, "", str(error), error.advice),)) from None


def _written(output: Path, texts: dict[str, str], *, force: bool) -> dict[str, str]:
    """Each service and the file that it was written to, all or none.

    Raises:
        InvalidInput: A file is there already, or one file is asked for several services.
        CourtSightError: A file cannot be written.
    """
    folder = output.is_dir() or len(texts) > 1
    if folder and not output.is_dir() and output.suffix in ENDINGS:
        services = ", ".join(texts)
        said = f"is one file, and there are {len(texts)} services: {services}"
        raise InvalidInput((Problem(str(output), None, "", said, "name a folder"),))
    targets = {service: output / f"{service}.yaml" if folder else output for service in texts}
    present = [path for path in targets.values() if path.exists()]
    if present and not force:
        raise InvalidInput((Problem(str(present[0]), None, "", "is there already", "name another, or give --force"),))
    try:
        replace_all({targets[service]: text.encode() for service, text in texts.items()})
    except OSError as error:
        raise CourtSightError(f"{error.filename or output}: cannot be written: {error.strerror}") from error
    return {service: str(path) for service, path in targets.items()}
