"""What an entry of the alert catalogue is. Frozen values without I/O; `alerts.catalogue.load` makes them from YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from slo.spec import Severity


class Area(StrEnum):
    """What an alert watches; the catalogue has one file and one rule group for each."""

    SERVICE = "service"
    BUSINESS = "business"
    DEPENDENCIES = "dependencies"
    INFRASTRUCTURE = "infrastructure"


class Exporter(StrEnum):
    """Who exposes the series of an expression."""

    OURS = "ours"
    NODE = "node"
    REDIS = "redis"
    POSTGRES = "postgres"
    KUBE_STATE = "kube-state-metrics"
    CADVISOR = "cadvisor"
    BLACKBOX = "blackbox"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"


class Team(StrEnum):
    """Who is told first; label `owner` is `<service>-<team>`, and receivers are chosen by it."""

    OPERATIONS = "operations"
    PLATFORM = "platform"
    CONTENT = "content"
    BUSINESS = "business"
    SECURITY = "security"


DEPLOYMENTS = ("courtsight", "itb", "career", "platform", "textbook")
"""The deployments whose documents the catalogue gathers."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of an expression that a deployment may set: `text` as people write it, `value` in seconds, ratio or count."""

    text: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Variant:
    """What a deployment sets otherwise; None leaves the entry's own."""

    parameters: Mapping[str, Parameter]
    hold: Decimal | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a requirement document asks for the alert.

    Attributes:
        place: `<document>:<line>`.
        deployment: Whose document it is.
        published: Name and expression as published; empty where the document only says it in words.
        corrected: What was wrong in the expression, and what stays of its intent; empty where nothing was.
    """

    place: str
    deployment: str
    published: str
    expr: str
    corrected: str


@dataclass(frozen=True, slots=True)
class Story:
    """One story that promtool plays: series by minute, and since when the expression holds.

    Attributes:
        series: Selector and values of each series as promtool writes them, with `<…>` for arithmetic on parameters.
        since: First second at which the expression yields something; None when it never does.
        labels: Labels that the firing alert has from its expression.
        until: First second at which it no longer does; None where the story ends before.
        silent: Seconds for which it is watched when it never does.
    """

    title: str
    series: tuple[tuple[str, str], ...]
    since: Decimal | None
    labels: Mapping[str, str]
    silent: Decimal | None
    until: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert.

    Attributes:
        hold: `for` in seconds.
        expr: PromQL with `$service` (the service's own labels), `$namespace`, `$pods` and `$parameter` left open.
        variants: By deployment; an entry is meant for those alone.
        why: For an alert that no document asks for: what it saves us from.
        silenced_by: Alerts that explain this one.
    """

    name: str
    area: Area
    summary: str
    description: str
    severity: Severity
    hold: Decimal
    team: Team
    exporter: Exporter
    expr: str
    parameters: Mapping[str, Parameter]
    variants: Mapping[str, Variant]
    sources: tuple[Source, ...]
    why: str
    silenced_by: tuple[str, ...]
    stories: tuple[Story, ...]

    def for_deployment(self, deployment: str) -> Entry:
        """The entry with what the deployment sets otherwise.

        Raises:
            KeyError: The entry is not meant for it.
        """
        variant = self.variants[deployment]
        return replace(
            self,
            parameters={**self.parameters, **variant.parameters},
            hold=self.hold if variant.hold is None else variant.hold,
            severity=variant.severity or self.severity,
        )


@dataclass(frozen=True, slots=True)
class Covered:
    """A published alert that the rules of the spec already hold: its name, where it stands, and the alert that takes its place."""

    source: Source
    by: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All alerts that are set by hand, in the order of their files."""

    entries: tuple[Entry, ...]
    covered: tuple[Covered, ...]

    def of(self, deployment: str) -> tuple[Entry, ...]:
        """The entries of a deployment, with its own numbers; one that no document describes gets the entries of `courtsight`."""
        known = deployment if deployment in DEPLOYMENTS else DEPLOYMENTS[0]
        return tuple(entry.for_deployment(known) for entry in self.entries if known in entry.variants)

    def entry(self, name: str) -> Entry:
        """The entry of this name.

        Raises:
            KeyError: There is none.
        """
        return {entry.name: entry for entry in self.entries}[name]

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Every source with the alert that answers it."""
        for entry in self.entries:
            yield from ((entry.name, source) for source in entry.sources)
        yield from ((one.by, one.source) for one in self.covered)
