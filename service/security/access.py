"""Turns the credential of a request into the account behind it, as the account is now and not as it was when the credential was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import orjson

from service.errors import PermissionRequired, Unauthenticated
from service.security.carriers import Page, Shown, credential_shown
from service.security.keys import is_well_formed, key_digest
from service.store.access import Standing, standing
from service.store.keys import KeyHolder, key_holder
from service.values import value

if TYPE_CHECKING:
    from starlette.types import Scope

    from service.deployments.model import Deployment, Role
    from service.security.tokens import TokenSigner
    from service.store.store import Store

_MOST_SCOPES = 1024


@value
class Credential:
    """What a caller showed: a token or an API key. `expires_at` is in seconds since the epoch, None for a key without an end."""

    kind: Literal["token", "key"]
    id: str
    expires_at: float | None
    quota: str | None = None
    """The name of the quota that a key was given instead of its role's."""


@value
class Caller:
    """Who is asking: the account, its role as it is now, what this credential may do of what the role may, and the credential."""

    account_id: str
    role: Role
    permissions: frozenset[str]
    credential: Credential

    def require(self, permission: str) -> None:
        """Raises `PermissionRequired` unless the role and the credential have the permission."""
        if permission not in self.permissions:
            raise PermissionRequired(f"Permission '{permission}' required")

    def require_tool(self, tool: str) -> None:
        """Raises `PermissionRequired` unless the role may use the tool."""
        if tool not in self.role.tools:
            raise PermissionRequired(f"The role '{self.role.name}' may not use the tool '{tool}'")


class Gate:
    """Checks credentials against the database as it is at that moment: one query for a request, or one look that nothing has changed."""

    def __init__(
        self,
        store: Store,
        signer: TokenSigner,
        deployment: Deployment,
        wall_clock: Callable[[], float],
        page: Page,
        revoked: Callable[[str], bool] = lambda _id: False,
    ) -> None:
        self._store = store
        self._signer = signer
        self._roles = deployment.roles
        self._wall_clock = wall_clock
        self._scopes: dict[str, frozenset[str]] = {}
        self._revoked = revoked
        self.page = page

    async def enter(self, scope: Scope) -> Caller:
        """The caller of a request.

        Raises:
            Unauthenticated: no credential, or one that does not count.
            AmbiguousCredentials: more than one.
            OriginRefused: a change by cookie from another site's page.
            StorageUnavailable: the account cannot be read.
        """
        shown = credential_shown(scope["headers"], scope["method"], self.page)
        return await (self._by_token(shown) if shown.kind == "token" else self._by_key(shown))

    async def _by_token(self, shown: Shown) -> Caller:
        claims = self._signer.read(shown.text, self._wall_clock())
        if self._revoked(claims.jti):
            raise Unauthenticated("The token was revoked: log in again", code="token_revoked")
        key = ("standing", claims.account_id, claims.jti)
        kept = self._store.kept(key)
        account = (
            kept
            if isinstance(kept, Standing)
            else await self._store.read(lambda: standing(claims.account_id, claims.jti), key)
        )
        if account is not None and account.revoked:
            raise Unauthenticated("The token was revoked: log in again", code="token_revoked")
        if account is None or account.disabled:
            raise Unauthenticated("The account is not active")
        # Not by the moment it was made: the clock that closed the account may have been ahead, or the login under way.
        if claims.since != account.valid_after:
            raise Unauthenticated("The token was revoked: log in again", code="token_revoked")
        role = self._role(account.role)
        return Caller(claims.account_id, role, role.permissions, Credential("token", claims.jti, claims.expires_at))

    async def _by_key(self, shown: Shown) -> Caller:
        if not is_well_formed(shown.text):
            raise Unauthenticated("The API key is not valid")
        digest = key_digest(shown.text)
        name = ("key", digest)
        kept = self._store.kept(name)
        key = kept if isinstance(kept, KeyHolder) else await self._store.read(lambda: key_holder(digest), name)
        if key is None:
            raise Unauthenticated("The API key is not valid")
        if key.disabled:
            raise Unauthenticated("The account is not active")
        if key.revoked_at is not None:
            raise Unauthenticated("The API key was revoked", code="key_revoked")
        if key.expires_at is not None and key.expires_at <= self._wall_clock():
            raise Unauthenticated("The API key has expired", code="key_expired")
        role = self._role(key.role)
        # The role decides now: a key never keeps what its account has lost.
        permitted = role.permissions & self._parsed(key.scopes)
        return Caller(key.account_id, role, permitted, Credential("key", key.key_id, key.expires_at, key.quota))

    def _role(self, name: str) -> Role:
        role = self._roles.get(name)
        if role is None:
            raise Unauthenticated("The account's role does not exist in this deployment")
        return role

    def _parsed(self, scopes: str) -> frozenset[str]:
        known = self._scopes.get(scopes)
        if known is None:
            if len(self._scopes) >= _MOST_SCOPES:
                self._scopes.clear()
            known = self._scopes[scopes] = frozenset(orjson.loads(scopes))
        return known
