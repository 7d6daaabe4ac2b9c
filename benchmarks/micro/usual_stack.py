"""The comparison app of the chat benchmark: the same answers, around them what a service is usually built of.

FastAPI with response models and dependencies, SQLAlchemy's ORM over aiosqlite, PyJWT for each request, the contributed OpenTelemetry
instrumentation, prometheus-fastapi-instrumentator, two BaseHTTPMiddlewares for request id, rate limit and log line, logging of the
standard library. It answers with the very Answerer of the service over the same library, so that the difference is what lies around it. Its
writes are as durable (WAL, synchronous FULL, a commit for each question); it keeps less than the service does: no minutes of an answer.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from prometheus_fastapi_instrumentator import Instrumentator
from pydantic import BaseModel
from sqlalchemy import ForeignKey, event, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.middleware.base import BaseHTTPMiddleware

from service.answering import Answerer
from service.api.wire import citation_fields
from service.deployments.load import deployment_file, load_deployment
from service.doings import step_fields, tool_call_fields
from service.exchange import Answer, Question
from service.llm.extractive import ExtractiveEngine
from service.retrieval.opening import open_corpus
from service.serving.warming import Unwatched
from service.tools.toolbox import all_tools

REMEMBERED = 3
Next = Callable[[Request], Awaitable[Response]]
log = logging.getLogger("usual")


class Base(DeclarativeBase):
    """The tables."""


class User(Base):
    """Somebody who asks."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    active: Mapped[bool]


class Conversation(Base):
    """A conversation of a user."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    title: Mapped[str]


class Message(Base):
    """A question or an answer."""

    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    role: Mapped[str]
    text: Mapped[str]
    citations: Mapped[str]
    created_at: Mapped[float]


class Asked(BaseModel):
    """The body of a question."""

    message: str
    conversation_id: str | None = None


class Answered(BaseModel):
    """The body of an answer."""

    conversation_id: str
    request_id: str
    answer: str
    outcome: str
    refusal_reason: str | None
    citations: list[dict[str, Any]]
    confidence_score: float
    complexity: str
    tool_calls: list[dict[str, Any]]
    reasoning_steps: list[dict[str, Any]]
    notices: list[str]
    cached: bool
    usage: dict[str, Any]
    processing_time: float


class RequestId(BaseHTTPMiddleware):
    """Gives each request an id, and counts it against its address."""

    counts: dict[tuple[str, int], int] = {}  # noqa: RUF012 - the app is one process

    async def dispatch(self, request: Request, call_next: Next) -> Response:
        """Name, count, pass on."""
        request.state.request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
        window = (request.client.host if request.client else "", int(time.time() // 60))
        self.counts[window] = self.counts.get(window, 0) + 1
        if self.counts[window] > 3_000_000:
            return Response(status_code=429)
        response = await call_next(request)
        response.headers["X-Request-ID"] = request.state.request_id
        return response


class AccessLog(BaseHTTPMiddleware):
    """A line of JSON for each request."""

    async def dispatch(self, request: Request, call_next: Next) -> Response:
        """Time and tell."""
        started = time.perf_counter()
        response = await call_next(request)
        fields = {"route": request.url.path, "method": request.method, "code": response.status_code}
        log.info("request", extra={"fields": {**fields, "seconds": time.perf_counter() - started}})
        return response


class JsonLines(logging.Formatter):
    """Log records as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = getattr(record, "fields", {})
        return json.dumps(
            {"at": datetime.now(UTC).isoformat(), "level": record.levelname, "event": record.msg, **fields}
        )


async def session_of(request: Request) -> AsyncIterator[AsyncSession]:
    """A session of the database for one request."""
    async with request.app.state.sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(session_of)]


async def user_of(shown: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())], session: Session) -> User:
    """Whose token a request shows."""
    claims = jwt.decode(shown.credentials, os.environ["USUAL_SECRET"], algorithms=["HS256"])
    user = await session.get(User, claims["sub"])
    if user is None or not user.active:
        raise HTTPException(401)
    return user


