"""Bearer tokens: JWT signed with HS256, short-lived, and only ever read with every claim checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from service.errors import Unauthenticated

if TYPE_CHECKING:
    from jwt.types import Options

    from service.security.keyring import KeyRing, RotatingRing

ISSUER = "courtsight"
AUDIENCE = "courtsight-api"
_ALGORITHM = "HS256"
_REQUIRED = ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "since"]
_LEEWAY_SECONDS = 5
_INVALID = "The token is not valid: log in again"
_EXPIRED = "The token has expired: log in again"
# PyJWT would look at the machine's clock itself, and believes an `exp` of 10**30: times are checked here.
_OPTIONS: Options = {"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
_MOST_KNOWN = 4096
"""Tokens whose signature is remembered, some 2 kB each; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose it is, its own id, and when it ends (seconds since the epoch).

    `since` is the account's `tokens_valid_after` as it was at the login: whether that has changed is asked of no clock.
    """

    account_id: str
    jti: str
    expires_at: float
    since: float


class TokenSigner:
    """Makes and reads tokens with the secrets of a ring.

    A signature that was found good is remembered by the whole token, so that its next request costs a look-up. What may change
    (time, revocation, the account) is asked anew each time, and a change of the ring forgets everything.
    """

    def __init__(self, ring: RotatingRing, lifetime: float) -> None:
        """Keep the ring.

        Args:
            ring: secrets of at least 32 bytes; the settings have checked that.
            lifetime: seconds for which a token is valid.
        """
        self.ring = ring
        self.lifetime = lifetime
        self._known: dict[str, Claims] = {}
        self._known_by: KeyRing = ring.current

    def issue(self, account_id: str, jti: str, now: float, since: float = 0.0) -> str:
        """A token for an account, valid from now on, and as long as the account's `tokens_valid_after` is `since`."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account_id,
            "jti": jti,
            "since": since,
            "iat": now,
            "nbf": int(now),
            "exp": int(now + self.lifetime),
        }
        ring = self.ring.current
        return jwt.encode(claims, ring.secret, algorithm=_ALGORITHM, headers={"kid": ring.signing})

    def read(self, token: str, now: float) -> Claims:
        """The claims of a token.

        Args:
            token: the compact form.
            now: seconds since the epoch.

        Raises:
            Unauthenticated: expired, or not one that this service made; a revoked one is the caller's to find.
        """
        if self._known_by is not self.ring.current:
            self._known_by = self.ring.current
            self._known.clear()
        known = self._known.get(token)
        if known is None:
            known = self._timely(self._verified(token), now)
            if len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[token] = known
        elif known.expires_at <= now:
            del self._known[token]
            raise Unauthenticated(_EXPIRED, code="token_expired")
        return known

    def _verified(self, token: str) -> dict[str, Any]:
        failure: Exception | None = None
        for secret in self._secrets_for(token):
            try:
                return jwt.decode(
                    token, secret, algorithms=[_ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=_OPTIONS
                )
            except (jwt.InvalidTokenError, ValueError) as error:
                failure = error
        raise Unauthenticated(_INVALID) from failure

    def _secrets_for(self, token: str) -> Iterable[str]:
        """The secret that the token's `kid` names, which is only ever a name in our own ring; all of them without a `kid`."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError):
            return ()
        if "kid" not in header:
            return self.ring.current.secrets.values()
        kid = header["kid"]
        if kid not in self.ring.current.secrets:
            # Another worker may have seen a rotated file a moment earlier.
            self.ring.look()
        secret = self.ring.current.secrets.get(kid)
        return () if secret is None else (secret,)

    def _timely(self, claims: dict[str, object], now: float) -> Claims:
        """Times must be numbers, in order, around now, and no further apart than we would have put them."""
        issued, begins, ends = (_seconds(claims[name]) for name in ("iat", "nbf", "exp"))
        if ends <= now:
            raise Unauthenticated(_EXPIRED, code="token_expired")
        too_early = max(issued, begins) > now + _LEEWAY_SECONDS
        if too_early or ends - issued > self.lifetime + _LEEWAY_SECONDS:
            raise Unauthenticated(_INVALID)
        return Claims(str(claims["sub"]), str(claims["jti"]), ends, _seconds(claims["since"]))


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated(_INVALID)
    return float(value)
