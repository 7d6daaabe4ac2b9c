"""Everything that is generated from a spec for Prometheus and Alertmanager, as bytes by path; nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.alertmanager import alertmanager_config
from alerts.catalogue import Catalogue, catalogue_rules, catalogue_tests, load_catalogue
from alerts.catalogue.compat import Compat, compat_rules, compat_tests, load_compat
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
        **_compat_files(load_compat(), spec),
    }


def _catalogue_files(catalogue: Catalogue, spec: Spec) -> dict[str, bytes]:
    rules = catalogue_rules(catalogue, spec)
    tests = catalogue_tests(catalogue, spec)
    return {
        **{f"{FOLDER}/catalogue/{area.value}.yaml": rules_yaml(one, CATALOGUE_HEADER) for area, one in rules.items()},
        **{f"{FOLDER}/tests/catalogue-{area.value}.yaml": content for area, content in tests.items()},
    }


def _compat_files(found: Iterable[Compat], spec: Spec) -> dict[str, bytes]:
    """The names that each deployment's document publishes; a Prometheus loads the file of the deployment that it watches."""
    files = {}
    for one in found:
        files[f"{FOLDER}/compat/{one.deployment}.yaml"] = rules_yaml(compat_rules(one, spec), CATALOGUE_HEADER)
        files[f"{FOLDER}/tests/catalogue-compat-{one.deployment}.yaml"] = compat_tests(
            one, spec, f"../compat/{one.deployment}.yaml"
        )
    return files
