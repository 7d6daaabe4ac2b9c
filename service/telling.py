"""Says what was done for an answer, in the reader's language: each step names what was looked at and what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

from service.chat.citations import CitationCheck
from service.chat.complexity import Assessment, ComplexityRules
from service.chat.evidence import Evidence
from service.chat.language import Language
from service.chat.planning import Plan
from service.deployments.model import Role
from service.llm.extractive import MODEL as EXTRACTIVE
from service.retrieval.retriever import Filters
from service.tools.toolbox import ToolRun

_SAID: Mapping[Language, Mapping[str, str]] = {
    "id": {
        "classify": "Menilai kerumitan",
        "guard": "Memeriksa batas layanan",
        "talk": "Menanggapi percakapan",
        "talked": "Pesan ini bukan pertanyaan hukum ({}), jadi tidak ada sumber yang dicari.",
        "once more": "Diminta menjelaskan lagi; pertanyaan sebelumnya dijawab ulang dari sumbernya: “{}”.",
        "follow": "Membaca percakapan",
        "translate": "Menerjemahkan istilah",
        "scope": "Membatasi pencarian",
        "plan": "Merencanakan alat",
        "run": "Menjalankan {}",
        "weigh": "Menimbang bukti",
        "withhold": "Menahan jawaban",
        "compose": "Menyusun jawaban",
        "check": "Memeriksa kutipan",
        "simple": "sederhana",
        "medium": "menengah",
        "complex": "kompleks",
        "complexity": "Pertanyaan {} (skor {}: {}).",
        "no signal": "tidak ada penanda khusus",
        "refused": "Permintaan tidak dipenuhi: {}.",
        "carried": "Pertanyaan lanjutan; topik yang dibawa: {}.",
        "translated": "Dicari dalam bahasa sumber: {}.",
        "on the day": "hukum yang berlaku pada {}",
        "types": "jenis {}",
        "years": "tahun {}",
        "searched": "Hanya dicari: {}.",
        "for": "{} untuk {}",
        "no tools": "Tidak ada alat yang dapat dipakai.",
        "denied": " Tidak tersedia bagi peran {}: {}.",
        "error": "“{}”: alat gagal dan tidak memberi hasil.",
        "timeout": "“{}”: alat terlalu lama dan dihentikan; hasil alat lain tetap dipakai.",
        "empty": "“{}”: tidak ada hasil.{}",
        "found": "“{}”: {} hasil, teratas “{}” (skor {}).{}",
        "weighed": "{} dari {} dokumen dipakai: {}. Dukungan bukti {}.",
        "none": "tidak ada",
        "below": "Dukungan bukti {} di bawah batas {}; layanan tidak menebak. Alasan: {}.",
        "without a model": "Jawaban disusun tanpa model bahasa dari {} sumber bernomor.",
        "composed": "Jawaban disusun oleh model “{}” dari {} sumber bernomor.",
        "dangling": "{} tanda merujuk pada sumber; tanpa sumber: {}.",
        "all marks": "Semua {} tanda kutipan merujuk pada sumber yang diberikan.",
        "interrupted": "(Jawaban di atas terputus karena {}. Berikut jawaban yang disusun ulang dari awal.)",
        "unsafe": "meminta bantuan untuk perbuatan melanggar hukum atau yang membahayakan diri",
        "injection": "mencoba mengubah aturan atau hak akses layanan",
        "out_of_domain": "di luar bidang hukum Indonesia",
        "law_not_in_corpus": "peraturan yang disebut tidak ditemukan dalam sumber",
        "article_not_in_law": "pasal yang disebut tidak ditemukan dalam sumber",
        "no_evidence": "bukti tidak cukup",
        "provider timeout": "penyedia model terlalu lama menjawab",
        "provider overloaded": "penyedia model sedang penuh",
        "provider filtered": "penyaring isi milik penyedia model",
        "provider": "gangguan pada penyedia model",
    },
    "en": {
        "classify": "Judging the complexity",
        "guard": "Checking the limits of the service",
        "talk": "Replying to the conversation",
        "talked": "This message is no question of law ({}), so no source was searched.",
        "once more": "Asked to explain again; the earlier question is answered anew from its sources: “{}”.",
        "follow": "Reading the conversation",
        "translate": "Translating terms",
        "scope": "Narrowing the search",
        "plan": "Planning tools",
        "run": "Running {}",
        "weigh": "Weighing evidence",
        "withhold": "Withholding an answer",
        "compose": "Composing the answer",
        "check": "Checking citations",
        "simple": "simple",
        "medium": "medium",
        "complex": "complex",
        "complexity": "A {} question (score {}: {}).",
        "no signal": "no special signal",
        "refused": "The request is not met: {}.",
        "carried": "A follow-up; the topic carried over: {}.",
        "translated": "Searched in the language of the sources: {}.",
        "on the day": "law in force on {}",
        "types": "instruments of type {}",
        "years": "of {}",
        "searched": "Searched only for: {}.",
        "for": "{} to {}",
        "no tools": "There is no tool to use.",
        "denied": " Not available to the role {}: {}.",
        "error": "“{}”: the tool failed and gave no result.",
        "timeout": "“{}”: the tool took too long and was stopped; the results of the others stand.",
        "empty": "“{}”: no result.{}",
        "found": "“{}”: {} results, the best “{}” (score {}).{}",
        "weighed": "{} of {} documents used: {}. Support by evidence {}.",
        "none": "none",
        "below": "Support by evidence {}, needed {}; the service does not guess. Reason: {}.",
        "without a model": "The answer was composed without a language model from {} numbered sources.",
        "composed": "The answer was composed by the model “{}” from {} numbered sources.",
        "dangling": "{} marks refer to a source; without a source: {}.",
        "all marks": "All {} marks refer to a source that was given.",
        "interrupted": "(The answer above broke off: {}. What follows is written anew from the beginning.)",
        "unsafe": "it asks for help with an unlawful act or with self-harm",
        "injection": "it tries to change the rules or the access of the service",
        "out_of_domain": "outside Indonesian law",
        "law_not_in_corpus": "the law that was named was not found in the sources",
        "article_not_in_law": "the article that was named was not found in the sources",
        "no_evidence": "not enough evidence",
        "provider timeout": "the model's provider took too long",
        "provider overloaded": "the model's provider is overloaded",
        "provider filtered": "the content filter of the model's provider",
        "provider": "a failure at the model's provider",
    },
}
_MEASURES = {
    "panjang": "length",
    "kalimat": "sentences",
    "koma": "commas",
    "kata sambung": "conjunctions",
    "beberapa pertanyaan": "several questions",
    "para pihak": "parties",
    "aturan yang disebut": "laws named",
    "kata abstrak": "abstract words",
}
_MOST_SIGNALS = 4


_SCORE = attrgetter("score")


def _number(value: float, places: int, language: Language) -> str:
    """A number with that many decimals, behind a comma where people write one."""
    text = f"{value:.{places}f}"
    return text.replace(".", ",") if language == "id" else text


def title(step: str, language: Language, name: str = "") -> str:
    """The heading of a step; `name` is the tool's where the step runs one."""
    said = _SAID[language][step]
    return said.format(name) if name else said