def create_app() -> FastAPI:
    """The app over the library and the database that the environment names."""
    deployment = load_deployment(deployment_file("courtsight"))
    shelf = open_corpus(Path(os.environ["USUAL_LIBRARY"]), time.perf_counter).shelf()
    answerer = Answerer(
        deployment=deployment, shelf=shelf, tools=all_tools(), engine=ExtractiveEngine(), watcher=Unwatched(), clock=time.perf_counter
    )  # fmt: skip
    engine = create_async_engine(f"sqlite+aiosqlite:///{os.environ['USUAL_DATABASE']}", connect_args={"timeout": 30})
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    event.listen(engine.sync_engine, "connect", _durable)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with sessions() as session:
            session.add_all(User(id=f"user-{role}", role=role, active=True) for role in deployment.roles)
            await session.commit()
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})

    app.state.sessions = sessions

    @app.post("/v1/chat", response_model=Answered)
    async def chat(
        asked: Asked, request: Request, session: Session, user: Annotated[User, Depends(user_of)]
    ) -> dict[str, Any]:
        started = time.perf_counter()
        conversation, earlier = await _history(session, user, asked.conversation_id)
        title = conversation.title if conversation else None
        question = Question(asked.message, deployment.roles[user.role], earlier, title)
        answer = await _answered(answerer, question)
        if conversation is None:
            conversation = Conversation(id=uuid.uuid4().hex, user_id=user.id, title=asked.message.strip()[:80])
            session.add(conversation)
            await session.flush()
        fields = _fields(answer)
        for role, text, cited in (("user", asked.message, []), ("assistant", answer.text, fields["citations"])):
            said = {"role": role, "text": text, "citations": json.dumps(cited), "created_at": time.time()}
            session.add(Message(conversation_id=conversation.id, **said))
        await session.commit()
        told = {"conversation_id": conversation.id, "request_id": request.state.request_id}
        return {**told, **fields, "processing_time": time.perf_counter() - started}

    _instrument(app)
    return app


def _instrument(app: FastAPI) -> None:
    app.add_middleware(AccessLog)
    app.add_middleware(RequestId)
    Instrumentator().instrument(app).expose(app)
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.01)))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(os.environ["USUAL_COLLECTOR"] + "/v1/traces")))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)


async def _history(
    session: AsyncSession, user: User, conversation_id: str | None
) -> tuple[Conversation | None, tuple[str, ...]]:
    """The conversation and its last questions, the newest first."""
    if conversation_id is None:
        return None, ()
    conversation = await session.get(Conversation, conversation_id)
    if conversation is None or conversation.user_id != user.id:
        raise HTTPException(404)
    said = select(Message).where(Message.conversation_id == conversation.id, Message.role == "user")
    found = await session.scalars(said.order_by(Message.id.desc()).limit(REMEMBERED))
    return conversation, tuple(message.text for message in found)


def _fields(answer: Answer) -> dict[str, Any]:
    """What the body says of the answer, as objects: FastAPI checks them and writes them."""
    usage = answer.written.usage
    return {
        "answer": answer.text,
        "outcome": answer.outcome,
        "refusal_reason": answer.refusal_reason,
        "citations": [citation_fields(citation) for citation in answer.citations],
        "confidence_score": answer.confidence,
        "complexity": answer.complexity,
        "tool_calls": [tool_call_fields(run) for run in answer.tool_runs],
        "reasoning_steps": [step_fields(step) for step in answer.steps],
        "notices": list(answer.notices),
        "cached": answer.written.cached,
        "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "source": usage.source},
    }


async def _answered(answerer: Answerer, question: Question) -> Answer:
    async with aclosing(answerer.answer(question, datetime.now(UTC).date(), _unsaved, pieces=False)) as events:
        last = [event async for event in events][-1]
    assert isinstance(last, Answer)
    return last


def _durable(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


async def _unsaved(_: Answer) -> None:
    """Saved by the route, behind the answer."""


def main() -> None:
    """Serve on a free port and print it."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(create_app(), loop="uvloop", http="httptools", access_log=False, log_config=None)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
