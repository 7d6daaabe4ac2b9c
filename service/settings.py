"""The service's settings: the only place that reads the environment. Variables begin with COURTSIGHT_."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.edge.addresses import networks
from service.edge.origins import ANY, hosts, origins
from service.errors import ConfigurationError
from service.secrecy import (
    origin_weakness,
    placeholder_weakness,
    secret_weakness,
    setting_weakness,
)
from service.secret_files import PREFIX, listed, secret_now, secret_of
from service.security.addresses import Network
from service.strictness import nearest

_LIKELY_TYPO = 0.85
_MAKE = 'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
_PROVIDER_KEY = re.compile(rf"{PREFIX}(.+)_API_KEY(?:_FILE)?")
_WIDEST_MEASURING = 256
"""Addresses of one network of load generators, at most, in production."""
CORPORA = Path(__file__).parent / "corpora"


class Settings(BaseSettings):
    """Everything that may differ between two installations of the same deployment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True)

    environment: Literal["development", "production"] = Field(
        default="production", description="`production` refuses everything that only makes development easier."
    )
    deployment: str = Field(
        default="courtsight", description="The name of a deployment that ships, or the path of a YAML file."
    )
    database: Path = Field(default=Path("courtsight.db"), description="The SQLite file; it is made with mode 0600.")
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL to keep everything in instead of a SQLite file: postgresql://user:password@host/name. Also as COURTSIGHT_DATABASE_URL_FILE.",
    )
    database_url_file: Path | None = Field(
        default=None, description="A file that holds that address; surrounding space is cut."
    )
    database_connections: int = Field(
        default=20, ge=1, le=500, description="Connections to that PostgreSQL at a time, of one process."
    )
    database_timeout_seconds: float = Field(
        default=1.0,
        gt=0,
        le=30,
        description="Seconds that a write waits for SQLite's lock before it fails; with PostgreSQL, that a piece of work may take in all.",
    )
    corpus: Path | None = Field(
        default=None,
        description="A folder of JSONL files, one file, or a library made by `make ingest`; default: the deployment's own corpus.",
    )
    library: Path = Field(
        default=Path("library"), description="The folder in which `ingest` keeps its index and what it remembers."
    )
    retrieval_database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL to answer from instead of an index in memory, as its reader: postgresql://user:password@host/name. Also as COURTSIGHT_RETRIEVAL_DATABASE_URL_FILE.",
    )
    retrieval_database_url_file: Path | None = Field(
        default=None, description="A file that holds that address; surrounding space is cut."
    )
    retrieval_database_connections: int = Field(
        default=8, ge=1, le=200, description="Connections to that database at a time, of one process."
    )
    retrieval_database_timeout_seconds: float = Field(
        default=2.0,
        gt=0,
        le=30,
        description="Seconds that a query of that database may take, waiting for a connection included.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis to share quotas, revocations, answers and short memory through: redis://:password@host:6379/0; default: each process for itself, and quotas the workers of a machine together. Also as COURTSIGHT_REDIS_URL_FILE.",
    )
    redis_url_file: Path | None = Field(
        default=None, description="A file that holds that address; surrounding space is cut."
    )
    embeddings: str | None = Field(
        default=None,
        description="The embedding model for dense re-ranking: the first model of a providers' file, which receives the text of every question; default: none.",
    )
    embeddings_weight: float = Field(
        default=1.0, ge=0, le=10, description="How much the order by meaning counts beside the order by words."
    )
    embeddings_timeout_seconds: float = Field(
        default=0.5,
        gt=0,
        le=30,
        description="Seconds that the embedding model may take; then the order by words stands.",
    )
    jwt_secret: SecretStr | None = Field(
        default=None,
        description="Signs tokens; at least 32 bytes, random, no default. Also as COURTSIGHT_JWT_SECRET_FILE.",
    )
    jwt_secret_file: Path | None = Field(
        default=None,
        description="A file that holds the secret; surrounding space is cut. It is read again when it changes.",
    )
    jwt_previous_secrets: SecretStr | None = Field(
        default=None,
        description="Secrets that signed until a rotation and still verify, with commas. Also as COURTSIGHT_JWT_PREVIOUS_SECRETS_FILE.",
    )
    jwt_previous_secrets_file: Path | None = Field(
        default=None, description="A file that holds them, one on each line. It is read again when it changes."
    )
    public_origin: str | None = Field(
        default=None,
        description="The origin at which browsers see the chat page, such as https://chat.example.id; default: that of each request.",
    )
    trusted_proxies: str | None = Field(
        default=None,
        description="Addresses or networks of one's own proxies, with commas: only their X-Forwarded-For is believed; default: none.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Without it as a bearer token /metrics answers 401; default: open to whoever reaches the port. Also as COURTSIGHT_METRICS_TOKEN_FILE.",
    )
    metrics_token_file: Path | None = Field(
        default=None, description="A file that holds that token; surrounding space is cut."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug` is for development only."
    )
    trace_export: Literal["none", "stderr"] = Field(
        default="none", description="`stderr` prints every span; development only."
    )
    trace_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="The share of requests whose trace is recorded. A caller that sends a sampled `traceparent` is recorded too, up to five a second.",
    )
    trace_content: bool = Field(default=False, description="Spans hold questions and answers; development only.")
    otlp_endpoint: str | None = Field(
        default=None,
        description="Where traces go by OTLP (http/protobuf): https://collector:4318; `/v1/traces` is added to an address without a path. Default: nowhere.",
    )
    otlp_headers: SecretStr | None = Field(
        default=None,
        description="Headers for it, such as `authorization=Bearer …,x-tenant=…`. Also as COURTSIGHT_OTLP_HEADERS_FILE.",
    )
    otlp_headers_file: Path | None = Field(
        default=None, description="A file that holds those headers; surrounding space is cut."
    )
    sentry_dsn: SecretStr | None = Field(
        default=None,
        description="Where unhandled errors are reported to, by type and place alone; default: nowhere. Also as COURTSIGHT_SENTRY_DSN_FILE.",
    )
    sentry_dsn_file: Path | None = Field(
        default=None, description="A file that holds that address; surrounding space is cut."
    )
    providers: str | None = Field(
        default=None,
        description="Language models: names out of the catalogue, separated by commas, or the path of a YAML file; default: none.",
    )
    external_providers: Literal["allowed", "forbidden"] = Field(
        default="allowed",
        description="`forbidden` refuses to start with a provider outside one's own network: nothing leaves it.",
    )
    fallback: Literal["extractive", "none"] = Field(
        default="extractive",
        description="Who answers when no model does: the extractive engine, or nobody (the question fails).",
    )
    allowed_hosts: str | None = Field(
        default=None,
        description="The names under which clients reach the service, separated by commas; default: any. Probes are answered under every name.",
    )
    load_test_networks: str | None = Field(
        default=None,
        description="Networks that load tests come from, separated by commas: their callers have the quota `load-test`; default: none, in development loopback.",
    )
    cors_origins: str | None = Field(
        default=None,
        description="Origins of other pages that may read answers, separated by commas, like https://page.example; default: none.",
    )
    cors_credentials: bool = Field(
        default=False, description="Whether those pages may send cookies; not together with the origin `*`."
    )
    drain_seconds: int = Field(
        default=30, ge=1, le=300, description="Seconds that running answers get to finish after SIGTERM."
    )
    drain_delay_seconds: float = Field(
        default=0.0,
        ge=0,
        le=120,
        description="Seconds after SIGTERM in which new connections are still taken, for proxies that learn of it late.",
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="Processes that serve one address; `serve --workers` goes before it."
    )
    huge_pages: Literal["auto", "off"] = Field(
        default="auto",
        description="`auto` brings a warm process's memory together in huge pages, where Linux allows it; `off` leaves it as it is.",
    )

    @model_validator(mode="after")
    def _secrets_from_files(self) -> Self:
        self.jwt_secret = secret_of("JWT_SECRET", self.jwt_secret, self.jwt_secret_file)
        self.jwt_previous_secrets = secret_of(
            "JWT_PREVIOUS_SECRETS", self.jwt_previous_secrets, self.jwt_previous_secrets_file
        )
        self.database_url = secret_of("DATABASE_URL", self.database_url, self.database_url_file)
        self.retrieval_database_url = secret_of(
            "RETRIEVAL_DATABASE_URL", self.retrieval_database_url, self.retrieval_database_url_file
        )
        self.otlp_headers = secret_of("OTLP_HEADERS", self.otlp_headers, self.otlp_headers_file)
        self.sentry_dsn = secret_of("SENTRY_DSN", self.sentry_dsn, self.sentry_dsn_file)
        self.metrics_token = secret_of("METRICS_TOKEN", self.metrics_token, self.metrics_token_file)
        self.redis_url = secret_of("REDIS_URL", self.redis_url, self.redis_url_file)
        if self.retrieval_database_url is not None and self.corpus is not None:
            raise ValueError(f"{PREFIX}CORPUS and {PREFIX}RETRIEVAL_DATABASE_URL are both set: keep one")
        return self

    @model_validator(mode="after")
    def _network_is_sound(self) -> Self:
        for name, read in (
            ("LOAD_TEST_NETWORKS", lambda: self.measuring_networks),
            ("CORS_ORIGINS", lambda: self.origins),
            ("ALLOWED_HOSTS", lambda: self.hosts),
        ):
            try:
                read()
            except ValueError as error:
                raise ValueError(f"{PREFIX}{name}: {error}") from error
        if self.cors_credentials and ANY in self.origins:
            raise ValueError(f"{PREFIX}CORS_CREDENTIALS lets no page in with CORS_ORIGINS=*: name the origins")
        return self

    @property
    def metrics_secret(self) -> str | None:
        """The token that metrics ask for; None leaves them open."""
        return self.metrics_token.get_secret_value() if self.metrics_token else None

    @property
    def hosts(self) -> frozenset[str]:
        """The names of COURTSIGHT_ALLOWED_HOSTS, in small letters."""
        return hosts(self.allowed_hosts or "")

    @property
    def measuring_networks(self) -> tuple[Network, ...]:
        """The networks of COURTSIGHT_LOAD_TEST_NETWORKS."""
        usual = "127.0.0.0/8,::1/128" if self.environment == "development" else ""
        return networks(usual if self.load_test_networks is None else self.load_test_networks)

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of COURTSIGHT_CORS_ORIGINS."""
        return origins(self.cors_origins or "")

    @model_validator(mode="after")
    def _production_is_strict(self) -> Self:
        if self.environment == "production" and (found := list(self._loose())):
            raise ValueError("; ".join(found))
        return self

    def _loose(self) -> Iterator[str]:
        """What only makes development easier."""
        loose = {
            "LOG_LEVEL=debug": self.log_level == "debug",
            "TRACE_EXPORT=stderr": self.trace_export == "stderr",
            "TRACE_CONTENT=true": self.trace_content,
        }
        for setting, wanted in loose.items():
            if wanted:
                yield f"{PREFIX}{setting} is for development: unset it, or set {PREFIX}ENVIRONMENT=development"
        for network in self.measuring_networks:
            if network.num_addresses > _WIDEST_MEASURING and not network.is_loopback:
                yield f"{PREFIX}LOAD_TEST_NETWORKS: {network} is too wide: name the machines that measure"

    def production_refuses(self) -> list[str]:
        """Everything for which a start in production would be refused, wherever these settings are for."""
        return [*self._loose(), *self.model_copy(update={"environment": "production"}).weaknesses()]

    @property
    def signing_secret(self) -> str:
        """The secret that signs tokens.

        Raises:
            ConfigurationError: it is missing, too short, or visibly not random.
        """
        return self.signing_secrets()[0]

    @property
    def signing_files(self) -> tuple[Path, ...]:
        """The files whose change changes the signing secrets."""
        return tuple(file for file in (self.jwt_secret_file, self.jwt_previous_secrets_file) if file)

    def signing_secrets(self) -> tuple[str, ...]:
        """The secret that signs tokens, then those that only verify; files are read anew.

        Raises:
            ConfigurationError: one is missing, too short, or visibly not random; names each.
        """
        current = secret_now("JWT_SECRET", self.jwt_secret, self.jwt_secret_file)
        previous = listed(secret_now("JWT_PREVIOUS_SECRETS", self.jwt_previous_secrets, self.jwt_previous_secrets_file))
        if found := self._signing_weaknesses(current, previous):
            raise ConfigurationError("; ".join(found))
        return (current, *previous)

    def _signing_weaknesses(self, current: str, previous: list[str]) -> list[str]:
        strict = self.environment == "production"
        if not current:
            return [f"{PREFIX}JWT_SECRET is not set; {_MAKE}"]
        found = [f"{PREFIX}JWT_SECRET {why}; {_MAKE}"] if (why := secret_weakness(current, strict=strict)) else []
        for number, one in enumerate(previous, start=1):
            if why := secret_weakness(one, strict=strict):
                found.append(f"{PREFIX}JWT_PREVIOUS_SECRETS: number {number} {why}; take it out")
        return found

    def weaknesses(self) -> list[str]:
        """Everything about secrets that must not start, each in a sentence that names its variable and never its value."""
        strict = self.environment == "production"
        try:
            self.signing_secrets()
            found = []
        except ConfigurationError as error:
            found = [str(error)]
        if self.public_origin and (why := origin_weakness(self.public_origin, strict=strict)):
            found.append(f"{PREFIX}PUBLIC_ORIGIN {why}")
        if strict:
            found += [*self._weak_fields(), *_weak_provider_keys()]
        return found

    def _weak_fields(self) -> Iterator[str]:
        """Every other setting that is a secret, also those that are added later."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name.startswith("jwt_") or not isinstance(value, SecretStr):
                continue
            if why := setting_weakness(name, value.get_secret_value()):
                yield f"{PREFIX}{name.upper()} {why}"


def refuse_weak_secrets(settings: Settings) -> None:
    """Let nothing start with a secret that is none.

    Raises:
        ConfigurationError: naming every one of them at once, so that a start need not be tried once for each.
    """
    if found := settings.weaknesses():
        raise ConfigurationError("; ".join(found))


def _weak_provider_keys() -> Iterator[str]:
    for variable in sorted(os.environ):
        named = _PROVIDER_KEY.fullmatch(variable)
        key = provider_key(named[1]) if named else None
        if key is not None and (why := placeholder_weakness(key)):
            yield f"{variable} {why}"


def provider_key(name: str) -> str | None:
    """The key that `api_key_setting: NAME` of a provider means, from COURTSIGHT_<NAME>_API_KEY or the file that …_FILE names.

    None when neither is set.

    Raises:
        ConfigurationError: both are set, or the file cannot be read.
    """
    variable = f"{PREFIX}{name}_API_KEY"
    key, file = os.environ.get(variable), os.environ.get(f"{variable}_FILE")
    if not file:
        return key.strip() if key and key.strip() else None
    if key:
        raise ConfigurationError(f"{variable} and {variable}_FILE are both set: keep one")
    return secret_now(f"{name}_API_KEY", None, Path(file)) or None


def load_settings() -> Settings:
    """Read the settings from the environment, and refuse a variable whose name is almost that of a setting.

    Raises:
        ConfigurationError: in one line, which variable is wrong.
    """
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        near = nearest(name, known) if name.startswith(PREFIX) and name not in known else None
        if near and _alike(name, near):
            raise ConfigurationError(f"{name} is no setting (did you mean {near}?)")
    try:
        return Settings()
    except ValidationError as error:
        finding = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{PREFIX}{str(part).upper()}: " for part in finding["loc"][:1])
        raise ConfigurationError(f"{where}{finding['msg'].removeprefix('Value error, ')}") from error


def given_settings() -> Settings:
    """The settings as they are given, also where production refuses them, for whoever wants to see why.

    Raises:
        ConfigurationError: one of them cannot be read in any environment.
    """
    try:
        return load_settings()
    except ConfigurationError:
        variable = f"{PREFIX}ENVIRONMENT"
        if os.environ.get(variable, "production") != "production":
            raise
        try:
            settings = Settings(environment="development").model_copy(update={"environment": "production"})
        except ValidationError:
            settings = None
        if settings is None:
            raise
        if variable not in os.environ:
            settings.model_fields_set.discard("environment")
        return settings


def other_variables() -> tuple[list[str], list[str]]:
    """Variables of ours that are no setting: those that hold keys of providers, and those that nothing reads."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    names = [name for name in sorted(os.environ) if name.startswith(PREFIX) and name not in known]
    keys = [name for name in names if _PROVIDER_KEY.fullmatch(name) and os.environ[name]]
    return keys, [name for name in names if name not in keys]


def _alike(name: str, other: str) -> bool:
    """Whether a name is a typo of another rather than a variable of somebody else's."""
    return SequenceMatcher(None, name.removeprefix(PREFIX), other.removeprefix(PREFIX)).ratio() >= _LIKELY_TYPO
