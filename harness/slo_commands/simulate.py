"""`courtsight slo simulate`: what a history of traffic and errors does to budgets, and which alerts would have told of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.slo_commands.reading import EXIT_FINE, EXIT_FOUND, EXIT_WRONG, as_json
from slo.quantities import how_many

if TYPE_CHECKING:
    from harness.simulation.inputs import Inputs
    from harness.simulation.words import When
    from slo.simulation.replay import Replay, Simulation
    from slo.simulation.what_if import Variant
    from slo.spec import SLO, Spec

SENTENCE = "replay traffic and errors: budgets, alerts, precision and recall, and what other objectives would do"
EXAMPLES = (
    'courtsight slo simulate slo/specs/courtsight.yaml --slo availability --incident "2h at 5% from day 3 14:00"',
    'courtsight slo simulate slo/specs/courtsight.yaml --traffic weekly --incident "20m outage from day 9 10:00" --svg /tmp/pictures',
    "courtsight slo simulate slo/specs/courtsight.yaml --scenario docs/examples/rough-month.yaml",
    "courtsight slo simulate slo/specs/courtsight.yaml --slo availability --history requests.csv --what-if objective=99%,99.5%",
    "courtsight slo simulate slo/specs/courtsight.yaml --history http://127.0.0.1:9090 --length 7d",
)
ASK_SECONDS = 60.0

Compared = dict[str, "Sequence[tuple[Variant, tuple[Simulation, ...]]]"]


def add(parser: argparse.ArgumentParser) -> None:
    """Which spec, which history, which questions."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a spec")
    parser.add_argument("--slo", action="append", default=[], metavar="ID", help="only this SLO (again for more)")
    story = parser.add_argument_group("the history")
    story.add_argument(
        "--incident",
        action="append",
        default=[],
        metavar="TEXT",
        help='"2h at 5%% from day 3 14:00", "20m outage from day 9 every 7d of availability", "… idle …", "… gap …" (again for more)',
    )
    story.add_argument("--scenario", type=Path, metavar="YAML", help="traffic, errors and incidents from a file")
    story.add_argument("--history", metavar="CSV|URL", help="time,valid,bad from a CSV, or from this Prometheus")
    story.add_argument(
        "--traffic",
        metavar="SHAPE|CSV|URL",
        help="constant (default), daily, weekly; or time,valid from CSV or Prometheus",
    )
    story.add_argument(
        "--counts",
        choices=("events", "totals"),
        help="what a row of the CSV counts: the events of its step (default), or what a counter read then",
    )
    story.add_argument("--requests-per-day", type=_events, metavar="N", help="valid events of a mean day (20000)")
    story.add_argument("--errors", metavar="PERCENT", help="share of the events that goes wrong at any time (0%%)")
    story.add_argument("--seed", type=_seed, metavar="N", help="draw whole events at random instead of expected ones")
    story.add_argument("--start", metavar="TIME", help="begin of the simulated time, such as 2026-01-05 (UTC)")
    story.add_argument("--length", metavar="DURATION", help="how much time is simulated (the SLO window)")
    story.add_argument("--step", metavar="DURATION", help="length of a step (1m; of a CSV what it has)")
    asks = parser.add_argument_group("the questions")
    asks.add_argument(
        "--significant",
        metavar="PERCENT",
        help="budget share from which an event matters (the smallest of the SLO's pages)",
    )
    asks.add_argument(
        "--what-if",
        action="append",
        default=[],
        metavar="KEY=VALUES",
        help="objective=99%%,99.5%%, window=7d,28d,month or windows=standard,reachable (again: every combination)",
    )
    asks.add_argument("--svg", type=Path, metavar="DIR", help="draw pictures into this folder")


def run(options: argparse.Namespace) -> int:
    """Simulate every SLO of the spec, or those that are named."""
    from harness.simulation.inputs import gather  # noqa: PLC0415 - imported when the command runs
    from harness.simulation.words import clock  # noqa: PLC0415 - as above
    from slo.load import load_spec  # noqa: PLC0415 - as above
    from slo.simulation.replay import simulate  # noqa: PLC0415 - as above
    from target.prometheus import connect  # noqa: PLC0415 - as above

    spec = load_spec(options.file)
    known = {slo.id: slo for slo in spec.slos}
    unknown = [name for name in options.slo if name not in known]
    if unknown:
        _say(f"{options.file}: there is no SLO {unknown[0]!r} (known: {', '.join(known)})")
        return EXIT_WRONG
    slos = [slo for slo in spec.slos if not options.slo or slo.id in options.slo]
    changes, significant = _questions(options)
    inputs = gather(spec, slos, options, now=time.time(), connect=lambda url: connect(url, ASK_SECONDS), say=_say)
    how = replay_of_rules(inputs.start, significant)
    found = [one for slo in slos for one in simulate(spec, slo, inputs.histories, how)]
    compared = _compared(spec, slos, changes, inputs, how)
    _show(options, spec, inputs, found, compared, clock(inputs.start, dated=inputs.dated))
    if options.svg is not None:
        _draw(options.svg, found, inputs)
    return EXIT_FOUND if findings(found) else EXIT_FINE


