"""Logging in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.api.wire import Json, Login, read_body
from service.errors import InvalidRequest, Unauthenticated
from service.services import enter, services_of
from service.store.accounts import account_by_name
from service.store.revocations import revoke

router = APIRouter(prefix="/v1/auth")


@router.post("/token")
async def log_in(request: Request) -> Response:
    """Exchange name and password for a token; every failure looks the same and takes the same time."""
    services = services_of(request)
    login = await read_body(request, Login, services.deployment.limits.body_bytes)
    account = await services.store.read(lambda: account_by_name(login.username))
    known = account.password_hash if account else None
    matches = await services.passwords.matches(known, login.password)
    if account is None or not matches or account.disabled:
        raise Unauthenticated("Name or password is wrong", code="invalid_credentials")
    surroundings = services.surroundings
    token = services.signer.issue(account.id, surroundings.new_id(), surroundings.wall_clock())
    return Json(
        {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": int(services.signer.lifetime),
            "role": account.role,
        }
    )


@router.post("/logout", status_code=204)
async def log_out(request: Request) -> Response:
    """Revoke the token that came with the request; a key is revoked where keys are managed."""
    services = services_of(request)
    shown = (await enter(request, services)).credential
    if shown.kind != "token" or shown.expires_at is None:
        raise InvalidRequest("Only a token can be logged out; revoke a key at /v1/keys")
    ends, now = shown.expires_at, services.surroundings.wall_clock()
    await services.store.write(lambda: revoke(shown.id, ends, now))
    return Response(status_code=204)