def complexity(assessment: Assessment, rules: ComplexityRules, language: Language) -> str:
    """The class of the question and the strongest signals behind it."""
    said = _SAID[language]
    names = assessment.signals[:_MOST_SIGNALS]
    if language == "en":
        names = tuple([_MEASURES.get(name) or rules.english[name] for name in names])
    signals = ", ".join(names) or said["no signal"]
    return said["complexity"].format(said[assessment.complexity], _number(assessment.points, 1, language), signals)


def refused(reason: str, language: Language) -> str:
    """Why a request is not met."""
    return _SAID[language]["refused"].format(_SAID[language][reason])


def talked(kind: str, language: Language) -> str:
    """That a message is no question, and of which kind it is."""
    return _SAID[language]["talked"].format(kind)


def once_more(question: str, language: Language) -> str:
    """Which earlier question is answered anew."""
    return _SAID[language]["once more"].format(question)


def carried(topic: str, language: Language) -> str:
    """What a follow-up inherits."""
    return _SAID[language]["carried"].format(topic)


def translated(terms: Sequence[tuple[str, str]], language: Language) -> str:
    """Which words were translated into what."""
    return _SAID[language]["translated"].format("; ".join(f"{one} → {other}" for one, other in terms))


def scope(filters: Filters, language: Language) -> str:
    """The day, the kinds and the years to which the search for laws is held."""
    said = _SAID[language]
    lowest, highest = (str(year) if year is not None else "" for year in (filters.year_from, filters.year_to))
    years = lowest if lowest == highest else f"{lowest}–{highest}"
    parts = [
        said["on the day"].format(filters.in_force_on) if filters.in_force_on else "",
        said["types"].format(", ".join(name.upper() for name in filters.types)) if filters.types else "",
        said["years"].format(years) if years else "",
    ]
    return said["searched"].format("; ".join(filter(None, parts)))


