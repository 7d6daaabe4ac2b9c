"""For probes and Prometheus."""

from __future__ import annotations

import asyncio
import hmac

from fastapi import APIRouter, Request, Response

from service import __version__
from service.api.wire import Json
from service.errors import Problem, Unauthenticated
from service.services import services_of

router = APIRouter()


@router.get("/health/live")
async def live() -> Response:
    """Answers while the process does."""
    return Json({"status": "alive"})


@router.get("/health/ready")
async def ready(request: Request) -> Response:
    """Whether questions can be answered and saved right now."""
    services = services_of(request)
    checks = {"database": "ok", "index": "ok" if services.shelf.current.holdings.documents else "failing"}
    for name, check in (("database", services.store.check), ("index", services.shelf.current.check)):
        try:
            await check()
        except Problem:
            checks[name] = "failing"
    is_ready = set(checks.values()) == {"ok"}
    if services.sharing.link is not None:
        # Without it the service goes on by itself: told, and no reason to send questions elsewhere.
        checks["redis"] = "ok" if services.sharing.link.up else "degraded"
    holdings = services.shelf.current.holdings
    body = {
        "status": "ready" if is_ready else "not_ready",
        "version": __version__,
        "deployment": services.deployment.name,
        "engine": services.answerer.engine.name,
        "corpus": {
            "hash": holdings.hash,
            "documents": holdings.documents,
            "demo": holdings.demo,
            "unverified": holdings.unverified,
        },
        "checks": checks,
    }
    return Json(body, status_code=200 if is_ready else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The page for Prometheus, rendered beside the event loop: it takes milliseconds."""
    services = services_of(request)
    token = services.metrics_token
    shown = request.headers.get("authorization", "")
    if token and not hmac.compare_digest(shown.encode("latin-1", "replace"), f"Bearer {token}".encode()):
        raise Unauthenticated("Send 'Authorization: Bearer <token>' with the token of COURTSIGHT_METRICS_TOKEN")
    services.metrics.active.forget_old()
    accept = request.headers.get("accept", "")
    page, media_type = await asyncio.get_running_loop().run_in_executor(None, services.metrics.render, accept)
    return Response(page, headers={"Content-Type": media_type})
