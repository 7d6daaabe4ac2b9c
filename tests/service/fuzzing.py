"""Asks the whole API what its own description allows, and what it does not: python -m tests.service.fuzzing --cases 5000.

Schemathesis makes the requests out of `/openapi.json`; they go through the real app without a network, without a credential, as a user and
as an administrator. No answer may be a 5xx, break the description, or hold anything of the conversation that somebody else planted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.security.passwords import hasher
from tests.service.conftest import PASSWORD, House, building, settings_in

CANARY = "kenari-rahasia-73b1"
CALLERS = (None, "judge", "admin")
_MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
_ENDS_A_LOGIN = "/v1/auth/logout"
_TEXT_IDS = ("conversation_id", "message_id")


@dataclass(slots=True)
class Outcome:
    """What came of it: how many requests were sent, how many could not be, their statuses, one line for each thing that was wrong.

    Which operations have no right or no wrong values (`barren`) is found once: it takes thousands of tries.
    """

    cases: int = 0
    unsayable: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    barren: set[tuple[str, GenerationMode]] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Planted:
    """Ids of a conversation and an answer of somebody else, and of the caller's own."""

    theirs: dict[str, str]
    own: dict[str, str]


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """A house whose callers are not held up by quotas: these are asked elsewhere whether they hold."""
    wanted = settings_in(folder).model_copy(update={"load_test_networks": "127.0.0.0/8"})
    with building(wanted, hasher().hash(PASSWORD)) as build:
        yield build()


def fuzz(house: House, cases: int, first_seed: int = 0, below: str = "") -> Outcome:
    """Ask at least `cases` requests, spread over the operations below a path, callers, and right and wrong values."""
    planted, outcome = _plant(house), Outcome()
    for caller in filter(None, CALLERS):
        house.token(caller)  # now: made-up logins will have this address wait
    described = house.send("GET", "/openapi.json").json()
    schema = schemathesis.openapi.from_dict(described)
    schema.config.generation.update(with_security_parameters=False)
    operations = [one.ok() for one in schema.get_all_operations()]
    chosen = [one for one in operations if one.path.startswith(below)]
    each = max(1, cases // (len(chosen) * len(CALLERS) * len(_MODES)))
    number = first_seed * 1_000_000
    # Some operations have fewer different requests than their share: the rounds go on until there are enough.
    while outcome.cases < cases:
        for operation, caller, mode in product(chosen, CALLERS, _MODES):
            number += 1
            if (operation.label, mode) in outcome.barren:
                continue
            if operation.path != _ENDS_A_LOGIN or caller is None:
                _ask(house, operation, mode, caller, planted, outcome, each, number)
    return outcome


def _plant(house: House) -> Planted:
    def talk(name: str, text: str) -> dict[str, str]:
        answer = house.ask(name, text)
        body = {"score": 1, "comment": text}
        house.send("PUT", f"/v1/messages/{answer['id']}/feedback", name, json=body)
        path = f"/v1/conversations/{answer['conversation_id']}"
        house.send("PATCH", path, name, json={"title": text})
        return {"conversation_id": answer["conversation_id"], "message_id": answer["id"]}

    return Planted(talk("other", f"Apa itu korupsi? {CANARY}"), talk("judge", "Apa itu hukum pidana?"))


def _ask(
    house: House,
    operation: Any,
    mode: GenerationMode,
    caller: str | None,
    planted: Planted,
    outcome: Outcome,
    most: int,
    number: int,
) -> None:
    """Ask one operation. Ids are made up, somebody else's, or one's own."""
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Exception:  # noqa: BLE001 - an operation without values has no wrong ones; the library says so by several errors
        return

    @seed(number)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, st.sampled_from(("made up", "theirs", "own")))
    def ask(case: Any, whose: str) -> None:
        if whose != "made up":
            _use_ids(case, planted.theirs if whose == "theirs" else planted.own)
        _send(house, case, caller, outcome)

    try:
        ask()
    except Exception as error:  # noqa: BLE001 - "no valid values" has many names in the library; anything of ours is in the outcome
        if "Unsatisfiable" in type(error).__name__:
            outcome.barren.add((operation.label, mode))
        else:
            outcome.breaches.append(f"{operation.label}: {type(error).__name__}: {error}")


def _use_ids(case: Any, ids: dict[str, str]) -> None:
    for name in _TEXT_IDS:
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = ids[name]
    if isinstance(case.body, dict) and "conversation_id" in case.body:
        case.body["conversation_id"] = ids["conversation_id"]


def _send(house: House, case: Any, caller: str | None, outcome: Outcome) -> None:
    sent = case.as_transport_kwargs(base_url="http://service")
    headers = dict(sent.get("headers") or {})
    if caller:
        headers["Authorization"] = f"Bearer {house.token(caller)}"
    content = sent.get("data")
    if "json" in sent:
        content = json.dumps(sent["json"]).encode()
        headers["Content-Type"] = "application/json"
    try:
        request = house.client.build_request(
            sent["method"], sent["url"], headers=headers, params=sent.get("params"), content=content
        )
    except (TypeError, ValueError, UnicodeError):
        outcome.unsayable += 1  # such a request cannot be written down in HTTP
        return
    response = house.run(house.client.send(request))
    outcome.cases += 1
    outcome.statuses[int(response.status_code)] += 1
    if CANARY in response.text or CANARY in str(response.headers):
        outcome.leaks.append(f"{case.method} {case.formatted_path} as {caller}: {response.status_code}")
    try:
        case.validate_response(response, checks=_CHECKS)
    except FailureGroup as found:
        outcome.breaches += [
            f"{case.method} {case.path} as {caller}: {failure.title}: {failure.message}" for failure in found.exceptions
        ]


def main() -> int:
    """Ask, print what came of it; 1 when something was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_house(Path(folder)) as house:
        outcome = fuzz(house, options.cases, options.seed)
    print(
        f"{outcome.cases} cases ({outcome.unsayable} more cannot be sent), statuses {dict(sorted(outcome.statuses.items()))}"
    )
    for line, times in Counter([*outcome.leaks, *outcome.breaches]).most_common(40):
        print(f"{times} x {line}")
    return int(bool(outcome.leaks or outcome.breaches))


if __name__ == "__main__":
    sys.exit(main())
