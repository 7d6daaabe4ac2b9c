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

    def read(self, token: str) -> Claims:
        """The claims of a token.

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
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("The token has expired: log in again", code="token_expired") from error
        except (jwt.InvalidTokenError, ValueError, OverflowError) as error:
            raise Unauthenticated("The token is not valid: log in again") from error
        return self._checked(claims)

    def _checked(self, claims: dict[str, object]) -> Claims:
        """PyJWT accepts an expiry a billion years ahead: one that we would not have given is refused."""
        try:
            found = Claims(
                account_id=str(claims["sub"]),
                jti=str(claims["jti"]),
                issued_at=float(str(claims["iat"])),
                expires_at=float(str(claims["exp"])),
            )
        except ValueError as error:
            raise Unauthenticated("The token is not valid: log in again") from error
        if found.expires_at - found.issued_at > self.lifetime + _LEEWAY_SECONDS:
            raise Unauthenticated("The token is not valid: log in again")
        return found
