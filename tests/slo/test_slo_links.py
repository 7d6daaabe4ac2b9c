"""Where links in alerts lead, and whose series an SLI counts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import rule_file
from slo.links import Links, faults_of
from slo.load import SPECS_FOLDER, Examined, examine_spec
from slo.spec_schema import spec_schema

TEXT = (SPECS_FOLDER / "examples" / "shop.yaml").read_text(encoding="utf-8")
LINKS = "links: {runbooks: https://git.example.com/shop/blob/main/, dashboards: https://example.com/grafana}\n"


def _examined(*changes: tuple[str, str]) -> Examined:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return examine_spec(text.encode(), "shop.yaml")


def test_every_alert_leads_to_addresses() -> None:
    """With `links` runbooks and boards of all alerts are whole addresses, their slashes neither doubled nor missing."""
    examined = _examined(("slos:\n", LINKS + "slos:\n"))
    assert examined.spec is not None
    for alert in rule_file(examined.spec).alerts():
        found = dict(alert.annotations)
        assert re.fullmatch(r"https://(git\.example\.com/shop/blob/main|\S+)/\S+", found["runbook"])
        assert "//" not in found["runbook"].removeprefix("https://")
        assert found["dashboard"].startswith("https://example.com/grafana/d/shop-overview")
        assert (found["runbook"], found["dashboard"]) == (found["runbook_url"], found["dashboard_url"])


def test_a_runbook_that_is_an_address_stays() -> None:
    """An SLO's own address is not put behind another one; its own path is."""
    links = Links(runbooks="https://git.example.com/shop")
    assert links.runbook("https://wiki.example.com/x") == "https://wiki.example.com/x"
    assert links.runbook("docs/x.md") == "https://git.example.com/shop/docs/x.md"
    assert Links().runbook("docs/x.md") == "docs/x.md"


def test_without_links_paths_stay_and_a_note_says_so() -> None:
    """The spec is fine as it is; one base address alone leaves a note about the other."""
    examined = _examined()
    assert [note.path for note in examined.notes] == ["links"]
    assert not examined.warnings
    half = _examined(("slos:\n", "links: {dashboards: http://grafana:3000}\nslos:\n"))
    assert ["names no runbooks" in note.message for note in half.notes] == [True]


@given(
    st.text(
        st.sampled_from("htps:/?#@{}<>[]%\\ abc.19\u00e9\n\t"),
        max_size=25,
    ).map(lambda text: text if len(text) % 2 else f"https://{text}")
)
def test_any_text_is_an_address_or_told(base: str) -> None:
    """The check never raises, and what it lets through the schema for editors lets through as well."""
    (*found,) = faults_of({"runbooks": base})
    assert all(said and mend for _, said, mend in found)
    if not found and base.strip() == base:
        pattern = spec_schema()["$defs"]["LinksWire"]["properties"]["runbooks"]["pattern"]
        assert re.search(pattern, base), base


TARGETS = [
    ("selector: {job: shop}", "selector: {env: prod}"),
    ('job="shop"', 'env="prod"'),
]


def test_a_selector_without_a_target_adds_strangers_up() -> None:
    """Two services of one environment that export one metric would be one SLO, and ServiceDown would wait for both."""
    (note,) = (note for note in _examined(*TARGETS).notes if note.path == "selector")
    assert "http_requests_total" in note.message
    assert "ServiceDown" in note.message
    assert "job" in note.advice


@pytest.mark.parametrize("label", ["job", "service", "namespace", "app"])
def test_any_label_of_a_target_is_enough(label: str) -> None:
    """Clusters tell targets apart by other labels than `job`."""
    examined = _examined(("selector: {job: shop}", f"selector: {{{label}: shop}}"))
    assert [note.path for note in examined.notes] == ["links"]


@pytest.mark.parametrize(
    "sli",
    [
        'ratio: {metric: requests_total, label: code, good: ["2.."], bad: ["5.."], where: {job: shop}}',
        "latency: {metric: page_seconds, threshold: 1s, where: {job: shop}}",
        "events: {valid: 'done_total{job=\"shop\"}', bad: 'failed_total{job=~\"shop.*\"}'}",
        "raw: {error_ratio: '1 - avg_over_time(probe_success{job=\"shop\"}[$window])'}",
        "raw: {error_ratio: 'avg_over_time(job:errors:ratio[$window])'}",
        'ratio: {metric: shop_orders_total, label: code, good: ["2.."], bad: ["5.."]}',
    ],
)
def test_targets_that_are_named_elsewhere_count(sli: str, tmp_path: Path) -> None:
    """A job beside the metric, a metric called after the service and a recorded one belong to nobody else."""
    said = examine_spec(_small(sli).encode(), "x.yaml")
    assert said.spec is not None, said.problems
    assert [note.path for note in said.notes] == ["links"]


@pytest.mark.parametrize(
    "sli",
    [
        'ratio: {metric: requests_total, label: code, good: ["2.."], bad: ["5.."]}',
        "events: {valid: 'done_total{job!=\"other\"}', bad: failed_total}",
        "time_slices: {slice: 1m, value: 'max_over_time(depth[$window])', at_most: 3}",
    ],
)
def test_what_nothing_tells_apart_is_noted(sli: str) -> None:
    """A matcher that only excludes names no target."""
    assert "selector" in [note.path for note in examine_spec(_small(sli).encode(), "x.yaml").notes]


def _small(sli: str) -> str:
    head = "spec: courtsight/slo/v1\nservice: shop\nowner: a\nwindow: 30d\nselector: {env: prod}\n"
    return f"{head}slos:\n  one:\n    title: One\n    objective: 99%\n    {sli}\n"
