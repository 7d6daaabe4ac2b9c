"""What is built before the app starts, as the modules that run it see it."""

from __future__ import annotations

from dataclasses import dataclass

from service import __version__
from service.assembly import LanguageModels
from service.deployments.model import Deployment
from service.llm.embedding import ProviderEmbedder
from service.llm.engine import AnswerEngine
from service.retrieval.lending import Shelf
from service.retrieval.opening import Dress
from service.retrieval.retriever import Holdings
from service.security.addresses import Proxies
from service.security.carriers import Page
from service.security.keyring import RotatingRing
from service.services import OpenMetrics, Surroundings
from service.sharing.opening import Sharing
from service.switches import Switches
from service.telemetry.dependency_notes import DependencyNotes
from service.telemetry.metrics import Metrics
from service.telemetry.watching import Watching


@dataclass(frozen=True, slots=True)
class Parts:
    """What is built before the app starts and does not change while it runs."""

    ring: RotatingRing
    page: Page
    proxies: Proxies
    deployment: Deployment
    shelf: Shelf
    metrics: Metrics
    dependency_notes: DependencyNotes
    watching: Watching
    engine: AnswerEngine
    models: LanguageModels | None
    switches: Switches
    around: Surroundings
    embedder: ProviderEmbedder | None
    dress: Dress
    sharing: Sharing
    open_metrics: OpenMetrics


def build_of(deployment: Deployment, holdings: Holdings, engine: AnswerEngine) -> dict[str, str]:
    """What runs here, for the metric `chatbot_build_info`."""
    return {
        "version": __version__,
        "deployment": deployment.name,
        "engine": engine.name,
        "corpus": holdings.hash[:12],
    }
