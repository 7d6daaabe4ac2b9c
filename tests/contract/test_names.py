"""Spec, rules and boards on one side, the service's real /metrics page on the other: every name exists on both.

The harness knows the service only over HTTP, so nothing but this test sees a renamed metric, label, outcome or bucket edge before
the alerts go blind.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from dashboards.queries import Query, panel_queries
from harness.tools import find_tools
from service.app import create_app
from service.commands.line import _parser as service_parser
from service.settings import Settings
from service.telemetry.table import EXAMPLES, example_registry
from slo import names
from slo.load import load_spec
from slo.quantities import format_number
from slo.sli import bad_events, valid_events
from slo.spec import LatencySLI, RatioSLI, Spec
from target.monitoring import PrometheusPlan, start_prometheus
from tests.contract.exporters import labels_by_metric

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "dashboards" / "generated" / "courtsight-overview.json"
SECRET = "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0"
SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds when it scrapes; no page carries them."""
PROMETHEUS_OWN = {"up", "ALERTS"}
NOT_VALID = {"client_error", "unauthorized", "rate_limited", "client_closed"}
"""Outcomes that are neither good nor bad, typed from the definition of what counts."""

SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[^}\"]|\"[^\"]*\")*)\}")
MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(=~|=)\s*\"([^\"]*)\"")
GROUPING = re.compile(r"\bby \(([^)]*)\)")

Page = dict[str, list[dict[str, str]]]
"""Sample name -> label sets."""


def read_page(text: str) -> Page:
    page: Page = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            page.setdefault(sample.name, []).append(dict(sample.labels))
    return page


def joined(*pages: Page) -> Page:
    """All series of several pages: of one installation, and of what another may have besides."""
    return {name: [series for page in pages for series in page.get(name, [])] for one in pages for name in one}


def problems(exprs: Iterable[str], page: Page, recorded: dict[str, set[str]]) -> list[str]:
    """Every name in these expressions that neither the page nor a recording rule knows."""
    return [problem for expr in exprs for problem in _problems(expr, page, recorded)]


def _problems(expr: str, page: Page, recorded: dict[str, set[str]]) -> Iterator[str]:
    known_labels: set[str] = set()
    for metric, braces in SELECTOR.findall(expr):
        matchers = MATCHER.findall(braces)
        if metric in PROMETHEUS_OWN:
            known_labels |= SCRAPED
        elif metric in recorded:
            known_labels |= recorded[metric]
            yield from (f"{metric}: no label {name}" for name, _, _ in matchers if name not in recorded[metric])
        elif metric in page:
            known_labels |= SCRAPED | {name for labels in page[metric] for name in labels}
            yield from _unmatched(metric, matchers, page[metric])
        else:
            yield f"{metric}: not on the page"
    for group in GROUPING.findall(expr):
        wanted = {name.strip() for name in group.split(",")}
        yield from (f"{expr}: no label {name} to group by" for name in sorted(wanted - known_labels))


def _unmatched(metric: str, matchers: list[tuple[str, str, str]], series: list[dict[str, str]]) -> Iterator[str]:
    for name, operator, value in matchers:
        if name in SCRAPED:
            continue
        there = {labels[name] for labels in series if name in labels}
        if not there:
            yield f"{metric}: no label {name}"
        # Alternatives are closed enums: each of them has to be there, not only one.
        wanted = [value] if operator == "=" else value.replace("\\\\", "\\").split("|")
        for part in wanted:
            if not any(part == real if operator == "=" else re.fullmatch(part, real) for real in there):
                yield f"{metric}: no {name} {part}"
    own = [matcher for matcher in matchers if matcher[0] not in SCRAPED]
    if not any(all(_matches(labels, matcher) for matcher in own) for labels in series):
        yield f"{metric}: no series for {own}"


def _matches(labels: dict[str, str], matcher: tuple[str, str, str]) -> bool:
    name, operator, value = matcher
    real = labels.get(name, "")
    return real == value if operator == "=" else bool(re.fullmatch(value.replace("\\\\", "\\"), real))


def committed_rules() -> list[dict[str, Any]]:
    """Every rule of the committed file, not of the generator: a hand in the file is noticed here too."""
    document = yaml.safe_load((ROOT / "alerts" / "generated" / "rules.yaml").read_bytes())
    return [rule for group in document["groups"] for rule in group["rules"]]


async def metrics_page(app: FastAPI) -> str:
    """What the app answers Prometheus."""
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


@pytest.fixture(scope="module")
def spec() -> Spec:
    """The SLO spec that ships."""
    return load_spec(ROOT / "slo" / "specs" / "courtsight.yaml")


def page_of(folder: Path, providers: str | None = None) -> str:
    settings = Settings(
        environment="development", database=folder / "courtsight.db", jwt_secret=SecretStr(SECRET), providers=providers
    )
    return asyncio.run(metrics_page(create_app(settings)))


