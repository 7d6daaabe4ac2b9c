"""`courtsight drill`: the alert drills alone, what they will show, and what they showed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from alerts.drills.drill import Drill, load_drills
from alerts.drills.record import PREDICTION_GATE
from alerts.drills.runner import Prepared, sorted_out, total_seconds
from alerts.drills.unreached import load_unreached
from harness import run, steps
from harness.console import say, table, worst
from harness.progress import ProgressView
from harness.project import Project
from harness.run import Log, Run, utc_now
from harness.subject import Subject
from harness.tools import find_tools
from slo.errors import InvalidInput, Problem
from slo.evidence import Evidence, read, to_json
from slo.load import load_spec
from slo.quantities import how_many
from slo.spec import Engine, Kind, Phase, Spec
from slo.verdict import EXIT_OF_VERDICT, Verdict
from target.private import remove_abandoned
from target.stack import interruptible

_HEAD = ("drill", "alert", "predicted", "measured", "difference", "delivered after")


def drill(options: argparse.Namespace) -> int:
    """Run the drills, each on a stack of its own, two at a time; or only list them."""
    project = Project()
    spec = load_spec(options.spec or project.spec_file(options.deployment))
    drills = load_drills() if options.alert is None else waking(load_drills(), options.alert)
    if options.list:
        every, unfit = sorted_out(drills, spec)
        print(_as_json_list(every, spec, unfit) if options.json else listing(every, spec, unfit))
        return 0
    chosen, unfit = fitting(drills, spec, whole=options.alert is None)
    for problem in unfit:
        say(f"not on this spec: {problem}")
    step = steps.drills([one.drill for one in chosen], total_seconds(chosen), scored=options.alert is None)
    tools = find_tools(project.root, report=say)
    with interruptible():
        remove_abandoned(project.evidence)
        name, folder = run.begin_run(project)
        view = ProgressView([step.plan])
        nobody = Subject("", {"engine": Engine.EXTRACTIVE}, {}, None, "", lambda: None, local=True)
        context = run.make_context(project, spec, nobody, name, 0)
        it = Run(project, spec, context, folder, tools, nobody, view, utc_now())
        run.measure_all(it, (step,), Log())
    path = folder / f"{Kind.DRILL}.json"
    made = read(path) if path.exists() else None
    # What does not fit was not made, and nothing that is missing passes.
    found = worst([verdict_of(made), *(Verdict.INCONCLUSIVE for _ in unfit)])
    if options.json:
        print("[]" if made is None else json.dumps([json.loads(to_json(made))], ensure_ascii=False, indent=1))
    else:
        print(shown(made))
        print(f"{found}; evidence: {project.shown(folder)}")
    return EXIT_OF_VERDICT[found]


def fitting(drills: Sequence[Drill], spec: Spec, *, whole: bool) -> tuple[tuple[Prepared, ...], tuple[Problem, ...]]:
    """The drills that can be made on the windows of this spec, and why others of those that were asked for cannot.

    Raises:
        InvalidInput: None can be made, or the `whole` set was asked for, whose score would leave some out.
    """
    ready, unfit = sorted_out(drills, spec)
    if unfit and (whole or not ready):
        raise InvalidInput(unfit)
    return ready, unfit


def asked_in(phase: Phase, spec: Spec) -> tuple[Drill, ...]:
    """The drills of a readiness run: a build makes the quick ones, a launch all of them."""
    every = load_drills()
    whole = any(gate.id == PREDICTION_GATE and gate.requirement(phase) is not None for gate in spec.gates)
    return every if whole else tuple(one for one in every if one.quick)


def waking(every: Sequence[Drill], alert: str) -> tuple[Drill, ...]:
    """The drills that wait for an alert.

    Raises:
        InvalidInput: None does; the reason is told where there is one.
    """
    chosen = tuple(one for one in every if any(wanted.alert == alert for wanted in one.expects))
    if chosen:
        return chosen
    reason = load_unreached().get(alert)
    known = ", ".join(sorted({wanted.alert for one in every for wanted in one.expects}))
    said = f"no drill wakes {alert!r}" + (f": {reason}" if reason else "")
    raise InvalidInput((Problem("--alert", None, "", said, f"drills wake: {known}"),))


def verdict_of(made: Evidence | None) -> Verdict:
    """The worst verdict of what was drilled; ERROR when nothing was.

    Shares over few pages are INCONCLUSIVE when a single drill was asked for, but then they are not made at all.
    """
    if made is None or not made.complete:
        return Verdict.ERROR
    return worst([item.verdict for item in made.items])


def listing(every: Sequence[Prepared], spec: Spec, unfit: Sequence[Problem] = ()) -> str:
    """Which fault wakes which alert, and when, by arithmetic; which drills do not fit the spec, and which alerts no fault reaches."""
    rows = [("drill", "alert", "severity", "predicted", "told", "fault")]
    for one in every:
        for wanted in one.wanted:
            seconds = f"{wanted.predicted:.1f} s"
            rows.append((one.drill.id, wanted.name, wanted.severity, seconds, wanted.delivery, one.drill.fault))
        if one.drill.quiet:
            rows.append((one.drill.id, "none", "", f"{one.drill.held:.0f} s", "", one.drill.fault))
    minutes = total_seconds(every) / 60
    lines = [
        *_columns(rows),
        "",
        f"{how_many(len(every), 'drill')}, about {how_many(round(minutes), 'minute')}, on the windows of {spec.service} scaled.",
        "",
    ]
    if unfit:
        lines += ["Not on this spec:", *(f"  {problem}" for problem in unfit), ""]
    return "\n".join([*lines, "No drill:", *(f"  {alert}: {reason}" for alert, reason in load_unreached().items())])


def shown(made: Evidence | None) -> str:
    """What the drills showed: an alert a line, then the score and the verdicts."""
    if made is None:
        return "nothing was drilled"
    rows = [_HEAD, *(_row(entry) for entry in made.details.get("drills", []))]
    lines = _columns(rows)
    for entry in made.details.get("drills", []):
        if entry.get("failure"):
            lines.append(f"{entry['drill']}: {entry['failure']}")
    score = made.details.get("score")
    if score:
        pages, tickets = score["pages"], score["tickets"]
        lines.append(
            f"pages: {pages['fired']} of {pages['expected']} fired, {pages['explained']} more explained by a fault, {pages['false']} false; "
            f"tickets: {tickets['fired']} of {tickets['expected']}; {score['quiet_seconds']:g} s listened to a stack without a fault"
        )
    return "\n".join([*dict.fromkeys(lines), table(made.items)])


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    labels = entry.get("labels") or {}
    told = [labels[name] for name in ("sloth_slo", "long_window") if name in labels]
    alert = entry.get("alert", "none")
    figures = ("predicted_seconds", "measured_seconds", "difference_seconds", "delivery_delay_seconds")
    return (
        entry["drill"],
        f"{alert} ({', '.join(told)})" if told else alert,
        *(_seconds(entry.get(name)) for name in figures),
    )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _as_json_list(every: Sequence[Prepared], spec: Spec, unfit: Sequence[Problem]) -> str:
    drills = [
        {
            "drill": one.drill.id,
            "fault": one.drill.fault,
            "quick": one.drill.quick,
            "usual_seconds": round(one.usual_seconds, 1),
            "alerts": [
                {
                    "alert": wanted.name,
                    "severity": wanted.severity,
                    "predicted_seconds": round(wanted.predicted, 3),
                    "delivery": wanted.delivery,
                    "parts": [{"what": part.what, "seconds": round(part.seconds, 3)} for part in wanted.parts],
                }
                for wanted in one.wanted
            ],
        }
        for one in every
    ]
    known = {
        "service": spec.service,
        "drills": drills,
        "unfit": [str(problem) for problem in unfit],
        "unreached": dict(load_unreached()),
    }
    return json.dumps(known, ensure_ascii=False, indent=1)
