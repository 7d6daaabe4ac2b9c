"""What a measuring command refuses before it starts anything, and what it says of a part."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import readiness, steps
from harness.cli import build_parser, main
from harness.project import Project
from slo.errors import InvalidInput
from slo.evidence import Evidence, RunContext, judged
from slo.load import load_spec
from slo.spec import Engine, Kind
from slo.statistics import ratio
from slo.verdict import Verdict
from uat.scenario import load_scenarios

PROJECT = Project()
SPEC = load_spec(PROJECT.spec_file("courtsight"))
AT = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
CONTEXT = RunContext("20261120T211700Z-1a2b3c4", "http://x", "courtsight", Engine.EXTRACTIVE, "1a2b3c4", False, {}, 1)  # noqa: FBT003 - the field is `dirty`


@pytest.fixture
def credentials(tmp_path: Path) -> str:
    file = tmp_path / "roles.yaml"
    file.write_text("judge: {username: a, password: b}\n")
    return str(file)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "http://127.0.0.1:9"), "needs --target-credentials"),
        (("--target-credentials", "roles.yaml"), "needs --target"),
        (("--prometheus", "http://127.0.0.1:9"), "needs --target"),
    ],
)
def test_options_that_belong_together_come_together(words: tuple[str, ...], said: str) -> None:
    """An option that would be ignored is refused: it would measure something else than was meant."""
    with pytest.raises(InvalidInput, match=said):
        readiness.quick(build_parser().parse_args(["quick", *words]))


def test_a_port_is_for_a_stack_of_our_own(credentials: str) -> None:
    """A port beside a target contradicts it."""
    words = ["quick", "--target", "http://127.0.0.1:9", "--target-credentials", credentials, "--port", "8123"]
    with pytest.raises(InvalidInput, match="not for a --target"):
        readiness.quick(build_parser().parse_args(words))


def test_an_engine_is_chosen_for_a_stack_of_our_own(credentials: str) -> None:
    """A running chatbot has the engine that it has; and the simulated model's stack takes free ports."""
    target = ("--target", "http://127.0.0.1:9", "--target-credentials", credentials)
    for words, said in ((target, "not for a --target"), (("--port", "8123"), "takes free ports")):
        with pytest.raises(InvalidInput, match=said):
            readiness.single("latency", build_parser().parse_args(["bench", "--engine", "simulated", *words]))


def test_a_running_chatbot_is_not_asked_for_what_needs_a_stack_of_its_own(credentials: str) -> None:
    """Drills and the simulated model are left out for a target, and so missing for its decision; a stack of ours has them all."""
    wanted = ("uat", "latency", "load", "slo", *readiness.OWN_STACK)
    target = ["--target", "http://127.0.0.1:9", "--target-credentials", credentials]
    own, remote = (readiness._plan(build_parser().parse_args(["readiness", *words]), wanted) for words in ([], target))
    assert [step.kind for step in own.steps] == list(wanted)
    assert [step.kind for step in remote.steps] == ["uat", "latency", "load", "slo"]


def test_a_target_that_is_down_is_two_and_leaves_nothing(
    credentials: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody at the address is a line and status 2, and the run that did not begin has no folder."""
    monkeypatch.setattr(Project, "evidence", property(lambda _: tmp_path / "evidence"))
    assert main(["uat", "--target", "http://127.0.0.1:9", "--target-credentials", credentials]) == 2
    assert "http://127.0.0.1:9 gave no usable answer" in capsys.readouterr().err
    assert list((tmp_path / "evidence").iterdir()) == []


@pytest.mark.parametrize("run", ["..", ".", "../docs", "20200101T000000Z-0000000"])
def test_only_runs_below_the_evidence_folder_are_reported(run: str) -> None:
    """A name that leads elsewhere is no run."""
    assert main(["report", "--run", run]) == 2


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_no_command_takes_a_spec_that_it_does_not_read(command: str) -> None:
    """What reads no spec refuses one."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--spec", "other.yaml"])
    assert ended.value.code == 2


def test_a_part_that_is_missing_or_cut_short_never_passes() -> None:
    """A step without evidence, or with half of it, or evidence of two chatbots, makes the whole ERROR, however good the rest; a FAIL stays one."""
    item = judged(SPEC.gate("acceptance"), {}, ratio(20, 20))
    whole = Evidence(Kind.UAT, CONTEXT, AT, AT, complete=True, items=(item,))
    one = readiness.Plan(PROJECT, SPEC, (steps.acceptance(load_scenarios()),))
    two = replace(one, steps=(*one.steps, steps.slos()))
    assert readiness._worst([whole], one, [Verdict.PASS], of_one=True) is Verdict.PASS
    assert readiness._worst([whole], two, [Verdict.PASS], of_one=True) is Verdict.ERROR
    assert readiness._worst([replace(whole, complete=False)], one, [Verdict.PASS], of_one=True) is Verdict.ERROR
    assert readiness._worst([whole], one, [Verdict.PASS], of_one=False) is Verdict.ERROR
    assert readiness._worst([whole], two, [Verdict.FAIL], of_one=True) is Verdict.FAIL
