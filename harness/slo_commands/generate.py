"""`courtsight slo generate`: the rules of any service's spec, into a folder of their own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.slo_commands.reading import EXIT_FINE, EXIT_WRONG, as_json
from harness.slo_commands.writing import write_folder
from slo.errors import InvalidInput, Problem
from slo.spec import Spec

SENTENCE = "write recording rules and alerts of a spec, of any service's metrics"
EXAMPLES = (
    "courtsight slo generate slo/specs/examples/shop.yaml -o rules",
    "courtsight slo generate slo/specs/examples/shop.yaml -o rules --with-tests --strict",
)


def add(parser: argparse.ArgumentParser) -> None:
    """From which spec, whereto, and for whom."""
    parser.add_argument("file", type=Path, metavar="SPEC", help="a spec")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the generated files"
    )
    parser.add_argument("--with-tests", action="store_true", help="also promtool tests that prove every alert")
    parser.add_argument("--strict", action="store_true", help="promtool reads the rules before they are written")
    parser.add_argument("--force", action="store_true", help="write into a folder that holds other files too")


def run(options: argparse.Namespace) -> int:
    """Check the spec, make the files, and write them all or none."""
    from harness.slo_commands.validate import refusals  # noqa: PLC0415 - imported when the command runs
    from slo.load import load_spec  # noqa: PLC0415 - as above

    spec = load_spec(options.file)
    refused = refusals(spec, options.file) if options.strict else ()
    for problem in refused:
        print(problem, file=sys.stderr)
    if refused:
        return EXIT_WRONG
    try:
        files = generated(spec, with_tests=options.with_tests)
    except ValueError as error:  # traffic for promtool cannot be made up for every kind of SLI
        problem = Problem(
            str(options.file), None, "", f"promtool tests cannot be made: {error}", "leave --with-tests away"
        )
        raise InvalidInput((problem,)) from None
    changed, removed = write_folder(options.output, files, force=options.force)
    if options.json:
        print(as_json({"files": sorted(files), "changed": changed, "removed": removed}))
    else:
        print("".join([f"wrote {name}\n" for name in changed] + [f"removed {name}\n" for name in removed]), end="")
        print(
            f"{len(files)} files of {len(spec.slos)} SLOs in {options.output}, {len(changed)} changed", file=sys.stderr
        )
    return EXIT_FINE


def generated(spec: Spec, *, with_tests: bool) -> dict[str, bytes]:
    """Path below the folder -> contents; pure."""
    from alerts import emit  # noqa: PLC0415 - as above
    from alerts.rules import rule_file  # noqa: PLC0415 - as above

    rules = rule_file(spec)
    files = {"rules.yaml": emit.rules_yaml(rules)}
    if not with_tests:
        return files
    from alerts.tests_for import promtool_tests  # noqa: PLC0415 - as above

    return files | {f"tests/{name}": content for name, content in promtool_tests(spec).items()}
