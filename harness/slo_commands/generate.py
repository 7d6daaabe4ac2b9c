"""`courtsight slo generate`: the rules of any service's spec, into a folder of their own."""

from __future__ import annotations

import argparse
import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alerts.model import Group, RuleFile
from harness.slo_commands.reading import EXIT_FINE, EXIT_WRONG, as_json
from harness.slo_commands.writing import MARK, OPENSLO_FILES, write_folder
from slo.errors import InvalidInput, Problem
from slo.quantities import how_many
from slo.spec import Spec

SENTENCE = "write recording rules and alerts of a spec, of any service's metrics"
EXAMPLES = (
    "courtsight slo generate slo/specs/examples/shop.yaml -o rules",
    "courtsight slo generate slo/specs/examples/shop.yaml -o rules --with-tests --strict",
    "courtsight slo generate slo/specs/examples/shop.yaml -o manifests --format prometheusrule --namespace monitoring",
    "courtsight slo generate slo/specs/examples/shop.yaml -o ruler --format mimir",
)
FORMATS = ("rules", "prometheusrule", "mimir")
HEADER = "# Generated from the SLO spec of {service} by `courtsight slo generate`. Change the spec, not this file.\n"
_NAMESPACE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?")
MOST_BYTES_OF_A_RESOURCE = 400_000
"""Rules in one PrometheusRule: the operator refuses what renders to over 512 KiB, and may add a namespace to every selector first."""


def add(parser: argparse.ArgumentParser) -> None:
    """From which spec, whereto, and for whom."""
    parser.add_argument("file", type=Path, metavar="SPEC", help="a spec")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the generated files"
    )
    parser.add_argument("--format", choices=FORMATS, default="rules", help="who reads them (default rules: Prometheus)")
    parser.add_argument("--namespace", default="", metavar="NAME", help="of the PrometheusRule, or of Mimir's ruler")
    parser.add_argument("--with-tests", action="store_true", help="also promtool tests that prove every alert")
    parser.add_argument("--strict", action="store_true", help="promtool reads the rules before they are written")
    parser.add_argument("--force", action="store_true", help="write into a folder that holds other files too")


def run(options: argparse.Namespace) -> int:
    """Check the spec, make the files, and write them all or none."""
    from harness.slo_commands.validate import refusals  # noqa: PLC0415 - imported when the command runs
    from slo.load import load_spec  # noqa: PLC0415 - as above

    with _without_collector():
        spec = load_spec(options.file)
        if options.format == "prometheusrule" and not _NAMESPACE.fullmatch(options.namespace):
            said = f"{options.namespace!r} is no namespace of Kubernetes"
            raise InvalidInput((Problem("--namespace", None, "", said, "write lower-case letters, digits and -"),))
        refused = refusals(spec, options.file) if options.strict else ()
        for problem in refused:
            print(problem, file=sys.stderr)
        if refused:
            return EXIT_WRONG
        files = generated(spec, options.format, options.namespace, with_tests=options.with_tests)
        mark = MARK + f" of {spec.service} ".encode()
        changed, removed = write_folder(options.output, files, force=options.force, mark=mark, keeps=OPENSLO_FILES)
    gaps = unproven(spec) if options.with_tests else {}
    for slo, reason in gaps.items():
        print(f"no promtool tests for {slo}: {reason}", file=sys.stderr)
    if options.json:
        found = {"files": sorted(files), "changed": changed, "removed": removed}
        print(as_json(found | ({"unproven": gaps} if options.with_tests else {})))
    else:
        print("".join([f"wrote {name}\n" for name in changed] + [f"removed {name}\n" for name in removed]), end="")
        made = f"{how_many(len(files), 'file')} of {how_many(len(spec.slos), 'SLO')}"
        print(f"{made} in {options.output}, {len(changed)} changed", file=sys.stderr)
    return EXIT_FINE


def generated(spec: Spec, form: str, namespace: str, *, with_tests: bool) -> dict[str, bytes]:
    """Path below the folder -> contents; pure."""
    from alerts import emit  # noqa: PLC0415 - imported when the command runs
    from alerts.rules import rule_file  # noqa: PLC0415 - as above
    from alerts.tests_for import promtool_tests  # noqa: PLC0415 - as above

    rules = rule_file(spec)
    files: dict[str, bytes] = {}
    if form == "rules" or with_tests:  # the tests read the plain rule file beside them
        files["rules.yaml"] = emit.rules_yaml(rules, HEADER)
    if form == "mimir":
        files["mimir.yaml"] = emit.mimir_yaml(rules, namespace, HEADER)
    if form == "prometheusrule":
        for number, part in enumerate(parts(rules), start=1):
            name = f"{spec.service}-slo-{number}"
            files[f"{name}.yaml"] = emit.prometheus_rule_yaml(part, namespace, name=name, header=HEADER)
    if with_tests:
        files |= {f"tests/{name}": content for name, content in promtool_tests(spec).items()}
    return files


def unproven(spec: Spec) -> dict[str, str]:
    """SLOs for which no promtool tests can be made, and why."""
    from alerts.tests_for import proof  # noqa: PLC0415 - imported when the command runs

    return {gap.slo.id: gap.reason for gap in proof(spec).gaps}


def parts(rules: RuleFile) -> Iterator[RuleFile]:
    """The same groups in files that Kubernetes and the operator take; no group is torn, and their order stays."""
    from alerts.emit import rules_yaml  # noqa: PLC0415 - imported when the command runs

    taken: list[Group] = []
    size = 0
    for group in rules.groups:
        more = len(rules_yaml(RuleFile(rules.service, (group,)), header=""))
        if taken and size + more > MOST_BYTES_OF_A_RESOURCE:
            yield RuleFile(rules.service, tuple(taken))
            taken, size = [], 0
        taken.append(group)
        size += more
    yield RuleFile(rules.service, tuple(taken))


@contextmanager
def _without_collector() -> Iterator[None]:
    """A program that runs once and makes many small values spends a third of its time looking for cycles that are not there."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
