"""Reads which providers and models an installation may call: entries of the catalogue that ships, or a file of one's own.

Strict: a typo is an error that names file, place and nearest key, and everything that is missing is named at once.
"""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from service.errors import ConfigurationError
from service.llm.calls import AttemptLimits, Model
from service.llm.endpoints import DEFAULT_LIMITS, CallLimits, Endpoint, Providers, host_of, own_host
from service.llm.wire import OutputLimit, ReasoningEffort
from service.strict_yaml import UniqueKeys
from service.strictness import describe, nearest

CATALOGUE = Path(__file__).parent / "catalogue"
SETTING = "COURTSIGHT_PROVIDERS"

_Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]
_Price = Annotated[float, Field(ge=0, le=10_000)]
_Seconds = Annotated[float, Field(gt=0, le=600)]
_Form = TypeVar("_Form", bound=BaseModel)
_Complexity = Literal["simple", "medium", "complex"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Model(_Strict):
    name: _Label
    wire_name: _Text
    context_tokens: int = Field(ge=256)
    output_tokens: int = Field(ge=16)
    input_usd_per_million: _Price
    output_usd_per_million: _Price
    cached_input_usd_per_million: _Price | None = None
    note: _Text | None = None

    @model_validator(mode="after")
    def _fits(self) -> _Model:
        if self.output_tokens >= self.context_tokens:
            raise ValueError("output_tokens must be less than context_tokens, which holds prompt and answer")
        return self


class _Provider(_Strict):
    name: _Label
    base_url: _Text
    insecure: bool = False
    api_key_file: _Text | None = None
    api_key_setting: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,40}$")] | None = None
    connections: int = Field(default=256, ge=1, le=65_536)
    output_limit: OutputLimit = "max_tokens"
    reasoning_effort: ReasoningEffort | None = None
    models: list[_Model] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_key(self) -> _Provider:
        if self.api_key_file and self.api_key_setting:
            raise ValueError("api_key_file and api_key_setting are both given: keep one")
        host_of(self.base_url, insecure=self.insecure)  # its ValueError becomes a finding
        return self


class _Entry(_Provider):
    """An entry of the catalogue: what a reader must know beside what the client needs."""

    as_of: dt.date
    prices_source: _Text
    external: bool
    run_by: _Text
    region: _Text
    retention: _Text


class _Limits(_Strict):
    connect_seconds: _Seconds = DEFAULT_LIMITS.attempt.connect_seconds
    first_token_seconds: _Seconds = DEFAULT_LIMITS.attempt.first_token_seconds
    between_tokens_seconds: _Seconds = DEFAULT_LIMITS.attempt.between_tokens_seconds
    attempt_seconds: _Seconds = DEFAULT_LIMITS.attempt.attempt_seconds
    total_seconds: _Seconds = DEFAULT_LIMITS.total_seconds


