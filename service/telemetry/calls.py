"""Counts, times and traces calls of language models. These instruments exist where an installation has providers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.deployments.model import ROLES
from service.llm.answer_cache import CACHE_RESULTS
from service.llm.attempt import CALL_STATUSES, CallRecord
from service.llm.calls import Model
from service.llm.chain import FALLBACK_REASONS
from service.llm.circuits import STATES, State
from service.llm.extractive import MODEL as EXTRACTIVE
from service.llm.fallback import NOBODY
from service.telemetry.genai import GenAiMetrics, failure_of, span_attributes
from service.telemetry.labels import OTHER
from service.telemetry.logging import EventLog
from service.telemetry.metrics import Metrics
from service.telemetry.record import CURRENT, current_exemplar
from service.telemetry.watching import Watching

_PAST_ALL_MODELS = frozenset({"switched_off", "engine_error"})
"""Reasons that no other model takes over for: the extractive engine writes, or nobody."""
TPOT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1)
USAGE_SOURCES = ("provider", "estimated", "missing")
ANSWERS = "answers"
GUARDRAILS = ("none", "citation", "quotation", "figure", "support", "instruction", OTHER)
GUARDRAIL_STAGES = ("output",)
GUARDRAIL_ACTIONS = ("kept", "repaired", "marked", "withheld", OTHER)


class CallMetrics(Collector):
    """The instruments. Labels are closed enums; a model stands only beside the provider that serves it."""

    def __init__(self, metrics: Metrics, models: Sequence[Model], firsts: Sequence[str]) -> None:
        """Make every instrument and every label combination.

        Args:
            metrics: the app's other instruments, among them the tokens by model.
            models: every model that may be called.
            firsts: the models that may be the first to be asked: fallbacks start from these.
        """
        self._metrics = metrics
        self._firsts = frozenset(metrics.model(first) for first in firsts)
        registry = metrics.registry
        self._calls(metrics, models)
        self._answers(registry, models)
        self._genai = GenAiMetrics(
            registry,
            {one.name: (self._provider(one), metrics.model(one.name)) for one in models},
        )
        self._good_calls = {True: 0, False: 0}
        self._circuits: Callable[[], dict[str, State]] = dict
        self._budgets: Callable[[], dict[str, float]] = dict
        registry.register(self)

    def _calls(self, metrics: Metrics, models: Sequence[Model]) -> None:
        registry = metrics.registry
        requests = Counter(
            "chatbot_llm_requests",
            "Calls of models that ended",
            ("model", "status", "is_free_model"),
            registry=registry,
        )
        # Calls that ended, each once, retries and hedges too. Unit: calls.
        self._requests = {
            (model.name, status): requests.labels(metrics.model(model.name), status, str(model.free).lower())
            for model, status in product(models, CALL_STATUSES)
        }
        cost = Counter("chatbot_llm_cost_usd", "US dollars for calls", ("role", "model"), registry=registry)
        # Tokens times price of each call, failed ones too. Unit: US dollars.
        self._cost = {
            (role, model.name): cost.labels(role, metrics.model(model.name)) for role, model in product(ROLES, models)
        }
        source = Counter(
            "chatbot_llm_usage_source", "Calls by who counted their tokens", ("provider", "source"), registry=registry
        )
        # Calls by who counted their tokens: the provider, we by an estimate, nobody (no model was reached). Unit: calls.
        self._source = {
            (model.name, one): source.labels(self._provider(model), one)
            for model, one in product(models, USAGE_SOURCES)
        }
        tpot = Histogram(
            "chatbot_time_per_output_token_seconds",
            "(Call's seconds - first token) / (output tokens - 1), good calls",
            ("model",),
            buckets=TPOT_BUCKETS,
            registry=registry,
        )
        # (Call's seconds - seconds to the first token) / (output tokens - 1), of good calls. Unit: seconds.
        self._tpot = {model.name: tpot.labels(metrics.model(model.name)) for model in models}

    def _answers(self, registry: CollectorRegistry, models: Sequence[Model]) -> None:
        self._fallbacks_family = Counter(
            "chatbot_llm_fallbacks",
            "Answers not written by the first model",
            ("from", "to", "reason"),
            registry=registry,
        )
        # Answers that the first model should have written and did not, each once. Unit: answers.
        names = dict.fromkeys(self._metrics.model(model.name) for model in models)
        ends = {EXTRACTIVE, NOBODY}
        for first, to, reason in product(
            sorted({*self._firsts, OTHER}), [*names, EXTRACTIVE, NOBODY], FALLBACK_REASONS
        ):
            if (first != to or to == OTHER) and (to in ends or reason not in _PAST_ALL_MODELS):
                self._fallbacks_family.labels(first, to, reason)
        cache = Counter("chatbot_cache_requests", "Questions to a cache", ("cache", "result"), registry=registry)
        # Questions to a cache by result. Unit: questions.
        self._cache = {result: cache.labels(ANSWERS, result) for result in CACHE_RESULTS}
        # Sentences of models by the guard rail that decided on them, and by what was done. Unit: sentences.
        self._guardrails = {
            combination: self._metrics.guardrails.labels(*combination)
            for combination in product(GUARDRAILS, GUARDRAIL_STAGES, GUARDRAIL_ACTIONS)
        }
        # Good calls of free models / good calls. No value before the first. Unit: ratio.
        self._free_ratio = Gauge(
            "chatbot_free_model_efficiency_ratio", "Good calls of free models over all good calls", registry=registry
        )
        self._free_ratio.set(float("nan"))

    def _provider(self, model: Model) -> str:
        """The provider's label: `other` where its model is one of those that share `other`."""
        return OTHER if self._metrics.model(model.name) == OTHER else model.provider

    def watch_states(self, circuits: Callable[[], dict[str, State]], budgets: Callable[[], dict[str, float]]) -> None:
        """Where the page finds the state of each model's circuit and the used share of each role's budget."""
        self._circuits, self._budgets = circuits, budgets

    def collect(self) -> list[GaugeMetricFamily]:
        """Circuits (0 closed, 1 half open, 2 open) and budgets (used / limit of the UTC day), as they are now."""
        circuits = GaugeMetricFamily("chatbot_llm_circuit_state", "0 closed, 1 half open, 2 open", labels=["model"])
        for model, state in self._circuits().items():
            circuits.add_metric([model], STATES.index(state))
        budgets = GaugeMetricFamily(
            "chatbot_budget_used_ratio", "Spent and set aside today over the role's budget", labels=["role"]
        )
        for role, used in self._budgets().items():
            budgets.add_metric([role], used)
        return [circuits, budgets]

    def count(self, record: CallRecord) -> None:
        """Count a call that has ended."""
        model, usage = record.model, record.usage
        self._requests[model.name, record.status].inc()
        self._cost[record.role, model.name].inc(record.cost_usd)
        self._source[model.name, usage.source].inc()
        for kind, tokens in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cached", usage.cached_tokens),
            ("reasoning", usage.reasoning_tokens),
        ):
            self._metrics.count_tokens(record.role, model.name, kind, tokens)
        self._genai.called(record)
        if record.status == "ok":
            self._count_good(record)

    def _count_good(self, record: CallRecord) -> None:
        gaps = record.usage.output_tokens - 1
        if gaps > 0 and record.first_token_seconds is not None:
            self._tpot[record.model.name].observe(
                (record.seconds - record.first_token_seconds) / gaps, current_exemplar()
            )
        self._good_calls[record.model.free] += 1
        self._free_ratio.set(self._good_calls[True] / sum(self._good_calls.values()))

    def fell_back(self, first: str, to: str, reason: str) -> None:
        """Count an answer that somebody else wrote."""
        begun = self._metrics.model(first)
        ended = to if to == NOBODY else self._metrics.model(to)
        self._fallbacks_family.labels(begun if begun in self._firsts else OTHER, ended, reason).inc()

    def cached(self, result: str) -> None:
        """Count a question to the answer cache."""
        self._cache[result].inc()

    def checked(self, guardrail: str, stage: str, action: str) -> None:
        """Count what a guard rail found and what was done."""
        known = guardrail if guardrail in GUARDRAILS else OTHER
        done = action if action in GUARDRAIL_ACTIONS else OTHER
        self._guardrails[known, stage if stage in GUARDRAIL_STAGES else "output", done].inc()


