"""Loading the spec: the requirements' numbers, and every kind of typo."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from slo.errors import InvalidInput, Problem
from slo.load import SPECS_FOLDER, load_spec, load_windows, parse_spec
from slo.spec import Direction, Kind, LatencySLI, Phase, RatioSLI, Spec, Statistic, Unit, cell

SPEC_FILE = SPECS_FOLDER / "courtsight.yaml"


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load_spec(SPEC_FILE)


def _limits(spec: Spec, gate_id: str, phase: Phase = Phase.BUILD) -> dict[str, Decimal]:
    contract = spec.gate(gate_id).requirements[phase].contract
    return {"-".join(value for _, value in key): limit for key, limit in contract.items()}


# --- the numbers of the requirements: a loosened objective shows here ---


def test_availability_is_three_nines(spec: Spec) -> None:
    """99.9 % of valid questions are answered; only timeouts and errors are bad."""
    slo = spec.slo("availability")
    assert slo.objective == Decimal("0.999")
    assert slo.error_budget == Decimal("0.001")
    assert isinstance(slo.sli, RatioSLI)
    assert set(slo.sli.good) == {"ok", "abstained", "refused"}
    assert set(slo.sli.bad) == {"timeout", "error"}


@pytest.mark.parametrize(
    ("slo_id", "seconds"),
    [
        ("latency-complexity-simple", 4),
        ("latency-complexity-medium", 6),
        ("latency-complexity-complex", 10),
        ("latency-role-judge", 8),
        ("latency-role-lawyer", 6),
        ("latency-role-public", 4),
        ("latency-role-admin", 8),
        ("latency-role-researcher", 8),
    ],
)
def test_latency_limits_are_the_requirements(spec: Spec, slo_id: str, seconds: int) -> None:
    """95 % of answers come within 4, 6 and 10 s by complexity, and 8, 6 and 4 s for judge, lawyer and public."""
    slo = spec.slo(slo_id)
    assert isinstance(slo.sli, LatencySLI)
    assert slo.sli.threshold == seconds
    assert slo.objective == Decimal("0.95")
    assert slo.window == 30 * 86400


def test_a_cell_is_held_to_the_stricter_limit(spec: Spec) -> None:
    """A judge's simple question has 4 s, a public complex one 4 s, a judge's complex one 8 s."""
    limits = _limits(spec, "latency-cell")
    assert len(limits) == 15
    assert limits["simple-judge"] == 4
    assert limits["complex-public"] == 4
    assert limits["complex-judge"] == 8
    assert limits["complex-lawyer"] == 6


def test_tools_have_the_requirements_limits(spec: Spec) -> None:
    """3, 8 and 5 s on average, 1.2 times that at p95, at least 5, 2 and 3 results."""
    mean = _limits(spec, "tool-mean")
    assert mean == {"LegalRetriever": 3, "CaseComparator": 8, "PrecedentExplorer": 5}
    assert _limits(spec, "tool-p95") == {tool: limit * Decimal("1.2") for tool, limit in mean.items()}
    assert _limits(spec, "tool-results") == {"LegalRetriever": 5, "CaseComparator": 2, "PrecedentExplorer": 3}
    assert spec.gate("tool-results").unit is Unit.COUNT
    assert spec.gate("tool-results").statistic is Statistic.MIN


def test_load_and_acceptance_have_the_requirements_limits(spec: Spec) -> None:
    """Mean under 6 s, slowest under 15 s, 99.9 % answered over 3,000 requests; 95 % of scenarios, all of them for a build."""
    assert _limits(spec, "load-mean") == {"": 6}
    assert _limits(spec, "load-max") == {"": 15}
    assert _limits(spec, "load-success") == {"": Decimal("0.999")}
    assert set(spec.gate("load-success").requirements[Phase.BUILD].least_n.values()) == {3000}
    assert _limits(spec, "acceptance") == {"": 1}
    assert _limits(spec, "acceptance", Phase.SOFT) == {"": Decimal("0.95")}
    assert _limits(spec, "drill-cycle") == {"database-locked": 75}
    assert _limits(spec, "satisfaction", Phase.CONTROLLED) == {"": 4}


def test_least_numbers_of_the_build(spec: Spec) -> None:
    """3,000 requests for availability and 59 samples for every latency cell: fewer prove nothing."""
    least = spec.gate("slo").requirements[Phase.BUILD].least_n
    assert least[cell({"slo": "availability"})] == 3000
    assert least[cell({"slo": "ttft"})] == 59
    assert set(spec.gate("latency-cell").requirements[Phase.BUILD].least_n.values()) == {59}


def test_the_slo_gate_has_every_slo_and_its_objective(spec: Spec) -> None:
    """The gate from SLOs holds each SLO to its own objective."""
    contract = spec.gate("slo").requirements[Phase.BUILD].contract
    assert {dict(key)["slo"]: limit for key, limit in contract.items()} == {slo.id: slo.objective for slo in spec.slos}


def test_phases_inherit(spec: Spec) -> None:
    """A later phase asks all that an earlier one asked; build asks nothing beside its gates."""
    build, public = spec.phases[Phase.BUILD], spec.phases[Phase.PUBLIC]
    assert not build.real_engine
    assert build.checklists == ()
    assert (public.real_engine, public.real_documents, public.clean_commit) == (True, True, True)
    assert public.checklists == ("technical", "operational", "business")
    assert public.slo_window == 14 * 86400
    assert spec.gate("latency-cell").requirements[Phase.PUBLIC].strong
    assert (
        spec.gate("latency-cell").requirements[Phase.PUBLIC].least_n
        == spec.gate("latency-cell").requirements[Phase.BUILD].least_n
    )


def test_a_gate_is_silent_before_its_first_phase(spec: Spec) -> None:
    """Satisfaction is asked from the controlled rollout on."""
    gate = spec.gate("satisfaction")
    assert gate.requirement(Phase.SOFT) is None
    assert gate.requirement(Phase.CONTROLLED) is not None
    assert gate.direction is Direction.AT_LEAST
    assert gate.kind is Kind.SLO


def test_phases_follow_each_other() -> None:
    """Build, soft, controlled, public, and then nothing."""
    assert [phase.following for phase in Phase] == [Phase.SOFT, Phase.CONTROLLED, Phase.PUBLIC, None]


def test_the_spec_carries_its_source(spec: Spec) -> None:
    """The bytes and their digest are kept; parsing the source again gives the same spec."""
    assert spec.source == SPEC_FILE.read_bytes()
    assert parse_spec(spec.source, "again") == spec


def test_unknown_ids_are_key_errors(spec: Spec) -> None:
    """Asking for an SLO or a gate that is not there is a mistake of the caller."""
    for ask in (spec.slo, spec.gate):
        with pytest.raises(KeyError):
            ask("nothing")


# --- typos ---


def _broken(old: str, new: str) -> tuple[Problem, ...]:
    text = SPEC_FILE.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{old!r} is not in the spec"
    with pytest.raises(InvalidInput) as caught:
        parse_spec(text.replace(old, new, 1).encode(), "spec.yaml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "path", "said"),
    [
        ("objective: 99.9%", "objctive: 99.9%", "slos.availability.objctive", "did you mean 'objective'?"),
        ("service: courtsight", "servce: courtsight", "servce", "did you mean 'service'?"),
        ("least_n: 59}", "least: 59}", "gates.latency-cell.phases.build.least", "did you mean 'least_n'?"),
        ("at_most: 75s", "at_mots: 75s", "gates.drill-cycle.at_mots", "did you mean 'at_most'?"),
        ("objective: 99.9%", "objective: 99.9", "slos.availability.objective", "with its unit"),
        ("objective: 99.9%", "objective: 100%", "slos.availability", "no error budget"),
        ("objective: 99.9%", "objective: 0%", "slos.availability", "no error budget"),
        ("objective: 99.9%", "objective: 999%", "slos.availability.objective", "outside"),
        ("window: 30d", "window: 30", "window", "with its unit"),
        ("window: 30d", "window: 30y", "window", "is no duration"),
        ("spec: courtsight/slo/v1", "spec: courtsight/slo/v2", "spec", "courtsight/slo/v1"),
        ("for_each: complexity", "for_each: complexty", "slos.latency-complexity.for_each", "not among 'labels'"),
        (
            "{simple: 4s, medium: 6s, complex: 10s}",
            "{simple: 4s, medium: 6s}",
            "slos.latency-complexity.latency.threshold",
            "'complex'",
        ),
        ("bad: [timeout, error]", "bad: [timeout, ok]", "slos.availability.ratio", "cannot be good and bad"),
        ("bad: [timeout, error]", "bad: []", "slos.availability.ratio.bad", "at least 1"),
        (
            "for_each: [role, complexity]",
            "for_each: [role, complexty]",
            "gates.latency-cell.for_each",
            "not among 'labels'",
        ),
        (
            "stricter_of: [latency-role, latency-complexity]",
            "stricter_of: [latency-rol]",
            "gates.latency-cell.at_most",
            "not each of",
        ),
        ("from_slos: [availability,", "from_slos: [availabilty,", "gates.slo.from_slos", "there is no SLO"),
        ("at_most: {LegalRetriever: 3s,", "at_most: {LegalRetreiver: 3s,", "gates.tool-mean", "is no tool"),
        ("at_least: {LegalRetriever: 5,", "at_least: {LegalRetriever: five,", "gates.tool-results", ""),
        ("at_most: 75s", "at_most: 75", "gates.drill-cycle", "is no duration"),
        ("evidence: drill", "evidence: drills", "gates.drill-cycle.evidence", "is none of"),
        ("statistic: max", "statistic: maximum", "gates.load-max.statistic", "is none of"),
        ("unit: score", "unit: points", "gates.satisfaction.unit", "is none of"),
        ("build: {least_n: 1}", "built: {least_n: 1}", "gates.drill-cycle.phases.built", "is no phase"),
        ("build: {least_n: 1}", "build: {least_n: 0}", "gates.drill-cycle.phases.build", "at least 1"),
        ("build: {least_n: 1}", "build: {strong: true}", "gates.drill-cycle.phases.build", "needs 'least_n'"),
        ("build: {title: Build}", "bild: {title: Build}", "phases.bild", "is no phase"),
        (
            "least_n: {availability: 3000, default: 59}",
            "least_n: {availability: 3000}",
            "gates.slo.phases.build",
            "no entry for",
        ),
        ("    at_most: 6s\n", "", "gates.load-mean", "exactly one of"),
        ("contract: 100%", "contract: 100", "gates.acceptance.phases.build", "is no percent"),
        (
            "at_most: 2s\n    warning_margin",
            "at_most: {simple: 2s}\n    warning_margin",
            "gates.ttft-cell",
            "exactly one label",
        ),
        ("threshold: 2s # ours", "", "slos.ttft.latency.threshold", "missing"),
    ],
)
def test_a_typo_says_where_and_what(old: str, new: str, path: str, said: str) -> None:
    """Each mistake names the file, a line, its path, and what would mend it."""
    problem = next(problem for problem in _broken(old, new) if problem.path.startswith(path))
    assert problem.file == "spec.yaml"
    assert problem.line is not None
    assert said in str(problem)


def test_a_phase_that_is_missing() -> None:
    """All four phases are named, always."""
    (problem,) = _broken("  public:\n    title: Public launch (week 3)\n    slo_window: 14d\n", "")
    assert "'public' is missing" in problem.message


def test_the_nearest_line_of_a_problem_is_found() -> None:
    """A problem that only shows when parts are put together still has the line of its place."""
    (problem,) = _broken("for_each: complexity", "for_each: complexty")
    lines = SPEC_FILE.read_text(encoding="utf-8").splitlines()
    assert problem.line is not None
    assert lines[problem.line - 1].strip() == "for_each: complexity"


def test_two_slos_with_one_id() -> None:
    """`a` for each value `b` and an SLO named `a-b` would share their series."""
    problem, dangling = _broken("  ttft:\n    title: First", "  latency-role-judge:\n    title: First")
    assert "belongs to another SLO too" in problem.message
    assert dangling.path == "gates.slo.from_slos"


def test_an_slo_with_two_indicators() -> None:
    """An SLO counts by one indicator."""
    problems = _broken(
        "    latency:\n      metric: chatbot_ttft_seconds",
        "    ratio: {metric: a, label: b, good: [c], bad: [d]}\n    latency:\n      metric: chatbot_ttft_seconds",
    )
    assert any("exactly one of" in problem.message and "ratio, latency" in problem.message for problem in problems)


def test_a_contract_by_cell() -> None:
    """A phase may give its contract by label value, with a default."""
    text = SPEC_FILE.read_text(encoding="utf-8").replace(
        "soft: {strong: true}", "soft: {contract: {judge: 3s, default: 2s}, least_n: {judge: 99, default: 60}}", 1
    )
    spec = parse_spec(text.encode(), "spec.yaml")
    limits = _limits(spec, "latency-cell", Phase.SOFT)
    assert limits["simple-judge"] == 3
    assert limits["simple-lawyer"] == 2


def test_a_gate_may_be_beyond_waivers() -> None:
    """`waivable: false` marks what nobody may sign away; the rest is waivable."""
    text = SPEC_FILE.read_text(encoding="utf-8").replace(
        "evidence: drill\n", "evidence: drill\n    waivable: false\n", 1
    )
    spec = parse_spec(text.encode(), "spec.yaml")
    assert not spec.gate("drill-cycle").waivable
    assert spec.gate("acceptance").waivable


@pytest.mark.parametrize(
    ("weight", "read"), [("0", Decimal(0)), ("2.5", Decimal("2.5")), ("-0.1", None), ("heavy", None)]
)
def test_a_gate_may_weigh_nothing_and_never_less(weight: str, read: Decimal | None) -> None:
    """A weight of 0 leaves a gate out of the score; a negative one would reward what is broken."""
    text = SPEC_FILE.read_text(encoding="utf-8").replace(
        "evidence: drill\n", f"evidence: drill\n    weight: {weight}\n", 1
    )
    if read is None:
        with pytest.raises(InvalidInput, match="is no weight"):
            parse_spec(text.encode(), "spec.yaml")
    else:
        assert parse_spec(text.encode(), "spec.yaml").gate("drill-cycle").weight == read


@pytest.mark.parametrize("load", [load_spec, load_windows])
def test_a_spec_that_is_not_there(load: Callable[[Path], object], tmp_path: Path) -> None:
    """A missing file is a sentence."""
    with pytest.raises(InvalidInput, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_window_table_with_a_typo(tmp_path: Path) -> None:
    """The window table is read as strictly as the spec."""
    path = tmp_path / "windows.yaml"
    path.write_text(
        "windows:\n  - {severity: pager, budget_share: 2%, long: 1h, short: 5m, for: 2m}\n", encoding="utf-8"
    )
    with pytest.raises(InvalidInput, match="'pager' is none of page, ticket"):
        load_windows(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  load-max-simulated:", "  load-max-of-the-model:"),
        ("  drill-cycle:", "  drill-cycle-simulated:"),
    ],
)
def test_a_gate_is_called_simulated_exactly_when_its_evidence_is(old: str, new: str) -> None:
    """The name says which engine is asked: a gate that borrows the other one's name, or hides its own, is refused."""
    text = SPEC_FILE.read_text(encoding="utf-8").replace(old, new)
    with pytest.raises(InvalidInput, match="exactly when its evidence is"):
        parse_spec(text.encode(), "renamed.yaml")


def test_twins_measure_the_same(spec: Spec) -> None:
    """What a gate measures is its name without the engine's."""
    assert (spec.gate("load-max-simulated").measure, spec.gate("load-max").measure) == ("load-max", "load-max")
    assert spec.gate("drill-cycle").measure == "drill-cycle"
