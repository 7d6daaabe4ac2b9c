"""Turns a bearer token into the account behind it, as the account is now and not as it was when the token was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.errors import PermissionRequired, Unauthenticated
from service.store.accounts import Account, account_by_id
from service.store.revocations import is_revoked

if TYPE_CHECKING:
    from service.deployments.model import Deployment, Role
    from service.security.tokens import Claims, TokenSigner
    from service.store.store import Store
    from service.store.work import Work


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller showed: a token or an API key. `expires_at` is in seconds since the epoch, None for a key without an end."""

    kind: Literal["token", "key"]
    id: str
    expires_at: float | None
    quota: str | None = None
    """The name of the quota that a key was given instead of its role's."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the account, its role as it is now, what this credential may do of what the role may, and the credential."""

    account_id: str
    role: Role
    permissions: frozenset[str]
    credential: Credential

    def require(self, permission: str) -> None:
        """Raises `PermissionRequired` unless the role has the permission."""
        if permission not in self.permissions:
            raise PermissionRequired(f"Permission '{permission}' required")

    def require_tool(self, tool: str) -> None:
        """Raises `PermissionRequired` unless the role may use the tool."""
        if tool not in self.role.tools:
            raise PermissionRequired(f"The role '{self.role.name}' may not use the tool '{tool}'")


class Gate:
    """Checks tokens against the database."""

    def __init__(
        self, store: Store, signer: TokenSigner, deployment: Deployment, wall_clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._signer = signer
        self._roles = deployment.roles
        self._wall_clock = wall_clock

    async def enter(self, authorization: str | None) -> Caller:
        """The caller behind an `Authorization` header.

        Raises:
            Unauthenticated: no token, or one that does not count.
            StorageUnavailable: the account cannot be read.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send 'Authorization: Bearer <token>'; POST /v1/auth/token gives one")
        claims = self._signer.read(token.strip(), self._wall_clock())
        account = await self._store.read(lambda: self._account(claims))
        role = self._roles.get(account.role)
        if role is None:
            raise Unauthenticated("The account's role does not exist in this deployment")
        return Caller(account.id, role, role.permissions, Credential("token", claims.jti, claims.expires_at))

    def _account(self, claims: Claims) -> Work[Account]:
        if (yield from is_revoked(claims.jti)):
            raise Unauthenticated("The token was revoked: log in again", code="token_revoked")
        account = yield from account_by_id(claims.account_id)
        if account is None or account.disabled:
            raise Unauthenticated("The account is not active")
        if claims.issued_at < account.tokens_valid_after:
            raise Unauthenticated("The token was revoked: log in again", code="token_revoked")
        return account
