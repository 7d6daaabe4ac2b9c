"""What each request is answered: routes, faults, and the plan of an answer. Time and ids come in as arguments; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

import orjson

from simulator.answers import compose
from simulator.distributions import instants
from simulator.draws import Draws
from simulator.embeddings import embed, packed
from simulator.errors import InvalidInputError, RejectedError
from simulator.faults import WRONG_ANSWERS, Fault, FaultBoard, Kind
from simulator.openai import (
    ChatRequest,
    Completion,
    embeddings_body,
    error_body,
    model_body,
    models_body,
    read_chat,
    read_embedding,
)
from simulator.planning import Plan, plan_body, plan_stream, refusal, reply
from simulator.profile import Mode, Profile
from simulator.truth import Record

KEY_HEADER = b"x-simulator-key"
KIND_HEADER = b"x-simulator-kind"
MODE_HEADER = b"x-simulator-answer"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it came over the wire; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes
    from_loopback: bool = True

    def header(self, name: bytes) -> str | None:
        """A header's value, None if it is not there."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()


@dataclass(frozen=True, slots=True)
class Response:
    """A plan with the record of it; `queued` ones pass through the concurrency gate. Plain routes leave no record."""

    plan: Plan
    record: Record | None = None
    queued: bool = False


class Provider:
    """The simulated provider: a profile, a seed and the faults of the run."""

    def __init__(self, profile: Profile, seed: int, faults: FaultBoard, api_key: str | None = None) -> None:
        self._profile = profile
        self._seed = seed
        self._faults = faults
        self._api_key = api_key
        self._arrivals = 0  # all answers asked for: makes ids
        self._refusals = 0  # those that were no question: make ids of their own
        self._without_key = 0  # those that sent no key: their order is their key

    def respond(self, request: HttpRequest, *, now: float, wall: float, full: bool) -> Response:
        """What to send for a request that arrived at `now` (monotonic seconds) and `wall` (seconds since 1970).

        `full` says that the gate has no place: a request that would need one is turned away.
        """
        routes: dict[str, tuple[str, Callable[[HttpRequest, float, float, bool], Response]]] = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/embeddings": ("POST", self._embeddings),
            "/v1/models": ("GET", self._models),
            "/health/live": ("GET", lambda *_: Response(reply(200, b'{"status":"alive"}'))),
            "/health/ready": ("GET", self._ready),
        }
        one_model = request.path.startswith("/v1/models/")
        try:
            method, route = routes.get("/v1/models" if one_model else request.path, ("", self._models))
            if not method:
                raise RejectedError(404, f"Unknown request URL: {request.method} {request.path}", code="unknown_url")
            if request.method != method:
                raise RejectedError(
                    405, f"Not allowed to {request.method} on {request.path}.", code="method_not_supported"
                )
            if request.path.startswith("/v1/"):
                self._authenticate(request)
            return route(request, now, wall, full)
        except RejectedError as error:
            body = error_body(error.status, error.message, param=error.param, code=error.code)
            return Response(reply(error.status, body), self._rejected(request, now))

    def _rejected(self, request: HttpRequest, now: float) -> Record | None:
        """A refused question is part of the truth too; it takes no number, so what others draw does not move."""
        if request.path not in ("/v1/chat/completions", "/v1/embeddings"):
            return None
        self._refusals += 1
        return Record(f"rejected-{self._seed}-{self._refusals}", request.header(KEY_HEADER) or "", request.path, now)

    def _authenticate(self, request: HttpRequest) -> None:
        if self._api_key is None:
            return
        word, _, given = (request.header(b"authorization") or "").partition(" ")
        if word.lower() != "bearer" or not compare_digest(given.encode(), self._api_key.encode()):
            raise RejectedError(401, "Incorrect API key provided.", code="invalid_api_key")

    def _ready(self, _request: HttpRequest, _now: float, _wall: float, _full: bool) -> Response:
        return Response(
            reply(200, orjson.dumps({"status": "ready", "profile": self._profile.name, "seed": self._seed}))
        )

    def _models(self, request: HttpRequest, _now: float, wall: float, _full: bool) -> Response:
        bare = self._profile.models or ("courtsight-sim",)
        names = [*bare, *(f"{name}:{kind}" for name in bare for kind in self._profile.tokens)]
        wanted = request.path.removeprefix("/v1/models").removeprefix("/")
        if not wanted:
            return Response(reply(200, models_body(names, int(wall))))
        self._served(wanted)
        return Response(reply(200, model_body(wanted, int(wall))))

    def _served(self, model: str) -> None:
        """Refuse a model that the profile does not list; its name may carry a kind after a colon."""
        known = self._profile.models
        if known and model.partition(":")[0] not in known:
            said = f"The model '{model}' does not exist; this profile serves {', '.join(known)}."
            raise RejectedError(404, said, param="model", code="model_not_found")

    def _kind_of(self, request: HttpRequest, model: str) -> str:
        """By header, else by the model name's suffix, else the profile's own."""
        said = request.header(KIND_HEADER) or model.partition(":")[2] or self._profile.default_kind
        if said not in self._profile.tokens:
            known = ", ".join(self._profile.tokens)
            raise RejectedError(
                400, f"Unknown kind '{said}'; this profile knows {known}.", param="model", code="unknown_kind"
            )
        return said

    def _mode_of(self, request: HttpRequest, fault: Fault | None) -> Mode:
        """By the fault that strikes, else by header, else the profile's own."""
        if fault is not None and fault.kind in WRONG_ANSWERS:
            return WRONG_ANSWERS[fault.kind]
        said = request.header(MODE_HEADER)
        if said is None:
            return self._profile.mode
        if said not in list(Mode):
            raise RejectedError(
                400, f"Unknown answer mode '{said}'; known modes: {', '.join(Mode)}.", code="unknown_mode"
            )
        if said == Mode.SCRIPTED and self._profile.script is None:
            raise RejectedError(400, "This profile has no script; set answers.script.", code="unknown_mode")
        return Mode(said)

    def _record(self, request: HttpRequest, model: str, now: float) -> Record:
        key = request.header(KEY_HEADER)
        if key is None:
            self._without_key += 1
            key = f"#{self._without_key}"
        self._arrivals += 1
        return Record(f"chatcmpl-sim-{self._seed}-{self._arrivals}", key, request.path, now, model=model)

    def _chat(self, request: HttpRequest, now: float, wall: float, full: bool) -> Response:
        chat = read_chat(request.body)
        self._served(chat.model)
        kind = self._kind_of(request, chat.model)
        self._mode_of(request, None)  # a wrong header is told before anything is counted
        record = self._record(request, chat.model, now)
        record.kind, record.stream, record.prompt_tokens = kind, chat.stream, chat.prompt_tokens
        fault = self._faults.strike(record.key, chat.model, now)
        turned_away = self._turned_away(record, fault, full)
        if turned_away is not None:
            return turned_away
        return Response(self._answer(request, chat, record, fault, wall), record, queued=True)

    def _turned_away(self, record: Record, fault: Fault | None, full: bool) -> Response | None:
        if fault is not None:
            record.fault = {"id": fault.id, "kind": fault.kind.value, **fault.settings}
            if fault.kind is Kind.STATUS:
                return Response(refusal(fault), record)
        limits = self._profile.concurrency
        if not full or limits is None:
            return None
        said = f"All {limits.limit} places are taken and {limits.queue} wait; try again later."
        body = error_body(limits.status_when_full, said, code="queue_full")
        wait = (("Retry-After", str(limits.retry_after_seconds)),)
        record.ended = "queue_full"
        return Response(reply(limits.status_when_full, body, headers=wait), record)

    def _answer(
        self, request: HttpRequest, chat: ChatRequest, record: Record, fault: Fault | None, wall: float
    ) -> Plan:
        profile, key = self._profile, record.key
        mode = self._mode_of(request, fault)
        words = Draws(self._seed, "answer", key)
        count = profile.tokens[record.kind or profile.default_kind].at(words.share())
        answer = compose(mode, chat.prompt, count, profile.script, words).until(chat.stops).cut(chat.most_tokens)
        record.answer = {"mode": answer.mode.value, "asked": mode.value, **answer.wrong}
        record.completion_tokens = len(answer.tokens)
        shares = Draws(self._seed, "timing", key).shares(max(1, len(answer.tokens)))
        moments = instants(profile.ttft, profile.inter_token, shares)
        completion = Completion(record.request, int(wall), chat.model, answer, chat.prompt_tokens)
        if chat.stream:
            return plan_stream(
                completion,
                moments[: len(answer.tokens)],
                include_usage=chat.include_usage,
                role_at_once=profile.role_chunk_first,
                fault=fault,
            )
        body = completion.body(usage=fault is None or fault.kind is not Kind.MISSING_USAGE)
        return plan_body(body, moments[-1], tokens=len(answer.tokens), fault=fault)

    def _embeddings(self, request: HttpRequest, now: float, _wall: float, full: bool) -> Response:
        wanted = read_embedding(request.body)
        self._served(wanted.model)
        record = self._record(request, wanted.model, now)
        fault = self._faults.strike(record.key, wanted.model, now)
        turned_away = self._turned_away(record, fault, full)
        if turned_away is not None:
            return turned_away
        size = wanted.dimensions or self._profile.dimensions

        def vector(text: str) -> list[float] | str:
            found = embed(text, size, self._seed)
            return packed(found) if wanted.base64 else found

        at = self._profile.embedding_latency.quantile(Draws(self._seed, "timing", record.key).share())
        return Response(plan_body(embeddings_body(wanted, vector), at, tokens=0, fault=fault), record, queued=True)


