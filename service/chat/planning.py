"""Which tools a question needs, and which of them its role may use."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from service.chat.complexity import Complexity
from service.chat.lexicon import lexicon
from service.text import Said
from service.values import value

_ON_DECISIONS = lexicon([
    "preseden", "putusan", "yurisprudensi", "mahkamah agung", "ma", "precedent", "precedents", "case law", "court decisions", "rulings",
])  # fmt: skip
_ON_COMPARING = lexicon([
    "bandingkan", "membandingkan", "perbandingan", "dibandingkan", "komparasi", "versus", "vs", "evolusi", "perkembangan",
    "sebelum dan sesudah", "compare", "comparison", "versus", "before and after", "over time",
])  # fmt: skip
_ON_LAW = lexicon([
    "dasar hukum", "pasal", "ps", "psl", "undang undang", "uu", "perma", "kuhp", "kuhper", "kuhperdata", "kuh perdata", "bw", "aturan", "peraturan", "ketentuan", "diatur",
    "sanksi", "hukuman", "syarat", "unsur",
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedTool:
    """A tool to run and why, in Indonesian and in English."""

    name: str
    reason: str
    english: str = ""


_RETRIEVER = PlannedTool(
    "LegalRetriever", "mencari bagian korpus yang paling sesuai", "search for the passages that fit best"
)
_LAW_LOOKUP = PlannedTool(
    "LawLookup", "memeriksa pasal dan peraturan yang menjadi dasar", "look up the articles and laws it rests on"
)
_EXPLORER = PlannedTool("PrecedentExplorer", "menelusuri putusan yang berkaitan", "explore related decisions")
_COMPARATOR = PlannedTool(
    "CaseComparator",
    "menyusun putusan menurut waktu untuk dibandingkan",
    "set decisions side by side in the order of time",
)


@value
class Plan:
    """The tools to run, in a fixed order, and those that the question called for but the role may not use."""

    tools: tuple[PlannedTool, ...]
    denied: tuple[str, ...]


def plan_tools(asked: Said, complexity: Complexity, permitted: AbstractSet[str]) -> Plan:
    """Choose tools by the words of the question and its complexity; the role's rights decide last."""
    on_decisions = complexity == "complex" or _ON_DECISIONS.shows(asked)
    wanted = [_RETRIEVER]
    if complexity != "simple" or _ON_LAW.shows(asked):
        wanted.append(_LAW_LOOKUP)
    if on_decisions:
        wanted.append(_EXPLORER)
    if on_decisions and _ON_COMPARING.shows(asked):
        wanted.append(_COMPARATOR)
    tools = tuple([tool for tool in wanted if tool.name in permitted])
    return Plan(tools, tuple([tool.name for tool in wanted if tool.name not in permitted]))
