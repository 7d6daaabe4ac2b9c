"""The catalogue's alerts and the names of the documents on one side, real series on the other: every name and value exists."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from alerts.catalogue import Catalogue, catalogue_rule, load_catalogue
from alerts.catalogue.compat import compat_rules, load_compat
from alerts.catalogue.model import DEPLOYMENTS, Entry
from service.telemetry.table import EXAMPLES, example_registry
from slo.load import load_spec
from slo.spec import Spec
from tests.contract.exporters import EXPORTERS, SCRAPED, labels_by_metric
from tests.contract.test_names import Page, joined, provided_page, read_page

ROOT = Path(__file__).resolve().parents[2]
CALLS = {
    "sum",
    "min",
    "max",
    "count",
    "rate",
    "increase",
    "histogram_quantile",
    "predict_linear",
    "time",
    "label_replace",
}
WORDS = CALLS | {"by", "and", "unless", "or", "on", "bool", "group_left"}
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})?")
MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The real service's page, and the instruments that only other installations have: Redis, pools, signing keys."""
    real = read_page(provided_page(tmp_path_factory.mktemp("service")))
    return joined(real, read_page(generate_latest(example_registry(EXAMPLES)).decode()))


@pytest.fixture(scope="module")
def spec() -> Spec:
    """The SLO spec that ships."""
    return load_spec(ROOT / "slo" / "specs" / "courtsight.yaml")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue that ships."""
    return load_catalogue()


def selectors(expr: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Metrics and matchers of an expression, and nothing of its calls, ranges, groups and numbers."""
    bare = re.sub(r"\b(?:by|on|group_left) \([^)]*\)", " ", re.sub(r"\[[^\]]*\]", "", expr))
    bare = re.sub(r'"[^"]*"(?=[,)])', " ", bare)
    found = [(name, MATCHER.findall(braces)) for name, braces in SELECTOR.findall(bare)]
    return [(name, matchers) for name, matchers in found if name not in WORDS]


def groups(expr: str) -> set[str]:
    return {name.strip() for group in re.findall(r"\bby \(([^)]*)\)", expr) for name in group.split(",")}


def lacking(expr: str, page: Page, others: dict[str, set[str]]) -> list[str]:
    """Names and values of an expression that no series has."""
    problems: list[str] = []
    known: set[str] = set()
    for metric, matchers in selectors(expr):
        series = page.get(metric)
        labels = others.get(metric) if series is None else SCRAPED | {name for one in series for name in one}
        if labels is None:
            problems.append(f"{metric}: nobody exposes it")
            continue
        known |= labels
        problems += [f"{metric}: no label {name}" for name, _, _ in matchers if name not in labels]
        for name, operator, value in matchers:
            if series is None or name in SCRAPED or operator not in ("=", "=~"):
                continue
            real = {one.get(name, "") for one in series}
            problems += [
                f"{metric}: no {name} {part}"
                for part in value.split("|")
                if not any(re.fullmatch(part, one) for one in real)
            ]
    return problems + [f"no label {name} to group by" for name in sorted(groups(expr) - known)]


def test_every_name_and_value_of_the_catalogue_is_exposed(catalogue: Catalogue, spec: Spec, page: Page) -> None:
    """Ours stand on the service's page with each value that is asked for; the others are in their exporters' lists."""
    others = labels_by_metric()
    for deployment in DEPLOYMENTS:
        here = replace(spec, deployment=deployment)
        for entry in catalogue.of(deployment):
            assert lacking(catalogue_rule(entry, here).expr, page, others) == [], entry.name


def test_every_entry_names_the_exporter_that_feeds_it(catalogue: Catalogue, spec: Spec, page: Page) -> None:
    """An alert of ours reads the service's page alone, any other the series of the exporter that it names."""
    for entry in catalogue.entries:
        metrics = {metric for metric, _ in selectors(catalogue_rule(entry, spec).expr)}
        fed = set(page) if entry.exporter == "ours" else set(EXPORTERS[entry.exporter])
        assert metrics
        assert metrics <= fed, entry.name


def test_a_story_is_told_in_series_that_exist(catalogue: Catalogue, page: Page) -> None:
    """No story proves an alert with a metric, a label or a value that nobody exposes."""
    others = labels_by_metric()
    for entry in catalogue.entries:
        for story in entry.stories:
            for text, _ in story.series:
                metric, _, braces = text.partition("{")
                labels = set(re.findall(r"(\w+)=", braces))
                series = page.get(metric)
                if series is None:
                    assert labels - SCRAPED <= others[metric], text
                else:
                    assert labels - SCRAPED <= {name for one in series for name in one}, text


def test_latency_limits_are_bucket_edges(catalogue: Catalogue, page: Page) -> None:
    """A quantile between two edges is a guess: each limit in seconds is an edge of the histogram that it is compared with."""
    seen = 0
    for deployment in DEPLOYMENTS:
        for entry in catalogue.of(deployment):
            found = re.search(r"(\w+_bucket)\{", entry.expr)
            if "histogram_quantile" not in entry.expr or found is None:
                continue
            seen += 1
            edges = {float(one["le"]) for one in page[found.group(1)]}
            limit = float(entry.parameters["limit"].value)
            assert limit in edges, (deployment, entry.name)
            assert max(edge for edge in edges if edge != float("inf")) > limit, "a quantile is capped at the last edge"
    assert seen >= 20


@pytest.mark.parametrize(
    ("found", "changed", "said"),
    [
        ("chatbot_requests_total", "chatbot_questions_total", "nobody exposes it"),
        ('outcome=~"timeout|error"', 'outcome=~"timeout|failure"', "no outcome failure"),
        ("outcome=~", "result=~", "no label result"),
    ],
)
def test_a_name_that_nobody_exposes_is_found(
    catalogue: Catalogue, spec: Spec, page: Page, found: str, changed: str, said: str
) -> None:
    """The check itself turns red on a wrong metric, value or label."""
    entry: Entry = catalogue.entry("ErrorRatioHigh")
    expr = catalogue_rule(entry, spec).expr
    assert found in expr
    assert any(said in problem for problem in lacking(expr.replace(found, changed), page, labels_by_metric()))


def test_compatibility_rules_read_series_that_exist(spec: Spec, page: Page) -> None:
    """Each name of a document is made of a metric of ours, with labels that it has."""
    found = load_compat()
    assert {one.deployment for one in found} == {"courtsight", "itb", "career", "platform"}
    for one in found:
        for renamed in one.renamed:
            if renamed.origin is None or renamed.origin == "up":
                continue
            name = renamed.origin + ("_bucket" if renamed.histogram else "")
            assert {ours for _, ours in renamed.labels} <= {label for series in page[name] for label in series}
            real = {value for series in page[name] for value in series.values()}
            assert {ours for _, ours, _ in renamed.values} <= real, renamed.name
        assert compat_rules(one, spec).recordings()


def test_no_compatibility_rule_takes_a_name_of_ours(spec: Spec, page: Page) -> None:
    """A recorded series under the name of a scraped one would count everything twice."""
    for one in load_compat():
        assert not {rule.record for rule in compat_rules(one, spec).recordings()} & set(page)


def test_the_committed_catalogue_is_what_prometheus_loads() -> None:
    """Prometheus' configuration reads the spec's rules and the catalogue's; compatibility is a choice."""
    read = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_bytes())
    assert read["rule_files"] == ["rules/rules.yaml", "rules/catalogue/*.yaml"]
