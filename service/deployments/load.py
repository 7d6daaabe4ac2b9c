"""Reads a deployment's YAML strictly: a typo is an error that names file, path and the nearest key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from service.chat.complexity import MEASURES, ComplexityRules, Signal
from service.chat.facets import Facet
from service.chat.registers import Register
from service.deployments.calibration import load_calibration
from service.deployments.glossary import load_glossary
from service.deployments.guards import load_guards
from service.deployments.model import ROLES, TOOLS, Deployment, Generation, Limits, Permission, Role
from service.deployments.quotas import QuotasFile, quota_rules
from service.deployments.reading import read_yaml
from service.deployments.talk import load_talk
from service.errors import ConfigurationError
from service.llm.circuits import CircuitRules
from service.llm.keeping import CacheRules
from service.llm.retries import RetryRules
from service.store.retention import Retention
from service.strictness import describe, nearest
from service.telemetry.labels import OwnLabel

HERE = Path(__file__).parent

FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ToolName = Literal["LegalRetriever", "LawLookup", "CaseComparator", "PrecedentExplorer"]
RoleName = Literal["admin", "judge", "lawyer", "researcher", "public"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Signal(_Strict):
    name: Text
    english: Text
    expected: float = Field(ge=-10, le=10)
    weight: float = Field(ge=-20, le=20)
    words: list[Text] = Field(min_length=1)


class _Complexity(_Strict):
    fitted: Text
    medium_from: float
    complex_from: float
    measures: dict[str, float]
    signals: list[_Signal] = Field(min_length=1)

    @model_validator(mode="after")
    def _measures_are_known(self) -> _Complexity:
        if wrong := set(self.measures) ^ set(MEASURES):
            raise ValueError(f"measures must be exactly {', '.join(MEASURES)} (not: {', '.join(sorted(wrong))})")
        return self

    @model_validator(mode="after")
    def _thresholds_rise(self) -> _Complexity:
        if self.complex_from <= self.medium_from:
            raise ValueError("complex_from must be greater than medium_from")
        return self


class _Frame(_Strict):
    opening: Text
    statutes: Text
    guides: Text
    decisions: Text
    comparison: Text
    closing: Text
    notice: Text
    facets: dict[Facet, Text] = Field(default_factory=dict)


class _Register(_Frame):
    numbered: bool
    dated: bool = False
    english: _Frame


class _Role(_Strict):
    permissions: list[Permission] = Field(min_length=1)
    tools: list[ToolName] = Field(min_length=1)
    register_: Text = Field(alias="register")


class _Limits(_Strict):
    message_characters: int = Field(ge=1)
    body_bytes: int = Field(ge=1_024)
    # It is parsed in the event loop: half a megabyte takes some milliseconds.
    history_bytes: int = Field(default=524_288, ge=1_024, le=4_194_304)
    # An ingest refuses files above 64 MiB.
    document_bytes: int = Field(default=16_777_216, ge=1_024, le=67_108_864)
    answer_seconds: float = Field(gt=0)
    remembered_questions: int = Field(ge=1, le=20)
    token_seconds: float = Field(ge=60)


class _Passages(_Strict):
    simple: int = Field(ge=1, le=20)
    medium: int = Field(ge=1, le=20)
    complex: int = Field(ge=1, le=20)


_OUR_LABELS = frozenset({"role", "complexity", "outcome", "provider", "model", "type"})


class _Retries(_Strict):
    tries_per_model: int = Field(ge=1, le=5)
    share: float = Field(ge=0, le=1)


class _Circuit(_Strict):
    window_seconds: float = Field(gt=0, le=3_600)
    least_calls: int = Field(ge=1)
    failure_share: float = Field(gt=0, le=1)
    open_seconds: float = Field(gt=0, le=3_600)


class _Cache(_Strict):
    seconds: float = Field(ge=0, le=86_400)
    entries: int = Field(ge=0)
    bytes: int = Field(ge=0)


class _Generation(_Strict):
    budgets: dict[RoleName, Annotated[float, Field(ge=0)]]
    retries: _Retries
    circuit: _Circuit
    cache: _Cache
    hedge_after_seconds: float | None = Field(gt=0)


class _Retention(_Strict):
    conversations_days: float | None = Field(gt=0)
    audit_days: float | None = Field(gt=0)
    usage_days: float | None = Field(gt=0)
    idempotency_days: float = Field(ge=1)


class _Label(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,30}$")]
    header: Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,40}$")]
    values: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,30}$")]], Field(min_length=1, max_length=6)]

    @model_validator(mode="after")
    def _is_its_own(self) -> _Label:
        if self.name in _OUR_LABELS:
            raise ValueError(f"{self.name} is a label of these counters already; choose another name")
        if len({*self.values, "other"}) <= len(self.values):
            raise ValueError("values are listed once each, and without 'other', which is always there")
        return self


class _File(_Strict):
    name: Text
    title: Text
    language: Literal["id"]
    persona: Text
    corpus: Text
    abstain_below: float = Field(gt=0, lt=1)
    passages: _Passages
    complexity: _Complexity
    limits: _Limits
    tool_seconds: dict[ToolName, Annotated[float, Field(gt=0, le=60)]]
    registers: dict[str, _Register]
    roles: dict[RoleName, _Role]
    guards: FileName
    glossary: FileName
    talk: FileName
    calibration: FileName
    llm: _Generation
    quotas: QuotasFile
    retention: _Retention
    label: _Label | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> _File:
        if unlimited := sorted(set(TOOLS) - set(self.tool_seconds)):
            raise ValueError(f"tool_seconds lacks {', '.join(unlimited)}")
        for where, named in (("roles", self.roles.keys()), ("llm.budgets", self.llm.budgets.keys())):
            missing = [name for name in ROLES if name not in named]
            if missing:
                raise ValueError(f"{where} lacks {', '.join(missing)}")
        for name, role in self.roles.items():
            if role.register_ not in self.registers:
                near = nearest(role.register_, self.registers)
                hint = f" (did you mean {near!r}?)" if near else ""
                raise ValueError(f"roles.{name}.register: no register {role.register_!r}{hint}")
        return self


def _register(register: _Register) -> Register:
    def frame(read: _Frame) -> dict[str, Any]:
        fields = read.model_dump(include=set(_Frame.model_fields))
        return {**fields, "facets": tuple(read.facets.items())}

    english = Register(**frame(register.english), numbered=register.numbered, dated=register.dated)
    return Register(**frame(register), numbered=register.numbered, dated=register.dated, english=english)


def _domain(file: _File) -> Deployment:
    guards = load_guards(HERE / "guarding" / f"{file.guards}.yaml")
    registers = {name: _register(register) for name, register in file.registers.items()}
    return Deployment(
        name=file.name,
        title=file.title,
        language=file.language,
        persona=file.persona,
        corpus=file.corpus,
        abstain_below=file.abstain_below,
        passages=file.passages.model_dump(),
        complexity=ComplexityRules(
            medium_from=file.complexity.medium_from,
            complex_from=file.complexity.complex_from,
            measures=file.complexity.measures,
            signals=tuple(
                Signal(s.name, s.weight, tuple(s.words), s.english, s.expected) for s in file.complexity.signals
            ),
            fitted=file.complexity.fitted,
        ),
        limits=Limits(**file.limits.model_dump()),
        roles={
            name: Role(name, frozenset(role.permissions), frozenset(role.tools), registers[role.register_])
            for name, role in file.roles.items()
        },
        refusals=guards.refusals,
        emergencies=guards.emergencies,
        domain=guards.domain,
        glossary=load_glossary(HERE / "glossaries" / f"{file.glossary}.txt"),
        talk=load_talk(HERE / "talking" / f"{file.talk}.yaml"),
        calibration=load_calibration(HERE / "calibrations" / f"{file.calibration}.yaml"),
        tool_seconds={str(name): seconds for name, seconds in file.tool_seconds.items()},
        generation=_generation(file.llm),
        quotas=quota_rules(file.quotas),
        retention=Retention(**file.retention.model_dump()),
        label=OwnLabel(file.label.name, tuple(file.label.values), file.label.header) if file.label else None,
    )


def _generation(llm: _Generation) -> Generation:
    return Generation(
        budgets={name: llm.budgets[name] for name in llm.budgets},
        retries=RetryRules(tries_per_model=llm.retries.tries_per_model, share=llm.retries.share),
        circuit=CircuitRules(**llm.circuit.model_dump()),
        cache=CacheRules(**llm.cache.model_dump()),
        hedge_after_seconds=llm.hedge_after_seconds,
    )


def deployment_file(name: str) -> Path:
    """The file of a deployment that ships with the service, or of a path that somebody wrote.

    Raises:
        ConfigurationError: there is no such deployment.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else HERE / f"{name}.yaml"
    if path.is_file():
        return path
    known = sorted(file.stem for file in HERE.glob("*.yaml"))
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"there is {', '.join(known)}"
    raise ConfigurationError(f"COURTSIGHT_DEPLOYMENT={name}: no such deployment ({hint})")


def load_deployment(path: Path) -> Deployment:
    """Read a deployment.

    Raises:
        ConfigurationError: in one line, what is wrong and where.
    """
    raw = read_yaml(path, "deployment")
    try:
        return _domain(_File.model_validate(raw))
    except ValidationError as error:
        raise ConfigurationError(f"deployment {path}: {describe(error, _File)}") from error
