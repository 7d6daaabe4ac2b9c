"""The overview board: panels of today's Grafana, variables, limits, and bytes that stay the same."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.burn import board_link
from dashboards.boards.overview import board_uid, overview
from dashboards.generate import FOLDER, board_json, generated_files
from dashboards.queries import Query, panel_queries
from harness.tools import find_tools
from slo.links import Links
from slo.load import load_spec
from slo.spec import LatencySLI, Spec

ROOT = Path(__file__).resolve().parents[2]
PROVISIONING = ROOT / "dashboards" / "provisioning"


NEED_A_PROVIDER = {
    "Calls of models",
    "First token of a call, p95",
    "Time per output token, p95",
    "Cost per hour",
    "Budget used today",
    "Fallbacks by reason",
    "Circuits",
    "Answers from the cache",
}


@pytest.fixture(scope="module")
def spec() -> Spec:
    """The SLO spec that ships."""
    return load_spec(ROOT / "slo" / "specs" / "courtsight.yaml")


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    """The board as it is committed, so that a hand in the file fails more than the comparison with the spec."""
    read: dict[str, Any] = json.loads((ROOT / FOLDER / "courtsight-overview.json").read_bytes())
    return read


def panel(board: dict[str, Any], title: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in board["panels"] if entry["title"] == title)
    return found


def values_of(value: Any, key: str) -> Iterator[Any]:
    """Every value under this key, however deep."""
    if isinstance(value, dict):
        for name, entry in value.items():
            if name == key:
                yield entry
            yield from values_of(entry, key)
    elif isinstance(value, list):
        for entry in value:
            yield from values_of(entry, key)


def test_the_committed_board_is_that_of_the_spec(spec: Spec) -> None:
    """The set of generated files and every byte of them come from the spec."""
    files = generated_files(spec)
    present = {str(path.relative_to(ROOT)) for path in (ROOT / FOLDER).rglob("*") if path.is_file()}
    assert present == set(files) == {"dashboards/generated/courtsight-overview.json"}
    assert all((ROOT / path).read_bytes() == content for path, content in files.items()), "run: make generate"


def test_the_same_spec_gives_the_same_bytes(spec: Spec) -> None:
    """Generating twice yields equal bytes with sorted keys."""
    first, second = board_json(overview(spec)), board_json(overview(spec))
    assert first == second
    assert list(json.loads(first)) == sorted(json.loads(first))


def test_every_panel_is_of_a_type_that_grafana_still_draws(board: dict[str, Any]) -> None:
    """None of the Angular panels (graph, singlestat, table-old), which Grafana 11 dropped."""
    types = {entry["type"] for entry in board["panels"]}
    assert types == {"row", "stat", "table", "bargauge", "timeseries", "piechart", "heatmap"}


def test_the_requirements_panels_are_there(board: dict[str, Any]) -> None:
    """Request rate, p95, active conversations, distribution of tool use as a pie, and error rate."""
    assert panel(board, "Questions by outcome")["type"] == "timeseries"
    assert panel(board, "Whole answer, p95 by complexity")["type"] == "timeseries"
    assert "chatbot_active_conversations" in panel(board, "Conversations and questions in flight")["targets"][0]["expr"]
    assert panel(board, "Tools used")["type"] == "piechart"
    assert "chatbot_errors_total" in panel(board, "Errors")["targets"][0]["expr"]


def test_all_data_comes_through_the_datasource_variable(board: dict[str, Any]) -> None:
    """No data source is wired in, so that the board can be imported anywhere."""
    sources = [source for source in values_of(board["panels"], "datasource") if source is not None]
    assert sources
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    variable = board["templating"]["list"][0]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")


def test_role_and_complexity_can_be_chosen(board: dict[str, Any]) -> None:
    """Both variables offer what the service exposes, everything at first."""
    chosen = {entry["name"]: entry for entry in board["templating"]["list"][1:]}
    assert set(chosen) == {"role", "complexity"}
    for name, variable in chosen.items():
        assert variable["query"] == f'label_values(chatbot_requests_total{{job="courtsight"}}, {name})'
        assert (variable["includeAll"], variable["multi"], variable["allValue"]) == (True, True, ".*")
        assert variable["current"]["value"] == "$__all"


def test_the_limits_stand_as_lines_in_the_speed_panels(board: dict[str, Any]) -> None:
    """p95 by complexity is crossed by lines at 4, 6 and 10 s, by role at 4, 6 and 8 s; first words at 2 s, retrieval at 0.5 s."""

    def lines_of(title: str) -> list[float]:
        defaults = panel(board, title)["fieldConfig"]["defaults"]
        assert defaults["custom"]["thresholdsStyle"]["mode"] == "dashed"
        return [step["value"] for step in defaults["thresholds"]["steps"][1:]]

    assert lines_of("Whole answer, p95 by complexity") == [4, 6, 10]
    assert lines_of("Whole answer, p95 by role") == [4, 6, 8]
    assert lines_of("First words, p95") == [2]
    assert lines_of("Retrieval, p95 by stage") == [0.5]


def test_a_changed_limit_moves_its_line(spec: Spec) -> None:
    """The lines come from the spec, not from the board's code."""
    slos = tuple(
        replace(slo, sli=replace(slo.sli, threshold=Decimal(9)))
        if slo.id == "latency-complexity-complex" and isinstance(slo.sli, LatencySLI)
        else slo
        for slo in spec.slos
    )
    moved = json.loads(board_json(overview(replace(spec, slos=slos))))
    steps = panel(moved, "Whole answer, p95 by complexity")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 4, 6, 9]


