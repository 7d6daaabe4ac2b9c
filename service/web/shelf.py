"""The page's files in memory, plain and compressed once, each with its media type and strong ETags, under addresses that never change their content.

The modules import each other by relative names, so all of them stand below one folder that is named after the digest of them all: a
browser may keep what it got there for a year, and a new version is a new folder. Only the page itself is asked for again.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ASSETS = Path(__file__).with_name("assets")
PAGE = "index.html"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PLACE = b"{version}"


@dataclass(frozen=True, slots=True)
class Form:
    """The bytes of a file as they are sent; `etag` is a strong one, with its quotes: two forms are two."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and as gzip has it: every one is a text, and gets smaller."""

    media_type: str
    plain: Form
    packed: Form


@dataclass(frozen=True, slots=True)
class Shelf:
    """The page, and what it loads by name; `version` is the folder in which it looks for that."""

    page: Asset
    assets: dict[str, Asset]
    version: str


@cache
def shelf() -> Shelf:
    """Everything there is to serve, read once in a process."""
    files = {path.name: path.read_bytes() for path in sorted(ASSETS.iterdir()) if path.suffix in _MEDIA_TYPES}
    page = files.pop(PAGE)
    digest = hashlib.sha256()
    for name, body in files.items():
        digest.update(f"{name} {len(body)}\n".encode() + body)
    version = digest.hexdigest()[:16]
    return Shelf(
        _asset(PAGE, page.replace(_PLACE, version.encode())),
        {name: _asset(name, body) for name, body in files.items()},
        version,
    )


def _asset(name: str, body: bytes) -> Asset:
    # Without a time inside: every process makes the same bytes, and so the same tag.
    packed = gzip.compress(body, mtime=0)
    return Asset(_MEDIA_TYPES[Path(name).suffix], _form(body), _form(packed))


def _form(body: bytes) -> Form:
    return Form(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
