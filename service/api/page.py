"""The chat page and what it loads; open to everybody, because whoever wants to log in is not known yet."""

from __future__ import annotations

from fastapi import Request, Response

from service.accepting import takes_gzip
from service.api.routing import router_of
from service.errors import NotFound
from service.web.shelf import Asset, Form, shelf

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


@router.head("/")
async def page_head(request: Request) -> Response:
    """What the page would be sent with."""
    return await page(request)


@router.get("/assets/{version}/{name}")
async def asset(request: Request, version: str, name: str) -> Response:
    """A file of the page. One of another version is answered with what there is, to be asked for again: two versions may serve side by side."""
    held = shelf()
    found = held.assets.get(name)
    if found is None:
        raise NotFound("The page has no such file")
    return _answer(request, found, _KEPT if version == held.version else _ASKED_AGAIN)


@router.head("/assets/{version}/{name}")
async def asset_head(request: Request, version: str, name: str) -> Response:
    """What a file of the page would be sent with."""
    return await asset(request, version, name)


def _answer(request: Request, asset: Asset, caching: str) -> Response:
    form, coding = _form_for(request.headers.get("accept-encoding", ""), asset)
    headers = {
        "ETag": form.etag,
        "Cache-Control": caching,
        "Content-Security-Policy": POLICY,
        "Vary": "Accept-Encoding",
    }
    if _held(request.headers.get("if-none-match", ""), form.etag):
        return Response(status_code=304, headers=headers)
    if coding:
        headers["Content-Encoding"] = coding
    if request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(len(form.body))}, media_type=asset.media_type)
    return Response(form.body, headers=headers, media_type=asset.media_type)


def _form_for(accepted: str, asset: Asset) -> tuple[Form, str]:
    """The form that a client may be sent, and its coding."""
    return (asset.packed, "gzip") if takes_gzip(accepted) else (asset.plain, "")


def _held(condition: str, etag: str) -> bool:
    """Whether a browser has this already; a proxy that compressed the body weakens the tag on its way (RFC 9110, 13.1.2)."""
    return condition.strip() == "*" or etag in [one.strip().removeprefix("W/") for one in condition.split(",")]
