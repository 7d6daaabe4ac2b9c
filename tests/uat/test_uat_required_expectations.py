"""The shipped scenarios ask what the requirements ask: the numbers of section 6.1 stand here a second time, on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from uat.scenario import Scenario, load_scenarios, select

EVERY = {scenario.id: scenario for scenario in load_scenarios()}


def checks(scenario: Scenario, turn: int) -> dict[str, Any]:
    """Arguments by check of one turn (from 1), without what was left at its default."""
    return {
        check.name: check.args.model_dump(mode="json", exclude_unset=True, by_alias=True)
        for check in scenario.turns[turn - 1].checks
    }


def test_the_judges_workflow_is_that_of_the_requirements() -> None:
    """Title, both questions, 8 s, three citations, confidence over 0.8, both tools, the export."""
    judge = EVERY["hakim-preseden-kdrt"]
    assert judge.role == "judge"
    assert judge.conversation_title == "Analisis preseden untuk kasus perceraian dengan kekerasan domestik"
    assert [turn.message for turn in judge.turns[:2]] == [
        "Apa preseden terkuat untuk membuktikan KDRT dalam perkara perceraian?",
        "Bandingkan dengan putusan serupa di 5 tahun terakhir",
    ]
    first = checks(judge, 1)
    assert first["latency"] == {"below": "8"}
    assert first["citation-count"] == {"min": 3}
    assert first["confidence"] == {"above": 0.8}
    assert first["tool-used"] == {"tool": "PrecedentExplorer"}
    assert checks(judge, 2)["tool-used"] == {"tool": "CaseComparator"}
    assert (judge.turns[2].via, judge.turns[2].form) == ("export", "ma_indonesia")
    assert "export-not-empty" in checks(judge, 3)


def test_the_lawyers_workflow_is_that_of_the_requirements() -> None:
    """Both tools at first, at least four reasoning steps in the comparison, in the same conversation."""
    lawyer = EVERY["advokat-wanprestasi"]
    assert [turn.message for turn in lawyer.turns] == [
        "Dasar hukum gugatan wanprestasi kontrak bisnis",
        "Bandingkan pendekatan MA terhadap wanprestasi vs perbuatan melawan hukum",
    ]
    tools = [
        check.args.model_dump(exclude_unset=True)["tool"]
        for check in lawyer.turns[0].checks
        if check.name == "tool-used"
    ]
    assert tools == ["LegalRetriever", "LawLookup"]
    assert checks(lawyer, 2)["step-count"] == {"min": 4}
    assert "same-conversation" in checks(lawyer, 2)


def test_the_publics_workflow_is_that_of_the_requirements() -> None:
    """6 s, more than fifty words, no CaseComparator."""
    public = EVERY["publik-surat-cerai"]
    assert public.turns[0].message == "Bagaimana cara mengurus surat cerai?"
    asked = checks(public, 1)
    assert asked["latency"] == {"below": "6"}
    assert asked["word-count"] == {"min": 51}
    assert asked["tools-allowed"] == {"deny": ["CaseComparator"]}


def test_the_memory_case_is_that_of_the_requirements() -> None:
    """The follow-up speaks of civil law, in the same conversation, with at least four messages."""
    memory = EVERY["hakim-memori-percakapan"]
    assert [turn.message for turn in memory.turns[:2]] == [
        "Jelaskan tentang hukum perdata Indonesia",
        "Apa perbedaannya dengan hukum pidana?",
    ]
    assert checks(memory, 2)["icontains"] == {"text": "perdata"}
    assert "same-conversation" in checks(memory, 2)
    assert checks(memory, 3)["history-length"] == {"min": 4}


@pytest.mark.parametrize(
    ("scenario_id", "role", "question", "seconds"),
    [
        ("hakim-waktu-tanggap", "judge", "Analisis mendalam kasus korupsi", "8"),
        ("advokat-waktu-tanggap", "lawyer", "Preseden hukum kontrak", "6"),
        ("publik-waktu-tanggap", "public", "Cara mengurus KTP", "4"),
    ],
)
def test_response_times_by_role_are_those_of_the_requirements(
    scenario_id: str, role: str, question: str, seconds: str
) -> None:
    """Judge 8 s, lawyer 6 s, public 4 s."""
    found = EVERY[scenario_id]
    assert (found.role, found.turns[0].message) == (role, question)
    assert checks(found, 1)["latency"] == {"below": seconds}


def test_twenty_users_at_once_are_those_of_the_requirements() -> None:
    """Twenty users, mean below 10 s, the slowest below 15 s, all answered."""
    crowd = EVERY["publik-dua-puluh-pengguna"]
    limits = [check.args.model_dump(mode="json") for check in crowd.turns[0].checks if check.name == "latency"]
    assert crowd.users == 20
    assert limits == [{"below": "10", "of": "mean"}, {"below": "15", "of": "max"}]
    assert "answered" in checks(crowd, 1)


def test_ten_sessions_are_those_of_the_requirements() -> None:
    """Ten sessions of five questions, one to three seconds apart, within 120 s; left out unless asked for."""
    sessions = EVERY["publik-sepuluh-sesi"]
    assert (sessions.users, len(sessions.turns), sessions.pause) == (10, 5, (1.0, 3.0))
    assert checks(sessions, 5)["total-time"] == {"below": "120"}
    assert "slow" in sessions.tags


def test_rights_and_owners_are_asked_for() -> None:
    """The public gets 403 from CaseComparator, nobody 401, a stranger 404 without an oracle."""
    assert checks(EVERY["publik-tanpa-pembanding"], 1)["status"] == {"is": 403, "code": "permission_required"}
    assert checks(EVERY["publik-tanpa-masuk"], 1)["status"] == {"is": 401, "code": "unauthenticated"}
    stranger = EVERY["hakim-percakapan-tertutup"]
    assert checks(stranger, 2)["status"] == {"is": 404, "code": "not_found"}
    assert checks(stranger, 3)["no-existence-oracle"] == {"like_turn": 2}


def test_a_build_runs_enough_of_them_for_every_role() -> None:
    """At least ten run in a build, every role and complexity among them; each is in the folder of its role."""
    build = select(load_scenarios())
    assert len(build) >= 10
    assert {scenario.role for scenario in build} == {"admin", "judge", "lawyer", "researcher", "public"}
    assert {scenario.complexity for scenario in build} == {"simple", "medium", "complex"}
