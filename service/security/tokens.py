"""Bearer tokens: JWT signed with HS256, short-lived, and only ever read with every claim checked."""

from __future__ import annotations

from dataclasses import dataclass

import jwt

from service.errors import Unauthenticated

ISSUER = "courtsight"
AUDIENCE = "courtsight-api"
_ALGORITHM = "HS256"
_REQUIRED = ["exp", "nbf", "iat", "iss", "aud", "sub", "jti"]
_LEEWAY_SECONDS = 5
_INVALID = "The token is not valid: log in again"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose it is, its own id, and when it was made and ends (seconds since the epoch)."""

    account_id: str
    jti: str
    issued_at: float
    expires_at: float


class TokenSigner:
    """Makes and reads tokens with one secret."""

    def __init__(self, secret: str, lifetime: float) -> None:
        """Keep the secret.

        Args:
            secret: at least 32 bytes; the settings have checked that.
            lifetime: seconds for which a token is valid.
        """
        self._secret = secret
        self.lifetime = lifetime

    def issue(self, account_id: str, jti: str, now: float) -> str:
        """A token for an account, valid from now on."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account_id,
            "jti": jti,
            "iat": now,
            "nbf": int(now),
            "exp": int(now + self.lifetime),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def read(self, token: str, now: float) -> Claims:
        """The claims of a token.

        Args:
            token: the compact form.
            now: seconds since the epoch. PyJWT would look at the machine's clock itself, so times are checked here.

        Raises:
            Unauthenticated: expired, or not one that this service made; a revoked one is the caller's to find.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthenticated(_INVALID) from error
        return self._timely(claims, now)

    def _timely(self, claims: dict[str, object], now: float) -> Claims:
        """Times must be numbers, in order, around now, and no further apart than we would have put them."""
        issued, begins, ends = (_seconds(claims[name]) for name in ("iat", "nbf", "exp"))
        if ends <= now:
            raise Unauthenticated("The token has expired: log in again", code="token_expired")
        too_early = max(issued, begins) > now + _LEEWAY_SECONDS
        if too_early or ends - issued > self.lifetime + _LEEWAY_SECONDS:
            raise Unauthenticated(_INVALID)
        return Claims(account_id=str(claims["sub"]), jti=str(claims["jti"]), issued_at=issued, expires_at=ends)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated(_INVALID)
    return float(value)
