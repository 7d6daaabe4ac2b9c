"""The engine of a run: what a failing step leaves, and what its evidence says of itself."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness import provenance
from harness.progress import ProgressView, StepPlan
from harness.project import Project
from harness.run import Log, Run, Step, SubjectGone, begin_run, make_context, measure_all, new_run, write_provenance
from harness.subject import Subject, changed_since, checked_url, remote_subject
from reports.trust import EvidenceSet, sources
from slo.errors import InvalidInput
from slo.evidence import Evidence, judged, read
from slo.load import load_spec
from slo.spec import Engine, Kind
from slo.statistics import ratio
from target.errors import StackError, TargetDown
from target.stack import ToolPaths

PROJECT = Project()
SPEC = load_spec(PROJECT.spec_file("courtsight"))
AT = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
INFO = {"engine": "extractive", "version": "0.1.0", "corpus": {"hash": "sha256:" + "1" * 64, "documents": 2}}


def subject(trouble: Callable[[], str | None] = lambda: None, **info: object) -> Subject:
    return Subject("http://127.0.0.1:1", {**INFO, **info}, {}, None, "none here", trouble, local=True)


def a_run(tmp_path: Path, *steps: Step, trouble: Callable[[], str | None] = lambda: None) -> tuple[Run, io.StringIO]:
    said = io.StringIO()
    view = ProgressView([step.plan for step in steps], said)
    context = make_context(PROJECT, SPEC, subject(), "20261120T211700Z-1a2b3c4", 7)
    return Run(PROJECT, SPEC, context, tmp_path, ToolPaths(), subject(trouble), view, AT), said


def measuring(kind: Kind, made: Callable[[Run], Evidence]) -> Step:
    return Step(StepPlan(str(kind), f"Measure {kind}", 1.0), kind, made)


def passing(run: Run) -> Evidence:
    item = judged(SPEC.gate("acceptance"), {}, ratio(20, 20))
    return Evidence(Kind.UAT, run.context, AT, AT, complete=True, items=(item,))


def down(_: Run) -> Evidence:
    raise TargetDown("nobody answers at http://127.0.0.1:1")


def test_a_step_that_fails_leaves_a_reason_and_no_file(tmp_path: Path) -> None:
    """What is not measured is missing for the decision; the log and the screen say why, and the other steps go on."""
    log = Log()
    run, said = a_run(tmp_path, measuring(Kind.LATENCY, down), measuring(Kind.UAT, passing))
    written = measure_all(run, [measuring(Kind.LATENCY, down), measuring(Kind.UAT, passing)], log)
    assert [entry.kind for entry in written] == [Kind.UAT]
    assert not (tmp_path / "latency.json").exists()
    assert [entry["outcome"] for entry in log.steps] == ["not measured: nobody answers at http://127.0.0.1:1", "1 PASS"]
    assert "nobody answers" in said.getvalue()


def test_a_subject_that_is_gone_ends_the_run(tmp_path: Path) -> None:
    """After the service ended no further step runs, and what was written stays."""
    run, _ = a_run(tmp_path, measuring(Kind.UAT, passing), trouble=lambda: "The service ended with status -9")
    with pytest.raises(SubjectGone, match="status -9"):
        measure_all(run, [measuring(Kind.UAT, passing), measuring(Kind.LATENCY, down)], Log())
    assert read(tmp_path / "uat.json").complete


def test_the_provenance_names_its_inputs(tmp_path: Path) -> None:
    """Commit, hashes of spec, corpus, scenarios and workload, machine and versions stand in the file."""
    run, _ = a_run(tmp_path, measuring(Kind.UAT, passing))
    write_provenance(run, Log(), AT)
    made = read(tmp_path / "provenance.json")
    assert set(made.context.hashes) == {"spec", "corpus", "scenarios", "workload"}
    assert made.context.hashes["spec"] == SPEC.digest
    assert made.context.engine is Engine.EXTRACTIVE
    assert set(made.details) == {"corpus", "machine", "versions", "tools", "service", "simulator", "steps"}
    assert set(json.loads((tmp_path / "provenance.json").read_text())["details"]["tools"].values()) == {"missing"}


def test_the_provenance_tells_what_the_chatbot_says_of_itself(tmp_path: Path) -> None:
    """Its version, its commit where it tells one, and the version of the checkout that measured it."""
    run, _ = a_run(tmp_path, measuring(Kind.UAT, passing))
    write_provenance(run, Log(), AT)
    ours = provenance.project_version(PROJECT.root)
    assert re.fullmatch(r"\d+\.\d+\.\d+", ours)
    assert read(tmp_path / "provenance.json").details["service"] == {
        "version": "0.1.0",
        "local": True,
        "checkout_version": ours,
    }
    write_provenance(replace(run, subject=subject(commit="DEADBEEF")), Log(), AT)
    assert read(tmp_path / "provenance.json").details["service"]["commit"] == "deadbeef"
    assert subject(commit="<script>").commit == ""
    assert provenance.project_version(tmp_path) == ""


@pytest.mark.parametrize("said", ["sha256:zz", "x" * 70_000, "1" * 63, 7, None])
def test_a_corpus_hash_that_is_none_does_not_void_the_run(said: object, tmp_path: Path) -> None:
    """What another chatbot calls its corpus may be no SHA-256; evidence that named it could not be read again."""
    run, _ = a_run(tmp_path, measuring(Kind.UAT, passing))
    odd = subject(corpus={"hash": said})
    context = make_context(PROJECT, SPEC, odd, run.context.run, 7)
    write_provenance(replace(run, subject=odd, context=context), Log(), AT)
    assert "corpus" not in read(tmp_path / "provenance.json").context.hashes


def test_a_target_of_another_deployment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers would be told, and decided on, as those of the deployment that the spec is about."""

    def measured(said: object) -> str:
        monkeypatch.setattr("harness.subject.ready_info", lambda _: {**INFO, "deployment": said})
        with remote_subject("http://127.0.0.1:9", {}, None, "courtsight") as found:
            return found.url

    with pytest.raises(InvalidInput, match="is the deployment 'itb', the spec is about 'courtsight'"):
        measured("itb")
    assert measured("courtsight") == measured(None) == "http://127.0.0.1:9"


