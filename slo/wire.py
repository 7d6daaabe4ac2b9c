"""The spec as people write it: the wire models of YAML, validated once. `slo.load` turns them into the domain.

Descriptions and examples here are what editors show: the JSON schema `slo/schemas/spec.json` is generated from these models.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, WithJsonSchema

from slo import patterns
from slo.quantities import ANY_UNIT, QuantityError, parse_duration, parse_ratio
from slo.spec import Kind, Severity, Statistic, Unit
from slo.strict_yaml import Wire

VERSION = "courtsight/slo/v1"
MONTH = "month"
"""The window that is a calendar month."""
DEFAULT = "default"
"""Stands for every label value that a map does not name."""
KINDS = ("ratio", "latency", "events", "raw", "time_slices", "composite")
"""The kinds of SLIs; an SLO has exactly one."""


def _decimal(parse: Callable[[str], Decimal], what: str, like: str) -> BeforeValidator:
    quick = lru_cache(maxsize=1024)(parse)

    def validate(value: object) -> Decimal:
        if isinstance(value, str):
            return quick(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise QuantityError(f"write {value!r} with its unit", f"like {like}")
        raise QuantityError(f"is no {what}", f"write it like {like}")

    return BeforeValidator(validate)


def _window(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise QuantityError(f"write {value!r} with its unit", f"like 30d, or {MONTH} for the calendar month")
    return value


def _texts(pattern: str, what: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": what, "examples": list(examples)})


_PERCENT_PATTERN = r"^\s*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%\s*$"
_OBJECTIVE_PATTERN = r"^\s*(?!0+(\.0+)?\s*%)\d{1,2}(\.\d+)?\s*%\s*$"
_DURATION_PATTERN = rf"^\s*(\d+(\.\d+)?\s?({ANY_UNIT})\s*)+$"

Ratio = Annotated[
    Decimal,
    _decimal(parse_ratio, "percent", "99.9%"),
    _texts(_PERCENT_PATTERN, "A percent with its sign.", "99.9%", "95 %"),
]
Objective = Annotated[
    Decimal,
    _decimal(parse_ratio, "percent", "99.9%"),
    _texts(_OBJECTIVE_PATTERN, "A percent with its sign, between 0% and 100%.", "99.9%", "95 %"),
]
Duration = Annotated[
    Decimal,
    _decimal(parse_duration, "duration", "500ms, 4s, 1h30m or 30d"),
    _texts(_DURATION_PATTERN, "A duration with its units.", "500ms", "4s", "1h30m", "30d"),
]
WindowText = Annotated[
    str,
    BeforeValidator(_window),
    _texts(f"^\\s*month\\s*$|{_DURATION_PATTERN}", "30d, 28d, or month.", "30d", "month"),
]
Name = Annotated[str, StringConstraints(pattern=patterns.NAME, max_length=63)]
LabelName = Annotated[str, StringConstraints(pattern=patterns.LABEL_NAME, max_length=128)]
MetricName = Annotated[str, StringConstraints(pattern=patterns.METRIC_NAME, max_length=256)]
LabelValue = Annotated[str, StringConstraints(pattern=patterns.LABEL_VALUE, max_length=128)]
CountedValue = Annotated[str, StringConstraints(pattern=patterns.COUNTED_VALUE, max_length=128)]
MatchedValue = Annotated[str, StringConstraints(pattern=patterns.MATCHED_VALUE, max_length=256)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=patterns.ONE_LINE)]
Expression = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=0, le=10**12)]


def _amount(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise QuantityError("is no amount", "write a number, a percent like 99.9% or a duration like 4s")
    return value


Amount = Annotated[Any, BeforeValidator(_amount), WithJsonSchema({"type": ["string", "number"]})]


def _weight(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise QuantityError("is no weight", "write a number over zero, such as 2 or 0.5")
    return value


Weight = Annotated[Any, BeforeValidator(_weight), WithJsonSchema({"type": ["string", "number"], "exclusiveMinimum": 0})]


def _one_or_many(value: object) -> str:
    return "(by value)" if isinstance(value, dict) else "(one)"


def _one_or_list(value: object) -> str:
    return "(list)" if isinstance(value, list) else "(one)"


def _limit(value: object) -> str:
    if isinstance(value, dict):
        return "(stricter)" if "stricter_of" in value else "(by value)"
    return "(one)"


# One value, or a map of label value -> value under `for_each`.
ObjectiveByLabel = Annotated[
    Annotated[Objective, Tag("(one)")] | Annotated[dict[LabelValue, Objective], Field(min_length=1), Tag("(by value)")],
    Discriminator(_one_or_many),
]
DurationByLabel = Annotated[
    Annotated[Duration, Tag("(one)")] | Annotated[dict[LabelValue, Duration], Field(min_length=1), Tag("(by value)")],
    Discriminator(_one_or_many),
]
AmountByLabel = Annotated[
    Annotated[Amount, Tag("(one)")] | Annotated[dict[LabelValue, Amount], Field(min_length=1), Tag("(by value)")],
    Discriminator(_one_or_many),
]
_Number = Annotated[int, Field(le=10**12), WithJsonSchema({"type": "integer", "minimum": 1})]
CountByLabel = Annotated[
    Annotated[_Number, Tag("(one)")] | Annotated[dict[LabelValue, _Number], Field(min_length=1), Tag("(by value)")],
    Discriminator(_one_or_many),
]
Labels = Annotated[
    Annotated[LabelName, Tag("(one)")] | Annotated[list[LabelName], Field(min_length=1), Tag("(list)")],
    Discriminator(_one_or_list),
]


def _enum(kind: type[Kind | Statistic | Unit | Severity]) -> tuple[BeforeValidator, WithJsonSchema]:
    def validate(value: object) -> object:
        if not isinstance(value, str) or value not in tuple(kind):
            near = get_close_matches(str(value)[:60], list(kind), n=1)
            advice = f"did you mean {near[0]}?" if near else f"write one of them, such as {next(iter(kind))}"
            raise QuantityError(f"{str(value)[:60]!r} is none of {', '.join(kind)}", advice)
        return kind(value)

    return BeforeValidator(validate), WithJsonSchema({"enum": [str(word) for word in kind]})


SeverityWord = Annotated[Severity, *_enum(Severity)]


class WindowWire(Wire):
    """A pair of windows of a burn-rate alert."""

    severity: SeverityWord = Field(description="How loud: page wakes somebody, ticket waits for the morning.")
    budget_share: Ratio = Field(description="Share of the error budget that is spent when the alert fires.")
    long: Duration = Field(description="Long window: says that it matters.")
    short: Duration = Field(description="Short window: says that it still goes on.")
    for_: Duration = Field(alias="for", description="How long both must lie over the limit.")


class RatioWire(Wire):
    """Good and bad values of one label of a counter; other values are not valid events."""

    metric: MetricName = Field(description="The counter.", examples=["http_requests_total"])
    label: LabelName = Field(description="The label that tells good from bad.", examples=["code"])
    good: list[CountedValue] = Field(
        min_length=1, description="Values of good events; a dot stands for any character: 2.."
    )
    bad: list[CountedValue] = Field(min_length=1, description="Values of bad events.")
    where: dict[LabelName, MatchedValue] = Field(default_factory=dict, description="More labels that the series carry.")


class LatencyWire(Wire):
    """Events of a histogram that took no longer than a threshold."""

    metric: MetricName = Field(
        description="The histogram's name, without _bucket.", examples=["http_request_duration_seconds"]
    )
    threshold: DurationByLabel = Field(
        description="Slower events are bad; a classic histogram needs a bucket edge there."
    )
    where: dict[LabelName, MatchedValue] = Field(default_factory=dict, description="More labels that the series carry.")
    native: bool = Field(default=False, description="A native histogram (Prometheus 2.40 or later), without buckets.")


class EventsWire(Wire):
    """Valid events and which of them were bad, or good: counters' selectors, or expressions over [$window]."""

    valid: Expression = Field(description="All events that count.", examples=['http_requests_total{job="shop"}'])
    bad: Expression | None = Field(default=None, description="Those that were bad.")
    good: Expression | None = Field(default=None, description="Those that were good; instead of bad.")


