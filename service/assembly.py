"""Wires the part that calls language models; `app` does so where an installation names providers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from service.chat.complexity import COMPLEXITIES
from service.deployments.model import ROLES, Deployment
from service.llm.answer_cache import CachingEngine, Versions
from service.llm.attempt import Office
from service.llm.budgets import Budgets
from service.llm.chain import Chain, ChainRules
from service.llm.client import open_providers
from service.llm.endpoints import Providers
from service.llm.engine import AnswerEngine
from service.llm.extractive import ExtractiveEngine
from service.llm.fallback import FallbackEngine, FallbackRules
from service.llm.pricing import cost_usd, estimate_tokens
from service.llm.prompt import PromptBuilder, load_templates
from service.llm.routing import candidates
from service.llm.writing import LanguageModelEngine
from service.services import Surroundings
from service.sharing.shared_answers import SharedAnswers
from service.switches import Switches
from service.telemetry.calls import Calling, CallMetrics
from service.telemetry.metrics import Metrics
from service.telemetry.watching import Watching

_SHARE_OF_THE_REQUEST = 0.9


@dataclass(frozen=True, slots=True)
class LanguageModels:
    """What calls language models: the engine, and what has to be kept and closed with it.

    `prompt` is the hash of what models are told, `free` the names of the models that cost nothing.
    """

    engine: AnswerEngine
    chain: Chain
    budgets: Budgets
    prompt: str
    free: frozenset[str]


@dataclass(frozen=True, slots=True)
class Around:
    """What the models' part needs of the rest of the app. `fallback` says whether the extractive engine may stand in."""

    deployment: Deployment
    surroundings: Surroundings
    metrics: Metrics
    watching: Watching
    switches: Switches
    fallback: bool
    answers: SharedAnswers | None = None


def language_models(providers: Providers, around: Around) -> LanguageModels:
    """The models of an installation behind cache and fallback.

    Args:
        providers: whom to call, with which limits and routes.
        around: the rest of the app.

    Raises:
        ConfigurationError: the prompt's templates are wrong.
    """
    surroundings, generation = around.surroundings, around.deployment.generation
    firsts = {
        models[0].name for one in COMPLEXITIES if (models := candidates(providers.models, providers.routes, one, 0, 1))
    }
    counts = CallMetrics(around.metrics, providers.models, sorted(firsts))
    calling = Calling(counts, around.watching, surroundings.log)
    budgets = Budgets(generation.budgets, surroundings.wall_clock)
    chain = Chain(
        models=providers.models,
        providers=open_providers(providers, surroundings.wall_clock),
        route=lambda complexity, tokens, most: candidates(providers.models, providers.routes, complexity, tokens, most),
        rules=ChainRules(
            providers.limits.attempt,
            # The extractive engine needs time of its own before the request's limit.
            min(providers.limits.total_seconds, _SHARE_OF_THE_REQUEST * around.deployment.limits.answer_seconds),
            generation.retries,
            generation.circuit,
            generation.hedge_after_seconds,
        ),
        office=Office(budgets, calling, cost_usd, estimate_tokens, surroundings.clock),
        draw=random.random,
    )
    counts.watch_states(
        lambda: {model.name: chain.circuit(model.name).state(surroundings.clock()) for model in providers.models},
        lambda: {role: budgets.used_ratio(role) for role in ROLES},
    )
    writer = LanguageModelEngine(
        name="+".join(endpoint.name for endpoint in providers.endpoints),
        models={model.name: model.provider for model in providers.models},
        chain=chain,
        prompts=PromptBuilder(
            load_templates(),
            around.deployment.persona,
            min(model.context_tokens for model in providers.models),
        ),
        on_check=counts.checked,
        on_fallback=calling.fell_back,
    )
    cached = CachingEngine(
        writer,
        generation.cache,
        Versions(writer.prompt_hash, _fingerprint(providers)),
        clock=surroundings.clock,
        today=lambda: datetime.fromtimestamp(surroundings.wall_clock(), UTC).date(),
        counted=counts.cached,
        beyond=around.answers,
    )
    rules = FallbackRules(
        extractive_only=lambda: around.switches.extractive_only,
        allowed=around.fallback,
        first=chain.first,
        fell_back=calling.fell_back,
        crashed=calling.crashed,
    )
    free = frozenset(model.name for model in providers.models if model.free)
    return LanguageModels(FallbackEngine(cached, ExtractiveEngine(), rules), chain, budgets, writer.prompt_hash, free)


def _fingerprint(providers: Providers) -> str:
    """The models and routes as text: an answer of one set of models is not given for another."""
    return repr((providers.models, sorted(providers.routes.items())))
