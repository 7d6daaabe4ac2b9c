"""What is committed below alerts/generated, and the runbooks that belong to it."""

from __future__ import annotations

import re
from pathlib import Path

from alerts.generate import FOLDER, generated_files
from alerts.model import RuleFile
from slo.spec import Spec

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("## Symptom", "## Impact", "## Checks", "## Mitigation", "## Escalation")


def test_the_committed_files_are_those_of_the_spec(spec: Spec) -> None:
    """The set of files and every byte of them come from the spec; a stray file is found too."""
    files = generated_files(spec)
    present = {str(path.relative_to(ROOT)) for path in (ROOT / FOLDER).rglob("*") if path.is_file()}
    assert present == set(files)
    changed = [path for path, content in files.items() if (ROOT / path).read_bytes() != content]
    assert not changed, "run: make generate"


def test_every_alert_has_a_runbook_that_says_what_to_do(rules: RuleFile) -> None:
    """The runbook that an alert names exists, bears its name, and has every section filled."""
    for alert in sorted({rule.alert for rule in rules.alerts()}):
        text = (ROOT / "docs" / "runbooks" / f"{alert}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {alert}\n")
        for section in SECTIONS:
            assert re.search(rf"^{section}\n+[^#\n]", text, re.MULTILINE), (alert, section)


def test_every_runbook_of_a_generated_alert_belongs_to_one(rules: RuleFile) -> None:
    """No runbook stays behind after its alert was renamed."""
    alerts = {rule.alert for rule in rules.alerts()}
    burn = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*BudgetBurn*.md")}
    assert burn <= alerts


def test_the_slo_page_names_every_slo_and_alert(spec: Spec, rules: RuleFile) -> None:
    """docs/slo.md speaks of each SLO and each alert."""
    page = (ROOT / "docs" / "slo.md").read_text(encoding="utf-8")
    missing = [
        name
        for name in [*(slo.name for slo in spec.slos), *(rule.alert for rule in rules.alerts())]
        if name not in page
    ]
    assert not missing
