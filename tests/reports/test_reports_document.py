"""The decision as JSON: whole, published, and derivable again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from reports.checklist import Checklist
from reports.document import Inputs, differences, from_text, schemas, to_bytes, to_document
from reports.trust import EvidenceSet
from reports.waivers import Waiver
from slo.errors import EvidenceError, InvalidInput
from slo.evidence import Evidence, digest_of
from slo.spec import Kind, Phase, Spec

SCHEMAS = Path(__file__).parents[2] / "slo" / "schemas"


@pytest.fixture
def inputs(spec: Spec, run: dict[Kind, Evidence], checklists: tuple[Checklist, ...]) -> Inputs:
    waiver = Waiver("load-max", "known", "Head of operations", date(2026, 11, 1), date(2026, 12, 1))
    return Inputs(spec, EvidenceSet(run, {}), (waiver,), checklists)


@pytest.fixture
def document(inputs: Inputs, at: datetime) -> dict[str, Any]:
    return json.loads(to_bytes(to_document(inputs.decide(Phase.BUILD, at), inputs)))


def _text(document: dict[str, Any]) -> str:
    return to_bytes(document).decode()


def test_a_document_is_read_back_whole(inputs: Inputs, document: dict[str, Any], at: datetime) -> None:
    """Decision and everything that it rests on come back as they were."""
    decision, again = from_text(_text(document), "x")
    assert decision == inputs.decide(Phase.BUILD, at)
    assert again.files.evidence == inputs.files.evidence
    assert (again.waivers, again.checklists) == (inputs.waivers, inputs.checklists)
    assert again.spec.digest == inputs.spec.digest


def test_an_untouched_document_has_no_differences(document: dict[str, Any]) -> None:
    """The verdict is derived again from the evidence inside, and agrees."""
    assert differences(_text(document), "x") == ()


def test_refused_evidence_is_part_of_the_document(spec: Spec, run: dict[Kind, Evidence], at: datetime) -> None:
    """A file that could not be read leaves its reason, and the verdict is still derivable."""
    del run[Kind.UAT]
    inputs = Inputs(spec, EvidenceSet(run, {Kind.UAT: "uat.json: is no JSON"}))
    text = _text(json.loads(to_bytes(to_document(inputs.decide(Phase.BUILD, at), inputs))))
    assert "is no JSON" in text
    assert differences(text, "x") == ()


def _reseal(document: dict[str, Any], kind: str) -> None:
    evidence = document["inputs"]["evidence"][kind]
    evidence["digest"] = digest_of(evidence)


def _change_value(document: dict[str, Any]) -> None:
    document["inputs"]["evidence"]["load"]["items"][0]["value"] = 0.5


def _change_and_reseal(document: dict[str, Any]) -> None:
    _change_value(document)
    _reseal(document, "load")


def _loosen_spec(document: dict[str, Any]) -> None:
    document["inputs"]["spec"] = document["inputs"]["spec"].replace("at_most: 75s", "at_most: 90s")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["decision"].update(readiness="GO"), "decision.readiness"),
        (lambda d: d["decision"].update(why="Trust me."), "decision.why"),
        (lambda d: d["decision"].update(blocking=[]), "decision.blocking"),
        (lambda d: d["decision"]["rows"][0].update(value=0.99), "decision.rows[0].value"),
        (lambda d: d["decision"]["rows"][0].update(n=7), "decision.rows[0].n"),
        (lambda d: d["decision"]["next_phase"].update(lacks=[]), "decision.next_phase.lacks"),
        (lambda d: d["decision"].update(engine="real"), "decision.engine"),
        (lambda d: d["decision"].update(at="2027-01-01T00:00:00Z"), "decision."),
        (lambda d: d["inputs"]["evidence"].pop("drill"), "decision."),
        (lambda d: d["inputs"].update(waivers=[]), "decision."),
        (_change_value, "was changed since it was written"),
        (_change_and_reseal, "decision."),
        (_loosen_spec, "decision."),
    ],
)
def test_a_changed_document_is_detected(
    document: dict[str, Any], change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Any changed word, number, input or date contradicts what is derived again, and the place is named."""
    change(document)
    found = differences(_text(document), "x")
    assert found
    assert any(said in one for one in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(schema="courtsight/readiness/v2"),
        lambda d: d.pop("inputs"),
        lambda d: d.update(extra=1),
        lambda d: d["decision"].update(readiness="MAYBE"),
        lambda d: d["inputs"].update(evidence={"dreams": {}}),
    ],
)
def test_another_form_is_refused(document: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> None:
    """An unknown version, missing or unknown parts are errors, not guesses."""
    change(document)
    with pytest.raises(EvidenceError, match=r"^x: "):
        from_text(_text(document), "x")
    assert differences(_text(document), "x")


def test_a_document_with_a_broken_spec(document: dict[str, Any]) -> None:
    """A spec inside that is wrong is told like any other."""
    document["inputs"]["spec"] = "spec: nothing\n"
    with pytest.raises(InvalidInput):
        from_text(_text(document), "x")
    assert "x: spec" in differences(_text(document), "x")[0]


def test_the_published_schemas_are_the_programs_own() -> None:
    """`slo/schemas` holds exactly what the program generates."""
    made = schemas()
    assert {path.name for path in SCHEMAS.iterdir()} - {"spec.json"} == set(made)
    for name, content in made.items():
        assert (SCHEMAS / name).read_bytes() == content, f"{name} is old: run make generate"


def test_the_schema_names_every_part_of_a_document(document: dict[str, Any]) -> None:
    """What a document holds is what its schema names, row by row."""
    schema = json.loads(schemas()["readiness.json"])
    parts = schema["$defs"]
    assert set(schema["properties"]) == set(document)
    assert set(parts["Decision"]["properties"]) == set(document["decision"])
    assert set(parts["Row"]["properties"]) == set(document["decision"]["rows"][0])
    assert set(parts["Source"]["properties"]) == set(document["decision"]["sources"][0])
