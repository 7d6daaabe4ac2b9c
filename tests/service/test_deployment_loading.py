"""A deployment is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import Deployment
from service.errors import ConfigurationError

SHIPPED = deployment_file("courtsight").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "message_characters: 5000",
            "mesage_characters: 5000",
            "limits.mesage_characters: unknown key (did you mean 'message_characters'?)",
        ),
        ("    register: bench", "    register: bunch", "no register 'bunch' (did you mean 'bench'?)"),
        ("  judge:\n    permissions: [read", "  judge:\n    permissions: [raed", "roles.judge.permissions.0"),
        ("  medium_from: 2", "  medium_from: 92", "complex_from must be greater than medium_from"),
        ("      expected: 4.0\n", "      expected: four\n", "complexity.signals.0.expected"),
        ("    koma: ", "    comma: ", "measures must be exactly"),
        ("name: courtsight\n", "name: courtsight\nname: other\n", "key 'name' stands twice"),
        ("language: id\n", "language: &a id\n", ""),
        ("corpus: courtsight\n", "corpus: *a\n", "aliases are not allowed"),
    ],
)
def test_a_typo_is_named_by_file_path_and_nearest_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    """What people get wrong in YAML stops the start with one line that says where."""
    assert old in SHIPPED
    file = tmp_path / "mine.yaml"
    file.write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    if not told:
        assert load_deployment(file).language == "id"
        return
    with pytest.raises(ConfigurationError) as caught:
        load_deployment(file)
    assert str(file) in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_deployment_names_the_nearest() -> None:
    """A misspelt deployment says which one was probably meant."""
    with pytest.raises(ConfigurationError, match="did you mean 'courtsight'"):
        deployment_file("cuortsight")


def test_the_roles_are_those_of_the_requirements(deployment: Deployment) -> None:
    """Permissions and tools by role are as the requirements state them."""
    rights = {name: (set(role.permissions), len(role.tools)) for name, role in deployment.roles.items()}
    assert rights == {
        "admin": ({"read", "write", "delete", "admin"}, 4),
        "judge": ({"read", "write", "legal_analysis"}, 4),
        "lawyer": ({"read", "write", "case_comparison"}, 4),
        "researcher": ({"read", "legal_search"}, 3),
        "public": ({"read"}, 2),
    }
    assert "CaseComparator" not in deployment.roles["researcher"].tools
    assert deployment.limits.message_characters == 5_000
