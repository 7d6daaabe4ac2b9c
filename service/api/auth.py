"""Logging in and out, and who one is."""

from __future__ import annotations

from fastapi import Request, Response

from service.api.routing import router_of
from service.api.wire import Json, Login, moment, read_body
from service.errors import InvalidRequest, OriginRefused, TooBusy, Unauthenticated
from service.security.addresses import client_address
from service.services import Services, enter, services_of
from service.store.accounts import Account, account_by_id, account_by_name
from service.store.audit import note
from service.store.revocations import revoke
from service.store.work import Work
from service.telemetry.logging import pseudonym
from service.telemetry.record import record_of

router = router_of("/v1/auth")


@router.post("/token")
async def log_in(request: Request) -> Response:
    """Exchange name and password for a token; every failure looks the same and takes the same time."""
    services = services_of(request)
    login = await read_body(request, Login, services.deployment.limits.body_bytes)
    if login.cookie:
        _refuse_other_pages(request, services)
    account = await _known(request, services, login)
    return _welcome(services, account, cookie=login.cookie)


async def _known(request: Request, services: Services, login: Login) -> Account:
    """The account whose name and password these are.

    Raises:
        Unauthenticated: they are nobody's.
        TooBusy: this name or address failed too often of late, or too many log in at once.
    """
    record, limits, name = record_of(request.scope), services.logins, login.username
    address = client_address(request.scope, services.proxies)
    wait = await limits.begin(name, address, services.surroundings.wall_clock())
    if wait > 0:
        services.note(record, "login_delayed", _seen(services, name, address))
        raise TooBusy("Too many logins of late. Try again when Retry-After has passed.", retry_after_seconds=wait)
    account = await services.store.read(lambda: account_by_name(name))
    try:
        matches = await services.passwords.matches(account.password_hash if account else None, login.password)
    except TooBusy:
        services.note(record, "login_delayed", _seen(services, name, address))
        raise
    if account is None or not matches or account.disabled:
        await limits.failed(name, address, services.surroundings.wall_clock())
        services.note(record, "login_failed", _seen(services, name, address))
        raise Unauthenticated("Name or password is wrong", code="invalid_credentials")
    await limits.passed(name)
    record.account_id = account.id
    services.note(record, "login", _seen(services, name, address))
    return account


def _seen(services: Services, name: str, address: str) -> str:
    """Who tried, so that attempts can be joined and nobody is named: people type passwords into the field for names."""
    return f"name {pseudonym(services.log_key, name)} address {pseudonym(services.log_key, address)}"


def _refuse_other_pages(request: Request, services: Services) -> None:
    """Another site must not log a browser in as somebody of its choice. A program that sends no `Origin` is no browser."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    try:
        services.gate.page.check_origin(origin, request.headers.get("host", ""))
    except OriginRefused as problem:
        services.note(record_of(request.scope), "credential_refused", f"{problem.code}: {problem.detail}")
        raise


def _welcome(services: Services, account: Account, *, cookie: bool) -> Response:
    surroundings, seconds = services.surroundings, int(services.signer.lifetime)
    token = services.signer.issue(
        account.id, surroundings.new_id(), surroundings.wall_clock(), account.tokens_valid_after
    )
    if cookie:
        headers = {"Set-Cookie": services.gate.page.set_cookie(token, seconds)}
        return Json({"expires_in": seconds, "role": account.role}, headers=headers)
    return Json({"access_token": token, "token_type": "bearer", "expires_in": seconds, "role": account.role})


@router.post("/logout", status_code=204)
async def log_out(request: Request) -> Response:
    """Revoke the token that came with the request, and clear its cookie; a key is revoked where keys are managed."""
    services = services_of(request)
    shown = (await enter(request, services)).credential
    if shown.kind != "token" or shown.expires_at is None:
        raise InvalidRequest("Only a token can be logged out; revoke a key at /v1/keys")
    ends, now = shown.expires_at, services.surroundings.wall_clock()
    record = record_of(request.scope)

    def job() -> Work[None]:
        yield from revoke(shown.id, ends, now)
        yield from note(now, "logout", "", actor=record.account_id or "", request_id=record.request_id)

    await services.store.write(job)
    await services.sharing.news.tell(shown.id)
    return Response(status_code=204, headers={"Set-Cookie": services.gate.page.set_cookie("", 0)})


@router.get("/me")
async def who_am_i(request: Request) -> Response:
    """The caller: name, role, and what this credential may do; a page shows and hides by it."""
    services = services_of(request)
    caller = await enter(request, services)
    account = await services.store.read(lambda: account_by_id(caller.account_id))
    if account is None:
        raise Unauthenticated("The account is not active")
    ends = caller.credential.expires_at
    return Json(
        {
            "username": account.username,
            "role": caller.role.name,
            "permissions": sorted(caller.permissions),
            "tools": sorted(caller.role.tools) if "read" in caller.permissions else [],
            "expires_at": None if ends is None else moment(ends),
        }
    )
