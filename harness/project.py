"""Where things lie in the checkout, and which inputs of a run there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness import provenance

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Project:
    """A checkout, and every path in it that the harness knows.

    Attributes:
        root: Where the inputs are.
        output: Below which evidence and reports are written; the root, unless a test keeps its runs apart.
    """

    root: Path = ROOT
    output: Path | None = None

    def spec_file(self, deployment: str) -> Path:
        """The SLO spec of a deployment."""
        return self.root / "slo" / "specs" / f"{deployment}.yaml"

    @property
    def evidence(self) -> Path:
        """One folder per run."""
        return (self.output or self.root) / "evidence"

    @property
    def reports(self) -> Path:
        """One folder per run, with the rendered reports."""
        return (self.output or self.root) / "reports" / "out"

    @property
    def cache(self) -> Path:
        """What can be made again: tools, stacks of running commands, the development service."""
        return self.root / ".cache"

    @property
    def scenarios(self) -> Path:
        """Acceptance scenarios, a folder per role."""
        return self.root / "uat" / "scenarios"

    def profile(self, name: str) -> Path:
        """A profile of the simulator by its name, or the file itself where a path is given."""
        return Path(name) if name.endswith(".yaml") else self.root / "simulator" / "profiles" / f"{name}.yaml"

    def workload(self, deployment: str) -> Path:
        """The questions and stages of latency and load measurements."""
        return self.root / "benchmarks" / "workloads" / f"{deployment}.yaml"

    def input_hashes(self, deployment: str, spec_digest: str) -> dict[str, str]:
        """Digests of what a run depends on, by the names that evidence uses; the corpus adds its own."""
        scenarios = [path for path in self.scenarios.rglob("*.yaml") if path.is_file()]
        return {
            "spec": spec_digest,
            "scenarios": provenance.hash_of_files(self.root, scenarios),
            "workload": provenance.hash_of_files(self.root, [self.workload(deployment)]),
        }

    def shown(self, path: Path) -> Path:
        """A path as people read it: from the root, when it lies below."""
        return path.relative_to(self.root) if path.is_relative_to(self.root) else path

    def newest_run(self) -> str | None:
        """Id of the newest run that came to its end; ids sort by their time."""
        return max((path.parent.name for path in self.evidence.glob("*/provenance.json")), default=None)