class Desk:
    """The admin routes: order, list and end faults, and read the truth; for those who hold the token, from this machine."""

    def __init__(
        self,
        faults: FaultBoard,
        token: str,
        *,
        truth: Callable[[str], bytes | None],
        overview: Callable[[], dict[str, object]],
        refuse: Callable[[float], None],
    ) -> None:
        self._faults = faults
        self._token = token
        self._truth = truth
        self._overview = overview
        self._refuse = refuse

    def respond(self, request: HttpRequest, now: float) -> Plan:
        """The reply to a request under `/admin/`."""
        try:
            self._allow(request)
            return self._route(request, now)
        except InvalidInputError as error:
            return reply(400, error_body(400, str(error), code="invalid_fault"))
        except RejectedError as error:
            return reply(error.status, error_body(error.status, error.message, param=error.param, code=error.code))

    def _allow(self, request: HttpRequest) -> None:
        if not request.from_loopback:
            raise RejectedError(403, "The admin routes answer on the loopback interface only.", code="not_loopback")
        given = (request.header(b"authorization") or "").removeprefix("Bearer ")
        if not compare_digest(given.encode(), self._token.encode()):
            raise RejectedError(401, "Send the admin token as 'Authorization: Bearer …'.", code="invalid_admin_token")

    def _route(self, request: HttpRequest, now: float) -> Plan:
        path, method = request.path, request.method
        fault_id = path.removeprefix("/admin/faults/") if path.startswith("/admin/faults/") else None
        if path == "/admin/faults" and method == "POST":
            fault = self._faults.order(request.body, now)
            if fault.kind is Kind.REFUSED and fault.until is not None:
                self._refuse(fault.until)
            return reply(201, orjson.dumps(fault.shown(now)))
        if path == "/admin/faults" and method == "GET":
            return reply(200, orjson.dumps({"faults": [fault.shown(now) for fault in self._faults.all()]}))
        if path == "/admin/faults" and method == "DELETE":
            return reply(200, orjson.dumps({"deleted": self._faults.clear()}))
        if fault_id and method in ("GET", "DELETE"):
            found = self._faults.find(fault_id) if method == "GET" else self._faults.drop(fault_id)
            if found is None:
                raise RejectedError(404, f"There is no fault '{fault_id}'.", code="fault_not_found")
            return reply(200, orjson.dumps(found.shown(now)))
        if path == "/admin/truth" and method == "GET":
            return self._told(request.query)
        raise RejectedError(404, f"There is no {method} {path}.", code="unknown_url")

    def _told(self, query: str) -> Plan:
        wanted = [value for name, _, value in (part.partition("=") for part in query.split("&")) if name == "request"]
        if not wanted:
            return reply(200, orjson.dumps(self._overview()))
        line = self._truth(wanted[0])
        if line is None:
            raise RejectedError(404, f"No request '{wanted[0]}' is known.", param="request", code="request_not_found")
        return reply(200, line)