def provided_page(folder: Path) -> str:
    """The page of the real service where language models write, before anybody asked anything."""
    model = {"name": "m", "wire_name": "m", "context_tokens": 32_768, "output_tokens": 1_024}
    prices = {"input_usd_per_million": 0.1, "output_usd_per_million": 0.2}
    provider = {"name": "p", "base_url": "http://127.0.0.1:9/v1", "models": [model | prices]}
    (folder / "providers.yaml").write_text(yaml.safe_dump({"providers": [provider]}), encoding="utf-8")
    return page_of(folder, str(folder / "providers.yaml"))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the real service with a provider."""
    return provided_page(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a service without any provider, read."""
    return read_page(page_of(tmp_path_factory.mktemp("bare")))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    """The page, read."""
    return read_page(text)


@pytest.fixture(scope="module")
def recorded() -> dict[str, set[str]]:
    """Recorded series and the labels that any rule gives them."""
    found: dict[str, set[str]] = {}
    for rule in committed_rules():
        if "record" in rule:
            found.setdefault(rule["record"], set()).update(rule["labels"])
    return found


@pytest.fixture(scope="module")
def exprs(spec: Spec) -> list[str]:
    """All expressions: of the spec's SLIs, and of the rules and panels as they are committed."""
    slis = [count(slo, None) for slo in spec.slos for count in (bad_events, valid_events)]
    rules = [rule["expr"] for rule in committed_rules()]
    panels = [query.resolved() for query in panel_queries(BOARD.read_bytes())]
    return [*slis, *rules, *panels]


def test_every_name_in_spec_rules_and_panels_is_on_the_page(
    exprs: list[str], page: Page, recorded: dict[str, set[str]]
) -> None:
    """Metrics, label names, label values and bucket edges of every expression exist on the service's page."""
    assert problems(exprs, page, recorded) == []


def test_without_a_provider_only_the_panels_that_say_so_are_empty(
    spec: Spec, bare: Page, recorded: dict[str, set[str]]
) -> None:
    """SLIs and rules need no language model; a panel that does has `no provider` to show, and no other panel lacks a name."""
    slis = [count(slo, None) for slo in spec.slos for count in (bad_events, valid_events)]
    assert problems([*slis, *(rule["expr"] for rule in committed_rules())], bare, recorded) == []
    queries = panel_queries(BOARD.read_bytes())
    lacking = {query.panel for query in queries if problems([query.resolved()], bare, recorded)}
    panels = json.loads(BOARD.read_bytes())["panels"]
    marked = {
        panel["title"]
        for panel in panels
        if panel["type"] != "row" and "no provider" in json.dumps(panel["fieldConfig"])
    }
    assert lacking == marked
    assert len(marked) == 8


