"""`no-existence-oracle {like_turn}`: a stranger's id and a missing one are answered alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from slo.strict_yaml import Wire
from uat.exchange import CheckResult, Exchange, TurnResult, UnmeasuredError, passed_if, shortened

_OWN_TO_EACH_REQUEST = frozenset({"request_id", "trace_id"})


class Args(Wire):
    """`like_turn`: number of the earlier turn (from 1) whose answer this one must equal."""

    like_turn: Annotated[int, Field(ge=1)]


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when status and body are equal but for the ids of the requests."""
    if args.like_turn > len(turn.earlier):
        raise UnmeasuredError(f"there is no turn {args.like_turn} before this one")
    here, there = _shape(turn.exchange), _shape(turn.earlier[args.like_turn - 1])
    return passed_if(
        here == there,
        f"the same answer as in turn {args.like_turn}: {shortened(there, 100)}",
        shortened(here, 100),
        "answer 404 not_found in both cases, with the same words",
    )


def _shape(exchange: Exchange) -> str:
    """Status, content type and body of a response without what differs from request to request."""
    if exchange.status is None:
        raise UnmeasuredError(exchange.said())
    try:
        body = json.loads(exchange.text)
    except ValueError:
        body = exchange.text
    if isinstance(body, Mapping):
        body = {key: value for key, value in body.items() if key not in _OWN_TO_EACH_REQUEST}
    return f"{exchange.status} {exchange.headers.get('content-type', '')} {json.dumps(body, sort_keys=True)}"
