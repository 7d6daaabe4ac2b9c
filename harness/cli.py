"""`courtsight`: one command for everything around the chatbot.

Exit status of readiness: 0 GO, 1 NO-GO, 3 UNDECIDED, 4 CONDITIONAL; of single tools: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 5 ERROR;
of all: 2 wrong input, 5 internal error, 130 interrupted, 141 when who reads the output left, 143 ended by SIGTERM where nothing was measured.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from harness.slo_commands import add_slo
from slo.errors import CourtSightError, InvalidInput
from slo.spec import Phase
from slo.verdict import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_READER_LEFT, EXIT_TERMINATED, EXIT_USAGE
from target.errors import StackError, TargetDown

Handler = Callable[[argparse.Namespace], int]

_EXAMPLES: dict[str, str] = {
    "readiness": "courtsight readiness\ncourtsight readiness --phase soft --accept conditional\n"
    "courtsight readiness --target https://chat.example --target-credentials roles.yaml --prometheus http://prometheus:9090",
    "quick": "courtsight quick",
    "uat": "courtsight uat\ncourtsight uat --engine simulated\ncourtsight uat --only hakim-preseden-kdrt --only hakim-memori-percakapan",
    "bench": "courtsight bench\ncourtsight bench --engine simulated\ncourtsight bench --json",
    "loadtest": "courtsight loadtest\ncourtsight loadtest --engine simulated",
    "drill": "courtsight drill\ncourtsight drill --alert AvailabilityBudgetBurnPage\ncourtsight drill --list",
    "generate": "courtsight generate\ncourtsight generate --check",
    "check": "courtsight check\ncourtsight check --json",
    "prove": "courtsight prove\ncourtsight prove --no-mutants\ncourtsight prove --spec slo/specs/examples/shop.yaml --no-mutants --json",
    "dashboards-import": "courtsight dashboards-import --grafana http://127.0.0.1:3000 --token-file grafana.token",
    "report": "courtsight report\ncourtsight report --run 20261120T211700Z-1a2b3c4 --phase soft",
    "serve": "courtsight serve --port 8000",
    "doctor": "courtsight doctor\ncourtsight doctor --json",
}


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM, which ends what was started as Ctrl-C does."""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; every command shows examples in its help."""
    parser = argparse.ArgumentParser(
        prog="courtsight", description="A chatbot that goes live on evidence.", epilog=__doc__
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    readiness = _command(commands, "readiness", "measure, drill, report and decide for a phase", _readiness)
    _measuring(readiness)
    _phase(readiness)
    readiness.add_argument("--accept", choices=["conditional"], help="exit with 0 for CONDITIONAL too")
    _measuring(_command(commands, "quick", "a verdict on a part in a minute, never GO", _quick))
    uat = _command(commands, "uat", "ask what users ask, and check the answers", _single("uat"))
    _measuring(uat)
    uat.add_argument(
        "--only", action="append", default=[], metavar="SCENARIO", help="run this scenario (again for more)"
    )
    _engine(uat)
    for name, sentence, kind in (
        ("bench", "latency and time to first token per role and complexity", "latency"),
        ("loadtest", "many users at once, by Locust", "load"),
    ):
        tool = _command(commands, name, sentence, _single(kind))
        _measuring(tool)
        _engine(tool)
    drill = _command(commands, "drill", "inject a fault; its alert must fire, arrive and resolve", _drill)
    _deployment(drill)
    drill.add_argument("--alert", metavar="NAME", help="run the drills of this alert only")
    drill.add_argument("--list", action="store_true", help="run nothing: say which fault wakes which alert, and when")
    drill.add_argument("--json", action="store_true", help="print the evidence as JSON")
    generate = _command(commands, "generate", "rules, their tests, dashboards and schemas from the spec", _generate)
    _deployment(generate)
    generate.add_argument("--check", action="store_true", help="change nothing; exit with 1 when a file is out of step")
    check = _command(commands, "check", "generated files in step, inputs valid, promtool and amtool content", _check)
    _deployment(check)
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    prove = _command(commands, "prove", "alerts in virtual time, and how many broken rules their tests notice", _prove)
    _deployment(prove)
    prove.add_argument("--no-mutants", dest="mutants", action="store_false", help="break no rules: the table alone")
    prove.add_argument(
        "--every",
        type=_count,
        metavar="N",
        help="try each n-th broken rule, 1 for all; without, a choice within 10 minutes",
    )
    prove.add_argument("--json", action="store_true", help="print table and score as JSON")
    boards = _command(commands, "dashboards-import", "put the generated boards into a Grafana", _boards)
    boards.add_argument("--grafana", required=True, metavar="URL", help="where Grafana answers")
    boards.add_argument("--token-file", required=True, type=Path, metavar="FILE", help="a service account's token")
    boards.add_argument("--folder", default="", metavar="UID", help="Grafana folder; the general one without")
    report = _command(commands, "report", "render a run's report again from its evidence", _report)
    report.add_argument("--run", metavar="ID", help="the run; the newest without")
    _deployment(report)
    _phase(report)
    report.add_argument("--json", action="store_true", help="print the decision as JSON")
    add_slo(commands)
    serve = _command(commands, "serve", "run the service for a person, and print how to log in", _serve)
    serve.add_argument("--port", type=_port, default=8000, help="loopback port (default 8000)")
    serve.add_argument("--deployment", default="courtsight", help="what to be (default courtsight)")
    doctor = _command(commands, "doctor", "which dependency, port or version is wrong, and the mend", _doctor)
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every explained failure is a line on standard error and an exit status."""
    options = build_parser().parse_args(arguments)
    handler: Handler = options.handler
    try:
        with _polite_end():
            return _told(handler, options)
    except InvalidInput as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt as word:
        print("Interrupted; what was started is stopped, and nothing was decided.", file=sys.stderr)
        return EXIT_TERMINATED if isinstance(word, _TerminatedError) else EXIT_INTERRUPTED
    except (
        StackError,
        TargetDown,
    ) as error:  # nothing was measured: a taken port, a wrong address, a chatbot that is down
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except CourtSightError as error:
        print(error, file=sys.stderr)
        return EXIT_INTERNAL
    except Exception:  # noqa: BLE001 - the last resort: an internal error must never look like a verdict
        traceback.print_exc()
        print("This is an error of CourtSight itself; nothing was decided.", file=sys.stderr)
        return EXIT_INTERNAL


