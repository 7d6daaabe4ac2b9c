"""`courtsight slo validate`: every problem of a spec at once, each with its place and what would mend it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.slo_commands.reading import EXIT_FINE, EXIT_FOUND, EXIT_WRONG, as_json, files_of
from slo.errors import InvalidInput, Problem
from slo.quantities import how_many
from slo.spec import Spec

if TYPE_CHECKING:  # pydantic would make every command of the program start a quarter of a second later
    from slo.strict_yaml import Document

SENTENCE = "say everything that is wrong with a spec, with file, line, path and mend"
EXAMPLES = (
    "courtsight slo validate slo/specs/courtsight.yaml",
    "courtsight slo validate slo/specs --strict --json",
)
HEADINGS = ("Checking rules.yaml", "FAILED:")
"""What promtool prints over that which it finds."""


def add(parser: argparse.ArgumentParser) -> None:
    """Which specs, and how hard to look."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a spec, or a folder of them")
    parser.add_argument(
        "--strict", action="store_true", help="warnings count too, and promtool reads the rules that would be generated"
    )


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one file came to."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()


def run(options: argparse.Namespace) -> int:
    """Read every spec and print what is wrong with it; 2 for problems, 1 for warnings under --strict; notes never count."""
    files = files_of(options.files)
    looked = [_looked_at(file, strict=options.strict) for file in files]
    problems = [problem for entry in looked for problem in entry.problems]
    warnings = [warning for entry in looked for warning in entry.warnings]
    notes = [note for entry in looked for note in entry.notes]
    if options.json:
        print(
            as_json(
                {
                    "files": [str(file) for file in files],
                    "problems": [asdict(problem) for problem in problems],
                    "warnings": [asdict(warning) for warning in warnings],
                    "notes": [asdict(note) for note in notes],
                }
            )
        )
    else:
        told = [*map(str, problems), *(f"warning: {one}" for one in warnings), *(f"note: {one}" for one in notes)]
        print("".join(f"{line}\n" for line in told), end="")
    counts = {"file": files, "problem": problems, "warning": warnings, "note": notes}
    print(", ".join(how_many(len(found), noun) for noun, found in counts.items()), file=sys.stderr)
    return EXIT_WRONG if problems else EXIT_FOUND if warnings and options.strict else EXIT_FINE


def _looked_at(file: Path, *, strict: bool) -> _Looked:
    from slo.load import examine_spec  # noqa: PLC0415 - imported when the command runs
    from slo.strict_yaml import read_bytes, read_document  # noqa: PLC0415 - as above

    try:
        raw = read_bytes(file)
        examined = examine_spec(raw, str(file))
    except InvalidInput as error:
        return _Looked(error.problems, ())
    if examined.spec is None:
        return _Looked(examined.problems, examined.warnings, examined.notes)
    warnings = (*examined.warnings, *lint_warnings(examined.spec, read_document(raw, str(file))))
    refused = refusals(examined.spec, file) if strict else ()
    return _Looked(refused, warnings, examined.notes)


def lint_warnings(spec: Spec, document: Document) -> tuple[Problem, ...]:
    """What the windows of the alerts cannot do for their objectives; notices are left to `explain`."""
    from alerts.lint import Weight, lint  # noqa: PLC0415 - as above
    from slo.window_table import load_policy  # noqa: PLC0415 - as above

    found = [finding for finding in lint(spec, load_policy()) if finding.severity is not Weight.NOTICE]
    places = [("slos", spec.slo(finding.slo).name) for finding in found]
    return tuple(
        Problem(
            document.name, document.line_of(place), ".".join(place), f"{finding.slo}: {finding.message}", finding.advice
        )
        for finding, place in zip(found, places, strict=True)
    )


def refusals(spec: Spec, file: Path) -> tuple[Problem, ...]:
    """What promtool says against the rules of the spec; a promtool that is missing is a problem too: nothing was checked."""
    from alerts.emit import rules_yaml  # noqa: PLC0415 - as above
    from alerts.rules import rule_file  # noqa: PLC0415 - as above
    from harness.asking_tools import ToolTooSlowError, complaint  # noqa: PLC0415 - as above
    from harness.project import ROOT  # noqa: PLC0415 - as above
    from harness.tools import find_tools  # noqa: PLC0415 - as above

    promtool = find_tools(ROOT, report=lambda line: print(line, file=sys.stderr)).promtool
    if promtool is None:
        return (Problem(str(file), None, "", "promtool is missing, so its rules were not checked", "run: make setup"),)
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.yaml"
        rules.write_bytes(rules_yaml(rule_file(spec)))
        try:
            said = complaint([promtool, "check", "rules", rules.name], rules.parent)
        except ToolTooSlowError as error:
            return (Problem(str(file), None, "", str(error), "or split the spec"),)
    lines = (line.strip() for line in said.splitlines())
    return tuple(
        Problem(str(file), None, "", f"promtool refuses: {line}", "mend the expression it names")
        for line in lines
        if line and line not in HEADINGS
    )
