"""What the storage drill calls wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.durability.__main__ import main, table
from benchmarks.durability.drill import Outcome
from benchmarks.durability.ledger import Acknowledged, Asked, Kept, Ledger, Said, compare

ASKED = Asked("judge", "Pertanyaan 1", "key-1", None, streamed=False)
ANSWERED = Acknowledged("m1", "c1", "Jawaban 1")
QUESTION, ANSWER = Said("q1", "user", "Pertanyaan 1"), Said("m1", "assistant", "Jawaban 1")


def _ledger() -> Ledger:
    ledger = Ledger()
    ledger.ask(ASKED)
    ledger.acknowledge(ASKED, ANSWERED)
    return ledger


def _names(ledger: Ledger, kept: Kept) -> set[str]:
    return {finding.name for finding in compare(ledger, kept)}


def test_everything_once_is_no_finding() -> None:
    """An acknowledged answer that stands once behind its question leaves nothing to find."""
    assert compare(_ledger(), {"judge": {"c1": (QUESTION, ANSWER)}}) == ()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ((), {"acknowledged and lost", "message without its answer"}),
        ((QUESTION,), {"acknowledged and lost", "message without its answer"}),
        ((QUESTION, replace(ANSWER, content="Lain")), {"acknowledged and lost"}),
        ((ANSWER, QUESTION), {"acknowledged and lost", "message without its answer"}),
        ((QUESTION, ANSWER, QUESTION, ANSWER), {"stored twice"}),
        ((QUESTION, ANSWER, replace(QUESTION, id="q2"), replace(ANSWER, id="m2")), {"stored twice"}),
        ((QUESTION, ANSWER, Said("q2", "user", "Lain"), Said("m2", "assistant", "x")), {"stored and never asked"}),
    ],
)
def test_each_loss_has_its_name(said: tuple[Said, ...], found: set[str]) -> None:
    """Whatever is lost, changed, doubled, unpaired or strange is found under its name."""
    assert _names(_ledger(), {"judge": {"c1": said}}) == found


def test_a_lost_conversation_is_a_loss() -> None:
    """An answer whose conversation is gone, or another account's, is lost."""
    assert "acknowledged and lost" in _names(_ledger(), {"judge": {}})
    assert "acknowledged and lost" in _names(_ledger(), {"lawyer": {"c1": (QUESTION, ANSWER)}})


def test_a_question_without_an_answer_is_found() -> None:
    """A question that nobody answered to the end is told."""
    ledger = _ledger()
    ledger.ask(replace(ASKED, key="key-2", text="Pertanyaan 2"))
    assert ledger.open == 1
    assert _names(ledger, {"judge": {"c1": (QUESTION, ANSWER)}}) == {"question never answered"}


def test_a_question_that_is_sent_once_may_be_kept_or_not() -> None:
    """Without a key nobody knows what became of an unanswered question: it may stand there once, or not at all, but not twice."""
    ledger = _ledger()
    ledger.ask(replace(ASKED, key="key-2", text="Pertanyaan 2", keyed=False))
    kept = (QUESTION, ANSWER, Said("q2", "user", "Pertanyaan 2"), Said("m2", "assistant", "x"))
    assert ledger.open == 0
    assert compare(ledger, {"judge": {"c1": (QUESTION, ANSWER)}}) == ()
    assert compare(ledger, {"judge": {"c1": kept}}) == ()
    again = (Said("q3", "user", "Pertanyaan 2"), Said("m3", "assistant", "x"))
    assert _names(ledger, {"judge": {"c1": kept + again}}) == {"stored twice"}


def test_one_key_with_two_answers_is_found() -> None:
    """A key that gets another answer the second time is told, the same one is not."""
    ledger = _ledger()
    ledger.acknowledge(ASKED, ANSWERED)
    assert ledger.unexpected == []
    ledger.acknowledge(ASKED, replace(ANSWERED, message_id="m9"))
    assert _names(ledger, {"judge": {"c1": (QUESTION, ANSWER)}}) == {"unexpected answer"}


@given(st.integers(1, 30), st.data())
def test_any_single_loss_is_found(count: int, draw: st.DataObject) -> None:
    """Of any number of answers, each one that is missing alone is found."""
    ledger, kept = Ledger(), dict[str, tuple[Said, ...]]()
    for number in range(count):
        asked = Asked("judge", f"Pertanyaan {number}", f"key-{number}", None, streamed=False)
        ledger.ask(asked)
        ledger.acknowledge(asked, Acknowledged(f"m{number}", f"c{number}", f"Jawaban {number}"))
        kept[f"c{number}"] = (
            Said(f"q{number}", "user", asked.text),
            Said(f"m{number}", "assistant", f"Jawaban {number}"),
        )
    assert compare(ledger, {"judge": kept}) == ()
    del kept[f"c{draw.draw(st.integers(0, count - 1))}"]
    assert [(finding.name, finding.count) for finding in compare(ledger, {"judge": kept})] == [
        ("acknowledged and lost", 1)
    ]


def test_a_drill_that_did_nothing_has_not_passed() -> None:
    """Without a kill, without an acknowledged answer, or with a finding there is no PASS, and the table shows the finding."""
    empty = Outcome("sqlite", 0, {}, 0, 0, 0, 0, (), 1.0, ())
    assert not empty.passed
    assert not replace(empty, kills=5).passed
    assert replace(empty, kills=5, acknowledged=9).passed
    found = replace(empty, kills=5, acknowledged=9, findings=compare(_ledger(), {}))
    assert not found.passed
    assert any("acknowledged and lost" in line for line in table([found]))


@pytest.mark.parametrize("kills", ["0", "-1", "abc", "1.5"])
def test_a_drill_without_kills_is_refused(capsys: pytest.CaptureFixture[str], kills: str) -> None:
    """No kill is wrong input, for it would show nothing, and so is what is no number; the words are ours."""
    with pytest.raises(SystemExit) as ended:
        main([f"--kills={kills}"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"{kills!r}: give 1 or more; without a kill" in told
    assert "_positive" not in told
