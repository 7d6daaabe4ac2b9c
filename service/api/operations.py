"""For probes, for whoever is on call, and for Prometheus."""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import Request, Response

from service import __version__
from service.accepting import takes_gzip
from service.api.routing import router_of
from service.api.wire import Json
from service.dependencies import Found, health, performance
from service.errors import Unauthenticated
from service.services import Services, enter, services_of

router = router_of()


@router.get("/health/live")
async def live(_: Request) -> Response:
    """Answers while the process does."""
    return Json({"status": "alive"})


@router.head("/health/live")
async def live_head(request: Request) -> Response:
    """The same without its body, as watchers of uptime and `curl -I` ask."""
    return _without_body(await live(request))


@router.get("/health/ready")
async def ready(request: Request) -> Response:
    """Whether questions can be answered and saved right now."""
    services = services_of(request)
    found = await services.dependencies.look()
    checks = {one.name: "ok" if one.ok else "failing" for one in found if one.essential}
    is_ready = services.life.ready and set(checks.values()) == {"ok"}
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
        "phase": _phase(services),
        "checks": checks,
    }
    return Json(body, status_code=200 if is_ready else 503)


@router.head("/health/ready")
async def ready_head(request: Request) -> Response:
    """The same without its body."""
    return _without_body(await ready(request))


@router.get("/health")
async def short_health(request: Request) -> Response:
    """How the service does, in a word for itself and for each dependency."""
    services = services_of(request)
    found = await services.dependencies.look()
    dependencies = {one.name: {"status": _word(one)} for one in found}
    return _health(services, found, {"dependencies": dependencies})


@router.head("/health")
async def short_health_head(request: Request) -> Response:
    """The same without its body."""
    return _without_body(await short_health(request))


@router.get("/health/detailed")
async def detailed_health(request: Request) -> Response:
    """Every dependency with its latency, and the figures of the last hour of all workers."""
    services = services_of(request)
    if services.open_metrics.detailed_closed and not _shows_token(request, services):
        caller = await enter(request, services)
        caller.require("admin")
    found = await services.dependencies.look()
    siblings = services.life.siblings
    figures = await siblings.figures() if siblings else [services.figures.now()]
    dependencies = {one.name: {"status": _word(one), "latency_seconds": round(one.latency_seconds, 6)} for one in found}
    return _health(services, found, {"dependencies": dependencies, "performance": performance(figures)})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The page for Prometheus. Several workers give one page."""
    services = services_of(request)
    if services.open_metrics.token and not _shows_token(request, services):
        raise Unauthenticated("The metrics of this installation need their token: Authorization: Bearer <token>.")
    # A scraper may send either header in several lines.
    accept = ",".join(request.headers.getlist("accept"))
    packed = takes_gzip(",".join(request.headers.getlist("accept-encoding")))
    if services.life.siblings:
        page, media_type = await services.life.siblings.page(accept, packed=packed)
    else:
        services.metrics.active.forget_old()
        page, media_type = await services.metrics.page(accept, packed=packed)
    coding = {"Content-Encoding": "gzip"} if packed else {}
    return Response(page, headers={"Content-Type": media_type, "Vary": "Accept, Accept-Encoding", **coding})


def _without_body(answer: Response) -> Response:
    return Response(status_code=answer.status_code, headers=dict(answer.headers))


def _shows_token(request: Request, services: Services) -> bool:
    shown = request.headers.get("authorization", "").encode()
    token = services.open_metrics.token
    return bool(token) and hmac.compare_digest(shown, f"Bearer {token}".encode())


def _phase(services: Services) -> str:
    if services.life.draining:
        return "draining"
    return "serving" if services.life.warm else "warming"


def _word(found: Found) -> str:
    return "healthy" if found.ok else "unhealthy"


def _health(services: Services, found: list[Found], more: dict[str, Any]) -> Response:
    status = health(found)
    body = {
        "status": status,
        "service": "courtsight",
        "version": __version__,
        "uptime_seconds": services.figures.uptime(),
        **more,
    }
    return Json(body, status_code=503 if status == "unhealthy" else 200)
