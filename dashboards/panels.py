"""Panels in our manner: Grafana's modern panel types with one datasource variable, a description, and limits as lines.

grafanalib still writes some options in the form of Grafana 6 to 8; where a panel would be drawn wrongly from them, `extraJson`
carries the present form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from grafanalib.core import BarGauge, GridPos, Heatmap, PieChartv2, RowPanel, Stat, Table, Target, TimeSeries

NO_DATA: Final = "no data"
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
PLUGIN_VERSION: Final = "10.4.0"
"""The option format that is written; Grafana migrates panels of an older one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Position and size on Grafana's grid of 24 columns."""

    x: int
    y: int
    width: int
    height: int

    def grid(self) -> GridPos:
        """The same for grafanalib."""
        return GridPos(h=self.height, w=self.width, x=self.x, y=self.y)


@dataclass(frozen=True, slots=True)
class Line:
    """One query of a panel and its legend."""

    expr: str
    legend: str = ""


def row(title: str, y: int) -> RowPanel:
    """A heading over the panels below it."""
    return RowPanel(title=title, gridPos=Place(0, y, 24, 1).grid(), maxDataPoints=None)


def lines(
    title: str,
    place: Place,
    queries: Iterable[Line],
    *,
    unit: str,
    description: str,
    limits: Iterable[Decimal] = (),
    stacked: bool = False,
    without: str | None = None,
) -> TimeSeries:
    """Lines over time; `limits` are drawn across, in the panel's unit. `without` is what stands there when there is no series."""
    limits = sorted(set(limits))
    return TimeSeries(
        title=title,
        description=description,
        gridPos=place.grid(),
        dataSource=DATASOURCE,
        maxDataPoints=None,
        targets=_targets(queries),
        unit=unit,
        legendDisplayMode="table",
        legendCalcs=["mean", "max", "lastNotNull"],
        tooltipMode="multi",
        tooltipSort="desc",
        showPoints="never",
        fillOpacity=20 if stacked else 5,
        stacking={"mode": "normal" if stacked else "none", "group": "A"},
        thresholdsStyleMode="dashed" if limits else "off",
        thresholds=steps("transparent", *(("orange", limit) for limit in limits)),
        extraJson={
            "fieldConfig": {"defaults": {"min": 0} | ({} if without is None else {"noValue": without})},
            "options": {"legend": {"showLegend": True}},
            "pluginVersion": PLUGIN_VERSION,
        },
    )


def number(
    title: str, place: Place, query: Line, *, unit: str, description: str, colours: list[dict[str, Any]]
) -> Stat:
    """One number as it is now, coloured by steps; "no data" stays visible instead of looking like zero."""
    return Stat(
        title=title,
        description=description,
        gridPos=place.grid(),
        dataSource=DATASOURCE,
        maxDataPoints=None,
        targets=_targets([query], instant=True),
        format=unit,
        reduceCalc="lastNotNull",
        graphMode="none",
        colorMode="background",
        noValue=NO_DATA,
        thresholds=colours,
        color={"mode": "thresholds"},
        extraJson={"pluginVersion": PLUGIN_VERSION},
    )


def bars(
    title: str,
    place: Place,
    query: Line,
    *,
    unit: str,
    description: str,
    colours: list[dict[str, Any]],
    without: str = NO_DATA,
) -> BarGauge:
    """One bar per series, from 0 to 1. `without` is what stands there when there is no series."""
    modern = {
        "options": {
            "displayMode": "basic",
            "valueMode": "color",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        "fieldConfig": {
            "defaults": {"unit": unit, "min": 0, "max": 1, "color": {"mode": "thresholds"}, "noValue": without},
            "overrides": [],
        },
        "pluginVersion": PLUGIN_VERSION,
    }
    return BarGauge(
        title=title,
        description=description,
        gridPos=place.grid(),
        dataSource=DATASOURCE,
        maxDataPoints=None,
        targets=_targets([query], instant=True),
        thresholds=colours,
        extraJson=modern,
    )


def pie(title: str, place: Place, query: Line, *, unit: str, description: str) -> PieChartv2:
    """Shares of a whole over the time that the board shows."""
    return PieChartv2(
        title=title,
        description=description,
        gridPos=place.grid(),
        dataSource=DATASOURCE,
        maxDataPoints=None,
        targets=_targets([query], instant=True),
        unit=unit,
        legendDisplayMode="table",
        legendPlacement="right",
        legendValues=["value", "percent"],
        extraJson={"options": {"legend": {"showLegend": True}}, "pluginVersion": PLUGIN_VERSION},
    )


def heat(title: str, place: Place, query: Line, *, unit: str, description: str) -> Heatmap:
    """Buckets of a histogram over time; the query yields one series per `le`."""
    modern = {
        "options": {
            "calculate": False,
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
            "filterValues": {"le": 1e-9},
            "yAxis": {"unit": unit, "axisPlacement": "left"},
        },
        "pluginVersion": PLUGIN_VERSION,
    }
    return Heatmap(
        title=title,
        description=description,
        gridPos=place.grid(),
        dataSource=DATASOURCE,
        maxDataPoints=None,
        targets=_targets([query], format_="heatmap"),
        options={},
        dataFormat="tsbuckets",
        extraJson=modern,
    )


def table(
    title: str, place: Place, columns: dict[str, tuple[str, str]], *, key: str, key_title: str, description: str
) -> Table:
    """One row per value of label `key`, one column per entry: heading -> (expression, unit)."""
    queries = [Line(f"sum by ({key}) ({expr})") for expr, _ in columns.values()]
    headings = {f"Value #{_ref(place_)}": heading for place_, heading in enumerate(columns)}
    transformations: list[dict[str, Any]] = [
        {"id": "joinByField", "options": {"byField": key, "mode": "outer"}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {f"Time {place_ + 1}": True for place_ in range(len(columns))} | {"Time": True},
                "renameByName": {key: key_title, **headings},
            },
        },
    ]
    overrides = [
        {"matcher": {"id": "byName", "options": heading}, "properties": [{"id": "unit", "value": unit}]}
        for heading, (_, unit) in columns.items()
    ]
    return Table(
        title=title,
        description=description,
        gridPos=place.grid(),
        dataSource=DATASOURCE,
        maxDataPoints=None,
        targets=_targets(queries, instant=True, format_="table"),
        transformations=transformations,
        overrides=overrides,
        extraJson={"pluginVersion": PLUGIN_VERSION},
    )


def steps(base: str, *above: tuple[str, Decimal | int]) -> list[dict[str, Any]]:
    """Colour steps: `base` below the first limit, then each colour from its limit on."""
    return [{"color": base, "value": None}, *({"color": colour, "value": float(limit)} for colour, limit in above)]


def _targets(queries: Iterable[Line], *, instant: bool = False, format_: str = "time_series") -> list[Target]:
    return [
        Target(
            expr=query.expr,
            legendFormat=query.legend,
            refId=_ref(number_),
            datasource=DATASOURCE,
            instant=instant,
            format=format_,
        )
        for number_, query in enumerate(queries)
    ]


def _ref(number_: int) -> str:
    return chr(ord("A") + number_)