def findings(found: Sequence[Simulation]) -> list[str]:
    """What is not as it should be: a budget that ran out, a significant event that nobody told."""
    from harness.simulation.words import name_of  # noqa: PLC0415 - imported when the command runs

    said = []
    for one in found:
        score = one.alerts.score
        if one.budget.exhausted is not None:
            said.append(f"{name_of(one)}: the budget ran out")
        if score.alerted < score.significant:
            said.append(
                f"{name_of(one)}: {score.significant - score.alerted} of {how_many(score.significant, 'significant event')} stayed untold"
            )
    return said


def _questions(options: argparse.Namespace) -> tuple[dict[str, tuple[str, ...]], float | None]:
    from harness.simulation.inputs import wrong  # noqa: PLC0415 - imported when the command runs
    from slo.quantities import QuantityError, parse_ratio  # noqa: PLC0415 - as above
    from slo.simulation.what_if import asked  # noqa: PLC0415 - as above

    try:
        changes = asked(options.what_if)
    except QuantityError as error:
        raise wrong("--what-if", str(error), error.advice) from None
    try:
        significant = None if options.significant is None else float(parse_ratio(options.significant))
    except QuantityError as error:
        raise wrong("--significant", str(error), error.advice) from None
    if significant is not None and not significant > 0:
        raise wrong("--significant", "must be over zero", "the workbook has 2%")
    return changes, significant


def replay_of_rules(start: float, significant: float | None) -> Replay:
    """A replay from this time on that looks as often, and sums what, the generated rules do."""
    from alerts.ratios import BASE_WINDOW, LONGEST_DENSE_WINDOW, LONGEST_RAW_WINDOW  # noqa: PLC0415 - imported when the command runs
    from alerts.rules import FAST_INTERVAL, LONG_INTERVAL, PERIOD_INTERVAL  # noqa: PLC0415 - as above
    from slo.simulation.courses import Evaluation  # noqa: PLC0415 - as above
    from slo.simulation.replay import Replay  # noqa: PLC0415 - as above

    lengths = (
        *(FAST_INTERVAL, LONG_INTERVAL, PERIOD_INTERVAL),
        *(BASE_WINDOW, LONGEST_RAW_WINDOW, LONGEST_DENSE_WINDOW),
    )
    return Replay(Evaluation(*map(float, lengths)), start, significant)


def _compared(
    spec: Spec, slos: Sequence[SLO], changes: dict[str, tuple[str, ...]], inputs: Inputs, how: Replay
) -> Compared:
    from harness.simulation.inputs import wrong  # noqa: PLC0415 - imported when the command runs
    from slo.quantities import QuantityError  # noqa: PLC0415 - as above
    from slo.simulation.what_if import compared, variants  # noqa: PLC0415 - as above
    from slo.window_table import load_policy  # noqa: PLC0415 - as above

    if not changes:
        return {}
    policy = load_policy()
    try:
        return {slo.id: compared(spec, variants(slo, changes, policy), inputs.histories, how) for slo in slos}
    except QuantityError as error:
        raise wrong("--what-if", str(error), error.advice) from None


def _show(
    options: argparse.Namespace,
    spec: Spec,
    inputs: Inputs,
    found: Sequence[Simulation],
    compared: Compared,
    when: When,
) -> None:
    from harness.simulation.document import compared_document, document  # noqa: PLC0415 - imported when the command runs
    from harness.simulation.words import compared_words, definitions, in_words  # noqa: PLC0415 - as above

    said = findings(found)
    if options.json:
        what_if = {slo_id: compared_document(variants) for slo_id, variants in compared.items()}
        slos = [document(one) for one in found]
        print(
            as_json(
                {"service": spec.service, "history": inputs.story, "slos": slos, "what_if": what_if, "findings": said}
            )
        )
        return
    blocks = [inputs.story, *(in_words(one, when) for one in found)]
    blocks += [f"{slo_id}: {compared_words(variants, when)}" for slo_id, variants in compared.items()]
    print("\n\n".join([*blocks, definitions()]))
    if said:
        print("\n" + "\n".join(said))


def _draw(folder: Path, found: Sequence[Simulation], inputs: Inputs) -> None:
    from harness.simulation.pictures import pictures  # noqa: PLC0415 - imported when the command runs
    from harness.slo_commands.writing import replace_all  # noqa: PLC0415 - as above
    from slo.errors import CourtSightError  # noqa: PLC0415 - as above

    files = {folder / name: text.encode() for name, text in pictures(found, dated=inputs.dated).items()}
    try:
        replace_all(files)
    except OSError as error:
        raise CourtSightError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    _say(f"{folder}: {how_many(len(files), 'picture')}")


def _say(line: str) -> None:
    """Beside the result, on standard error; `harness.console` would load what evidence is checked with."""
    print(line, file=sys.stderr, flush=True)


def _events(text: str) -> float:
    from harness.slo_commands.explain import positive  # noqa: PLC0415 - imported when the command runs

    return positive(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: write a whole number such as 7")
    return int(text)
