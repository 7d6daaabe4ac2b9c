"""What the reader must know of an answer before relying on it."""

from __future__ import annotations

from collections.abc import Sequence

from service.chat.citations import Citation
from service.chat.registers import Register

_STOOD_IN = (
    "Model bahasa tidak dipakai atau tidak dapat menjawab saat ini; jawaban ini disusun langsung dari kalimat sumber oleh mesin"
    " ekstraktif."
)


def notices(
    citations: Sequence[Citation], register: Register, dangling: Sequence[int] = (), *, stood_in: bool = False
) -> tuple[str, ...]:
    """What wrote in a model's place, demonstration decisions, unverified sources, marks without a source, no legal advice."""
    found: list[str] = [_STOOD_IN] if stood_in else []
    demo = [citation.number for citation in citations if citation.demo]
    if demo:
        found.append(f"Putusan bertanda [DEMO] adalah rekaan untuk demonstrasi, bukan putusan nyata: {_marks(demo)}.")
    unverified = [citation.number for citation in citations if not citation.verified and not citation.demo]
    if unverified:
        found.append(f"Sumber berikut belum diverifikasi terhadap naskah resmi: {_marks(unverified)}.")
    repealed = [citation.number for citation in citations if citation.status == "dicabut"]
    if repealed:
        found.append(
            f"Sumber berikut membahas aturan yang sudah dicabut; yang berlaku ialah penggantinya: {_marks(repealed)}."
        )
    amended = [citation.number for citation in citations if citation.status == "diubah"]
    if amended:
        found.append(
            f"Sumber berikut membahas aturan yang telah diubah; periksa bunyinya yang terbaru: {_marks(amended)}."
        )
    if dangling:
        found.append(f"Tanda berikut tidak merujuk pada sumber mana pun dan harus diabaikan: {_marks(dangling)}.")
    found.append(register.notice)
    return tuple(found)


def _marks(numbers: Sequence[int]) -> str:
    return ", ".join(f"[{number}]" for number in numbers)
