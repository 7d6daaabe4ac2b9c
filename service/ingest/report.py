"""What an ingest did, as values, as JSON and as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from service.ingest.finding import PassedOver
from service.ingest.ledger import Filed
from service.ingest.refusals import ADVICE

SCHEMA = "courtsight/ingest-report/v1"
EVERYTHING, SOME_REFUSED, NOTHING_PUBLISHED, INTERRUPTED = 0, 1, 5, 130
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Repeated:
    """Entries of a file that were left out because another file holds the same ids; `same` of them with the same words."""

    name: str
    holder: str
    count: int
    same: int
    example: str


@dataclass(frozen=True, slots=True)
class Publication:
    """The corpus as it stands after the run. `changed` says whether a new generation was published."""

    corpus_hash: str
    entries: int
    generation: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `read` files were parsed now, `unchanged` ones before; `removed` ones left with their entries."""

    files: tuple[Filed, ...]
    passed_over: tuple[PassedOver, ...]
    read: int
    unchanged: int
    removed: tuple[str, ...]
    repeated: tuple[Repeated, ...]
    published: Publication | None
    dry_run: bool
    seconds: float

    @property
    def refused(self) -> tuple[tuple[str, str, str], ...]:
        """Path, code and detail of everything that was refused, lines of JSONL files among it."""
        return tuple(_refused(self))

    @property
    def exit_status(self) -> int:
        """0 everything is in, 1 something was refused or left out, 5 nothing could be published."""
        if self.published is None and not (self.dry_run and any(filed.entries for filed in self.files)):
            return NOTHING_PUBLISHED
        left_out = any(one.count > one.same for one in self.repeated)
        return SOME_REFUSED if self.refused or left_out else EVERYTHING


def _refused(report: Report) -> Iterator[tuple[str, str, str]]:
    for over in report.passed_over:
        if over.code != "hidden":
            yield over.path, over.code, over.detail
    for filed in report.files:
        if filed.refused:
            yield filed.name, filed.refused, filed.detail or ""
        for line in filed.lines_refused:
            yield f"{filed.name}:{line.line}", line.code, line.detail


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values; file paths are those inside the folder that was ingested."""
    return {
        "schema": SCHEMA,
        "exit_status": report.exit_status,
        "dry_run": report.dry_run,
        "seconds": round(report.seconds, 3),
        "published": asdict(report.published) if report.published else None,
        "read": report.read,
        "unchanged": report.unchanged,
        "removed": list(report.removed),
        "refused": [
            {"path": path, "code": code, "detail": detail, "advice": ADVICE.get(code, "")}
            for path, code, detail in report.refused
        ],
        "passed_over": [asdict(over) for over in report.passed_over if over.code == "hidden"],
        "repeated": [asdict(one) for one in report.repeated],
        "files": [
            {
                "path": filed.name,
                "sha256": filed.digest,
                "kind": filed.kind,
                "form": filed.form,
                "entries": filed.entries,
                "articles": filed.articles,
                "explanatory_notes": filed.notes,
                "warnings": list(filed.findings),
            }
            for filed in report.files
            if not filed.refused
        ],
    }


def as_text(report: Report) -> str:
    """The report for a person: first what came of it, then what was refused and why, then how each file was cut."""
    return "\n".join([*_outcome(report), *_of_refused(report), *_of_files(report)]) + "\n"


def _several(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _outcome(report: Report) -> Iterator[str]:
    entries = sum(filed.entries for filed in report.files)
    yield (
        f"{_several(report.read, 'file', 'files')} read, {report.unchanged} unchanged, {len(report.removed)} removed, "
        f"{len(report.refused)} refused; {_several(entries, 'entry', 'entries')}; {report.seconds:.1f} s"
    )
    if report.dry_run:
        yield "dry run: nothing was written"
    elif report.published is None:
        yield "nothing was published; an index that was there before is untouched"
    elif report.published.changed:
        yield f"published generation {report.published.generation} with {_several(report.published.entries, 'entry', 'entries')}"
    else:
        yield f"nothing changed: generation {report.published.generation} stays"


def _of_refused(report: Report) -> Iterator[str]:
    refused = report.refused
    if refused:
        yield "\nrefused:"
    for path, code, detail in refused[:_MOST_LINES]:
        yield f"  {path}: {code} ({detail}); {ADVICE.get(code, '')}"
    if len(refused) > _MOST_LINES:
        yield f"  and {len(refused) - _MOST_LINES} more, all of them in ingest-report.json"
    for one in report.repeated:
        yield f"  {one.name}: {_several(one.count, 'entry', 'entries')} left out, {one.holder} has the same ids ({one.same} of them word for word), as {one.example}"


def _of_files(report: Report) -> Iterator[str]:
    for filed in report.files:
        if filed.refused or (filed.form in {"guide", "records"} and not filed.findings):
            continue
        cut = f", {filed.articles} articles, {filed.notes} explanatory notes" if filed.articles else ""
        yield f"\n{filed.name}: {filed.form}, {_several(filed.entries, 'entry', 'entries')}{cut}"
        for finding in filed.findings:
            yield f"  warning: {finding}"