def test_every_query_in_a_runbook_can_be_asked(page: Page, recorded: dict[str, set[str]]) -> None:
    """Whoever is on call at night copies queries that name real metrics, labels and values."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "runbooks").glob("*.md"))]
    found = [query for text in texts for query in re.findall(r"```promql\n(.*?)```", text, re.DOTALL)]
    assert len(found) > 100
    whole = joined(page, read_page(generate_latest(example_registry(EXAMPLES)).decode()))
    queries = [query for query in found if "__name__" not in query]
    assert problems(queries, whole, {**recorded, **labels_by_metric()}) == []


def test_every_command_in_a_runbook_can_be_run() -> None:
    """At night nobody looks up an argument: each `python -m service …` is understood as it stands, and each `make …` is a target."""
    texts = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "runbooks").glob("*.md")))
    commands = re.findall(r"`python -m service ([^`]+)`", texts)
    assert len(commands) > 10
    for command in commands:
        try:
            service_parser().parse_args(command.split())
        except SystemExit:
            raise AssertionError(f"python -m service {command}: is not understood") from None
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {target for target in re.findall(r"`make ([a-z-]+)", texts) if target not in targets} == set()


def test_every_latency_limit_has_a_bucket_edge_in_every_series(spec: Spec, page: Page) -> None:
    """Each series that a latency SLI reads has an edge exactly at the limit, so that no answer between edges is guessed."""
    for slo in spec.slos:
        if isinstance(slo.sli, LatencySLI):
            where = dict(slo.sli.where)
            buckets = [
                labels
                for labels in page[slo.sli.metric + "_bucket"]
                if all(labels.get(name) == value for name, value in where.items())
            ]
            cells = {tuple(sorted((key, value) for key, value in labels.items() if key != "le")) for labels in buckets}
            at_limit = [
                labels for labels in buckets if labels["le"] != "+Inf" and float(labels["le"]) == slo.sli.threshold
            ]
            assert cells
            assert len(at_limit) == len(cells), (slo.id, format_number(slo.sli.threshold))


def test_every_outcome_is_good_bad_or_named_as_neither(spec: Spec, page: Page) -> None:
    """An outcome that the service adds has to be decided on before it silently leaves the SLI."""
    sli = spec.slo("availability").sli
    assert isinstance(sli, RatioSLI)
    outcomes = {labels["outcome"] for labels in page["chatbot_requests_total"]}
    assert outcomes == {*sli.good, *sli.bad} | NOT_VALID


def test_the_specs_roles_complexities_and_tools_are_the_services(spec: Spec, page: Page) -> None:
    """The closed enums of the spec are those on the page, where only `none` and `anonymous` come on top."""
    requests = page["chatbot_requests_total"]
    assert {labels["role"] for labels in requests} == {*spec.labels["role"], "anonymous"}
    assert {labels["complexity"] for labels in requests} == {*spec.labels["complexity"], "none"}
    assert {labels["tool"] for labels in page["chatbot_tool_calls_total"]} == set(spec.labels["tool"])


def test_every_metric_name_that_the_harness_knows_is_on_the_page(page: Page) -> None:
    """slo.names holds no name that the service does not expose."""
    known = {
        value for value in vars(names).values() if isinstance(value, str) and re.match("chatbot_|gen_ai_client_", value)
    }
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in page}
    assert len(known) >= 20
    assert known <= families


@pytest.mark.parametrize(
    ("found", "changed", "complaint"),
    [
        ("chatbot_requests_total", "chatbot_questions_total", "chatbot_requests_total: not on the page"),
        ("chatbot_ttft_seconds", "chatbot_ttft_ms", "chatbot_ttft_seconds_bucket: not on the page"),
        ('outcome="', 'result="', "chatbot_requests_total: no label outcome"),
        ('outcome="timeout"', 'outcome="deadline"', "chatbot_requests_total: no outcome timeout"),
        ('role="judge"', 'role="hakim"', "no role judge"),
        ('le="8.0"', 'le="9.0"', r"chatbot_request_duration_seconds_bucket: no le 8(\.0)?"),
        ('le="0.5"', 'le="0.55"', "chatbot_retrieval_duration_seconds_bucket: no le 0.5"),
        ('stage="total"', 'stage="all"', "chatbot_retrieval_duration_seconds_bucket: no stage total"),
        ('tool="', 'tool_name="', "no label tool to group by"),
        ("chatbot_llm_tokens_total", "chatbot_tokens_total", "chatbot_llm_tokens_total: not on the page"),
        ("chatbot_llm_fallbacks_total", "chatbot_fallbacks_total", "chatbot_llm_fallbacks_total: not on the page"),
        ('result="shared"', 'result="joined"', "chatbot_cache_requests_total: no result shared"),
        ("gen_ai_request_model=", "gen_ai_model=", "no label gen_ai_request_model to group by"),
    ],
)
def test_a_renamed_metric_label_value_or_edge_is_found(
    *, text: str, exprs: list[str], recorded: dict[str, set[str]], found: str, changed: str, complaint: str
) -> None:
    """The same checks on a page with one name changed say which name is missing."""
    broken = text.replace(found, changed)
    assert broken != text
    said = problems(exprs, read_page(broken), recorded)
    assert any(complaint in line for line in said), said[:5]


def test_a_panel_on_a_series_that_nobody_records_is_found(page: Page, recorded: dict[str, set[str]]) -> None:
    """A recorded name with a typo, or a label that its rule does not set, is a finding."""
    exprs = [
        'slo:sli_eror:ratio_rate5m{sloth_slo="ttft"}',
        'slo:sli_error:ratio_rate5m{slo="ttft"}',
        'sum by (slo) (slo:sli_error:ratio_rate5m{sloth_slo="ttft"})',
    ]
    assert len(problems(exprs, page, recorded)) == 3


@contextmanager
def growing_page(text: str) -> Iterator[str]:
    """The service's page on a port of its own, with every counter one higher at each scrape; gives host:port."""
    scrapes = itertools.count(1)
    line = re.compile(r"^((?:chatbot|gen_ai)_\S*(?:\{.*\})?) \S+$", re.MULTILINE)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = line.sub(rf"\1 {next(scrapes)}.0", text).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def series_of(url: str, query: Query) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": query.resolved()}, timeout=60)
    body = json.loads(answer.text)
    assert body["status"] == "success", (query.panel, body)
    found: list[dict[str, Any]] = body["data"]["result"]
    return found


@pytest.mark.integration
def test_every_panel_draws_on_a_real_prometheus(spec: Spec, text: str, tmp_path: Path) -> None:
    """With the service's page scraped and the rules evaluated, no query of the board is refused or stays empty."""
    binary = find_tools(ROOT).prometheus
    assert binary is not None, "Prometheus is missing: run make setup"
    rules = tmp_path / "rules.yaml"
    rules.write_bytes(rules_yaml(rule_file(spec, scale=60)))
    queries = panel_queries(BOARD.read_bytes())
    with growing_page(text) as address:
        plan = PrometheusPlan(
            binary=binary,
            folder=tmp_path / "prometheus",
            log=tmp_path / "prometheus.log",
            target=address,
            scrape_interval_seconds=1,
            evaluation_interval_seconds=1,
            rule_files=(rules,),
        )
        running = start_prometheus(plan)
        try:
            empty = list(queries)
            deadline = time.monotonic() + 180
            while empty and time.monotonic() < deadline:
                time.sleep(1)
                empty = [query for query in empty if not series_of(running.url, query)]
        finally:
            running.child.stop(grace_seconds=5)
    assert [(query.panel, query.expr) for query in empty] == []
