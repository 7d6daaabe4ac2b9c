"""The PromQL behind the panels, built from the names that the spec and the rules use.

`$role` and `$complexity` are the board's variables, `$__rate_interval` and `$__range` Grafana's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from slo import names
from slo.sli import matchers
from slo.spec import Spec

RATE: Final = "$__rate_interval"
RANGE: Final = "$__range"
ROLE_CHOICE: Final = f'{names.ROLE}=~"$role"'
COMPLEXITY_CHOICE: Final = f'{names.COMPLEXITY}=~"$complexity"'
LLM_TYPE: Final = "type"
ERROR_TYPE: Final = "error_type"

STAND_INS: Final = {"$__rate_interval": "5m", "$__range": "1h", "$role": ".*", "$complexity": ".*"}
"""What Grafana would put for the variables when everything is chosen; the longer names come first."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    Attributes:
        panel: Title of the panel.
        expr: PromQL with the board's variables.
        legend: Legend template, `{{role}}`.
    """

    panel: str
    expr: str
    legend: str

    def resolved(self) -> str:
        """The expression as Prometheus gets it when every role and complexity is chosen."""
        expr = self.expr
        for variable, value in STAND_INS.items():
            expr = expr.replace(variable, value)
        return expr


def panel_queries(board: bytes | Mapping[str, Any]) -> tuple[Query, ...]:
    """Every query of a generated board, also those of panels inside collapsed rows."""
    document = json.loads(board) if isinstance(board, bytes) else board
    return tuple(_queries(document.get("panels", [])))


def _queries(panels: list[dict[str, Any]]) -> Iterator[Query]:
    for panel in panels:
        yield from _queries(panel.get("panels", []))
        for target in panel.get("targets", []):
            yield Query(panel["title"], target["expr"], target.get("legendFormat", ""))


def chosen(spec: Spec, metric: str, *more: str) -> str:
    """Series of the service for the chosen roles and complexities."""
    return metric + matchers(spec.selector, ROLE_CHOICE, COMPLEXITY_CHOICE, *more)


def of_service(spec: Spec, metric: str, *more: str) -> str:
    """Series of the service."""
    return metric + matchers(spec.selector, *more)


def recorded(spec: Spec, metric: str) -> str:
    """A recorded series of every SLO of the service."""
    return metric + matchers(((names.SLO_SERVICE, spec.service),))


def rate_by(label: str, series: str) -> str:
    """Events per second by the value of a label."""
    return f"sum by ({label}) (rate({series}[{RATE}]))"


def increase_by(label: str, series: str) -> str:
    """Events within the time that the board shows, by the value of a label."""
    return f"sum by ({label}) (increase({series}[{RANGE}]))"


def quantile_by(quantile: str, label: str, buckets: str) -> str:
    """Quantile of a classic histogram by the value of a label; empty label for the whole. Capped at the last bucket edge.

    Where nothing was measured there is no sample: the quantile of nothing is NaN, which Grafana takes for a value since 9.3, so that
    whoever asked nothing had a line in the legend and "no data" was never said.
    """
    by = ", ".join(part for part in (names.LE, label) if part)
    return f"histogram_quantile({quantile}, sum by ({by}) (rate({buckets}[{RATE}]))) >= 0"
