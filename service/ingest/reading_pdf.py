"""Reads the text of a PDF page by page. Pictures are not read: a file without text is refused."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium

from service.ingest.manuscript import Line, Manuscript, clean, invisible_finding
from service.ingest.noise import doubled
from service.ingest.refusals import Refused

_MOST_PAGES = 5000
_FEWEST_LETTERS = 20
# PDFium puts U+0002 where a hyphen at a line's end was taken out.
_HYPHEN = re.compile("([^\\W\\d_]+)\x02([^\\W\\d_]+)")
_WHITE = 250
_SMALLEST_POINTS = 1.0


def read_pdf(content: bytes) -> Manuscript:
    """The lines of all pages.

    Raises:
        Refused: the file is damaged, locked by a password, or holds no text.
    """
    document = _open(content)
    try:
        pages = len(document)
        if pages > _MOST_PAGES:
            raise Refused("too_large", f"{pages} pages, at most {_MOST_PAGES} are read")
        return _manuscript([_page(document, number) for number in range(pages)])
    finally:
        document.close()


def _open(content: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Refused("password", "the PDF is locked by a password") from error
        raise Refused("damaged", f"PDFium cannot open it ({error})") from error


def _manuscript(pages: list[tuple[str, int]]) -> Manuscript:
    lines: list[Line] = []
    without_text: list[str] = []
    invisible = 0
    for number, (text, _) in enumerate(pages, start=1):
        if sum(letter.isalpha() for letter in text) < _FEWEST_LETTERS:
            without_text.append(str(number))
        for part in text.splitlines():
            cleaned, removed = clean(part)
            invisible += removed
            if cleaned:
                lines.append(Line(cleaned, page=number))
    if len(without_text) == len(pages):
        raise Refused("no_text", f"none of its {len(pages)} pages holds text")
    hidden = sum(count for _, count in pages)
    findings = [f"pages without text (pictures?): {', '.join(without_text)}"] if without_text else []
    if hidden:
        findings.append(f"{hidden} hidden characters dropped (white or tiny)")
    return Manuscript(tuple(lines), wrapped=True, findings=(*findings, *invisible_finding(invisible)))


def _page(document: pypdfium2.PdfDocument, number: int) -> tuple[str, int]:
    """The text of a page, and how many hidden characters were dropped from it."""
    try:
        page = document[number]
        text = page.get_textpage()
    except pypdfium2.PdfiumError as error:
        raise Refused("damaged", f"page {number + 1} cannot be read ({error})") from error
    try:
        shown, hidden = _visible(text) if _hides_something(page) else (text.get_text_bounded(), 0)
        return _HYPHEN.sub(_rejoin, shown), hidden
    finally:
        text.close()
        page.close()


def _rejoin(match: re.Match[str]) -> str:
    return f"{match[1]}-{match[2]}" if doubled(match[1], match[2]) else match[1] + match[2]


def _hides_something(page: pypdfium2.PdfPage) -> bool:
    """Whether a page without pictures has white or tiny text. Over a scanned picture all text is unseen by design."""
    kinds = [(one.type, one) for one in page.get_objects(max_depth=4)]
    if any(kind == pdfium.FPDF_PAGEOBJ_IMAGE for kind, _ in kinds):
        return False
    return any(_is_hidden(one.raw) for kind, one in kinds if kind == pdfium.FPDF_PAGEOBJ_TEXT)


def _is_hidden(one: object) -> bool:
    """Whether a text object, as PDFium's own handle, is white, transparent, drawn in no mode, or too small to be seen."""
    size = ctypes.c_float()
    pdfium.FPDFTextObj_GetFontSize(one, size)
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    pdfium.FPDFPageObj_GetFillColor(one, red, green, blue, alpha)
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(one, matrix)
    white = min(red.value, green.value, blue.value) >= _WHITE
    unseen = pdfium.FPDFTextObj_GetTextRenderMode(one) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
    scale = max(abs(value) for value in (matrix.a, matrix.b, matrix.c, matrix.d))
    return white or unseen or alpha.value == 0 or size.value * scale < _SMALLEST_POINTS


def _visible(text: pypdfium2.PdfTextPage) -> tuple[str, int]:
    kept: list[str] = []
    hidden = 0
    for character, shown in _characters(text):
        if shown:
            kept.append(character)
        else:
            hidden += character.strip() != ""
    return "".join(kept), hidden


def _characters(text: pypdfium2.PdfTextPage) -> Iterator[tuple[str, bool]]:
    for place in range(text.count_chars()):
        character = chr(pdfium.FPDFText_GetUnicode(text.raw, place))
        owner = pdfium.FPDFText_GetTextObject(text.raw, place)
        yield character, not owner or not _is_hidden(owner)
