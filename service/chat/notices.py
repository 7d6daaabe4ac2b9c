"""What the reader must know of an answer before relying on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.chat.citations import Citation
from service.chat.language import Language, Note
from service.chat.registers import Register

_SAID: Mapping[Language, Mapping[str, str]] = {
    "id": {
        "stood in": "Model bahasa tidak dipakai atau tidak dapat menjawab saat ini; jawaban ini disusun langsung dari kalimat sumber oleh mesin"
        " ekstraktif.",
        "demo": "Putusan bertanda [DEMO] adalah rekaan untuk demonstrasi, bukan putusan nyata: {}.",
        "unverified": "Sumber berikut belum diverifikasi terhadap naskah resmi: {}.",
        "dicabut": "Sumber berikut membahas aturan yang sudah dicabut; yang berlaku ialah penggantinya: {}.",
        "diubah": "Sumber berikut membahas aturan yang telah diubah; periksa bunyinya yang terbaru: {}.",
        "dangling": "Tanda berikut tidak merujuk pada sumber mana pun dan harus diabaikan: {}.",
        "unmet": "Kata berikut dari pertanyaan tidak terdapat dalam sumber yang dikutip, jadi bagian itu mungkin belum terjawab: {}.",
        "left out": "Sumber berikut memuat kalimat yang memberi perintah kepada mesin; kalimat itu tidak dikutip dan tidak dituruti: {}.",
        "malay": "Soalan dibaca sebagai bahasa Melayu. Layanan ini menjawab dalam bahasa Indonesia dan hanya tentang hukum Indonesia.",
        "regional": "Pertanyaan tampaknya memakai bahasa daerah. Layanan ini membaca bahasa Indonesia dan Inggris; bila jawabannya tidak mengena, tulislah pertanyaan itu"
        " dalam bahasa Indonesia.",
        "other": "Layanan ini menjawab dalam bahasa Indonesia atau Inggris. / This service answers in Indonesian or English.",
    },
    "en": {
        "stood in": "No language model was used or could answer; this answer was composed from sentences of the sources by the extractive engine.",
        "demo": "Decisions marked [DEMO] are invented for demonstration and are no real decisions: {}.",
        "unverified": "These sources have not been verified against the official text: {}.",
        "dicabut": "These sources speak of rules that were repealed; what replaced them applies: {}.",
        "diubah": "These sources speak of rules that were amended; check their latest wording: {}.",
        "dangling": "These marks refer to no source and must be ignored: {}.",
        "unmet": "These words of the question stand in none of the sources cited, so that part may not be answered: {}.",
        "left out": "These sources hold sentences that give orders to a machine; they are neither quoted nor obeyed: {}.",
        "original": "Quotations stay in Indonesian, the language of the law; a translation has no legal force.",
    },
}
_OUTDATED = ("dicabut", "diubah")


def notices(
    citations: Sequence[Citation],
    register: Register,
    dangling: Sequence[int] = (),
    language: Language = "id",
    note: Note = "",
    *,
    stood_in: bool = False,
    left_out: Sequence[int] = (),
    unmet: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> tuple[str, ...]:
    """What wrote in a model's place, demonstration decisions, unverified sources, marks without a source, and that this is no legal advice.

    Args:
        citations: what the answer cites.
        register: how the answer speaks, in any language.
        dangling: marks that refer to no source.
        language: that of the answer.
        note: what to say to those who asked in a language that answers are not written in.
        missing: sentences on the laws and articles of the question that the answer leaves out.
        stood_in: whether the extractive engine wrote in place of a model.
        left_out: the sources of which sentences were left out because they give orders to a model.
        unmet: words of the question that no source cited holds.
    """
    said = _SAID[language]
    marked: dict[str, list[int]] = {"demo": [], "unverified": [], "dicabut": [], "diubah": []}
    for citation in citations:
        if citation.demo:
            marked["demo"].append(citation.number)
        elif not citation.verified:
            marked["unverified"].append(citation.number)
        if citation.status in _OUTDATED:
            marked[citation.status].append(citation.number)
    found = [said["stood in"]] if stood_in else []
    for kind, numbers in (*marked.items(), ("dangling", dangling), ("left out", left_out)):
        if numbers:
            found.append(said[kind].format(_marks(numbers)))
    if unmet and citations:
        found.append(said["unmet"].format(", ".join([f"“{word}”" for word in unmet])))
    found += missing
    if note:
        found.append(said[note])
    if language == "en" and citations:
        found.append(said["original"])
    return (*found, register.spoken(language).notice)


def _marks(numbers: Sequence[int]) -> str:
    return ", ".join([f"[{number}]" for number in numbers])
