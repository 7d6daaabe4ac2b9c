"""Which tools a question gets."""

from __future__ import annotations

from service.chat.planning import plan_tools
from service.deployments.model import Deployment
from service.text import said

ALL = frozenset({"LegalRetriever", "LawLookup", "PrecedentExplorer", "CaseComparator"})


def names(question: str, complexity: str, permitted: frozenset[str] = ALL) -> list[str]:
    return [tool.name for tool in plan_tools(said(question), complexity, permitted).tools]  # type: ignore[arg-type]  # a word of the enum


def test_a_simple_question_needs_one_search() -> None:
    """What is asked plainly is looked up once."""
    assert names("Apa itu perceraian?", "simple") == ["LegalRetriever"]


def test_a_legal_basis_asks_for_the_law() -> None:
    """Words for a legal basis bring LawLookup."""
    assert names("Dasar hukum gugatan wanprestasi", "medium") == ["LegalRetriever", "LawLookup"]


def test_precedents_bring_the_explorer() -> None:
    """Words for decisions bring PrecedentExplorer."""
    assert "PrecedentExplorer" in names("preseden hukum kontrak", "simple")


def test_comparing_decisions_brings_the_comparator() -> None:
    """Comparing decisions uses all four tools."""
    assert set(names("Bandingkan dengan putusan serupa", "complex")) == ALL


def test_comparing_two_notions_does_not_bring_the_comparator() -> None:
    """A difference between two branches of law is no comparison of cases."""
    assert "CaseComparator" not in names("Apa perbedaan hukum pidana dan perdata?", "medium")


def test_a_role_never_gets_a_tool_it_may_not_use(deployment: Deployment) -> None:
    """What the question calls for and the role may not use is named as denied and not run."""
    plan = plan_tools(said("Bandingkan putusan korupsi"), "complex", deployment.roles["public"].tools)
    assert [tool.name for tool in plan.tools] == ["LegalRetriever", "LawLookup"]
    assert plan.denied == ("PrecedentExplorer", "CaseComparator")
