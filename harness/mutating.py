"""The mutation score: how many wrong versions of the rules of a spec the generated tests notice.

Each mutant is tried by the tests of its own SLO, in promtool, likely ones first; the first file that fails has noticed it.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

import yaml

from alerts.emit import rules_yaml
from alerts.focus import Document, files_for, focused
from alerts.model import RecordingRule, RuleFile
from alerts.mutation import Mutant, mutants, soonest_first
from alerts.rules import rule_file
from alerts.tests_for import proof
from harness.asking_tools import Asker
from slo.errors import CourtSightError, InvalidInput, Problem
from slo.spec import SLO, CompositeSLI, Spec
from slo.strict_yaml import Wire, load_strict

LEAST_SCORE = 0.95
WORKERS = 2
TESTS = "tests"
MUTANTS = 480
"""Broken rules that are tried unless somebody asks for others: what two processors get through within ten minutes."""
OF_EACH_RULE = 2

Pair = tuple["Trial", Mutant]


@dataclass(frozen=True, slots=True)
class _Room:
    """Where mutants are tried: the tool, who asks it, and a folder for each that is tried at the same time."""

    promtool: Path
    asker: Asker
    desks: SimpleQueue[Path]

    def failure(self, rules: RuleFile, tests: bytes) -> str:
        """What promtool says of these rules; empty when the tests pass."""
        desk = self.desks.get()
        try:
            folder = desk / TESTS
            folder.mkdir(parents=True, exist_ok=True)
            (desk / "rules.yaml").write_bytes(rules_yaml(rules))
            (folder / "test.yaml").write_bytes(tests)
            return self.asker.complaint([self.promtool, "test", "rules", "test.yaml"], folder)
        finally:
            self.desks.put(desk)


class EquivalentsWire(Wire):
    """`alerts/equivalents.yaml`: mutants that no test can tell from the right rule, by name, and why."""

    equivalents: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trial:
    """The tests of one SLO and the rules that they are for.

    Attributes:
        rules: Of the SLO and, where it is a composite, of its components.
        files: Test files by name.
        documents: The same, read.
    """

    slo: SLO
    rules: RuleFile
    files: dict[str, bytes]
    documents: dict[str, Document]

    def mutants(self) -> tuple[Mutant, ...]:
        """Every wrong version of the SLO's own rules."""
        return tuple(mutants(self.rules, self.slo.id))


@dataclass(frozen=True, slots=True)
class Score:
    """What came of all mutants.

    Attributes:
        tried: Names by operator.
        survivors: Mutants that no test noticed and no list excuses.
        equivalent: Listed mutants that no test noticed, and why none could.
        stale: Listed names that no mutant bears, or that a test does notice.
        broken: SLOs whose tests fail on the right rules already: what promtool said, by SLO.
    """

    tried: Mapping[str, tuple[str, ...]]
    survivors: tuple[str, ...]
    equivalent: Mapping[str, str]
    stale: tuple[str, ...]
    broken: Mapping[str, str]

    @property
    def counted(self) -> int:
        """Mutants that differ from the right rules in what they do."""
        return sum(map(len, self.tried.values())) - len(self.equivalent)

    @property
    def ratio(self) -> float:
        """Share of these that was noticed; without any mutant nothing is proven, and it is zero."""
        return (self.counted - len(self.survivors)) / self.counted if self.counted else 0.0

    @property
    def good(self) -> bool:
        """Whether it is high enough, and the list of equivalents in order."""
        return self.ratio >= LEAST_SCORE and not self.stale and not self.broken


def load_equivalents(path: Path) -> dict[str, str]:
    """The listed mutants and the reasons.

    Raises:
        InvalidInput: The file is missing or wrong, or a reason is empty.
    """
    found = load_strict(path, EquivalentsWire).equivalents
    empty = [name for name, reason in found.items() if not reason.strip()]
    if empty:
        said = "an equivalent mutant has no reason"
        raise InvalidInput(tuple(Problem(str(path), None, name, said, "say why no test can tell it") for name in empty))
    return found


def trials(spec: Spec) -> tuple[Trial, ...]:
    """One for each SLO of the spec.

    Raises:
        CourtSightError: An SLO cannot be proven, so that its mutants could not be noticed.
    """
    made = []
    for slo in spec.slos:
        asked = (
            {slo.id, *(component for component, _ in slo.sli.components)}
            if isinstance(slo.sli, CompositeSLI)
            else {slo.id}
        )
        part = replace(spec, slos=tuple(one for one in spec.slos if one.id in asked))
        tests = proof(part, only=(slo.id,))
        if tests.gaps:
            raise CourtSightError(f"{slo.id} cannot be proven: {tests.gaps[0].reason}")
        whole = rule_file(part)
        own = tuple(group for group in whole.groups if not group.name.endswith("-service"))
        read = {name: yaml.load(content, yaml.CSafeLoader) for name, content in tests.files.items()}
        made.append(Trial(slo, RuleFile(whole.service, own), tests.files, read))
    return tuple(made)


