"""The options of `confidence-eval` and `decline-eval`; `evaluating` reads them into orders."""

from __future__ import annotations

import argparse

from service.evaluation.judged import HALVES_AND_ALL

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
    judging.add_argument("--half", choices=HALVES_AND_ALL, default="final", help="(default: %(default)s)")
    declining = commands.add_parser("decline-eval", help="which questions are not answered, by category and reason")
    declining.add_argument("--corpus", required=True, help="JSONL files or folders, with commas between them")
    declining.add_argument("--queries", required=True, help="JSON lines of qid, query, category or kind; comma list")
    declining.add_argument("--half", choices=HALVES_AND_ALL, default="all", help="(default: %(default)s)")
    declining.add_argument("--sweep", action="store_true", help="also for other values of abstain_below")
    declining.add_argument("--show", default="", help="print the questions of these categories, with commas between")
    for parser in (judging, declining):
        parser.add_argument("--deployment", default="courtsight", help="whose model to judge (default: courtsight)")
        parser.add_argument("--json", help="write the figures to this file as well")
