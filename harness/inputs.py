"""Every input file of a run and how it is read: `check` reads them all, so that a typo shows before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alerts.catalogue import load_catalogue
from alerts.catalogue.compat import load_compat
from alerts.drills.drill import load_drills
from alerts.receivers import load_receivers
from benchmarks.workload import load_workload
from harness.project import Project
from reports.checklist import load_checklists
from reports.waivers import load_waivers
from slo.spec import Spec
from uat.scenario import load_scenarios


def loaders(project: Project, spec: Spec) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name of each input, and the function that reads it strictly."""
    yield "scenarios", lambda: load_scenarios(project.scenarios)
    yield "workload", lambda: load_workload(project.workload(spec.deployment))
    yield "checklists", lambda: load_checklists(project.root / "reports" / "checklists")
    yield "drills", lambda: load_drills(project.root / "alerts" / "drills" / "cases")
    yield "alert catalogue", load_catalogue
    yield "metric names of the documents", load_compat
    yield "receivers", load_receivers
    yield "waivers", lambda: load_waivers(project.root / "reports" / "waivers.yaml")