class _File(_Strict):
    providers: list[_Provider] = Field(min_length=1)
    routes: dict[_Complexity, Annotated[list[_Label], Field(min_length=1)]] = {}
    limits: _Limits = _Limits()


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where keys come from: settings by name, and whether a key file that others may read is refused."""

    setting: Callable[[str], str | None]
    private_files: bool


def load_providers(wanted: str | None, keys: KeySource, *, external_allowed: bool) -> Providers | None:
    """The providers that COURTSIGHT_PROVIDERS names; None when it names none.

    Raises:
        ConfigurationError: in one line, all that is wrong or missing.
    """
    if wanted is None or not wanted.strip():
        return None
    path = Path(wanted.strip())
    if path.suffix in (".yaml", ".yml"):
        file, folder, where = _read(path, _File), path.parent, f"providers {path}"
    else:
        entries = [_read(_entry_file(name.strip()), _Entry) for name in wanted.split(",") if name.strip()]
        file, folder, where = _File(providers=list(entries)), CATALOGUE, f"{SETTING}={wanted}"
    return _domain(file, where, folder, keys, external_allowed=external_allowed)


def catalogue_entry(name: str) -> dict[str, Any]:
    """An entry of the catalogue as it stands in its file, checked: what the documentation is held to.

    Raises:
        ConfigurationError: there is none of that name, or it is wrong.
    """
    return _read(_entry_file(name), _Entry).model_dump()


def catalogue_names() -> tuple[str, ...]:
    """The names that the catalogue knows."""
    return tuple(sorted(file.stem for file in CATALOGUE.glob("*.yaml")))


def _entry_file(name: str) -> Path:
    if name in catalogue_names():
        return CATALOGUE / f"{name}.yaml"
    near = nearest(name, catalogue_names())
    hint = f"did you mean {near!r}?" if near else f"there is {', '.join(catalogue_names())}"
    raise ConfigurationError(f"{SETTING}: {name!r} is neither in the catalogue nor a .yaml file ({hint})")


def _read(path: Path, form: type[_Form]) -> _Form:
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), UniqueKeys)  # noqa: S506 - a SafeLoader made stricter
    except OSError as error:
        raise ConfigurationError(
            f"providers {path}: {error.strerror or error}; name a file that can be read"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"providers {path}: {' '.join(str(error).split())}") from error
    try:
        return form.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(f"providers {path}: {_told(error, form)}") from error


def _told(error: ValidationError, form: type[BaseModel]) -> str:
    """All members that are missing, else the most telling finding."""
    findings = error.errors(include_url=False, include_context=False, include_input=False)
    if all(finding["type"] == "missing" for finding in findings):
        return "missing: " + ", ".join(".".join(map(str, finding["loc"])) for finding in findings)
    return describe(error, form)


def _domain(file: _File, where: str, folder: Path, keys: KeySource, *, external_allowed: bool) -> Providers:
    """The checked file as values; every problem beyond the form of single members is gathered and told at once."""
    models = tuple(_model(model, provider.name) for provider in file.providers for model in provider.models)
    problems = [*_twice(file), *_unknown_in_routes(file, {model.name for model in models})]
    endpoints: list[Endpoint] = []
    for provider in file.providers:
        external = not own_host(host_of(provider.base_url, insecure=provider.insecure))
        if external and not external_allowed:
            problems.append(
                f"{provider.name} is outside your own network ({provider.base_url}) and"
                " COURTSIGHT_EXTERNAL_PROVIDERS=forbidden: take it out, or allow external providers"
            )
        key, problem = _key(provider, folder, keys)
        problems += [problem] if problem else []
        endpoints.append(_endpoint(provider, external=external, key=key))
    if problems:
        raise ConfigurationError(f"{where}: {'; '.join(problems)}")
    limits = file.limits
    attempt = AttemptLimits(
        limits.connect_seconds, limits.first_token_seconds, limits.between_tokens_seconds, limits.attempt_seconds
    )
    routes: dict[str, tuple[str, ...]] = {complexity: tuple(names) for complexity, names in file.routes.items()}
    return Providers(tuple(endpoints), models, routes, CallLimits(attempt, limits.total_seconds))


def _endpoint(provider: _Provider, *, external: bool, key: str | None) -> Endpoint:
    return Endpoint(
        name=provider.name,
        base_url=provider.base_url.rstrip("/"),
        external=external,
        api_key=key,
        connections=provider.connections,
        output_limit=provider.output_limit,
        reasoning_effort=provider.reasoning_effort,
    )


def _model(model: _Model, provider: str) -> Model:
    cached = model.cached_input_usd_per_million
    return Model(
        name=model.name,
        provider=provider,
        wire_name=model.wire_name,
        context_tokens=model.context_tokens,
        output_tokens=model.output_tokens,
        input_usd=model.input_usd_per_million,
        output_usd=model.output_usd_per_million,
        cached_input_usd=model.input_usd_per_million if cached is None else cached,
    )


def _twice(file: _File) -> list[str]:
    """Names are labels of answers and metrics: each means one thing, and `extractive` and `embedded` are taken."""
    problems = []
    seen = {"extractive", "embedded"}
    for kind, names in (
        ("provider", [provider.name for provider in file.providers]),
        ("model", [model.name for provider in file.providers for model in provider.models]),
    ):
        taken = set(seen)
        for name in names:
            if name in taken:
                problems.append(f"{kind} {name!r} is named twice, or bears a name of the house's own")
            taken.add(name)
    return problems


def _unknown_in_routes(file: _File, known: set[str]) -> list[str]:
    problems = []
    for complexity, names in file.routes.items():
        for name in names:
            if name not in known:
                near = nearest(name, known)
                hint = f" (did you mean {near!r}?)" if near else ""
                problems.append(f"routes.{complexity}: no model {name!r}{hint}")
        if len(set(names)) < len(names):
            problems.append(f"routes.{complexity}: a model is named twice")
    return problems


def _key(provider: _Provider, folder: Path, keys: KeySource) -> tuple[str | None, str | None]:
    """The key, or the problem with it; neither when the provider asks for none."""
    if provider.api_key_setting:
        variable = f"COURTSIGHT_{provider.api_key_setting}_API_KEY"
        key = keys.setting(provider.api_key_setting)
        return key, _wrong_key(key, f"{provider.name}: {variable} (or {variable}_FILE)")
    if provider.api_key_file is None:
        return None, None
    path = folder / provider.api_key_file
    try:
        mode = path.stat().st_mode
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        return None, f"{provider.name}: api_key_file {path} cannot be read ({type(error).__name__})"
    if keys.private_files and mode & (stat.S_IRWXG | stat.S_IRWXO):
        return None, f"{provider.name}: api_key_file {path} may be read by others: chmod 600 it"
    return key, _wrong_key(key, f"{provider.name}: api_key_file {path}")


def _wrong_key(key: str | None, where: str) -> str | None:
    if not key:
        return f"{where} is missing or empty"
    if not key.isascii() or not key.isprintable() or " " in key:
        return f"{where} holds what no key does: spaces, or letters beyond ASCII"
    return None