class Calling:
    """Watches the chain: metrics, one span a call, and a line in the log for what went wrong."""

    def __init__(self, metrics: CallMetrics, watching: Watching, log: EventLog) -> None:
        self._metrics = metrics
        self._watching = watching
        self._log = log

    def called(self, record: CallRecord) -> None:
        """A call has ended."""
        self._metrics.count(record)
        request = CURRENT.get()
        if request is not None and request.span is not None:
            if record.status == "ok":
                self._watching.wrote(record.model.provider)
            self._watching.trace(
                f"chat {record.model.name}",
                record.seconds,
                span_attributes(record),
                kind=SpanKind.CLIENT,
                failed=failure_of(record),
            )
        if record.status not in ("ok", "cancelled", "superseded"):
            self._log.write(
                "warning",
                "llm_call_failed",
                model=record.model.name,
                provider=record.model.provider,
                reason=record.status,
                duration_seconds=round(record.seconds, 6),
            )

    def fell_back(self, first: str, to: str, reason: str) -> None:
        """Another model, the extractive engine or nobody wrote an answer."""
        self._metrics.fell_back(first, to, reason)
        self._log.write("warning", "llm_fallback", first=first, to=to, reason=reason)

    def crashed(self, error: Exception) -> None:
        """The engine of the models raised what it should not."""
        self._log.write("error", "engine_failed", exception=type(error).__name__)
