"""The pytest plugin: scenarios as test items, `pytest uat/scenarios --courtsight-target URL --courtsight-credentials FILE`.

Loaded in every pytest run by its entry point, so it imports nothing of ours until the option is given, and then does its work.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from uat.results import ScenarioResult
    from uat.scenario import Scenario

_TARGET = "--courtsight-target"
_CREDENTIALS = "--courtsight-credentials"
_SLOW = "--courtsight-slow"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; without the first nothing else here does anything."""
    group = parser.getgroup("courtsight", "acceptance scenarios against a running chatbot")
    group.addoption(
        _TARGET, metavar="URL", default=None, help="collect *.yaml scenarios and ask the chatbot at this address"
    )
    group.addoption(
        _CREDENTIALS, metavar="FILE", default=None, help="YAML or JSON: role: {username, password}, or role: token"
    )
    group.addoption(_SLOW, action="store_true", default=False, help="also run the scenarios that are tagged slow")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a target without credentials at once."""
    if config.getoption(_TARGET) and not config.getoption(_CREDENTIALS):
        raise pytest.UsageError(f"{_TARGET} needs {_CREDENTIALS} FILE")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A YAML file below a folder named `scenarios` is a scenario, when a target is given."""
    if not parent.config.getoption(_TARGET) or file_path.suffix != ".yaml" or "scenarios" not in file_path.parts:
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


class ScenarioFile(pytest.File):
    """A scenario file; one item."""

    def collect(self) -> Iterable[pytest.Item]:
        """Read the scenario; a broken one is a collection error that names file, line and path."""
        from slo.errors import InvalidInput  # noqa: PLC0415 - see the module's first words
        from uat.scenario import SLOW, load_scenario  # noqa: PLC0415 - as above

        try:
            scenario = load_scenario(self.path)
        except InvalidInput as error:
            raise self.CollectError(str(error)) from error
        if SLOW in scenario.tags and not self.config.getoption(_SLOW):
            return
        yield ScenarioItem.from_parent(self, name=scenario.id, scenario=scenario)


class ScenarioItem(pytest.Item):
    """One scenario as a test."""

    def __init__(self, *, scenario: Scenario, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type] # name and parent, as from_parent passes them
        self._scenario = scenario

    def runtest(self) -> None:
        """Run it; anything but PASS fails the test."""
        import asyncio  # noqa: PLC0415 - see the module's first words

        from uat.results import ScenarioVerdict  # noqa: PLC0415 - as above

        target, credentials = self.config.getoption(_TARGET), Path(self.config.getoption(_CREDENTIALS))
        result = asyncio.run(run_alone(self._scenario, target, credentials))
        if result.verdict is not ScenarioVerdict.PASS:
            raise ScenarioFailure(result)

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: str | None = None,  # noqa: ARG002 - pytest's own signature
    ) -> str:
        """The findings with their advice for a scenario; a plain message for everything else."""
        if isinstance(excinfo.value, ScenarioFailure):
            return str(excinfo.value)
        return f"{type(excinfo.value).__name__}: {excinfo.value}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands, and what it says of itself."""
        return self.path, None, f"{self._scenario.role}: {self._scenario.title}"


class ScenarioFailure(Exception):  # noqa: N818 - what a reader of the console sees
    """A scenario that did not pass; its text is what a person needs."""

    def __init__(self, result: ScenarioResult) -> None:
        findings = "\n".join(f"  {finding}" for finding in result.findings())
        again = "\n  it passed only when it was tried again" if result.verdict == "FLAKY" else ""
        super().__init__(f"{result.scenario.title}: {result.verdict}\n{findings}{again}".rstrip())


async def run_alone(scenario: Scenario, url: str, credentials: Path) -> ScenarioResult:
    """Run one scenario against the target at `url`."""
    import random  # noqa: PLC0415 - see the module's first words

    from target.courtsight import open_target, read_credentials  # noqa: PLC0415 - as above
    from uat.runner import run_one  # noqa: PLC0415 - as above

    async with open_target(url, read_credentials(credentials)) as target:
        return await run_one(scenario, target, random.Random(0))  # noqa: S311 - pauses must repeat, not surprise
