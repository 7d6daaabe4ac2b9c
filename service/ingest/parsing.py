"""From a file's bytes to entries. Pure: it runs in the child, and in tests without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import orjson

from service.ingest.decoding import LONGEST_LINE, kind_of, text_of
from service.ingest.entries import Cut, Origin, entries_of
from service.ingest.manuscript import INVISIBLE, Line, Manuscript, clean, invisible_finding
from service.ingest.reading_docx import read_docx
from service.ingest.reading_html import read_html, read_markdown
from service.ingest.reading_pdf import read_pdf
from service.ingest.refusals import Refused

MOST_ENTRIES = 200_000
_WRAPPED_LINE = 110
_FEWEST_WRAPPED = 8
Frame = Mapping[str, Any]


def frames_of(content: bytes, origin: Origin) -> Iterator[Frame]:
    """What the child says of a file, in order: `entry`, `line_refused`, and at the end one `done`.

    Raises:
        Refused: nothing of the file is taken in.
    """
    kind = kind_of(content, PurePosixPath(origin.path).suffix)
    if kind == "jsonl":
        yield from _records(text_of(content))
        return
    cut = entries_of(_READERS[kind](content), origin)
    if not cut.entries:
        raise Refused("no_text", "it makes no entry")
    if len(cut.entries) > MOST_ENTRIES:
        raise Refused("too_many_entries", f"{len(cut.entries)} entries, at most {MOST_ENTRIES} are taken")
    for entry in cut.entries:
        yield {"entry": entry}
    yield _done(kind, cut)


def read_text(text: str) -> Manuscript:
    """The lines of plain text; short lines throughout mean that paragraphs were broken at a margin."""
    lines = []
    invisible = 0
    for part in text.splitlines():
        cleaned, removed = clean(part)
        invisible += removed
        if cleaned:
            lines.append(Line(cleaned))
    if not lines:
        raise Refused("no_text", "nothing in it is visible")
    wrapped = len(lines) >= _FEWEST_WRAPPED and max(len(line.text) for line in lines) <= _WRAPPED_LINE
    return Manuscript(tuple(lines), wrapped=wrapped, findings=invisible_finding(invisible))


_READERS: Mapping[str, Callable[[bytes], Manuscript]] = {
    "pdf": read_pdf,
    "docx": read_docx,
    "html": lambda content: read_html(text_of(content)),
    "markdown": lambda content: read_markdown(text_of(content)),
    "text": lambda content: read_text(text_of(content)),
}


def _done(kind: str, cut: Cut) -> Frame:
    return {
        "done": {
            "kind": kind,
            "form": cut.form,
            "articles": cut.articles,
            "notes": cut.notes,
            "findings": list(cut.findings),
        }
    }


def _records(text: str) -> Iterator[Frame]:
    """Lines of JSON pass as they are, without invisible characters; a broken line is refused alone."""
    invisible = count = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = _record(line)
        except Refused as refusal:
            yield {"line_refused": number, "code": refusal.code, "detail": refusal.detail}
            continue
        removed = 0
        for name, value in entry.items():
            if isinstance(value, str):
                entry[name], found = INVISIBLE.subn("", value)
                removed += found
        invisible += removed
        count += 1
        if count > MOST_ENTRIES:
            raise Refused("too_many_entries", f"more than {MOST_ENTRIES} lines")
        yield {"entry": entry, "line": number}
    findings = invisible_finding(invisible)
    yield _done("jsonl", Cut((), "records", 0, 0, findings))


def _record(line: str) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise Refused("line_too_long", f"{len(line)} characters")
    try:
        found = orjson.loads(re.sub(r"^\ufeff", "", line))
    except orjson.JSONDecodeError as error:
        raise Refused("bad_record", f"not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise Refused("bad_record", "expected one JSON object per line")
    return found
