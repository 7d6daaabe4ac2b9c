"""Compatibility rules: the metric names that a document publishes, recorded from ours, so that its rules and boards evaluate.

`job` and `instance` are kept, so that a restarted process resets its own counter and not a sum. A recorded series is as old as the last
evaluation of its group; alerts of ours never read one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from alerts.catalogue.text import expression, places, series, values
from alerts.emit import CATALOGUE_HEADER, to_yaml
from alerts.model import Group, RecordingRule, RuleFile
from alerts.pace import Pace
from slo.errors import InvalidInput, Problem
from slo.spec import Cell, Spec, cell
from slo.strict_yaml import Wire, load_strict

FOLDER = Path(__file__).parent / "compat"
INTERVAL = Decimal(30)
PARTS = ("_bucket", "_sum", "_count")

MetricName = Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
Place = Annotated[str, Field(pattern=r"^00[0-4]:[0-9]+$")]


class _Series(Wire):
    source: Place
    from_: MetricName | None = Field(default=None, alias="from")
    where: str = ""
    histogram: bool = False
    rename: dict[LabelName, LabelName] = Field(default_factory=dict)
    values: dict[LabelName, dict[str, str]] = Field(default_factory=dict)
    add: dict[LabelName, str] = Field(default_factory=dict)
    expr: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> _Series:
        if (self.from_ is None) == (self.expr is None):
            raise ValueError("needs exactly one of 'from' (a metric of ours) and 'expr'")
        return self


class _Published(Wire):
    expr: Annotated[str, Field(min_length=1)]
    corrected: str = ""


class _File(Wire):
    compat: Literal["courtsight/compat/v1"]
    deployment: Literal["courtsight", "itb", "career", "platform", "textbook"]
    job: str | None = None
    series: dict[MetricName, _Series]
    unmapped: dict[str, str] = Field(default_factory=dict)
    published: dict[Place, _Published]
    given: dict[str, str]


@dataclass(frozen=True, slots=True)
class Renamed:
    """One published metric and what it is made of.

    Attributes:
        origin: The metric of ours, or None where `expr` says all.
        labels: The document's label and ours.
        values: The document's label, our value, the document's value.
        added: Labels that every series gets.
    """

    name: str
    source: str
    origin: str | None
    where: str
    histogram: bool
    labels: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str, str], ...]
    added: Cell
    expr: str


@dataclass(frozen=True, slots=True)
class Compat:
    """The names of one deployment's document.

    Attributes:
        unmapped: Name and reason of what cannot be mapped.
        published: Place, expression as it evaluates, and what was wrong in the published one.
        given: Series of ours on which every published expression yields something.
    """

    deployment: str
    renamed: tuple[Renamed, ...]
    unmapped: tuple[tuple[str, str], ...]
    published: tuple[tuple[str, str, str], ...]
    given: tuple[tuple[str, str], ...]


def load_compat(folder: Path = FOLDER) -> tuple[Compat, ...]:
    """Read the mapping of every deployment whose document publishes names.

    Raises:
        InvalidInput: A file is wrong.
    """
    return tuple(_compat(load_strict(path, _File), path) for path in sorted(folder.glob("*.yaml")))


def compat_rules(compat: Compat, spec: Spec) -> RuleFile:
    """The recording rules of a deployment's document on the series of the spec's service."""
    rules = tuple(rule for one in compat.renamed for rule in _rules(one, spec))
    return RuleFile(spec.service, (Group(f"{spec.service}-compat-{compat.deployment}", INTERVAL, rules),))


def compat_tests(compat: Compat, spec: Spec, rules: str) -> bytes:
    """Promtool tests: each published expression yields something on series of ours; `rules` is the path of the rule file."""
    known = places(spec)
    looks = [
        {"expr": f"count({expr}) > bool 0", "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": 1.0}]}
        for _, expr, _ in compat.published
    ]
    given = [{"series": series(name, known, {}), "values": values(text, {})} for name, text in compat.given]
    test = {
        "interval": "1m",
        "name": f"every expression that {compat.deployment} publishes yields something",
        "input_series": given,
        "promql_expr_test": looks,
    }
    document: dict[str, Any] = {"rule_files": [rules], "evaluation_interval": "1m", "tests": [test]}
    return to_yaml(document, spec.service, CATALOGUE_HEADER)


def _rules(renamed: Renamed, spec: Spec) -> Iterator[RecordingRule]:
    if renamed.origin is None:
        yield RecordingRule(renamed.name, renamed.expr, renamed.added)
        return
    for part in PARTS if renamed.histogram else ("",):
        yield RecordingRule(renamed.name + part, _expr(renamed, part, spec), renamed.added)


def _expr(renamed: Renamed, part: str, spec: Spec) -> str:
    own = "$service" + (f",{renamed.where}" if renamed.where else "")
    inner = f"{renamed.origin}{part}{{{own}}}"
    mapped = {label for label, _, _ in renamed.values}
    for label, ours in renamed.labels:
        if label != ours and label not in mapped:
            inner = f'label_replace({inner}, "{label}", "$1", "{ours}", "(.*)")'
    ours_of = dict(renamed.labels)
    for label, ours, theirs in renamed.values:
        inner = f'label_replace({inner}, "{label}", "{theirs}", "{ours_of[label]}", "{ours}")'
    by = ", ".join(["job", "instance", *(["le"] if part == "_bucket" else []), *(label for label, _ in renamed.labels)])
    return expression(f"sum by ({by}) ({inner})", places(spec), {}, Pace())


def _compat(wire: _File, path: Path) -> Compat:
    strange = {label for one in wire.series.values() for label in set(one.values) - set(one.rename)}
    if strange or path.stem != wire.deployment:
        said = (
            f"maps values of {', '.join(sorted(strange))}, which it does not rename"
            if strange
            else "bears another name"
        )
        raise InvalidInput((Problem(str(path), None, "", said),))
    return Compat(
        wire.deployment,
        tuple(_renamed(name, one, wire.job) for name, one in wire.series.items()),
        tuple(wire.unmapped.items()),
        tuple((place, one.expr, one.corrected) for place, one in wire.published.items()),
        tuple(wire.given.items()),
    )


def _renamed(name: str, wire: _Series, job: str | None) -> Renamed:
    return Renamed(
        name=name,
        source=wire.source,
        origin=wire.from_,
        where=wire.where,
        histogram=wire.histogram,
        labels=tuple(wire.rename.items()),
        values=tuple((label, ours, theirs) for label, found in wire.values.items() for ours, theirs in found.items()),
        added=cell({**wire.add, **({"job": job} if job else {})}),
        expr=wire.expr or "",
    )
