"""`courtsight slo …`: every command explains itself, prints plain text or JSON, and tells findings by its exit status."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.slo_commands import COMMANDS
from harness.slo_commands.explain import spoken
from harness.slo_commands.writing import MARK, write_folder
from slo.errors import CourtSightError

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "slo" / "specs" / "courtsight.yaml"
EXAMPLE = ROOT / "slo" / "specs" / "examples" / "shop.yaml"
SHOP = EXAMPLE.read_text(encoding="utf-8")
NAMES = [module.__name__.rpartition(".")[2].rstrip("_") for module in COMMANDS]


@pytest.mark.parametrize("command", NAMES)
def test_each_slo_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of every command ends with examples that name it, and offers JSON."""
    with pytest.raises(SystemExit) as ended:
        main(["slo", command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"courtsight slo {command}" in shown
    assert "--json" in shown


def test_a_good_spec_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """The committed spec has no problem, and the exit status says so."""
    assert main(["slo", "validate", str(SPEC)]) == 0
    assert "problem" not in capsys.readouterr().out


def test_problems_are_printed_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong spec exits with 2; the JSON names file, line, path, message and advice."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SPEC.read_text(encoding="utf-8").replace("objective: 99.9%", "objctive: 99.9%"), encoding="utf-8")
    assert main(["slo", "validate", str(wrong), "--json"]) == 2
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert {"slos.availability.objctive"} <= {problem["path"] for problem in problems}
    assert all(problem["line"] for problem in problems)


def test_a_folder_stands_for_the_specs_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder is read whole; one that holds no spec is wrong input, not a silent success."""
    (tmp_path / "specs").mkdir()
    assert main(["slo", "validate", str(tmp_path / "specs")]) == 2
    assert "holds no spec" in capsys.readouterr().err
    (tmp_path / "specs" / "a.yaml").write_bytes(SPEC.read_bytes())
    assert main(["slo", "validate", str(tmp_path / "specs")]) == 0
    assert "1 files" in capsys.readouterr().err


def test_the_table_has_a_line_for_each_slo(capsys: pytest.CaptureFixture[str]) -> None:
    """Id, kind, objective, window, budget in minutes and the alerts stand in one line."""
    assert main(["slo", "show", str(SPEC)]) == 0
    heads, *lines = capsys.readouterr().out.splitlines()
    assert heads.split() == ["id", "kind", "objective", "window", "budget", "alerts"]
    (line,) = [line for line in lines if line.startswith("availability")]
    assert line.split()[:6] == ["availability", "ratio", "99.9%", "30d", "43.2", "min"]
    assert "page 1h/5m" in line


def test_the_table_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs: numbers are numbers."""
    assert main(["slo", "show", str(SPEC), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = {entry["id"]: entry for entry in shown["slos"]}
    assert found["availability"]["budget_minutes"] == pytest.approx(43.2)
    assert found["availability"]["alerts"][0]["long"] == "1h"


# --- validate ---


def test_warnings_count_only_when_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A counter without _total is told, and is a finding only under --strict."""
    spec = _written(tmp_path, SHOP.replace("http_requests_total\n      label", "http_requests\n      label"))
    assert main(["slo", "validate", str(spec)]) == 0
    said = capsys.readouterr().out
    assert "warning:" in said
    assert "is no counter by its name" in said


def test_windows_that_do_not_work_are_told_with_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At 90 % the workbook's fast page can never fire: a warning at the line of that SLO."""
    spec = _written(
        tmp_path, SHOP.replace("    objective: 90%\n", "    objective: 90%\n    alerting: {windows: standard}\n")
    )
    assert main(["slo", "validate", str(spec), "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    line = next(
        number for number, text in enumerate(spec.read_text(encoding="utf-8").splitlines(), 1) if text == "  search:"
    )
    assert {(warning["line"], warning["path"]) for warning in warnings} == {(line, "slos.search")}
    assert any("can never fire" in warning["message"] for warning in warnings)


@pytest.mark.integration
@pytest.mark.parametrize("command", [("validate",), ("generate", "-o", "rules")])
def test_promtool_has_the_last_word(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What our reading lets through and Prometheus refuses, a missing argument, is told in promtool's words; nothing is written."""
    monkeypatch.chdir(tmp_path)
    spec = _written(tmp_path, SHOP.replace("value: max(max_over_time(", "value: clamp_max(max_over_time("))
    assert main(["slo", "validate", str(spec)]) == 0
    assert main(["slo", *command, str(spec), "--strict"]) == 2
    said = "".join(capsys.readouterr())
    assert "promtool refuses" in said
    assert "clamp_max" in said
    assert not (tmp_path / "rules").exists()


@pytest.mark.integration
def test_a_good_spec_is_good_for_promtool_too(tmp_path: Path) -> None:
    """The example passes every check, and is written."""
    assert main(["slo", "validate", str(EXAMPLE), "--strict"]) == 0
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(tmp_path / "rules"), "--strict", "--json"]) == 0


def test_tests_that_cannot_be_made_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where traffic for promtool cannot be made up nothing is written, and the way without is named; else every alert has its tests."""
    status = main(["slo", "generate", str(EXAMPLE), "-o", str(tmp_path / "rules"), "--with-tests"])
    if status == 0:
        assert list((tmp_path / "rules" / "tests").glob("*.yaml"))
    else:
        assert "leave --with-tests away" in capsys.readouterr().err
        assert not (tmp_path / "rules").exists()
    assert main(["slo", "generate", str(SPEC), "-o", str(tmp_path / "own"), "--with-tests"]) == 0
    assert list((tmp_path / "own" / "tests").glob("burn-*.yaml"))


# --- explain ---


def _explained(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["slo", "explain", *words]) == 0
    return capsys.readouterr().out


def test_availability_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    """99.9 % over 30 days: 43 minutes of outage, 20 of 20,000 requests a day, and a page 51.84 s + 2 min into an outage."""
    said = _explained(capsys, str(SPEC), "--slo", "availability", "--requests-per-day", "20000")
    assert "An outage of everything may last 43 min 12 s in all." in said
    assert "20 may fail a day, 600 in the window" in said
    assert "pages 2 min 52 s into a total outage, never at twice the budget's rate" in said
    assert "after 1 d 15 h at twice the budget's rate" in said
    assert "notice: a single bad event fires" in said


def test_unknown_traffic_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a number no number is made up."""
    said = _explained(capsys, str(SPEC), "--slo", "availability")
    assert "is unknown: give --requests-per-day or --prometheus" in said
    assert "is unknown: Prometheus at" in _explained(
        capsys, str(SPEC), "--slo", "ttft", "--prometheus", "http://127.0.0.1:9"
    )


def test_traffic_out_of_prometheus(capsys: pytest.CaptureFixture[str]) -> None:
    """The valid events of the last day are asked of Prometheus, and the source is said."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = {"metric": {}, "value": [1.0, "50000"]}
            body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [found]}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            said = _explained(capsys, str(SPEC), "--slo", "availability", "--prometheus", address)
        finally:
            server.shutdown()
            thread.join()
    assert "50,000 events a day (the last day, in Prometheus): 50 may fail a day, 1,500 in the window" in said
    assert any("%5B1d%5D" in path for path in asked)


def test_what_counts_no_events_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Raw ratios have no events; of time slices the day has 1,440 minutes, of which 14 may be bad at 99 %."""
    shown = json.loads(_explained(capsys, str(EXAMPLE), "--requests-per-day", "1000", "--json"))
    found = {entry["id"]: entry for entry in shown["slos"]}
    assert found["probe"]["valid_events_per_day"] is None
    assert "counts no events" in found["probe"]["traffic_source"]
    assert found["queue"]["bad_events_per_day"] == pytest.approx(14.4)
    assert found["checkout"]["window"] == "month"
    assert found["regions"]["group_by"] == ["region"]


def test_an_slo_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped id is wrong input, and the known ones are named."""
    assert main(["slo", "explain", str(SPEC), "--slo", "availabilty"]) == 2
    assert "known: availability" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (2.64, "2.6 s"),
        (51.84, "51.8 s"),
        (60, "1 min"),
        (2592, "43 min 12 s"),
        (129600, "1 d 12 h"),
        (90000, "1 d 1 h"),
        (86700, "1 d"),
    ],
)
def test_durations_for_people(seconds: float, said: str) -> None:
    """At most two units, the larger first."""
    assert spoken(seconds) == said


# --- diff ---


def test_the_same_meaning_is_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Comments and other spellings of the same number change nothing."""
    other = _written(
        tmp_path, "# more\n" + SHOP.replace("99.9%", "99.90 %").replace("threshold: 1.5s", "threshold: 1500ms")
    )
    assert main(["slo", "diff", str(EXAMPLE), str(other)]) == 0
    assert capsys.readouterr().out == ""


def test_a_looser_objective_shows_budget_and_detection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reviewer reads objective, minutes of budget, and what becomes of each alert."""
    other = _written(tmp_path, SHOP.replace("objective: 99.9%\n    ratio", "objective: 99.5%\n    ratio"))
    assert main(["slo", "diff", str(EXAMPLE), str(other)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "~ slo availability: objective 99.9% -> 99.5%" in lines
    assert "~ slo availability: budget 43.2 min -> 216 min" in lines
    assert any(
        line.startswith(
            "~ slo availability: alert page 1h (short 5m, for 2m) over 1.44 % bad, 14.4 times the budget's rate: 2 min 52 s into"
        )
        for line in lines
    )
    assert all(line.startswith("~ slo availability: ") for line in lines)


def test_slos_that_come_and_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A removed SLO and a new one are told as such, as JSON too."""
    other = _written(tmp_path, SHOP.replace("  probe:\n", "  reach:\n"))
    assert main(["slo", "diff", str(EXAMPLE), str(other), "--json"]) == 1
    found = {(entry["subject"], entry["what"]) for entry in json.loads(capsys.readouterr().out)}
    assert found == {("slo probe", "removed:"), ("slo reach", "added:")}


def test_gates_are_compared_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate that asks for fewer samples is a difference that a reviewer must see."""
    other = _written(
        tmp_path,
        SPEC.read_text(encoding="utf-8").replace("build: {least_n: 59} # fewer", "build: {least_n: 9} # fewer"),
    )
    assert main(["slo", "diff", str(SPEC), str(other)]) == 1
    assert "~ gate latency-cell: phase build" in capsys.readouterr().out


def test_what_phases_and_score_ask_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A launch that asks for less, and a score that decides, are differences."""
    text = (
        SPEC.read_text(encoding="utf-8")
        .replace("slo_window: 14d", "slo_window: 7d")
        .replace("\ngates:\n", "\nscore: {pass: 90%}\ngates:\n")
    )
    assert main(["slo", "diff", str(SPEC), str(_written(tmp_path, text))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "~ spec: score shown only -> passes from 90%, fails under 90%" in lines
    assert any(line.startswith("~ phase public: asks ") and line.endswith("SLOs over 7d") for line in lines)


def test_two_pairs_of_one_long_window_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two pages over an hour the one that goes away is told, and so is `for`, however little it moves the detection."""
    pair = "        - {severity: page, budget_share: 2%, long: 1h, short: 5m, for: 2m}\n"
    two = SHOP.replace(pair, pair + pair.replace("short: 5m", "short: 10m"))
    assert two != SHOP
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert main(["slo", "diff", str(_written(first, two)), str(EXAMPLE)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("- slo probe: alert page 1h (short 10m, for 2m) over 1.44 % bad")
    slow = SHOP.replace("long: 3d, short: 6h, for: 3h", "long: 3d, short: 6h, for: 10801s")
    assert main(["slo", "diff", str(_written(second, slow)), str(EXAMPLE)]) == 1
    assert "for 10801s" in capsys.readouterr().out


def test_limits_that_change_places_are_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate whose strict limit moves to another cell is not the same gate."""
    text = SPEC.read_text(encoding="utf-8")
    gate = """
  mean-by-role:
    title: Mean by role
    evidence: latency
    statistic: mean
    unit: seconds
    for_each: [role]
    at_most: {judge: 8s, lawyer: 6s, public: 4s, admin: 8s, researcher: 8s}
    phases: {build: {least_n: 9}}
"""
    old = text.replace("\ngates:\n", f"\ngates:{gate}", 1)
    new = old.replace("judge: 8s, lawyer: 6s, public", "judge: 6s, lawyer: 8s, public")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert main(["slo", "diff", str(_written(first, old)), str(_written(second, new))]) == 1
    assert "~ gate mean-by-role: phase build" in capsys.readouterr().out


# --- generate ---


def test_rules_of_another_service_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two specs into one folder would be one rule file: the second is refused, and nothing deeper is ever looked at."""
    folder = tmp_path / "rules"
    deep = folder / "alerts" / "generated"
    deep.mkdir(parents=True)
    (deep / "old.yaml").write_bytes(MARK + b" of shop by hand\n")
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 0
    other = _written(tmp_path, SHOP.replace("service: shop", "service: till"))
    assert main(["slo", "generate", str(other), "-o", str(folder)]) == 2
    assert "not generated from this service's spec: rules.yaml" in capsys.readouterr().err
    assert (deep / "old.yaml").exists()


def test_rules_and_an_export_may_share_a_folder(tmp_path: Path) -> None:
    """Neither command takes the other's file for a stray of its own."""
    folder = tmp_path / "out"
    for command in ("generate", "export", "generate"):
        assert main(["slo", command, str(EXAMPLE), "-o", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["rules.yaml", "shop.openslo.yaml"]


def test_a_namespace_that_kubernetes_refuses_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is written."""
    options = ["-o", str(tmp_path / "out"), "--format", "prometheusrule", "--namespace", "Team_A"]
    assert main(["slo", "generate", str(EXAMPLE), *options]) == 2
    assert "no namespace of Kubernetes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_spec_may_come_through_a_pipe() -> None:
    """`-` is standard input, so that `git show main:spec.yaml | courtsight slo diff - spec.yaml` needs no file."""
    command = [sys.executable, "-m", "harness.cli", "slo", "diff", "-", str(EXAMPLE)]
    done = subprocess.run(command, cwd=ROOT, input=SHOP.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"0 differences\n")


def test_rules_of_any_service_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spec of other metrics gives rules in a folder of their own; a second run changes nothing."""
    folder = tmp_path / "rules"
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 0
    first = (folder / "rules.yaml").read_bytes()
    assert b"slo:sli_error:ratio_rate5m" in first
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 0
    assert "0 changed" in capsys.readouterr().err
    assert (folder / "rules.yaml").read_bytes() == first


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What we did not generate is never overwritten or removed without --force, and stays with it unless it has our name."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "mine.yaml").write_text("groups: []\n", encoding="utf-8")
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder)]) == 2
    assert "mine.yaml" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["mine.yaml"]
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(folder), "--force"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["mine.yaml", "rules.yaml"]


def test_files_that_nothing_generates_any_more_are_removed(tmp_path: Path) -> None:
    """A stray of ours from an earlier spec goes; half-written files never stay."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "old.yaml").write_bytes(MARK + b" of shop\n")
    changed, removed = write_folder(folder, {"new.yaml": MARK}, force=False)
    assert (changed, removed) == (("new.yaml",), ("old.yaml",))
    assert [path.name for path in folder.iterdir()] == ["new.yaml"]


def test_a_disk_that_is_full_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is written beside its place first: when that fails, what was there is as it was."""
    (tmp_path / "a.yaml").write_bytes(MARK + b" old")
    wanted = {"a.yaml": MARK + b" new", "b/c.yaml": MARK}
    monkeypatch.setattr(tempfile, "mkstemp", _full_after(1, tempfile.mkstemp))
    with pytest.raises(CourtSightError, match="No space left"):
        write_folder(tmp_path, wanted, force=False)
    assert (tmp_path / "a.yaml").read_bytes() == MARK + b" old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.yaml"]


def _full_after(count: int, real: Callable[..., tuple[int, str]]) -> Callable[..., tuple[int, str]]:
    left = iter(range(count))

    def mkstemp(**options: Any) -> tuple[int, str]:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device", "x")
        return real(**options)

    return mkstemp


def _written(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_command_line_starts_without_what_one_command_needs() -> None:
    """Neither pydantic nor YAML is imported before a command runs: every start of the program would wait for them."""
    code = "import harness.cli, sys; sys.exit('pydantic' in sys.modules or 'yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
