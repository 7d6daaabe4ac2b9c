"""`courtsight generate`, `check` and `prove`: generated files in step with the spec, and accepted by Prometheus' own tools."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from alerts.alertmanager import with_plain_addresses
from alerts.lint import Weight, lint
from harness import generate, inputs
from harness.asking_tools import Asker, ToolTooSlowError, complaint
from harness.project import Project
from harness.tools import find_tools
from slo.errors import InvalidInput
from slo.load import load_spec
from slo.quantities import how_many
from slo.spec import Spec
from slo.verdict import EXIT_OF_VERDICT, Verdict
from slo.window_table import load_policy
from target.stack import ToolPaths

LAST_WORDS = 25
"""Lines of what a tool says that are told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a check.

    Attributes:
        verdict: FAIL for what must be mended, INCONCLUSIVE for what could not be checked, PASS for what is only worth knowing.
        place: File or SLO.
    """

    verdict: Verdict
    place: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        mark = {Verdict.PASS: "note", Verdict.INCONCLUSIVE: "not checked"}.get(self.verdict, "wrong")
        return f"{mark:<11} {self.place}: {self.message}" + (f" ({self.advice})" if self.advice else "")


def generate_command(options: argparse.Namespace) -> int:
    """Write what the spec says, or with --check only compare."""
    project = Project()
    files = generate.generated_files(_spec(project, options))
    if options.check:
        found = generate.drift(project.root, files)
        for entry in found:
            print(entry)
        print(f"{how_many(len(files), 'generated file')}, {len(found)} out of step")
        return 1 if found else 0
    changed = generate.write(project.root, files)
    for path in changed:
        print(f"wrote {path}")
    print(f"{how_many(len(files), 'generated file')}, {len(changed)} changed")
    return 0


def check_command(options: argparse.Namespace) -> int:
    """Hold everything that is committed against the spec and against the tools that will read it."""
    project = Project()
    tools = find_tools(project.root, report=lambda line: print(line, file=sys.stderr))
    spec = _spec(project, options)
    found = [*_inputs(project, spec), *_drift(project, spec), *_lint(spec), *_accepted(project, tools)]
    if options.json:
        print(json.dumps([asdict(finding) for finding in found], indent=1))
    else:
        for finding in found:
            print(finding)
    return _status(found)


def _spec(project: Project, options: argparse.Namespace) -> Spec:
    return load_spec(options.spec or project.spec_file(options.deployment))


def _inputs(project: Project, spec: Spec) -> Iterator[Finding]:
    for name, load in inputs.loaders(project, spec):
        try:
            load()
        except InvalidInput as error:
            for problem in error.problems:
                yield Finding(Verdict.FAIL, name, str(problem))


def _drift(project: Project, spec: Spec) -> Iterator[Finding]:
    for entry in generate.drift(project.root, generate.generated_files(spec)):
        yield Finding(Verdict.FAIL, entry.path, entry.message, "run: make generate")


def _lint(spec: Spec) -> Iterator[Finding]:
    for line in lint(spec, load_policy()):
        if line.severity is not Weight.NOTICE:
            yield Finding(Verdict.PASS, line.slo, line.message, line.advice)


def _accepted(project: Project, tools: ToolPaths) -> Iterator[Finding]:
    """What promtool and amtool say of the generated files."""
    folder = project.root / "alerts" / "generated"
    beside = (
        str(path.relative_to(folder))
        for kind in ("catalogue", "compat")
        for path in sorted((folder / kind).glob("*.yaml"))
    )
    yield from _tool(tools.promtool, "promtool", ["check", "rules", "rules.yaml", *beside], folder)
    yield from _rule_tests(tools.promtool, folder / "tests")
    with tempfile.TemporaryDirectory() as scratch:
        # amtool before 0.26 knows no url_file; all the rest of the file is checked as it is.
        plain = Path(scratch) / "alertmanager.yaml"
        plain.write_bytes(with_plain_addresses((folder / "alertmanager.yaml").read_bytes()))
        shutil.copytree(project.root / "alerts" / "templates", plain.parent / "templates")
        yield from _tool(tools.amtool, "amtool", ["check-config", plain.name], plain.parent)


def _rule_tests(promtool: Path | None, folder: Path) -> Iterator[Finding]:
    """What promtool says of each generated test; all of them are two minutes of one processor, so two run at a time."""
    if promtool is None:
        yield from _tool(None, "promtool", ["test", "rules"], folder)
        return
    files = sorted(path.name for path in folder.glob("*.yaml"))
    with ThreadPoolExecutor(2) as pool, Asker() as asker:
        for found in pool.map(
            lambda name: list(_tool(promtool, "promtool", ["test", "rules", name], folder, asker)), files
        ):
            yield from found


def _tool(
    binary: Path | None, name: str, words: Sequence[str], folder: Path, asker: Asker | None = None
) -> Iterator[Finding]:
    place = f"{name} {' '.join(words[:2])}"
    if binary is None:
        yield Finding(Verdict.INCONCLUSIVE, place, f"{name} is missing", "make setup tries to fetch it")
        return
    try:
        said = (asker.complaint if asker is not None else complaint)([binary, *words], folder)
    except ToolTooSlowError as error:
        said = str(error)
    if said:
        yield Finding(Verdict.FAIL, place, "\n".join(said.splitlines()[-LAST_WORDS:]))


def _status(found: Sequence[Finding]) -> int:
    wrong = [finding for finding in found if finding.verdict is Verdict.FAIL]
    unchecked = [finding for finding in found if finding.verdict is Verdict.INCONCLUSIVE]
    print(f"{how_many(len(found), 'finding')}, {len(wrong)} to mend, {len(unchecked)} not checked", file=sys.stderr)
    worst = Verdict.FAIL if wrong else Verdict.INCONCLUSIVE if unchecked else Verdict.PASS
    return EXIT_OF_VERDICT[worst]
