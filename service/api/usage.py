"""What was asked and what it cost: one's own, and everybody's for administrators. All times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from fastapi import Request, Response

from service.api.paging import choice, told_once
from service.api.routing import router_of
from service.api.wire import Json, moment
from service.errors import FieldError, InvalidRequest
from service.llm.extractive import MODEL as EXTRACTIVE
from service.security.access import Caller
from service.services import Services, enter, services_of
from service.store.sums import DAY, HOUR, HOUR_SECONDS, Step
from service.store.usage import Split, Talked, Used, all_talk, all_usage, own_talk, own_usage

router = router_of("/v1/usage")

_SCOPES = ("own", "all")
_STEPS = {step.name: step for step in (HOUR, DAY)}
_SPLITS = {"none": Split(), "role": Split(role=True), "model": Split(model=True), "both": Split(role=True, model=True)}
_DEFAULT_STEPS = {"hour": 24, "day": 30}
_MOST_STEPS = {"hour": 31 * 24, "day": 366}


@router.get("")
async def used(request: Request) -> Response:
    """Answers, tokens, seconds and cost, by hour or day, role and model."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    scope = _scope(request, caller)
    by = choice(request, "by", "day", tuple(_STEPS))
    begin, end = _span(request, services, by)
    step = _STEPS[by].hours
    account, first, last = caller.account_id, begin * step, end * step
    found = await services.store.read(
        lambda: all_usage(first, last) if scope == "all" else own_usage(account, first, last)
    )
    return Json(
        {
            "by": by,
            "scope": scope,
            "from": moment(first * HOUR_SECONDS),
            "to": moment(last * HOUR_SECONDS),
            "usage": _by_step(found, step),
            "free_model_ratio": _free_ratio(found, services.free_models),
        }
    )


@router.get("/conversations")
async def talked(request: Request) -> Response:
    """Conversations, users, messages and feedback, by hour or day; over all, by role, by model, or by both."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    scope = _scope(request, caller)
    by = choice(request, "by", "day", tuple(_STEPS))
    parts = choice(request, "split", "none", tuple(_SPLITS))
    begin, end = _span(request, services, by)
    account, step, split = caller.account_id, _STEPS[by], _SPLITS[parts]
    found = await services.store.read(
        lambda: all_talk(begin, end, step, split) if scope == "all" else own_talk(account, begin, end, step, split)
    )
    return Json(
        {
            "by": by,
            "split": parts,
            "scope": scope,
            "from": moment(begin * step.seconds),
            "to": moment(end * step.seconds),
            f"{by}s": [_talk_fields(step, one) for one in found],
        }
    )


def _scope(request: Request, caller: Caller) -> str:
    scope = choice(request, "scope", "own", _SCOPES)
    if scope == "all":
        caller.require("admin")
    return scope


def _span(request: Request, services: Services, by: str) -> tuple[int, int]:
    """The hours or days that are asked for: from one to before another; the step that runs now is the last by default."""
    seconds = _STEPS[by].seconds
    until = _moment(request, "to")
    end = int(services.surroundings.wall_clock() // seconds) + 1 if until is None else -int(-until // seconds)
    since = _moment(request, "from")
    begin = end - _DEFAULT_STEPS[by] if since is None else int(since // seconds)
    if begin >= end:
        raise InvalidRequest("Nothing lies in this range", errors=[FieldError("from", "Must lie before 'to'")])
    if end - begin > _MOST_STEPS[by]:
        most = f"At most {_MOST_STEPS[by]} {by}s at a time; ask for a later 'from'"
        raise InvalidRequest("The range is too long", errors=[FieldError("from", most)])
    return max(begin, 0), max(end, 1)


def _moment(request: Request, name: str) -> float | None:
    raw = told_once(request, name)
    if raw is None:
        return None
    try:
        # In a form an unquoted plus sign arrives as a space.
        found = datetime.fromisoformat(raw.replace(" ", "+") if "T" in raw else raw)
        seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            f"Invalid {name}",
            errors=[FieldError(name, "Must be a day or a moment: 2026-11-01 or 2026-11-01T08:00:00Z")],
        ) from error
    if not 0 <= seconds <= 32_503_680_000:
        raise InvalidRequest(f"Invalid {name}", errors=[FieldError(name, "Must lie between the years 1970 and 3000")])
    return seconds


def _by_step(found: Sequence[Used], step: int) -> list[dict[str, Any]]:
    def key(one: Used) -> tuple[int, str, str]:
        return one.hour // step, one.role, one.model

    return [_usage_fields(*which, step, list(group)) for which, group in groupby(sorted(found, key=key), key)]


def _usage_fields(place: int, role: str, model: str, step: int, group: Sequence[Used]) -> dict[str, Any]:
    requests = sum(one.requests for one in group)
    return {
        "start": moment(place * step * HOUR_SECONDS),
        "role": role,
        "model": model,
        "requests": requests,
        "input_tokens": sum(one.input_tokens for one in group),
        "output_tokens": sum(one.output_tokens for one in group),
        "cost_usd": round(sum(one.cost_usd for one in group), 9),
        "mean_seconds": round(sum(one.seconds for one in group) / requests, 6),
    }


def _free_ratio(found: Sequence[Used], free: frozenset[str]) -> float | None:
    """The share of answers by free models among those that a language model wrote; None where none did."""
    by_models = sum(one.requests for one in found if one.model != EXTRACTIVE)
    return sum(one.requests for one in found if one.model in free) / by_models if by_models else None


def _talk_fields(step: Step, talked: Talked) -> dict[str, Any]:
    start = moment(talked.place * step.seconds)
    answers = talked.messages / 2
    return {
        **({"day": start[:10]} if step is DAY else {}),
        "start": start,
        "role": talked.role or None,
        "model": talked.model or None,
        "conversations": talked.conversations,
        "begun": talked.begun,
        "users": talked.users,
        "messages": talked.messages,
        "mean_turns": round(answers / talked.conversations, 4) if talked.conversations else None,
        "feedback": talked.scores,
        "feedback_mean": round(talked.points / talked.scores, 4) if talked.scores else None,
    }
