"""Trying the mutants of an entry on its stories with promtool, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from alerts.catalogue.model import Entry
from alerts.catalogue.mutants import mutants
from alerts.catalogue.proof import story_tests
from alerts.catalogue.rules import INTERVAL, catalogue_rule
from alerts.emit import rules_yaml
from alerts.model import AlertRule, Group, RuleFile
from slo.spec import Spec

SECONDS = 60
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "tools" / "usr" / "bin"


def find_promtool() -> Path | None:
    """Prometheus' promtool from PATH, else from the project's cache."""
    found = shutil.which("promtool") or shutil.which("promtool", path=str(CACHE))
    return None if found is None else Path(found)


def survivors(entry: Entry, spec: Spec, promtool: Path) -> list[str]:
    """Names of the mutants of an entry that none of its stories notices.

    Raises:
        ValueError: The stories fail on the right rule already, so that failing would prove nothing.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "tests.yaml").write_bytes(story_tests([entry], spec, "rules.yaml"))
        if not _passes(catalogue_rule(entry, spec), spec, folder, promtool):
            raise ValueError(f"{entry.name}: its stories fail on the rule as it is")
        return [one.name for one in mutants(entry, spec) if _passes(one.rule, spec, folder, promtool)]


def _passes(rule: AlertRule, spec: Spec, folder: Path, promtool: Path) -> bool:
    group = Group("mutant", INTERVAL, (rule,))
    (folder / "rules.yaml").write_bytes(rules_yaml(RuleFile(spec.service, (group,))))
    command = [str(promtool), "test", "rules", "tests.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=SECONDS, check=False)
    return done.returncode == 0