def plan(chosen: Plan, role: Role, language: Language) -> str:
    """The tools to run with their reasons, and those that the role may not use."""
    said = _SAID[language]
    pattern = said["for"]
    tools = "; ".join(
        [pattern.format(tool.name, tool.english if language == "en" else tool.reason) for tool in chosen.tools]
    )
    text = f"{tools}." if tools else said["no tools"]
    return text + (said["denied"].format(role.name, ", ".join(chosen.denied)) if chosen.denied else "")


def run(tool_run: ToolRun, language: Language) -> str:
    """What a tool was asked and what it found."""
    said = _SAID[language]
    if tool_run.result is None:
        return said[tool_run.outcome].format(tool_run.query)
    hits = tool_run.result.hits
    remark = f" {tool_run.result.remark}" if tool_run.result.remark else ""
    if not hits:
        return said["empty"].format(tool_run.query, remark)
    best = max(hits, key=_SCORE)
    return said["found"].format(
        tool_run.query, len(hits), best.document.title, _number(best.score, 2, language), remark
    )


def weighing(evidence: Sequence[Evidence], looked_at: int, confidence: float, language: Language) -> str:
    """How many documents were looked at, which stay, and how well they carry an answer."""
    said = _SAID[language]
    kept = ", ".join([item.document.label for item in evidence]) or said["none"]
    return said["weighed"].format(len(evidence), looked_at, kept, _number(confidence, 2, language))


def abstention(confidence: float, least: float, reason: str, language: Language) -> str:
    """Why no answer is given."""
    return _SAID[language]["below"].format(
        _number(confidence, 2, language), _number(least, 2, language), _SAID[language][reason]
    )


def composing(evidence: Sequence[Evidence], model: str, language: Language) -> str:
    """What the answer was made of, and by which model."""
    said = _SAID[language]
    if model == EXTRACTIVE:
        return said["without a model"].format(len(evidence))
    return said["composed"].format(model, len(evidence))


def interruption(reason: str, language: Language = "id") -> str:
    """What stands between a beginning that its writer could not finish and the answer that replaces it."""
    said = _SAID[language]
    why = said.get(f"provider {reason}", said["provider"])
    return f"\n\n{said['interrupted'].format(why)}\n\n"


def check(found: CitationCheck, language: Language) -> str:
    """Whether every mark stands on a passage."""
    said = _SAID[language]
    if found.dangling:
        return said["dangling"].format(len(found.used), ", ".join(f"[{number}]" for number in found.dangling))
    return said["all marks"].format(len(found.used))
