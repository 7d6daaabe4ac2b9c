"""Which limits hold for whom, as a deployment says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from service.quotas.limits import Kind, Limit

LOAD_TEST = "load-test"
"""The named quota of whoever calls from a network that the installation measures from."""


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """The limits of a deployment.

    `address`, `key` and `session` hold for everybody, `roles` for each account by its role. A key that was given a name out of `named`
    has those limits instead of `key` and of its role's. `exempt` are the paths that are never counted: probes and metrics.
    """

    address: tuple[Limit, ...]
    session: tuple[Limit, ...]
    key: tuple[Limit, ...]
    roles: Mapping[str, tuple[Limit, ...]]
    named: Mapping[str, tuple[Limit, ...]]
    exempt: frozenset[str]

    def limits(self, kind: Kind, role: str, name: str | None) -> tuple[Limit, ...]:
        """The limits of a kind for a caller: by the name of a quota when it has one that this deployment knows, else the usual ones."""
        if name is not None and name in self.named:
            return tuple(replace(limit, kind=kind, name=f"{kind}-{limit.name}") for limit in self.named[name])
        if kind == "user":
            return self.roles.get(role, ())
        return {"address": self.address, "session": self.session, "key": self.key}[kind]
