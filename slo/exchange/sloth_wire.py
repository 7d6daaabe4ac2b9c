"""Sloth's `prometheus/v1` and its Kubernetes resource `PrometheusServiceLevel`, as people write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, StringConstraints

from slo.quantities import QuantityError
from slo.strict_yaml import Wire

VERSION = "prometheus/v1"
RESOURCE = "sloth.slok.dev/v1"
KIND, WINDOWS_KIND = "PrometheusServiceLevel", "AlertWindows"
"""Kinds of its resources: SLOs, and the windows that Sloth is told to use for all of them."""


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise QuantityError("is no number", "write a percent without its sign, such as 99.9")
    found = Decimal(repr(value))
    if not (found.is_finite() and 0 < found <= 100):
        raise QuantityError(f"{value!r} lies outside 0 to 100", "write a percent without its sign, such as 99.9")
    return found


def _as_text(value: object) -> object:
    """Sloth takes any scalar for a label's text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else value


Percent = Annotated[Decimal, BeforeValidator(_number)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Words = dict[str, Annotated[str, BeforeValidator(_as_text)]]


def _either(snake: str, camel: str, **more: Any) -> Any:  # noqa: ANN401 - a field of any type
    """Files write words_like_this, the resource wordsLikeThis."""
    return Field(alias=snake, validation_alias=AliasChoices(snake, camel), **more)


class _Named(Wire):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_alias=True)


class Raw(_Named):
    """An error ratio that is already there."""

    query: Text = _either("error_ratio_query", "errorRatioQuery")


class Events(_Named):
    """Bad and total events."""

    error: Text = _either("error_query", "errorQuery")
    total: Text = _either("total_query", "totalQuery")


class Plugin(_Named):
    """An SLI that a Go plugin makes."""

    id: Text
    options: Words | None = None


class SLI(_Named):
    """Exactly one of three kinds."""

    raw: Raw | None = None
    events: Events | None = None
    plugin: Plugin | None = None


class Alert(_Named):
    """What is special about pages, or about tickets."""

    disable: bool = False
    labels: Words | None = None
    annotations: Words | None = None


class Alerting(_Named):
    """How the SLO's alerts are called and labelled."""

    name: str | None = None
    labels: Words | None = None
    annotations: Words | None = None
    page: Alert | None = _either("page_alert", "pageAlert", default=None)
    ticket: Alert | None = _either("ticket_alert", "ticketAlert", default=None)


class SLO(_Named):
    """A service level objective."""

    name: Text
    description: str | None = None
    objective: Percent
    plugins: Any = None
    labels: Words | None = None
    sli: SLI
    alerting: Alerting | None = None


class Body(_Named):
    """The SLOs of one service."""

    service: Text
    labels: Words | None = None
    plugins: Any = _either("slo_plugins", "sloPlugins", default=None)
    slos: list[SLO] = Field(min_length=1)


class FileWire(Body):
    """A file of `prometheus/v1`."""

    version: str


class ResourceWire(_Named):
    """A `PrometheusServiceLevel`."""

    api_version: str = Field(alias="apiVersion")
    kind: str
    metadata: dict[str, Any]
    spec: Body
    status: Any = None
