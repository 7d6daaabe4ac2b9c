"""Every metric of the service, with its formula and unit. Labels are closed enums, and every combination starts at zero.

A series that appears only with its first event hides that event from `rate()`; and a label that a client may choose makes the
page as long as the client likes. Children are cached: `.labels()` costs three times as much as counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)

from service.chat.complexity import COMPLEXITIES
from service.deployments.model import ROLES, TOOLS
from service.quotas.limits import DECISIONS, KINDS
from service.telemetry.active import ActiveConversations
from service.telemetry.drops import Drops
from service.telemetry.instruments import Counters, Histograms, LoopCounter, LoopGauge, LoopHistogram
from service.telemetry.labels import OTHER, OwnLabel
from service.telemetry.pages import Block, PageWriter, in_turns, wants_openmetrics
from service.telemetry.pools import PoolConnections
from service.telemetry.record import ANONYMOUS, CURRENT, UNCLASSIFIED
from service.telemetry.route_series import METHODS, UNMATCHED, codes_of, problems_of
from service.telemetry.standing import Reader

OUTCOMES = (
    "ok",
    "abstained",
    "refused",
    "client_error",
    "unauthorized",
    "rate_limited",
    "client_closed",
    "timeout",
    "error",
)
GOOD_OUTCOMES = frozenset({"ok", "abstained", "refused"})
STAGES = ("analyse", "search", "rank", "total")
TOOL_OUTCOMES = ("ok", "empty", "timeout", "error")
GENERATION_OUTCOMES = ("taken", "refused")
DENSE_OUTCOMES = ("fused", "late", "failed", "missing")
RETRIEVAL_OUTCOMES = ("hit", "empty", "low_score", "error")
STREAM_ENDS = ("complete", "client_closed", "upstream_error", "timeout")
INPUT_STAGE = "input"
INPUT_GUARDS = (("none", "kept"), ("unsafe", "refused"), ("injection", "refused"), ("out_of_domain", "abstained"))
"""Guard rails of questions, and what each does; those of answers stand in `calls`."""
TOKEN_TYPES = ("input", "output", "cached", "reasoning")
REQUEST_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120)
TTFT_BUCKETS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 15, 30)
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 5, 10, 30)
RETRIEVAL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
GENERATION_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 30, 60)
TOOL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10, 30)
DOCUMENT_BUCKETS = (0, 1, 2, 3, 5, 8, 10, 20)
FEEDBACK_BUCKETS = (1, 2, 3, 4, 5)
STEP_BUCKETS = (1, 2, 3, 5, 8, 10, 15, 20)


@dataclass(frozen=True, slots=True)
class _HttpRoute:
    """The children of one route and method, so that counting a request is two look-ups."""

    route: str
    method: str
    codes: Mapping[int, Counter]
    other: Counter
    duration: Histogram


class Metrics:
    """All instruments of one app, in a registry of its own."""

    def __init__(
        self,
        routes: Iterable[tuple[str, str]],
        models: Mapping[str, str],
        clock: Callable[[], float],
        drops: Drops | None = None,
        label: OwnLabel | None = None,
    ) -> None:
        """Make every instrument and every label combination.

        Args:
            routes: template and method of each route.
            models: the provider of each model that may answer.
            clock: monotonic seconds.
            drops: what telemetry could not deliver, counted since before there was an app.
            label: what the deployment adds to the counters of requests and tokens.
        """
        # A process-wide switch of the library; the _created series double the page and nobody here reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library gives this one no types
        self.registry = CollectorRegistry()
        self.reader = Reader(self.registry)
        self._writer = PageWriter()
        self._clock = clock
        known = sorted(set(routes))
        self._routes = frozenset(template for template, _ in known)
        self._models = frozenset(models)
        self._label = label
        self.registry.register((drops or Drops()).counter)
        self._chat()
        self._work(models)
        self._http(known)
        self._retrieval()
        self.active = ActiveConversations(clock)
        self.registry.register(self.active)
        self.pools = PoolConnections()
        self.registry.register(self.pools)

    def _chat(self) -> None:
        # Chat requests that ended, each once. Unit: requests.
        self.requests = Counters(
            self._counter("requests", "Chat requests that ended", "role", "complexity", "outcome", *self._own_names()),
            (*ROLES, ANONYMOUS),
            (*COMPLEXITIES, UNCLASSIFIED),
            OUTCOMES,
            *self._own_values(),
        )
        # Last byte sent - request received, of good events (ok, abstained, refused), JSON and streams. Unit: seconds.
        self.request_duration = Histograms(
            self._histogram(
                "request_duration_seconds",
                "Last byte sent minus request received, good chat events",
                REQUEST_BUCKETS,
                "role",
                "complexity",
            ),
            ROLES,
            COMPLEXITIES,
        )
        # First non-empty content sent - request received, of good streams. Unit: seconds.
        self.ttft = Histograms(
            self._histogram(
                "ttft_seconds",
                "First content sent minus request received, good streams",
                TTFT_BUCKETS,
                "role",
                "complexity",
            ),
            ROLES,
            COMPLEXITIES,
        )
        # Streams that ended, by why. Unit: streams.
        self.stream_end = Counters(self._counter("stream_end", "Streams that ended", "reason"), STREAM_ENDS)
        # Chat requests being answered right now. Unit: requests.
        self.in_flight = LoopGauge("chatbot_requests_in_flight", "Chat requests being answered", registry=self.registry)
        # Chat messages that passed validation; chat messages whose answer was saved. Unit: messages.
        self.received = self._counter("messages_received", "Chat messages that passed validation")
        self.processed = self._counter("messages_processed", "Chat messages whose answer was saved")
        # Requests by the kind of limit that they were counted under. Unit: requests.
        self.quota_decisions = Counters(
            self._counter("quota_decisions", "Requests counted under a kind of limit", "role", "limit", "decision"),
            (*ROLES, ANONYMOUS),
            KINDS,
            DECISIONS,
        )
        # Problems answered, by code and route template. Unit: problems.
        errors = self._counter("errors", "Problems answered", "error_type", "endpoint")
        self._errors = {
            (code, endpoint): errors.labels(code, endpoint)
            for endpoint in (*sorted(self._routes), UNMATCHED)
            for code in problems_of(endpoint)
        }

    def _work(self, models: Mapping[str, str]) -> None:
        named = [*sorted(models), OTHER]
        # Runs of a tool that ended. Unit: runs.
        self.tool_calls = Counters(
            self._counter("tool_calls", "Tool runs that ended", "tool", "outcome"), TOOLS, TOOL_OUTCOMES
        )
        # End - start of a tool's run. Unit: seconds.
        self.tool_duration = Histograms(
            self._histogram(
                "tool_duration_seconds", "End minus start of a tool run", TOOL_BUCKETS, "tool", "complexity"
            ),
            TOOLS,
            (*COMPLEXITIES, UNCLASSIFIED),
        )
        # Steps listed in a saved answer. Unit: steps.
        self.reasoning_steps = self._histogram("reasoning_steps", "Steps of a saved answer", STEP_BUCKETS)
        # Scores that readers gave to answers; one that is given anew counts again. Unit: points.
        self.feedback = Histograms(
            self._histogram("feedback_score", "Scores given to answers", FEEDBACK_BUCKETS, "role"), ROLES
        )
        # Engine's last piece - brief given. Unit: seconds.
        self.generation = Histograms(
            self._histogram(
                "generation_duration_seconds", "Last piece minus brief given, per model", GENERATION_BUCKETS, "model"
            ),
            named,
        )
        # Tokens of every call of a model, and of saved extractive answers (words between spaces). Unit: tokens.
        tokens = self._counter(
            "llm_tokens", "Tokens of answers", "role", "provider", "model", "type", *self._own_names()
        )
        pairs = {**models, OTHER: OTHER}
        self._tokens = {
            (role, model, kind, *own): tokens.labels(role, provider, model, kind, *own)
            for (model, provider), role, kind in product(pairs.items(), ROLES, TOKEN_TYPES)
            for own in product(*self._own_values())
        }

    def _http(self, routes: list[tuple[str, str]]) -> None:
        requests = self._counter("http_requests", "HTTP requests that ended", "route", "method", "code")
        duration = self._histogram(
            "http_request_duration_seconds", "Last byte sent minus request received", HTTP_BUCKETS, "route", "method"
        )
        self.http_durations = duration
        heads = [route for route, method in routes if method == "HEAD"]
        pairs = [*(pair for pair in routes if pair[1] != "HEAD"), *((UNMATCHED, method) for method in METHODS)]
        # Requests that ended, on every route by its template (a HEAD with the GET whose head it asks for); a method that a route does
        # not have counts as unmatched.
        self._http_routes = {
            (route, method): _HttpRoute(
                route,
                method,
                {int(code): requests.labels(route, method, code) for code in codes_of(route, method)},
                requests.labels(route, method, OTHER),
                # Last byte sent - request received. Unit: seconds.
                duration.labels(route, method if route != UNMATCHED else OTHER),
            )
            for route, method in pairs
        }
        self._http_routes |= {
            (route, "HEAD"): replace(self._http_routes[route, "GET"], method="HEAD") for route in heads
        }

    def _retrieval(self) -> None:
        # Seconds of one search, by stage: analyse the question, search, rank; total is the whole. Unit: seconds.
        duration = self._histogram(
            "retrieval_duration_seconds", "Seconds of one search, by stage", RETRIEVAL_BUCKETS, "stage"
        )
        self._stages = {stage: duration.labels(stage) for stage in STAGES}
        # Documents that one search gave. Unit: documents.
        self.retrieval_documents = self._histogram("retrieval_documents", "Documents of one search", DOCUMENT_BUCKETS)
        # Questions by the guard rail that decided on them before anything was written (none: kept); a model's sentences by what
        # their check did (only with providers). Unit: questions, sentences.
        self.guardrails = self._counter(
            "guardrail_checks", "Questions and a model's sentences by guard rail", "guardrail", "stage", "action"
        )
        self._guarded = {pair: self.guardrails.labels(pair[0], INPUT_STAGE, pair[1]) for pair in INPUT_GUARDS}
        # Searches that ended; low_score: the best hit is weak. Unit: searches.
        self.retrieval_requests = Counters(
            self._counter("retrieval_requests", "Searches that ended", "outcome"), RETRIEVAL_OUTCOMES
        )
        # Generations of the corpus that were published while the service ran; refused: broken, the one before it stays. Unit: generations.
        self.generations = Counters(
            self._counter("corpus_generations", "Generations published while running", "outcome"), GENERATION_OUTCOMES
        )
        # Searches that were to be ordered by meaning as well; all but fused stand in the order of words. Unit: searches.
        self.dense = Counters(
            self._counter("retrieval_dense", "Searches to be ordered by meaning as well", "outcome"), DENSE_OUTCOMES
        )
        # Whether a dependency answered when it was last looked at (every 10 s and by every probe), and after how long. Unit: 1, seconds.
        self._dependency_up = Gauge(
            "chatbot_dependency_up", "1: it answered when last looked at", ["dependency"], registry=self.registry
        )
        self._dependency_latency = Gauge(
            "chatbot_dependency_latency_seconds", "Seconds until it answered", ["dependency"], registry=self.registry
        )
        # Series on the page that was rendered before this one. Unit: series.
        self.series = Gauge("chatbot_metric_series", "Series on the page rendered before", registry=self.registry)
        # Clock - the moment that retention reckoned by in the last round of this process; 0 before the first. Unit: seconds.
        behind = "Seconds that retention reckons behind the clock"
        self.retention_behind = Gauge("chatbot_retention_behind_seconds", behind, registry=self.registry)
        # Version, deployment, engine and corpus of this process; always 1.
        self.build = Info("chatbot_build", "What is running", registry=self.registry)

    def count_http(self, route: str, method: str, code: int, seconds: float) -> tuple[str, str]:
        """Count one HTTP request; returns the route and method under which it stands."""
        known = self._http_routes.get((route, method))
        if known is None:
            known = self._http_routes[UNMATCHED, method if method in METHODS else OTHER]
        known.codes.get(code, known.other).inc()
        known.duration.observe(seconds)
        return known.route, known.method

    def count_chat(self, role: str, complexity: str, outcome: str, label: str | None) -> None:
        """Count one chat request; `label` is the deployment's own, where it has one."""
        if label is None:
            self.requests.inc(role, complexity, outcome)
        else:
            self.requests.inc(role, complexity, outcome, label)

    def count_problem(self, code: str, route: str) -> None:
        """Count one problem by its code and the template of its route; one that is unusual for its route counts as unmatched."""
        known = self._errors.get((code, route))
        (known or self._errors[code, UNMATCHED]).inc()

    def count_guarded(self, guardrail: str, action: str) -> None:
        """Count one question by the guard rail that decided on it, a pair of INPUT_GUARDS."""
        self._guarded[guardrail, action].inc()

    def count_search(self, outcome: str, documents: int, seconds: Mapping[str, float]) -> None:
        """Count one search: what came of it, how many documents it gave, and the seconds of each of its stages."""
        self.retrieval_requests.inc(outcome)
        self.retrieval_documents.observe(documents)
        # Past `Histograms.observe`: an answer searches twice, and each search has four stages.
        for stage, spent in seconds.items():
            self._stages[stage].observe(spent)

    def model(self, name: str) -> str:
        """The model's label: its name, or `other` for one that was not announced."""
        return name if name in self._models else OTHER

    def count_tokens(self, role: str, model: str, kind: str, tokens: int) -> None:
        """Count tokens of a model, one of TOKEN_TYPES."""
        self._tokens[role, self.model(model), kind, *self._own()].inc(tokens)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The page and its type, at one go: for those who have nothing else to do.

        OpenMetrics, which carries exemplars, for whoever wants it most, as Prometheus does; else Prometheus' own text.
        """
        pieces, media_type = self._pieces(accept, packed=False)
        return b"".join(pieces), media_type

    async def page(self, accept: str, *, packed: bool = False) -> tuple[bytes, str]:
        """The same, in pieces that let others have their turn in between; `packed` by gzip, piece by piece."""
        pieces, media_type = self._pieces(accept, packed=packed)
        return b"".join(await in_turns(pieces, self._clock)), media_type

    def _pieces(self, accept: str, *, packed: bool) -> tuple[Iterator[bytes], str]:
        openmetrics, media_type = wants_openmetrics(accept)
        blocks = self._counted(self._writer.written(self.reader.families(), openmetrics=openmetrics))
        return self._writer.encoded(blocks, openmetrics=openmetrics, packed=packed), media_type

    def _counted(self, blocks: Iterator[Block]) -> Iterator[Block]:
        series = 0
        for block in blocks:
            series += block.series
            yield block
        self.series.set(series)

    def dependency_up(self, name: str, up: bool) -> None:
        """Show whether something that the service leans on is there. Only what is configured is on the page."""
        self._dependency_up.labels(name).set(up)

    def dependency_latency(self, name: str, seconds: float) -> None:
        """Show after how many seconds that was known."""
        self._dependency_latency.labels(name).set(seconds)

    def in_flight_now(self) -> float:
        """Chat requests that are being answered."""
        return float(next(iter(self.in_flight.collect())).samples[0].value)

    def _own_names(self) -> tuple[str, ...]:
        return (self._label.name,) if self._label else ()

    def _own_values(self) -> tuple[tuple[str, ...], ...]:
        return ((*self._label.values, OTHER),) if self._label else ()

    def _own(self) -> tuple[str, ...]:
        """The deployment's own label of the request that is being served."""
        if self._label is None:
            return ()
        record = CURRENT.get()
        return ((record.label if record else None) or OTHER,)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return LoopCounter(f"chatbot_{name}", documentation, labels, registry=self.registry)

    def _histogram(self, name: str, documentation: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return LoopHistogram(f"chatbot_{name}", documentation, labels, buckets=buckets, registry=self.registry)
