"""When each byte of an answer leaves: a plan of timed writes, and what a fault makes of it. Pure.

Instants are seconds after the request was admitted. They are all known before the first byte leaves, so lateness never adds up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from simulator.faults import Fault, Kind
from simulator.openai import DONE, Completion, error_body, error_frame

JSON = "application/json"
STREAM = "text/event-stream; charset=utf-8"
PAGE = b"<!doctype html><html><head><title>Gateway</title></head><body><h1>Please sign in</h1></body></html>\n"
_PIECES = 20  # a whole JSON body under slow drip comes in so many


class Write(NamedTuple):
    """Bytes that leave at an instant; `tokens` of the answer are complete with them."""

    at: float
    payload: bytes
    tokens: int = 0


class Ending(StrEnum):
    """What happens after the last write."""

    COMPLETE = "complete"
    RESET = "reset"  # the connection is reset
    CLOSE = "closed"  # the connection is closed in the midst of a body


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole response. `length` is the Content-Length, None for a body in chunks; the head leaves with the first write."""

    status: int
    content_type: str
    writes: tuple[Write, ...]
    length: int | None
    ending: Ending = Ending.COMPLETE
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def token_instants(self) -> list[float]:
        """When each write that completes tokens is to leave, in seconds after admission."""
        return [write.at for write in self.writes if write.tokens]


def reply(status: int, body: bytes, *, content_type: str = JSON, headers: tuple[tuple[str, str], ...] = ()) -> Plan:
    """A whole body at once."""
    return Plan(status, content_type, (Write(0.0, body),), len(body), headers=headers)


def refusal(fault: Fault) -> Plan:
    """The answer to a request that a `status` fault strikes."""
    status = int(fault.settings["status"])
    wait = fault.settings["retry_after_seconds"]
    code = "rate_limit_exceeded" if status == 429 else "simulated_fault"
    body = error_body(status, f"Simulated fault {fault.id}: status {status}.", code=code)
    return reply(status, body, headers=() if wait is None else (("Retry-After", str(wait)),))


def plan_stream(
    completion: Completion, instants: list[float], *, include_usage: bool, role_at_once: bool, fault: Fault | None
) -> Plan:
    """A stream of one chunk for each token; `instants` has the time of each token."""
    kind = fault.kind if fault else None
    each = kind is Kind.REPEATED_USAGE
    frames = completion.token_frames(usage_null=include_usage, usage_each=each)
    usage = completion.usage_frame() if (include_usage or each) and kind is not Kind.MISSING_USAGE else b""
    tokens = [Write(at, frame, 1) for at, frame in zip(instants, frames, strict=True)]
    first, last = (tokens[0].at, tokens[-1].at) if tokens else (0.0, 0.0)
    tail = Write(last, completion.finish_frame(usage_null=include_usage) + usage + DONE)
    role = Write(0.0 if role_at_once else first, completion.role_frame(usage_null=include_usage))
    plan = Plan(200, STREAM, (role, *tokens, tail), None, headers=(("Cache-Control", "no-cache"),))
    edit = _STREAM_FAULTS.get(fault.kind) if fault else None
    return plan if edit is None or fault is None else edit(plan, completion, fault)


def plan_body(body: bytes, at: float, *, tokens: int, fault: Fault | None) -> Plan:
    """A whole JSON body when its last token is made."""
    plan = Plan(200, JSON, (Write(at, body, tokens),), len(body))
    edit = _BODY_FAULTS.get(fault.kind) if fault else None
    return plan if edit is None or fault is None else edit(plan, fault)


def _split(plan: Plan, fault: Fault) -> tuple[tuple[Write, ...], tuple[Write, ...]]:
    """The writes up to and with the fault's last good token, and the rest; half of the answer if nothing is said."""
    total = sum(write.tokens for write in plan.writes)
    asked = fault.settings["after_tokens"]
    wanted = total // 2 if asked is None else min(asked, total)
    done = 0
    for place, write in enumerate(plan.writes):
        if done == wanted and (write.tokens or wanted == total):
            return plan.writes[:place], plan.writes[place:]
        done += write.tokens
    return plan.writes, ()


def _shifted(writes: tuple[Write, ...], seconds: float) -> tuple[Write, ...]:
    return tuple(write._replace(at=write.at + seconds) for write in writes)


def _stall_first(plan: Plan, _: Completion, fault: Fault) -> Plan:
    # A role that leaves at once stays where it is: the stall is before the first token.
    early = plan.writes[:1] if plan.writes[0].at < plan.writes[1].at else ()
    return replace(plan, writes=early + _shifted(plan.writes[len(early) :], fault.settings["stall_seconds"]))


def _stall_in_stream(plan: Plan, _: Completion, fault: Fault) -> Plan:
    before, after = _split(plan, fault)
    return replace(plan, writes=before + _shifted(after, fault.settings["stall_seconds"]))


def _cut(plan: Plan, _: Completion, fault: Fault) -> Plan:
    before, after = _split(plan, fault)
    # Where the next token would leave, so that a reset does not overtake the last good one.
    return replace(
        plan, writes=(*before, Write(after[0].at if after else plan.writes[-1].at, b"")), ending=Ending.RESET
    )


