"""An invented law, and files made of it: PDF written by hand, DOCX by python-docx."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date

import docx
import pytest

from service.ingest.entries import Origin

DAY = date(2026, 11, 21)

LAW = """PRESIDEN
REPUBLIK INDONESIA
UNDANG-UNDANG REPUBLIK INDONESIA
NOMOR 98 TAHUN 2031
TENTANG
PERLINDUNGAN KEBUN BUNGA
DENGAN RAHMAT TUHAN YANG MAHA ESA
Menimbang : a. bahwa kebun bunga perlu dilindungi sebagaimana dimaksud dalam
Pasal 1
Mengingat : Pasal 5 ayat (1) Undang-Undang Dasar;
MEMUTUSKAN:
Menetapkan : UNDANG-UNDANG TENTANG PERLINDUNGAN KEBUN BUNGA.
BAB I
KETENTUAN UMUM
Pasal 1
Dalam Undang-Undang ini yang dimaksud dengan:
1. Kebun Bunga adalah bidang tanah yang ditanami bunga.
2. Pemilik adalah orang yang mempunyai Kebun Bunga.
BAB II
HAK DAN KEWAJIBAN
Bagian Kesatu
Hak
Pasal 2
(1) Pemilik berhak memetik bunga sebagaimana dimaksud dalam
Pasal 1 angka 1.
(2) Hak itu tidak dapat dialihkan.
Pasal 3
Pemilik wajib menyiram kebun pada pagi hari.
Agar setiap orang mengetahuinya, memerintahkan pengundangan.
Disahkan di Jakarta
pada tanggal 4 Mei 2031
Diundangkan di Jakarta
pada tanggal 5 Mei 2031
PENJELASAN
ATAS
UNDANG-UNDANG REPUBLIK INDONESIA
NOMOR 98 TAHUN 2031
I. UMUM
Kebun bunga menyejukkan kota dan menenangkan warganya.
II. PASAL DEMI PASAL
Pasal 1
Cukup jelas.
Pasal 2
Ayat (1)
Yang dimaksud dengan memetik adalah mengambil dengan tangan.
Pasal 3
Cukup jelas.
"""


def pdf(pages: Sequence[Sequence[str]], *, paint: str = "0 g", extra: str = "") -> bytes:
    """A PDF of lines in Helvetica; `paint` sets the colour of the text, `extra` goes into the trailer."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, lines in enumerate(pages):
        shown = "".join(f"({line.replace('(', chr(92) + '(').replace(')', chr(92) + ')')}) Tj T*\n" for line in lines)
        stream = f"BT {paint} /F1 10 Tf 12 TL 40 800 Td\n{shown}ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{content}\nendobj\n".encode())
    start = out.tell()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode())
    out.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R {extra} >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


def word(fill: Callable[[docx.document.Document], None]) -> bytes:
    """A Word document that `fill` writes into."""
    document = docx.Document()
    fill(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.fixture
def law() -> str:
    """The text of an invented law with explanatory notes."""
    return LAW


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    """Writes a PDF."""
    return pdf


@pytest.fixture
def make_word() -> Callable[..., bytes]:
    """Writes a Word document."""
    return word


@pytest.fixture
def origin() -> Callable[[str], Origin]:
    """An origin of that name."""
    return lambda name: Origin(name, DAY)
