"""Reads a Word document: paragraphs with their heading level and their automatic numbers, tables row by row, no hidden text."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from service.ingest.manuscript import Line, Manuscript, clean, invisible_finding
from service.ingest.numbering import Numbering
from service.ingest.refusals import Refused
from service.ingest.word_styles import Styles

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DC = "{http://purl.org/dc/elements/1.1/}title"
_MOST_UNPACKED_BYTES = 48_000_000
_MOST_PARTS = 5000
_HIGHEST_RATIO = 300
_DEEPEST = 100
_SKIPPED = frozenset(
    {f"{_W}{name}" for name in ("del", "moveFrom", "instrText", "delText", "txbxContent")}
    | {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
)


@dataclass(slots=True)
class _Text:
    """The visible text of a paragraph, and how many hidden characters were left out of it."""

    parts: list[str] = field(default_factory=list)
    hidden: int = 0


def read_docx(content: bytes) -> Manuscript:
    """The lines of the document's body.

    Raises:
        Refused: it is damaged, unpacks to far more than a document, is nested too deep, or holds no text.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive)
            document = _part(archive, "word/document.xml")
            styles = Styles.of(_part(archive, "word/styles.xml"))
            numbering = Numbering.of(_part(archive, "word/numbering.xml"))
            core = _part(archive, "docProps/core.xml")
            macros = "word/vbaProject.bin" in archive.namelist()
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise Refused("damaged", f"the archive cannot be unpacked ({error})") from error
    body = document.find(f"{_W}body") if document is not None else None
    if body is None:
        raise Refused("damaged", "it has no body")
    return _manuscript(body, styles, numbering, core.findtext(f".//{_DC}") if core is not None else None, macros=macros)


def _check(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if len(parts) > _MOST_PARTS or unpacked > _MOST_UNPACKED_BYTES:
        raise Refused("bomb", f"{len(parts)} parts of {unpacked} bytes unpacked")
    if unpacked > 1_000_000 and unpacked > _HIGHEST_RATIO * packed:
        raise Refused("bomb", f"it unpacks to {unpacked // max(packed, 1)} times its size")
    if any(part.flag_bits & 1 for part in parts):
        raise Refused("password", "its parts are encrypted")


def _part(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """One part of the archive as a tree; None where it is missing."""
    if name not in archive.namelist():
        return None
    with archive.open(name) as packed:
        content = packed.read(_MOST_UNPACKED_BYTES + 1)  # the directory's sizes may lie
    if len(content) > _MOST_UNPACKED_BYTES:
        raise Refused("bomb", f"{name} unpacks to more than {_MOST_UNPACKED_BYTES} bytes")
    if b"<!DOCTYPE" in content[:4096].upper() or b"<!ENTITY" in content.upper():
        raise Refused("bomb", f"{name} declares entities, which no Word document does")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        code = "too_deep" if "depth" in str(error).lower() else "damaged"
        raise Refused(code, f"{name}: {error}") from error


def _manuscript(
    body: etree._Element, styles: Styles, numbering: Numbering, title: str | None, *, macros: bool
) -> Manuscript:
    lines: list[Line] = []
    levels = styles.levels()
    hidden = invisible = 0
    for paragraphs, is_row in _blocks(body):
        texts = []
        level = 0
        for paragraph in paragraphs:
            text = _text(paragraph, styles)
            hidden += text.hidden
            shown = "".join(text.parts)
            level = _level(paragraph, levels)
            # Word counts and shows the number of an empty paragraph too; only one that is a heading ("Pasal 3") says something by itself.
            mark = numbering.next(paragraph)
            texts.append(f"{mark}{shown}" if shown.strip() or mark.endswith("\n") else "")
        joined = " | ".join(filter(str.strip, texts)) if is_row else "\n".join(texts)
        for part in joined.split("\n"):
            cleaned, removed = clean(part)
            invisible += removed
            if cleaned:
                lines.append(Line(cleaned, 0 if is_row else level))
    if not lines:
        raise Refused("no_text", "the document holds no visible text")
    findings = [f"{hidden} hidden characters dropped"] if hidden else []
    if macros:
        findings.append("macros are in the file; they were not run")
    return Manuscript(tuple(lines), clean(title or "")[0] or None, findings=(*findings, *invisible_finding(invisible)))


def _blocks(body: etree._Element) -> Iterator[tuple[list[etree._Element], bool]]:
    """Paragraphs outside of tables one by one, and those of a table's row together."""
    stack = [(child, 0) for child in reversed(body)]
    while stack:
        element, depth = stack.pop()
        if depth > _DEEPEST:
            raise Refused("too_deep", f"elements nested more than {_DEEPEST} deep")
        if element.tag == f"{_W}p":
            yield [element], False
        elif element.tag == f"{_W}tr":
            yield list(element.iter(f"{_W}p")), True
        elif element.tag not in _SKIPPED:
            stack.extend((child, depth + 1) for child in reversed(element))


def _level(paragraph: etree._Element, levels: Mapping[str, int]) -> int:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    outline = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
    if outline is not None and (outline.get(f"{_W}val") or "").isdigit():
        level = int(outline.get(f"{_W}val") or 9) + 1
        return level if level < 10 else 0
    return levels.get(style.get(f"{_W}val") or "", 0) if style is not None else 0


def _text(paragraph: etree._Element, styles: Styles) -> _Text:
    text = _Text()
    stack = [(child, False, 0) for child in reversed(paragraph)]
    while stack:
        element, hidden, depth = stack.pop()
        if element.tag in _SKIPPED or depth > _DEEPEST:
            continue
        if element.tag == f"{_W}t":
            if hidden:
                text.hidden += len((element.text or "").strip())
            else:
                text.parts.append(element.text or "")
        elif element.tag in {f"{_W}tab", f"{_W}noBreakHyphen"}:
            text.parts.append(" " if element.tag == f"{_W}tab" else "-")
        elif element.tag in {f"{_W}br", f"{_W}cr"}:
            text.parts.append("\n")
        else:
            unseen = hidden or (element.tag == f"{_W}r" and styles.hides(element, paragraph))
            stack.extend((child, unseen, depth + 1) for child in reversed(element) if child.tag != f"{_W}pPr")
    return text
