"""What is invalid in its own format is told with file, line, path and mend, all of it at once, and nothing else ever comes out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.errors import InvalidInput
from slo.exchange.ledger import Ledger
from slo.exchange.naming import SLO_NOTES, SPEC_NOTES
from slo.exchange.openslo_out import export
from slo.exchange.read import import_specs
from slo.load import SPECS_FOLDER, load_spec
from slo.window_table import load_policy

CASES = Path(__file__).parent / "cases"
POLICY = load_policy()
OPENSLO = (CASES / "openslo-alerts.yaml").read_text(encoding="utf-8").split("\n", 9)[-1]
OPENSLO = OPENSLO[OPENSLO.index("apiVersion") :]
SLOTH = (CASES / "sloth-events.yaml").read_text(encoding="utf-8")
SLOTH = SLOTH[SLOTH.index("version: prometheus") :]
STRANGE: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        10**30,
        1.5,
        float("nan"),
        float("inf"),
        "",
        " ",
        "x" * 5000,
        "99%",
        "1s",
        "{{.window}}",
        "{{x",
    ),
    *("a\0b", "é🙂\x7f\u2028", "[$window]", "sum(", "1M", "0d", "9" * 60 + "d", [], {}, [[]], [None], {"": None}),
    *({"a": {"b": []}}, ["a"] * 100, {1: 2}, "lte", "Timeslices", "RatioTimeslices", "openslo/v1", 1e308, "month"),
]


def problems(text: str, name: str = "x.yaml") -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        import_specs([(name, text.encode())], POLICY)
    assert all(problem.line and problem.advice for problem in raised.value.problems), raised.value
    return [str(problem) for problem in raised.value.problems]


OF_OPENSLO = {
    (
        "openslo/v1\n",
        "openslo/v3\n",
    ): "x.yaml:1: apiVersion: apiVersion 'openslo/v3' cannot be read (write it as openslo/v1)",
    ("kind: SLO\n", "kind: SLOs\n"): "x.yaml:2: kind: there is no kind 'SLOs' (did you mean SLO?)",
    ("  service: shop\n", ""): "x.yaml:4: spec.service: key 'service' is missing (add it)",
    ("objectives: [{target: 0.9}]", "objectives: []"): "spec.objectives: list should have at least 1 item",
    ("target: 0.9}", "tarjet: 0.9}"): "spec.objectives.0.tarjet: unknown key 'tarjet' (did you mean 'target'?)",
    ("target: 0.9}", "target: 1}"): "spec.objectives.0.target: must lie from 0 to under 1",
    (
        "target: 0.9}",
        "target: 0.9, targetPercent: 90}",
    ): "spec.objectives.0: needs exactly one of target and targetPercent",
    ("target: 0.9}", "target: yes}"): "spec.objectives.0.target: is no number",
    (
        "Occurrences",
        "Occurences",
    ): "spec.budgetingMethod: input should be 'Occurrences', 'Timeslices' or 'RatioTimeslices'",
    ("Occurrences", "Timeslices"): "spec.objectives.0: Timeslices needs timeSliceWindow",
    ("duration: 30d", "duration: 30x"): "spec.timeWindow.0.duration: '30x' is no length",
    ("isRolling: true", "isRolling: false"): "spec.timeWindow: is not rolling and has no calendar",
    ("        total:", "        totals:"): "ratioMetric.totals: unknown key 'totals' (did you mean 'total'?)",
    ("  indicator:\n", "  indicatorRef: missing\n  indicator:\n"): "spec: has both indicator and indicatorRef",
    ("op: lte", "op: below"): "condition.op: input should be 'lte', 'gte', 'lt' or 'gt'",
    ("severity: page, condition: {op: lte", "condition: {op: lte"): "spec.severity: key 'severity' is missing",
    (
        "    - kind: AlertPolicy\n      metadata: {name: fast}\n",
        "    - alertPolicyRef: slow\n    - kind: AlertPolicy\n",
    ): "there is no AlertPolicy 'slow'",
}
OF_SLOTH = {
    ("prometheus/v1", "prometheus/v2"): "x.yaml:1: version: 'prometheus/v2' cannot be read (write it as prometheus/v1)",
    ("service: shop\n", ""): "service: key 'service' is missing",
    ("objective: 99.9", "objective: 101"): "slos.0.objective: 101 lies outside 0 to 100",
    ("objective: 99.9", "objective: .nan"): "slos.0.objective: nan lies outside 0 to 100",
    ("objective: 99.9", "objective: 99.9%"): "slos.0.objective: is no number",
    ("objective: 99.9", "objectiv: 99.9"): "slos.0.objectiv: unknown key 'objectiv' (did you mean 'objective'?)",
    (
        "error_query: sum(rate(orders_total",
        "eror_query: sum(rate(orders_total",
    ): "events.eror_query: unknown key 'eror_query'",
    ("name: mood", "name: odd"): "there is another SLO 'odd'",
    (
        "    sli:\n      raw:",
        "    sli:\n      plugin: {id: x}\n      raw:",
    ): "slos.2.sli: needs exactly one of raw, events and plugin",
    ("- name: odd", "- nme: odd"): "slos.3.name: key 'name' is missing",
}


@pytest.mark.parametrize(
    ("text", "change", "expected"),
    [*((OPENSLO, *entry) for entry in OF_OPENSLO.items()), *((SLOTH, *entry) for entry in OF_SLOTH.items())],
)
def test_a_wrong_file_is_told_by_line_path_and_mend(text: str, change: tuple[str, str], expected: str) -> None:
    """Each way to be invalid is told where it stands, with what would mend it."""
    assert change[0] in text
    found = problems(text.replace(change[0], change[1], 1))
    assert [problem for problem in found if expected in problem], found


def test_all_problems_of_all_files_are_told_at_once() -> None:
    """Nobody has to mend one file to hear of the next."""
    files = [
        ("a.yaml", b"version: prometheus/v1\nslos: []\n"),
        ("b.yaml", b"apiVersion: openslo/v1\nkind: SLO\n"),
        ("c.yaml", b"a: ["),
    ]
    with pytest.raises(InvalidInput) as raised:
        import_specs(files, POLICY)
    assert {problem.file for problem in raised.value.problems} == {"a.yaml", "b.yaml", "c.yaml"}


@pytest.mark.parametrize("text", ["a: 1\n", "- 1\n", "hello\n", "spec: courtsight/slo/v1\n", "---\n---\n", "[]\n"])
def test_files_of_no_format_are_refused(text: str) -> None:
    """What is neither OpenSLO nor Sloth is refused, with what would make it one."""
    with pytest.raises(InvalidInput):
        import_specs([("x.yaml", text.encode())], POLICY)


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in below for place in _places(value, (*path, key)))]


def _within(tree: Any, place: tuple[Any, ...]) -> Any:
    """What stands at a place; None where an earlier change took it away."""
    for key in place:
        if not (isinstance(tree, dict) and key in tree) and not (isinstance(tree, list) and key in range(len(tree))):
            return None
        tree = tree[key]
    return tree


def _annotation(objects: list[dict[str, Any]], where: tuple[int, str]) -> str:
    return str(objects[where[0]]["metadata"]["annotations"][where[1]])


TREES = [yaml.safe_load(OPENSLO), yaml.safe_load(SLOTH)]
PLACES = [(number, place) for number, tree in enumerate(TREES) for place in _places(tree) if place]


def _ends_well(raw: bytes) -> None:
    try:
        made = import_specs([("x.yaml", raw)], POLICY)
    except InvalidInput as error:
        assert error.problems  # noqa: PT017 - only one of both outcomes may be looked at
        return
    assert all(sheet.spec.slos for sheet in made.sheets)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(STRANGE)), min_size=1, max_size=3))
def test_values_of_other_types(changes: list[tuple[tuple[int, tuple[Any, ...]], Any]]) -> None:
    """Any value in any place is carried, told or refused, and nothing crashes."""
    trees = copy.deepcopy(TREES)
    for (number, place), value in changes:
        inner = _within(trees[number], place[:-1])
        if isinstance(inner, dict) or (isinstance(inner, list) and place[-1] in range(len(inner))):
            inner[place[-1]] = copy.deepcopy(value)  # the next change may be made inside it
    for tree in trees:
        _ends_well(yaml.safe_dump(tree, allow_unicode=True).encode())


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([OPENSLO, SLOTH]),
    st.integers(0, 2500),
    st.integers(0, 60),
    st.text("\t \n{}[]&*!|>%@`'\"#:-?,a1", max_size=8),
)
def test_pieces_missing_or_put_in(text: str, place: int, gone: int, new: str) -> None:
    """The same with any piece of a file missing."""
    _ends_well((text[:place] + new + text[place + gone :]).encode())


EXPORT = export(load_spec(SPECS_FOLDER / "examples" / "shop.yaml"), Ledger()).objects
ANNOTATIONS = [
    (number, key)
    for number, entry in enumerate(EXPORT)
    for key in entry["metadata"].get("annotations", {})
    if key in (SLO_NOTES, SPEC_NOTES)
]
NOTED = [(where, place) for where in ANNOTATIONS for place in _places(json.loads(_annotation(EXPORT, where))) if place]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NOTED), st.sampled_from([*STRANGE, "\ud800"])), min_size=1, max_size=3))
def test_annotations_of_our_own_that_were_spoiled(
    changes: list[tuple[tuple[tuple[int, str], tuple[Any, ...]], Any]],
) -> None:
    """Whatever stands in our annotations, an import ends well."""
    objects = copy.deepcopy(EXPORT)
    for (where, place), value in changes:
        notes = json.loads(_annotation(objects, where))
        inner = _within(notes, place[:-1])
        if isinstance(inner, dict) or (isinstance(inner, list) and place[-1] in range(len(inner))):
            inner[place[-1]] = value
        objects[where[0]]["metadata"]["annotations"][where[1]] = json.dumps(notes, skipkeys=True)
    _ends_well(yaml.safe_dump(objects, allow_unicode=True).encode())


WINDOWS = """
apiVersion: sloth.slok.dev/v1
kind: AlertWindows
spec:
  sloPeriod: 7d
  page: {quick: {errorBudgetPercent: 8, shortWindow: 5m, longWindow: 1h}}
"""


def test_a_table_of_windows_is_lost_and_said() -> None:
    """Sloth's tables of windows are no SLOs: they are told as lost, not as a resource that lacks its keys."""
    found = import_specs([("x.yaml", WINDOWS.encode())], POLICY)
    assert found.sheets == ()
    (finding,) = found.findings
    assert (finding.line, finding.path) == (3, "kind")
    assert "table of alert windows" in finding.message


def test_another_kind_of_resource_is_refused() -> None:
    """A resource of Sloth's group that is none of its kinds is told with the one that can be read."""
    assert problems(WINDOWS.replace("AlertWindows", "SLOWindows")) == [
        "x.yaml:3: kind: kind 'SLOWindows' cannot be read (write it as PrometheusServiceLevel)"
    ]
