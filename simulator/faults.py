"""Faults on command: what can be ordered, for how long, and which request it strikes.

`FaultBoard` holds the orders of a run. Time is an argument, and whether a request is struck is drawn from seed, fault and the request's
key, so a share of requests is the same share in every run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any

import orjson
from pydantic import Field

from simulator.draws import Draws
from simulator.errors import InvalidInputError
from simulator.profile import Mode
from simulator.strictness import Wire, checked


class Kind(StrEnum):
    """What can go wrong on command."""

    STATUS = "status"
    REFUSED = "refused"
    STALL_BEFORE_FIRST = "stall_before_first"
    STALL_IN_STREAM = "stall_in_stream"
    CUT = "cut"
    EARLY_END = "early_end"
    MALFORMED_CHUNK = "malformed_chunk"
    ERROR_IN_STREAM = "error_in_stream"
    MISSING_USAGE = "missing_usage"
    REPEATED_USAGE = "repeated_usage"
    SLOW_DRIP = "slow_drip"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    OBEYS_INJECTION = "obeys_injection"
    WRONG_ARTICLE = "wrong_article"
    ALTERED_QUOTATION = "altered_quotation"
    MISPLACED_CITATION = "misplaced_citation"


# What each kind lets one set, with the value when it is not said. `after_tokens` None is half of the answer.
SETTINGS: dict[Kind, dict[str, Any]] = {
    Kind.STATUS: {"status": None, "retry_after_seconds": None},
    Kind.REFUSED: {},
    Kind.STALL_BEFORE_FIRST: {"stall_seconds": 30.0},
    Kind.STALL_IN_STREAM: {"stall_seconds": 30.0, "after_tokens": None},
    Kind.CUT: {"after_tokens": None},
    Kind.EARLY_END: {"after_tokens": None},
    Kind.MALFORMED_CHUNK: {"after_tokens": None},
    Kind.ERROR_IN_STREAM: {"after_tokens": None, "status": 500},
    Kind.MISSING_USAGE: {},
    Kind.REPEATED_USAGE: {},
    Kind.SLOW_DRIP: {"gap_seconds": 1.0},
    Kind.WRONG_CONTENT_TYPE: {"body": "page"},
    Kind.OBEYS_INJECTION: {},
    Kind.WRONG_ARTICLE: {},
    Kind.ALTERED_QUOTATION: {},
    Kind.MISPLACED_CITATION: {},
}
WRONG_ANSWERS: dict[Kind, Mode] = {
    Kind.OBEYS_INJECTION: Mode.OBEYS_INJECTION,
    Kind.WRONG_ARTICLE: Mode.WRONG_ARTICLE,
    Kind.ALTERED_QUOTATION: Mode.ALTERED_QUOTATION,
    Kind.MISPLACED_CITATION: Mode.MISPLACED_CITATION,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. Times are monotonic seconds; None means without that bound."""

    id: str
    kind: Kind
    settings: dict[str, Any]
    until: float | None
    count: int | None
    share: float | None
    model: str | None
    struck: int = 0

    def active(self, now: float) -> bool:
        """Whether it still strikes: its time is not over and its count not used up."""
        return (self.until is None or now < self.until) and (self.count is None or self.struck < self.count)

    def shown(self, now: float) -> dict[str, Any]:
        """The order as the admin route tells it; `seconds_left` is None without an end."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            **self.settings,
            "seconds_left": None if self.until is None else max(0.0, self.until - now),
            "count": self.count,
            "share": self.share,
            "model": self.model,
            "struck": self.struck,
            "active": self.active(now),
        }


class _Order(Wire):
    kind: str
    for_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    count: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    retry_after_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    stall_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    after_tokens: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    gap_seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    body: Annotated[str, Field(pattern="^(page|answer)$")] | None = None


def read_order(body: bytes, fault_id: str, now: float) -> Fault:
    """A fault from the body of an order.

    Raises:
        InvalidInputError: The body is wrong; the text says which member, and what its kind takes.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"fault: is no JSON: {error}") from None
    order = checked(data, "fault", _Order)
    kind = _kind(order.kind)
    scope = ("kind", "for_seconds", "count", "share", "model")
    given = {name: value for name, value in order.model_dump(exclude_none=True).items() if name not in scope}
    strange = sorted(given.keys() - SETTINGS[kind].keys())
    if strange:
        takes = ", ".join(SETTINGS[kind]) or "no settings of its own"
        raise InvalidInputError(f"fault: {strange[0]}: kind {kind.value!r} takes {takes}")
    if kind is Kind.STATUS and order.status is None:
        raise InvalidInputError("fault: status: is missing; kind 'status' needs one from 400 to 599")
    if kind is Kind.REFUSED and (order.for_seconds is None or order.count or order.share or order.model):
        raise InvalidInputError("fault: for_seconds: kind 'refused' closes the whole listener and needs only a time")
    until = None if order.for_seconds is None else now + order.for_seconds
    settings = {**SETTINGS[kind], **given}
    return Fault(fault_id, kind, settings, until, order.count, order.share, order.model)


def _kind(word: str) -> Kind:
    known = [kind.value for kind in Kind]
    if word not in known:
        nearest = get_close_matches(word, known, n=1, cutoff=0.5)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"known kinds: {', '.join(known)}"
        raise InvalidInputError(f"fault: kind: unknown {word[:60]!r}, {advice}")
    return Kind(word)


class FaultBoard:
    """The orders of a run, oldest first. The first one that strikes a request is the only one that does."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: dict[str, Fault] = {}
        self._made = 0

    def order(self, body: bytes, now: float) -> Fault:
        """Take an order.

        Raises:
            InvalidInputError: It is wrong; nothing is taken then.
        """
        fault = read_order(body, f"fault-{self._made + 1}", now)
        self._made += 1
        self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        """Every order of the run that was not deleted, also those whose time is over."""
        return list(self._faults.values())

    def find(self, fault_id: str) -> Fault | None:
        """One order."""
        return self._faults.get(fault_id)

    def drop(self, fault_id: str) -> Fault | None:
        """End an order at once; None if there is none of that name."""
        return self._faults.pop(fault_id, None)

    def clear(self) -> int:
        """End all orders; returns how many there were."""
        count = len(self._faults)
        self._faults.clear()
        return count

    def strike(self, key: str, model: str, now: float) -> Fault | None:
        """The fault that this request meets, counted as struck; None if it goes well."""
        for fault in self._faults.values():
            if self._meets(fault, key, model, now):
                struck = replace(fault, struck=fault.struck + 1)
                self._faults[fault.id] = struck
                return struck
        return None

    def _meets(self, fault: Fault, key: str, model: str, now: float) -> bool:
        # A model is meant with all of its kinds: `courtsight-sim` is also `courtsight-sim:simple`.
        if (
            fault.kind is Kind.REFUSED
            or not fault.active(now)
            or fault.model not in (None, model, model.partition(":")[0])
        ):
            return False
        return fault.share is None or Draws(self._seed, fault.id, key).share() < fault.share