def _early_end(plan: Plan, _: Completion, fault: Fault) -> Plan:
    before, after = _split(plan, fault)
    return replace(plan, writes=(*before, Write(after[0].at if after else plan.writes[-1].at, b"")))


def _malformed(plan: Plan, completion: Completion, fault: Fault) -> Plan:
    before, after = _split(plan, fault)
    at = after[0].at if after else plan.writes[-1].at
    return replace(plan, writes=(*before, Write(at, completion.broken_frame()), *after))


def _error_in_stream(plan: Plan, _: Completion, fault: Fault) -> Plan:
    before, after = _split(plan, fault)
    at = after[0].at if after else plan.writes[-1].at
    frame = error_frame(int(fault.settings["status"]), f"Simulated fault {fault.id}: the answer broke off.")
    return replace(plan, writes=(*before, Write(at, frame)))


def _drip_stream(plan: Plan, _: Completion, fault: Fault) -> Plan:
    """Tokens a fixed gap apart, each chunk in two halves half a gap apart, so that no read ends where an event does."""
    gap = fault.settings["gap_seconds"]
    first = next((write.at for write in plan.writes if write.tokens), 0.0)
    writes: list[Write] = []
    number = 0
    for write in plan.writes:
        if not write.tokens:
            at = write.at if number == 0 else max(writes[-1].at, first)
            writes.append(write._replace(at=at))
            continue
        middle = len(write.payload) // 2
        at = first + number * gap
        writes += [Write(at, write.payload[:middle]), Write(at + gap / 2, write.payload[middle:], write.tokens)]
        number += 1
    return replace(plan, writes=tuple(writes))


def _wrong_type(plan: Plan, fault: Fault) -> Plan:
    if fault.settings["body"] == "answer":
        return replace(plan, content_type="text/html; charset=utf-8")
    return replace(reply(200, PAGE, content_type="text/html; charset=utf-8"), writes=(Write(plan.writes[0].at, PAGE),))


_STREAM_FAULTS: dict[Kind, Callable[[Plan, Completion, Fault], Plan]] = {
    Kind.STALL_BEFORE_FIRST: _stall_first,
    Kind.STALL_IN_STREAM: _stall_in_stream,
    Kind.CUT: _cut,
    Kind.EARLY_END: _early_end,
    Kind.MALFORMED_CHUNK: _malformed,
    Kind.ERROR_IN_STREAM: _error_in_stream,
    Kind.SLOW_DRIP: _drip_stream,
    Kind.WRONG_CONTENT_TYPE: lambda plan, _, fault: _wrong_type(plan, fault),
}


def _halves(plan: Plan) -> tuple[Write, Write]:
    (whole,) = plan.writes
    middle = len(whole.payload) // 2
    return Write(whole.at, whole.payload[:middle]), Write(whole.at, whole.payload[middle:], whole.tokens)


def _stall_body(plan: Plan, fault: Fault) -> Plan:
    return replace(plan, writes=_shifted(plan.writes, fault.settings["stall_seconds"]))


def _stall_in_body(plan: Plan, fault: Fault) -> Plan:
    head, rest = _halves(plan)
    return replace(plan, writes=(head, *_shifted((rest,), fault.settings["stall_seconds"])))


def _half_body(ending: Ending) -> Callable[[Plan, Fault], Plan]:
    def edit(plan: Plan, _: Fault) -> Plan:
        head, _rest = _halves(plan)
        # A moment apart, so that the reset does not overtake the bytes before it.
        return replace(plan, writes=(head, Write(head.at + 0.01, b"")), ending=ending)

    return edit


def _broken_body(plan: Plan, _: Fault) -> Plan:
    (whole,) = plan.writes
    broken = whole.payload[: len(whole.payload) * 2 // 3]
    return replace(plan, writes=(Write(whole.at, broken),), length=len(broken))


def _error_body(plan: Plan, fault: Fault) -> Plan:
    body = error_body(int(fault.settings["status"]), f"Simulated fault {fault.id}: no answer.", code="simulated_fault")
    return replace(plan, writes=(Write(plan.writes[0].at, body),), length=len(body))


def _drip_body(plan: Plan, fault: Fault) -> Plan:
    (whole,) = plan.writes
    size = max(1, -(-len(whole.payload) // _PIECES))
    pieces = [whole.payload[start : start + size] for start in range(0, len(whole.payload), size)]
    gap = fault.settings["gap_seconds"]
    writes = [Write(whole.at + number * gap, piece) for number, piece in enumerate(pieces)]
    return replace(plan, writes=(*writes[:-1], writes[-1]._replace(tokens=whole.tokens)))


_BODY_FAULTS: dict[Kind, Callable[[Plan, Fault], Plan]] = {
    Kind.STALL_BEFORE_FIRST: _stall_body,
    Kind.STALL_IN_STREAM: _stall_in_body,
    Kind.CUT: _half_body(Ending.RESET),
    Kind.EARLY_END: _half_body(Ending.CLOSE),
    Kind.MALFORMED_CHUNK: _broken_body,
    Kind.ERROR_IN_STREAM: _error_body,
    Kind.SLOW_DRIP: _drip_body,
    Kind.WRONG_CONTENT_TYPE: _wrong_type,
}
