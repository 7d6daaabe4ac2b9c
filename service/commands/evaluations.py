"""The options of `confidence-eval` and `decline-eval`, read into their orders."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from service.commands import confidence_eval, decline_eval
from service.commands.retrieval_eval import paths
from service.deployments.load import HERE, deployment_file, load_deployment
from service.errors import ConfigurationError

COMMANDS = ("confidence-eval", "decline-eval")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # the library names no public type
    """Add both commands to a parser."""
    judging = commands.add_parser(
        "confidence-eval", help="whether confidence is the share of answers with a relevant passage; --fit fits it"
    )
    for name, told in (
        ("--corpus", "JSONL files or folders, with commas between them: one corpus"),
        ("--queries", "JSON lines of qid and query; comma list"),
        ("--qrels", "TREC lines: qid 0 document grade; one per queries file, or for all"),
    ):
        judging.add_argument(name, required=True, action="append", help=f"{told}; again for each further corpus")
    judging.add_argument(
        "--negatives", action="append", help="questions that this corpus answers nowhere; `none` for no file"
    )
    judging.add_argument("--categories", default="", help="only these of the negatives, with commas between them")
    judging.add_argument("--fit", action="store_true", help="fit the weights to the half dev and write them first")
    judging.add_argument("--half", choices=confidence_eval.HALVES, default="final", help="(default: %(default)s)")
    declining = commands.add_parser("decline-eval", help="which questions are not answered, by category and reason")
    declining.add_argument("--corpus", required=True, help="JSONL files or folders, with commas between them")
    declining.add_argument("--queries", required=True, help="JSON lines of qid, query, category or kind; comma list")
    declining.add_argument("--half", choices=confidence_eval.HALVES, default="all", help="(default: %(default)s)")
    declining.add_argument("--sweep", action="store_true", help="also for other values of abstain_below")
    declining.add_argument("--show", default="", help="print the questions of these categories, with commas between")
    for parser in (judging, declining):
        parser.add_argument("--deployment", default="courtsight", help="whose model to judge (default: courtsight)")
        parser.add_argument("--json", help="write the figures to this file as well")


def run(options: argparse.Namespace) -> int:
    """Run one of both; the day is today's, because what is in force depends on it.

    Raises:
        ConfigurationError: an option, a file or the deployment is wrong.
    """
    file = deployment_file(options.deployment)
    deployment = load_deployment(file)
    today = datetime.now(UTC).date()
    json = Path(options.json) if options.json else None
    if options.command == "decline-eval":
        declining = decline_eval.Order(
            corpus=paths(options.corpus, "corpus"),
            queries=paths(options.queries, "queries"),
            half=options.half,
            sweep=options.sweep,
            show=_listed(options.show),
            json=json,
        )
        decline_eval.evaluate(declining, deployment, today, time.perf_counter, sys.stdout, sys.stderr)
        return 0
    order = confidence_eval.Order(
        benches=_benches(options),
        categories=_listed(options.categories),
        half=options.half,
        fit_to=HERE / "calibrations" / f"{options.deployment}.yaml" if options.fit else None,
        json=json,
    )
    confidence_eval.evaluate(order, deployment, today, time.perf_counter, sys.stdout, sys.stderr)
    return 0


def _benches(options: argparse.Namespace) -> tuple[confidence_eval.Bench, ...]:
    negatives = options.negatives or ["none"] * len(options.corpus)
    if not len(options.corpus) == len(options.queries) == len(options.qrels) == len(negatives):
        raise ConfigurationError("--corpus, --queries, --qrels and --negatives: give each as often as the others")
    return tuple(
        confidence_eval.Bench(
            paths(corpus, "corpus"), paths(queries, "queries"), paths(qrels, "qrels"), _denied(denied)
        )
        for corpus, queries, qrels, denied in zip(
            options.corpus, options.queries, options.qrels, negatives, strict=True
        )
    )


def _denied(said: str) -> tuple[Path, ...]:
    return () if said == "none" else paths(said, "negatives")


def _listed(said: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in said.split(",") if part.strip())
