"""OpenSLO v1 as people write it: the wire models of its seven kinds, after the text of the specification."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, StringConstraints, Tag
from pydantic.alias_generators import to_camel

from slo.quantities import QuantityError
from slo.strict_yaml import Wire

VERSION = "openslo/v1"


_POWER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?[eE][+-]?[0-9]{1,3}")
"""A number of JSON that YAML takes for a text, as `1e-09`, which is how Python writes it."""


def _number(value: object) -> Decimal:
    if isinstance(value, str) and _POWER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise QuantityError("is no number", "write a plain number such as 0.999")
    found = Decimal(repr(value))
    if not found.is_finite() or abs(found) > Decimal("1e15"):
        raise QuantityError("is no number that can be used", "write a finite number")
    return found


def _moment(value: object) -> object:
    """YAML takes an unquoted moment for a date of its own."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else value


def _one_or_list(value: object) -> str:
    return "(list)" if isinstance(value, list) else "(one)"


def _length(value: object) -> object:
    """A slice may be given as a number of minutes."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return f"{value}m" if whole else value


def _by_name(value: object) -> object:
    """An earlier schema of version 1 had the policies' names only."""
    return {"alertPolicyRef": value} if isinstance(value, str) else value


Number = Annotated[Decimal, BeforeValidator(_number)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Description = Annotated[str, StringConstraints(max_length=1050)]
Moment = Annotated[str, BeforeValidator(_moment)]
Length = Annotated[Text, BeforeValidator(_length)]
LabelValue = Annotated[
    Annotated[str, Tag("(one)")] | Annotated[list[str], Tag("(list)")],
    Discriminator(_one_or_list),
]
Operator = Literal["lte", "gte", "lt", "gt"]


class _Camel(Wire):
    """Fields are called in camelCase in files."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


class Metadata(_Camel):
    """Name and notes of an object."""

    name: Text
    display_name: Text | None = None
    labels: dict[str, LabelValue] | None = None
    annotations: dict[str, str] | None = None


class MetricSource(_Camel):
    """Where a query goes."""

    metric_source_ref: Text | None = None
    type: Text | None = None
    spec: dict[str, Any] | None = None


class Metric(_Camel):
    """A query."""

    metric_source: MetricSource


class RatioMetric(_Camel):
    """Good or bad and total, or a ratio that is already there."""

    counter: bool | None = None
    good: Metric | None = None
    bad: Metric | None = None
    total: Metric | None = None
    raw_type: Literal["success", "failure"] | None = None
    raw: Metric | None = None


class SLISpec(_Camel):
    """What is measured."""

    description: Description | None = None
    threshold_metric: Metric | None = None
    ratio_metric: RatioMetric | None = None


class InlineSLI(_Camel):
    """An SLI that stands in its SLO."""

    api_version: str | None = None
    kind: Literal["SLI"] | None = None
    metadata: Metadata | None = None
    spec: SLISpec


class Calendar(_Camel):
    """When a calendar-aligned window begins."""

    start_time: Moment
    time_zone: Text


class TimeWindow(_Camel):
    """The window of an SLO."""

    duration: Text
    is_rolling: bool | None = None
    calendar: Calendar | None = None


class Objective(_Camel):
    """A target, and of composites an SLI with its weight."""

    display_name: Text | None = None
    op: Operator | None = None
    value: Number | None = None
    target: Number | None = None
    target_percent: Number | None = None
    time_slice_target: Number | None = None
    time_slice_window: Length | None = None
    indicator: InlineSLI | None = None
    indicator_ref: Text | None = None
    composite_weight: Number | None = None


class Burn(_Camel):
    """When an alert condition is met."""

    kind: Literal["burnrate"] = "burnrate"
    op: Operator
    threshold: Number
    lookback_window: Text
    alert_after: Text | None = None


class ConditionSpec(_Camel):
    """How loud, and when."""

    description: Description | None = None
    severity: Text
    condition: Burn


class ConditionOrRef(_Camel):
    """An alert condition in its policy, or the name of one."""

    condition_ref: Text | None = None
    api_version: str | None = None
    kind: Literal["AlertCondition"] | None = None
    metadata: Metadata | None = None
    spec: ConditionSpec | None = None


class TargetOrRef(_Camel):
    """Whom to tell, or the name of it."""

    target_ref: Text | None = None
    api_version: str | None = None
    kind: Literal["AlertNotificationTarget"] | None = None
    metadata: Metadata | None = None
    spec: dict[str, Any] | None = None


class PolicySpec(_Camel):
    """When to alert, and whom."""

    description: Description | None = None
    alert_when_no_data: bool = False
    alert_when_resolved: bool = False
    alert_when_breaching: bool = False
    conditions: list[ConditionOrRef] = Field(min_length=1, max_length=1)
    notification_targets: list[TargetOrRef] | None = None


class PolicyOrRef(_Camel):
    """An alert policy in its SLO, or the name of one."""

    alert_policy_ref: Text | None = None
    api_version: str | None = None
    kind: Literal["AlertPolicy"] | None = None
    metadata: Metadata | None = None
    spec: PolicySpec | None = None


class SLOSpec(_Camel):
    """An SLO: SLI, window, objectives, alerts."""

    description: Description | None = None
    service: Text
    indicator: InlineSLI | None = None
    indicator_ref: Text | None = None
    time_window: list[TimeWindow] | None = Field(default=None, max_length=1)
    budgeting_method: Literal["Occurrences", "Timeslices", "RatioTimeslices"]
    objectives: list[Objective] = Field(min_length=1)
    alert_policies: list[Annotated[PolicyOrRef, BeforeValidator(_by_name)]] | None = None


class DataSourceSpec(_Camel):
    """A source of metrics."""

    description: Description | None = None
    type: Text
    connection_details: Any = None


class AnySpec(_Camel):
    """What a service or a notification target says."""

    description: Description | None = None
    target: Text | None = None


class _Object(_Camel):
    api_version: Literal["openslo/v1"]
    metadata: Metadata


class SLOObject(_Object):
    """`kind: SLO`."""

    kind: Literal["SLO"]
    spec: SLOSpec


class SLIObject(_Object):
    """`kind: SLI`."""

    kind: Literal["SLI"]
    spec: SLISpec


class DataSourceObject(_Object):
    """`kind: DataSource`."""

    kind: Literal["DataSource"]
    spec: DataSourceSpec


class AlertPolicyObject(_Object):
    """`kind: AlertPolicy`."""

    kind: Literal["AlertPolicy"]
    spec: PolicySpec


class AlertConditionObject(_Object):
    """`kind: AlertCondition`."""

    kind: Literal["AlertCondition"]
    spec: ConditionSpec


class AlertNotificationTargetObject(_Object):
    """`kind: AlertNotificationTarget`."""

    kind: Literal["AlertNotificationTarget"]
    spec: AnySpec


class ServiceObject(_Object):
    """`kind: Service`."""

    kind: Literal["Service"]
    spec: AnySpec | None = None


KINDS: dict[str, type[Wire]] = {
    "SLO": SLOObject,
    "SLI": SLIObject,
    "DataSource": DataSourceObject,
    "AlertPolicy": AlertPolicyObject,
    "AlertCondition": AlertConditionObject,
    "AlertNotificationTarget": AlertNotificationTargetObject,
    "Service": ServiceObject,
}
"""The wire model of each kind."""