@contextlib.contextmanager
def _polite_end() -> Iterator[None]:
    """Lets SIGTERM end a command by its own way out, so that tools it asks do not go on and scratch folders do not stay."""
    if threading.current_thread() is not threading.main_thread():  # only there may signals be handled
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    raise _TerminatedError


def _told(handler: Handler, options: argparse.Namespace) -> int:
    """Run a command to its last printed word, or until who reads has seen enough (`| head`)."""
    try:
        status = handler(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would raise once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_READER_LEFT
    return status


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str, handler: Handler
) -> argparse.ArgumentParser:
    examples = "\n".join(f"  {line}" for line in _EXAMPLES[name].splitlines())
    made = commands.add_parser(
        name,
        help=sentence,
        description=sentence[0].upper() + sentence[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(handler=handler)
    return made


def _deployment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deployment", default="courtsight", help="which deployment's spec (default courtsight)")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="an SLO spec other than the deployment's own")


def _phase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--phase", type=_phase_of, default=Phase.BUILD, help=f"one of {', '.join(Phase)} (default build)"
    )


def _measuring(parser: argparse.ArgumentParser) -> None:
    _deployment(parser)
    parser.add_argument("--target", metavar="URL", help="measure a chatbot that already runs; without, a stack is made")
    parser.add_argument(
        "--target-credentials", type=Path, metavar="FILE", help="YAML: role, then username and password or token"
    )
    parser.add_argument("--prometheus", metavar="URL", help="the Prometheus that scrapes the target")
    parser.add_argument("--port", type=_port, help="port of the service of the stack; a free one without")
    parser.add_argument("--seed", type=int, default=20261120, help="seed of every random choice (default 20261120)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")


def _engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        choices=["extractive", "simulated"],
        help="whose answers: those of the embedded engine (as without), or those of the simulated model",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count: 1 or more")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to 65535")
    return int(text)


def _phase_of(text: str) -> Phase:
    if text not in tuple(Phase):
        raise argparse.ArgumentTypeError(f"{text!r} is no phase: {', '.join(Phase)}")
    return Phase(text)


# Each command's module is imported when it is called: `courtsight check` needs neither Locust nor a stack.


def _readiness(options: argparse.Namespace) -> int:
    from harness import readiness  # noqa: PLC0415 - see above

    return readiness.readiness(options)


def _quick(options: argparse.Namespace) -> int:
    from harness import readiness  # noqa: PLC0415 - see above

    return readiness.quick(options)


def _single(name: str) -> Handler:
    def handler(options: argparse.Namespace) -> int:
        from harness import readiness  # noqa: PLC0415 - see above

        return readiness.single(name, options)

    return handler


def _drill(options: argparse.Namespace) -> int:
    from harness import drilling  # noqa: PLC0415 - see above

    return drilling.drill(options)


def _generate(options: argparse.Namespace) -> int:
    from harness import checks  # noqa: PLC0415 - see above

    return checks.generate_command(options)


def _check(options: argparse.Namespace) -> int:
    from harness import checks  # noqa: PLC0415 - see above

    return checks.check_command(options)


def _prove(options: argparse.Namespace) -> int:
    from harness import proving  # noqa: PLC0415 - see above

    return proving.prove_command(options)


def _boards(options: argparse.Namespace) -> int:
    from harness import boards  # noqa: PLC0415 - see above

    return boards.import_command(options)


def _report(options: argparse.Namespace) -> int:
    from harness import readiness  # noqa: PLC0415 - see above

    return readiness.report(options)


def _serve(options: argparse.Namespace) -> int:
    from harness import serve  # noqa: PLC0415 - see above

    return serve.serve(options)


def _doctor(options: argparse.Namespace) -> int:
    from harness import doctor  # noqa: PLC0415 - see above

    return doctor.doctor_command(options)


if __name__ == "__main__":
    sys.exit(main())
