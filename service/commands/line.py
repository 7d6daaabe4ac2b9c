"""The command line: `python -m service serve`, `accounts …`, `switch …`, `show-answers …`, `retrieval-eval …`, `complexity …`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from service.commands import access, evaluations, ingest, storage, switch
from service.commands.manual import INTERRUPTED, PROGRAM, READER_LEFT, USAGE, CommandParser
from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError
from service.evaluation.judged import HALVES
from service.evaluation.measures import SEED
from service.masking import without_passwords
from service.settings import load_settings
from service.store.switches import SWITCHES


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = CommandParser(prog=PROGRAM, description="The chatbot service.")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="run the service until SIGTERM")
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serving.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one (default: 8000)")
    serving.add_argument("--workers", type=int, help="processes that serve it (default: COURTSIGHT_WORKERS, 1)")
    showing = commands.add_parser(
        "settings", help="every setting, where it comes from, and what production would refuse"
    )
    showing.add_argument("--json", action="store_true", help="one JSON object")
    access.add_to(commands)
    rows = commands.add_parser("metrics-table", help="print every metric as a table for the docs")
    rows.add_argument("--into", type=Path, help="write it between the marks of this page, and print nothing")
    _add_retrieval_eval(commands.add_parser("retrieval-eval", help="measure the ranking on judged questions"))
    _add_complexity(commands)
    publishing = commands.add_parser(
        "publish", help="put a corpus into the retrieval database that services answer from"
    )
    publishing.add_argument("corpus", type=Path, help="a folder of JSONL files, one file, or a library made by ingest")
    publishing.add_argument(
        "--database-url-file", help="holds the writer's address (default: COURTSIGHT_RETRIEVAL_DATABASE_URL)"
    )
    _add_show_answers(commands.add_parser("show-answers", help="print what the extractive engine answers to a file"))
    embedding = commands.add_parser("embed", help="vectors of a library's passages, for dense re-ranking")
    embedding.add_argument("library", type=Path, help="a library made by ingest; its current generation is embedded")
    for command in (publishing, embedding):
        command.add_argument(
            "--embeddings", help="a providers' file, whose first model embeds (default: COURTSIGHT_EMBEDDINGS)"
        )
    evaluations.add_to(commands)
    storage.add_to(commands)
    switching = commands.add_parser("switch", help="turn something while the service runs; it sees it within a second")
    switching.add_argument("name", choices=SWITCHES, help="extractive-only: no language model writes any answer")
    switching.add_argument("state", choices=("on", "off", "show"), help="what it shall be, or say what it is")
    ingest.add_arguments(commands.add_parser("ingest", help="take documents into a library that services follow"))
    return parser


def _add_complexity(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:  # the library names no public type
    judging = commands.add_parser(
        "complexity-eval", help="how often the classes of questions agree with people's labels"
    )
    judging.add_argument(
        "file", nargs="?", help="JSON lines of question and label (default: the project's own questions)"
    )
    judging.add_argument("--deployment", default="courtsight", help="whose model to judge (default: courtsight)")
    fitting = commands.add_parser(
        "complexity-fit", help="fit the model's weights and write them into a deployment's file"
    )
    fitting.add_argument("--deployment", default="courtsight", help="which to rewrite (default: courtsight)")


def _add_show_answers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="JSON lines of role, questions (the last one is answered) and perhaps remark")
    parser.add_argument("--deployment", default="courtsight", help="who is asked (default: courtsight)")
    parser.add_argument("--into", help="write them between the marks of this page, and print nothing")
    parser.add_argument("--date", type=date.fromisoformat, help="the day on which it is asked (default: today)")


def _add_retrieval_eval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", required=True, help="JSONL files or folders, with commas between them: one corpus")
    parser.add_argument("--queries", required=True, help="JSON lines of qid, query and perhaps kind; comma list")
    parser.add_argument(
        "--qrels", required=True, help="TREC lines: qid 0 document grade; one per queries file, or for all"
    )
    parser.add_argument("--json", help="write the figures to this file as well")
    parser.add_argument("--half", choices=HALVES, default="", help="only this half of each set, by hash of qid")
    parser.add_argument("--seed", type=int, default=SEED, help="of the bootstrap (default: %(default)s)")
    parser.add_argument("--ablation", action="store_true", help="one table of what each component adds")
    parser.add_argument("--dense", help="a providers' file: its first model re-ranks in one more row of the ablation")
    parser.add_argument("--latency", action="store_true", help="seconds of a call, p50 and p95")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 with one line on standard error when it could not, 130 after Ctrl-C, 141 when who reads has left."""
    options = _parser().parse_args(arguments)
    try:
        status = _COMMANDS[options.command](options)
        sys.stdout.flush()
    except ConfigurationError as error:
        print(f"courtsight: {without_passwords(str(error))}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # What is still buffered would raise once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_LEFT
    except KeyboardInterrupt:
        print("courtsight: interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.filename is None:
            raise
        print(f"courtsight: {error.filename}: {error.strerror}; give a file that can be used", file=sys.stderr)
        return USAGE
    return status


# What a command needs is imported when it is called: accounts can be made in a third of the time that the whole service takes to read.


def _serve(options: argparse.Namespace) -> int:
    settings = load_settings()
    # Reading modules makes no garbage: meanwhile the collector would look through all of them a dozen times.
    gc.disable()
    from service.commands.serve import serve  # noqa: PLC0415 - see above

    gc.enable()
    return serve(settings, options.host, options.port, options.workers)


def _settings(options: argparse.Namespace) -> int:
    from service.commands import shown_settings  # noqa: PLC0415 - see above

    return shown_settings.run(as_json=options.json, tell=print)


def _evaluate(options: argparse.Namespace) -> int:
    from service.commands import evaluating  # noqa: PLC0415 - see above

    return evaluating.run(options)


def _retrieval_eval(options: argparse.Namespace) -> int:
    from service.commands import embed, retrieval_eval  # noqa: PLC0415 - see above

    order = retrieval_eval.Order(
        corpus=retrieval_eval.paths(options.corpus, "corpus"),
        queries=retrieval_eval.paths(options.queries, "queries"),
        qrels=retrieval_eval.paths(options.qrels, "qrels"),
        half=options.half,
        json=Path(options.json) if options.json else None,
        ablation=options.ablation,
        latency=options.latency,
        seed=options.seed,
        dense=embed.embedder_of(load_settings(), options.dense) if options.dense else None,
    )
    retrieval_eval.evaluate(order, time.perf_counter, sys.stdout, sys.stderr)
    return 0


def _publish(options: argparse.Namespace) -> int:
    from service.commands import embed, publish  # noqa: PLC0415 - see above

    settings = load_settings()
    url = settings.retrieval_database_url
    address = publish.database_url(options.database_url_file, url.get_secret_value() if url else None)
    publish.run(options.corpus, address, sys.stdout, sys.stderr, embed.embedder_of(settings, options.embeddings))
    return 0


def _embed(options: argparse.Namespace) -> int:
    from service.commands import embed  # noqa: PLC0415 - see above

    embed.run(options.library, embed.embedder_of(load_settings(), options.embeddings), sys.stdout, sys.stderr)
    return 0


def _show_answers(options: argparse.Namespace) -> int:
    from service.commands import answers  # noqa: PLC0415 - see above

    asked = answers.read_asked(Path(options.file))
    text = answers.shown(answers.answers_of(asked, options.deployment, options.date or datetime.now(UTC).date()))
    if not options.into:
        print(text)
        return 0
    page = Path(options.into)
    page.write_text(answers.put_into(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0


def _switch(options: argparse.Namespace) -> int:
    desk = access.desk()
    if options.state != "show":
        switch.set_to(desk, options.name, on=options.state == "on")
    print(switch.show(desk, options.name))
    return 0


def _complexity(options: argparse.Namespace) -> int:
    from service.commands import complexity  # noqa: PLC0415 - see above

    file = deployment_file(options.deployment)
    rules = load_deployment(file).complexity
    if options.command == "complexity-eval":
        print(complexity.report_of(Path(options.file) if options.file else None, rules))
        return 0
    day = time.strftime("%Y-%m-%d", time.gmtime())
    fitted = complexity.fitted_rules(rules, complexity.QUESTIONS, complexity.REVIEW, complexity.ANCHORS, day)
    file.write_text(complexity.rewritten(file.read_text(encoding="utf-8"), fitted), encoding="utf-8")
    print(f"{file}: {fitted.fitted}")
    return 0


def _metrics_table(options: argparse.Namespace) -> int:
    from service.telemetry import table  # noqa: PLC0415 - see above

    made = table.metric_table(table.example_registry(table.EXAMPLES))
    if options.into:
        page = options.into.read_text(encoding="utf-8")
        options.into.write_text(table.put_into(page, made), encoding="utf-8")
    else:
        print(made)
    return 0


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "metrics-table": _metrics_table,
    "serve": _serve,
    "settings": _settings,
    "ingest": lambda options: ingest.run(options, load_settings().library),
    "publish": _publish,
    "embed": _embed,
    "retrieval-eval": _retrieval_eval,
    "show-answers": _show_answers,
    "switch": _switch,
    "complexity-eval": _complexity,
    "complexity-fit": _complexity,
    **dict.fromkeys(access.COMMANDS, access.run),
    **dict.fromkeys(evaluations.COMMANDS, _evaluate),
    **dict.fromkeys(storage.COMMANDS, storage.run),
}


if __name__ == "__main__":
    sys.exit(main())
