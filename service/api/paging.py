"""Lists by the page: how long a page is, and where the next one begins.

A cursor says behind which row to go on, so that rows which come or go meanwhile neither repeat nor hide others. It is no secret and no
right: every query names its owner, whatever the cursor says.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from starlette.requests import Request

from service.errors import FieldError, InvalidRequest
from service.store.naming import is_id

Row = TypeVar("Row")
MOST_PARAMETERS = 100
MOST_QUERY_BYTES = 16_384
"""What is around them may have 64 KiB; to take a query of that size apart cost up to 80 ms."""
_LONGEST_CURSOR = 400
_LARGEST_PLACE = 2**53


def told_once(request: Request, name: str) -> str | None:
    """What the query says under a name, None when it says nothing.

    Raises:
        InvalidRequest: it says it twice, and to take one of the two would be to guess; or the query is longer than anybody writes.
    """
    query = request.scope["query_string"]
    # Most requests have no query at all, and reading one makes a list of it.
    if not query:
        return None
    if len(query) > MOST_QUERY_BYTES or query.count(b"&") >= MOST_PARAMETERS:
        raise InvalidRequest(f"A query has at most {MOST_PARAMETERS} parameters, and {MOST_QUERY_BYTES} bytes")
    said = request.query_params.getlist(name)
    if len(said) > 1:
        raise InvalidRequest(f"{name} is given twice", errors=[FieldError(name, "Must be given once")])
    return said[0] if said else None


def whole_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number out of the query.

    Raises:
        InvalidRequest: it is something else, or outside its bounds.
    """
    raw = told_once(request, name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) < 7 and least <= int(raw) <= most):
        raise InvalidRequest(
            f"Invalid {name}", errors=[FieldError(name, f"Must be a whole number from {least} to {most}")]
        )
    return int(raw)


def choice(request: Request, name: str, default: str, among: Sequence[str]) -> str:
    """One of several words out of the query.

    Raises:
        InvalidRequest: it is another one.
    """
    wanted = told_once(request, name)
    if wanted is None:
        return default
    if wanted not in among:
        raise InvalidRequest(f"Unknown {name}", errors=[FieldError(name, f"Must be one of: {', '.join(among)}")])
    return wanted


def cursor_of(*place: float | str) -> str:
    """The cursor of a place: its keys as text that needs no quoting in an address."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def moment_and_id(request: Request) -> tuple[float, str] | None:
    """The place that a cursor of a list by moment and id names; None at the beginning.

    Raises:
        InvalidRequest: no list gave this cursor.
    """
    match _place(request):
        case None:
            return None
        case [int() | float() as moment, str() as name] if math.isfinite(moment) and is_id(name):
            return float(moment), name
    raise _foreign()


def sequence(request: Request) -> int:
    """The place that a cursor of a list in a fixed order names; 0 at the beginning.

    Raises:
        InvalidRequest: no list gave this cursor.
    """
    match _place(request):
        case None:
            return 0
        case [int() as place] if 0 <= place < _LARGEST_PLACE:
            return place
    raise _foreign()


def page(found: Sequence[Row], limit: int, place: Callable[[Row], str]) -> tuple[Sequence[Row], str | None]:
    """A page out of `limit` + 1 rows, and the cursor of the next one; None when this is the last."""
    if len(found) <= limit:
        return found, None
    return found[:limit], place(found[limit - 1])


def _place(request: Request) -> Any:  # noqa: ANN401 - whatever JSON a client put into the cursor; the callers match it
    raw = told_once(request, "cursor")
    if raw is None:
        return None
    try:
        if len(raw) > _LONGEST_CURSOR:
            raise _foreign()
        place = orjson.loads(base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise _foreign() from error
    if not isinstance(place, list) or any(isinstance(part, bool) for part in place):
        raise _foreign()
    return place


def _foreign() -> InvalidRequest:
    advice = "Must be the 'next_cursor' of this list; leave it out to begin"
    return InvalidRequest("Invalid cursor", errors=[FieldError("cursor", advice)])
