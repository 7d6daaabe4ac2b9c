"""Tells what a file holds by its content, and turns bytes into text."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from collections.abc import Mapping

from service.ingest.refusals import Refused

SUFFIXES: Mapping[str, str] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".text": "text",
    ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf", ".docx": "docx", ".docm": "docx",
}  # fmt: skip
"""What a suffix promises. A file with any other suffix, or none, is judged by its content alone."""

LONGEST_LINE = 2_000_000
_TEXTS = frozenset({"jsonl", "markdown", "text", "html"})
_HEAD = 4096
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED = re.compile(
    rb"<(?:meta[^>]{0,200}charset|\?xml[^>]{0,200}encoding)\s{0,5}=\s{0,5}[\"']?([\w-]{2,40})", re.IGNORECASE
)
_SINGLE_BYTE = frozenset(
    {"windows-1252", "cp1252", "iso-8859-1", "latin-1", "latin1", "iso-8859-15", "us-ascii", "ascii"}
)
_MARKUP = re.compile(
    rb"^\s{0,200}(?:<!doctype\s+html|<html|<\?xml[^>]{0,200}\?>\s{0,20}(?:<!doctype\s+html|<html)|<(?:head|body|div|p|h1|article)\b)",
    re.IGNORECASE,
)
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"BM")


def kind_of(content: bytes, suffix: str) -> str:
    """`jsonl`, `markdown`, `text`, `html`, `pdf` or `docx`, by content; `suffix` only tells kinds of text apart.

    Raises:
        Refused: the file is empty, of another kind, or not what its suffix says.
    """
    if not content.strip(b" \t\r\n\x00"):
        raise Refused("empty", f"{len(content)} bytes, none of them text")
    promised = SUFFIXES.get(suffix.lower())
    found = _by_signature(content) or _kind_of_text(content, promised)
    if promised is None and found == "text" and suffix:
        raise Refused("unsupported", f"text in a file whose name ends in {suffix}: a table, a program or settings")
    if promised is None or promised == found or {promised, found} <= {"markdown", "text"}:
        return found
    raise Refused("wrong_suffix", f"the name ends in {suffix}, the content is {found}")


def _by_signature(content: bytes) -> str | None:
    """The kind of a file that is not text."""
    if b"%PDF-" in content[:1024]:
        return "pdf"
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise Refused("old_office", "it begins as an old or encrypted Office file does")
    if content.startswith(b"PK"):
        return _kind_of_archive(content)
    if content.startswith(_PICTURES):
        raise Refused("no_text", "it is a picture")
    if content.startswith(
        (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x7fELF", b"MZ", b"{\\rtf", b"%!PS")
    ):
        raise Refused("unsupported", "it is an archive, a program, RTF or PostScript")
    return None


def _kind_of_archive(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise Refused("damaged", f"the archive cannot be read ({error})") from error
    if "word/document.xml" in names:
        return "docx"
    raise Refused("unsupported", "it is an archive without a Word document in it")


def _kind_of_text(content: bytes, promised: str | None) -> str:
    head = content[:_HEAD]
    if promised in _TEXTS and promised != "html" and not _MARKUP.match(head):
        if promised == "jsonl" and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            raise Refused("wrong_suffix", "the name says JSONL, the first line is no JSON object")
        return promised
    if promised == "markdown" and not re.match(rb"^\s{0,200}<(?:!doctype|html|\?xml)", head, re.IGNORECASE):
        return "markdown"  # Markdown may begin with a piece of HTML
    if _MARKUP.match(head.lstrip(b"\xef\xbb\xbf")):
        return "html"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b'{"') and promised is None:
        return "jsonl"
    return "html" if promised == "html" and b"<" in head else "text"


def text_of(content: bytes) -> str:
    """The text of a file of text.

    Raises:
        Refused: it holds NUL bytes or one endless line, or its encoding is neither UTF-8, UTF-16 with a mark, nor declared.
    """
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), None)
    if encoding is None and b"\x00" in content:
        raise Refused("binary", f"NUL at byte {content.index(0)}")
    try:
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        text = _declared(content, error)
    if "\x00" in text:
        raise Refused("binary", f"NUL at character {text.index(chr(0))}")
    longest = max(map(len, text.split("\n")))
    if longest > LONGEST_LINE:
        raise Refused("line_too_long", f"a line of {longest} characters, at most {LONGEST_LINE} are read")
    return text


def _declared(content: bytes, error: UnicodeDecodeError) -> str:
    """Text in the single-byte encoding that its markup declares; nothing is guessed, a wrong guess would falsify the law."""
    match = _DECLARED.search(content[:_HEAD])
    name = match[1].decode().lower() if match else ""
    if name in _SINGLE_BYTE:
        return content.decode("cp1252", errors="replace")
    raise Refused("encoding", f"byte {error.start} is no UTF-8, and the file declares no other encoding") from error
