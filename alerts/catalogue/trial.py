"""Trying the mutants of an entry on its stories with promtool, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints

from alerts.catalogue.model import Entry
from alerts.catalogue.mutants import mutants
from alerts.catalogue.proof import story_tests
from alerts.catalogue.rules import INTERVAL, catalogue_rule
from alerts.emit import rules_yaml
from alerts.model import AlertRule, Group, RuleFile
from slo.spec import Spec
from slo.strict_yaml import Wire, load_strict

SECONDS = 60
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "tools" / "usr" / "bin"
UNNOTICED_FILE = Path(__file__).parent / "unnoticed.yaml"


class _Unnoticed(Wire):
    unnoticed: Literal["courtsight/unnoticed/v1"]
    mutants: dict[str, Annotated[str, StringConstraints(min_length=1)]]


def load_unnoticed(path: Path = UNNOTICED_FILE) -> dict[str, str]:
    """Mutants that no story is expected to notice: name -> reason.

    Raises:
        InvalidInput: The file is missing or wrong.
    """
    return load_strict(path, _Unnoticed).mutants


def surprises(left: Iterable[str], tried: Iterable[str], listed: dict[str, str], alerts: Iterable[str]) -> list[str]:
    """What differs from the list: survivors without a reason, and entries of these alerts that are noticed or made no more."""
    left, tried, alerts = set(left), set(tried), set(alerts)
    found = [f"not noticed, and not listed: {name}" for name in sorted(left - set(listed))]
    stale = [name for name in listed if name.partition(":")[0] in alerts and name not in left]
    return found + [f"listed, but {'noticed' if name in tried else 'made no more'}: {name}" for name in stale]


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
