"""Documents that were sent over HTTP, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.errors import NotFound
from service.store.naming import is_id
from service.store.work import Work, found, one, rows, run

State = Literal["queued", "running", "done", "refused", "failed"]
MISSING = "There is no document with this id"


@dataclass(frozen=True, slots=True)
class SentDocument:
    """A document; `detail` says why it was refused or failed, or what came of it. Moments are seconds since the epoch."""

    id: str
    name: str
    media_type: str
    bytes: int
    digest: str
    state: State
    detail: str
    created_by: str
    created_at: float
    finished_at: float | None


_COLUMNS = "id, name, media_type, bytes, digest, state, detail, created_by, created_at, finished_at"
_PAGE = f"SELECT {_COLUMNS} FROM documents"


def insert_document(sent: SentDocument) -> Work[None]:
    """Add a document."""
    yield from run(
        f"INSERT INTO documents ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        sent.id,
        sent.name,
        sent.media_type,
        sent.bytes,
        sent.digest,
        sent.state,
        sent.detail,
        sent.created_by,
        sent.created_at,
        sent.finished_at,
    )


def find_document(document_id: str) -> Work[SentDocument]:
    """One document.

    Raises:
        NotFound: there is none.
    """
    row = (yield from one(f"{_PAGE} WHERE id = $1", document_id)) if is_id(document_id) else None
    if row is None:
        raise NotFound(MISSING)
    return SentDocument(*row)


def is_document(document_id: str) -> Work[bool]:
    """Whether a document with this id was ever acknowledged."""
    return is_id(document_id) and (yield from found("SELECT 1 FROM documents WHERE id = $1", document_id))


def list_documents(limit: int, behind: tuple[float, str] | None) -> Work[Sequence[SentDocument]]:
    """Documents, the newest first; those behind a moment and an id where these are given."""
    order = "ORDER BY created_at DESC, id DESC LIMIT $1"
    if behind is None:
        listed = yield from rows(f"{_PAGE} {order}", limit)
    else:
        listed = yield from rows(f"{_PAGE} WHERE (created_at, id) < ($2, $3) {order}", limit, *behind)
    return [SentDocument(*row) for row in listed]


def waiting_documents() -> Work[Sequence[SentDocument]]:
    """Documents that are not finished, the oldest first: those of a process that was killed among them."""
    sql = f"{_PAGE} WHERE state IN ('queued', 'running') ORDER BY created_at, id LIMIT 100"
    return [SentDocument(*row) for row in (yield from rows(sql))]


def earlier_documents(name: str, before: float) -> Work[Sequence[SentDocument]]:
    """Documents of this name that were taken in and sent before a moment."""
    sql = f"{_PAGE} WHERE name = $1 AND state = 'done' AND created_at < $2"
    return [SentDocument(*row) for row in (yield from rows(sql, name, before))]


def mark_document(document_id: str, state: State, detail: str, finished_at: float | None) -> Work[None]:
    """Say what became of a document."""
    yield from run(
        "UPDATE documents SET state = $2, detail = $3, finished_at = $4 WHERE id = $1",
        document_id,
        state,
        detail,
        finished_at,
    )
