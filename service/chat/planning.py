"""Which tools a question needs, and which of them its role may use."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from service.chat.complexity import Complexity
from service.text import contains_phrase, words

_ON_DECISIONS = (
    "preseden", "putusan", "yurisprudensi", "mahkamah agung", "ma", "precedent", "precedents", "case law", "court decisions", "rulings",
)  # fmt: skip
_ON_COMPARING = (
    "bandingkan", "membandingkan", "perbandingan", "dibandingkan", "komparasi", "versus", "vs", "evolusi", "perkembangan",
    "sebelum dan sesudah", "compare", "comparison", "versus", "before and after", "over time",
)  # fmt: skip
_ON_LAW = (
    "dasar hukum", "pasal", "ps", "psl", "undang undang", "uu", "perma", "kuhp", "kuhper", "kuhperdata", "kuh perdata", "bw", "aturan", "peraturan", "ketentuan", "diatur",
    "sanksi", "hukuman", "syarat", "unsur",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedTool:
    """A tool to run and why, in Indonesian and in English."""

    name: str
    reason: str
    english: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The tools to run, in a fixed order, and those that the question called for but the role may not use."""

    tools: tuple[PlannedTool, ...]
    denied: tuple[str, ...]


def plan_tools(question: str, complexity: Complexity, permitted: AbstractSet[str]) -> Plan:
    """Choose tools by the words of the question and its complexity; the role's rights decide last."""
    asked = words(question)

    def shows(phrases: tuple[str, ...]) -> bool:
        return any(contains_phrase(asked, phrase) for phrase in phrases)

    wanted = [
        PlannedTool(
            "LegalRetriever", "mencari bagian korpus yang paling sesuai", "search for the passages that fit best"
        )
    ]
    if shows(_ON_LAW) or complexity != "simple":
        wanted.append(
            PlannedTool(
                "LawLookup",
                "memeriksa pasal dan peraturan yang menjadi dasar",
                "look up the articles and laws it rests on",
            )
        )
    if shows(_ON_DECISIONS) or complexity == "complex":
        wanted.append(
            PlannedTool("PrecedentExplorer", "menelusuri putusan yang berkaitan", "explore related decisions")
        )
    if shows(_ON_COMPARING) and (shows(_ON_DECISIONS) or complexity == "complex"):
        wanted.append(
            PlannedTool(
                "CaseComparator",
                "menyusun putusan menurut waktu untuk dibandingkan",
                "set decisions side by side in the order of time",
            )
        )
    return Plan(
        tools=tuple(tool for tool in wanted if tool.name in permitted),
        denied=tuple(tool.name for tool in wanted if tool.name not in permitted),
    )
