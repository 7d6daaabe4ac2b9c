"""`Idempotency-Key` on the routes that answer questions: a request that is sent again gets the answer that the first one got."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import orjson
from starlette.requests import Request

from service.api.wire import headers_of
from service.errors import FieldError, InvalidRequest, KeyBusy, Problem
from service.rounds import ended
from service.store.idempotency import LEASE_SECONDS, Claim, Stored, look, release, renew, take
from service.store.store import Store

HEADER = "Idempotency-Key"
_HEADER = HEADER.lower().encode()
REPLAYED = "Idempotency-Replayed"
WAIT_SECONDS = 20.0
"""How long a request waits for another one with its key: longer than a lease, so that a killed process is outwaited."""
_RENEW_SECONDS = LEASE_SECONDS / 3
_FIRST_LOOK_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_SHAPE = re.compile(r"[\x21-\x7e]{1,255}")


def key_of(request: Request) -> str | None:
    """The request's key, None when it has none.

    Raises:
        InvalidRequest: it is not 1 to 255 visible ASCII characters, or there are two.
    """
    keys = headers_of(request, _HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not _SHAPE.fullmatch(keys[0]):
        raise InvalidRequest(
            f"Invalid {HEADER}",
            errors=[FieldError(HEADER, "Must be one key of 1 to 255 visible ASCII characters, such as a UUID")],
        )
    return keys[0]


def fingerprint(route: str, raw: bytes) -> str:
    """Tells two requests apart by route and body; the order of members and the space between them do not count."""
    try:
        body = orjson.dumps(orjson.loads(raw or b"{}"), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # Members that nobody asked for may lie deeper than is written again (254): such a body is told by its bytes.
        body = raw
    return hashlib.sha256(route.encode() + b"\n" + body).hexdigest()


class Keys:
    """Claims keys, waits for those of others, and holds what was claimed while it is answered."""

    def __init__(self, store: Store, wall_clock: Callable[[], float]) -> None:
        self._store = store
        self._wall_clock = wall_clock

    async def claim(self, claim: Claim) -> Stored | None:
        """Claim a key; gives its answer when there is one, at the latest when who answers it has ended or was killed.

        Raises:
            KeyMismatch: the key was used for another request.
            KeyBusy: it is still being answered after `WAIT_SECONDS`.
            StorageUnavailable: nothing is claimed.
        """
        pause = _FIRST_LOOK_SECONDS
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        while True:
            try:
                return await self._store.write(lambda: take(claim, self._wall_clock()))
            except KeyBusy:
                if loop.time() >= until:
                    raise
            while loop.time() < until:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
                # A look costs no write; only a key that is answered or free again is worth one.
                with suppress(KeyBusy):
                    stored = await self._store.read(lambda: look(claim, self._wall_clock()))
                    if stored is not None:
                        return stored
                    break

    @asynccontextmanager
    async def holding(self, claim: Claim) -> AsyncIterator[None]:
        """Renews a claim while its answer is made, and gives the key back when none was kept."""
        renewing = asyncio.create_task(self._renew(claim))
        try:
            yield
        finally:
            await ended(renewing)
            # Changes nothing once the answer is kept. A database that takes no writes lets the lease run out instead.
            with suppress(Problem):
                await self._store.write(lambda: release(claim))

    async def _renew(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(Problem):
                await self._store.write(lambda: renew(claim, self._wall_clock()))
