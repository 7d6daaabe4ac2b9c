"""Opens what the settings choose: where to answer from, who writes, where telemetry goes."""

from __future__ import annotations

import sys
import time

from service import __version__
from service.deployments.model import Deployment
from service.identifiers import OrderedIds
from service.llm.embedding import ProviderEmbedder
from service.llm.endpoints import Providers
from service.llm.engine import AnswerEngine
from service.llm.extractive import ExtractiveEngine
from service.llm.providers import KeySource, load_providers
from service.retrieval.dense import DenseReranker, DenseRules, QueryVectors
from service.retrieval.opening import Dress, Opened, as_it_is, open_corpus
from service.retrieval.postgres.connecting import Address
from service.retrieval.postgres.opening import OpenedDatabase, open_database
from service.services import Surroundings
from service.serving.huge_pages import HugePages, kernel_here
from service.settings import CORPORA, Settings, provider_key
from service.telemetry.labels import OwnLabel, most_models
from service.telemetry.metrics import Metrics
from service.telemetry.outlets import outlets_of
from service.telemetry.tracing import Sampling, Tracing


def surroundings_of(settings: Settings) -> Surroundings:
    """The surroundings of a real process: its clocks, ids, and lines on standard error."""
    out = outlets_of(settings, sys.stderr.buffer)
    return Surroundings(time.perf_counter, time.time, OrderedIds(time.time), out.log, out.spans, out.reports, out.drops)


def huge_pages_of(settings: Settings, around: Surroundings) -> HugePages | None:
    """What brings this process's memory together, None where that is switched off or not Linux."""
    kernel = kernel_here() if settings.huge_pages == "auto" else None
    return HugePages(kernel, around.clock, around.log) if kernel else None


def tracing_of(settings: Settings, deployment: Deployment, around: Surroundings) -> Tracing:
    """Traces as the settings want them, with what every span says of this process."""
    resource = {
        "service.name": "courtsight",
        "service.version": __version__,
        "service.instance.id": around.new_id(),
        "deployment.environment.name": settings.environment,
        "courtsight.deployment": deployment.name,
    }
    # What a developer prints is printed whole.
    share = 1.0 if settings.trace_export == "stderr" else settings.trace_share
    return Tracing(resource, around.spans, Sampling(share, settings.trace_content), around.clock)


def open_sources(settings: Settings, deployment: Deployment, around: Surroundings) -> Opened | OpenedDatabase:
    """What to answer from: the retrieval database when one is named, else a library or JSON lines."""
    url = settings.retrieval_database_url
    if url is None:
        return open_corpus(settings.corpus or CORPORA / deployment.corpus, around.clock)
    address = Address(
        url.get_secret_value(), settings.retrieval_database_connections, settings.retrieval_database_timeout_seconds
    )
    return open_database(address, around.clock)


def embedder_of(settings: Settings, around: Surroundings) -> ProviderEmbedder | None:
    """The model that orders passages by meaning, None without one."""
    providers = _loaded(settings, settings.embeddings)
    return ProviderEmbedder(providers, around.wall_clock) if providers else None


def dressing_of(settings: Settings, embedder: ProviderEmbedder | None, metrics: Metrics) -> Dress:
    """Dense re-ranking around each retriever, where an embedding model is named."""
    if embedder is None:
        return as_it_is
    queries = QueryVectors(embedder)
    rules = DenseRules(weight=settings.embeddings_weight, seconds=settings.embeddings_timeout_seconds)
    return lambda retriever, vectors: DenseReranker(retriever, vectors, queries, rules, metrics.dense.inc)


def providers_of(settings: Settings) -> Providers | None:
    """The language models that the settings name, None without any."""
    return _loaded(settings, settings.providers)


def _loaded(settings: Settings, wanted: str | None) -> Providers | None:
    keys = KeySource(provider_key, private_files=settings.environment == "production")
    return load_providers(wanted, keys, external_allowed=settings.external_providers == "allowed")


def writers_of(engine: AnswerEngine | None, providers: Providers | None, label: OwnLabel | None) -> dict[str, str]:
    """Every model that may write and has series of its own, and its provider: the first ones of the installation, as many as the page has room for."""
    if engine:
        return dict(engine.models)
    called = providers.models[: most_models(label)] if providers else ()
    return {**{model.name: model.provider for model in called}, **ExtractiveEngine.models}
