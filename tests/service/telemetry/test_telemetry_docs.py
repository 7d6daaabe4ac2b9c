"""The page on telemetry is true, and the metrics stay within their budget."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError
from service.telemetry.table import EXAMPLES, example_registry, metric_table, put_into

PAGE = Path(__file__).parents[3] / "docs" / "telemetry.md"


def count(page: str) -> int:
    return sum(len(family.samples) for family in text_string_to_metric_families(page))


def with_label(folder: Path, **label: Any) -> Path:
    raw = yaml.safe_load(deployment_file("courtsight").read_text(encoding="utf-8"))
    path = folder / "labelled.yaml"
    path.write_text(yaml.safe_dump({**raw, "label": label}), encoding="utf-8")
    return path


def test_the_table_is_that_of_the_instruments() -> None:
    """Name, type, labels, series, buckets and formula; made anew by `python -m service metrics-table --into docs/telemetry.md`."""
    written = PAGE.read_text(encoding="utf-8")
    assert put_into(written, metric_table(example_registry(EXAMPLES))) == written


def test_no_metric_of_the_table_is_without_series() -> None:
    """A metric that shows no series shows no labels either, and nobody could write a query from the page."""
    empty = [family.name for family in example_registry(EXAMPLES).collect() if not family.samples]
    assert empty == []


def test_a_thousand_made_up_names_add_no_series(house: Any) -> None:
    """Paths, methods, models and conversations that a client makes up leave the page as long as it was."""
    before = count(house.page())
    for number in range(250):
        house.send("GET", f"/junk/{number}")
        house.send(f"JUNK{number}", "/v1/chat")
        house.send("POST", f"/v1/tools/Tool{number}", json={"query": "x"})
        house.app.state.services.metrics.count_tokens("judge", f"model-{number}", "input", 1)
    assert count(house.page()) <= before + 1


def test_a_deployment_adds_one_closed_label(build_house: Any, settings: Any, tmp_path: Path) -> None:
    """Its values stand on requests and tokens, what else a client sends is `other`, and the page keeps its budget."""
    file = with_label(tmp_path, name="channel", header="x-channel", values=["web", "slack"])
    house = build_house(wanted=settings.model_copy(update={"deployment": str(file)}))
    for channel in ("web", "slack", "junk", None):
        headers = {"x-channel": channel} if channel else {}
        house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu hukum pidana?"}, headers=headers)
    counted = {
        channel: house.sample(
            "chatbot_requests_total", role="judge", complexity="simple", outcome="ok", channel=channel
        )
        for channel in ("web", "slack", "other")
    }
    assert counted == {"web": 1, "slack": 1, "other": 2}
    tokens = {"role": "judge", "provider": "embedded", "model": "extractive", "type": "output"}
    assert house.sample("chatbot_llm_tokens_total", channel="web", **tokens) > 0
    assert count(house.page()) < 5_000


@pytest.mark.parametrize(
    ("label", "named"),
    [
        ({"name": "role", "header": "x-role", "values": ["a"]}, "label"),
        ({"name": "channel", "header": "x-c", "values": ["other"]}, "other"),
        ({"name": "channel", "header": "x-c", "values": [f"v{n}" for n in range(7)]}, "label.values"),
    ],
)
def test_a_label_that_would_grow_or_clash_is_refused(tmp_path: Path, label: dict[str, Any], named: str) -> None:
    """A label that is ours, the fold itself as a value, and more than six values end the start."""
    with pytest.raises(ConfigurationError, match=named):
        load_deployment(with_label(tmp_path, **label))


@pytest.mark.parametrize("text", ["<b>", "a&b", 'a"b', "a'b", "a\nb", "javascript:x", "{{x}}", "${x}", "[a](b)", "é"])
def test_no_label_can_hold_markup(tmp_path: Path, text: str) -> None:
    """Neither the name nor a value nor the header of a deployment's label takes what HTML, a template or a link could read."""
    good = {"name": "channel", "header": "x-channel", "values": ["web"]}
    for member, wrong in (("name", text), ("header", text), ("values", [text])):
        with pytest.raises(ConfigurationError, match=f"label.{member}"):
            load_deployment(with_label(tmp_path, **{**good, member: wrong}))


def test_no_client_puts_markup_onto_the_page(house: Any) -> None:
    """Whatever stands in paths, methods, headers and bodies: every label value on the page is plain."""
    evil = "<img src=x onerror=alert(1)>"
    house.send("GET", f"/{evil}")
    house.send("<IMG>", "/v1/chat")
    house.send("POST", f"/v1/tools/{evil}", "judge", json={"query": evil})
    house.send("POST", "/v1/chat", "judge", json={"message": evil, "model": evil}, headers={"user-agent": evil})
    house.send("POST", "/v1/chat/completions", "judge", json={"model": evil, "messages": []})
    house.send("POST", "/v1/auth/token", json={"username": evil, "password": evil})
    values = {
        value
        for family in text_string_to_metric_families(house.page())
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert [value for value in values if not re.fullmatch(r"[\w./:{}+ -]*", value, re.ASCII)] == []
