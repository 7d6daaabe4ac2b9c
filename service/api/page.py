"""The chat page and what it loads; open to everybody, because whoever wants to log in is not known yet."""

from __future__ import annotations

from fastapi import Request, Response

from service.api.routing import router_of
from service.errors import NotFound
from service.web.shelf import Asset, shelf

router = router_of()

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Scripts, styles and requests of this origin alone, nothing inline, and no string ever becomes markup."""
_ASKED_AGAIN = "no-cache"
_KEPT = "public, max-age=31536000, immutable"


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself; a browser keeps it, and asks each time whether it is still the one."""
    return _answer(request, shelf().page, _ASKED_AGAIN)


@router.get("/assets/{version}/{name}")
async def asset(request: Request, version: str, name: str) -> Response:
    """A file of the page. One of another version is answered with what there is, to be asked for again: two versions may serve side by side."""
    held = shelf()
    found = held.assets.get(name)
    if found is None:
        raise NotFound("The page has no such file")
    return _answer(request, found, _KEPT if version == held.version else _ASKED_AGAIN)


def _answer(request: Request, asset: Asset, caching: str) -> Response:
    headers = {"ETag": asset.etag, "Cache-Control": caching, "Content-Security-Policy": POLICY}
    if _held(request.headers.get("if-none-match", ""), asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


def _held(condition: str, etag: str) -> bool:
    """Whether a browser has this already; a proxy that compressed the body weakens the tag on its way (RFC 9110, 13.1.2)."""
    return condition.strip() == "*" or etag in [one.strip().removeprefix("W/") for one in condition.split(",")]
