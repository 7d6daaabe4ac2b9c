"""The part of a deployment's YAML that says how often somebody may ask."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from service.deployments.model import ROLES
from service.quotas.limits import Kind, Limit
from service.quotas.rules import QuotaRules

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Path = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.-]{0,99}$")]
RoleName = Literal["admin", "judge", "lawyer", "researcher", "public"]


class _Limit(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    requests: int = Field(ge=1, le=100_000_000)
    seconds: int = Field(ge=1, le=2_592_000)


class QuotasFile(BaseModel):
    """`quotas:` of a deployment."""

    model_config = ConfigDict(extra="forbid", strict=True)
    address: list[_Limit]
    session: list[_Limit]
    key: list[_Limit]
    roles: dict[RoleName, list[_Limit]]
    named: dict[Name, list[_Limit]]
    exempt: list[Path]

    @model_validator(mode="after")
    def _every_role_has_its_limits(self) -> QuotasFile:
        if missing := [name for name in ROLES if name not in self.roles]:
            raise ValueError(f"quotas.roles lacks {', '.join(missing)}")
        return self


def quota_rules(read: QuotasFile) -> QuotaRules:
    """The limits that a deployment's file means."""
    return QuotaRules(
        address=_limits("address", "address", read.address),
        session=_limits("session", "session", read.session),
        key=_limits("key", "key", read.key),
        roles={name: _limits("user", f"user-{name}", limits) for name, limits in read.roles.items()},
        named={name: _limits("key", name, limits) for name, limits in read.named.items()},
        exempt=frozenset(read.exempt),
    )


def _limits(kind: Kind, name: str, read: list[_Limit]) -> tuple[Limit, ...]:
    return tuple(Limit(kind, f"{name}-{one.seconds}s", one.requests, float(one.seconds)) for one in read)
