"""From the catalogue's YAML to `Catalogue`: strict, so that a typo names file, line, path and the nearest key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from alerts.catalogue.model import (
    DEPLOYMENTS,
    Area,
    Catalogue,
    Covered,
    Entry,
    Exporter,
    Parameter,
    Source,
    Story,
    Team,
    Variant,
)
from alerts.catalogue.text import PLACES, wanted_parameters
from slo.errors import InvalidInput, Problem
from slo.quantities import parse_duration, parse_ratio
from slo.spec import Severity
from slo.strict_yaml import Wire, load_strict

FOLDER = Path(__file__).parent


def _duration(value: object) -> object:
    if value == 0:
        return Decimal(0)
    if not isinstance(value, str):
        raise ValueError(f"write {value!r} with its unit")  # noqa: TRY004 - pydantic reports ValueError
    return parse_duration(value)


def _parameter(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is no number, percent or duration")  # noqa: TRY004 - pydantic reports ValueError
    if isinstance(value, str):
        return Parameter(value, parse_ratio(value) if value.endswith("%") else parse_duration(value))
    return Parameter(str(value), Decimal(str(value)))


def _member(kind: type[StrEnum]) -> BeforeValidator:
    def validate(value: object) -> object:
        if value not in tuple(kind):
            raise ValueError(f"{value!r} is none of {', '.join(kind)}")
        return kind(str(value))

    return BeforeValidator(validate)


def _deployment(value: object) -> object:
    if value not in DEPLOYMENTS:
        raise ValueError(f"{value!r} is none of {', '.join(DEPLOYMENTS)}")
    return value


Text = Annotated[str, Field(min_length=1)]
AlertName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]+$")]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
Place = Annotated[str, Field(pattern=r"^00[0-4]:[0-9]+$")]
Seconds = Annotated[Decimal, BeforeValidator(_duration)]
Amounts = dict[Key, Annotated[Parameter, BeforeValidator(_parameter)]]
Deployment = Annotated[str, BeforeValidator(_deployment)]
Loudness = Annotated[Severity, _member(Severity)]


class _Variant(Wire):
    parameters: Amounts = Field(default_factory=dict)
    for_: Seconds | None = Field(default=None, alias="for")
    severity: Loudness | None = None


class _Source(Wire):
    deployment: Deployment
    alert: str = ""
    expr: str = ""
    corrected: str = ""


class _Covered(_Source):
    by: AlertName


class _Story(Wire):
    title: Text
    series: dict[str, str]
    since: Seconds | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    silent: Seconds | None = None
    until: Seconds | None = None

    @model_validator(mode="after")
    def _one_end(self) -> _Story:
        if (self.since is None) == (self.silent is None):
            raise ValueError("needs exactly one of 'since' (the expression holds from there) and 'silent' (until when)")
        if self.until is not None and (self.since is None or self.until <= self.since):
            raise ValueError("'until' comes after 'since'")
        return self


class _Entry(Wire):
    summary: Text
    description: Text
    severity: Loudness
    for_: Seconds = Field(alias="for")
    team: Annotated[Team, _member(Team)]
    exporter: Annotated[Exporter, _member(Exporter)]
    expr: Text
    parameters: Amounts = Field(default_factory=dict)
    deployments: dict[Deployment, _Variant] = Field(min_length=1)
    sources: dict[Place, _Source] = Field(default_factory=dict)
    why: str = ""
    silenced_by: list[AlertName] = Field(default_factory=list)
    stories: list[_Story] = Field(min_length=2)

    @model_validator(mode="after")
    def _complete(self) -> _Entry:
        if bool(self.sources) == bool(self.why):
            raise ValueError("needs 'sources' when a document asks for it, else 'why' it is ours: exactly one of them")
        if {story.since is None for story in self.stories} != {True, False}:
            raise ValueError("needs a story in which it fires and one in which it keeps silent")
        missing = wanted_parameters(self.expr) - set(self.parameters) - PLACES
        if missing:
            raise ValueError(f"the expression leaves {', '.join(sorted(missing))} open, which is no parameter")
        strange = {name for variant in self.deployments.values() for name in variant.parameters} - set(self.parameters)
        if strange:
            raise ValueError(f"a deployment sets {', '.join(sorted(strange))}, which is no parameter")
        return self


class _File(Wire):
    catalogue: Literal["courtsight/alerts/v1"]
    area: Annotated[Area, _member(Area)]
    alerts: dict[AlertName, _Entry] = Field(min_length=1)
    covered: dict[Place, _Covered] = Field(default_factory=dict)


def load_catalogue(folder: Path = FOLDER) -> Catalogue:
    """Read every file of the catalogue.

    Raises:
        InvalidInput: A file is missing or wrong; every problem found is in it.
    """
    files = [load_strict(folder / f"{area}.yaml", _File) for area in Area]
    problems = [
        Problem(str(folder / f"{area}.yaml"), None, "area", f"says {file.area}")
        for area, file in zip(Area, files, strict=True)
        if file.area is not area
    ]
    catalogue = Catalogue(
        tuple(_entry(name, entry, file.area) for file in files for name, entry in file.alerts.items()),
        tuple(Covered(_source(place, one), one.by) for file in files for place, one in file.covered.items()),
    )
    problems += _across(str(folder), catalogue)
    if problems:
        raise InvalidInput(tuple(problems))
    return catalogue


def _entry(name: str, wire: _Entry, area: Area) -> Entry:
    return Entry(
        name=name,
        area=area,
        summary=wire.summary,
        description=wire.description,
        severity=wire.severity,
        hold=wire.for_,
        team=wire.team,
        exporter=wire.exporter,
        expr=wire.expr.strip(),
        parameters=wire.parameters,
        variants={name: Variant(one.parameters, one.for_, one.severity) for name, one in wire.deployments.items()},
        sources=tuple(_source(place, source) for place, source in wire.sources.items()),
        why=wire.why,
        silenced_by=tuple(wire.silenced_by),
        stories=tuple(_story(story) for story in wire.stories),
    )


def _source(place: str, wire: _Source) -> Source:
    return Source(place, wire.deployment, wire.alert, wire.expr, wire.corrected)


def _story(wire: _Story) -> Story:
    labels: Mapping[str, str] = wire.labels
    return Story(wire.title, tuple(wire.series.items()), wire.since, labels, wire.silent, wire.until)


def _across(folder: str, catalogue: Catalogue) -> Iterator[Problem]:
    """What no file can know of the others."""
    names = [entry.name for entry in catalogue.entries]
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(folder, None, name, "stands in several files", "an alert has one entry")
    for entry in catalogue.entries:
        for source in entry.sources:
            if source.deployment not in entry.variants:
                yield Problem(folder, None, entry.name, f"{source.place} asks for it, but not for {source.deployment}")
