"""API keys of the caller. A key is shown once, when it is made; making and revoking need a login, so that no key outlives itself."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response

from service.api.routing import router_of
from service.api.wire import Json, NewKey, moment, read_body
from service.deployments.model import PERMISSIONS
from service.errors import FieldError, InvalidRequest, NotFound, PermissionRequired
from service.sanitising import cleaned_line
from service.security.access import Caller
from service.security.keys import make_key
from service.services import Services, enter, services_of
from service.store.keys import ApiKey, find_key, insert_key_among, keys_of, revoke_key
from service.store.work import Work
from service.telemetry.record import record_of

router = router_of("/v1/keys")
_MOST_LIVE = 50
_DEFAULT_SECONDS = 90 * 86_400.0
"""Keys are to be changed every ninety days; whoever wants another end says so."""
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""A moment behind the year 9999, in some time zone, could never be shown again."""


@router.get("")
async def list_own(request: Request) -> Response:
    """The caller's keys, newest first, without the keys themselves."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    found = await services.store.read(lambda: keys_of(caller.account_id))
    return Json({"keys": [key_fields(key) for key in found]})


@router.post("", status_code=201)
async def create(request: Request) -> Response:
    """Make a key that may do no more than its maker; the answer is the only one that shows it."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    _require_login(caller)
    body = await read_body(request, NewKey, services.deployment.limits.body_bytes)
    now = services.surroundings.wall_clock()
    scopes = _scopes(caller, body.scopes)
    _check_quota(services, caller, body.quota)
    name = cleaned_line(body.name)
    if not name:
        raise InvalidRequest("Invalid name", errors=[FieldError("name", "Must hold something that can be seen")])
    made = make_key(secrets.token_bytes)
    key = ApiKey(
        services.surroundings.new_id(),
        caller.account_id,
        name,
        made.hint,
        scopes,
        body.quota,
        now,
        _end(body, now),
        None,
    )
    request_id = record_of(request.scope).request_id

    def job() -> Work[None]:
        added = yield from insert_key_among(key, made.digest, _MOST_LIVE, by=caller.account_id, request_id=request_id)
        if not added:
            raise InvalidRequest(f"An account has at most {_MOST_LIVE} keys: revoke one that is not used any more")

    await services.store.write(job)
    return Json({**key_fields(key), "key": made.text}, status_code=201)


@router.delete("/{key_id}", status_code=204)
async def revoke(request: Request, key_id: str) -> Response:
    """Void a key at once: one's own, or anybody's with permission `admin`. A stranger's looks missing."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    _require_login(caller)
    now, request_id = services.surroundings.wall_clock(), record_of(request.scope).request_id

    def job() -> Work[None]:
        key = yield from find_key(key_id)
        if key is None or (key.account_id != caller.account_id and "admin" not in caller.permissions):
            raise NotFound("No key of yours has this id")
        yield from revoke_key(key_id, now, by=caller.account_id, request_id=request_id)

    await services.store.write(job)
    return Response(status_code=204)


def key_fields(key: ApiKey) -> dict[str, Any]:
    """A key as its owner sees it later."""
    return {
        "key_id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": list(key.scopes),
        "quota": key.quota,
        "created_at": moment(key.created_at),
        "expires_at": None if key.expires_at is None else moment(key.expires_at),
        "revoked_at": None if key.revoked_at is None else moment(key.revoked_at),
    }


def _require_login(caller: Caller) -> None:
    """A key that leaked must not make its own successor, nor take its owner's other keys away."""
    if caller.credential.kind != "token":
        raise PermissionRequired("Keys are made and revoked with a login, not with another key")


def _check_quota(services: Services, caller: Caller, quota: str | None) -> None:
    """A quota of the deployment; nobody lifts their own limits by naming a larger one."""
    if quota is None:
        return
    caller.require("admin")
    named = services.deployment.quotas.named
    if quota not in named:
        known = ", ".join(sorted(named)) or "none"
        raise InvalidRequest("There is no such quota", errors=[FieldError("quota", f"The deployment has: {known}")])


def _scopes(caller: Caller, wanted: list[str] | None) -> tuple[str, ...]:
    """What the key may do: all that its maker may when nothing is said, and never more."""
    if wanted is None:
        return tuple(sorted(caller.permissions))
    if unknown := sorted(set(wanted) - set(PERMISSIONS)):
        raise InvalidRequest(
            "There is no such permission",
            errors=[FieldError("scopes", f"Unknown: {', '.join(unknown)}; there is {', '.join(PERMISSIONS)}")],
        )
    for scope in sorted(set(wanted)):
        caller.require(scope)
    return tuple(sorted(set(wanted)))


def _end(body: NewKey, now: float) -> float | None:
    if "expires_at" not in body.model_fields_set:
        return now + _DEFAULT_SECONDS
    if body.expires_at is None:
        return None
    return _future(body.expires_at, now)


def _future(wanted: datetime, now: float) -> float:
    if wanted.tzinfo is None or not now < wanted.timestamp() < _LATEST:
        advice = "Must be a future moment with a time zone, like 2027-01-31T00:00:00Z; null for a key without an end"
        raise InvalidRequest("A key must end in the future", errors=[FieldError("expires_at", advice)])
    return wanted.timestamp()