def mutation_score(
    spec: Spec,
    promtool: Path,
    equivalents: Mapping[str, str],
    told: Callable[[float, str], None],
    every: int | None = None,
) -> Score:
    """Try a fair choice of mutants, or each n-th of them, on two processors.

    Args:
        spec: One SLO of each kind.
        promtool: Prometheus' tool.
        equivalents: Names that may survive, and why.
        told: Hears the share that is done, and what is being tried.
        every: Try each n-th mutant, so that 1 are all; without, those that `chosen` takes. The list of equivalents is held to be
            whole only when all are tried.
    """
    found = trials(spec)
    whole = [(trial, one) for trial in found for one in trial.mutants()]
    work = chosen(whole, MUTANTS) if every is None else whole[::every]
    with (
        tempfile.TemporaryDirectory(prefix="courtsight-mutants-") as scratch,
        ThreadPoolExecutor(WORKERS) as pool,
        Asker() as asker,
    ):
        room = _Room(promtool, asker, SimpleQueue())
        for number in range(WORKERS):
            room.desks.put(Path(scratch) / str(number))
        broken = dict(pool.map(lambda trial: (trial.slo.id, _whole(trial, room)), found))
        broken = {name: said for name, said in broken.items() if said}
        tried = [one for trial, one in work if trial.slo.id not in broken]
        results = pool.map(
            lambda pair: _noticed(pair[0], pair[1], room),
            [(trial, one) for trial, one in work if trial.slo.id not in broken],
        )
        left = []
        for number, (one, noticed) in enumerate(zip(tried, results, strict=True), start=1):
            told(number / len(tried), one.name)
            if not noticed:
                left.append(one.name)
    return score_of(tried, left, equivalents, broken, whole=len(work) == len(whole))


def chosen(whole: Iterable[Pair], most: int) -> list[Pair]:
    """The same mutants each time: of every rule two operators', of every SLO each operator that applies, the rest by lot up to `most`.

    The lot is a checksum of the name, so that a mutant's fate hangs on no other's, and all of one mistake are not drawn or left together.
    """
    drawn = sorted(whole, key=lambda pair: zlib.crc32(pair[1].name.encode()))
    taken: dict[str, Pair] = {}
    of_rule: dict[tuple[str, str, str], set[str]] = {}
    of_slo: set[tuple[str, str]] = set()
    for pair in drawn:
        trial, one = pair
        operators = of_rule.setdefault((trial.slo.id, one.record, one.name.split("/")[1]), set())
        wanted = len(operators) < OF_EACH_RULE and one.operator not in operators
        if wanted or (trial.slo.id, one.operator) not in of_slo:
            taken[one.name] = pair
            operators.add(one.operator)
            of_slo.add((trial.slo.id, one.operator))
    for pair in drawn:
        if len(taken) >= most:
            break
        taken.setdefault(pair[1].name, pair)
    return list(taken.values())


def score_of(
    tried: list[Mutant], left: list[str], equivalents: Mapping[str, str], broken: Mapping[str, str], *, whole: bool
) -> Score:
    """The score of mutants that were tried, and of which some were left unnoticed; `whole` when none was left out."""
    by_operator: dict[str, tuple[str, ...]] = {}
    for one in tried:
        by_operator[one.operator] = (*by_operator.get(one.operator, ()), one.name)
    present = {one.name for one in tried}
    stale = [name for name in equivalents if name not in left and (whole or name in present)]
    return Score(
        by_operator,
        tuple(name for name in left if name not in equivalents),
        {name: equivalents[name] for name in left if name in equivalents},
        tuple(stale),
        broken,
    )


def _whole(trial: Trial, room: _Room) -> str:
    """What promtool says of the right rules; empty when it is content."""
    return "".join(room.failure(trial.rules, tests) for tests in trial.files.values())


def _noticed(trial: Trial, mutant: Mutant, room: _Room) -> bool:
    """Whether any test fails: first those that look at the wrong rule, beside few rules, then all of them."""
    if mutant.long or isinstance(mutant.rule, RecordingRule):
        for name in ("outage-10m.yaml",) if mutant.long else ():
            if room.failure(mutant.rules, trial.files[name]):
                return True
        for name in files_for(mutant, trial.documents):
            part = focused(mutant, trial.documents, name)
            if part is not None and room.failure(part[1], part[0]):
                return True
    return any(room.failure(mutant.rules, trial.files[name]) for name in soonest_first(mutant, trial.files))
