"""Switches for administrators."""

from __future__ import annotations

from fastapi import Request, Response

from service.api.routing import router_of
from service.api.wire import Json, Switch, read_body
from service.services import enter, services_of
from service.store.switches import EXTRACTIVE_ONLY

router = router_of("/v1/switches")


@router.get("/extractive-only")
async def show(request: Request) -> Response:
    """Whether every answer is written by the extractive engine."""
    services = services_of(request)
    (await enter(request, services)).require("admin")
    return Json({"switch": EXTRACTIVE_ONLY, "on": services.switches.extractive_only})


@router.put("/extractive-only")
async def turn(request: Request) -> Response:
    """Move all traffic to the extractive engine, or back; durable, and seen by every worker within a second."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("admin")
    wanted = await read_body(request, Switch, services.deployment.limits.body_bytes)
    await services.switches.turn(on=wanted.on, now=services.surroundings.wall_clock(), by=caller.account_id)
    return Json({"switch": EXTRACTIVE_ONLY, "on": services.switches.extractive_only})