def test_the_slo_row_shows_objective_budget_and_burn_rate(board: dict[str, Any]) -> None:
    """The table joins the recorded objective, error ratio, remaining budget and burn rate of each SLO."""
    exprs = [target["expr"] for target in panel(board, "Objectives")["targets"]]
    for name in (
        "slo:objective:ratio",
        "slo:sli_error:ratio_rate30d",
        "slo:period_error_budget_remaining:ratio",
        "slo:current_burn_rate:ratio",
    ):
        assert any(name in expr for expr in exprs)
    headings = panel(board, "Objectives")["transformations"][1]["options"]["renameByName"]
    assert headings["Value #A"] == "Objective"
    assert headings["sloth_slo"] == "SLO"


def test_missing_data_does_not_look_like_zero(board: dict[str, Any]) -> None:
    """Single numbers and bars say "no data" where there is none; what needs a language model says "no provider"."""
    said = {
        entry["title"]: entry["fieldConfig"]["defaults"].get("noValue")
        for entry in board["panels"]
        if entry["type"] != "row"
    }
    assert {title for title, word in said.items() if word == "no provider"} == NEED_A_PROVIDER
    for entry in board["panels"]:
        if entry["type"] in {"stat", "bargauge"} and entry["title"] not in NEED_A_PROVIDER:
            assert said[entry["title"]] == "no data"


def test_every_panel_says_what_it_shows(board: dict[str, Any]) -> None:
    """Each panel has a description and a unit of its own id."""
    drawn = [entry for entry in board["panels"] if entry["type"] != "row"]
    assert all(entry["description"] for entry in drawn)
    ids = [entry["id"] for entry in board["panels"]]
    assert len(ids) == len(set(ids))


