"""Documents that are small as files and huge once opened: each is refused by a confined child, and the next one is read as ever (V5)."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.ingest.entries import Origin
from service.ingest.finding import Found
from service.ingest.limits import Limits
from service.ingest.reader import Reader
from service.ingest.refusals import Refused
from tests.service.ingest.conftest import DAY

pytestmark = pytest.mark.integration

WORDS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPES = (
    b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml"'
    b' ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def word(body: str, before: str = "", times: int = 1) -> bytes:
    """A DOCX whose body is a text, so many times over; it never stands in memory as a whole."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        with archive.open("word/document.xml", "w") as part:
            part.write(f"<?xml version='1.0'?>{before}<w:document {WORDS}><w:body>".encode())
            for _ in range(times):
                part.write(body.encode())
            part.write(b"</w:body></w:document>")
    return made.getvalue()


def page(stream: bytes, filters: str) -> bytes:
    """A PDF of one page whose content is this stream."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(stream), filters.encode(), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = b"%PDF-1.4\n"
    for number, one in enumerate(objects, 1):
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    return body + b"trailer << /Root 1 0 R /Size 6 >>\n%%EOF\n"


def packed(content: bytes, times: int) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return content


BOMBS: dict[str, Callable[[], bytes]] = {
    "one part of 300 MB.docx": lambda: word("<w:p/>" * 170_000, times=300),
    "entities.docx": lambda: word("<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>", f'<!DOCTYPE w [<!ENTITY l0 "lol">{LAUGHS}]>'),
    "a file of the machine.docx": lambda: word("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "ten thousand deep.docx": lambda: word("<w:p>" * 10_000 + "</w:p>" * 10_000),
    "text without end.pdf": lambda: page(packed(b"BT /F1 9 Tf (aaaaaaaa) Tj ET\n" * 6_000_000, 1), "/FlateDecode"),
    "nested elements.html": lambda: b"<div>\n" * 300_000 + b"x",
}  # fmt: skip
"""Made where they are needed: packing them takes a second, and every worker imports this file."""


EXPECTED: dict[str, set[str]] = {
    "one part of 300 MB.docx": {"bomb"},
    "entities.docx": {"bomb"},
    "a file of the machine.docx": {"bomb"},
    "ten thousand deep.docx": {"too_deep"},
    # Only opening it tells: one of the limits ends the child, whichever is met first.
    "text without end.pdf": {"memory", "time", "crashed"},
    "nested elements.html": {"too_deep"},
}


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_one_refusal(reader: Reader, tmp_path: Path, name: str) -> None:
    """Refused with a reason, at the latest by the limits of memory and time; nothing of the machine is in what was read."""
    content = BOMBS[name]()
    assert len(content) < 4 * 1024 * 1024
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused) as refused:
        reader.read(Found(tmp_path / name, name, len(content), tmp_path / name), Origin(name, DAY), Limits())
    assert refused.value.code in EXPECTED[name]
    assert "root:" not in str(refused.value)
    (tmp_path / "kecil.md").write_bytes(b"# Judul\n\nIsi yang pendek.")
    assert reader.read(
        Found(tmp_path / "kecil.md", "kecil.md", 26, tmp_path / "kecil.md"), Origin("kecil.md", DAY)
    ).entries


def test_the_limits_are_those_that_were_promised() -> None:
    """256 MB of address space and four seconds of processor for a document of usual size."""
    assert (Limits().memory_bytes, Limits().cpu_seconds) == (256 * 1024 * 1024, 4)
    assert Limits.for_size(100_000) == Limits()