class RawWire(Wire):
    """An error ratio that somebody else computes."""

    error_ratio: Expression = Field(
        description="PromQL over [$window].", examples=["1 - avg_over_time(probe_success[$window])"]
    )


class TimeSlicesWire(Wire):
    """Time slices, of which those that missed a limit are bad; slices without events are not counted."""

    slice: Duration = Field(description="Length of a slice.", examples=["1m", "5m"])
    ratio: RatioWire | None = None
    latency: LatencyWire | None = None
    events: EventsWire | None = None
    value: Expression | None = Field(default=None, description="A value in PromQL over [$window].")
    at_least: Amount | None = Field(default=None, description="The slice is good from here up; of shares a percent.")
    at_most: Amount | None = Field(default=None, description="The slice is good up to here; of values only.")


class CompositeWire(Wire):
    """The weighted mean of other SLOs' error ratios, over those that had traffic."""

    components: dict[Text, Weight] = Field(min_length=1, description="Id of an SLO of this spec -> its weight.")


def _windows_kind(value: object) -> str:
    return "(table)" if isinstance(value, list) else "(word)"


class AlertingWire(Wire):
    """How the burn-rate alerts look back."""

    windows: Annotated[
        Annotated[Literal["reachable", "standard", "none"], Tag("(word)")]
        | Annotated[list[WindowWire], Field(min_length=1), Tag("(table)")],
        Discriminator(_windows_kind),
    ] = Field(
        default="reachable", description="reachable: windows that work at this objective; standard; none; or a table."
    )


