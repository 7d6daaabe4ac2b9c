"""Everything that is generated from a spec for Grafana, as bytes by path; nothing is written here."""

from __future__ import annotations

import json
from typing import Any, Final

from grafanalib._gen import DashboardEncoder
from grafanalib.core import Dashboard

from dashboards.boards.overview import board_uid, overview
from slo.spec import Spec

FOLDER = "dashboards/generated"

_OUTDATED: Final = frozenset(
    {"__inputs", "editable", "error", "fieldOptions", "hideControls", "rows", "sharedCrosshair", "style"}
)
"""Keys that grafanalib still writes and Grafana no longer reads; `_OF_PANEL` has those of one panel type, `_OF_QUERY` of queries."""
_OF_PANEL: Final = {
    "heatmap": frozenset(
        {
            "cards",
            "color",
            "dataFormat",
            "heatmap",
            "hideZeroBuckets",
            "highlightCards",
            "legend",
            "reverseYBuckets",
            "tooltip",
            "xAxis",
            "yAxis",
        }
    ),
    "table": frozenset({"color", "columns", "fontSize", "mappings"}),
}
_OF_QUERY: Final = frozenset({"intervalFactor", "metric", "query", "step", "target"})


def generated_files(spec: Spec) -> dict[str, bytes]:
    """Path inside the project -> contents, for every file below `dashboards/generated`."""
    return {f"{FOLDER}/{board_uid(spec)}.json": board_json(overview(spec))}


def board_json(board: Dashboard) -> bytes:
    """A board as Grafana reads it: sorted keys, no empty ones, the same bytes every time."""
    document = json.loads(json.dumps(board, cls=DashboardEncoder))
    return (json.dumps(_lean(document), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _lean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return [_lean(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    # The first colour step has no lower limit, which Grafana writes as an explicit null.
    keep = {"value"} if "color" in value else set()
    drop = _OUTDATED | (_OF_QUERY if "refId" in value else _OF_PANEL.get(str(value.get("type")), frozenset()))
    return {key: _lean(entry) for key, entry in value.items() if key not in drop and (entry is not None or key in keep)}
