"""Everything that is generated from a spec for Prometheus and Alertmanager, as bytes by path; nothing is written here."""

from __future__ import annotations

from alerts.alertmanager import alertmanager_config
from alerts.catalogue import Catalogue, catalogue_rules, catalogue_tests, load_catalogue
from alerts.emit import CATALOGUE_HEADER, rules_yaml
from alerts.rules import rule_file
from alerts.tests_for import promtool_tests
from slo.spec import Spec

FOLDER = "alerts/generated"


def generated_files(spec: Spec) -> dict[str, bytes]:
    """Path inside the project -> contents, for every file below `alerts/generated`."""
    return {
        f"{FOLDER}/rules.yaml": rules_yaml(rule_file(spec)),
        f"{FOLDER}/alertmanager.yaml": alertmanager_config(spec),
        **{f"{FOLDER}/tests/{name}": content for name, content in promtool_tests(spec).items()},
        **_catalogue_files(load_catalogue(), spec),
    }


def _catalogue_files(catalogue: Catalogue, spec: Spec) -> dict[str, bytes]:
    rules = catalogue_rules(catalogue, spec)
    tests = catalogue_tests(catalogue, spec)
    return {
        **{f"{FOLDER}/catalogue/{area.value}.yaml": rules_yaml(one, CATALOGUE_HEADER) for area, one in rules.items()},
        **{f"{FOLDER}/tests/catalogue-{area.value}.yaml": content for area, content in tests.items()},
    }
