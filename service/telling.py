"""Says in Indonesian what was done for an answer: each step names what was looked at and what it gave."""

from __future__ import annotations

from collections.abc import Sequence

from service.chat.citations import CitationCheck
from service.chat.complexity import Assessment
from service.chat.evidence import Evidence
from service.chat.planning import Plan
from service.deployments.model import Role
from service.tools.toolbox import ToolRun

_INTERRUPTIONS = {
    "timeout": "penyedia model terlalu lama menjawab",
    "overloaded": "penyedia model sedang penuh",
    "filtered": "penyaring isi milik penyedia model",
}
_LEVELS = {"simple": "sederhana", "medium": "sedang", "complex": "kompleks"}


def complexity(assessment: Assessment) -> str:
    """The class of the question and the signals behind it."""
    signals = ", ".join(assessment.signals) or "tidak ada penanda khusus"
    return f"Pertanyaan {_LEVELS[assessment.complexity]} ({assessment.points} poin: {signals})."


def plan(chosen: Plan, role: Role) -> str:
    """The tools to run with their reasons, and those that the role may not use."""
    tools = "; ".join(f"{tool.name} untuk {tool.reason}" for tool in chosen.tools)
    text = f"{tools}." if tools else "Tidak ada alat yang dapat dipakai."
    if chosen.denied:
        text += f" Tidak tersedia bagi peran {role.name}: {', '.join(chosen.denied)}."
    return text


def run(tool_run: ToolRun) -> str:
    """What a tool was asked and what it found."""
    asked = f"“{tool_run.query}”"
    if tool_run.result is None:
        return f"{asked}: alat gagal dan tidak memberi hasil."
    hits = tool_run.result.hits
    remark = f" {tool_run.result.remark}" if tool_run.result.remark else ""
    if not hits:
        return f"{asked}: tidak ada hasil.{remark}"
    best = max(hits, key=lambda hit: hit.score)
    return f"{asked}: {len(hits)} hasil, teratas “{best.document.title}” (skor {best.score:.2f}).{remark}"


def weighing(evidence: Sequence[Evidence], looked_at: int, confidence: float) -> str:
    """How many documents were looked at, which stay, and how well they carry an answer."""
    kept = ", ".join(item.document.label for item in evidence) or "tidak ada"
    return f"{len(evidence)} dari {looked_at} dokumen dipakai: {kept}. Dukungan bukti {confidence:.2f}."


def abstention(confidence: float, least: float) -> str:
    """Why no answer is given."""
    return f"Dukungan bukti {confidence:.2f} di bawah batas {least:.2f}; layanan tidak menebak."


def composing(evidence: Sequence[Evidence], model: str) -> str:
    """What the answer was made of, and by which model."""
    return f"Jawaban disusun oleh model “{model}” dari {len(evidence)} sumber bernomor."


def interruption(reason: str) -> str:
    """What stands between a beginning that its writer could not finish and the answer that replaces it."""
    why = _INTERRUPTIONS.get(reason, "gangguan pada penyedia model")
    return f"\n\n(Jawaban di atas terputus karena {why}. Berikut jawaban yang disusun ulang dari awal.)\n\n"


def check(found: CitationCheck) -> str:
    """Whether every mark stands on a passage."""
    if found.dangling:
        wrong = ", ".join(f"[{number}]" for number in found.dangling)
        return f"{len(found.used)} tanda merujuk pada sumber; tanpa sumber: {wrong}."
    return f"Semua {len(found.used)} tanda kutipan merujuk pada sumber yang diberikan."
