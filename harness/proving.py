"""`courtsight prove`: every alert in virtual time, and how many broken rules the tests notice.

The table has a row for each alert: how often it was looked at where it had to fire and where it had to be silent, and how often it did.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from alerts.tests_for import Gap, proof
from harness.asking_tools import TOOL_SECONDS, Asker, ToolTooSlowError
from harness.mutating import (
    LEAST_SCORE,
    MUTANTS,
    WORKERS,
    Score,
    load_equivalents,
    mutation_score,
)
from harness.progress import ProgressView, StepPlan
from harness.project import Project
from harness.tools import find_tools
from slo.load import load_spec
from slo.quantities import how_many, parse_duration
from slo.spec import LatencySLI, Spec, TimeSliceSLI
from slo.verdict import EXIT_OF_VERDICT, Verdict

PROOF_SPEC = Path("slo") / "specs" / "proof.yaml"
EQUIVALENTS = Path("alerts") / "equivalents.yaml"
VALUES = "(recorded values)"
BYTES_PER_SECOND = 4_000
"""Test text that promtool gets through on two processors; only the first guess at the time left."""
MUTANTS_PER_SECOND = 1.5
ALL_MUTANTS = 2_400
"""About as many as there are; like the pace only for the first guess at the time left."""
NATIVE_TRIAL = b"""
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{series: trial, values: '{{schema:0 count:1 sum:1 buckets:[1]}}x3'}]
    promql_expr_test: [{expr: histogram_count(trial), eval_time: 2m, exp_samples: [{labels: '{}', value: 1}]}]
"""
CLOSED_TRIAL = b"""
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{series: trial, values: 1x3}]
    promql_expr_test: [{expr: 'count_over_time(trial[1m])', eval_time: 2m, exp_samples: [{labels: '{}', value: 2}]}]
"""

Key = tuple[str, str]
"""A look: what was asked, and when."""


@dataclass
class Row:
    """What was seen of one alert; `should_fire` and `should_be_silent` count looks."""

    alert: str
    cases: int = 0
    should_fire: int = 0
    fired: int = 0
    should_be_silent: int = 0
    silent: int = 0

    def count(self, *, loud: bool, held: bool) -> None:
        """Take one look into account."""
        if loud:
            self.should_fire += 1
            self.fired += held
        else:
            self.should_be_silent += 1
            self.silent += held

    @property
    def good(self) -> bool:
        """Whether it did all that it should, and something was asked of it."""
        return self.cases > 0 and self.fired == self.should_fire and self.silent == self.should_be_silent


@dataclass
class Table:
    """Rows by alert, and what promtool said of files that failed."""

    rows: dict[str, Row] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)

    def add(self, document: Mapping[str, Any], failed: frozenset[Key] | None) -> None:
        """Take in a file's looks; `failed` are those that did not hold, None when nobody knows which."""
        names = alerts_of(document)
        for test in document["tests"]:
            seen: set[str] = set()
            for asked, at, loud in looks_of(test):
                held = failed is not None and (asked, at) not in failed
                for alert in alerts_in(asked, names):
                    row = self.rows.setdefault(alert, Row(alert))
                    row.count(loud=loud, held=held)
                    row.cases += alert not in seen
                    seen.add(alert)


