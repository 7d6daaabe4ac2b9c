"""`courtsight slo explain` and `slo diff`: what a spec allows in plain words, and what a change of it comes to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from harness.cli import EXIT_INTERNAL, main
from harness.slo_commands.explain import spoken

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "slo" / "specs" / "courtsight.yaml"
EXAMPLE = ROOT / "slo" / "specs" / "examples" / "shop.yaml"
SHOP = EXAMPLE.read_text(encoding="utf-8")
LINKED = SHOP.replace(
    "slos:\n",
    'links: {runbooks: "https://git.example.com/shop/", dashboards: https://grafana.example.com/g}\nslos:\n',
    1,
)
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


def test_slices_of_a_day_are_known_without_traffic(capsys: pytest.CaptureFixture[str]) -> None:
    """How many slices a day has needs no number of requests, and what counts no events does not ask for one."""
    sliced = _explained(capsys, str(EXAMPLE), "--slo", "queue")
    assert "1,440 events a day (slices, if there is always traffic): 14 may fail a day" in sliced
    for name in ("probe", "shopping"):
        said = _explained(capsys, str(EXAMPLE), "--slo", name)
        assert "counts no events" in said
        assert "--requests-per-day" not in said


def test_a_prometheus_that_does_not_answer_is_an_error_after_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    """What needs no traffic is explained all the same; the trouble is told once, and the status is that of a failed measurement."""
    status = main(["slo", "explain", str(SPEC), "--prometheus", "http://127.0.0.1:9"])
    out, err = capsys.readouterr()
    assert status == EXIT_INTERNAL
    assert out.count("is unknown: Prometheus at http://127.0.0.1:9 does not answer") == 11
    assert "An outage of everything may last 43 min 12 s in all." in out
    assert err.count("does not answer") == 1


def test_notes_never_fail_a_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Links that stay paths are told with their place, and --strict passes all the same; addresses silence the note."""
    assert main(["slo", "validate", str(EXAMPLE), "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert (note["path"], "paths" in note["message"], "https://" in note["advice"]) == ("links", True, True)
    addressed = _written(tmp_path, LINKED)
    assert main(["slo", "validate", str(addressed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_addresses_stand_in_explanation_and_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the alerts will lead is said in words, and a reviewer hears that it changes."""
    spec = _written(tmp_path, LINKED)
    assert "runbooks at https://git.example.com/shop/docs/runbooks/<Alert>.md" in _explained(capsys, str(spec))
    assert main(["slo", "diff", str(EXAMPLE), str(spec)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "~ spec: links of alerts to runbooks paths -> https://git.example.com/shop",
        "~ spec: links of alerts to dashboards paths -> https://grafana.example.com/g",
    ]


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


def test_who_is_later_than_said_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Windows over an hour sum five-minute counts; a spec of short ones has nothing to say of that."""
    text = _explained(capsys, str(SPEC))
    assert text.count("Alerts over more than 1h may come up to 5 min later") == 1
    pair = "{severity: page, budget_share: 1%, long: 1h, short: 5m, for: 2m}"
    short = SHOP[: SHOP.index("slos:")] + (
        "slos:\n  a:\n    title: A\n    objective: 99.9%\n"
        f"    alerting: {{windows: [{pair}]}}\n    events: {{valid: a_total, bad: b_total}}\n"
    )
    assert "up to 5 min later" not in _explained(capsys, str(_written(tmp_path, short)))


def test_the_longest_windows_are_later_still(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alerts over days that only sampled counts reach are said to come later, and only where there is one."""
    assert "over more than 3d" not in _explained(capsys, str(EXAMPLE))
    long = _written(tmp_path, SHOP.replace("long: 3d, short: 6h, for: 3h", "long: 5d, short: 10h, for: 3h"))
    assert "Those over more than 3d may come up to 10 min later" in _explained(capsys, str(long))


def test_an_slo_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped id is wrong input, and the known ones are named."""
    assert main(["slo", "explain", str(SPEC), "--slo", "availabilty"]) == 2
    assert "known: availability" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.002592, "2.6 ms"),
        (2.64, "2.6 s"),
        (51.84, "51.8 s"),
        (60, "1 min"),
        (2592, "43 min 12 s"),
        (129600, "1 d 12 h"),
        (90000, "1 d 1 h"),
        (86700, "1 d"),
        (131760, "1 d 13 h"),
        (86399, "1 d"),
        (3599.6, "1 h"),
        (12239, "3 h 24 min"),
    ],
)
def test_durations_for_people(seconds: float, said: str) -> None:
    """At most two units, the larger first."""
    assert spoken(seconds) == said


# --- diff ---


def test_labels_of_one_severity_that_differ_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reviewer sees whose labels changed; those of the other severity are not told."""
    apart = "    objective: 99.9%\n    labels_by_severity: {page: {routing_key: night}}\n"
    routed = _written(tmp_path, SHOP.replace("    objective: 99.9%\n", apart, 1))
    assert main(["slo", "diff", str(EXAMPLE), str(routed)]) == 1
    assert capsys.readouterr().out == "~ slo availability: labels of pages none -> routing_key=night\n"


def test_budgets_of_seconds_do_not_read_as_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At 99.9999 % there are 2.6 s in thirty days: 0.0432 minutes, not 0; `show` says the same."""
    strict = _written(tmp_path, SHOP.replace("objective: 99.9%", "objective: 99.9999%", 1))
    assert main(["slo", "diff", str(EXAMPLE), str(strict)]) == 1
    assert "budget 43.2 min -> 0.0432 min" in capsys.readouterr().out
    assert main(["slo", "show", str(strict)]) == 0
    assert " 0.0432 min " in capsys.readouterr().out


def test_budgets_of_next_to_nothing_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At 99.9999999 % an outage may last 2.6 ms, and of 20,000 requests 0.00002 a day may fail: neither reads as nothing, nor as 2e-05."""
    strict = str(_written(tmp_path, SHOP.replace("objective: 99.9%", "objective: 99.9999999%", 1)))
    said = _explained(capsys, strict, "--slo", "availability", "--requests-per-day", "20000")
    assert "may last 2.6 ms in all" in said
    assert "0.00002 may fail a day, 0.0006 in the window" in said
    assert main(["slo", "show", strict]) == 0
    assert " 0.0000432 min " in capsys.readouterr().out


def test_the_same_meaning_is_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Comments and other spellings of the same number change nothing."""
    other = _written(
        tmp_path, "# more\n" + SHOP.replace("99.9%", "99.90 %").replace("threshold: 1.5s", "threshold: 1500ms")
    )
    assert main(["slo", "diff", str(EXAMPLE), str(other)]) == 0
    assert capsys.readouterr().out == ""


def test_the_order_of_components_is_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A composite is a sum: its components may stand in any order, and another weight is told."""
    turned = "components: {pages-paid: 1, checkout: 2, availability: 3}"
    weighed = SHOP.replace("components: {availability: 3, checkout: 2, pages-paid: 1}", turned)
    assert weighed != SHOP
    assert main(["slo", "diff", str(EXAMPLE), str(_written(tmp_path, weighed))]) == 0
    assert (
        main(["slo", "diff", str(EXAMPLE), str(_written(tmp_path, weighed.replace("pages-paid: 1", "pages-paid: 4")))])
        == 1
    )
    assert "1 x pages-paid + 2 x checkout + 3 x availability -> 2 x checkout" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bad: [5..]\n", 'bad: [5.., "408"]\n', "by code: bad 5..; good 2.., 3.., 404 -> "),
        ("paid: 500ms", "paid: 700ms", '{handler="page",job="shop",tier="paid"} within 0.5 s -> '),
        ("native: true", "native: false", "within 1.5 s, native -> "),
        ("at_most: 30s", "at_most: 40s", "slices of 1m, at_most 30: max("),
    ],
)
def test_what_is_counted_is_told_in_one_line(
    old: str, new: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reviewer reads the value that changed in the words of the spec, not the rules that come of it."""
    assert SHOP.count(old) == 1
    assert main(["slo", "diff", str(EXAMPLE), str(_written(tmp_path, SHOP.replace(old, new)))]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "what is counted" in line
    assert said in line


def test_another_selector_changes_who_is_watched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The selector says whose `up` is looked at, also where every SLI is an expression of its own."""
    assert (
        main(
            [
                "slo",
                "diff",
                str(EXAMPLE),
                str(_written(tmp_path, SHOP.replace("selector: {job: shop}", "selector: {job: store}"))),
            ]
        )
        == 1
    )
    assert '~ spec: series of the service {job="shop"} -> {job="store"}' in capsys.readouterr().out.splitlines()


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


WARNED = "    warning: {judge: 7s, lawyer: 5s, public: 3s, admin: 7s, researcher: 7s}\n"
FAMILY = f"""
  mean-by-role:
    title: Mean by role
    evidence: latency
    statistic: mean
    unit: seconds
    for_each: [role]
    at_most: {{judge: 8s, lawyer: 6s, public: 4s, admin: 8s, researcher: 8s}}
{WARNED}    phases: {{build: {{least_n: 9}}}}
"""


def test_limits_that_change_places_are_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate whose strict limit moves to another cell is not the same gate."""
    text = SPEC.read_text(encoding="utf-8")
    gate = FAMILY.replace(WARNED, "")
    old = text.replace("\ngates:\n", f"\ngates:{gate}", 1)
    new = old.replace("judge: 8s, lawyer: 6s, public", "judge: 6s, lawyer: 8s, public")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert main(["slo", "diff", str(_written(first, old)), str(_written(second, new))]) == 1
    assert "~ gate mean-by-role: phase build" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("warning: {judge: 7s", "warning: {judge: 5s", "warning 7 for admin, 7 for judge"),
        (WARNED, "", "researcher -> none"),
        (
            "for_each: [role]",
            "for_each: [role, complexity]",
            "cells admin, judge, lawyer, public, researcher -> complex admin",
        ),
    ],
)
def test_what_a_gate_measures_and_where_it_warns_is_compared(
    old: str, new: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning band that moves makes another verdict of the same number, and another cell is another number."""
    before = SPEC.read_text(encoding="utf-8").replace("\ngates:\n", f"\ngates:{FAMILY}", 1)
    if "complexity" in new:
        before = before.replace(
            "at_most: {judge: 8s, lawyer: 6s, public: 4s, admin: 8s, researcher: 8s}", "at_most: 8s"
        )
        before = before.replace(
            "warning: {judge: 7s, lawyer: 5s, public: 3s, admin: 7s, researcher: 7s}", "warning: 7s"
        )
    head, name, rest = before.partition("  mean-by-role:")
    after = head + name + rest.replace(old, new, 1)
    assert after != before
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert main(["slo", "diff", str(_written(first, before)), str(_written(second, after))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("~ gate mean-by-role: ") for line in lines)
    assert any(told in line for line in lines), lines


def test_the_order_of_labels_is_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values of a label and labels of a group may stand in any order."""
    gate = SPEC.read_text(encoding="utf-8").replace("\ngates:\n", f"\ngates:{FAMILY}", 1)
    turned = gate.replace("role: [admin, judge,", "role: [judge, admin,", 1)
    assert turned != gate
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert main(["slo", "diff", str(_written(first, gate)), str(_written(second, turned))]) == 0
    grouped = [SHOP.replace("group_by: region", f"group_by: [{labels}]") for labels in ("region, zone", "zone, region")]
    assert (
        main(
            [
                "slo",
                "diff",
                *(str(_written(folder, text)) for folder, text in zip((first, second), grouped, strict=True)),
            ]
        )
        == 0
    )
    assert capsys.readouterr().out == ""


def _written(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path