def test_a_chatbot_that_changed_in_mid_run_is_told() -> None:
    """Another version, engine or corpus at the end than at the start: the numbers are of two chatbots."""
    elsewhere = replace(subject(), local=False)
    corpus = {"hash": "sha256:" + "2" * 64, "documents": 3}
    told = changed_since(elsewhere, lambda _: {**INFO, "version": "0.2.0", "corpus": corpus})
    assert "version was 0.1.0, is 0.2.0" in told
    assert "corpus documents was 2, is 3" in told
    assert "corpus hash" in told
    assert changed_since(elsewhere, lambda _: {**INFO, "phase": "serving"}) == ""
    assert changed_since(subject(), lambda _: {}) == ""


def test_a_chatbot_that_cannot_be_asked_again_is_asked_more_than_once() -> None:
    """One lost answer is no change; a chatbot that is silent at the end may be any."""
    elsewhere, waited = replace(subject(), local=False), list[float]()
    answers = iter([TargetDown("silent"), INFO])

    def ask(_: str) -> Mapping[str, object]:
        answer = next(answers)
        if isinstance(answer, TargetDown):
            raise answer
        return answer

    def silent(_: str) -> Mapping[str, object]:
        raise TargetDown("silent")

    assert changed_since(elsewhere, ask, waited.append) == ""
    assert changed_since(elsewhere, silent, waited.append).endswith("when the run began: silent")
    assert len(waited) == 3


def test_what_was_measured_of_two_chatbots_is_no_evidence(tmp_path: Path) -> None:
    """The provenance is incomplete and says why, so that a decision uses none of the run's files."""
    run, _ = a_run(tmp_path, measuring(Kind.UAT, passing))
    write_provenance(run, Log(), AT, "the chatbot changed while it was measured")
    made = read(tmp_path / "provenance.json")
    assert not made.complete
    reason = sources(SPEC, EvidenceSet({Kind.PROVENANCE: made}), made.ended_at)[Kind.PROVENANCE].reason
    assert reason == "it is incomplete: the chatbot changed while it was measured"


def test_the_provenance_names_the_simulator_of_the_run(tmp_path: Path) -> None:
    """Profile, its hash and the seed of the simulator that stood behind a step are told where the run comes from."""
    told = {"profile": "published", "profile_hash": "sha256:" + "b" * 64, "seed": 7}

    def simulated(run: Run) -> Evidence:
        return replace(passing(run), details={"simulator": {**told, "lateness_p95_seconds": 0.002}})

    log = Log()
    run, _ = a_run(tmp_path, measuring(Kind.UAT, simulated))
    measure_all(run, [measuring(Kind.UAT, simulated)], log)
    write_provenance(run, log, AT)
    assert read(tmp_path / "provenance.json").details["simulator"] == told


def test_an_unknown_engine_is_a_providers() -> None:
    """A chatbot that names a model of its own is measured as a real engine; nothing else would be claimed for it."""
    assert subject(engine="gpt-x").engine is Engine.REAL
    assert subject(engine="simulated").engine is Engine.SIMULATED


def test_two_runs_in_one_second_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is refused with advice, so that evidence never mixes."""
    project = Project(tmp_path)
    name, folder = new_run(project, AT)
    assert folder == tmp_path / "evidence" / name
    with pytest.raises(StackError, match="again in a second"):
        new_run(project, AT)


def test_a_run_waits_for_a_second_of_its_own(tmp_path: Path) -> None:
    """Two that begin at once both run, a second apart."""
    project = Project(tmp_path)
    moments = iter([AT, AT + timedelta(seconds=1)])
    waited: list[float] = []
    new_run(project, AT)
    name, folder = begin_run(project, lambda: next(moments), waited.append)
    assert waited == [1.0]
    assert name.startswith("20261120T211701Z-")
    assert folder.is_dir()


def test_only_finished_runs_are_the_newest(tmp_path: Path) -> None:
    """A run that was interrupted has no provenance, and `report` passes over it."""
    project = Project(tmp_path)
    assert project.newest_run() is None
    for name, finished in (("20260101T000000Z-0000000", True), ("20260102T000000Z-0000000", False)):
        folder = tmp_path / "evidence" / name
        folder.mkdir(parents=True)
        if finished:
            (folder / "provenance.json").write_text("{}")
    assert project.newest_run() == "20260101T000000Z-0000000"


@pytest.mark.parametrize(
    "text",
    ["", "chat.example", "file:///etc/passwd", "http://", "http://[::1", "http://a:b@chat.example", "http://x/?key=1"],
)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    """Only http and https addresses of host and path are measured: evidence names them, so no secret may stand in one."""
    with pytest.raises(InvalidInput):
        checked_url(text, "--target")