def test_no_two_panels_overlap(board: dict[str, Any]) -> None:
    """Every square of the grid belongs to one panel, within 24 columns."""
    taken: set[tuple[int, int]] = set()
    for entry in board["panels"]:
        place = entry["gridPos"]
        squares = {
            (column, line)
            for column in range(place["x"], place["x"] + place["w"])
            for line in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & squares, entry["title"]
        assert place["x"] + place["w"] <= 24
        taken |= squares


def test_alerts_link_to_this_board(spec: Spec, board: dict[str, Any]) -> None:
    """The link in the alerts' annotations leads to the board's uid."""
    assert board["uid"] == board_uid(spec) == "courtsight-overview"
    assert board_link(spec) == f"/d/{board['uid']}"


def test_the_board_leads_to_the_runbooks_where_they_have_an_address(spec: Spec, board: dict[str, Any]) -> None:
    """A path would open nothing in Grafana, so there is a link only where the spec names an address."""
    assert board["links"] == []
    found = json.loads(board_json(overview(replace(spec, links=Links(runbooks="https://git.example.com/x")))))
    assert [(link["title"], link["url"]) for link in found["links"]] == [
        ("Runbooks", "https://git.example.com/x/docs/runbooks")
    ]


def test_queries_lose_their_variables_when_resolved() -> None:
    """What Grafana would fill in is replaced, the longer names first."""
    query = Query("p", 'rate(x{role=~"$role"}[$__rate_interval]) + increase(y[$__range])', "")
    assert query.resolved() == 'rate(x{role=~".*"}[5m]) + increase(y[1h])'


def test_queries_of_collapsed_rows_are_found() -> None:
    """A row that holds its panels hides no query."""
    board = {"panels": [{"title": "row", "panels": [{"title": "inner", "targets": [{"expr": "up"}]}]}]}
    assert panel_queries(board) == (Query("inner", "up", ""),)


def test_no_variable_stays_in_a_resolved_query(spec: Spec) -> None:
    """Every variable that a panel uses has a stand-in."""
    queries = panel_queries(board_json(overview(spec)))
    assert len(queries) > 15
    assert not any("$" in query.resolved() for query in queries)


def test_provisioning_names_prometheus_and_the_folder_of_boards() -> None:
    """Grafana in the compose file finds one default Prometheus and loads boards from a folder it cannot change."""
    source = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))
    assert [(entry["type"], entry["url"], entry["isDefault"]) for entry in source["datasources"]] == [
        ("prometheus", "http://prometheus:9090", True)
    ]
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "courtsight.yaml").read_text(encoding="utf-8"))
    assert provider["providers"][0]["type"] == "file"
    assert not provider["providers"][0]["allowUiUpdates"]


def test_legends_are_shown(board: dict[str, Any]) -> None:
    """Panels with a legend ask for it: at this schema version Grafana hides one that is not asked for."""
    legends = [entry["options"]["legend"] for entry in board["panels"] if "legend" in entry.get("options", {})]
    assert len(legends) > 8
    assert all(legend["showLegend"] for legend in legends)


def test_nothing_is_left_of_older_grafanas(board: dict[str, Any]) -> None:
    """Options that only Grafana 6 to 8 read are not written, nor a fixed number of points that would coarsen the lines."""
    for key in ("fieldOptions", "cards", "dataFormat", "fontSize", "maxDataPoints", "rows", "step", "target"):
        assert not list(values_of(board, key)), key


def test_no_label_becomes_markup(board: dict[str, Any]) -> None:
    """No panel of texts, no cell, link or mapping that would put a label's value into HTML or an address; Grafana keeps its sanitiser."""
    told = json.dumps(board).lower()
    assert "text" not in {panel["type"] for panel in board["panels"]}
    for rendered in ('"markup"', '"html"', '"markdown"', "__field", "__value", "javascript:", "<"):
        assert rendered not in told
    assert [panel["title"] for panel in board["panels"] if panel.get("links")] == []
    compose = (Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8")
    assert "DISABLE_SANITIZE_HTML" not in compose.upper()


def test_a_panel_draws_nothing_of_what_nobody_asked(board: dict[str, Any], tmp_path: Path) -> None:
    """p95 and shares of an idle time are no samples: Grafana takes NaN for a value, writes it into the legend and never says "no data"."""
    promtool = find_tools(ROOT).promtool
    assert promtool is not None, "promtool is missing: run make setup, or install the package prometheus"
    told = [query for query in panel_queries(board) if "histogram_quantile" in query.expr or " / " in query.expr]
    assert len(told) == 8
    looks: list[dict[str, object]] = []
    series: set[str] = set()
    for query in told:
        metrics = re.findall(r"\w+(?=\{)", query.expr)
        for metric in metrics:
            for edge in ("0.5", "+Inf") if metric.endswith("_bucket") else ("",):
                extra = f',le="{edge}"' if edge else ',cache="answers",result="hit"'
                series.add(f'{metric}{{job="courtsight",stage="total"{extra}}}')
        looks.append({"expr": query.resolved(), "eval_time": "20m", "exp_samples": []})
        looks.append(
            {"expr": f"count({query.resolved()})", "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": 1}]}
        )
    values = [{"series": entry, "values": "0+60x10 600x20"} for entry in sorted(series)]
    story = {
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": values, "promql_expr_test": looks}],
    }
    (tmp_path / "idle.yaml").write_text(json.dumps(story), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", tmp_path / "idle.yaml"], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
