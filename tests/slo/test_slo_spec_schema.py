"""The JSON schema for editors: it takes what the reader takes, and refuses most of what the reader refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from slo.errors import InvalidInput
from slo.load import SPECS_FOLDER
from slo.spec_schema import spec_schema
from slo.strict_yaml import read_document

BAD = sorted((Path(__file__).parent / "bad_specs").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema_rs.validator_for(spec_schema())


def test_it_is_a_schema() -> None:
    """Draft 2020-12, with a description of every key of an SLO."""
    schema = spec_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    jsonschema_rs.meta.validate(schema)
    described = schema["$defs"]["SLOWire"]["properties"]
    assert all("description" in described[key] or "$ref" in described[key] for key in ("title", "objective", "window"))


@pytest.mark.parametrize("spec", sorted(SPECS_FOLDER.rglob("*.yaml")), ids=lambda spec: spec.stem)
def test_the_specs_of_the_project_are_valid(spec: Path, validator: Any) -> None:
    """Every spec that ships passes its schema."""
    validator.validate(yaml.safe_load(spec.read_bytes()))


def test_many_bad_specs_are_refused(validator: Any) -> None:
    """What shows in the form alone is refused by the schema too; the rest needs the whole spec, or a reading of its PromQL."""
    readable = [tree for path in BAD if (tree := _tree(path)) is not None]
    refused = [tree for tree in readable if not validator.is_valid(tree)]
    assert len(refused) >= 85, (len(refused), len(readable))


@pytest.mark.parametrize(
    "stem",
    [
        *(
            "key-mistyped",
            "objective-without-percent",
            "objective-with-comma",
            "window-without-unit",
            "no-sli",
            "two-slis",
            "labels-by-severity",
            "labels-by-a-severity-unknown",
        ),
        *(
            "codes-without-quotes",
            "events-with-bad-and-good",
            "slices-without-limit",
            "gate-without-limit",
            "id-uppercase",
        ),
        *("windows-word-unknown", "windows-severity-unknown", "gates-without-phases", "metric-with-dash", "bad-empty"),
    ],
)
def test_slips_of_the_hand_show_in_the_editor(stem: str, validator: Any) -> None:
    """Typos, missing units, unquoted codes and doubled SLIs are underlined while one writes."""
    assert not validator.is_valid(_tree(next(path for path in BAD if path.stem == stem)))


def _tree(path: Path) -> Any:
    try:
        data = read_document(path.read_bytes(), path.name).data
    except InvalidInput:
        return None
    return json.loads(json.dumps(data, default=str))  # a date is text for a schema
