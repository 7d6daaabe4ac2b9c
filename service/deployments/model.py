"""What a deployment says, once it has been checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from service.chat.complexity import ComplexityRules
from service.chat.confidence import Calibration
from service.chat.domain import Domain
from service.chat.guard import Refusals
from service.chat.registers import Register
from service.chat.smalltalk import SmallTalk
from service.chat.translating import Glossary
from service.chat.urgent import Emergencies
from service.llm.circuits import CircuitRules
from service.llm.keeping import CacheRules
from service.llm.retries import RetryRules
from service.quotas.rules import QuotaRules
from service.store.retention import Retention
from service.telemetry.labels import OwnLabel

ROLES: tuple[str, ...] = ("admin", "judge", "lawyer", "researcher", "public")
"""The closed list of roles; a deployment gives each its rights."""
TOOLS: tuple[str, ...] = ("LegalRetriever", "LawLookup", "CaseComparator", "PrecedentExplorer")
"""The closed list of tools."""
Permission = Literal["read", "write", "delete", "admin", "legal_analysis", "case_comparison", "legal_search"]
PERMISSIONS: tuple[str, ...] = get_args(Permission)
"""The closed list of permissions."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its name, what it may do, the tools it may use, and how answers speak to it."""

    name: str
    permissions: frozenset[str]
    tools: frozenset[str]
    register: Register


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request: characters of a message, bytes of a body, of one that brings a whole conversation, and of a document that is sent, seconds for an answer, turns of memory."""

    message_characters: int
    body_bytes: int
    history_bytes: int
    document_bytes: int
    answer_seconds: float
    remembered_questions: int
    token_seconds: float


@dataclass(frozen=True, slots=True)
class Generation:
    """How language models may be used: US dollars per role and day, retries, circuits, hedging (seconds, None: never), cache."""

    budgets: Mapping[str, float]
    retries: RetryRules
    circuit: CircuitRules
    cache: CacheRules
    hedge_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One chatbot."""

    name: str
    title: str
    language: str
    persona: str
    corpus: str
    abstain_below: float
    passages: Mapping[str, int]
    complexity: ComplexityRules
    limits: Limits
    roles: Mapping[str, Role]
    refusals: Refusals
    emergencies: Emergencies
    generation: Generation
    domain: Domain
    glossary: Glossary
    talk: SmallTalk
    tool_seconds: Mapping[str, float]
    calibration: Calibration
    quotas: QuotaRules
    retention: Retention
    label: OwnLabel | None = None
    """What this deployment adds to the counters of requests and tokens."""