def looks_of(test: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """What a test asks, when, and whether something must be found."""
    for look in test.get("promql_expr_test", ()):
        yield look["expr"], _moment(look["eval_time"]), bool(look["exp_samples"])
    for look in test.get("alert_rule_test", ()):
        yield look["alertname"], _moment(look["eval_time"]), bool(look["exp_alerts"])


def alerts_of(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Alerts by the SLO that a look names beside them."""
    found: dict[str, set[str]] = {}
    for test in document["tests"]:
        for asked, _, _ in looks_of(test):
            alert, slo = re.search(r'alertname="(\w+)"', asked), re.search(r'sloth_id="([^"]+)"', asked)
            if alert and slo:
                found.setdefault(slo[1], set()).add(alert[1])
    return {slo: frozenset(alerts) for slo, alerts in found.items()}


def alerts_in(asked: str, by_slo: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Alerts that a look is about: those it names, or all of the SLO whose alerts it looks at; else recorded values."""
    if re.fullmatch(r"\w+", asked):
        return (asked,)
    named = re.search(r'alertname="(\w+)"', asked)
    if named:
        return (named[1],)
    slo = re.search(r'sloth_id="([^"]+)"', asked)
    if "ALERTS" in asked and slo:
        return tuple(sorted(by_slo.get(slo[1], frozenset())))
    return ("(no alert at all)",) if "ALERTS" in asked else (VALUES,)


def failures(said: str) -> frozenset[Key] | None:
    """The looks that promtool names as failed; None when it names none, as for a file that it cannot read."""
    found = {
        (json.loads(asked), _moment(at)) for asked, at in re.findall(r'expr: ("(?:[^"\\]|\\.)*"), time: (\w+)', said)
    }
    found |= {(alert, _moment(at)) for alert, at in re.findall(r"alertname: ?(\w+), time: (\w+)", said)}
    return frozenset(found) or None


def prove_command(options: argparse.Namespace) -> int:
    """Run every test, print the table, then the mutation score."""
    project = Project()
    promtool = find_tools(project.root, report=lambda line: print(line, file=sys.stderr)).promtool
    if promtool is None:
        print("INCONCLUSIVE: promtool is missing: run make setup", file=sys.stderr)
        return EXIT_OF_VERDICT[Verdict.INCONCLUSIVE]
    spec = load_spec(options.spec or project.spec_file(options.deployment))
    native = passes(promtool, NATIVE_TRIAL) if has_native(spec) else False
    closed = passes(promtool, CLOSED_TRIAL) if has_slices(spec) else True
    with tempfile.TemporaryDirectory(prefix="courtsight-proof-") as scratch:
        folder = project.root / "alerts" / "generated" / "tests"
        if options.spec:
            folder = written(spec, Path(scratch), native=native, closed=closed)
        files = sorted(folder.glob("*.yaml"), key=lambda path: -path.stat().st_size)
        if not files:
            print("INCONCLUSIVE: there are no generated tests: run make generate", file=sys.stderr)
            return EXIT_OF_VERDICT[Verdict.INCONCLUSIVE]
        many = 0 if not options.mutants else ALL_MUTANTS // options.every if options.every else MUTANTS
        view = ProgressView(plans(files, mutants=many))
        with view.step("tests"):
            table = run_tests(promtool, files, view)
    gaps = proof(spec, native=native, closed=closed).gaps
    score = None
    if options.mutants:
        with view.step("mutants"):
            score = mutation_score(
                load_spec(project.root / PROOF_SPEC),
                promtool,
                load_equivalents(project.root / EQUIVALENTS),
                view.advance,
                options.every,
            )
    told = as_values(table, gaps, score)
    print(json.dumps(told, indent=1) if options.json else "\n".join(lines(table, gaps, score)))
    good = not table.trouble and all(row.good for row in table.rows.values()) and (score is None or score.good)
    return 0 if good else 1


def plans(files: list[Path], *, mutants: int) -> list[StepPlan]:
    """The steps, and how long they take as a rule."""
    size = sum(path.stat().st_size for path in files)
    tests = StepPlan("tests", f"{how_many(len(files), 'file')} of tests in virtual time", size / BYTES_PER_SECOND)
    return [tests, StepPlan("mutants", "broken rules", mutants / MUTANTS_PER_SECOND)] if mutants else [tests]


def run_tests(promtool: Path, files: list[Path], view: ProgressView) -> Table:
    """All files, the largest first, two at a time."""
    table, total, done = Table(), sum(path.stat().st_size for path in files), 0
    with ThreadPoolExecutor(WORKERS) as pool, Asker() as asker:
        for path, said in zip(files, pool.map(lambda path: outcome(promtool, path, asker), files), strict=True):
            document = yaml.load(path.read_bytes(), yaml.CSafeLoader)
            table.add(document, frozenset() if said is None else failures(said))
            if said is not None:
                table.trouble[path.name] = "\n".join(said.splitlines()[:25])
            done += path.stat().st_size
            view.advance(done / total, path.stem)
    return table


def outcome(promtool: Path, file: Path, asker: Asker) -> str | None:
    """What promtool says of a file of tests; None when all of them pass."""
    try:
        return asker.complaint([promtool, "test", "rules", file.name], file.parent, 2 * TOOL_SECONDS) or None
    except ToolTooSlowError as error:
        return str(error)


def written(spec: Spec, folder: Path, *, native: bool, closed: bool = True) -> Path:
    """The rules and tests of a spec, in a folder of their own; the path of the tests."""
    tests = folder / "tests"
    tests.mkdir()
    (folder / "rules.yaml").write_bytes(rules_yaml(rule_file(spec)))
    for name, content in proof(spec, native=native, closed=closed).files.items():
        (tests / name).write_bytes(content)
    return tests


def has_native(spec: Spec) -> bool:
    """Whether an SLO of the spec reads a native histogram, if only slice by slice."""
    read = (slo.sli.of if isinstance(slo.sli, TimeSliceSLI) else slo.sli for slo in spec.slos)
    return any(isinstance(sli, LatencySLI) and sli.native for sli in read)


def has_slices(spec: Spec) -> bool:
    """Whether an SLO of the spec looks at time slices, some of which only ranges that hold their left end can tell."""
    return any(isinstance(slo.sli, TimeSliceSLI) for slo in spec.slos)


def passes(promtool: Path, trial: bytes) -> bool:
    """Whether this promtool passes a test, which is how one finds out what it can: native histograms in tests, ranges that hold their left end."""
    with tempfile.TemporaryDirectory() as scratch, Asker() as asker:
        path = Path(scratch) / "trial.yaml"
        path.write_bytes(trial)
        return outcome(promtool, path, asker) is None


def lines(table: Table, gaps: tuple[Gap, ...], score: Score | None) -> Iterator[str]:
    """The table as people read it."""
    width = max(map(len, table.rows), default=10)
    yield f"{'alert':<{width}}  cases  fired when they should  silent when they should"
    for name in sorted(table.rows):
        row = table.rows[name]
        fired, silent = f"{row.fired}/{row.should_fire}", f"{row.silent}/{row.should_be_silent}"
        yield f"{name:<{width}}  {row.cases:>5}  {fired:>22}  {silent:>23}{'' if row.good else '  FAIL'}"
    for gap in gaps:
        yield f"not proven: {gap.slo.id}: {gap.reason}"
    for name, said in table.trouble.items():
        yield f"{name} failed:\n{said}"
    alerts = [row for name, row in table.rows.items() if not name.startswith("(")]
    good = sum(row.good for row in alerts)
    yield f"{how_many(len(alerts), 'alert')}, {good} proven; {how_many(len(gaps), 'SLO')} not proven"
    if score is not None:
        yield from _score_lines(score)


def _score_lines(score: Score) -> Iterator[str]:
    for name, said in score.broken.items():
        yield f"the tests of {name} fail on the right rules:\n{said[:2000]}"
    for operator, names in score.tried.items():
        left = sum(name in score.survivors for name in names)
        yield f"mutants {operator:<14} {len(names):>5}  survived {left}"
    for name in score.survivors:
        yield f"survived: {name}"
    for name, reason in score.equivalent.items():
        yield f"equivalent: {name}: {reason}"
    for name in score.stale:
        yield f"stale in {EQUIVALENTS}: {name}: take it out"
    yield (
        f"{how_many(score.counted, 'mutant')} that differ{'s' if score.counted == 1 else ''}, {score.counted - len(score.survivors)} noticed: {score.ratio:.1%} "
        f"(at least {LEAST_SCORE:.0%})"
    )


def as_values(table: Table, gaps: tuple[Gap, ...], score: Score | None) -> dict[str, Any]:
    """The same for programs."""
    return {
        "alerts": [asdict(table.rows[name]) | {"good": table.rows[name].good} for name in sorted(table.rows)],
        "failed": table.trouble,
        "unproven": {gap.slo.id: gap.reason for gap in gaps},
        "mutation": None
        if score is None
        else {
            "tried": {operator: len(names) for operator, names in score.tried.items()},
            "score": score.ratio,
            "survivors": list(score.survivors),
            "equivalent": dict(score.equivalent),
            "stale": list(score.stale),
            "broken": dict(score.broken),
        },
    }


def _moment(text: str) -> str:
    return str(parse_duration(text).normalize()) if text != "0s" else "0"