class SLOWire(Wire):
    """A service level objective: a title, an objective and exactly one SLI."""

    title: Title = Field(description="What people read in alerts and reports.")
    objective: ObjectiveByLabel = Field(
        description="Wanted share of good events, or one by label value under for_each."
    )
    for_each: Labels | None = Field(
        default=None, description="Labels out of 'labels': an SLO of its own for each value."
    )
    group_by: Labels | None = Field(default=None, description="Labels whose values are found in the series.")
    window: WindowText | None = Field(
        default=None, description="Rolling window, or month for the calendar month in UTC."
    )
    owner: Name | None = Field(default=None, description="Label of every alert; the spec's without.")
    labels: dict[LabelName, MatchedValue] = Field(default_factory=dict, description="More labels of every alert.")
    labels_by_severity: dict[SeverityWord, dict[LabelName, MatchedValue]] = Field(
        default_factory=dict,
        description="More labels of its pages, or of its tickets.",
        examples=[{"page": {"routing_key": "shop-oncall"}, "ticket": {"channel": "shop"}}],
    )
    runbook: Text | None = Field(default=None, description="Address or path; docs/runbooks/<Alert>.md without.")
    least_events: Count = Field(
        default=0, description="Alerts keep silent under so many valid events in the long window."
    )
    alerting: AlertingWire | None = None
    ratio: RatioWire | None = None
    latency: LatencyWire | None = None
    events: EventsWire | None = None
    raw: RawWire | None = None
    time_slices: TimeSlicesWire | None = None
    composite: CompositeWire | None = None

    def kinds(self) -> tuple[str, ...]:
        """The kinds of SLIs that are given."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)


class StricterOfWire(Wire):
    """The lower threshold of several latency SLOs, cell by cell."""

    stricter_of: list[Name] = Field(min_length=1)


LimitByLabel = Annotated[
    Annotated[Amount, Tag("(one)")]
    | Annotated[StricterOfWire, Tag("(stricter)")]
    | Annotated[dict[LabelValue, Amount], Field(min_length=1), Tag("(by value)")],
    Discriminator(_limit),
]


class RequirementWire(Wire):
    """What a gate asks from one phase on."""

    contract: AmountByLabel | None = Field(default=None, description="The limit of this phase; the gate's own without.")
    least_n: CountByLabel | None = Field(default=None, description="Fewest events on which a PASS may stand.")
    strong: bool | None = Field(default=None, description="The whole interval must lie on the good side.")


class GateWire(Wire):
    """A number that decides a readiness verdict."""

    title: Title
    evidence: Annotated[Kind, *_enum(Kind)] = Field(description="Which file the number is read from.")
    statistic: Annotated[Statistic, *_enum(Statistic)] = Statistic.RATIO
    unit: Annotated[Unit, *_enum(Unit)] | None = None
    for_each: list[LabelName] = Field(default_factory=list, description="Labels that make its cells.")
    from_slos: list[Name] = Field(default_factory=list, description="SLOs whose objectives are the limits.")
    at_least: AmountByLabel | None = Field(default=None, description="Passes from here up.")
    at_most: LimitByLabel | None = Field(default=None, description="Passes up to here.")
    warning: AmountByLabel | None = Field(
        default=None, description="Passes with a warning beyond this value, which lies on the good side of the limit."
    )
    warning_margin: Ratio | None = Field(
        default=None, description="Passes with a warning when more than the rest of the allowance is used."
    )
    weight: Amount = Field(default=1, description="Its share in the score.")
    key: bool = Field(default=False, description="Nobody can waive it, and without it the score is 0.")
    waivable: bool | None = Field(default=None, description="Whether a waiver may stand in; never for a key gate.")
    phases: dict[str, RequirementWire] = Field(min_length=1, description="From which phase on it asks what.")


class PhaseWire(Wire):
    """What a phase of a launch asks beside its gates; later ones keep what earlier ones asked."""

    title: Title
    real_engine: bool | None = None
    real_documents: bool | None = None
    clean_commit: bool | None = None
    checklists: list[Name] | None = None
    slo_window: Duration | None = None


class ScoreWire(Wire):
    """What the weighted score means: below `pass` the verdict is at best CONDITIONAL, below `warning` NO-GO."""

    pass_: Ratio = Field(alias="pass")
    warning: Ratio | None = None


class LinksWire(Wire):
    """Where links in alerts lead; paths follow the addresses."""

    runbooks: Text | None = Field(
        default=None,
        description="Where the project's root can be read; docs/runbooks/<Alert>.md, or the SLO's runbook, follows.",
        examples=["https://git.example.com/shop/blob/main"],
    )
    dashboards: Text | None = Field(
        default=None, description="Grafana's root; /d/<board> follows.", examples=["https://grafana.example.com"]
    )


class SpecWire(Wire):
    """An SLO spec: what good means for one service."""

    spec: Literal["courtsight/slo/v1"] = Field(description="Version of this format.")
    service: Name = Field(description="Becomes sloth_service, and the prefix of every sloth_id.")
    deployment: Name | None = Field(default=None, description="Which deployment of it; the service's name without.")
    owner: Name = Field(description="Who answers for it; label of every alert.")
    window: WindowText = Field(
        description="SLO window of every SLO that names none: rolling, or month for the calendar month in UTC."
    )
    evidence_max_age: Duration = Field(default=Decimal(86400), description="Older evidence does not count.")
    selector: dict[LabelName, MatchedValue] = Field(
        default_factory=dict, description="Labels that every series of the service carries.", examples=[{"job": "shop"}]
    )
    labels: dict[LabelName, list[LabelValue]] = Field(
        default_factory=dict, description="Closed lists of label values, for for_each."
    )
    links: LinksWire | None = None
    alerting: AlertingWire | None = None
    slos: dict[Name, SLOWire] = Field(min_length=1, description="Id -> SLO; an id never changes its meaning.")
    phases: dict[str, PhaseWire] | None = Field(
        default=None, description="Readiness needs them; other services' specs do not."
    )
    gates: dict[Name, GateWire] | None = Field(default=None, description="Readiness needs them.")
    score: ScoreWire | None = None
