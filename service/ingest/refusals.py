"""Why a file, or a part of one, is not taken in: each reason has a code, and an advice that a person can follow."""

from __future__ import annotations

from service.errors import ServiceError

ADVICE: dict[str, str] = {
    "empty": "the file holds nothing; remove it or put its text in",
    "too_large": "split the file, or turn it into JSONL, which is read line by line",
    "unsupported": "give it as .jsonl, .md, .txt, .html, .pdf or .docx",
    "wrong_suffix": "rename the file so that its suffix says what it holds, then look whether it is the file you meant",
    "old_office": "save it as .docx without a password (this is an old .doc, or an encrypted Office file)",
    "binary": "save it as plain text; it holds NUL or control bytes",
    "encoding": "save it as UTF-8",
    "line_too_long": "break the text into lines; one line is longer than any text has",
    "damaged": "get the file again; it is cut off or broken",
    "password": "remove the password and give the file again",
    "no_text": "run it through text recognition (OCR) first; its pages are pictures",
    "bomb": "do not open it: unpacked or expanded, it is far larger than a document",
    "too_deep": "simplify the file; its elements are nested deeper than a document's are",
    "too_many_entries": "split the file; it makes more entries than one document can",
    "bad_record": "mend or remove the line; the corpus page of the docs lists the fields",
    "id_taken": "remove one of the two, or give this one another id",
    "memory": "split the file; reading it takes more memory than a document may",
    "time": "split the file; reading it takes longer than a document may",
    "crashed": "get the file again, or turn it into text; the reader ended on it",
    "unreadable": "make the file readable for the user who ingests",
    "bad_name": "rename the file; its name, or that of a folder above it, is not UTF-8",
    "outside": "copy the file into the folder; a link that leads out of it is not followed",
    "not_a_file": "remove it; it is a device, a socket or a pipe",
    "changed": "ingest again once nothing writes to the file any more",
}
TRANSIENT = frozenset({"memory", "time", "crashed", "unreadable", "changed"})


class Refused(ServiceError):  # noqa: N818 - a refusal is an outcome that the report lists
    """A file that is not taken in; `code` is a key of `ADVICE`, `detail` says what was seen."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}; {ADVICE[code]}")
        self.code = code
        self.detail = detail
